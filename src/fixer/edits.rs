//! Turns search/replace edits into whole new file contents: all of them or none, each at exactly one place.
//! Never writes; never guesses which of two places was meant.

use std::collections::BTreeMap;
use std::ops::Range;

use super::language::indent_of;
use super::removal;
use crate::contract::fix::{Edit, FileChange, LineWindow, Rejection};
use crate::contract::git::{RepoPath, SourceTree};
use crate::diff::similarity;

/// Applies `edits`. `window` tells which of several equal places was shown to the provider, and so was meant.
pub fn apply(
    edits: &[Edit],
    window: &[LineWindow],
    tree: &dyn SourceTree,
) -> Result<Vec<FileChange>, Rejection> {
    let mut by_file: BTreeMap<&RepoPath, Vec<&Edit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(&edit.path).or_default().push(edit);
    }
    let mut changes = Vec::new();
    for (path, edits) in by_file {
        let before = match tree.entry(path) {
            None => None,
            Some(_) => Some(tree.read_text(path).ok_or_else(|| Rejection::Content {
                path: path.to_string(),
                why: "is not a text file (binary, a link or a submodule)".to_owned(),
            })?),
        };
        let lines: Vec<_> = window.iter().filter(|w| &w.path == path).collect();
        let after = match &before {
            Some(text) => apply_to_text(path, text, &edits, &lines)?,
            None => create(path, &edits, tree)?,
        };
        if before.as_deref() != Some(after.as_str()) {
            let had_text = before.as_ref().is_some_and(|text| !text.trim().is_empty());
            // Nothing is left of it: that is how a deletion is written.
            let is_deleted = is_nothing(&edits, &after) && had_text && removal::is_meant(path);
            changes.push(FileChange { path: path.clone(), before, after: (!is_deleted).then_some(after) });
        }
    }
    if changes.is_empty() { Err(Rejection::NoChange) } else { Ok(changes) }
}

/// No text, or only the line end of a whole text that was quoted without it.
fn is_nothing(edits: &[&Edit], after: &str) -> bool {
    let is_unquoted_end = |edit: &&Edit| edit.replace.is_empty() && !edit.find.ends_with('\n');
    after.is_empty() || matches!(after, "\n" | "\r\n") && edits.iter().all(is_unquoted_end)
}

fn not_applicable(path: &RepoPath, why: impl Into<String>) -> Rejection {
    Rejection::NotApplicable { path: path.to_string(), why: why.into() }
}

fn create(path: &RepoPath, edits: &[&Edit], tree: &dyn SourceTree) -> Result<String, Rejection> {
    if let [edit] = edits
        && edit.find.is_empty()
    {
        return Ok(edit.replace.clone());
    }
    if edits.iter().all(|e| e.find.is_empty()) {
        return Err(not_applicable(path, "several edits would create this file"));
    }
    let lower = path.as_str().to_lowercase();
    let near =
        tree.files().iter().find(|f| f.path.as_str().to_lowercase() == lower || ends_alike(&f.path, path));
    let hint = near.map_or(String::new(), |f| format!("; there is {}", f.path));
    Err(not_applicable(path, format!("there is no such file{hint}")))
}

/// One path is the other with folders in front.
fn ends_alike(a: &RepoPath, b: &RepoPath) -> bool {
    let (a, b) = (format!("/{a}"), format!("/{b}"));
    a.ends_with(&b) || b.ends_with(&a)
}

