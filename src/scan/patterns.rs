//! Which of many patterns match a line: all tried at once.

use std::ops::Range;

use regex_automata::Anchored;

use super::gates::{self, Gate, Words};
use super::lines::Block;
use super::matches::Matches;
use super::walk::{Group, Walk};

/// Bytes of what is worked out of one group of patterns and kept.
const ROOM: usize = 8 << 20;

/// Many patterns, compiled to be tried all at once.
///
/// ```
/// use std::sync::LazyLock;
///
/// use log_scan::{Matches, Patterns, Scanner};
///
/// static PATTERNS: LazyLock<Patterns> =
///     LazyLock::new(|| Patterns::new(&[r"^error: ", r"^[^\s:]+\.go:[0-9]+: "]));
///
/// let (mut scanner, mut found) = (Scanner::new(&PATTERNS), Matches::default());
/// scanner.scan_line(b"main.go:7: undefined: x", &mut found);
/// assert_eq!(found.of(0).collect::<Vec<_>>(), [1]);
/// ```
pub struct Patterns {
    open: Group,
    placed: Group,
    worded: Group,
    words: Words,
}

impl Patterns {
    /// Compiles patterns over clean lines (ASCII classes, no Unicode). Takes longer than reading a short log.
    ///
    /// # Panics
    ///
    /// Where one cannot be compiled, or is neither anchored at the start nor known by a word of four letters.
    #[must_use]
    pub fn new(all: &[&str]) -> Self {
        let (mut open, mut placed, mut worded, mut words) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (at, pattern) in all.iter().enumerate() {
            match gates::of(pattern) {
                Gate::Open => open.push(at),
                Gate::Place => placed.push(at),
                Gate::Words(its) => {
                    words.extend(its);
                    worded.push(at);
                }
            }
        }
        Self {
            open: Group::new(all, open, Anchored::Yes, ROOM),
            placed: Group::new(all, placed, Anchored::Yes, ROOM),
            worded: Group::new(all, worded, Anchored::No, ROOM),
            words: Words::new(words),
        }
    }

    /// Whether the words among the patterns are few enough to be searched for fast.
    #[must_use]
    pub fn is_fast(&self) -> bool {
        self.words.is_fast()
    }
}

/// Tries patterns on lines. Keeps what it has worked out of them for the next ones.
pub struct Scanner {
    words: &'static Words,
    open: Walk<'static>,
    placed: Walk<'static>,
    worded: Walk<'static>,
}

impl Scanner {
    /// Of those patterns, with nothing worked out yet.
    #[must_use]
    pub fn new(patterns: &'static Patterns) -> Self {
        let Patterns { open, placed, worded, words } = patterns;
        let [open, placed, worded] = [open, placed, worded].map(Walk::new);
        Self { words, open, placed, worded }
    }

    /// Puts what matches of each line into `found`.
    #[inline(never)] // Within a caller that is made for size it would be, too.
    pub fn scan(&mut self, block: &Block, found: &mut Matches) {
        let (text, lines) = (block.text(), block.places());
        found.reset(lines.len());
        let start = |(line, place): (usize, Range<usize>)| (line, place.start);
        self.open.many(text, &mut lines.clone().enumerate().map(start), found);
        let placed = gates::among(text, lines.clone().enumerate(), gates::find_place);
        self.placed.many(text, &mut placed.map(start), found);
        let worded = gates::among(text, lines.enumerate(), |text, from| self.words.find(text, from));
        self.worded.many(text, &mut worded.map(start), found);
    }

    /// Puts what matches of a line into `found`, as of its first one.
    #[inline(never)] // As above.
    pub fn scan_line(&mut self, line: &[u8], found: &mut Matches) {
        found.reset(1);
        self.open.one(line, 0, found);
        if gates::find_place(line, 0).is_some() {
            self.placed.one(line, 0, found);
        }
        if self.words.find(line, 0).is_some() {
            self.worded.one(line, 0, found);
        }
    }
}
