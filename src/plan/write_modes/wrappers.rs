//! What a command runs that only starts another one: package scripts, make and just targets, shell scripts of the
//! repository. Read from their files; what a file leaves open is left alone.

use super::script::{Command, Word, commands};
use super::table::NODE_PROGRAMS;
use super::{program, python_tasks, workspaces};
use crate::contract::git::{RepoPath, SourceTree};
use crate::plan::contexts;

/// A script in another file, with where it runs.
pub(super) struct Wrapped {
    /// Commands that come before each of its own.
    pub(super) setup: Vec<String>,
    /// Texts that each run in a shell of their own.
    pub(super) scripts: Vec<String>,
    pub(super) launcher: Launcher,
}

/// What starts the programs of a script, so that they are those that the wrapper would have found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Launcher {
    None,
    /// Of the programs that Node's packages bring along, as `npx --no-install`.
    Node(&'static str),
    /// Of every program, as `pdm run`.
    Every(String),
}

/// What `command` starts in `folder`, in each package of a workspace; none where it starts nothing that can be read.
pub(super) fn wrapped(command: &Command, folder: &str, tree: &dyn SourceTree) -> Vec<Wrapped> {
    if !command.piped.is_empty() {
        return Vec::new();
    }
    let assigned = command.words.iter().take_while(|w| w.is_assignment()).count();
    let words = &command.words[assigned..];
    let one = package_script(words, folder, tree)
        .or_else(|| make_target(words, folder, tree))
        .or_else(|| just_recipe(words, folder, tree))
        .or_else(|| shell_script(words, folder, tree));
    let mut found: Vec<Wrapped> = one.into_iter().collect();
    if found.is_empty() {
        // `npx turbo run lint`: who started it finds no other one.
        let at = program(&command.words).unwrap_or(assigned);
        found = workspaces::wrapped(words, folder, tree);
        if found.is_empty() && at > assigned {
            found = workspaces::wrapped(&command.words[at..], folder, tree);
        }
    }
    if found.is_empty() {
        found = python_tasks::wrapped(command, folder, tree);
    }
    // `A=1 npm run lint`: everything below sees it.
    for wrapped in &mut found {
        let exports = command.words[..assigned].iter().map(|w| format!("export {}", w.raw));
        wrapped.setup.splice(0..0, exports);
    }
    found
}

/// `folder` after `cd to`; `None` where that leaves the repository or is not known.
pub(in crate::plan) fn enter(folder: &str, to: &str) -> Option<String> {
    let to = contexts::below_workspace(to).map_or(to, |rest| if rest.is_empty() { "/" } else { rest });
    let mut parts: Vec<&str> = if to.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.retain(|p| !p.is_empty() && *p != ".");
                parts.pop()?;
            }
            part if part.starts_with(['~', '-', '$']) || part.contains(['*', '?']) => return None,
            part => parts.push(part),
        }
    }
    parts.retain(|p| !p.is_empty() && *p != ".");
    Some(parts.join("/"))
}

pub(super) fn read(folder: &str, name: &str, tree: &dyn SourceTree) -> Option<String> {
    let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    tree.read_text(&RepoPath::new(&path).ok()?)
}

fn package_script(words: &[Word], folder: &str, tree: &dyn SourceTree) -> Option<Wrapped> {
    let manager = words.first()?.literal.as_deref()?;
    if !matches!(manager, "npm" | "pnpm" | "yarn" | "bun") {
        return None;
    }
    let (mut folder, mut setup) = (folder.to_owned(), Vec::new());
    let (mut at, mut name, mut ran) = (1, None, false);
    while let Some(word) = words.get(at) {
        let text = word.literal.as_deref()?;
        match text {
            "run" | "run-script" if !ran => ran = true,
            "-s" | "--silent" | "--if-present" | "-q" => {}
            "--prefix" | "-C" | "--dir" | "--cwd" => {
                at += 1;
                let to = words.get(at)?;
                folder = enter(&folder, to.literal.as_deref()?)?;
                setup.push(format!("cd {}", to.raw));
            }
            text if text.starts_with('-') => return None,
            text => {
                name = Some(text);
                at += 1;
                break;
            }
        }
        at += 1;
    }
    let name = name?;
    // npm and bun have a command of their own for most words.
    let short = manager == "npm" && matches!(name, "test" | "t" | "start");
    if !ran && matches!(manager, "npm" | "bun") && !short {
        return None;
    }
    let name = if name == "t" { "test" } else { name };
    let manifest: serde_json::Value = serde_json::from_str(&read(&folder, "package.json", tree)?).ok()?;
    let script = manifest["scripts"][name].as_str()?;
    // Before `--` npm takes options for itself.
    let own = words[at..].iter().take_while(|w| !w.is("--"));
    if manager == "npm" && own.into_iter().any(|w| w.raw.starts_with('-')) {
        return None;
    }
    let mut rest: Vec<&str> = words[at..].iter().map(|w| w.raw.as_str()).collect();
    if rest.first() == Some(&"--") {
        rest.remove(0);
    }
    let script = [&[script], rest.as_slice()].concat().join(" ");
    let (scripts, launcher) = own_scripts(script, manager, &manifest["scripts"]);
    Some(Wrapped { setup, scripts, launcher: Launcher::Node(launcher) })
}

