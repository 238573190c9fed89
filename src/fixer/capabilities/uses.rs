//! Judges what code reaches that it did not reach before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::paths::capabilities;
use super::{Asked, Capability, Gained, Sides, Treatment, annotations};
use crate::contract::bug::Category;
use crate::fixer::language::Language;
use crate::fixer::paths::Protection;
use crate::fixer::weakening::FileRole;
use crate::syntax::{Decides, How, Looks, Use, Value};

/// What a test says that wants an exit code.
static WANTS_EXIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // The pattern is constant; a test would fail without it.
    Regex::new(r"(?i)SystemExit|return_?code|exit[_ ]?(code|status)|exitcode|\bexit\(|\.exit\b|ExitError|exitValue|CalledProcessError|\.status\b|assert_cmd|\bexited\b").ok()
});

/// What runners print at the end, and of each test.
static SUMMARY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b\d+ (tests? )?pass(ed|ing)\b|test result: |--- pass:|=== run|\bok\s+\S+\s+\d+\.\d+s|# (pass|fail|tests) \d|tests run: |\[100%\]|build success|\b0 failed\b|\b0 failures\b|\bTests:\s+\d").ok()
});

/// Names that only somebody who looks for tests puts together from parts.
const TELLING: &[&str] = &[
    "test",
    "pytest",
    "unittest",
    "junit",
    "jest",
    "mocha",
    "vitest",
    "conftest",
    "exit",
    "eval",
    "exec",
    "assert",
    "strictEqual",
    "surefire",
    "nextest",
    "workspace",
    "__import__",
    "builtins",
    "process",
    "Function",
    "halt",
    "spec",
];

/// Variables that are there under a test runner or in CI.
const TELLS_TESTS: &[&str] = &[
    "CI",
    "GITHUB_",
    "CI_HEALER",
    "PYTEST",
    "JEST_",
    "VITEST",
    "NODE_TEST",
    "MOCHA_",
    "NEXTEST",
    "CARGO_TARGET_TMPDIR",
    "RUST_TEST",
    "TEST_",
];

/// Modules that nobody hands over whole, but to find in them what is not named.
const HANDED: &[&str] = &["process", "os", "sys", "builtins", "globalThis", "Reflect", "posix"];

/// What says what is equal, where it is set from outside.
const EQUALITIES: &[&str] =
    &["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "asymmetricMatch", "equals"];

/// Variables that tools agree on.
const CONVENTIONS: &[&str] = &[
    "NO_COLOR",
    "FORCE_COLOR",
    "NODE_ENV",
    "DEBUG",
    "LOG_LEVEL",
    "PORT",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "TERM",
    "TZ",
    "LANG",
    "EDITOR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SOURCE_DATE_EPOCH",
    "DATABASE_URL",
];

pub(super) fn gained(one: &Sides<'_>, all: &[Sides<'_>], asked: &Asked<'_>) -> Vec<Gained> {
    let path = one.change.path.as_str();
    let before: Vec<Use> = all.iter().filter_map(|s| s.before.as_ref()).flat_map(|r| r.uses()).collect();
    let mut counts: BTreeMap<(String, How), usize> = BTreeMap::new();
    for known in &before {
        *counts.entry((known.path.clone(), known.how)).or_default() += 1;
    }
    let mut found = Vec::new();
    let after = one.after.uses();
    for used in &after {
        let key = (used.path.clone(), used.how);
        if let Some(left) = counts.get_mut(&key)
            && *left > 0
        {
            *left -= 1;
            // The same with another argument may be something else.
            let as_before =
                |old: &&Use| old.path == used.path && old.how == used.how && old.arguments == used.arguments;
            let same = before.iter().any(|old| as_before(&old) && old.decides == used.decides);
            if same || !is_about_arguments(one.language, used) {
                continue;
            }
        }
        for capability in capabilities(one.language, &used.path, &used.from) {
            if let Some(default) = judge(capability, used, one, asked, &before, &after) {
                found.push(Gained::new(capability, path, used.line, &used.text).with(default));
            }
        }
        if used.handed
            && used.how == How::Read
            && HANDED.contains(&used.path.as_str())
            && one.role == FileRole::Source
            && !asks_by_plain_name(used)
        {
            found.push(Gained::new(Capability::Unknown, path, used.line, &used.text));
        }
        let last = used.path.rsplit('.').next().unwrap_or_default();
        if used.how == How::Write && EQUALITIES.contains(&last) {
            found.push(Gained::new(Capability::Equality, path, used.line, &used.text));
        }
        if let Some(default) = patches(used, one, asked) {
            found.push(Gained::new(Capability::Patch, path, used.line, &used.text).with(default));
        }
    }
    found.extend(imports(one));
    found.extend(equality(one));
    found.extend(texts(one, asked, &found));
    found
}

