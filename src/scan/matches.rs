//! Which patterns match which lines.

/// What [`Scanner`](crate::Scanner) found. Made once and used again for every block.
#[derive(Debug, Default)]
pub struct Matches {
    /// The latest entry of each line.
    latest: Vec<u32>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    pattern: usize,
    /// The one before it of the same line.
    before: u32,
}

const NONE: u32 = u32::MAX;

impl Matches {
    /// Of the line at this place: each pattern once, by its place among all, in no order.
    pub fn of(&self, line: usize) -> impl Iterator<Item = usize> {
        let mut entry = self.latest[line];
        std::iter::from_fn(move || {
            let Entry { pattern, before } = self.entries.get(entry as usize)?;
            entry = *before;
            Some(*pattern)
        })
    }

    pub(super) fn reset(&mut self, lines: usize) {
        self.latest.clear();
        self.latest.resize(lines, NONE);
        self.entries.clear();
    }

    pub(super) fn add(&mut self, line: usize, pattern: usize) {
        if !self.of(line).any(|known| known == pattern) {
            let entry = u32::try_from(self.entries.len()).expect("a block has fewer bytes");
            let before = std::mem::replace(&mut self.latest[line], entry);
            self.entries.push(Entry { pattern, before });
        }
    }
}