/// What a package's script runs, and what starts the programs of its packages; `all`: the scripts beside it.
pub(super) fn own_scripts(
    script: String,
    manager: &str,
    all: &serde_json::Value,
) -> (Vec<String>, &'static str) {
    let launcher = match manager {
        "pnpm" => "pnpm exec",
        // A script of the same name would run in place of the program.
        "yarn" if !NODE_PROGRAMS.iter().any(|program| all[program].is_string()) => "yarn run",
        "bun" => "bun x --no-install",
        _ => "npx --no-install",
    };
    (several(&script, manager).unwrap_or_else(|| vec![script]), launcher)
}

/// `run-s a b`, `npm-run-all a b`: scripts of the same package.
fn several(script: &str, manager: &str) -> Option<Vec<String>> {
    let mut words = script.split_whitespace();
    if !matches!(words.next()?, "run-s" | "run-p" | "npm-run-all" | "npm-run-all2") {
        return None;
    }
    let names: Vec<&str> = words.filter(|w| !w.starts_with('-')).collect();
    let plain = |name: &&str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_:.".contains(&b));
    names.iter().all(plain).then(|| names.iter().map(|name| format!("{manager} run {name}")).collect())
}

fn make_target(words: &[Word], folder: &str, tree: &dyn SourceTree) -> Option<Wrapped> {
    if !matches!(words.first()?.literal.as_deref()?, "make" | "gmake") {
        return None;
    }
    let (mut folder, mut setup, mut targets, mut at) = (folder.to_owned(), Vec::new(), Vec::new(), 1);
    while let Some(word) = words.get(at) {
        match word.literal.as_deref()? {
            "-C" | "--directory" => {
                at += 1;
                let to = words.get(at)?;
                folder = enter(&folder, to.literal.as_deref()?)?;
                setup.push(format!("cd {}", to.raw));
            }
            "-s" | "-k" | "-B" | "--silent" | "--keep-going" | "--no-print-directory" => {}
            text if text.starts_with('-') || text.contains('=') => return None,
            text => targets.push(text.to_owned()),
        }
        at += 1;
    }
    let file = ["GNUmakefile", "makefile", "Makefile"].iter().find_map(|name| read(&folder, name, tree))?;
    let file = Makefile::read(&file.replace("\\\n", " "))?;
    if targets.is_empty() {
        targets.push(file.rules.first()?.0.clone());
    }
    let mut scripts = Vec::new();
    for target in &targets {
        file.recipe(target, &mut scripts, 0)?;
    }
    Some(Wrapped { setup, scripts, launcher: Launcher::None })
}

struct Makefile {
    /// Target, prerequisites, recipe.
    rules: Vec<(String, Vec<String>, Vec<String>)>,
    /// `None`: set more than once, or in a way that only make knows.
    variables: Vec<(String, Option<String>)>,
}