/// `getattr(sys, "frozen", False)`: what that leads to is judged for itself.
fn asks_by_plain_name(used: &Use) -> bool {
    static PLAIN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"\b(?:get|has)attr\(\s*(\w+)\s*,\s*["']\w+["']\s*[,)]"#).ok());
    let Some(plain) = PLAIN.as_ref() else { return false };
    let asked = plain.captures_iter(&used.text).filter(|c| c[1] == used.path).count();
    let words = used.text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.');
    asked > 0 && words.filter(|word| *word == used.path).count() == asked
}

/// `isinstance(loader, zipimporter)`: a type is named there and nothing of it is done.
fn names_a_type(used: &Use) -> bool {
    let Some(class) = used.path.rsplit('.').next() else { return false };
    let code: String = used.text.chars().filter(|c| !c.is_whitespace()).collect();
    let asks = ["isinstance(", "issubclass("].iter().any(|call| {
        code.match_indices(call).any(|(at, _)| {
            let inside = &code[at + call.len()..];
            let (_, classes) = inside.split_once(',').unwrap_or_default();
            classes
                .split([')', ','])
                .next()
                .is_some_and(|named| named == class || named.ends_with(&format!(".{class}")))
        })
    });
    // `x instanceof Function`, `x.constructor === Function`
    let compares = ["instanceof", "=="].iter().any(|word| {
        code.split_once(&format!("{word}{class}"))
            .is_some_and(|(_, rest)| rest.chars().next().is_none_or(|c| ")&|;?:,}".contains(c)))
    });
    used.how == How::Read && (asks || compares) && code.matches(class).count() == 1
}

/// Whether what it does hangs on what it is given, or on what it decides.
fn is_about_arguments(language: Language, used: &Use) -> bool {
    capabilities(language, &used.path, &used.from).iter().any(|c| {
        matches!(c, Capability::Status | Capability::Environment | Capability::Time | Capability::Files)
    })
}

