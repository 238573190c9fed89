//! Everything a proposal must pass before a sandbox spends time on it, in code: confidence, paths, size, window,
//! repeats, content, test weakening. What passes may still be wrong: that is for the build to say.

use std::collections::BTreeSet;

use super::PastAttempt;
use super::capabilities::{self, Asked, Treatment};
use super::edit_class::edit_class;
use super::hardcoding;
use super::patch::patch_fingerprint;
use super::paths::{self, PathRules, Protection};
use super::sanitize::is_invisible;
use super::weakening::{self, FileRole};
use super::{removal, window};
use crate::contract::bug::BugReport;
use crate::contract::fix::{ClassifiedFile, EditClass, FileChange, FixProposal, Rejection};
use crate::contract::git::{RepoPath, SourceTree};
use crate::diff::LineDiff;
use crate::error::ExpectedError;

/// The provider whose proposals come from the log, not from a model.
pub const TOOLCHAIN: &str = "toolchain";

/// A file larger than this is not edited.
const MAX_FILE_BYTES: usize = 1 << 20;

/// What a proposal is held against.
#[derive(Debug, Clone)]
pub struct FixOptions {
    pub min_confidence: f64,
    pub max_changed_lines: u64,
    pub max_changed_files: u64,
    pub allow_test_edits: bool,
    pub paths: PathRules,
    /// What the repository says of its conventions; shown to models, as data.
    pub guidance: String,
}

impl FixOptions {
    /// With the documented defaults; `protected` are the user's globs beside the built-in lists.
    pub fn new(protected: &[String]) -> Result<Self, ExpectedError> {
        Ok(Self {
            min_confidence: 0.6,
            max_changed_lines: 50,
            max_changed_files: 5,
            allow_test_edits: false,
            paths: PathRules::new(protected)?,
            guidance: String::new(),
        })
    }
}

/// What people should know of a proposal that passed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GateNotes {
    /// The provider's confidence less what the notes below cost.
    pub confidence: f64,
    /// The name this patch goes by; belongs into the history.
    pub patch: String,
    pub changed_lines: u64,
    /// Why it deserves a closer look, in words.
    pub notes: Vec<String>,
    /// A test file is changed (with `allow-test-edits`, or in what is layout only or neutral).
    pub edits_tests: bool,
    /// What each file's change is to the tests.
    pub classes: Vec<ClassifiedFile>,
    /// It seems to special-case the failing test's literal input.
    pub hard_coded: bool,
    /// What it newly can do that only a run can judge: each a reason to ask for a counter-proof.
    pub needs_counter_proof: Vec<String>,
}

