//! What a task runner of Node's workspaces runs in which packages: `npm run -w`, `pnpm -r`, `pnpm --filter`,
//! `yarn workspace(s)`, `bun --filter`, `lerna run`, `nx run-many`, `turbo run`.

use super::script::Word;
use super::wrappers::{Launcher, Wrapped, enter, own_scripts, read};
use crate::contract::git::{RepoPath, SourceTree};

/// More packages than this are no workspace that one check walks over.
const MAX_PACKAGES: usize = 60;

/// Which packages, and what is run in each.
#[derive(Default)]
struct Call {
    /// The manager whose scripts they are; empty: as the lock file says.
    manager: &'static str,
    scripts: Vec<String>,
    /// Names, or folders, with `*`.
    chosen: Vec<String>,
    all: bool,
    rest: Vec<String>,
}

struct Package {
    folder: String,
    name: String,
    scripts: serde_json::Value,
}

/// A script for each package; none where this is no such call, or where what it chooses is not known.
pub(super) fn wrapped(words: &[Word], folder: &str, tree: &dyn SourceTree) -> Vec<Wrapped> {
    let Some(call) = read_call(words) else { return Vec::new() };
    if !call.all && call.chosen.is_empty() {
        return Vec::new();
    }
    let Some(packages) = packages(folder, tree) else { return Vec::new() };
    let manager = if call.manager.is_empty() { by_lock_file(folder, tree) } else { call.manager };
    let mut found = Vec::new();
    for package in packages {
        let is_chosen = |chosen: &String| {
            let chosen = chosen.trim_start_matches("./").trim_end_matches('/');
            matches(chosen, &package.name)
                || matches(chosen, &package.folder)
                || matches(chosen.trim_matches(['{', '}']), &package.folder)
        };
        if !call.all && !call.chosen.iter().any(is_chosen) {
            continue;
        }
        for script in &call.scripts {
            let Some(text) = package.scripts[script].as_str() else { continue };
            let text = [&[text.to_owned()], call.rest.as_slice()].concat().join(" ");
            let (scripts, launcher) = own_scripts(text, manager, &package.scripts);
            let setup = vec![format!("cd {}", quoted(&package.folder))];
            found.push(Wrapped { setup, scripts, launcher: Launcher::Node(launcher) });
        }
    }
    found
}

fn read_call(words: &[Word]) -> Option<Call> {
    let words: Vec<&str> = words.iter().map(|w| w.literal.as_deref()).collect::<Option<_>>()?;
    let (program, words) = words.split_first()?;
    match *program {
        "npm" | "pnpm" | "bun" => of_manager(program, words),
        "yarn" => of_yarn(words),
        "turbo" => of_turbo(words),
        "lerna" => of_lerna(words),
        "nx" => of_nx(words),
        _ => None,
    }
}

/// The value of `flag`, behind it or behind a `=`.
fn value<'w>(word: &'w str, rest: &mut impl Iterator<Item = &'w str>, flags: &[&str]) -> Option<&'w str> {
    match word.split_once('=') {
        Some((flag, value)) if flags.contains(&flag) => Some(value),
        _ if flags.contains(&word) => rest.next(),
        _ => None,
    }
}

fn of_manager(program: &str, words: &[&str]) -> Option<Call> {
    let (manager, chosen): (_, &[&str]) = match program {
        "npm" => ("npm", &["-w", "--workspace"]),
        "pnpm" => ("pnpm", &["--filter", "-F"]),
        _ => ("bun", &["--filter", "-F"]),
    };
    let mut call = Call { manager, ..Call::default() };
    let mut ran = manager == "pnpm";
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if let Some(value) = value(word, &mut words, chosen) {
            call.choose(value)?;
            continue;
        }
        match word {
            "--" if !call.scripts.is_empty() => {
                call.rest = words.map(quoted).collect();
                break;
            }
            "run" | "run-script" if call.scripts.is_empty() => ran = true,
            "-r" | "--recursive" | "recursive" if manager == "pnpm" => call.all = call.chosen.is_empty(),
            "-ws" | "--workspaces" if manager == "npm" => call.all = true,
            // They choose no package and end in no value.
            "-s" | "--silent" | "--if-present" | "--parallel" | "--stream" | "--no-bail" | "--no-sort"
            | "--sort" | "--aggregate-output" | "--fail-if-no-match" => {}
            _ if word.starts_with("--workspace-concurrency=") || word.starts_with("--reporter=") => {}
            _ if word.starts_with('-') && call.scripts.is_empty() => return None,
            // pnpm takes nothing for itself behind the script; npm does.
            _ if word.starts_with('-') && manager == "npm" => return None,
            _ if call.scripts.is_empty() => call.scripts.push(word.to_owned()),
            _ => call.rest.push(quoted(word)),
        }
    }
    call.all &= call.chosen.is_empty();
    (ran && !matches!(call.scripts.first()?.as_str(), "exec" | "dlx" | "install" | "i" | "x")).then_some(call)
}

fn of_yarn(words: &[&str]) -> Option<Call> {
    let mut call = Call { manager: "yarn", ..Call::default() };
    let mut words = words.iter().copied().peekable();
    match words.next()? {
        "workspace" => call.choose(words.next()?)?,
        "workspaces" => {
            call.all = true;
            if words.next_if_eq(&"foreach").is_some() {
                while let Some(flag) = words.next_if(|w| w.starts_with('-')) {
                    match flag {
                        "--include" => call.choose(words.next()?)?,
                        "--all" | "--parallel" | "--verbose" | "--topological" | "--interlaced" => {}
                        // Letters of flags without a value.
                        _ if flag[1..].bytes().all(|b| b"Apvit".contains(&b)) => {}
                        _ => return None,
                    }
                }
                call.all = call.chosen.is_empty();
            }
            words.next_if_eq(&"run")?;
        }
        _ => return None,
    }
    words.next_if_eq(&"run");
    call.scripts.push(words.next().filter(|w| !w.starts_with('-'))?.to_owned());
    call.rest = words.map(quoted).collect();
    Some(call)
}

