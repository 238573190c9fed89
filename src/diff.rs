//! How two texts differ: the one place that compares them, by lines, and writes what people read and `git apply` takes.

use std::fmt::Write as _;

use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::{DiffOp, DiffTag};

use crate::contract::fix::FileChange;
use crate::contract::git::RepoPath;

/// Lines of context around a hunk, as git does.
const CONTEXT: usize = 3;

/// Both sides of a change by lines (ends kept), and what turns one into the other.
pub struct LineDiff<'c> {
    pub old: Vec<&'c str>,
    pub new: Vec<&'c str>,
    ops: Vec<DiffOp>,
}

impl<'c> LineDiff<'c> {
    /// A side that is not there has no lines.
    #[must_use]
    pub fn of(change: &'c FileChange) -> Self {
        Self::between(
            change.before.as_deref().unwrap_or_default(),
            change.after.as_deref().unwrap_or_default(),
        )
    }

    /// Lines end at line feeds only: a lone carriage return ends none, for git neither.
    #[must_use]
    pub fn between(before: &'c str, after: &'c str) -> Self {
        let (old, new): (Vec<_>, Vec<_>) =
            (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
        let ops = ops(&old, &new);
        Self { old, new, ops }
    }

    /// The stretches that differ.
    pub fn hunks(&self) -> impl Iterator<Item = &DiffOp> {
        self.ops.iter().filter(|op| op.tag() != DiffTag::Equal)
    }

    /// The stretches that differ with `context` lines around them, joined where these meet.
    #[must_use]
    pub fn groups(&self, context: usize) -> Vec<Vec<DiffOp>> {
        similar::group_diff_ops(self.ops.clone(), context)
    }

    /// How many lines are touched: removed or added, whichever is more, per stretch.
    #[must_use]
    pub fn changed_lines(&self) -> u64 {
        self.hunks().map(|op| op.old_range().len().max(op.new_range().len()) as u64).sum()
    }

    /// Removed lines with their number (from 1) in the old text.
    #[must_use]
    pub fn removed(&self) -> Vec<(u32, &'c str)> {
        self.hunks().flat_map(similar::DiffOp::old_range).map(|i| (number(i), bare(self.old[i]))).collect()
    }

    /// Added lines with their number (from 1) in the new text.
    #[must_use]
    pub fn added(&self) -> Vec<(u32, &'c str)> {
        self.hunks().flat_map(similar::DiffOp::new_range).map(|i| (number(i), bare(self.new[i]))).collect()
    }
}

/// One kind of elements and one algorithm only: each other kind would be a copy of it all in the binary.
fn ops(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let mut hook = Compact::new(Replace::new(Capture::new()), old, new);
    match myers::diff(&mut hook, old, 0..old.len(), new, 0..new.len()) {
        Ok(()) => hook.into_inner().into_inner().into_ops(),
        Err(never) => match never {},
    }
}

/// How alike two short texts are, by characters: 1 for equal, 0 for nothing in common.
#[must_use]
pub fn similarity(one: &str, other: &str) -> f32 {
    let chars = |text: &'_ str| -> Vec<String> { text.chars().map(String::from).collect() };
    let (old, new) = (chars(one), chars(other));
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
    similar::diff_ratio(&ops(&old, &new), old.len(), new.len())
}

fn bare(line: &str) -> &str {
    line.trim_end_matches(['\n', '\r'])
}

fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// A unified diff with git's headers, which `git apply` takes.
#[must_use]
pub fn unified(changes: &[FileChange]) -> String {
    let mut sorted: Vec<_> = changes.iter().filter(|c| c.before != c.after).collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    sorted.iter().map(|change| file_diff(change)).collect()
}

fn file_diff(change: &FileChange) -> String {
    let (a, b) = (name("a", &change.path), name("b", &change.path));
    let mut out = format!("diff --git {a} {b}\n");
    match (&change.before, &change.after) {
        (None, _) => out.push_str("new file mode 100644\n"),
        (_, None) => out.push_str("deleted file mode 100644\n"),
        _ => {}
    }
    let diff = LineDiff::of(change);
    let groups = diff.groups(CONTEXT);
    if groups.is_empty() {
        return out;
    }
    // Git ends names with blanks by a tab, so that they can be told from a date.
    let tab = if change.path.as_str().contains(' ') { "\t" } else { "" };
    let side =
        |present: bool, name: &str| if present { format!("{name}{tab}") } else { "/dev/null".to_owned() };
    let _ = writeln!(out, "--- {}", side(change.before.is_some(), &a));
    let _ = writeln!(out, "+++ {}", side(change.after.is_some(), &b));
    for ops in groups {
        let (Some(first), Some(last)) = (ops.first(), ops.last()) else { continue };
        let old = first.old_range().start..last.old_range().end;
        let new = first.new_range().start..last.new_range().end;
        let _ = writeln!(out, "@@ -{} +{} @@", span(&old), span(&new));
        for op in ops {
            if op.tag() == DiffTag::Equal {
                push_lines(&mut out, ' ', &diff.old[op.old_range()]);
            } else {
                push_lines(&mut out, '-', &diff.old[op.old_range()]);
                push_lines(&mut out, '+', &diff.new[op.new_range()]);
            }
        }
    }
    out
}

fn push_lines(out: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        out.push(sign);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

fn span(range: &std::ops::Range<usize>) -> String {
    match range.len() {
        // An empty side is named by the line before it.
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        n => format!("{},{n}", range.start + 1),
    }
}

/// Quoted as git does where the name has a `"`; other special characters cannot be in a `RepoPath`.
fn name(side: &str, path: &RepoPath) -> String {
    let name = format!("{side}/{path}");
    if name.contains('"') { format!("\"{}\"", name.replace('"', "\\\"")) } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
        FileChange {
            path: RepoPath::new(path).unwrap(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        }
    }

    #[test]
    fn reads_like_git_s() {
        let diff = unified(&[change("a b.txt", Some("1\n2\n3"), Some("1\n2\nx\n"))]);
        assert_eq!(
            diff,
            "diff --git a/a b.txt b/a b.txt\n--- a/a b.txt\t\n+++ b/a b.txt\t\n@@ -1,3 +1,3 @@\n 1\n 2\n-3\n\\ No newline at end of file\n+x\n"
        );
        let diff = unified(&[change("n", None, Some("x\n"))]);
        assert_eq!(
            diff,
            "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n"
        );
    }

    #[test]
    fn likeness_is_by_characters() {
        assert_eq!(similarity("größe", "größe"), 1.0);
        assert_eq!(similarity("ab", "xy"), 0.0);
        assert_eq!(similarity("abcd", "abxd"), 0.75);
        assert_eq!(similarity("", ""), 1.0);
    }

    #[test]
    fn a_lone_carriage_return_ends_no_line() {
        let change = change("a", Some("x\ry\nz\n"), Some("x\ry\nZ\n"));
        assert_eq!(LineDiff::of(&change).removed(), [(2, "z")]);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        /// Reads our own diff back: the new side of every hunk plus the untouched rest is the new file.
        #[test]
        fn the_diff_says_it_all(before in "[ab\n]{0,30}", after in "[ab\n]{0,30}") {
            proptest::prop_assume!(before != after && !before.is_empty());
            let text = unified(&[change("f", Some(&before), Some(&after))]);
            proptest::prop_assert_eq!(replay(&before, &text), after);
        }
    }

    /// A strict reader of unified diffs, for the test alone.
    fn replay(before: &str, diff: &str) -> String {
        let old: Vec<&str> = before.split_inclusive('\n').collect();
        let mut out = String::new();
        let mut at = 0;
        let mut lines = diff.lines().peekable();
        while let Some(line) = lines.next() {
            if let Some(head) = line.strip_prefix("@@ -") {
                let (start, count) =
                    head.split(' ').next().map(|s| s.split_once(',').unwrap_or((s, "1"))).unwrap();
                let start: usize = start.parse().unwrap();
                let start = if count == "0" { start } else { start - 1 };
                out.extend(old[at..start].iter().copied());
                at = start;
                continue;
            }
            let (true, Some(sign)) = (
                at <= old.len() && !line.starts_with("---") && !line.starts_with("+++"),
                line.chars().next(),
            ) else {
                continue;
            };
            let newline = if lines.peek().is_some_and(|l| l.starts_with('\\')) { "" } else { "\n" };
            match sign {
                ' ' => {
                    assert_eq!(old[at], format!("{}{newline}", &line[1..]));
                    out.push_str(old[at]);
                    at += 1;
                }
                '-' => {
                    assert_eq!(old[at], format!("{}{newline}", &line[1..]));
                    at += 1;
                }
                '+' => out.push_str(&format!("{}{newline}", &line[1..])),
                _ => {}
            }
        }
        out.extend(old[at..].iter().copied());
        out
    }
}
