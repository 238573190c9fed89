//! JavaScript: a bound in package.json where it names the package, else in the command that runs it, else an override as the
//! package manager in use reads it.

use std::ops::Range;

use regex::Regex;

use super::super::resolved::Package;
use super::{Hold, Pin, base, in_commands, words};

/// Where a package manager is told the version of what others ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overrides {
    /// `overrides` of package.json
    Npm,
    /// `resolutions` of package.json
    Yarn,
    /// `pnpm.overrides` of package.json
    OldPnpm,
    /// `overrides` of pnpm-workspace.yaml
    Pnpm,
}

fn manager(files: &[(String, String)], scripts: &str) -> Overrides {
    let runs =
        |name: &str| scripts.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == name);
    if runs("pnpm") {
        let asked = Regex::new(
            r#"pnpm@(\d+)|pnpm/action-setup[^\n]*\n(?:\s+with:\s*\n)?\s+version:\s*["']?(\d+)|pnpm@v?(\d+)"#,
        );
        let major = asked.ok().and_then(|asked| {
            files
                .iter()
                .filter(|(path, _)| base(path) == "package.json" || path.starts_with(".github/"))
                .find_map(|(_, text)| {
                    let found = asked.captures(text)?;
                    (1..=3).find_map(|at| found.get(at)?.as_str().parse::<u32>().ok())
                })
        });
        return if major.is_some_and(|major| major < 10) { Overrides::OldPnpm } else { Overrides::Pnpm };
    }
    if runs("yarn") && !scripts.contains("npm install") && !scripts.contains("npm ci") {
        return Overrides::Yarn;
    }
    Overrides::Npm
}

pub(super) fn of_npm(files: &[(String, String)], scripts: &str, hold: Hold<'_>) -> Option<Pin> {
    let mut manifests: Vec<_> = files.iter().filter(|(path, _)| base(path) == "package.json").collect();
    manifests.sort_by_key(|(path, _)| path.matches('/').count());
    for (path, text) in &manifests {
        if let Some(after) = bound_in_package_json(text, hold) {
            return Some(Pin { path: path.clone(), after, ..Pin::default() });
        }
    }
    let in_command = |line: &str| {
        let names = |word: &str| {
            word == hold.package.name
                || word.strip_prefix(hold.package.name.as_str()).is_some_and(|v| v.starts_with('@'))
        };
        const COMMANDS: &[&str] = &[
            "npx ",
            "npm install",
            "npm i ",
            "npm exec",
            "npm add",
            "pnpm add",
            "pnpm dlx",
            "pnpx ",
            "yarn add",
            "yarn dlx",
            "yarn global add",
        ];
        let is_tool = COMMANDS.iter().any(|command| line.contains(command));
        let (start, word) = words(line).into_iter().find(|(_, word)| is_tool && names(word))?;
        Some(format!("{}{}@{}{}", &line[..start], hold.package.name, hold.at, &line[start + word.len()..]))
    };
    if let Some(pin) = in_commands(files, scripts, in_command) {
        return Some(pin);
    }
    let (path, text) = manifests.first()?;
    let only = |path: &str, after: String| Some(Pin { path: path.to_owned(), after, ..Pin::default() });
    match manager(files, scripts) {
        Overrides::Npm => only(path, overridden(text, hold, "overrides")?),
        Overrides::Yarn => only(path, overridden(text, hold, "resolutions")?),
        Overrides::OldPnpm => only(path, overridden_for_old_pnpm(text, hold)?),
        Overrides::Pnpm => {
            let workspace = format!("{}pnpm-workspace.yaml", path.strip_suffix("package.json")?);
            let known =
                files.iter().find(|(path, _)| *path == workspace).map_or("", |(_, text)| text.as_str());
            only(&workspace, overridden_in_workspace(known, hold))
        }
    }
}

fn why(hold: Hold<'_>) -> String {
    format!("# {} {} breaks the build", hold.package.name, hold.below)
}