/// Judges a proposal's changes. `bugs` are those it means to fix, `findings` all that the failing check names.
pub fn gate(
    proposal: &FixProposal,
    changes: &[FileChange],
    (bugs, findings): (&[BugReport], &[BugReport]),
    tree: &dyn SourceTree,
    options: &FixOptions,
    history: &[PastAttempt],
) -> Result<GateNotes, Rejection> {
    let changes: Vec<&FileChange> = changes.iter().filter(|c| c.before != c.after).collect();
    if changes.is_empty() {
        return Err(Rejection::NoChange);
    }
    check_confidence(proposal.confidence, options)?;
    for change in &changes {
        paths::check(&change.path, tree, &options.paths)?;
        new_settings(change, findings, tree)?;
        content(change)?;
    }
    let diffs: Vec<LineDiff<'_>> = changes.iter().map(|c| LineDiff::of(c)).collect();
    let mut notes = GateNotes { confidence: proposal.confidence, ..GateNotes::default() };
    // What weakens tests is said so, even where the file may not be touched at all.
    let classes: Vec<EditClass> = changes.iter().map(|c| edit_class(c, findings, tree)).collect();
    let asked = Asked {
        bugs: findings,
        tree,
        paths: &options.paths,
        failing: hardcoding::failing_code(findings, tree),
    };
    new_powers(&changes, &diffs, &asked, &mut notes)?;
    for ((change, diff), class) in changes.iter().zip(&diffs).zip(&classes) {
        judge_file(proposal, change, diff, *class, tree, options, &mut notes)?;
    }
    // What a formatter does is no measure of a fix.
    let edited =
        || classes.iter().enumerate().filter(|(_, class)| **class == EditClass::Other).map(|(i, _)| i);
    let files = edited().count() as u64;
    if files > options.max_changed_files {
        return Err(Rejection::TooManyFiles { changed: files, maximum: options.max_changed_files });
    }
    notes.changed_lines = edited().map(|i| diffs[i].changed_lines()).sum();
    if notes.changed_lines > options.max_changed_lines {
        let (changed, maximum) = (notes.changed_lines, options.max_changed_lines);
        return Err(Rejection::TooManyLines { changed, maximum });
    }
    for (change, diff) in changes.iter().zip(&diffs) {
        window::inside(proposal, change, diff)?;
    }
    let owned: Vec<FileChange> = changes.iter().map(|c| (*c).clone()).collect();
    notes.patch = patch_fingerprint(&owned);
    // What was refused before it ran was never tried.
    if history.iter().any(|past| past.has_run() && past.patch.as_deref() == Some(notes.patch.as_str())) {
        return Err(Rejection::Repeated { patch: notes.patch });
    }
    // A tool's own command runs the repository's plug-ins and scripts: what it writes is anybody's.
    if proposal.provider != TOOLCHAIN || proposal.command.is_some() {
        let (changes, diffs): (Vec<_>, Vec<_>) = edited().map(|i| (changes[i], &diffs[i])).unzip();
        doubts(&changes, &diffs, bugs, tree, &mut notes)?;
        check_confidence(notes.confidence, options)?;
    }
    let classified = changes.iter().zip(classes);
    notes.classes = classified.map(|(c, class)| ClassifiedFile { path: c.path.clone(), class }).collect();
    Ok(notes)
}

fn check_confidence(confidence: f64, options: &FixOptions) -> Result<(), Rejection> {
    // A number that is none counts as no confidence.
    if confidence.is_finite() && (options.min_confidence..=1.0).contains(&confidence) {
        Ok(())
    } else {
        let confidence = if confidence.is_finite() { confidence } else { 0.0 };
        Err(Rejection::LowConfidence { confidence, minimum: options.min_confidence })
    }
}

/// A file that is new and that some tool may take for its configuration; one that the failure misses is asked for.
fn new_settings(change: &FileChange, findings: &[BugReport], tree: &dyn SourceTree) -> Result<(), Rejection> {
    // By code of the repository, whatever a report says.
    let names_it = |file: &str| {
        let text = RepoPath::new(file).ok().and_then(|path| tree.read_text(&path));
        text.is_some_and(|text| text.contains(change.path.file_name()))
    };
    let asked_for = |bug: &BugReport| {
        let files = bug.file.iter().chain(bug.related.iter().map(|place| &place.file));
        bug.message.contains(change.path.file_name()) && files.take(8).any(|file| names_it(file))
    };
    if change.before.is_some()
        || findings.iter().any(asked_for)
        || !paths::looks_like_settings(&change.path, tree)
    {
        return Ok(());
    }
    let why = "is new and would be read as configuration".to_owned();
    Err(Rejection::Path { path: change.path.to_string(), why })
}

fn hidden_characters(text: &str) -> usize {
    let is_picture = |c: char| matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}');
    let mut before = '\0';
    let mut count = 0;
    for c in text.chars() {
        // What makes a picture of signs, or one picture of two.
        let is_of_picture = matches!(c, '\u{fe0f}' | '\u{200d}') && is_picture(before);
        let is_control = c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
        count += usize::from(is_control || is_invisible(c) && !is_of_picture);
        // `❤️‍🔥`: the one may follow the other.
        before = if is_of_picture && c == '\u{fe0f}' { before } else { c };
    }
    count
}

