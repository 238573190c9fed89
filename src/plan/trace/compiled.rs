//! Go and Rust: the package's tests built with coverage, outside the workspace, and run one by one.

use super::super::write_modes::script::{Command, Word};
use super::super::write_modes::{commands_of, program, program_name};
use super::{quoted, stage};
use crate::contract::build::PlanStep;
use crate::contract::executed::{Trace, TraceFormat, TracedTest};
use crate::contract::git::{RepoPath, SourceTree};

/// Test files that are searched for a test whose file the log does not tell.
const MOST_SEARCHED: usize = 2000;

pub(super) fn go(step: &PlanStep, tests: Vec<TracedTest>, tree: &dyn SourceTree) -> Option<Trace> {
    let (call, arguments) =
        call(step, tree, "go", |words| words.first().is_some_and(|word| word.is("test")))?;
    // Without its package and without subtests.
    let name = |test: &TracedTest| {
        let own = test.id.find(".Test").map_or(test.id.as_str(), |at| &test.id[at + 1..]);
        let top = own.split('/').next().unwrap_or_default();
        is_name(top, b"_").then(|| top.to_owned())
    };
    let first = tests.iter().find(|test| name(test).is_some())?;
    let file = match &first.file {
        Some(file) if file.ends_with("_test.go") => file.clone(),
        _ => declaring(&name(first)?, tree)?,
    };
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let module = module_of(folder, tree)?;
    let package = folder[module.len()..].trim_start_matches('/');
    let same_package = |test: &&TracedTest| {
        let folder_of = |file: &String| file.rsplit_once('/').map_or(String::new(), |(f, _)| f.to_owned());
        test.file.as_ref().is_none_or(|file| folder_of(file) == folder)
    };
    let names: Vec<String> = tests.iter().filter(same_package).filter_map(name).collect();
    let flags = valued_flags(&arguments[1..], &["-tags", "-mod", "-modfile", "-ldflags", "-gcflags"], &[]);
    let mut lines = exports(&call);
    lines.push(format!("export CI_HEALER_TRACE_MODULE={}", quoted(module)));
    lines.push(format!("export CI_HEALER_TRACE_PACKAGE={}", quoted(&format!("./{package}"))));
    lines.push(format!("export CI_HEALER_TRACE_TESTS={}", quoted(&names.join(" "))));
    let call = [flags, vec![quoted(&format!("./{package}"))]].concat().join(" ");
    lines.push(format!("sh \"$CI_HEALER_TRACE/go.sh\" {call}"));
    let files = vec![("go.sh".to_owned(), include_str!("tracers/go.sh").to_owned())];
    Some(Trace { command: lines.join("\n"), files, format: TraceFormat::GoProfile, tests })
}

pub(super) fn rust(step: &PlanStep, tests: Vec<TracedTest>, tree: &dyn SourceTree) -> Option<Trace> {
    const VALUED: &[&str] = &[
        "-p",
        "--package",
        "-F",
        "--features",
        "--test",
        "--bin",
        "--example",
        "--exclude",
        "--manifest-path",
        "--target",
        "--profile",
        "--config",
    ];
    const PLAIN: &[&str] = &[
        "--workspace",
        "--all",
        "--all-features",
        "--no-default-features",
        "--release",
        "-r",
        "--lib",
        "--bins",
        "--tests",
        "--all-targets",
        "--locked",
        "--offline",
        "--frozen",
    ];
    let (call, words) = call(step, tree, "cargo", |words| {
        let at = usize::from(words.first().is_some_and(|word| word.raw.starts_with('+')));
        words.get(at).is_some_and(|word| ["test", "t", "nextest"].iter().any(|name| word.is(name)))
    })?;
    // What nextest prints before a test's own path tells its executable.
    let name = |test: &TracedTest| {
        let name = test.id.split([' ', '$']).next_back().unwrap_or_default();
        is_name(name, b"_:").then(|| name.to_owned())
    };
    let names: Vec<String> = tests.iter().filter_map(name).collect();
    if names.is_empty() {
        return None;
    }
    let toolchain =
        words.iter().take(1).filter(|word| word.raw.starts_with('+')).map(|word| word.raw.clone());
    let own = words.iter().take_while(|word| !word.is("--")).cloned().collect::<Vec<_>>();
    let flags = valued_flags(&own, VALUED, PLAIN);
    let arguments = toolchain.chain(["test".to_owned()]).chain(flags).collect::<Vec<_>>().join(" ");
    let mut lines = stage(&call);
    lines.push(format!("export CI_HEALER_TRACE_TESTS={}", quoted(&names.join(" "))));
    lines.push(format!("sh \"$CI_HEALER_TRACE/rust.sh\" {arguments}"));
    let files = vec![
        ("rust.sh".to_owned(), include_str!("tracers/rust.sh").to_owned()),
        ("rustc.sh".to_owned(), include_str!("tracers/rustc.sh").to_owned()),
    ];
    Some(Trace { command: lines.join("\n"), files, format: TraceFormat::LlvmExport, tests })
}

/// The step's first call of a program that `is_test`, and the words behind the program.
pub(super) fn call(
    step: &PlanStep,
    tree: &dyn SourceTree,
    own: &str,
    is_test: impl Fn(&[Word]) -> bool,
) -> Option<(Command, Vec<Word>)> {
    commands_of(step, tree).into_iter().find_map(|command| {
        let at = program(&command.words).filter(|at| program_name(&command.words[*at]) == own)?;
        let arguments = command.words.get(at + 1..).filter(|words| is_test(words))?.to_vec();
        Some((command, arguments))
    })
}

/// Its variables only: where it runs is known better.
fn exports(call: &Command) -> Vec<String> {
    stage(call).into_iter().filter(|line| line.starts_with("export ")).collect()
}

/// Those of the words that are one of the flags, with their values.
fn valued_flags(words: &[Word], valued: &[&str], plain: &[&str]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let flag = word.raw.split_once('=').map_or(word.raw.as_str(), |(flag, _)| flag);
        if plain.contains(&flag) {
            kept.push(word.raw.clone());
        } else if valued.contains(&flag) {
            kept.push(word.raw.clone());
            if flag == word.raw {
                kept.extend(words.next().map(|value| value.raw.clone()));
            }
        }
    }
    kept
}

/// A plain name, and `others` in it.
fn is_name(text: &str, others: &[u8]) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && text.len() < 300 && text.bytes().all(|b| b.is_ascii_alphanumeric() || others.contains(&b))
}

/// The only test file that declares the test.
fn declaring(name: &str, tree: &dyn SourceTree) -> Option<String> {
    let head = format!("func {name}(");
    let tests = tree.files().iter().filter(|file| file.path.as_str().ends_with("_test.go"));
    let declares = |path: &&RepoPath| tree.read_text(path).is_some_and(|text| text.contains(&head));
    let mut found = tests.take(MOST_SEARCHED).map(|file| &file.path).filter(declares);
    found.next().filter(|_| found.next().is_none()).map(|path| path.as_str().to_owned())
}

/// The nearest folder with a `go.mod`.
fn module_of<'p>(folder: &'p str, tree: &dyn SourceTree) -> Option<&'p str> {
    let mut at = folder;
    loop {
        let manifest = if at.is_empty() { "go.mod".to_owned() } else { format!("{at}/go.mod") };
        if tree.files().iter().any(|file| file.path.as_str() == manifest) {
            return Some(at);
        }
        if at.is_empty() {
            return None;
        }
        at = at.rsplit_once('/').map_or("", |(above, _)| above);
    }
}