/// What is done about one use of a path with a capability; nothing where it is as good as none.
fn judge(
    capability: Capability,
    used: &Use,
    one: &Sides<'_>,
    asked: &Asked<'_>,
    before: &[Use],
    all_uses: &[Use],
) -> Option<Treatment> {
    let in_source = one.role == FileRole::Source;
    match capability {
        Capability::Status => status(used, asked),
        Capability::End => Some(Treatment::Refuse),
        Capability::AtEnd => {
            let events = ["exit", "beforeExit", "uncaughtException", "unhandledRejection"];
            let ends = match used.arguments.first() {
                Some(Some(Value::Text(event))) => events.contains(&event.as_str()),
                _ => used.path.starts_with("process.") && used.arguments.is_empty(),
            };
            let hook = ["set_hook", "catch_unwind", "take_hook", "addShutdownHook"]
                .iter()
                .any(|h| used.path.ends_with(h));
            Some(if ends || hook { Treatment::Refuse } else { Treatment::CounterProof })
        }
        Capability::Runner | Capability::Assertions if !in_source => None,
        // An assertion in code that runs is an assertion.
        Capability::Assertions => (used.how != How::Call).then_some(Treatment::Refuse),
        Capability::Machinery | Capability::Code if names_a_type(used) => None,
        // What is run as a program, as it was written before `require.main`; in a function it would tell who calls.
        Capability::Machinery if used.path == "module.parent" && runs_as_program(used) => None,
        Capability::Machinery => {
            let unknown = used.path.ends_with(".*") && !used.on_load;
            Some(if unknown && used.how == How::Call { Treatment::CounterProof } else { Treatment::Refuse })
        }
        Capability::Stack | Capability::Environment | Capability::Time | Capability::Unchecked
            if !in_source =>
        {
            None
        }
        Capability::Stack if is_its_trade(capability, used, one) => Some(Treatment::CounterProof),
        Capability::Stack => stack(used),
        Capability::Environment => environment(used, one, asked, before),
        // Between two times there is a span, whenever it is.
        Capability::Time => {
            let is_time = |u: &&Use| capabilities(one.language, &u.path, &u.from).contains(&Capability::Time);
            let fixed = used.how == How::Call && used.decides == Decides::Fixed;
            let times = || all_uses.iter().filter(is_time);
            let span = || times().any(|u| times().filter(|other| other.line == u.line).count() > 1);
            (fixed && !span()).then_some(Treatment::Refuse)
        }
        Capability::Files => files(used, asked),
        Capability::Programs => Some(if used.on_load { Treatment::Refuse } else { Treatment::Lower }),
        Capability::Unchecked => unchecked(used, one, asked, before),
        Capability::Code | Capability::Raw if is_its_trade(capability, used, one) => {
            Some(Treatment::CounterProof)
        }
        _ => Some(Treatment::Refuse),
    }
}

/// Whether the file did as much by the same means before: a wrapper of C libraries calls one function more. What makes
/// code of text is none.
fn is_its_trade(capability: Capability, used: &Use, one: &Sides<'_>) -> bool {
    const TEXT: &[&str] =
        &["eval", "exec", "compile", "globals", "Function", "AsyncFunction", "vm", "marshal", "C"];
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let root = |path: &str| path.split(['.', '/']).next().unwrap_or_default().to_owned();
    let (own_root, own_last) = (root(&used.path), last(&used.path));
    let of_text = TEXT.iter().any(|text| used.path.split('.').any(|part| part == *text));
    // `match.equals(field)` where the file got the field before.
    let runs = ["invoke", "newInstance", "apply", "call", "bind", "Call"].contains(&own_last.as_str())
        || own_last.to_lowercase().starts_with("set");
    let uses = one.before.as_ref().map(|reading| reading.uses()).unwrap_or_default();
    !of_text
        && uses.iter().any(|old| {
            let alike = if own_root == "?" {
                let is_of_it = used.path.strip_prefix(&old.path).is_some_and(|rest| rest.starts_with('.'));
                old.path.split('.').any(|part| part == own_last) || is_of_it && !runs
            } else {
                root(&old.path) == own_root
            };
            alike && capabilities(one.language, &old.path, &old.from).contains(&capability)
        })
}

