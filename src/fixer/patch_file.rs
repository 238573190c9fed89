//! Reads a unified diff back into file changes, strictly: every line it names must stand where it says.
//!
//! Only what [`crate::diff::unified`] writes is understood; anything else is refused, since a patch comes from a job
//! that has run foreign code.

use std::collections::BTreeSet;

use crate::contract::fix::{FileChange, Rejection};
use crate::contract::git::{RepoPath, SourceTree};

/// Applies a whole patch to `tree`; the changes, or the first thing that does not hold.
pub fn read_patch(patch: &str, tree: &dyn SourceTree) -> Result<Vec<FileChange>, Rejection> {
    let mut lines = Lines { rest: patch.split_inclusive('\n').collect(), at: 0 };
    let mut changes = Vec::new();
    let mut seen = BTreeSet::new();
    while let Some(line) = lines.peek() {
        if let Some(change) = empty_file(&lines, tree)? {
            lines.at += 2;
            if !seen.insert(change.path.clone()) {
                return Err(bad(change.path.as_str(), "is named twice".to_owned()));
            }
            changes.push(change);
            continue;
        }
        if line.starts_with("diff --git ")
            || line.starts_with("new file mode 100644")
            || line.starts_with("index ")
        {
            lines.at += 1;
            continue;
        }
        if !line.starts_with("--- ") {
            return Err(bad("", format!("line {} is no part of a patch of ours", lines.at + 1)));
        }
        let change = read_file(&mut lines, tree)?;
        if !seen.insert(change.path.clone()) {
            return Err(bad(change.path.as_str(), "is named twice".to_owned()));
        }
        changes.push(change);
    }
    if changes.is_empty() { Err(Rejection::NoChange) } else { Ok(changes) }
}

struct Lines<'p> {
    rest: Vec<&'p str>,
    at: usize,
}

impl<'p> Lines<'p> {
    fn peek(&self) -> Option<&'p str> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'p str> {
        let line = self.peek()?;
        self.at += 1;
        Some(line)
    }
}

fn bad(path: &str, why: String) -> Rejection {
    Rejection::NotApplicable { path: path.to_owned(), why }
}

fn name(line: Option<&str>, marker: &str, side: &str) -> Result<Option<RepoPath>, Rejection> {
    let line = line.and_then(|l| l.strip_prefix(marker)).map(|l| l.trim_end_matches('\n'));
    let Some(line) = line else { return Err(bad("", format!("a {marker:?} line is missing"))) };
    if line == "/dev/null" {
        return Ok(None);
    }
    let path = line.strip_prefix(side).ok_or_else(|| bad(line, format!("does not begin with {side}")))?;
    RepoPath::new(path).map(Some).map_err(|e| bad(path, e.to_string()))
}

/// A new file without content has no lines that could stand in a hunk: its header is all there is.
fn empty_file(lines: &Lines<'_>, tree: &dyn SourceTree) -> Result<Option<FileChange>, Rejection> {
    let [header, mode, rest @ ..] = &lines.rest[lines.at..] else { return Ok(None) };
    let ends = rest.first().is_none_or(|next| next.starts_with("diff --git "));
    let Some(names) =
        header.strip_prefix("diff --git a/").filter(|_| mode.starts_with("new file mode 100644") && ends)
    else {
        return Ok(None);
    };
    // `NAME b/NAME`
    let names = names.trim_end_matches('\n');
    let name = names.get(..names.len().saturating_sub(" b/".len()) / 2).unwrap_or_default();
    if names != format!("{name} b/{name}") {
        return Err(bad(names, "is new under two names".to_owned()));
    }
    let path = RepoPath::new(name).map_err(|e| bad(name, e.to_string()))?;
    if tree.entry(&path).is_some() {
        return Err(bad(name, "is new in the patch and there already".to_owned()));
    }
    Ok(Some(FileChange { path, before: None, after: Some(String::new()) }))
}

fn read_file(lines: &mut Lines<'_>, tree: &dyn SourceTree) -> Result<FileChange, Rejection> {
    let old = name(lines.next(), "--- ", "a/")?;
    let new = name(lines.next(), "+++ ", "b/")?;
    let path = match (&old, &new) {
        (Some(old), Some(new)) if old == new => old.clone(),
        (None, Some(path)) | (Some(path), None) => path.clone(),
        _ => return Err(bad("", "a file is renamed, which no fix of ours does".to_owned())),
    };
    let before = match (&old, tree.entry(&path)) {
        (None, None) => None,
        (None, Some(_)) => {
            return Err(bad(path.as_str(), "is new in the patch and there already".to_owned()));
        }
        (Some(_), _) => Some(
            tree.read_text(&path)
                .ok_or_else(|| bad(path.as_str(), "is not a text file of the base".to_owned()))?,
        ),
    };
    let text = before.clone().unwrap_or_default();
    let source: Vec<&str> = text.split_inclusive('\n').collect();
    let mut after = String::new();
    let mut taken = 0;
    while let Some(header) = lines.peek().filter(|l| l.starts_with("@@ ")) {
        lines.at += 1;
        let hunk = Hunk::parse(header)
            .ok_or_else(|| bad(path.as_str(), "has a hunk header that cannot be read".to_owned()))?;
        // Line 0 stands for "before the first line" of an empty side.
        let start = hunk.old_start.saturating_sub(usize::from(hunk.old_count > 0));
        if start < taken || start > source.len() {
            return Err(bad(path.as_str(), "has hunks out of order".to_owned()));
        }
        after.extend(source[taken..start].iter().copied());
        taken = start;
        read_hunk(lines, &hunk, &path, &source, &mut taken, &mut after)?;
    }
    after.extend(source[taken..].iter().copied());
    let after = if new.is_some() {
        Some(after)
    } else if after.is_empty() {
        None
    } else {
        return Err(bad(path.as_str(), "is deleted and not empty afterwards".to_owned()));
    };
    Ok(FileChange { path, before, after })
}

