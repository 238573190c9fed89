//! The pin that holds a release back, in the ecosystem's own style: an upper bound where a manifest names the package, a
//! line of its own where none does, an override in package.json, else in the command that installs it.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::resolved::{NPM, Package};

/// What is held back.
#[derive(Debug, Clone, Copy)]
pub struct Hold<'a> {
    pub package: &'a Package,
    /// The release that breaks.
    pub below: &'a str,
    /// The last that does not.
    pub at: &'a str,
}

/// One file of the repository with the pin in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    pub path: String,
    pub after: String,
    /// What steps run in another way with it: the lines of a workflow's scripts, as they were and as they are.
    pub scripts: Vec<(String, String)>,
}

/// The pin for a repository with these files (paths and texts), whose steps run `scripts`.
#[must_use]
pub fn pin(files: &[(String, String)], scripts: &str, hold: Hold<'_>) -> Option<Pin> {
    if hold.package.ecosystem == NPM { of_npm(files, scripts, hold) } else { of_python(files, scripts, hold) }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_requirements(path: &str, scripts: &str) -> bool {
    let name = base(path);
    let is_text = name.ends_with(".txt") || name.ends_with(".in");
    is_text && (scripts.contains(name) || name.starts_with("requirements") || name.starts_with("constraints"))
}

fn of_python(files: &[(String, String)], scripts: &str, hold: Hold<'_>) -> Option<Pin> {
    let only = |path: &str, after: String| Some(Pin { path: path.to_owned(), after, scripts: Vec::new() });
    let mut requirements: Vec<_> = files.iter().filter(|(path, _)| is_requirements(path, scripts)).collect();
    // Those that are installed come first.
    requirements.sort_by_key(|(path, _)| (!scripts.contains(base(path)), path.clone()));
    for (path, text) in &requirements {
        if let Some(after) = bound_in_requirements(text, hold) {
            return only(path, after);
        }
    }
    let manifests = || {
        files.iter().filter(|(path, _)| {
            matches!(base(path), "pyproject.toml" | "setup.py" | "setup.cfg" | "tox.ini" | "noxfile.py")
        })
    };
    for (path, text) in manifests() {
        if let Some(after) = bound_in_quotes(text, hold) {
            return only(path, after);
        }
    }
    if let Some(pin) = in_commands(files, scripts, |line| bound_in_pip_command(line, hold)) {
        return Some(pin);
    }
    if let Some((path, text)) = requirements.iter().find(|(path, _)| scripts.contains(base(path))) {
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let (package, below) = (hold.package, hold.below);
        return only(path, format!("{text}{newline}{package}<{below}  # {}\n", why(hold)));
    }
    for (path, text) in manifests().filter(|(path, _)| base(path) == "pyproject.toml") {
        if let Some(after) = added_to_array(text, hold) {
            return only(path, after);
        }
    }
    in_commands(files, scripts, |line| {
        let at = line.find("pip install ")? + "pip install ".len();
        Some(format!("{}\"{}<{}\" {}", &line[..at], hold.package, hold.below, &line[at..]))
    })
}

fn why(hold: Hold<'_>) -> String {
    format!("{} {} breaks the build", hold.package, hold.below)
}

static REQUIREMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(\s*)([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?\s*((?:[<>=!~][^;#]*?)?)\s*(;[^#]*?)?\s*(#.*)?$",
    )
    .ok()
});

/// `name`, `name>=1`, with an upper bound; `None` where it is another package, or held exactly.
fn bounded(requirement: &str, hold: Hold<'_>) -> Option<(String, bool)> {
    let parts = REQUIREMENT.as_ref()?.captures(requirement)?;
    if Package::new("python", &parts[2]) != *hold.package {
        return None;
    }
    let text = |at: usize| parts.get(at).map_or("", |m| m.as_str().trim_end());
    let comma = if text(4).is_empty() { "" } else { "," };
    let marker = if text(5).is_empty() { String::new() } else { format!(" {}", text(5)) };
    let bounded = format!("{}{}{}{}{comma}<{}{marker}", text(1), text(2), text(3), text(4), hold.below);
    Some((bounded, !text(6).is_empty()))
}

fn bound_in_requirements(text: &str, hold: Hold<'_>) -> Option<String> {
    replace_line(text, |line| {
        let (bounded, has_comment) = bounded(line, hold)?;
        Some(if has_comment {
            let comment = line.find('#').map_or("", |at| &line[at..]);
            format!("# {}\n{bounded}  {comment}", why(hold))
        } else {
            format!("{bounded}  # {}", why(hold))
        })
    })
}

/// The first line that `change` takes is replaced.
fn replace_line(text: &str, change: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut done = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        match (!done).then(|| change(bare)).flatten() {
            Some(changed) => {
                out.push_str(&changed);
                out.push_str(&line[bare.len()..]);
                done = true;
            }
            None => out.push_str(line),
        }
    }
    done.then_some(out)
}

/// A requirement in quotes, as pyproject.toml and setup.py have it.
fn bound_in_quotes(text: &str, hold: Hold<'_>) -> Option<String> {
    static QUOTED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"("|')([A-Za-z0-9][^"'\n]*)("|')"#).ok());
    let mut out = text.to_owned();
    let mut changed = false;
    let found: Vec<_> = QUOTED.as_ref()?.captures_iter(text).filter_map(|c| c.get(2)).collect();
    for quoted in found.into_iter().rev() {
        let ahead = text[..quoted.start() - 1].chars().rev().find(|c| !c.is_whitespace());
        // An element of a list, no name of a project and no key.
        if !matches!(ahead, Some('[' | ',' | '(')) {
            continue;
        }
        if let Some((bounded, _)) = bounded(quoted.as_str(), hold) {
            out.replace_range(quoted.range(), &bounded);
            changed = true;
        }
    }
    changed.then_some(out)
}

/// A requirement more, in what the project builds with where nothing else is listed.
fn added_to_array(text: &str, hold: Hold<'_>) -> Option<String> {
    static ARRAY: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?m)^(?:dependencies|requires)\s*=\s*\[").ok());
    let array = ARRAY.as_ref()?.find(text)?;
    let is_empty = text[array.end()..].trim_start().starts_with(']');
    let comma = if is_empty { "" } else { ", " };
    Some(format!(
        "{}\"{}<{}\"{comma}{}",
        &text[..array.end()],
        hold.package,
        hold.below,
        &text[array.end()..]
    ))
}

/// `pip install black pytest`, `uvx ruff check`
fn bound_in_pip_command(line: &str, hold: Hold<'_>) -> Option<String> {
    let is_install = ["pip install", "pip3 install", "pipx install", "pipx run", "uv tool install", "uvx "]
        .iter()
        .any(|command| line.contains(command));
    if !is_install {
        return None;
    }
    let words = words(line);
    let installs_at = line.find("install").or_else(|| line.find("uvx")).or_else(|| line.find("run"))?;
    for (start, word) in words {
        if start < installs_at {
            continue;
        }
        let bare = word.trim_matches(['"', '\'']);
        if let Some((bounded, _)) = bounded(bare, hold) {
            let is_uvx = line.contains("uvx ");
            let name = bare.split(['<', '>', '=', '!', '~', '@']).next().unwrap_or(bare);
            let new = if is_uvx { format!("{name}@{}", hold.at) } else { format!("\"{bounded}\"") };
            return Some(format!("{}{new}{}", &line[..start], &line[start + word.len()..]));
        }
    }
    None
}

fn words(line: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in line.split_whitespace() {
        if let Some(start) = line[at..].find(word) {
            found.push((at + start, word));
            at += start + word.len();
        }
    }
    found
}

/// In the script line of a workflow.
fn in_commands(
    files: &[(String, String)],
    scripts: &str,
    change: impl Fn(&str) -> Option<String>,
) -> Option<Pin> {
    for line in scripts.lines() {
        let Some(changed) = change(line) else { continue };
        for (path, text) in files.iter().filter(|(path, _)| path.starts_with(".github/workflows/")) {
            if text.contains(line.trim()) {
                let after = text.replace(line.trim(), changed.trim());
                // A plain scalar of YAML may not hold quotes at its head; here they stand inside.
                return Some(Pin { path: path.clone(), after, scripts: vec![(line.to_owned(), changed)] });
            }
        }
    }
    None
}

fn of_npm(files: &[(String, String)], scripts: &str, hold: Hold<'_>) -> Option<Pin> {
    let mut manifests: Vec<_> = files.iter().filter(|(path, _)| base(path) == "package.json").collect();
    manifests.sort_by_key(|(path, _)| path.matches('/').count());
    for (path, text) in &manifests {
        if let Some(after) = bound_in_package_json(text, hold) {
            return Some(Pin { path: path.clone(), after, scripts: Vec::new() });
        }
    }
    let in_command = |line: &str| {
        let names = |word: &str| {
            word == hold.package.name
                || word.strip_prefix(hold.package.name.as_str()).is_some_and(|v| v.starts_with('@'))
        };
        let is_tool = line.contains("npx ")
            || line.contains("npm install")
            || line.contains("npm i ")
            || line.contains("npm exec");
        let (start, word) = words(line).into_iter().find(|(_, word)| is_tool && names(word))?;
        Some(format!("{}{}@{}{}", &line[..start], hold.package.name, hold.at, &line[start + word.len()..]))
    };
    if let Some(pin) = in_commands(files, scripts, in_command) {
        return Some(pin);
    }
    let (path, text) = manifests.first()?;
    Some(Pin { path: path.clone(), after: overridden(text, hold)?, scripts: Vec::new() })
}

/// The manifest of npm with the package at exactly this version.
#[must_use]
pub fn exactly(files: &[(String, String)], scripts: &str, package: &Package, version: &str) -> Option<Pin> {
    let mut pin = of_npm(files, scripts, Hold { package, below: version, at: version })?;
    if pin.path.ends_with("package.json") {
        let ranges = Regex::new(&format!(r#"("{}"\s*:\s*)"[^"]*""#, regex::escape(&package.name))).ok()?;
        pin.after = in_tables(&pin.after, &ranges, version);
    }
    Some(pin)
}

const TABLES: &[&str] = &["dependencies", "devDependencies", "optionalDependencies", "overrides"];

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

/// An entry of `overrides`, for what no manifest of ours names.
fn overridden(text: &str, hold: Hold<'_>) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let entry = format!("\"{}\": \"{}\"", hold.package.name, hold.at);
    if let Some(known) = value["overrides"].as_object() {
        if let Some(range) = known.get(&hold.package.name).and_then(|range| range.as_str()) {
            let old = Regex::new(&format!(
                r#""{}"\s*:\s*"{}""#,
                regex::escape(&hold.package.name),
                regex::escape(range)
            ))
            .ok()?;
            return Some(old.replace_all(text, regex::NoExpand(&entry)).into_owned());
        }
        let at = text.find("\"overrides\"")?;
        let brace = at + text[at..].find('{')? + 1;
        let comma = if known.is_empty() { "" } else { "," };
        return Some(format!("{}\n    {entry}{comma}{}", &text[..brace], &text[brace..]));
    }
    let end = text.rfind('}')?;
    let head = text[..end].trim_end();
    let comma = if head.ends_with('{') { "" } else { "," };
    Some(format!("{head}{comma}\n  \"overrides\": {{\n    {entry}\n  }}\n{}", &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(ecosystem: &str, name: &str, files: &[(&str, &str)], scripts: &str) -> (String, String) {
        let files: Vec<_> = files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect();
        let package = Package::new(ecosystem, name);
        let hold = Hold { package: &package, below: "3.0", at: "2.3.7" };
        let pin = pin(&files, scripts, hold).unwrap();
        (pin.path, pin.after)
    }

    #[test]
    fn python_is_pinned_where_it_is_named_else_beside() {
        let run = "pip install -r requirements.txt";
        let of = |text: &str| pinned("python", "werk-zeug", &[("requirements.txt", text)], run).1;
        assert_eq!(of("flask\nWerk_zeug\n"), "flask\nWerk_zeug<3.0  # werk-zeug 3.0 breaks the build\n");
        assert_eq!(
            of("werk-zeug[x]>=2 ; python_version > '3'  # old\n"),
            "# werk-zeug 3.0 breaks the build\nwerk-zeug[x]>=2,<3.0 ; python_version > '3'  # old\n"
        );
        assert_eq!(of("flask"), "flask\nwerk-zeug<3.0  # werk-zeug 3.0 breaks the build\n");
        let toml = "[project]\nname = \"werk-zeug\"\ndependencies = [\"flask\", \"werk-zeug>=1\"]\n";
        assert_eq!(
            pinned("python", "werk-zeug", &[("pyproject.toml", toml)], "pip install .").1,
            "[project]\nname = \"werk-zeug\"\ndependencies = [\"flask\", \"werk-zeug>=1,<3.0\"]\n"
        );
        let build = "[build-system]\nrequires = [\"setuptools\"]\n";
        assert_eq!(
            pinned("python", "werk-zeug", &[("pyproject.toml", build)], "pip install .").1,
            "[build-system]\nrequires = [\"werk-zeug<3.0\", \"setuptools\"]\n"
        );
        let flow = "steps:\n  - run: pip install black pytest\n";
        let (path, after) =
            pinned("python", "black", &[(".github/workflows/ci.yml", flow)], "pip install black pytest");
        assert_eq!(
            (path.as_str(), after.as_str()),
            (".github/workflows/ci.yml", "steps:\n  - run: pip install \"black<3.0\" pytest\n")
        );
    }

    #[test]
    fn npm_is_pinned_in_its_manifest() {
        let of = |text: &str| pinned("npm", "qs", &[("package.json", text)], "npm install").1;
        assert_eq!(
            of("{\n  \"dependencies\": {\n    \"qs\": \"*\"\n  }\n}\n"),
            "{\n  \"dependencies\": {\n    \"qs\": \"<3.0\"\n  }\n}\n"
        );
        assert_eq!(
            of("{\n  \"dependencies\": {\"qs\": \"^2.1\"}\n}\n"),
            "{\n  \"dependencies\": {\"qs\": \"^2.1 <3.0\"}\n}\n"
        );
        assert_eq!(
            of("{\n  \"name\": \"x\"\n}\n"),
            "{\n  \"name\": \"x\",\n  \"overrides\": {\n    \"qs\": \"2.3.7\"\n  }\n}\n"
        );
        assert_eq!(
            of("{\"overrides\": {\"a\": \"1\"}}"),
            "{\"overrides\": {\n    \"qs\": \"2.3.7\",\"a\": \"1\"}}"
        );
        assert_eq!(of("{\"overrides\": {\"qs\": \">=1\"}}"), "{\"overrides\": {\"qs\": \"2.3.7\"}}");
    }

    #[test]
    fn a_script_of_the_same_name_stays() {
        let text = "{\"scripts\": {\"qs\": \"*\"}, \"devDependencies\": {\"qs\": \"*\", \"a}\\\"{\": \"1\"}, \"qs\": \"*\"}";
        let files = [("package.json".to_owned(), text.to_owned())];
        let pin = exactly(&files, "npm install", &Package::new("npm", "qs"), "6.14.0").unwrap();
        assert_eq!(
            pin.after,
            "{\"scripts\": {\"qs\": \"*\"}, \"devDependencies\": {\"qs\": \"6.14.0\", \"a}\\\"{\": \"1\"}, \"qs\": \"*\"}"
        );
    }
}