/// An exit code that is success, or that somebody else may set.
fn status(used: &Use, asked: &Asked<'_>) -> Option<Treatment> {
    // `except SystemExit`, `raise SystemExit(main())`.
    let raised = used.path == "SystemExit";
    let zero = match (used.how, used.arguments.first()) {
        (How::Call, None) => {
            !matches!(used.path.as_str(), "os.Exit" | "process.exit" | "System.exit")
                || !used.text.contains("exit(")
                || used.text.contains("exit()")
        }
        (How::Call, Some(Some(Value::Number(code)))) => *code == 0.0,
        (How::Call, Some(Some(Value::Text(_)))) => false,
        (How::Call, Some(None)) => {
            ["(None)", "(False)", "(null)", "(undefined)"].iter().any(|none| used.text.contains(none))
        }
        // By `defineProperty` and the like.
        (How::Write, _) if !used.text.contains("exitCode =") => true,
        (How::Write, _) => {
            let given = used.text.rsplit('=').next().unwrap_or_default().trim().trim_end_matches(';');
            matches!(given, "0" | "undefined" | "null")
        }
        (How::Read, _) if raised => used.text.starts_with("raise"),
        (How::Read, _) => used.path != "process.exitCode" && used.path != "Deno.exitCode",
    };
    // Handed over, nobody knows what it is called with.
    let handed = used.how == How::Read && !raised;
    let wanted = !handed && !used.on_load && WANTS_EXIT.as_ref().is_some_and(|r| r.is_match(&asked.failing));
    (zero && !wanted).then_some(Treatment::Refuse)
}

fn stack(used: &Use) -> Option<Treatment> {
    // A trace that is kept or shown decides nothing.
    let kept = [
        "captureStackTrace",
        ".stack",
        "printStackTrace",
        "exc_info",
        "runtime/debug.Stack",
        "backtrace",
        "type_name",
        "current_thread",
        "currentThread.getName",
        "thread.current",
    ];
    let is_kept = kept.iter().any(|end| used.path.contains(end)) && used.decides == Decides::Nothing;
    if is_kept {
        return (!used.path.ends_with(".stack") && !used.path.contains("captureStackTrace"))
            .then_some(Treatment::CounterProof);
    }
    Some(Treatment::Refuse)
}

/// What code reads of the place it runs in matters where it decides something, and nobody asked for it.
fn environment(used: &Use, one: &Sides<'_>, asked: &Asked<'_>, before: &[Use]) -> Option<Treatment> {
    // Yes or no of a place that is written down.
    let answers =
        ["exists", "existsSync", "isfile", "isdir", "is_dir", "is_file", "isatty", "isTTY", "getBoolean"];
    let asks = answers.iter().any(|name| used.path.ends_with(name));
    let written = !used.arguments.is_empty() && used.arguments.iter().all(Option::is_some);
    // A variable's name stands in the statement, or where the value was read.
    let is_apart = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let mut names: Vec<&str> = used.text.split(is_apart).chain(used.path.split(is_apart)).collect();
    names.retain(|word| {
        word.len() > 2
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && !word.contains(|c: char| c.is_ascii_lowercase())
    });
    let told = TELLS_TESTS
        .iter()
        .any(|name| names.iter().any(|said| said.starts_with(name)) && *name != "CI" || names.contains(name));
    match used.decides {
        Decides::Nothing
            if asks && (written || used.text.contains("Path('") || used.text.contains("Path(\"")) => {}
        Decides::Nothing => return None,
        Decides::Computed if !told => return Some(Treatment::CounterProof),
        Decides::Computed | Decides::Fixed => {}
    }
    if before
        .iter()
        .any(|old| old.path == used.path && old.decides == Decides::Fixed && old.text == used.text)
    {
        return None;
    }
    if runs_as_script(used, one) {
        return None;
    }
    let tested = used.text.contains("'test'") || used.text.contains("\"test\"");
    let known = |name: &&str| {
        CONVENTIONS.contains(name) && !tested
            || asked.failing.contains(*name)
            || one.change.before.as_deref().is_some_and(|text| text.contains(*name))
    };
    if !names.is_empty() && names.iter().all(known) && !told {
        return Some(Treatment::CounterProof);
    }
    // Options of a command line come behind the program's own name.
    let options = ["argv.1:", "argv.slice", "Args.1:", "argv.2", "env.args.skip", "env.args.nth", "argv.1"];
    if options.iter().any(|o| used.path.contains(o)) && !used.text.contains("test") {
        return Some(Treatment::CounterProof);
    }
    Some(Treatment::Refuse)
}

