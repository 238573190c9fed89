//! Which parts of the repository a model is shown, by level and kind of failure, each with the reason why.
//!
//! A compiler's, linter's or formatter's complaint is fixed where it points: level 1 is the function there, else ±3
//! lines. A failing test is not: its own source comes first, together with what it reaches, ranked, inside the level's
//! lines; level 2 goes further along calls and imports, level 3 shows whole files, level 4 the package and its manifests.
//! What is about a dependency or the configuration shows the files that the plan's steps name at once. Test files are
//! shown and not to be edited.

mod changed;
mod code;
mod dependencies;
mod doc_tests;
mod failing_test;
mod leads;
mod local;
mod map;
mod needed;
mod pieces;
mod quoted;
mod ranked;
mod reach;
#[cfg(test)]
mod reach_tests;
mod trimmed;

pub use changed::changed_definitions;
pub use leads::{ChangedDefinition, Leads};
pub(crate) use needed::resolve;

use code::Code;
use failing_test::SharedCode;

use super::language::Language;
use super::paths::{PathRules, Protection};
use super::redact::Redactor;
use super::sanitize::clean;
use crate::contract::bug::{BugReport, Category};
use crate::contract::fix::{ContextNeed, LineWindow};
use crate::contract::git::{RepoPath, SourceTree};
use crate::placing::find_file;

/// Lines around a place, at level 1.
const NEAR: u32 = 3;
/// Around a frame of a trace, where its function is too long to show.
const AROUND_FRAME: u32 = 10;
/// A function longer than this is shown around the place instead, at the lower levels.
const LONG_BLOCK: u32 = 60;
/// Lines sent at most, by level.
const LINE_CAP: [u32; 5] = [0, 120, 240, LINES_AT_MOST, LINES_AT_MOST];
/// The same, with what is asked for beside a level's lines.
pub(crate) const LINES_AT_MOST: u32 = 400;
/// A function around a complaint that is longer is not shown at level 1.
const SHORT_BLOCK: u32 = 40;

/// Lines of a file, and why they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub path: RepoPath,
    pub first: u32,
    pub last: u32,
    /// Cleaned and redacted.
    pub text: String,
    pub why: String,
    /// Edits may lie here.
    pub editable: bool,
}

/// The files of a folder, by name; not those in its folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Empty: the repository's root.
    pub folder: String,
    pub files: Vec<String>,
}

/// A definition as it was when the build was green; cleaned and redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    pub path: RepoPath,
    pub name: String,
    pub text: String,
}

/// What is shown for a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    pub spans: Vec<Span>,
    pub listings: Vec<Listing>,
    pub before: Vec<Before>,
    /// What is left out: a file a line, with the names at its top.
    pub map: Vec<String>,
}

impl Context {
    /// Where edits may lie.
    #[must_use]
    pub fn window(&self) -> Vec<LineWindow> {
        let editable = self.spans.iter().filter(|s| s.editable);
        editable.map(|s| LineWindow { path: s.path.clone(), first: s.first, last: s.last }).collect()
    }

    #[must_use]
    pub fn lines(&self) -> u32 {
        self.spans.iter().map(|s| s.last - s.first + 1).sum()
    }

    /// Tokens the spans will likely take.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        let characters: usize =
            self.spans.iter().map(|s| s.text.chars().count() + s.path.as_str().len() + 40).sum();
        let names = self.listings.iter().flat_map(|l| l.files.iter().chain([&l.folder]));
        let names = names.chain(&self.map).chain(self.before.iter().map(|b| &b.text));
        let characters = characters + names.map(|name| name.chars().count() + 1).sum::<usize>();
        (characters as u64 * 2).div_ceil(7)
    }

    /// Whether all of it is shown.
    pub(crate) fn holds(&self, need: &ContextNeed) -> bool {
        match need {
            ContextNeed::Folder { path } => self.listings.iter().any(|l| l.folder == *path),
            ContextNeed::Lines { path, first, last } => (*first..=*last)
                .all(|line| self.spans.iter().any(|s| s.path == *path && (s.first..=s.last).contains(&line))),
        }
    }
}

/// What is to be shown.
#[derive(Clone, Copy)]
pub struct ContextRequest<'a> {
    pub bugs: &'a [BugReport],
    /// What was asked for beside what the level shows.
    pub needs: &'a [ContextNeed],
    pub tree: &'a dyn SourceTree,
    /// 1 to [`super::MAX_LEVEL`].
    pub level: u8,
    pub leads: Leads<'a>,
}

