//! The toolchains a job asks for → the image that has them.
//!
//! Facts: the tags that Docker's official images publish, and for which Debian release each version was last built.

use std::collections::BTreeSet;

use crate::contract::build::{ImageChoice, MULTI_RUNTIME_IMAGE, Runtime};

/// A toolchain that a step or a file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequestedToolchain {
    pub(super) language: &'static str,
    /// As asked for; `None` where any will do or none can be known.
    pub(super) version: Option<String>,
    /// What asks: `actions/setup-python with python-version 3.12`.
    pub(super) from: String,
}

/// What else decides about the image.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    pub(super) maven: bool,
    pub(super) gradle: bool,
}

/// Languages whose tools the multi-runtime image has.
const MULTI: &[&str] = &["node", "python", "java", "go", "rust"];

/// What the multi-runtime image has of them.
const MULTI_VERSIONS: &[(&str, &[u32])] =
    &[("go", &[1, 24]), ("java", &[21]), ("node", &[20]), ("python", &[3, 13]), ("rust", &[1, 85])];

/// The languages of which the multi-runtime image has another version than is asked for.
pub(super) fn lacking(requested: &[RequestedToolchain]) -> BTreeSet<&'static str> {
    let is_other = |asked: &&RequestedToolchain| {
        let version = asked.version.as_deref().unwrap_or_default().trim();
        let (parts, open) = numbers(version);
        let starts_so = version.starts_with(|c: char| c.is_ascii_digit() || "v=<>^~ ".contains(c));
        if parts.is_empty() || !starts_so {
            // A channel, or another implementation of the language.
            return version.to_ascii_lowercase().starts_with("pypy") || version.starts_with("graalpy");
        }
        let Some((_, has)) = MULTI_VERSIONS.iter().find(|(language, _)| *language == asked.language) else {
            return false;
        };
        // As precisely as both are known.
        let common = parts.len().min(has.len());
        if open && !version.starts_with('^') {
            return has[..common] < parts[..common];
        }
        let exact = if version.starts_with('^') { common.min(1) } else { common };
        has[..exact] != parts[..exact] || has[..common] < parts[..common]
    };
    requested.iter().filter(is_other).map(|asked| asked.language).collect()
}

/// Picks the image. `used` are languages whose tools the scripts call without a step that sets them up.
pub(super) fn choose(
    requested: &[RequestedToolchain],
    used: &BTreeSet<&'static str>,
    needs: Needs,
) -> ImageChoice {
    let runtimes = runtimes(requested, used);
    let choice = |reference: String, why: String| ImageChoice {
        reference,
        why,
        from_container: false,
        runtimes: runtimes.clone(),
        env: std::collections::BTreeMap::new(),
        options: None,
    };
    let asked = requested.iter().map(|w| w.from.as_str()).collect::<Vec<_>>().join("; ");
    let extra: Vec<&str> =
        used.iter().copied().filter(|u| !requested.iter().any(|w| w.language == *u)).collect();
    if requested.is_empty() {
        let why = if extra.is_empty() {
            "no step sets up a toolchain: what GitHub's runner image brings is used".to_owned()
        } else {
            format!(
                "no step sets up a toolchain; the steps use {} of GitHub's runner image",
                extra.join(", ")
            )
        };
        return choice(MULTI_RUNTIME_IMAGE.to_owned(), why);
    }
    let languages: BTreeSet<&str> = requested.iter().map(|w| w.language).collect();
    let versions: BTreeSet<Option<&str>> = requested.iter().map(|w| w.version.as_deref()).collect();
    if languages.len() > 1 {
        return choice(MULTI_RUNTIME_IMAGE.to_owned(), format!("several toolchains: {asked}"));
    }
    if !extra.is_empty() {
        let why = format!("{asked}; the steps also use {} of GitHub's runner image", extra.join(", "));
        return choice(MULTI_RUNTIME_IMAGE.to_owned(), why);
    }
    if versions.len() > 1 && requested.iter().filter(|w| w.version.is_some()).count() > 1 {
        return choice(MULTI_RUNTIME_IMAGE.to_owned(), format!("several versions: {asked}"));
    }
    let chosen = requested.iter().find(|w| w.version.is_some()).unwrap_or(&requested[0]);
    match official(chosen.language, chosen.version.as_deref(), needs) {
        Some(reference) => choice(reference, asked),
        None if MULTI.contains(&chosen.language) => {
            choice(MULTI_RUNTIME_IMAGE.to_owned(), format!("{asked}, for which there is no official image"))
        }
        None => choice(
            MULTI_RUNTIME_IMAGE.to_owned(),
            format!("{asked}; no image is known for {}", chosen.language),
        ),
    }
}