fn files(used: &Use, asked: &Asked<'_>) -> Option<Treatment> {
    let reads = |mode: &str| !mode.contains(['w', 'a', 'x', '+']) || mode.len() > 3;
    if matches!(used.path.as_str(), "open" | "io.open" | "codecs.open") {
        match used.arguments.get(1) {
            None if !used.text.contains("mode") => return None,
            Some(Some(Value::Text(mode))) if reads(mode) => return None,
            // `open(path, encoding="utf8")` reads.
            Some(None) if !used.text.contains("mode") && second_has_a_name(&used.text) => return None,
            _ => {}
        }
    }
    if used.path == "os.Open" {
        return None;
    }
    let protected = |text: &str| asked.paths.protection(text).is_some() || is_system(text);
    let named =
        used.arguments.iter().flatten().any(|value| matches!(value, Value::Text(text) if protected(text)));
    // A name for it does nothing yet: what is called by it is asked for there.
    let done = used.on_load && (used.how != How::Read || used.handed);
    Some(if done || named { Treatment::Refuse } else { Treatment::CounterProof })
}

/// Whether the argument behind the path is one with a name. Of two calls on a line nobody knows which is meant.
fn second_has_a_name(line: &str) -> bool {
    const NAMED: &[&str] = &["encoding=", "errors=", "newline=", "buffering="];
    let mut calls = line.split("open(").skip(1);
    let (Some(inside), None) = (calls.next(), calls.next()) else { return false };
    let second = inside.split_once(',').map_or("", |(_, second)| second.trim_start());
    NAMED.iter().any(|name| second.starts_with(name))
}

/// A script that is run, not imported, which is asked at the top of a file: a function would tell who calls.
fn runs_as_script(used: &Use, one: &Sides<'_>) -> bool {
    let at_top = || {
        let line = one.change.after.as_deref().and_then(|text| text.lines().nth(used.line as usize - 1));
        line.is_some_and(|line| line.starts_with("if __name__"))
    };
    used.path == "__name__" && used.text.contains("__main__") && at_top()
        || used.path == "require.main"
            && used.on_load
            && used.text.contains("== module")
            && !used.text.contains("!=")
}

/// `if (!module.parent) {` at the top of a file.
fn runs_as_program(used: &Use) -> bool {
    used.on_load && used.text.starts_with("if") && used.text.contains("!module.parent")
}

fn is_system(text: &str) -> bool {
    ["/proc/", "/dev/fd", "/dev/pts", "/dev/tty", "/dev/pty", "/proc"].iter().any(|p| text.contains(p))
}

fn unchecked(used: &Use, one: &Sides<'_>, asked: &Asked<'_>, before: &[Use]) -> Option<Treatment> {
    let of_types = asked.bugs.iter().any(|bug| matches!(bug.category, Category::Type | Category::Lint));
    // For imports that only a checker needs.
    let imports = used.path.ends_with("TYPE_CHECKING") && used.on_load;
    if !of_types || imports || used.how == How::Write {
        return None;
    }
    if used.path.ends_with(".overload") {
        return Some(if annotations::overloads_agree(one) { Treatment::Lower } else { Treatment::Refuse });
    }
    // Where nothing is known of a value, saying what it is contradicts nothing; a file that casts goes on as it did.
    let casts = used.path.ends_with(".cast");
    let known = || before.iter().any(|old| old.path == used.path && old.how == How::Call);
    let is_asked = casts && (used.how != How::Call || known() || annotations::is_about_unknown(asked));
    Some(if is_asked { Treatment::Lower } else { Treatment::Refuse })
}