fn apply_to_text(
    path: &RepoPath,
    text: &str,
    edits: &[&Edit],
    window: &[&LineWindow],
) -> Result<String, Rejection> {
    let crlf = text.contains("\r\n");
    let mut places: Vec<(Range<usize>, String)> = Vec::with_capacity(edits.len());
    for edit in edits {
        if edit.find.is_empty() {
            if text.is_empty() && edits.len() == 1 {
                return Ok(edit.replace.clone());
            }
            return Err(not_applicable(
                path,
                "the file exists already; `find` must quote the text to replace",
            ));
        }
        // Models see and write bare line feeds.
        let as_in_file =
            |s: &str| if crlf { s.replace("\r\n", "\n").replace('\n', "\r\n") } else { s.to_owned() };
        // Who quotes the very line ends of a file, mixed ones too, means those it writes.
        let verbatim = edit.find.contains('\n') && text.contains(&edit.find);
        places.push(if verbatim {
            locate(path, text, &edit.find, &edit.replace, window)?
        } else {
            locate(path, text, &as_in_file(&edit.find), &as_in_file(&edit.replace), window)?
        });
    }
    places.sort_by_key(|(range, _)| (range.start, range.end));
    if places.windows(2).any(|p| p[0].0.end > p[1].0.start) {
        return Err(not_applicable(path, "two edits overlap; join them into one"));
    }
    let mut after = String::with_capacity(text.len());
    let mut done = 0;
    for (range, replace) in places {
        after.push_str(&text[done..range.start]);
        after.push_str(&replace);
        done = range.end;
    }
    after.push_str(&text[done..]);
    Ok(after)
}

/// The one place `find` stands, exactly or by the one fallback, and what is to stand there.
fn locate(
    path: &RepoPath,
    text: &str,
    find: &str,
    replace: &str,
    window: &[&LineWindow],
) -> Result<(Range<usize>, String), Rejection> {
    let exact: Vec<Range<usize>> = occurrences(text, find);
    match pick(text, &exact, window) {
        Picked::One(range) => return Ok((range, replace.to_owned())),
        Picked::Many(count) => {
            let why = format!("the text to find stands {count} times; quote more lines around it");
            return Err(not_applicable(path, why));
        }
        Picked::None => {}
    }
    let loose = loose_matches(text, find);
    let ranges: Vec<_> = loose.iter().map(|m| m.range.clone()).collect();
    match pick(text, &ranges, window) {
        Picked::One(range) => {
            let shift = loose.iter().find(|m| m.range == range).map_or(Shift::None, |m| m.shift.clone());
            let replace = shift.apply(replace).ok_or_else(|| {
                not_applicable(path, "the indentation differs from the file's in more than depth")
            })?;
            // Whole lines are replaced; whether the quote ended in a line feed must not matter.
            let replace = match (text[range.clone()].ends_with('\n'), replace.ends_with('\n')) {
                (true, false) if !replace.is_empty() => replace + "\n",
                (false, true) => replace.trim_end_matches(['\n', '\r']).to_owned(),
                _ => replace,
            };
            Ok((range, replace))
        }
        Picked::Many(count) => Err(not_applicable(
            path,
            format!("the text to find stands {count} times; quote more lines around it"),
        )),
        Picked::None => Err(not_applicable(path, nearest(text, find))),
    }
}

/// All places, overlapping ones too: `aa` stands twice in `aaa`.
fn occurrences(text: &str, find: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find(find) {
        let start = from + at;
        found.push(start..start + find.len());
        from = start + text[start..].chars().next().map_or(1, char::len_utf8);
    }
    found
}

enum Picked {
    None,
    One(Range<usize>),
    Many(usize),
}

fn pick(text: &str, ranges: &[Range<usize>], window: &[&LineWindow]) -> Picked {
    match ranges {
        [] => Picked::None,
        [one] => Picked::One(one.clone()),
        many => {
            let shown: Vec<_> = many
                .iter()
                .filter(|r| {
                    let first = line_at(text, r.start);
                    let last = line_at(text, r.end.saturating_sub(1).max(r.start));
                    window.iter().any(|w| w.first <= first && last <= w.last)
                })
                .collect();
            match shown.as_slice() {
                [one] => Picked::One((*one).clone()),
                _ => Picked::Many(many.len()),
            }
        }
    }
}

/// The line (from 1) the byte lies on.
fn line_at(text: &str, byte: usize) -> u32 {
    let lines = text.as_bytes()[..byte.min(text.len())].iter().filter(|b| **b == b'\n').count();
    u32::try_from(lines + 1).unwrap_or(u32::MAX)
}

#[derive(Debug, Clone, PartialEq)]
enum Shift {
    None,
    /// The file is indented deeper by this.
    Add(String),
    /// The file is indented less by this.
    Remove(String),
}

