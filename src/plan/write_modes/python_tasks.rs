//! What runs behind the task runners of Python projects: `tox`, `nox`, `hatch run`, and the scripts of pdm, pipenv, poe,
//! rye and taskipy. Their programs live in environments of their own, so the runner stays before them.

use super::program;
use super::script::{Command, Word, commands};
use super::wrappers::{Launcher, Wrapped, read};
use crate::contract::git::SourceTree;

/// What `command` runs by such a runner in `folder`.
pub(super) fn wrapped(command: &Command, folder: &str, tree: &dyn SourceTree) -> Vec<Wrapped> {
    let assigned = command.words.iter().take_while(|w| w.is_assignment()).count();
    // `hatch run x` and the like are launchers too: the runner itself is looked for before that.
    let words: Option<Vec<&str>> = command.words[assigned..].iter().map(|w| w.literal.as_deref()).collect();
    let Some(words) = words else { return Vec::new() };
    let found = match words.as_slice() {
        ["hatch", "run", rest @ ..] => hatch(rest, None, command, folder, tree),
        ["hatch", "-e" | "--env", env, "run", rest @ ..] => hatch(rest, Some(env), command, folder, tree),
        ["pdm", "run", name, rest @ ..] | ["pdm", name, rest @ ..] => {
            tasks(&["tool", "pdm", "scripts"], name, rest, "pdm run", folder, tree)
        }
        ["rye", "run", name, rest @ ..] => {
            tasks(&["tool", "rye", "scripts"], name, rest, "rye run", folder, tree)
        }
        ["pipenv", "run", name, rest @ ..] => tasks(&["scripts"], name, rest, "pipenv run", folder, tree),
        _ => None,
    };
    found.or_else(|| behind_launchers(command, folder, tree)).unwrap_or_default()
}

/// Those that may be started by another program: `uvx tox`, `python -m nox`, `poetry run poe`.
fn behind_launchers(command: &Command, folder: &str, tree: &dyn SourceTree) -> Option<Vec<Wrapped>> {
    let at = program(&command.words)?;
    let assigned = command.words.iter().take_while(|w| w.is_assignment()).count();
    let before: Vec<&str> = command.words[assigned..at].iter().map(|w| w.raw.as_str()).collect();
    let prefix = before.iter().map(|word| format!("{word} ")).collect::<String>();
    let rest: Vec<&str> =
        command.words[at + 1..].iter().map(|w| w.literal.as_deref()).collect::<Option<_>>()?;
    let name = super::program_name(&command.words[at]);
    match name {
        "tox" => tox(&rest, &prefix, &command.words[..assigned], folder, tree),
        "nox" => nox(&rest, &prefix, folder, tree),
        "poe" | "task" => {
            let (task, rest) = rest.split_first()?;
            let place: &[&str] =
                if name == "poe" { &["tool", "poe", "tasks"] } else { &["tool", "taskipy", "tasks"] };
            let own = match prefix.trim() {
                "" if read(folder, "poetry.lock", tree).is_some() => "poetry run",
                "" if read(folder, "uv.lock", tree).is_some() => "uv run",
                prefix => prefix,
            };
            tasks(place, task, rest, own, folder, tree)
        }
        _ => None,
    }
}

fn one(scripts: Vec<String>, launcher: &str) -> Vec<Wrapped> {
    let launcher = if launcher.is_empty() { Launcher::None } else { Launcher::Every(launcher.to_owned()) };
    vec![Wrapped { setup: Vec::new(), scripts, launcher }]
}

fn pyproject(folder: &str, tree: &dyn SourceTree) -> Option<toml::Table> {
    read(folder, "pyproject.toml", tree)?.parse().ok()
}

fn inside<'t>(table: &'t toml::Table, place: &[&str]) -> Option<&'t toml::Value> {
    let (first, rest) = place.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, name| value.get(name))
}

/// A script with the words that the caller gave; `None` where it asks for more than the runner's own placeholder.
fn filled(script: &str, rest: &[&str]) -> Option<String> {
    let given = rest.join(" ");
    let mut text = String::new();
    let mut left = script;
    let mut was_asked = false;
    while let Some(at) = left.find('{') {
        text.push_str(&left[..at]);
        let end = left[at..].find('}')? + at;
        let (name, default) = left[at + 1..end].split_once(':').unwrap_or((&left[at + 1..end], ""));
        if !matches!(name, "args" | "posargs") {
            return None;
        }
        text.push_str(if given.is_empty() { default } else { &given });
        was_asked = true;
        left = &left[end + 1..];
    }
    text.push_str(left);
    if !was_asked && !given.is_empty() {
        text = format!("{text} {given}");
    }
    Some(text.trim_end().to_owned())
}

