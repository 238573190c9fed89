//! Python: an upper bound in what is installed, a constraint of uv's in a project of its own, else in the command.

use std::sync::LazyLock;

use regex::Regex;

use super::super::resolved::Package;
use super::{Hold, Pin, base, in_commands, replace_line, words};

fn is_requirements(path: &str, scripts: &str) -> bool {
    let name = base(path);
    let is_text = name.ends_with(".txt") || name.ends_with(".in");
    is_text && (scripts.contains(name) || name.starts_with("requirements") || name.starts_with("constraints"))
}

pub(super) fn of_python(files: &[(String, String)], scripts: &str, hold: Hold<'_>) -> Option<Pin> {
    let only = |path: &str, after: String| Some(Pin { path: path.to_owned(), after, ..Pin::default() });
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
        let bound = if matches!(base(path), "setup.cfg" | "tox.ini") {
            bound_in_lists(text, hold)
        } else {
            bound_in_quotes(text, hold, base(path) == "noxfile.py")
        };
        if let Some(after) = bound {
            return only(path, after);
        }
    }
    if let Some(pin) = in_commands(files, scripts, |line| bound_in_pip_command(line, hold)) {
        return Some(pin);
    }
    if let Some((path, text)) = project_of_uv(files, scripts) {
        let bound = format!("{}<{}", hold.package, hold.below);
        return only(path, constrained(text, "constraint-dependencies", &bound, Some(&why(hold)))?);
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

pub(super) fn why(hold: Hold<'_>) -> String {
    format!("{} {} breaks the build", hold.package, hold.below)
}

static REQUIREMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(\s*)([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?\s*((?:[<>=!~][^;#]*?)?)\s*(;[^#]*?)?\s*(#.*)?$",
    )
    .ok()
});

/// `name`, `name>=1`, with an upper bound; `None` where it is another package, or held exactly.
pub(super) fn bounded(requirement: &str, hold: Hold<'_>) -> Option<(String, bool)> {
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

/// A requirement in the lists of setup.cfg and tox.ini.
fn bound_in_lists(text: &str, hold: Hold<'_>) -> Option<String> {
    const LISTS: &[&str] =
        &["deps", "install_requires", "setup_requires", "tests_require", "requires", "dependencies"];
    let (mut section, mut is_list, mut done) = (String::new(), false, false);
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        let is_continued = bare.starts_with([' ', '\t']);
        let (key, value) = bare.split_once('=').map_or((bare, ""), |(key, value)| (key.trim(), value));
        if bare.starts_with('[') {
            section = bare.to_owned();
        } else if !is_continued && !bare.is_empty() && !bare.starts_with('#') {
            is_list = LISTS.contains(&key) || section.contains("extras_require");
        }
        let requirement = if is_continued { bare } else { value };
        match bounded(requirement, hold).filter(|_| is_list && !done) {
            Some((bounded, _)) if is_continued => {
                let indent = &bare[..bare.len() - bare.trim_start().len()];
                out.push_str(&format!(
                    "{indent}# {}\n{indent}{}{}",
                    why(hold),
                    bounded.trim_start(),
                    &line[bare.len()..]
                ));
                done = true;
            }
            Some((bounded, _)) => {
                let head = &bare[..bare.len() - value.trim_start().len()];
                out.push_str(&format!(
                    "# {}\n{head}{}{}",
                    why(hold),
                    bounded.trim_start(),
                    &line[bare.len()..]
                ));
                done = true;
            }
            None => out.push_str(line),
        }
    }
    done.then_some(out)
}

/// A requirement in quotes, as pyproject.toml, setup.py and a noxfile have it; `installs_only`: as what a call of `install`
/// is given, since a noxfile runs commands in the same way.
pub(super) fn bound_in_quotes(text: &str, hold: Hold<'_>, installs_only: bool) -> Option<String> {
    static QUOTED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"("|')([A-Za-z0-9][^"'\n]*)("|')"#).ok());
    let mut out = text.to_owned();
    let mut changed = false;
    let found: Vec<_> = QUOTED.as_ref()?.captures_iter(text).filter_map(|c| c.get(2)).collect();
    for quoted in found.into_iter().rev() {
        let ahead = text[..quoted.start() - 1].chars().rev().find(|c| !c.is_whitespace());
        let call = text[..quoted.start()].rfind('(').map_or("", |at| &text[..at]);
        if installs_only && !call.ends_with("install") {
            continue;
        }
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
    const COMMANDS: &[&str] = &[
        "pip install",
        "pip3 install",
        "pipx install",
        "pipx run",
        "uv tool install",
        "uv tool run",
        "uvx ",
        "uv run",
        "uv add",
    ];
    let installs_at =
        COMMANDS.iter().filter_map(|command| Some(line.find(command)? + command.len() - 1)).min()?;
    let runs_tool = ["uvx ", "uv tool run"].iter().any(|command| line.contains(command));
    let words = words(line);
    let mut previous = "";
    for (start, word) in words {
        let option = std::mem::replace(&mut previous, word);
        if start < installs_at {
            continue;
        }
        let bare = word.trim_matches(['"', '\'']);
        // The rest of the line is what the tool is given.
        let is_last = line.contains("uv run") && !matches!(option, "--with" | "--from");
        if let Some((bounded, _)) = bounded(bare.split('@').next().unwrap_or(bare), hold).filter(|_| !is_last)
        {
            let name = bare.split(['<', '>', '=', '!', '~', '@']).next().unwrap_or(bare);
            let is_named = matches!(option, "--with" | "--from" | "--spec" | "-w");
            let new = match (is_named, runs_tool, line.contains("pipx run")) {
                (false, true, _) => format!("{name}@{}", hold.at),
                (false, _, true) => format!("{name}=={}", hold.at),
                _ => format!("\"{bounded}\""),
            };
            return Some(format!("{}{new}{}", &line[..start], &line[start + word.len()..]));
        }
    }
    None
}

/// A project that uv resolves by itself: no constraints of the environment reach it.
pub(super) fn project_of_uv<'a>(
    files: &'a [(String, String)],
    scripts: &str,
) -> Option<&'a (String, String)> {
    let is_project = ["uv sync", "uv run", "uv lock"].iter().any(|command| scripts.contains(command));
    let mut manifests: Vec<_> = files
        .iter()
        .filter(|(path, text)| base(path) == "pyproject.toml" && text.contains("[project]"))
        .collect();
    manifests.sort_by_key(|(path, _)| path.matches('/').count());
    manifests.into_iter().next().filter(|_| is_project)
}

/// The manifest of a project of uv's with packages held, each as `name==1.2`; `None`: it is no such project.
pub fn constrained_project(files: &[(String, String)], scripts: &str, holds: &[String]) -> Option<Pin> {
    let (path, text) = project_of_uv(files, scripts)?;
    // A build may be what takes it.
    let lists = ["constraint-dependencies", "build-constraint-dependencies"];
    let all = lists.iter().flat_map(|list| holds.iter().map(move |hold| (list, hold)));
    let after =
        all.into_iter().try_fold(text.clone(), |text, (list, hold)| constrained(&text, list, hold, None))?;
    Some(Pin { path: path.clone(), after, ..Pin::default() })
}

/// One more of uv's constraints, in the list of this name.
pub(super) fn constrained(text: &str, list: &str, bound: &str, why: Option<&str>) -> Option<String> {
    static TABLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?m)^\[tool\.uv\][ \t]*\n").ok());
    let known = Regex::new(&format!(r"(?m)^{list}\s*=\s*\[")).ok()?;
    let comment = why.map_or(String::new(), |why| format!("# {why}\n"));
    if let Some(list) = known.find(text) {
        let rest = &text[list.end()..];
        let comma = if rest.trim_start().starts_with(']') { "" } else { ", " };
        return Some(format!("{}\"{bound}\"{comma}{rest}", &text[..list.end()]));
    }
    let entry = format!("{comment}{list} = [\"{bound}\"]\n");
    if let Some(table) = TABLE.as_ref()?.find(text) {
        return Some(format!("{}{entry}{}", &text[..table.end()], &text[table.end()..]));
    }
    Some(format!("{}\n\n[tool.uv]\n{entry}", text.trim_end()))
}