impl Shift {
    fn apply(&self, text: &str) -> Option<String> {
        match self {
            Self::None => Some(text.to_owned()),
            Self::Add(by) => Some(
                text.split_inclusive('\n')
                    .map(|line| if line.trim().is_empty() { line.to_owned() } else { format!("{by}{line}") })
                    .collect(),
            ),
            Self::Remove(by) => text
                .split_inclusive('\n')
                .map(|line| if line.trim().is_empty() { Some(line) } else { line.strip_prefix(by.as_str()) })
                .collect(),
        }
    }
}

struct Loose {
    range: Range<usize>,
    shift: Shift,
}

/// Runs of whole lines that equal `find`'s lines but for trailing whitespace and one uniform shift of indentation.
fn loose_matches(text: &str, find: &str) -> Vec<Loose> {
    let wanted: Vec<&str> = find.trim_matches(['\n', '\r']).split('\n').map(str::trim_end).collect();
    if wanted.iter().all(|l| l.trim().is_empty()) {
        return Vec::new();
    }
    let mut lines = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        lines.push((at, line));
        at += line.len();
    }
    let mut found = Vec::new();
    for start in 0..lines.len() {
        let Some(run) = lines.get(start..start + wanted.len()) else { break };
        if let Some(shift) = shift_between(&wanted, run) {
            let (last_at, last) = run[run.len() - 1];
            let range = run[0].0..last_at + last.len();
            found.push(Loose { range, shift });
        }
    }
    found
}

fn shift_between(wanted: &[&str], run: &[(usize, &str)]) -> Option<Shift> {
    let mut shift: Option<Shift> = None;
    for (want, (_, have)) in wanted.iter().zip(run) {
        let have = have.trim_end();
        if want.trim() != have.trim() {
            return None;
        }
        if want.trim().is_empty() {
            continue;
        }
        let (w, h) = (indent_of(want), indent_of(have));
        let this = if w == h {
            Shift::None
        } else if let Some(more) = h.strip_prefix(w) {
            Shift::Add(more.to_owned())
        } else {
            Shift::Remove(w.strip_prefix(h)?.to_owned())
        };
        match &shift {
            None => shift = Some(this),
            Some(known) if *known == this => {}
            Some(_) => return None,
        }
    }
    shift
}