/// A named script of a table in `pyproject.toml` (of pipenv: in `Pipfile`).
fn tasks(
    place: &[&str],
    name: &str,
    rest: &[&str],
    runner: &str,
    folder: &str,
    tree: &dyn SourceTree,
) -> Option<Vec<Wrapped>> {
    let table = if runner == "pipenv run" {
        read(folder, "Pipfile", tree)?.parse().ok()?
    } else {
        pyproject(folder, tree)?
    };
    let task = inside(&table, place)?.get(name)?;
    let others = |names: &toml::Value| {
        // Each is a task again, or a command: both are run by the runner.
        let again = match place {
            ["tool", "poe", ..] => format!("{runner} poe").trim().to_owned(),
            ["tool", "taskipy", ..] => format!("{runner} task").trim().to_owned(),
            _ => runner.to_owned(),
        };
        let names: Option<Vec<&str>> = names.as_array()?.iter().map(toml::Value::as_str).collect();
        Some(one(names?.into_iter().map(|name| format!("{again} {name}")).collect(), ""))
    };
    match task {
        toml::Value::String(script) => Some(one(vec![filled(script, rest)?], runner)),
        toml::Value::Table(table) => {
            if table.contains_key("cwd") || table.contains_key("working_dir") {
                return None;
            }
            for key in ["cmd", "shell"] {
                let script = match table.get(key) {
                    Some(toml::Value::String(script)) => script.clone(),
                    Some(toml::Value::Array(words)) => {
                        let words: Option<Vec<&str>> = words.iter().map(toml::Value::as_str).collect();
                        words?.join(" ")
                    }
                    _ => continue,
                };
                return Some(one(vec![filled(&script, rest)?], runner));
            }
            ["composite", "sequence", "chain"].iter().find_map(|key| others(table.get(*key)?))
        }
        toml::Value::Array(_) => others(task),
        _ => None,
    }
}

/// Scripts of a hatch environment; the environment is named by a variable, so that the program stays a word of its own.
fn hatch(
    rest: &[&str],
    env: Option<&str>,
    command: &Command,
    folder: &str,
    tree: &dyn SourceTree,
) -> Option<Vec<Wrapped>> {
    let (called, rest) = rest.split_first()?;
    let before = command.setup.iter().rev().find_map(|line| line.strip_prefix("export HATCH_ENV="));
    let (named, name) = match called.split_once(':') {
        Some((env, name)) => (Some(env), name),
        None => (env, *called),
    };
    let env = named.or(before).unwrap_or("default");
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if !env.bytes().all(is_plain) {
        return None;
    }
    let own = read(folder, "hatch.toml", tree).and_then(|text| text.parse::<toml::Table>().ok());
    let table = own
        .as_ref()
        .and_then(|table| inside(table, &["envs", env, "scripts"]).cloned())
        .or_else(|| inside(&pyproject(folder, tree)?, &["tool", "hatch", "envs", env, "scripts"]).cloned());
    let scripts: Option<Vec<&str>> = match table.as_ref().and_then(|scripts| scripts.get(name)) {
        Some(toml::Value::String(script)) => Some(vec![script.as_str()]),
        Some(toml::Value::Array(scripts)) => scripts.iter().map(toml::Value::as_str).collect(),
        _ => None,
    };
    let setup = vec![format!("export HATCH_ENV={env}")];
    let launcher = Launcher::Every("hatch run".to_owned());
    match scripts {
        Some(scripts) => {
            let is_name = |script: &str| table.as_ref().is_some_and(|table| table.get(script).is_some());
            let scripts: Option<Vec<String>> = scripts
                .iter()
                .map(|script| script.trim_start_matches("- "))
                // A script that calls itself would be read for ever.
                .filter(|script| script.split(' ').next() != Some(name) || !is_name(name))
                .map(|script| filled(script, rest))
                .collect();
            Some(vec![Wrapped { setup, scripts: scripts?, launcher }])
        }
        // `hatch run lint:ruff check`
        None if named.is_some() => {
            let script = [&[name], rest].concat().join(" ");
            Some(vec![Wrapped { setup, scripts: vec![script], launcher }])
        }
        None => None,
    }
}