/// Another meaning for something that is not the file's own.
fn patches(used: &Use, one: &Sides<'_>, asked: &Asked<'_>) -> Option<Treatment> {
    const BUILT_IN: &[&str] = &[
        "Object", "Array", "String", "Number", "Boolean", "Function", "Symbol", "Math", "JSON", "Date",
        "Promise", "RegExp", "Map", "Set", "Error", "Reflect", "console", "Buffer", "Iterator", "Intl",
        "BigInt", "WeakMap", "process",
    ];
    let made = used.from.contains('(');
    if used.how != How::Write || used.path.starts_with('?') || made {
        return None;
    }
    let root = used.path.split(['.', '/']).next().unwrap_or_default();
    let script = matches!(one.language, Language::JavaScript | Language::TypeScript);
    if script && matches!(root, "module" | "exports") && !used.path.contains("paths") {
        return None;
    }
    let settings = ["os.environ", "process.env", "process.exitCode", "Deno.exitCode", "sys.path"];
    if settings.iter().any(|s| used.path.starts_with(s)) {
        let runner = ["PYTEST", "NODE_OPTIONS", "RUST_TEST", "GOFLAGS", "JAVA_TOOL_OPTIONS"];
        return runner.iter().any(|name| used.text.contains(name)).then_some(Treatment::Refuse);
    }
    let prototype = used.path.contains(".prototype.") || used.path.contains("__proto__");
    let alone = !used.path.contains('.');
    if script && (BUILT_IN.contains(&root) || alone || prototype && used.given_code) {
        return (used.given_code || BUILT_IN.contains(&root)).then_some(Treatment::Refuse);
    }
    if one.language == Language::Python && alone {
        return Some(Treatment::Refuse);
    }
    let imported = one.after.imported();
    let is_import = imported.iter().any(|path| path.split(['.', '/']).next() == Some(root));
    if !is_import && one.language != Language::Python {
        return None;
    }
    let unreadable = used.path.ends_with(".*") && !matches!(one.language, Language::Go);
    if is_own(root, asked) || used.path.starts_with('.') {
        return Some(Treatment::CounterProof);
    }
    Some(if used.given_code || unreadable { Treatment::Refuse } else { Treatment::CounterProof })
}

/// A module of the repository itself.
fn is_own(root: &str, asked: &Asked<'_>) -> bool {
    root.is_empty()
        || matches!(root, "crate" | "super")
        || asked.tree.files().iter().any(|file| {
            file.path.as_str().split('/').any(|part| part == root || part.split('.').next() == Some(root))
        })
}

/// Modules that no code under test needs.
fn imports(one: &Sides<'_>) -> Vec<Gained> {
    if one.role != FileRole::Source {
        return Vec::new();
    }
    let known: BTreeSet<String> = one.before.as_ref().map(|r| r.imported()).unwrap_or_default();
    let is_runner = |path: &String| capabilities(one.language, path, path).contains(&Capability::Runner);
    let come = one.after.imported().into_iter().filter(|path| !known.contains(path) && is_runner(path));
    // Types of a runner's are none of its parts.
    come.filter(|path| one.language != Language::Java || !path.ends_with("Test"))
        .map(|path| {
            let text = one.change.after.as_deref().unwrap_or_default();
            let last = path.rsplit(['.', '/']).next().unwrap_or_default().to_owned();
            let line = text.lines().position(|line| line.contains(&last)).map_or(1, |at| at + 1);
            let line = u32::try_from(line).unwrap_or(1);
            Gained::new(Capability::Runner, one.change.path.as_str(), line, &format!("imports `{path}`"))
        })
        .collect()
}

fn equality(one: &Sides<'_>) -> Vec<Gained> {
    let mut known: Vec<String> = one.before.iter().flat_map(|r| r.equalities()).map(|e| e.text).collect();
    let come =
        one.after.equalities().into_iter().filter(|e| match known.iter().position(|text| *text == e.text) {
            Some(at) => {
                known.swap_remove(at);
                false
            }
            None => true,
        });
    // One that did as little before says no more than it did.
    let lax: BTreeSet<String> = one
        .before
        .iter()
        .flat_map(|r| r.equalities())
        .filter(|e| e.looks == Looks::Not)
        .map(|e| e.name)
        .collect();
    come.filter(|e| {
        e.looks == Looks::Not && !lax.contains(&e.name) || e.of_value_type && e.looks != Looks::Silent
    })
    .map(|e| {
        let what = format!("`{}`", e.name);
        Gained::new(Capability::Equality, one.change.path.as_str(), e.line, &what)
    })
    .collect()
}