fn runtimes(requested: &[RequestedToolchain], used: &BTreeSet<&'static str>) -> Vec<Runtime> {
    let mut out: Vec<Runtime> = Vec::new();
    for w in requested {
        let runtime = Runtime { language: w.language.to_owned(), version: w.version.clone() };
        if !out.contains(&runtime) {
            out.push(runtime);
        }
    }
    out.retain({
        let versioned: BTreeSet<String> =
            out.iter().filter(|r| r.version.is_some()).map(|r| r.language.clone()).collect();
        move |r| r.version.is_some() || !versioned.contains(&r.language)
    });
    for language in used {
        if !out.iter().any(|r| r.language == *language) {
            out.push(Runtime { language: (*language).to_owned(), version: None });
        }
    }
    out
}

/// `12.x`, `^1.20`, `~3.9`, `v20`, `>=3.8` → the numbers, and whether anything newer will do as well.
fn numbers(version: &str) -> (Vec<u32>, bool) {
    let version = version.trim().trim_start_matches(['v', '=', ' ']);
    let open =
        version.starts_with('>') || version.starts_with('^') || version.contains("||") || version == "*";
    let from = version.find(|c: char| c.is_ascii_digit()).unwrap_or(version.len());
    let text: String = version[from..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    (text.split('.').map_while(|part| part.parse().ok()).collect(), open)
}

fn join(parts: &[u32]) -> String {
    parts.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// The last Debian release for which a version was built, by the first version of each newer one.
fn debian(version: &[u32], newer: &[(&[u32], &'static str)], oldest: &'static str) -> &'static str {
    newer.iter().find(|(from, _)| version >= *from).map_or(oldest, |(_, name)| name)
}

fn official(language: &str, version: Option<&str>, needs: Needs) -> Option<String> {
    let version = version.map(str::trim).filter(|v| !v.is_empty());
    match language {
        "node" => Some(node(version)),
        "python" => python(version),
        "go" => Some(go(version)),
        "rust" => rust(version),
        "java" => Some(java(version, needs)),
        "ruby" => {
            let (parts, _) = numbers(version.unwrap_or("3"));
            Some(format!("ruby:{}", if parts.is_empty() { "3".to_owned() } else { join(&parts) }))
        }
        "dotnet" => {
            let (parts, _) = numbers(version?);
            let tag = join(&[*parts.first()?, parts.get(1).copied().unwrap_or(0)]);
            Some(format!("mcr.microsoft.com/dotnet/sdk:{tag}"))
        }
        "php" => Some(format!("php:{}-cli", join(&numbers(version.unwrap_or("8")).0))),
        "bun" => Some(match version.map(|v| numbers(v).0) {
            Some(parts) if !parts.is_empty() => format!("oven/bun:{}", join(&parts)),
            _ => "oven/bun:1".to_owned(),
        }),
        "deno" => Some(match version.map(|v| numbers(v).0) {
            Some(parts) if parts.len() == 3 => format!("denoland/deno:{}", join(&parts)),
            _ => "denoland/deno:latest".to_owned(),
        }),
        _ => None,
    }
}

fn node(version: Option<&str>) -> String {
    let lower = version.unwrap_or("lts/*").to_ascii_lowercase();
    if let Some(name) = lower.strip_prefix("lts/") {
        let major = match name {
            "argon" => 4,
            "boron" => 6,
            "carbon" => 8,
            "dubnium" => 10,
            "erbium" => 12,
            "fermium" => 14,
            "gallium" => 16,
            "hydrogen" => 18,
            "iron" => 20,
            "jod" => 22,
            "krypton" => 24,
            _ => return "node:lts-bookworm".to_owned(),
        };
        return node(Some(&major.to_string()));
    }
    let (parts, open) = numbers(&lower);
    if parts.is_empty() || (open && !lower.starts_with('^')) {
        return "node:bookworm".to_owned();
    }
    // `^20.1` is 20; a full version is taken to the letter.
    let parts = if lower.starts_with(['^', '~']) { &parts[..1] } else { &parts[..] };
    let suite = debian(parts, &[(&[16], "bookworm"), (&[12], "bullseye"), (&[10], "buster")], "stretch");
    format!("node:{}-{suite}", join(parts))
}

fn python(version: Option<&str>) -> Option<String> {
    let Some(version) = version else { return Some("python:3-bookworm".to_owned()) };
    let lower = version.to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix("pypy") {
        let (parts, _) = numbers(rest.trim_start_matches('-'));
        let parts = &parts[..parts.len().min(2)];
        return Some(if parts.is_empty() {
            "pypy:3-bookworm".to_owned()
        } else {
            format!("pypy:{}-bookworm", join(parts))
        });
    }
    if lower.starts_with("graalpy") {
        return None;
    }
    let (parts, open) = numbers(&lower);
    if parts.is_empty() || open && !lower.starts_with('^') {
        return Some("python:3-bookworm".to_owned());
    }
    let pre =
        lower.contains("-dev") || lower.contains("alpha") || lower.contains("beta") || lower.contains("rc");
    if pre && parts.len() >= 2 {
        return Some(format!("python:{}-rc-bookworm", join(&parts[..2])));
    }
    let suite = debian(&parts, &[(&[3, 7], "bookworm"), (&[3, 6], "bullseye")], "buster");
    let suite = if parts == [3] { "bookworm" } else { suite };
    Some(format!("python:{}-{suite}", join(&parts)))
}

fn go(version: Option<&str>) -> String {
    let lower = version.unwrap_or("stable").to_ascii_lowercase();
    let (parts, open) = numbers(&lower);
    if parts.is_empty() || open {
        return "golang:1-bookworm".to_owned();
    }
    let newer: &[(&[u32], &str)] = &[(&[1, 20], "bookworm"), (&[1, 16], "bullseye"), (&[1, 11], "buster")];
    let suite = if parts.len() == 1 { "bookworm" } else { debian(&parts, newer, "stretch") };
    // A first release has no patch number in its tag before 1.21.
    let parts =
        if parts.len() == 3 && parts[2] == 0 && parts[..2] < [1, 21][..] { &parts[..2] } else { &parts[..] };
    format!("golang:{}-{suite}", join(parts))
}

fn rust(version: Option<&str>) -> Option<String> {
    let lower = version.unwrap_or("stable").to_ascii_lowercase();
    if lower.starts_with("nightly") {
        return Some("rustlang/rust:nightly-bookworm".to_owned());
    }
    let (parts, _) = numbers(&lower);
    if parts.is_empty() || !lower.starts_with(|c: char| c.is_ascii_digit()) {
        return Some("rust:1-bookworm".to_owned());
    }
    let newer: &[(&[u32], &str)] = &[(&[1, 71], "bookworm"), (&[1, 55], "bullseye")];
    let suite = if parts.len() == 1 { "bookworm" } else { debian(&parts, newer, "buster") };
    Some(format!("rust:{}-{suite}", join(&parts)))
}

fn java(version: Option<&str>, needs: Needs) -> String {
    let (mut parts, _) = numbers(version.unwrap_or("21"));
    if parts.first() == Some(&1) && parts.len() > 1 {
        parts.remove(0);
    }
    let major = parts.first().copied().unwrap_or(21);
    if needs.maven {
        format!("maven:3-eclipse-temurin-{major}")
    } else if needs.gradle {
        format!("gradle:jdk{major}")
    } else {
        format!("eclipse-temurin:{major}-jdk")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(language: &'static str, version: &str) -> RequestedToolchain {
        RequestedToolchain {
            language,
            version: Some(version.to_owned()),
            from: format!("setup {language} {version}"),
        }
    }

    #[test]
    fn what_the_multi_runtime_image_has_is_what_its_dockerfile_says() {
        let label = include_str!("../../docker/Dockerfile.sandbox");
        for (language, version) in MULTI_VERSIONS {
            let mut name = (*language).to_owned();
            name[..1].make_ascii_uppercase();
            assert!(label.contains(&format!("{name} {}", join(version))), "{language}");
        }
    }

    #[test]
    fn another_version_than_the_image_has_is_seen() {
        for (language, version, lacks) in [
            ("python", "3.13", false),
            ("python", "3.13.2", false),
            ("python", "3", false),
            ("python", "3.x", false),
            ("python", ">=3.9", false),
            ("python", ">=3.14", true),
            ("python", "3.9", true),
            ("python", "pypy-3.10", true),
            ("node", "20", false),
            ("node", "^20.1", false),
            ("node", "^18.1", true),
            ("node", "lts/*", false),
            ("node", "18.x", true),
            ("go", "stable", false),
            ("go", "1.21", true),
            ("java", "17", true),
            ("rust", "nightly", false),
            ("ruby", "3.2", false),
        ] {
            assert_eq!(!lacking(&[requested(language, version)]).is_empty(), lacks, "{language} {version}");
        }
    }

    #[test]
    fn versions_become_tags() {
        let none = Needs::default();
        for (language, version, want) in [
            ("python", "3.12", "python:3.12-bookworm"),
            ("python", "3.8.18", "python:3.8.18-bookworm"),
            ("python", "3.x", "python:3-bookworm"),
            ("python", ">=3.9", "python:3-bookworm"),
            ("python", "2.7", "python:2.7-buster"),
            ("python", "pypy-3.11", "pypy:3.11-bookworm"),
            ("python", "pypy3.10-v7.3.12", "pypy:3.10-bookworm"),
            ("python", "3.15-dev", "python:3.15-rc-bookworm"),
            ("python", "3.14t", "python:3.14-bookworm"),
            ("node", "20", "node:20-bookworm"),
            ("node", "12.x", "node:12-bullseye"),
            ("node", "v18.19.0", "node:18.19.0-bookworm"),
            ("node", "lts/*", "node:lts-bookworm"),
            ("node", "lts/iron", "node:20-bookworm"),
            ("node", "lts/-1", "node:lts-bookworm"),
            ("node", "latest", "node:bookworm"),
            ("node", "^20.1", "node:20-bookworm"),
            ("go", "1.22", "golang:1.22-bookworm"),
            ("go", "1.14.x", "golang:1.14-buster"),
            ("go", "^1", "golang:1-bookworm"),
            ("go", "stable", "golang:1-bookworm"),
            ("rust", "1.79", "rust:1.79-bookworm"),
            ("rust", "stable", "rust:1-bookworm"),
            ("rust", "nightly-2025-01-01", "rustlang/rust:nightly-bookworm"),
            ("rust", "1.60.0", "rust:1.60.0-bullseye"),
            ("java", "21", "eclipse-temurin:21-jdk"),
            ("java", "1.8", "eclipse-temurin:8-jdk"),
            ("java", "17.0.9", "eclipse-temurin:17-jdk"),
            ("dotnet", "8.0.x", "mcr.microsoft.com/dotnet/sdk:8.0"),
            ("ruby", "3.3", "ruby:3.3"),
        ] {
            assert_eq!(
                official(language, Some(version), none).as_deref(),
                Some(want),
                "{language} {version}"
            );
        }
        let maven = Needs { maven: true, ..none };
        assert_eq!(official("java", Some("17"), maven).as_deref(), Some("maven:3-eclipse-temurin-17"));
    }

    #[test]
    fn mixtures_take_the_multi_runtime_image() {
        let none = BTreeSet::new();
        let one = choose(&[requested("node", "20")], &none, Needs::default());
        assert_eq!(one.reference, "node:20-bookworm");
        let two = choose(&[requested("node", "20"), requested("go", "1.22")], &none, Needs::default());
        assert_eq!(two.reference, MULTI_RUNTIME_IMAGE);
        assert!(two.why.contains("node 20") && two.why.contains("go 1.22"));
        assert_eq!(two.runtimes.len(), 2);
        let versions = choose(&[requested("java", "17"), requested("java", "21")], &none, Needs::default());
        assert_eq!(versions.reference, MULTI_RUNTIME_IMAGE);
        let used = BTreeSet::from(["node"]);
        let also = choose(&[requested("python", "3.12")], &used, Needs::default());
        assert_eq!(also.reference, MULTI_RUNTIME_IMAGE);
        let nothing = choose(&[], &used, Needs::default());
        assert!(nothing.why.contains("node"));
    }
}