fn overridden_in_workspace(text: &str, hold: Hold<'_>) -> String {
    let name = &hold.package.name;
    let entry = format!("  {}\n  \"{name}\": \"{}\"\n", why(hold), hold.at);
    let known = Regex::new(&format!(r#"(?m)^\s+["']?{}["']?\s*:.*\n?"#, regex::escape(name)));
    if text.contains("overrides:")
        && let Ok(known) = known
        && let Some(old) = known.find(&text[text.find("overrides:").unwrap_or(0)..])
    {
        let at = text.find("overrides:").unwrap_or(0);
        return format!("{}{entry}{}", &text[..at + old.start()], &text[at + old.end()..]);
    }
    match text.find("overrides:\n").filter(|at| *at == 0 || text[..*at].ends_with('\n')) {
        Some(at) => {
            let at = at + "overrides:\n".len();
            format!("{}{entry}{}", &text[..at], &text[at..])
        }
        None => {
            let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            format!("{text}{newline}overrides:\n{entry}")
        }
    }
}

fn overridden_for_old_pnpm(text: &str, hold: Hold<'_>) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let entry = format!("\"{}\": \"{}\"", hold.package.name, hold.at);
    if value["pnpm"].is_object() {
        let at = text.find("\"pnpm\"")?;
        let inner = &text[at..];
        if value["pnpm"]["overrides"].is_object() {
            return Some(format!("{}{}", &text[..at], entered(inner, "overrides", &entry)?));
        }
        return Some(format!(
            "{}{}",
            &text[..at],
            entered(inner, "pnpm", &format!("\"overrides\": {{ {entry} }}"))?
        ));
    }
    added(text, &format!("\"pnpm\": {{\n    \"overrides\": {{\n      {entry}\n    }}\n  }}"))
}

/// As the first entry of the object of this name.
fn entered(text: &str, object: &str, entry: &str) -> Option<String> {
    let at = text.find(&format!("\"{object}\""))?;
    let brace = at + text[at..].find('{')? + 1;
    let comma = if text[brace..].trim_start().starts_with('}') { "" } else { "," };
    Some(format!("{}\n    {entry}{comma}{}", &text[..brace], &text[brace..]))
}

/// As the last entry of the manifest.
fn added(text: &str, entry: &str) -> Option<String> {
    let end = text.rfind('}')?;
    let head = text[..end].trim_end();
    let comma = if head.ends_with('{') { "" } else { "," };
    Some(format!("{head}{comma}\n  {entry}\n{}", &text[end..]))
}

/// The repository with the package at exactly this version.
#[must_use]
pub fn exactly(files: &[(String, String)], scripts: &str, package: &Package, version: &str) -> Option<Pin> {
    let mut pin = of_npm(files, scripts, Hold { package, below: version, at: version, build: None })?;
    if pin.path.ends_with("package.json") {
        let ranges = Regex::new(&format!(r#"("{}"\s*:\s*)"[^"]*""#, regex::escape(&package.name))).ok()?;
        pin.after = in_tables(&pin.after, &ranges, version);
    }
    Some(pin)
}

const TABLES: &[&str] =
    &["dependencies", "devDependencies", "optionalDependencies", "overrides", "resolutions"];

/// Replaces the value of what `entry` matches, in the tables of dependencies only: a script may have a package's name.
fn in_tables(text: &str, entry: &Regex, value: &str) -> String {
    let mut out = String::new();
    let mut written = 0;
    for table in tables(text) {
        out.push_str(&text[written..table.start]);
        let changed = entry
            .replace_all(&text[table.clone()], |p: &regex::Captures<'_>| format!("{}\"{value}\"", &p[1]));
        out.push_str(&changed);
        written = table.end;
    }
    out.push_str(&text[written..]);
    out
}

/// Where the tables of dependencies stand in a manifest of npm.
fn tables(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0, None);
    // The last string that was read, and where one began.
    let (mut last, mut string, mut is_escaped) = ("", None, false);
    for (at, c) in text.char_indices() {
        if let Some(begin) = string {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => {
                    last = &text[begin..at];
                    string = None;
                }
                _ => {}
            }
            continue;
        }
        match c {
            '"' => string = Some(at + 1),
            '{' | '[' => {
                if depth == 1 && c == '{' && TABLES.contains(&last) {
                    start = Some(at);
                }
                depth += 1;
            }
            '}' | ']' => {
                depth -= 1;
                if depth == 1
                    && let Some(begin) = start.take()
                {
                    found.push(begin..at);
                }
            }
            _ => {}
        }
    }
    found
}

/// The package's range with an upper bound, in each list of dependencies that names it.
fn bound_in_package_json(text: &str, hold: Hold<'_>) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let lists = ["dependencies", "devDependencies", "optionalDependencies"];
    let range = lists.iter().find_map(|list| value[list][&hold.package.name].as_str())?;
    let entry =
        Regex::new(&format!(r#"("{}"\s*:\s*)"{}""#, regex::escape(&hold.package.name), regex::escape(range)))
            .ok()?;
    let new = match range.trim() {
        "" | "*" | "latest" | "x" => format!("<{}", hold.below),
        range if range.contains("||") => hold.at.to_owned(),
        range if range.starts_with(['^', '~', '>']) => format!("{range} <{}", hold.below),
        _ => hold.at.to_owned(),
    };
    Some(in_tables(text, &entry, &new))
}

/// An entry of `overrides` or `resolutions`, for what no manifest of ours names.
fn overridden(text: &str, hold: Hold<'_>, table: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let entry = format!("\"{}\": \"{}\"", hold.package.name, hold.at);
    let Some(known) = value[table].as_object() else {
        return added(text, &format!("\"{table}\": {{\n    {entry}\n  }}"));
    };
    if let Some(range) = known.get(&hold.package.name).and_then(|range| range.as_str()) {
        let name = regex::escape(&hold.package.name);
        let old = Regex::new(&format!(r#""{name}"\s*:\s*"{}""#, regex::escape(range))).ok()?;
        return Some(old.replace_all(text, regex::NoExpand(&entry)).into_owned());
    }
    entered(text, table, &entry)
}
