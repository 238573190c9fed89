//! Rust: an upper bound where a Cargo.toml names the crate, else a dependency of its own that only bounds.

use super::{Hold, Pin, base, replace_line};

pub(super) fn of_cargo(files: &[(String, String)], hold: Hold<'_>) -> Option<Pin> {
    let mut manifests: Vec<_> = files.iter().filter(|(path, _)| base(path) == "Cargo.toml").collect();
    manifests.sort_by_key(|(path, _)| path.matches('/').count());
    for (path, text) in &manifests {
        if let Some(after) = bounded(text, hold) {
            return Some(Pin { path: path.clone(), after, ..Pin::default() });
        }
    }
    // What others ask for is resolved to one version that suits all.
    let (path, text) =
        manifests.into_iter().find(|(_, text)| text.lines().any(|l| l.trim() == "[package]"))?;
    let Hold { package, below, at, .. } = hold;
    let line = format!("# {package} {below} breaks the build\n{package} = \"{at}, <{below}\"");
    let after = match replace_line(text, |l| (l.trim() == "[dependencies]").then(|| format!("{l}\n{line}"))) {
        Some(after) => after,
        None => format!("{}\n\n[dependencies]\n{line}\n", text.trim_end()),
    };
    Some(Pin { path: path.clone(), after, ..Pin::default() })
}

/// With the bound in each table of dependencies that names the crate.
fn bounded(text: &str, hold: Hold<'_>) -> Option<String> {
    let Hold { package, below, .. } = hold;
    let mut section = String::new();
    let mut out = String::new();
    let mut done = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if bare.starts_with('[') {
            section = bare.trim_matches(['[', ']']).to_owned();
        }
        let of_table = section.ends_with("dependencies");
        let of_own = section.ends_with(&format!("dependencies.{package}"));
        let key = bare.split('=').next().unwrap_or_default().trim().trim_matches('"');
        let requirement = match key {
            key if of_table && key == package.name => requirement(line),
            "version" if of_own => requirement(line),
            _ => None,
        };
        match requirement {
            Some(range) => {
                let old = &line[range.clone()];
                let new = if matches!(old.trim(), "*" | "") {
                    format!("<{below}")
                } else {
                    format!("{old}, <{below}")
                };
                let indent = &line[..line.len() - line.trim_start().len()];
                out.push_str(&format!("{indent}# {package} {below} breaks the build\n"));
                out.push_str(&format!("{}{new}{}", &line[..range.start], &line[range.end..]));
                done = true;
            }
            None => out.push_str(line),
        }
    }
    done.then_some(out)
}

/// Where a line says which versions it takes: `name = "…"`, `name = { version = "…" }`, `version = "…"`.
fn requirement(line: &str) -> Option<std::ops::Range<usize>> {
    let (key, value) = line.split_once('=')?;
    let at = key.len() + 1;
    let from = if value.trim_start().starts_with('{') {
        let version = value.match_indices("version").map(|(place, word)| place + word.len());
        at + version.into_iter().find(|end| value[*end..].trim_start().starts_with('='))?
    } else {
        at
    };
    let start = from + line[from..].find('"')? + 1;
    Some(start..start + line[start..].find('"')?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::Package;

    #[test]
    fn a_crate_is_bounded_where_it_is_named_else_beside() {
        let package = Package::new("cargo", "home");
        let hold = Hold { package: &package, below: "0.5.12", at: "0.5.11", build: None };
        let of =
            |text: &str| of_cargo(&[("Cargo.toml".to_owned(), text.to_owned())], hold).map(|pin| pin.after);
        let why = "# home 0.5.12 breaks the build\n";
        let head = "[package]\nname = \"home\"\nversion = \"1.0.0\"\n";
        for (before, after) in [
            ("[dependencies]\nhome = \"0.5\"\n", format!("[dependencies]\n{why}home = \"0.5, <0.5.12\"\n")),
            (
                "[dev-dependencies]\nhome = { features = [\"x\"], version = \"0.5.9\" }\n",
                format!(
                    "[dev-dependencies]\n{why}home = {{ features = [\"x\"], version = \"0.5.9, <0.5.12\" }}\n"
                ),
            ),
            (
                "[workspace.dependencies.home]\nversion = \"*\"\n",
                format!("[workspace.dependencies.home]\n{why}version = \"<0.5.12\"\n"),
            ),
            (
                "[dependencies]\nx = \"1\"\n",
                format!("[dependencies]\n{why}home = \"0.5.11, <0.5.12\"\nx = \"1\"\n"),
            ),
        ] {
            assert_eq!(of(&format!("{head}{before}")), Some(format!("{head}{after}")), "{before}");
        }
        let alone = format!("{head}\n[dependencies]\n{why}home = \"0.5.11, <0.5.12\"\n");
        assert_eq!(of(head), Some(alone), "its own name and version are none of a dependency");
        assert_eq!(of("[workspace]\nmembers = []\n"), None);
    }
}