fn content(change: &FileChange) -> Result<(), Rejection> {
    let refuse = |why: &str| Err(Rejection::Content { path: change.path.to_string(), why: why.to_owned() });
    let Some(after) = &change.after else { return Ok(()) };
    let before = change.before.as_deref().unwrap_or_default();
    if after.contains('\0') || before.contains('\0') {
        return refuse("is binary");
    }
    if after.len() > MAX_FILE_BYTES {
        return refuse("is larger than 1 MiB");
    }
    if !before.trim().is_empty() && after.trim().is_empty() {
        return refuse("is emptied");
    }
    if let Some(why) = capabilities::misread(change) {
        return refuse(&why);
    }
    if hidden_characters(after) > hidden_characters(before) {
        return refuse("gains invisible or control characters");
    }
    if let Some(format) = no_longer_parses(change.path.as_str(), change.before.as_deref(), after) {
        return refuse(&format!("is no {format} any more"));
    }
    if after.matches(super::redact::MARK).count() > before.matches(super::redact::MARK).count() {
        return refuse("gains a placeholder that stands for a redacted value");
    }
    for marker in ["<<<<<<< ", ">>>>>>> "] {
        let count = |text: &str| text.lines().filter(|l| l.starts_with(marker)).count();
        if count(after) > count(before) {
            return refuse("gains a conflict marker");
        }
    }
    Ok(())
}

/// The format of a file that could be read before and cannot be read after.
fn no_longer_parses(path: &str, before: Option<&str>, after: &str) -> Option<&'static str> {
    let (format, reads): (_, fn(&str) -> bool) = match path.rsplit_once('.')?.1 {
        "json" => ("JSON", |text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()),
        "toml" => ("TOML", |text| text.parse::<toml::Table>().is_ok()),
        "yaml" | "yml" => ("YAML", |text| serde_yaml::from_str::<serde::de::IgnoredAny>(text).is_ok()),
        _ => return None,
    };
    (before.is_some_and(reads) && !reads(after)).then_some(format)
}

fn judge_file(
    proposal: &FixProposal,
    change: &FileChange,
    diff: &LineDiff<'_>,
    class: EditClass,
    tree: &dyn SourceTree,
    options: &FixOptions,
    notes: &mut GateNotes,
) -> Result<(), Rejection> {
    let path = change.path.as_str();
    let protection = options.paths.protection(path);
    let inline = weakening::touches_inline_tests(change, diff);
    let is_test = protection == Some(Protection::Test) || inline;
    let role = if is_test { FileRole::Test } else { FileRole::Source };
    let toolchain = proposal.provider == TOOLCHAIN;
    // Only a model says that a file is dead; a tool's own command deletes none.
    let is_removal = !toolchain && role == FileRole::Source && change.after.is_none();
    if is_removal {
        may_be_removed(change, tree, options)?;
        notes.notes.push(format!("{path}: deleted; nothing names it"));
    } else if let Some(rejection) = weakening::find(change, diff, role) {
        return Err(rejection);
    }
    match protection {
        Some(Protection::Judge) => {
            let why = Protection::Judge.why().to_owned();
            return Err(Rejection::Path { path: path.to_owned(), why });
        }
        // Only the tool's own command writes lock files.
        Some(Protection::Lock) if !(toolchain && proposal.command.is_some()) => {
            let why = Protection::Lock.why().to_owned();
            return Err(Rejection::Path { path: path.to_owned(), why });
        }
        _ => {}
    }
    if !is_test {
        return Ok(());
    }
    if class != EditClass::Other {
        notes.edits_tests = true;
        notes.notes.push(match class {
            EditClass::LayoutOnly => format!("{path}: the layout of a test file changes, nothing else"),
            _ => format!(
                "{path}: a test file is edited where the check asks for it, in nothing that a test is about"
            ),
        });
    } else if !options.allow_test_edits {
        if let Some((line, old, new)) = weakening::changed_expectation(diff) {
            let what = format!("`{old}` becomes `{new}`");
            let rule = "changed-expectation".to_owned();
            return Err(Rejection::TestWeakening { path: path.to_owned(), rule, line: Some(line), what });
        }
        return Err(Rejection::TestEdit { path: path.to_owned() });
    } else {
        notes.edits_tests = true;
        notes.notes.push(format!("{path}: a test file is edited"));
        if let Some((_, old, new)) = weakening::changed_expectation(diff) {
            notes.notes.push(format!("{path}: an expectation changes: `{old}` becomes `{new}`"));
        }
    }
    Ok(())
}