fn of_turbo(words: &[&str]) -> Option<Call> {
    let mut call = Call { all: true, ..Call::default() };
    let mut words = words.iter().copied().peekable();
    words.next_if_eq(&"run");
    while let Some(word) = words.next() {
        if let Some(value) = value(word, &mut words, &["--filter", "-F", "--scope"]) {
            call.choose(value)?;
            continue;
        }
        match word {
            "--" => {
                call.rest = words.map(quoted).collect();
                break;
            }
            "--affected" => return None,
            "--concurrency" | "--cache-dir" | "--log-order" | "--output-logs" | "--env-mode" => {
                words.next();
            }
            _ if word.starts_with('-') => {}
            _ => call.scripts.push(word.to_owned()),
        }
    }
    call.all = call.chosen.is_empty();
    Some(call)
}

fn of_lerna(words: &[&str]) -> Option<Call> {
    let mut call = Call { all: true, ..Call::default() };
    let mut words = words.iter().copied().peekable();
    words.next_if_eq(&"run")?;
    while let Some(word) = words.next() {
        if let Some(value) = value(word, &mut words, &["--scope"]) {
            call.choose(value)?;
            continue;
        }
        match word {
            "--" => {
                call.rest = words.map(quoted).collect();
                break;
            }
            "--stream" | "--parallel" | "--no-bail" | "--no-sort" | "--no-progress" => {}
            _ if word.starts_with("--concurrency=") => {}
            _ if word.starts_with('-') => return None,
            _ => call.scripts.extend(word.split(',').map(str::to_owned)),
        }
    }
    call.all = call.chosen.is_empty();
    Some(call)
}

fn of_nx(words: &[&str]) -> Option<Call> {
    let mut call = Call::default();
    let (first, words) = words.split_first()?;
    match *first {
        "run" => {
            let (name, script) = words.first()?.split_once(':').filter(|(_, s)| !s.contains(':'))?;
            call.choose(name)?;
            call.scripts.push(script.to_owned());
            (words.len() == 1).then_some(call)
        }
        "run-many" => {
            call.all = true;
            let mut words = words.iter().copied().peekable();
            while let Some(word) = words.next() {
                if let Some(value) = value(word, &mut words, &["-t", "--target", "--targets"]) {
                    call.scripts.extend(value.split(',').map(str::to_owned));
                    // `-t lint test`
                    while let Some(more) = words.next_if(|w| !w.starts_with('-')) {
                        call.scripts.push(more.to_owned());
                    }
                } else if let Some(value) = value(word, &mut words, &["-p", "--projects"]) {
                    value.split(',').try_for_each(|name| call.choose(name))?;
                } else if !matches!(word, "--all" | "--nxBail" | "--skip-nx-cache" | "--skipNxCache")
                    && !["--parallel", "--output-style", "--outputStyle", "--verbose"]
                        .iter()
                        .any(|flag| word == *flag || word.starts_with(&format!("{flag}=")))
                {
                    return None;
                }
            }
            call.all = call.chosen.is_empty();
            Some(call)
        }
        _ => None,
    }
}

impl Call {
    /// Takes in a choice of packages; `None` where only the tool knows what it means: what changed, what depends on what.
    fn choose(&mut self, chosen: &str) -> Option<()> {
        if chosen.is_empty() || chosen.contains(['!', '[', '^', '?']) || chosen.contains("...") {
            return None;
        }
        self.chosen.push(chosen.to_owned());
        Some(())
    }
}

/// The packages below `folder`, in the order of their folders.
fn packages(folder: &str, tree: &dyn SourceTree) -> Option<Vec<Package>> {
    let below = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let mut found = Vec::new();
    for file in tree.files() {
        let Some(inside) = file.path.as_str().strip_prefix(&below) else { continue };
        let Some(at) = inside.strip_suffix("/package.json") else { continue };
        if at.split('/').any(|part| part == "node_modules") {
            continue;
        }
        let Some(text) = tree.read_text(&file.path) else { continue };
        let Ok(manifest) = serde_json::from_str::<serde_json::Value>(&text) else { continue };
        let name = manifest["name"].as_str().unwrap_or(at).to_owned();
        found.push(Package { folder: at.to_owned(), name, scripts: manifest["scripts"].clone() });
        if found.len() > MAX_PACKAGES {
            return None;
        }
    }
    Some(found)
}

fn by_lock_file(folder: &str, tree: &dyn SourceTree) -> &'static str {
    let has = |name: &str| {
        enter(folder, name)
            .and_then(|path| RepoPath::new(&path).ok())
            .is_some_and(|path| tree.entry(&path).is_some())
    };
    if has("pnpm-lock.yaml") || has("pnpm-workspace.yaml") {
        "pnpm"
    } else if has("yarn.lock") {
        "yarn"
    } else if has("bun.lock") || has("bun.lockb") {
        "bun"
    } else {
        let asks = read(folder, "package.json", tree)
            .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
            .and_then(|manifest| manifest["packageManager"].as_str().map(str::to_owned))
            .unwrap_or_default();
        ["pnpm", "yarn", "bun"].into_iter().find(|m| asks.starts_with(&format!("{m}@"))).unwrap_or("npm")
    }
}

/// Whether `text` is what `pattern` says, where `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let rest = rest.trim_start_matches('*');
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|tail| matches(rest, tail)))
        }),
    }
}

/// As a shell's word.
fn quoted(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./=:,@+%".contains(&b);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
