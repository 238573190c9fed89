//! Which of many patterns match a line: all tried at once.

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

use super::gates::{self, Gate, Words};

/// Bytes of what is worked out of one group of patterns and kept.
const CACHE: usize = 8 << 20;

pub struct Patterns {
    open: Group,
    placed: Group,
    worded: Group,
    words: Words,
}

/// Patterns behind one gate.
struct Group {
    dfa: DFA,
    anchored: Anchored,
    /// Their places among all.
    patterns: Vec<usize>,
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
            open: Group::new(all, open, Anchored::Yes),
            placed: Group::new(all, placed, Anchored::Yes),
            worded: Group::new(all, worded, Anchored::No),
            words: Words::new(words),
        }
    }

    /// Whether the words among the patterns are few enough to be searched for fast.
    #[must_use]
    pub fn is_fast(&self) -> bool {
        self.words.is_fast()
    }
}

impl Group {
    fn new(all: &[&str], patterns: Vec<usize>, anchored: Anchored) -> Self {
        let texts: Vec<_> = patterns.iter().map(|at| all[*at]).collect();
        let dfa = DFA::builder()
            .configure(DFA::config().match_kind(MatchKind::All).cache_capacity(CACHE))
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(thompson::Config::new().utf8(false))
            .build_many(&texts)
            .expect("patterns are literals");
        Self { dfa, anchored, patterns }
    }

    /// Adds those that match. No step can fail: no byte makes these automata quit, and they may work out anew what they
    /// have no room for.
    fn scan(&self, cache: &mut Cache, line: &[u8], matching: &mut Vec<usize>) {
        let input = Input::new(line).anchored(self.anchored);
        let Ok(mut state) = self.dfa.start_state_forward(cache, &input) else { return };
        for byte in line {
            let Ok(next) = self.dfa.next_state(cache, state, *byte) else { return };
            state = next;
            if state.is_tagged() {
                if state.is_match() {
                    self.add(cache, state, matching);
                } else if state.is_dead() {
                    return;
                }
            }
        }
        if let Ok(end) = self.dfa.next_eoi_state(cache, state)
            && end.is_match()
        {
            self.add(cache, end, matching);
        }
    }

    #[inline(never)]
    fn add(&self, cache: &Cache, state: LazyStateID, matching: &mut Vec<usize>) {
        for at in 0..self.dfa.match_len(cache, state) {
            let pattern = self.patterns[self.dfa.match_pattern(cache, state, at)];
            if !matching.contains(&pattern) {
                matching.push(pattern);
            }
        }
    }
}

/// Tries patterns on lines. Keeps what it has worked out of them for the next line.
pub struct Scanner {
    patterns: &'static Patterns,
    open: Cache,
    placed: Cache,
    worded: Cache,
}

impl Scanner {
    #[must_use]
    pub fn new(patterns: &'static Patterns) -> Self {
        let [open, placed, worded] =
            [&patterns.open, &patterns.placed, &patterns.worded].map(|group| group.dfa.create_cache());
        Self { patterns, open, placed, worded }
    }

    /// Puts the places of the patterns that match into `matching`, each once, in no order.
    pub fn scan(&mut self, line: &[u8], matching: &mut Vec<usize>) {
        matching.clear();
        self.patterns.open.scan(&mut self.open, line, matching);
        if gates::has_place(line) {
            self.patterns.placed.scan(&mut self.placed, line, matching);
        }
        if self.patterns.words.any(line) {
            self.patterns.worded.scan(&mut self.worded, line, matching);
        }
    }
}
