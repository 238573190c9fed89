//! Unified diffs that formatters print instead of applying: from hunks to line replacements.

use crate::contract::bug::Suggestion;
use crate::parser::findings::number;

/// Changed lines kept of one file; a larger change is the formatter's own command's work.
const MAX_LINES: usize = 2_000;

/// Reads the hunks of one file. Lines are the old file's.
#[derive(Debug)]
pub(crate) struct Hunks {
    file: String,
    /// The next line of the old file.
    at: u32,
    left_old: u32,
    left_new: u32,
    change: Option<(u32, Vec<String>, Vec<String>)>,
    done: Vec<Suggestion>,
    lines: usize,
    first: Option<u32>,
}

impl Hunks {
    pub(crate) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            at: 0,
            left_old: 0,
            left_new: 0,
            change: None,
            done: Vec::new(),
            lines: 0,
            first: None,
        }
    }

    /// Takes a line of the diff; false where the line is none.
    pub(crate) fn line(&mut self, text: &str) -> bool {
        if self.left_old == 0 && self.left_new == 0 {
            self.close();
            let Some((at, old, new)) = header(text) else { return text.starts_with("\\ No newline") };
            self.at = at;
            (self.left_old, self.left_new) = (old, new);
            return true;
        }
        let (sign, body) = match text.chars().next() {
            Some(sign @ ('+' | '-' | ' ' | '\\')) => (sign, &text[1..]),
            // Some wrappers strip trailing blanks, and with them empty context lines.
            None => (' ', ""),
            Some(_) => {
                (self.left_old, self.left_new) = (0, 0);
                self.close();
                return false;
            }
        };
        match sign {
            '-' => {
                self.left_old = self.left_old.saturating_sub(1);
                self.changed().1.push(body.to_owned());
                self.at = self.at.saturating_add(1);
            }
            '+' => {
                self.left_new = self.left_new.saturating_sub(1);
                self.changed().2.push(body.to_owned());
            }
            ' ' => {
                self.close();
                self.left_old = self.left_old.saturating_sub(1);
                self.left_new = self.left_new.saturating_sub(1);
                self.at = self.at.saturating_add(1);
            }
            _ => {}
        }
        true
    }

    fn changed(&mut self) -> &mut (u32, Vec<String>, Vec<String>) {
        self.lines += 1;
        let at = self.at;
        self.first.get_or_insert(at);
        self.change.get_or_insert_with(|| (at, Vec::new(), Vec::new()))
    }

    fn close(&mut self) {
        if let Some((line, old, new)) = self.change.take() {
            self.done.push(Suggestion::ReplaceLines { file: self.file.clone(), line, old, new });
        }
    }

    /// The first changed line and all changes; none where there are too many.
    pub(crate) fn finish(mut self) -> (Option<u32>, Vec<Suggestion>) {
        self.close();
        let changes = if self.lines > MAX_LINES { Vec::new() } else { self.done };
        (self.first, changes)
    }
}

/// `@@ -3,8 +3,8 @@`: first line and length of the old part, length of the new.
fn header(text: &str) -> Option<(u32, u32, u32)> {
    let rest = text.strip_prefix("@@ -")?;
    let (old, rest) = rest.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |part: &str| match part.split_once(',') {
        Some((start, len)) => Some((number(start)?, number(len)?)),
        None => Some((number(part)?, 1)),
    };
    let (at, old) = range(old)?;
    let (_, new) = range(new)?;
    // An empty old range names the line before the insertion; lines count from 1.
    let at = if old == 0 { at.checked_add(1)? } else { at };
    (at > 0).then_some((at, old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one() {
        assert_eq!(header("@@ -0,0 +1,2 @@"), Some((1, 0, 2)));
        assert_eq!(header("@@ -0,4 +3,8 @@"), None);
        assert_eq!(header("@@ -4294967295,0 +3,8 @@"), None);
    }

    #[test]
    fn hunks_become_replacements_of_the_old_files_lines() {
        let mut hunks = Hunks::new("a.py");
        let diff = "@@ -3,4 +3,5 @@\n a\n-b\n+B\n+B2\n c\n d\n@@ -20,0 +22,1 @@\n+end";
        for line in diff.lines() {
            assert!(hunks.line(line), "{line}");
        }
        assert!(!hunks.line("would reformat a.py"));
        let (first, changes) = hunks.finish();
        assert_eq!(first, Some(4));
        let change = |line, old: &[&str], new: &[&str]| Suggestion::ReplaceLines {
            file: "a.py".into(),
            line,
            old: old.iter().map(|s| (*s).to_owned()).collect(),
            new: new.iter().map(|s| (*s).to_owned()).collect(),
        };
        assert_eq!(changes, [change(4, &["b"], &["B", "B2"]), change(21, &[], &["end"])]);
    }
}