impl Makefile {
    fn read(text: &str) -> Option<Self> {
        let mut file = Self { rules: Vec::new(), variables: Vec::new() };
        let mut open: Vec<usize> = Vec::new();
        let mut conditions = 0_usize;
        for line in text.lines() {
            if let Some(recipe) = line.strip_prefix('\t') {
                for at in &open {
                    file.rules[*at].2.push(recipe.to_owned());
                }
                continue;
            }
            let line = line.split('#').next().unwrap_or_default().trim();
            let first = line.split_whitespace().next().unwrap_or_default();
            match first {
                "" => continue,
                ".ONESHELL:"
                | "define"
                | "export"
                | "override"
                | ".RECIPEPREFIX"
                | ".EXPORT_ALL_VARIABLES:" => {
                    return None;
                }
                "ifeq" | "ifneq" | "ifdef" | "ifndef" | "else" | "endif" | "include" | "-include"
                | "sinclude" => {
                    conditions += usize::from(first.starts_with("if"));
                    conditions = conditions.saturating_sub(usize::from(first == "endif"));
                    open.clear();
                    continue;
                }
                _ => {}
            }
            if let Some((name, value)) = variable(line) {
                open.clear();
                if name == "SHELL" || name == ".SHELLFLAGS" {
                    return None;
                }
                let value = value.filter(|_| conditions == 0);
                match file.variables.iter_mut().find(|(known, _)| known == name) {
                    Some((_, known)) => *known = None,
                    None => file.variables.push((name.to_owned(), value.map(str::to_owned))),
                }
            } else if let Some((targets, needed)) = line.split_once(':') {
                let needed = needed.trim_start_matches(':');
                let (needed, inline) = needed.split_once(';').map_or((needed, None), |(n, r)| (n, Some(r)));
                let needed: Vec<String> = needed.split_whitespace().map(str::to_owned).collect();
                open.clear();
                for target in targets.split_whitespace().filter(|t| !t.starts_with('.')) {
                    // What only some conditions give is as unknown as what is said twice.
                    for _ in 0..=usize::from(conditions > 0) {
                        open.push(file.rules.len());
                        let recipe = inline.iter().map(|r| r.trim().to_owned()).collect();
                        file.rules.push((target.to_owned(), needed.clone(), recipe));
                    }
                }
            } else {
                open.clear();
            }
        }
        Some(file)
    }

    /// What runs for a target, its prerequisites first; `None` where two rules speak of it.
    fn recipe(&self, target: &str, scripts: &mut Vec<String>, depth: u8) -> Option<()> {
        let mut rules = self.rules.iter().filter(|(name, ..)| name == target);
        let Some((_, needed, recipe)) = rules.next() else { return Some(()) };
        if rules.next().is_some() || depth > 4 {
            return None;
        }
        for needed in needed.iter().filter(|n| !n.contains('$')) {
            self.recipe(needed, scripts, depth + 1)?;
        }
        for line in recipe {
            let line = line.trim_start().trim_start_matches(['@', '-', '+']);
            scripts.extend(self.expand(line, 0));
        }
        Some(())
    }

    /// The line as the shell gets it; `None` where only make knows that.
    fn expand(&self, line: &str, depth: u8) -> Option<String> {
        let mut out = String::new();
        let mut rest = line;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let close = if rest.starts_with('(') { ')' } else { '}' };
            let inside = rest.strip_prefix(['(', '{'])?;
            let end = inside.find(close)?;
            let name = &inside[..end];
            let value = if name == "MAKE" {
                Some("make".to_owned())
            } else {
                let mut known = self.variables.iter().filter(|(n, _)| n == name);
                known.next().and_then(|(_, value)| value.clone())
            }?;
            out.push_str(&if depth < 4 { self.expand(&value, depth + 1)? } else { return None });
            rest = &inside[end + 1..];
        }
        out.push_str(rest);
        Some(out)
    }
}

/// `NAME = value` and its kin.
fn variable(line: &str) -> Option<(&str, Option<&str>)> {
    let at = line.find('=')?;
    let (before, value) = (&line[..at], line[at + 1..].trim());
    let name = before.trim_end_matches([':', '?', '+', '!']);
    let is_name =
        |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    // The environment may decide over `?=`; what `+=` and `!=` give is make's to know.
    let known = !before.ends_with(['+', '!']);
    is_name(name.trim()).then(|| (name.trim(), known.then_some(value)))
}

fn just_recipe(words: &[Word], folder: &str, tree: &dyn SourceTree) -> Option<Wrapped> {
    if !words.first()?.is("just") {
        return None;
    }
    let names: Vec<&str> = words[1..].iter().map(|w| w.literal.as_deref()).collect::<Option<_>>()?;
    if names.is_empty() || names.iter().any(|n| n.starts_with('-') || n.contains(['=', ':'])) {
        return None;
    }
    let text = ["justfile", "Justfile", ".justfile"].iter().find_map(|name| read(folder, name, tree))?;
    if text.lines().any(|l| l.starts_with("set ") || l.starts_with("import ") || l.starts_with("export ")) {
        return None;
    }
    let mut scripts = Vec::new();
    for name in names {
        recipe_of_just(&text, name, &mut scripts, 0)?;
    }
    Some(Wrapped { setup: Vec::new(), scripts, launcher: Launcher::None })
}