fn may_be_removed(change: &FileChange, tree: &dyn SourceTree, options: &FixOptions) -> Result<(), Rejection> {
    let before = change.before.as_deref().unwrap_or_default();
    match removal::objection(&change.path, before, tree, &options.paths) {
        None => Ok(()),
        Some(what) => Err(Rejection::TestWeakening {
            path: change.path.to_string(),
            rule: "deleted-file".to_owned(),
            line: None,
            what,
        }),
    }
}

/// What the changes newly can do, and what the table of capabilities says of it.
fn new_powers(
    changes: &[&FileChange],
    diffs: &[LineDiff<'_>],
    asked: &Asked<'_>,
    notes: &mut GateNotes,
) -> Result<(), Rejection> {
    let role = |change: &FileChange, diff: &LineDiff<'_>| {
        let is_test = asked.paths.protection(change.path.as_str()) == Some(Protection::Test)
            || weakening::touches_inline_tests(change, diff);
        if is_test { FileRole::Test } else { FileRole::Source }
    };
    let placed: Vec<(&FileChange, FileRole)> =
        changes.iter().zip(diffs).map(|(change, diff)| (*change, role(change, diff))).collect();
    let mut lowered = BTreeSet::new();
    for gained in capabilities::gained(&placed, asked) {
        match gained.default {
            Treatment::Refuse => return Err(gained.rejection()),
            Treatment::CounterProof => {
                let note = format!("{}: {} ({})", gained.path, gained.why(), gained.what);
                notes.needs_counter_proof.push(note);
            }
            // One more of the same says nothing new.
            Treatment::Lower => lowered.extend([gained.capability]),
        }
    }
    lowered.iter().for_each(|_| notes.confidence *= 0.9);
    Ok(())
}