/// What to tell a provider whose quote is not there: the line most like its first one.
fn nearest(text: &str, find: &str) -> String {
    let first = find.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    let best = text
        .lines()
        .take(20_000)
        .map(str::trim)
        .filter(|l| !l.is_empty() && l.len() < 400)
        .map(|line| (similarity(first, line), line))
        .filter(|(ratio, _)| *ratio > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((_, line)) if line == first => {
            "its first line is there, but the lines after it differ; quote the file exactly".to_owned()
        }
        Some((_, line)) => format!("the text to find is not there; the file has: {line}"),
        None => "the text to find is not there".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixer::testing::{MemoryTree, edit};

    fn run(before: &str, edits: &[(&str, &str)]) -> Result<String, Rejection> {
        let tree = MemoryTree::new(&[("a.py", before)]);
        let edits: Vec<_> = edits.iter().map(|(f, r)| edit("a.py", f, r)).collect();
        apply(&edits, &[], &tree).map(|c| c[0].after.clone().unwrap())
    }

    #[test]
    fn one_place_is_replaced() {
        assert_eq!(run("a\nb\nc\n", &[("b\n", "B\n")]).unwrap(), "a\nB\nc\n");
        assert_eq!(run("a\nb\nc\n", &[("c", "C"), ("a", "A")]).unwrap(), "A\nb\nC\n");
    }

    #[test]
    fn two_places_are_refused_unless_one_was_shown() {
        let error = run("x\ny\nx\n", &[("x", "z")]).unwrap_err();
        assert!(
            matches!(&error, Rejection::NotApplicable { why, .. } if why.contains("2 times")),
            "{error:?}"
        );
        let tree = MemoryTree::new(&[("a.py", "x\ny\nx\n")]);
        let window = [LineWindow { path: RepoPath::new("a.py").unwrap(), first: 3, last: 3 }];
        let changes = apply(&[edit("a.py", "x", "z")], &window, &tree).unwrap();
        assert_eq!(changes[0].after.as_deref(), Some("x\ny\nz\n"));
    }

    #[test]
    fn all_or_nothing() {
        let tree = MemoryTree::new(&[("a.py", "a\n"), ("b.py", "b\n")]);
        let edits = [edit("a.py", "a", "A"), edit("b.py", "missing", "B")];
        assert!(apply(&edits, &[], &tree).is_err());
    }

    #[test]
    fn overlapping_edits_are_refused() {
        let error = run("abc\n", &[("ab", "x"), ("bc", "y")]).unwrap_err();
        assert!(matches!(error, Rejection::NotApplicable { why, .. } if why.contains("overlap")));
    }

    #[test]
    fn indentation_and_trailing_blanks_may_differ_uniformly() {
        let before = "class A:\n    def f(self):\n        return 1  \n";
        let after = run(before, &[("def f(self):\n    return 1", "def f(self):\n    return 2")]).unwrap();
        assert_eq!(after, "class A:\n    def f(self):\n        return 2\n");
        let after = run(
            "def f():\n  return 1\n",
            &[("    def f():\n      return 1\n", "    def f():\n      return 2\n")],
        );
        assert_eq!(after.unwrap(), "def f():\n  return 2\n");
        assert!(run("if a:\n    b\n", &[("  if a:\n   b", "x")]).is_err(), "not uniform");
    }

    #[test]
    fn line_endings_stay_the_file_s() {
        assert_eq!(run("a\r\nb\r\n", &[("a\nb", "a\nx\nb")]).unwrap(), "a\r\nx\r\nb\r\n");
        assert_eq!(run("a\nb\r\n", &[("a\nb\r\n", "x\n")]).unwrap(), "x\n", "mixed line ends");
        assert_eq!(
            run("a\r\nb\r\n", &[("a\r\nb\r\n", "a\nb\n")]).unwrap(),
            "a\nb\n",
            "line ends are the fix"
        );
    }

    #[test]
    fn files_are_created_only_where_there_is_none() {
        let tree = MemoryTree::new(&[("a.py", "a\n")]);
        let changes = apply(&[edit("b.py", "", "x\n")], &[], &tree).unwrap();
        assert_eq!((changes[0].before.clone(), changes[0].after.as_deref()), (None, Some("x\n")));
        assert!(apply(&[edit("a.py", "", "x\n")], &[], &tree).is_err());
        let error = apply(&[edit("A.py", "a", "x")], &[], &tree).unwrap_err();
        assert!(matches!(error, Rejection::NotApplicable { why, .. } if why.contains("there is a.py")));
    }

    #[test]
    fn a_file_of_which_nothing_is_left_is_deleted() {
        let tree = MemoryTree::new(&[("a/old.py", "x\ny\n"), ("a/__init__.py", "x\n"), ("notes.txt", "x\n")]);
        let after =
            |path: &str, find: &str| apply(&[edit(path, find, "")], &[], &tree).unwrap()[0].after.clone();
        assert_eq!(after("a/old.py", "x\ny\n"), None);
        assert_eq!(after("a/old.py", "x\ny"), None);
        assert_eq!(after("a/__init__.py", "x\n").as_deref(), Some(""));
        assert_eq!(after("notes.txt", "x\n").as_deref(), Some(""));
    }

    #[test]
    fn no_difference_is_no_change() {
        assert_eq!(run("a\n", &[("a", "a")]).unwrap_err(), Rejection::NoChange);
        assert_eq!(apply(&[], &[], &MemoryTree::new(&[])).unwrap_err(), Rejection::NoChange);
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_never_applies_half(
            text in "[ab \n\r\t]{0,40}",
            finds in proptest::collection::vec(("[ab \n\t]{0,6}", "[abc \n]{0,6}"), 0..4),
        ) {
            let tree = MemoryTree::new(&[("a.py", &text)]);
            let edits: Vec<_> = finds.iter().map(|(f, r)| edit("a.py", f, r)).collect();
            if let Ok(changes) = apply(&edits, &[], &tree) {
                let after = changes[0].after.clone().unwrap_or_default();
                proptest::prop_assert_ne!(&after, &text);
                // Each edit's text arrived, but for the shift the fallback may apply.
                for (_, replace) in &finds {
                    for word in replace.split_whitespace() {
                        proptest::prop_assert!(after.contains(word));
                    }
                }
            }
        }
    }
}