fn read_hunk(
    lines: &mut Lines<'_>,
    hunk: &Hunk,
    path: &RepoPath,
    source: &[&str],
    taken: &mut usize,
    after: &mut String,
) -> Result<(), Rejection> {
    let (mut old_left, mut new_left) = (hunk.old_count, hunk.new_count);
    while old_left > 0 || new_left > 0 {
        let Some(line) = lines.next() else {
            return Err(bad(path.as_str(), "ends in the middle of a hunk".to_owned()));
        };
        let kind = line.as_bytes().first().copied().unwrap_or(b' ');
        let mut text = line.get(1..).unwrap_or_default().to_owned();
        if lines.peek().is_some_and(|l| l.starts_with('\\')) {
            lines.at += 1;
            text.truncate(text.trim_end_matches('\n').len());
        }
        if kind == b' ' || kind == b'-' {
            if source.get(*taken) != Some(&text.as_str()) || old_left == 0 {
                let why = format!("line {} of the base is not what the patch says", *taken + 1);
                return Err(bad(path.as_str(), why));
            }
            *taken += 1;
            old_left -= 1;
        }
        if kind == b' ' || kind == b'+' {
            if new_left == 0 {
                return Err(bad(path.as_str(), "has a hunk longer than its header says".to_owned()));
            }
            after.push_str(&text);
            new_left -= 1;
        }
        if !matches!(kind, b' ' | b'-' | b'+') {
            return Err(bad(path.as_str(), "has a line that is neither kept, removed nor added".to_owned()));
        }
    }
    Ok(())
}

/// `@@ -3,4 +3,5 @@`
struct Hunk {
    old_start: usize,
    old_count: usize,
    new_count: usize,
}

impl Hunk {
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split(' ');
        parts.next().filter(|p| *p == "@@")?;
        let range = |part: &str, sign: char| -> Option<(usize, usize)> {
            let part = part.strip_prefix(sign)?;
            match part.split_once(',') {
                Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
                None => Some((part.parse().ok()?, 1)),
            }
        };
        let (old_start, old_count) = range(parts.next()?, '-')?;
        let (_, new_count) = range(parts.next()?, '+')?;
        Some(Self { old_start, old_count, new_count })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::MemoryTree;
    use super::*;
    use crate::diff::unified;

    fn change(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
        FileChange {
            path: RepoPath::new(path).unwrap(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        }
    }

    #[test]
    fn a_patch_of_ours_comes_back_as_it_was() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
        let after = "a\nB\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm";
        let changes = vec![
            change("a b/__init__.py", None, Some("")),
            change("new.txt", None, Some("x\ny\n")),
            change("x.txt", Some(before), Some(after)),
            change("z/__init__.py", None, Some("")),
        ];
        let tree = MemoryTree::new(&[("x.txt", before)]);
        assert_eq!(read_patch(&unified(&changes), &tree).unwrap(), changes);
    }

    #[test]
    fn what_does_not_fit_the_base_is_refused() {
        let changes = [change("x.txt", Some("a\nb\n"), Some("a\nc\n"))];
        let patch = unified(&changes);
        for other in ["a\nB\n", "b\na\n", ""] {
            assert!(read_patch(&patch, &MemoryTree::new(&[("x.txt", other)])).is_err(), "{other:?}");
        }
        let tree = MemoryTree::new(&[("x.txt", "a\nb\n")]);
        for hostile in [
            patch.replace("b/x.txt", "b/../x.txt"),
            patch.replace("b/x.txt", "b/y.txt"),
            format!("{patch}{patch}"),
            format!("rename from x\n{patch}"),
            patch.lines().take(4).collect::<Vec<_>>().join("\n"),
            String::new(),
        ] {
            assert!(read_patch(&hostile, &tree).is_err(), "{hostile}");
        }
    }

    proptest! {
        #[test]
        fn any_change_survives_the_way_there_and_back(before in "([abc]{0,3}\n){0,30}[ab]?", after in "([abc]{0,3}\n){0,30}[ab]?") {
            prop_assume!(before != after && !before.is_empty() && !after.is_empty());
            let changes = vec![change("x.txt", Some(&before), Some(&after))];
            let tree = MemoryTree::new(&[("x.txt", &before)]);
            prop_assert_eq!(read_patch(&unified(&changes), &tree).unwrap(), changes);
        }

        #[test]
        fn garbage_is_refused_and_never_panics(patch in "([-+ @\\\\][-+a-b/@, 0-9]{0,12}\n?){0,12}") {
            let _ = read_patch(&patch, &MemoryTree::new(&[("a", "a\nb\n")]));
        }
    }
}