/// What is no reason to refuse, but costs confidence; and answers made for the test.
fn doubts(
    changes: &[&FileChange],
    diffs: &[&LineDiff<'_>],
    bugs: &[BugReport],
    tree: &dyn SourceTree,
    notes: &mut GateNotes,
) -> Result<(), Rejection> {
    let literals = hardcoding::test_literals(bugs, tree);
    let missing = hardcoding::differences(bugs, tree);
    for (change, diff) in changes.iter().zip(diffs) {
        if let Some(finding) = hardcoding::find(change, &literals, &missing, tree) {
            let Some(factor) = finding.factor else {
                return Err(Rejection::TestWeakening {
                    path: change.path.to_string(),
                    rule: "hard-coded".to_owned(),
                    line: Some(finding.line),
                    what: finding.what,
                });
            };
            notes.hard_coded = true;
            notes.confidence *= factor;
            notes.notes.push(format!("{}: {}", change.path, finding.what));
        }
        let (removed, added) = (diff.removed(), diff.added());
        let code = |lines: &[(u32, &str)]| lines.iter().filter(|(_, l)| !l.trim().is_empty()).count();
        if code(&removed) >= 3 && code(&added) == 0 {
            notes.confidence *= 0.9;
            notes.notes.push(format!("{}: only removes code", change.path));
        }
        if weakening::drops_errors(change, diff) {
            notes.confidence *= 0.9;
            notes.notes.push(format!("{}: catches an error and drops it", change.path));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::bug::Category;
    use crate::contract::fix::LineWindow;
    use crate::fixer::edits::apply;
    use crate::fixer::testing::{MemoryTree, bug, edit, proposal};

    fn run(files: &[(&str, &str)], edits: &[(&str, &str, &str)]) -> Result<GateNotes, Rejection> {
        run_with(files, edits, &FixOptions::new(&[]).unwrap(), |_| {})
    }

    fn run_with(
        files: &[(&str, &str)],
        edits: &[(&str, &str, &str)],
        options: &FixOptions,
        adjust: impl Fn(&mut FixProposal),
    ) -> Result<GateNotes, Rejection> {
        let tree = MemoryTree::new(files);
        let mut proposal = proposal(edits.iter().map(|(p, f, r)| edit(p, f, r)).collect());
        adjust(&mut proposal);
        let changes = apply(&proposal.edits, &proposal.window, &tree)?;
        gate(&proposal, &changes, (&[], &[]), &tree, options, &[])
    }

    #[test]
    fn pictures_hide_nothing() {
        for (text, hidden) in [
            ("x = '\u{2764}\u{fe0f}\u{200d}\u{1f525}'", 0),
            ("x = '\u{26a0}\u{fe0f} careful'", 0),
            ("x = 'a\u{fe0f}'", 1),
            ("x = 'ab\u{200d}c'", 1),
            ("x = '\u{2764}\u{fe0f}\u{fe0f}\u{200b}'", 1),
            ("x = '\u{202e}'", 1),
        ] {
            assert_eq!(hidden_characters(text), hidden, "{text:?}");
        }
    }

    #[test]
    fn a_plain_fix_passes() {
        let notes = run(&[("a.py", "x = 1\n")], &[("a.py", "1", "2")]).unwrap();
        assert_eq!((notes.changed_lines, notes.hard_coded, notes.notes.len()), (1, false, 0));
    }

    #[test]
    fn confidence_must_be_a_number_in_range() {
        let options = FixOptions::new(&[]).unwrap();
        for bad in [0.59, -1.0, 1.01, f64::NAN, f64::INFINITY] {
            let result =
                run_with(&[("a.py", "x\n")], &[("a.py", "x", "y")], &options, |p| p.confidence = bad);
            assert!(matches!(result, Err(Rejection::LowConfidence { .. })), "{bad}: {result:?}");
        }
    }

    #[test]
    fn size_is_capped() {
        let text: String = (0..60).map(|i| format!("l{i}\n")).collect();
        let new: String = (0..60).map(|i| format!("m{i}\n")).collect();
        let result = run(&[("a.py", &text)], &[("a.py", &text, &new)]);
        assert_eq!(result, Err(Rejection::TooManyLines { changed: 60, maximum: 50 }));
        let files: Vec<(String, &str)> = (0..6).map(|i| (format!("f{i}.py"), "x\n")).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), *t)).collect();
        let edits: Vec<_> = files.iter().map(|(p, _)| (*p, "x", "y")).collect();
        assert_eq!(run(&files, &edits), Err(Rejection::TooManyFiles { changed: 6, maximum: 5 }));
    }

    #[test]
    fn edits_stay_in_the_window() {
        let text = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let window = |p: &mut FixProposal| {
            p.window = vec![LineWindow { path: RepoPath::new("a.py").unwrap(), first: 3, last: 5 }];
        };
        let options = FixOptions::new(&[]).unwrap();
        let at = |find: &str, replace: &str| {
            run_with(&[("a.py", text)], &[("a.py", find, replace)], &options, window)
        };
        assert!(at("4", "x").is_ok());
        assert!(at("3\n", "3\nx\n").is_ok());
        assert!(at("5\n", "5\nx\n").is_ok(), "after the last line shown");
        assert!(at("3\n", "x\n3\n").is_ok(), "before the first line shown");
        assert_eq!(at("6", "x"), Err(Rejection::OutsideWindow { path: "a.py".to_owned(), line: 6 }));
        assert!(matches!(at("5\n6", "x\ny"), Err(Rejection::OutsideWindow { .. })));
        assert!(matches!(at("1\n", "0\n1\n"), Err(Rejection::OutsideWindow { .. })));
        let new = run_with(&[("a.py", text)], &[("b.py", "", "x\n")], &options, window);
        assert!(matches!(new, Err(Rejection::OutsideWindow { .. })));
    }

    #[test]
    fn tests_are_not_edited_unless_allowed() {
        let files = [("tests/test_a.py", "def test_a():\n    x = f()\n    assert x == 1\n")];
        let edits = [("tests/test_a.py", "x = f()", "x = f(1)")];
        assert!(matches!(run(&files, &edits), Err(Rejection::TestEdit { .. })));
        let mut options = FixOptions::new(&[]).unwrap();
        options.allow_test_edits = true;
        assert!(run_with(&files, &edits, &options, |_| {}).unwrap().edits_tests);
        let skip = [("tests/test_a.py", "def test_a", "@pytest.mark.skip\ndef test_a")];
        assert!(matches!(run_with(&files, &skip, &options, |_| {}), Err(Rejection::TestWeakening { .. })));
        let expected = [("tests/test_a.py", "x == 1", "x == 2")];
        assert!(
            matches!(run(&files, &expected), Err(Rejection::TestWeakening { rule, .. }) if rule == "changed-expectation")
        );
        assert_eq!(run_with(&files, &expected, &options, |_| {}).unwrap().notes.len(), 2);
    }

    #[test]
    fn inline_tests_are_tests() {
        let text = "fn a() -> u8 { 1 }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { assert_eq!(super::a(), 2); }\n}\n";
        let result = run(&[("src/a.rs", text)], &[("src/a.rs", "super::a(), 2", "super::a(), 1")]);
        assert!(
            matches!(result, Err(Rejection::TestWeakening { .. } | Rejection::TestEdit { .. })),
            "{result:?}"
        );
        assert!(run(&[("src/a.rs", text)], &[("src/a.rs", "{ 1 }", "{ 2 }")]).is_ok());
    }

    #[test]
    fn anyone_may_lay_out_tests() {
        let files =
            [("tests/a.rs", "fn  t( ) { assert!(x()) }\n"), ("tests/t.py", "if a:\n    f()\n    g()\n")];
        let options = FixOptions::new(&[]).unwrap();
        let toolchain = |p: &mut FixProposal| p.provider = TOOLCHAIN.to_owned();
        let lay = [("tests/a.rs", "fn  t( ) { assert!(x()) }", "fn t() {\n    assert!(x())\n}")];
        assert!(run_with(&files, &lay, &options, toolchain).unwrap().edits_tests);
        let notes = run(&files, &lay).unwrap();
        assert!(notes.edits_tests && notes.changed_lines == 0, "{notes:?}");
        assert_eq!(notes.classes[0].class, EditClass::LayoutOnly);
        let dedent = [("tests/t.py", "    g()", "g()")];
        assert!(matches!(run_with(&files, &dedent, &options, toolchain), Err(Rejection::TestEdit { .. })));
    }

    #[test]
    fn what_a_formatter_did_is_no_size() {
        let long = |sign: &str| (0..60).map(|i| format!("x{i}{sign}{i}\n")).collect::<String>();
        let (before, after) = (long("="), long(" = "));
        let names: Vec<String> = (0..8).map(|i| format!("src/f{i}.py")).collect();
        let mut files: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), before.as_str())).collect();
        files.push(("a.py", "y = 1\n"));
        let mut edits: Vec<(&str, &str, &str)> =
            names.iter().map(|n| (n.as_str(), before.as_str(), after.as_str())).collect();
        edits.push(("a.py", "1", "2"));
        assert_eq!(run(&files, &edits).unwrap().changed_lines, 1);
    }

    #[test]
    fn judges_and_suppressions_stay_as_they_are_in_every_class() {
        let options = FixOptions::new(&[]).unwrap();
        let config = [("jest.config.js", "module.exports = {a:1};\n")];
        let lay = [("jest.config.js", "{a:1}", "{ a: 1 }")];
        assert!(matches!(run_with(&config, &lay, &options, |_| {}), Err(Rejection::Path { .. })));
        let test = [("tests/test_a.py", "x = 1\n")];
        let hide = [("tests/test_a.py", "x = 1", "x = 1  # noqa")];
        assert!(matches!(run(&test, &hide), Err(Rejection::TestWeakening { .. })));
    }

    #[test]
    fn lock_files_and_judges_are_not_for_models() {
        for path in
            ["go.sum", "Cargo.lock", "Makefile", "tox.ini", ".eslintrc.json", ".github/workflows/ci.yml"]
        {
            let result = run(&[(path, "a\n")], &[(path, "a", "b")]);
            assert!(matches!(result, Err(Rejection::Path { .. })), "{path}: {result:?}");
        }
    }

    #[test]
    fn content_that_hides_or_destroys_is_refused() {
        for (before, find, after) in [
            ("a\n", "a", "\u{202e}a"),
            ("a\n", "a", "a\0"),
            ("a\nb\n", "a\nb\n", "\n"),
            ("a\n", "a", "<<<<<<< HEAD\na"),
            ("a\n", "a", concat!("a = \"", "[redacted]", "\"")),
        ] {
            let result = run(&[("a.py", before)], &[("a.py", find, after)]);
            assert!(matches!(result, Err(Rejection::Content { .. })), "{after:?}: {result:?}");
        }
    }

    #[test]
    fn only_what_ran_is_a_repeat() {
        let tree = MemoryTree::new(&[("a.py", "x\n")]);
        let proposal = proposal(vec![edit("a.py", "x", "y")]);
        let changes = apply(&proposal.edits, &[], &tree).unwrap();
        let options = FixOptions::new(&[]).unwrap();
        let notes = gate(&proposal, &changes, (&[], &[]), &tree, &options, &[]).unwrap();
        let ran = PastAttempt::reverted(proposal.clone(), notes.patch.clone(), "red".to_owned(), Vec::new());
        let again = gate(&proposal, &changes, (&[], &[]), &tree, &options, &[ran]);
        assert!(matches!(again, Err(Rejection::Repeated { .. })));
        let outside = Rejection::OutsideWindow { path: "a.py".to_owned(), line: 1 };
        let refused = PastAttempt::refused(proposal.clone(), Some(notes.patch), outside);
        assert!(gate(&proposal, &changes, (&[], &[]), &tree, &options, &[refused]).is_ok(), "it never ran");
    }

    #[test]
    fn special_cases_of_the_test_s_input_are_refused() {
        let files = [
            ("a.py", "def f(n):\n    return n + 1\n"),
            ("tests/test_a.py", "def test_f():\n    assert f(41) == 1764\n"),
        ];
        let tree = MemoryTree::new(&files);
        let mut failing = bug("pytest", Category::Logic, "tests/test_a.py", 2, "assert 42 == 1764");
        failing.test = Some("tests/test_a.py::test_f".to_owned());
        let options = FixOptions::new(&[]).unwrap();
        let cheat = proposal(vec![edit(
            "a.py",
            "    return n + 1",
            "    if n == 41:\n        return 1764\n    return n + 1",
        )]);
        let changes = apply(&cheat.edits, &[], &tree).unwrap();
        let result = gate(&cheat, &changes, (std::slice::from_ref(&failing), &[]), &tree, &options, &[]);
        assert!(
            matches!(&result, Err(Rejection::TestWeakening { rule, .. }) if rule == "hard-coded"),
            "{result:?}"
        );
        let right = proposal(vec![edit("a.py", "n + 1", "(n + 1) ** 2")]);
        let changes = apply(&right.edits, &[], &tree).unwrap();
        assert!(!gate(&right, &changes, (&[failing], &[]), &tree, &options, &[]).unwrap().hard_coded);
    }
}