fn recipe_of_just(text: &str, name: &str, scripts: &mut Vec<String>, depth: u8) -> Option<()> {
    let mut lines = text.lines().skip_while(|line| {
        let head = line.trim_start_matches('@').split(':').next().unwrap_or_default();
        line.starts_with([' ', '\t']) || head != name || !line.contains(':') || line.contains(":=")
    });
    let needed = lines.next()?.split_once(':')?.1;
    if depth > 4 || needed.contains(['(', '&', '{']) {
        return None;
    }
    for needed in needed.split('#').next().unwrap_or_default().split_whitespace() {
        recipe_of_just(text, needed, scripts, depth + 1)?;
    }
    for line in lines.take_while(|l| l.is_empty() || l.starts_with([' ', '\t'])) {
        let line = line.trim().trim_start_matches(['@', '-']);
        if line.starts_with("#!") || line.contains("{{") {
            return None;
        }
        scripts.push(line.to_owned());
    }
    Some(())
}

/// `./scripts/lint.sh`, `bash scripts/lint.sh`: a tracked script that takes nothing from its caller.
fn shell_script(words: &[Word], folder: &str, tree: &dyn SourceTree) -> Option<Wrapped> {
    let shell = matches!(words.first()?.literal.as_deref()?, "bash" | "sh");
    let mut words = words.iter().skip(usize::from(shell)).peekable();
    while shell && words.next_if(|w| matches!(w.raw.as_str(), "-e" | "-x" | "-ex" | "-eu" | "-eux")).is_some()
    {
    }
    let called = words.next()?.literal.as_deref()?;
    if words.next().is_some() || !(shell || called.contains('/')) {
        return None;
    }
    let path = enter(folder, called)?;
    let text = tree.read_text(&RepoPath::new(&path).ok()?)?;
    let first = text.lines().next().unwrap_or_default();
    let is_shell = first.starts_with("#!")
        && (first.ends_with("bash")
            || first.ends_with("/sh")
            || first.contains("bash -")
            || first.contains("/sh -"));
    let asks_for_none = shell && !first.starts_with("#!");
    if !is_shell && !asks_for_none {
        return None;
    }
    // Where the script lies, in the usual ways to ask for it.
    let own = called.rsplit_once('/').map_or(".", |(dir, _)| dir);
    let mut text = text;
    for asks in ["$0", "${0}", "${BASH_SOURCE[0]}", "$BASH_SOURCE", "${BASH_SOURCE}"] {
        for call in [
            format!("$(dirname \"{asks}\")"),
            format!("$(dirname -- \"{asks}\")"),
            format!("$(dirname {asks})"),
        ] {
            text = text.replace(&call, own);
        }
    }
    let asks_caller = [
        "$0",
        "${0",
        "BASH_SOURCE",
        "$@",
        "$*",
        "$#",
        "${@",
        "${*",
        "${#",
        "$1",
        "${1",
        "$2",
        "${2",
        "shift",
    ];
    if asks_caller.iter().any(|a| text.contains(a)) {
        return None;
    }
    Some(Wrapped { setup: Vec::new(), scripts: vec![text], launcher: Launcher::None })
}

/// The commands of what was found, each as it stands where the wrapper was called.
pub(super) fn inner(wrapped: &Wrapped, outer: &Command) -> Vec<Command> {
    let mut found = Vec::new();
    for script in &wrapped.scripts {
        for mut command in commands(script) {
            let program = command.words.iter().position(|w| !w.is_assignment()).unwrap_or(0);
            let name = command.words.get(program).and_then(|w| w.literal.as_deref()).unwrap_or_default();
            let launcher = match &wrapped.launcher {
                Launcher::Node(launcher) if NODE_PROGRAMS.contains(&name) => launcher,
                Launcher::Every(launcher) => launcher.as_str(),
                Launcher::Node(_) | Launcher::None => "",
            };
            let launcher = launcher.split(' ').filter(|word| !word.is_empty()).map(Word::plain);
            command.words.splice(program..program, launcher);
            let setup = outer.setup.iter().chain(&wrapped.setup).cloned();
            command.setup = setup.chain(command.setup).collect();
            found.push(command);
        }
    }
    found
}