/// Collects what a level shows of the reports, and what was asked for.
#[must_use]
pub fn context_for(
    request: &ContextRequest<'_>,
    paths: &PathRules,
    allow_test_edits: bool,
    redactor: &Redactor,
) -> Context {
    let ContextRequest { bugs, needs, tree, level, leads } = *request;
    let level = level.clamp(1, super::MAX_LEVEL);
    let asks = |bug: &&BugReport| {
        matches!(bug.category, Category::Format | Category::Lint | Category::Import | Category::Type)
    };
    let asked_of = bugs.iter().filter(asks).filter_map(|bug| find_file(bug.file.as_deref()?, tree)).collect();
    let cap = LINE_CAP[usize::from(level)];
    let mut builder = Builder {
        tree,
        paths,
        allow_test_edits,
        asked_of,
        cap,
        leads,
        code: SharedCode::new(Code::new(tree)),
        picked: Vec::new(),
        listings: Vec::new(),
        before: Vec::new(),
        left_out: None,
    };
    for bug in bugs {
        if builder.is_about_a_test(bug) {
            builder.test(bug, level);
        } else {
            builder.local(bug, level);
        }
    }
    let map = builder.map(level);
    builder.cap += LINES_AT_MOST - cap;
    for need in needs {
        builder.needed(need);
    }
    builder.finish(&map, redactor)
}

struct Picked {
    path: RepoPath,
    first: u32,
    last: u32,
    why: String,
}

struct Builder<'t> {
    tree: &'t dyn SourceTree,
    paths: &'t PathRules,
    allow_test_edits: bool,
    /// Files in which a check asks for what may be done in a test as well.
    asked_of: Vec<RepoPath>,
    /// Lines left.
    cap: u32,
    leads: Leads<'t>,
    code: SharedCode<'t>,
    picked: Vec<Picked>,
    listings: Vec<Listing>,
    before: Vec<Before>,
    /// The file that a failing test's search began in, and what it reached and does not show.
    left_out: Option<(RepoPath, Vec<(RepoPath, String)>)>,
}

/// A place in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CodeLocation {
    path: RepoPath,
    line: Option<u32>,
}