/// The commands of tox environments, run by `tox exec` in the same environment.
fn tox(
    rest: &[&str],
    prefix: &str,
    assigned: &[Word],
    folder: &str,
    tree: &dyn SourceTree,
) -> Option<Vec<Wrapped>> {
    let config = Tox::read(folder, tree)?;
    let mut names: Vec<String> = Vec::new();
    let mut given: Vec<&str> = Vec::new();
    let mut words = rest.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "run" | "r" | "run-parallel" | "p" if names.is_empty() => {}
            "-e" => names.extend(words.next()?.split(',').map(str::to_owned)),
            "--" => {
                given = words.collect();
                break;
            }
            "-q" | "-v" | "-vv" | "-r" | "--recreate" | "-p" | "--skip-missing-interpreters" => {}
            _ => {
                names
                    .extend(word.strip_prefix("-e").filter(|n| !n.is_empty())?.split(',').map(str::to_owned));
            }
        }
    }
    if names.is_empty() {
        names = match assigned.iter().find_map(|w| w.raw.strip_prefix("TOXENV=")) {
            Some(names) => names.split(',').map(str::to_owned).collect(),
            None => config.default_names()?,
        };
    }
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let mut found = Vec::new();
    for name in names.iter().filter(|name| name.bytes().all(is_plain)) {
        let commands = config.commands(name).unwrap_or_default();
        let asks = |command: &&String| command.contains("{posargs");
        let fill = |command: &String| filled(command, if asks(&command) { &given } else { &[] });
        let scripts: Vec<String> = commands.iter().filter_map(fill).collect();
        found.extend(one(scripts, &format!("{prefix}tox exec -e {name} --")));
    }
    Some(found)
}

/// The settings of tox: section, key, lines of the value.
struct Tox(Vec<(String, String, Vec<String>)>);

impl Tox {
    fn read(folder: &str, tree: &dyn SourceTree) -> Option<Self> {
        if let Some(text) = read(folder, "tox.ini", tree) {
            return Some(Self::ini(&text));
        }
        let table = match read(folder, "tox.toml", tree) {
            Some(text) => text.parse().ok()?,
            None => inside(&pyproject(folder, tree)?, &["tool", "tox"])?.as_table()?.clone(),
        };
        if let Some(text) = table.get("legacy_tox_ini").and_then(toml::Value::as_str) {
            return Some(Self::ini(text));
        }
        Some(Self::native(&table))
    }

    fn ini(text: &str) -> Self {
        let mut settings: Vec<(String, String, Vec<String>)> = Vec::new();
        let mut section = String::new();
        for line in text.replace("\\\n", " ").lines() {
            let text = line.split(" #").next().unwrap_or_default().trim();
            if text.is_empty() || text.starts_with(['#', ';']) {
                continue;
            }
            if line.starts_with([' ', '\t']) {
                if let Some((_, _, lines)) = settings.last_mut() {
                    lines.push(text.to_owned());
                }
            } else if let Some(name) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
                section = name.to_owned();
            } else if let Some((key, value)) = text.split_once('=') {
                let lines = Some(value.trim().to_owned()).filter(|v| !v.is_empty()).into_iter().collect();
                settings.push((section.clone(), key.trim().to_owned(), lines));
            }
        }
        Self(settings)
    }

    fn native(table: &toml::Table) -> Self {
        let mut settings = Vec::new();
        let mut take = |section: String, table: &toml::Table| {
            for (key, value) in table {
                let line = |value: &toml::Value| match value {
                    toml::Value::String(text) => Some(text.clone()),
                    toml::Value::Array(words) => {
                        let words: Option<Vec<&str>> = words.iter().map(toml::Value::as_str).collect();
                        Some(words?.join(" "))
                    }
                    _ => None,
                };
                let lines = match value {
                    toml::Value::Array(lines) => lines.iter().filter_map(line).collect(),
                    value => line(value).into_iter().collect(),
                };
                settings.push((section.clone(), key.clone(), lines));
            }
        };
        take("tox".to_owned(), table);
        if let Some(base) = table.get("env_run_base").and_then(toml::Value::as_table) {
            take("testenv".to_owned(), base);
        }
        for (name, env) in table.get("env").and_then(toml::Value::as_table).into_iter().flatten() {
            if let Some(env) = env.as_table() {
                take(format!("testenv:{name}"), env);
            }
        }
        Self(settings)
    }

    fn value(&self, section: &str, keys: &[&str]) -> Option<&Vec<String>> {
        let mut all = self.0.iter().filter(|(at, key, _)| at == section && keys.contains(&key.as_str()));
        all.next().map(|(.., lines)| lines)
    }

    fn default_names(&self) -> Option<Vec<String>> {
        let lines = self.value("tox", &["envlist", "env_list"])?;
        let names = lines.iter().flat_map(|line| line.split(','));
        Some(
            names.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty() && !n.contains(['{', '}'])).collect(),
        )
    }

    /// `None` where the environment works in another folder: `tox exec` does not.
    fn commands(&self, name: &str) -> Option<Vec<String>> {
        let own = format!("testenv:{name}");
        let elsewhere = ["changedir", "change_dir"];
        if self.value(&own, &elsewhere).is_some() || self.value("testenv", &elsewhere).is_some() {
            return None;
        }
        let lines = self.value(&own, &["commands"]).or_else(|| self.value("testenv", &["commands"]))?;
        let mut found = Vec::new();
        for line in lines {
            // `lint,py3: ruff check` is for environments with one of these factors.
            let (factors, command) = match line.split_once(": ") {
                Some((factors, command)) if !factors.contains([' ', '/', '"', '\'', '{']) => {
                    (Some(factors), command)
                }
                _ => (None, line.as_str()),
            };
            let is_factor = |factor: &str| name == factor || name.split('-').any(|part| part == factor);
            if factors.is_none_or(|factors| factors.split(',').any(|f| is_factor(f.trim()))) {
                let command = command.trim_start_matches("- ").trim_start_matches("! ");
                found.push(command.replace("{envpython}", "python").replace("{toxinidir}/", ""));
            }
        }
        Some(found)
    }
}