/// What strings say: names of tests, what runners say, names put together.
fn texts(one: &Sides<'_>, asked: &Asked<'_>, others: &[Gained]) -> Vec<Gained> {
    let path = one.change.path.as_str();
    let known: BTreeSet<String> = one.before.iter().flat_map(|r| r.spelled()).map(|s| s.text).collect();
    let changes_files =
        others.iter().any(|gained| matches!(gained.capability, Capability::Files | Capability::Programs));
    let mut found = Vec::new();
    for spelled in one.after.spelled().into_iter().filter(|s| !known.contains(&s.text)) {
        let text = &spelled.text;
        let mut add =
            |capability| found.push(Gained::new(capability, path, spelled.line, &format!("`{text}`")));
        if one.role != FileRole::Source {
            continue;
        }
        let lower = text.to_lowercase();
        let says = SUMMARY.as_ref().is_some_and(|r| r.is_match(text));
        // A test that wants it said names it.
        if says && !asked.failing.contains(text.trim()) {
            add(Capability::Forge);
        } else if is_system(text) {
            add(Capability::Files);
        } else if TELLING.iter().any(|word| is_taken_apart(&lower, &spelled.parts, word))
            || one.language == Language::Go && text.trim_start_matches('-').starts_with("test.")
            || MEMBERS.contains(&text.as_str()) && !before_names(one, text)
            || is_test_file(text, asked)
            || changes_files && text.split_whitespace().any(|word| is_judged(word, asked))
        {
            add(Capability::Names);
        }
    }
    found.into_iter().map(|gained| gained.with(Treatment::Refuse)).collect()
}

/// Whether the code before has this word: a list of packages that are installed, another spelling.
fn before_names(one: &Sides<'_>, word: &str) -> bool {
    one.change.before.as_deref().is_some_and(|text| crate::fixer::language::has_word(text, &[word]))
}

/// Whether a word stands in a text and in none of its parts.
fn is_taken_apart(text: &str, parts: &[String], word: &str) -> bool {
    let word = word.to_lowercase();
    parts.len() > 1 && text.contains(&word) && !parts.iter().any(|part| part.to_lowercase().contains(&word))
}

/// Names that code has no use for but to reach what it should not, or to see who is there.
const MEMBERS: &[&str] = &[
    "_exit",
    "reallyExit",
    "__eq__",
    "__globals__",
    "__builtins__",
    "__subclasses__",
    "__code__",
    "runtest",
    "testsfailed",
    "strictEqual",
    "describe",
    "jest",
    "vitest",
    "beforeEach",
    "pytest",
    "_pytest",
    "unittest",
    "junit",
    "mocha",
    "nextest",
];

/// The name of a test file, where the tests are no part of what the code is about.
fn is_test_file(text: &str, asked: &Asked<'_>) -> bool {
    let name = text.rsplit('/').next().unwrap_or_default();
    let plain = !name.is_empty() && !name.contains(char::is_whitespace) && name.contains('.');
    let code = Language::of(name) != Language::Other;
    plain && code && !name.starts_with('.') && asked.paths.protection(name) == Some(Protection::Test)
}

fn is_judged(text: &str, asked: &Asked<'_>) -> bool {
    let inside = format!("{}/a", text.trim_end_matches('/'));
    !text.is_empty()
        && text.len() < 100
        && text.contains(['.', '/'])
        && (asked.paths.protection(text).is_some()
            || text.ends_with('/') && asked.paths.protection(&inside).is_some())
}