impl Builder<'_> {
    fn is_test_file(&self, path: &str) -> bool {
        self.paths.protection(path) == Some(Protection::Test)
    }

    fn is_about_a_test(&self, bug: &BugReport) -> bool {
        match bug.category {
            Category::Logic => true,
            // A test that cannot be loaded has shown nothing of what it tests.
            Category::Syntax | Category::Indentation | Category::Lint | Category::Format => false,
            // Programs that are their own tests fail like any other.
            Category::Runtime => {
                bug.test.is_some() || bug.file.as_deref().is_some_and(|f| self.is_test_file(f))
            }
            _ => bug.test.is_some(),
        }
    }

    fn place(&self, file: &str, line: Option<u32>) -> Option<CodeLocation> {
        let path = find_file(file, self.tree)?;
        // Others' code is no place to fix anything.
        let skipped =
            matches!(self.paths.protection(path.as_str()), Some(Protection::Vendored | Protection::Never));
        (!skipped).then_some(CodeLocation { path, line })
    }

    fn places(&self, bug: &BugReport) -> Vec<CodeLocation> {
        let first = bug.file.as_deref().and_then(|f| self.place(f, bug.line));
        let related = bug.related.iter().filter_map(|l| self.place(&l.file, l.line));
        let mut places: Vec<CodeLocation> = Vec::new();
        for place in first.into_iter().chain(related) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    fn is_test_place(&self, place: &CodeLocation) -> bool {
        if self.is_test_file(place.path.as_str()) {
            return true;
        }
        let (Language::Rust, Some(line)) = (Language::of(place.path.as_str()), place.line) else {
            return false;
        };
        let regions =
            self.tree.read_text(&place.path).map(|t| super::test_regions::test_regions(Language::Rust, &t));
        regions.unwrap_or_default().iter().any(|(first, last)| (*first..=*last).contains(&line))
    }

    /// Adds lines that are not shown yet, as far as the cap allows.
    fn add(&mut self, path: &RepoPath, first: u32, last: u32, why: &str) {
        let Some(text) = self.tree.read_text(path) else { return };
        if !may_be_shown(path) {
            return;
        }
        let count = number(text.lines().count());
        let (first, last) = (first.max(1), last.min(count));
        let mut run: Option<(u32, u32)> = None;
        let mut fresh: Vec<(u32, u32)> = Vec::new();
        for line in first..=last {
            let shown = self.picked.iter().any(|p| p.path == *path && (p.first..=p.last).contains(&line));
            match (&mut run, shown) {
                (None, false) => run = Some((line, line)),
                (Some((_, end)), false) => *end = line,
                (Some(done), true) => {
                    fresh.push(*done);
                    run = None;
                }
                (None, true) => {}
            }
        }
        fresh.extend(run);
        for (first, last) in fresh {
            let room = last.min(first + self.cap.saturating_sub(1));
            if self.cap == 0 || room < first {
                return;
            }
            self.cap -= room - first + 1;
            self.picked.push(Picked { path: path.clone(), first, last: room, why: why.to_owned() });
        }
    }

    fn finish(self, map: &[String], redactor: &Redactor) -> Context {
        // Neighbours become one span, in the order the files were first picked.
        let mut order: Vec<RepoPath> = Vec::new();
        for picked in &self.picked {
            if !order.contains(&picked.path) {
                order.push(picked.path.clone());
            }
        }
        let shown = |text: &str| redactor.redact(&clean(text));
        let mut spans = Vec::new();
        for path in order {
            let Some(text) = self.tree.read_text(&path) else { continue };
            // Whole first, so that a secret that spans lines is known as one.
            let whole = shown(&text);
            let lines: Vec<&str> = whole.split('\n').collect();
            let editable = !matches!(
                self.paths.protection(path.as_str()),
                Some(
                    Protection::Never
                        | Protection::User
                        | Protection::Judge
                        | Protection::Lock
                        | Protection::Vendored
                )
            ) && (self.allow_test_edits
                || !self.is_test_file(path.as_str())
                || self.asked_of.contains(&path));
            let mut of_file: Vec<&Picked> = self.picked.iter().filter(|p| p.path == path).collect();
            of_file.sort_by_key(|p| p.first);
            let mut merged: Vec<(u32, u32, Vec<&str>)> = Vec::new();
            for picked in of_file {
                match merged.last_mut() {
                    Some((_, last, whys)) if picked.first <= *last + 1 => {
                        *last = (*last).max(picked.last);
                        if !whys.contains(&picked.why.as_str()) {
                            whys.push(&picked.why);
                        }
                    }
                    _ => merged.push((picked.first, picked.last, vec![&picked.why])),
                }
            }
            for (first, last, whys) in merged {
                let text = lines
                    .get(first as usize - 1..(last as usize).min(lines.len()))
                    .unwrap_or_default()
                    .join("\n");
                // Names of the repository stand in it.
                let why = shown(&whys.join("; "));
                spans.push(Span { path: path.clone(), first, last, text, why, editable });
            }
        }
        let before = self.before.into_iter().map(|b| Before { text: shown(&b.text), ..b }).collect();
        let map = map.iter().map(|line| shown(line)).collect();
        Context { spans, listings: self.listings, before, map }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Files that hold credentials by their nature are never shown.
pub(crate) fn may_be_shown(path: &RepoPath) -> bool {
    let name = path.file_name().to_lowercase();
    let ext = path.extension().map(str::to_lowercase);
    let secret_ext = ["pem", "key", "p12", "pfx", "jks", "keystore", "kdbx", "asc", "gpg", "ppk", "der"];
    let secret_name = [
        ".npmrc",
        ".pypirc",
        ".netrc",
        "_netrc",
        ".htpasswd",
        "id_rsa",
        "id_ed25519",
        "id_ecdsa",
        "id_dsa",
        "credentials",
    ];
    !(ext.is_some_and(|e| secret_ext.contains(&e.as_str()))
        || secret_name.contains(&name.as_str())
        || name.starts_with(".env"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::bug::Location;
    use crate::fixer::testing::{MemoryTree, bug};

    fn rules() -> PathRules {
        PathRules::new(&[]).unwrap()
    }

    fn shown(bugs: &[BugReport], tree: &MemoryTree, level: u8) -> Context {
        context_for(
            &ContextRequest { bugs, needs: &[], tree, level, leads: Leads::default() },
            &rules(),
            false,
            &Redactor::default(),
        )
    }

    fn has(context: &Context, path: &str, line: u32) -> bool {
        context.spans.iter().any(|s| s.path.as_str() == path && (s.first..=s.last).contains(&line))
    }

    fn numbered(lines: u32) -> String {
        (1..=lines).map(|n| format!("line {n}\n")).collect()
    }

    #[test]
    fn a_compile_error_starts_with_three_lines_around_it() {
        let tree = MemoryTree::new(&[("a.rs", &numbered(50))]);
        let context = shown(&[bug("rustc", Category::Type, "a.rs", 20, "mismatched types")], &tree, 1);
        assert_eq!(context.spans.len(), 1);
        assert_eq!((context.spans[0].first, context.spans[0].last), (17, 23));
        assert!(context.spans[0].text.starts_with("line 17\n") && context.spans[0].text.ends_with("line 23"));
        assert_eq!(context.window().len(), 1);
    }

    #[test]
    fn a_finding_over_many_lines_is_shown_and_editable_to_its_end() {
        let tree = MemoryTree::new(&[("a.py", &numbered(90))]);
        let mut finding = bug("ruff", Category::Lint, "a.py", 1, "import block is un-sorted");
        finding.end_line = Some(60);
        for level in 1..=4 {
            let window = shown(std::slice::from_ref(&finding), &tree, level).window();
            for line in 1..=60 {
                assert!(window.iter().any(|w| (w.first..=w.last).contains(&line)), "{level}: line {line}");
            }
        }
    }

    #[test]
    fn what_is_asked_for_is_shown_beside_a_level_s_lines() {
        let tree = MemoryTree::new(&[
            ("a/a.py", &numbered(500)),
            ("a/b.py", &numbered(500)),
            (".env", "A=b\n"),
            ("vendor/x.py", "x\n"),
        ]);
        let lines =
            |path: &str, first, last| ContextNeed::Lines { path: RepoPath::new(path).unwrap(), first, last };
        let needs = [
            lines("a/b.py", 200, 230),
            lines(".env", 1, 1),
            lines("vendor/x.py", 1, 1),
            ContextNeed::Folder { path: "a".to_owned() },
            lines("a/b.py", 1, 500),
        ];
        let bugs = [bug("x", Category::Type, "a/a.py", 400, "m")];
        let context = context_for(
            &ContextRequest { bugs: &bugs, needs: &needs, tree: &tree, level: 1, leads: Leads::default() },
            &rules(),
            false,
            &Redactor::default(),
        );
        assert!(has(&context, "a/b.py", 215) && has(&context, "a/a.py", 400));
        assert!(!has(&context, ".env", 1) && !has(&context, "vendor/x.py", 1));
        assert!(context.lines() <= LINES_AT_MOST, "{}", context.lines());
        assert_eq!(context.listings[0].files, ["a.py", "b.py"]);
        assert!(context.window().iter().any(|w| w.path.as_str() == "a/b.py"));
    }

    #[test]
    fn levels_rise_to_block_file_and_friends() {
        let source =
            "use b::x;\n\nfn f() {\n    1;\n    2;\n    3;\n    4;\n    5;\n    6;\n    7;\n}\n\nfn g() {}\n";
        let tree = MemoryTree::new(&[
            ("src/a.rs", source),
            ("src/b.rs", "pub fn x() {}\n"),
            ("Cargo.toml", "[package]\n"),
        ]);
        let bugs = [bug("rustc", Category::Type, "src/a.rs", 7, "mismatched types")];
        let at = |level| shown(&bugs, &tree, level);
        assert!(has(&at(1), "src/a.rs", 3) && !has(&at(1), "src/a.rs", 1) && !has(&at(1), "src/a.rs", 13));
        assert!(has(&at(2), "src/a.rs", 3) && has(&at(2), "src/a.rs", 1) && !has(&at(2), "src/a.rs", 13));
        assert!(has(&at(3), "src/a.rs", 13) && !has(&at(3), "Cargo.toml", 1));
        assert!(has(&at(4), "src/b.rs", 1) && has(&at(4), "Cargo.toml", 1));
    }

    #[test]
    fn an_unresolved_name_brings_the_imports_at_once() {
        let text = format!("import os\nimport re\n\n{}", numbered(40));
        let tree = MemoryTree::new(&[("a.py", &text)]);
        let context =
            shown(&[bug("python", Category::Import, "a.py", 30, "name 'json' is not defined")], &tree, 1);
        assert!(has(&context, "a.py", 2) && has(&context, "a.py", 30) && !has(&context, "a.py", 15));
    }

    #[test]
    fn a_failing_test_starts_with_its_source_and_what_it_calls() {
        let tree = MemoryTree::new(&[
            (
                "calc/ops.py",
                "import math\n\n\ndef add(a, b):\n    return a - b\n\n\ndef other():\n    pass\n",
            ),
            (
                "tests/test_ops.py",
                "from calc.ops import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n",
            ),
        ]);
        let mut failing = bug("pytest", Category::Logic, "tests/test_ops.py", 5, "assert -1 == 3");
        failing.test = Some("tests/test_ops.py::test_add".to_owned());
        let context = shown(&[failing], &tree, 1);
        assert!(has(&context, "tests/test_ops.py", 4) && has(&context, "calc/ops.py", 5));
        assert!(!has(&context, "calc/ops.py", 8));
        let window = context.window();
        assert!(window.iter().all(|w| w.path.as_str() == "calc/ops.py"), "tests are shown, not edited");
    }

    #[test]
    fn frames_come_with_their_function() {
        let tree = MemoryTree::new(&[
            ("src/a.py", "def f(x):\n    y = x\n    return y.z\n"),
            ("tests/test_a.py", "from a import f\n\ndef test_f():\n    f(None)\n"),
        ]);
        let mut failing = bug("pytest", Category::Runtime, "src/a.py", 3, "AttributeError");
        failing.test = Some("test_f".to_owned());
        failing.related = vec![Location { file: "tests/test_a.py".to_owned(), line: Some(4), column: None }];
        let context = shown(&[failing], &tree, 1);
        assert!(has(&context, "src/a.py", 1) && has(&context, "tests/test_a.py", 3));
    }

    #[test]
    fn a_missing_interface_leads_to_where_it_belongs() {
        let tree = MemoryTree::new(&[
            (
                "stack.go",
                "package s\n\ntype Stack struct {\n\titems []int\n}\n\nfunc (s *Stack) Push(i int) {\n}\n",
            ),
            ("stack_test.go", "package s\n\nfunc TestPeek(t *testing.T) {\n\ts := Stack{}\n\ts.Peek()\n}\n"),
        ]);
        let report = bug(
            "go build",
            Category::Type,
            "stack_test.go",
            5,
            "s.Peek undefined (type Stack has no field or method Peek)",
        );
        let context = shown(&[report], &tree, 1);
        assert!(has(&context, "stack.go", 3), "{context:?}");
    }

    #[test]
    fn caps_hold_at_every_level() {
        let big = numbered(5000);
        let tree = MemoryTree::new(&[("a.py", &big), ("tests/test_a.py", &big)]);
        for level in 1..=4 {
            let context = shown(
                &[
                    bug("x", Category::Type, "a.py", 2500, "m"),
                    bug("x", Category::Logic, "tests/test_a.py", 9, "m"),
                ],
                &tree,
                level,
            );
            assert!(context.lines() <= LINE_CAP[usize::from(level)], "{level}: {}", context.lines());
            assert!(has(&context, "a.py", 2500));
        }
    }

    #[test]
    fn secrets_and_what_hides_are_not_shown() {
        let key =
            format!("-----BEGIN {} KEY-----\nMIIabc\nMIIdef\n-----END {} KEY-----", "PRIVATE", "PRIVATE");
        let text = format!("a = '''{key}'''\nb = 1\nc\u{202e} = 2\n");
        let tree = MemoryTree::new(&[("a.py", &text), ("k.pem", &key), (".env", "A=b")]);
        let context = shown(
            &[
                bug("x", Category::Type, "a.py", 5, "m"),
                bug("x", Category::Type, "k.pem", 1, "m"),
                bug("x", Category::Type, ".env", 1, "m"),
            ],
            &tree,
            1,
        );
        assert_eq!(context.spans.len(), 1);
        assert!(
            !context.spans[0].text.contains("MII") && !context.spans[0].text.contains('\u{202e}'),
            "{context:?}"
        );
        assert!(context.spans[0].text.contains("b = 1"));
    }
}