/// The sessions of a noxfile whose calls are plain: their environment is made, and its programs come first.
fn nox(rest: &[&str], prefix: &str, folder: &str, tree: &dyn SourceTree) -> Option<Vec<Wrapped>> {
    let mut names: Vec<&str> = Vec::new();
    let mut words = rest.iter().copied().peekable();
    while let Some(word) = words.next() {
        match word {
            "-s" | "--session" | "--sessions" | "-e" => {
                while let Some(name) = words.next_if(|w| !w.starts_with('-')) {
                    names.push(name);
                }
            }
            "-r" | "-R" | "--reuse-existing-virtualenvs" | "--no-error-on-missing-interpreters" | "-v" => {}
            _ => return None,
        }
    }
    let text = read(folder, "noxfile.py", tree)?;
    let mut found = Vec::new();
    for name in names {
        let Some(scripts) = session(&text, name) else { continue };
        let setup = vec![
            format!("{prefix}nox -s {name} --install-only"),
            format!("export PATH=\"$PWD/.nox/{name}/bin:$PATH\""),
        ];
        found.push(Wrapped { setup, scripts, launcher: Launcher::None });
    }
    Some(found)
}

/// The `session.run(…)` calls of one session, where all their words stand there as they are.
fn session(text: &str, name: &str) -> Option<Vec<String>> {
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let head = format!("def {name}(");
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.starts_with(&head)).filter(|_| is_plain)?;
    // More than one Python, or parameters, make more than one session.
    let decorators = lines[..at].iter().rev().take_while(|line| !line.trim().is_empty());
    if decorators
        .clone()
        .any(|line| ["python=", "venv_", "parametrize", "name="].iter().any(|a| line.contains(a)))
    {
        return None;
    }
    let body: Vec<&str> = lines[at + 1..]
        .iter()
        .copied()
        .take_while(|l| l.is_empty() || l.starts_with([' ', '\t', ')']))
        .collect();
    let body = body.join("\n");
    if ["session.chdir", "session.cd", "session.env", "session.create_tmp"].iter().any(|a| body.contains(a)) {
        return None;
    }
    let mut scripts = Vec::new();
    for call in body.split("session.run(").skip(1) {
        let inside = call.split_once(')')?.0;
        let words: Option<Vec<&str>> = inside
            .split(',')
            .map(str::trim)
            .filter(|w| !w.is_empty() && !w.starts_with("external=") && !w.starts_with("silent="))
            .filter(|w| *w != "*session.posargs")
            .map(|w| w.strip_prefix(['"', '\''])?.strip_suffix(['"', '\'']))
            .collect();
        if let Some(words) =
            words.filter(|words| words.iter().all(|w| !w.contains(['"', '\'', ' ', '$', '\\', '`'])))
        {
            scripts.push(words.join(" "));
        }
    }
    // A word that the shell would read otherwise is none that this understands.
    scripts.retain(|script| commands(script).len() == 1);
    Some(scripts)
}
