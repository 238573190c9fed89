//! Unified diffs that formatters print as the fix: hunks into changes of whole lines.

use super::re;
use crate::contract::bug::Suggestion;

/// Reads the body of a unified diff of one file, line by line.
#[derive(Debug, Default)]
pub(crate) struct Hunks {
    file: String,
    /// The next line of the old file; 0 before the first hunk.
    next: u32,
    /// Old and new lines the current hunk still has.
    left: (u32, u32),
    start: u32,
    old: Vec<String>,
    new: Vec<String>,
    changes: Vec<Suggestion>,
}

impl Hunks {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }

    /// Whether the line belongs to the diff.
    pub(crate) fn line(&mut self, text: &str) -> bool {
        if let Some(c) = re!(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@").captures(text) {
            self.end_change();
            let count = |at: usize| c.get(at).map_or(Some(1), |m| m.as_str().parse().ok()).unwrap_or(0);
            self.left = (count(2), count(3));
            let first: u32 = c[1].parse().unwrap_or(0);
            // An empty range names the line before it.
            self.next = if self.left.0 == 0 { first.saturating_add(1) } else { first };
            self.start = self.next;
            return true;
        }
        if self.left == (0, 0) {
            return text.starts_with("\\ No newline");
        }
        let rest = text.get(1..).unwrap_or("").to_owned();
        match text.as_bytes().first() {
            Some(b'-') => {
                if !self.new.is_empty() {
                    self.end_change();
                }
                self.old.push(rest);
                self.next = self.next.saturating_add(1);
                self.left.0 = self.left.0.saturating_sub(1);
            }
            Some(b'+') => {
                self.new.push(rest);
                self.left.1 = self.left.1.saturating_sub(1);
            }
            Some(b' ') | None => {
                self.end_change();
                self.next = self.next.saturating_add(1);
                self.start = self.next;
                self.left = (self.left.0.saturating_sub(1), self.left.1.saturating_sub(1));
            }
            Some(b'\\') => {}
            Some(_) => {
                self.left = (0, 0);
                return false;
            }
        }
        true
    }

    fn end_change(&mut self) {
        if self.old.is_empty() && self.new.is_empty() {
            return;
        }
        self.changes.push(Suggestion::ReplaceLines {
            file: self.file.clone(),
            line: self.start,
            old: std::mem::take(&mut self.old),
            new: std::mem::take(&mut self.new),
        });
        self.start = self.next;
    }

    /// All changes, in order of the file.
    pub(crate) fn finish(mut self) -> Vec<Suggestion> {
        self.end_change();
        self.changes
    }
}

/// First line each change touches.
pub(crate) fn lines_of(changes: &[Suggestion]) -> impl Iterator<Item = u32> {
    changes
        .iter()
        .filter_map(|c| if let Suggestion::ReplaceLines { line, .. } = c { Some(*line) } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_become_changes_of_lines() {
        let mut hunks = Hunks::new("a.go");
        for line in "@@ -1,4 +1,4 @@\n a\n-b\n+B\n c\n-d\n+D\n@@ -9,0 +10,1 @@\n+new".lines() {
            assert!(hunks.line(line), "{line}");
        }
        assert!(!hunks.line("other output"));
        let changes = hunks.finish();
        assert_eq!(lines_of(&changes).collect::<Vec<_>>(), [2, 4, 10]);
    }
}
