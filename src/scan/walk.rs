//! Walks an automaton over lines, and makes it on the way.

use std::collections::HashMap;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

use super::matches::Matches;

/// Lines that are walked over at once: each step waits for memory, and so several wait together.
const CURSORS: usize = 4;

/// Steps taken on one line before it is the next one's turn.
const STEPS: usize = 4;

/// Patterns behind one gate, in one automaton.
pub(super) struct Group {
    dfa: DFA,
    anchored: Anchored,
    /// Their places among all.
    patterns: Vec<usize>,
}

impl Group {
    /// Of the patterns at those places. What is worked out of them takes at most `room` bytes, and a table half as large.
    pub(super) fn new(all: &[&str], patterns: Vec<usize>, anchored: Anchored, room: usize) -> Self {
        let texts: Vec<_> = patterns.iter().map(|at| all[*at]).collect();
        let dfa = DFA::builder()
            .configure(DFA::config().match_kind(MatchKind::All).cache_capacity(room))
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(thompson::Config::new().utf8(false))
            .build_many(&texts)
            .expect("patterns are literals");
        Self { dfa, anchored, patterns }
    }
}

/// What has been worked out of a group so far, in a table made for walking. Its rows have an odd length; the
/// automaton's own are a power of two, so that what is looked up in most of them falls on the same few lines of the
/// processor's cache.
pub(super) struct Walk<'a> {
    group: &'a Group,
    cache: Cache,
    /// How often the cache had been emptied: its states are others now.
    emptied: usize,
    /// Of bytes. A line feed's is the end of the line.
    classes: Box<[u8; 256]>,
    length: usize,
    /// Where to go on, by row and class.
    table: Vec<u32>,
    /// By row.
    states: Vec<Known>,
    rows: HashMap<LazyStateID, u32>,
    start: u32,
}

struct Known {
    id: LazyStateID,
    /// The patterns that match where it is reached.
    matching: Vec<usize>,
}

#[derive(Clone, Copy, Default)]
struct Cursor {
    /// Of the line, by its place among all.
    line: usize,
    from: usize,
    at: usize,
    row: u32,
}

/// No byte makes these automata quit, and they may work out anew what they have no room for.
const NEVER_FAILS: &str = "no search is given up";

/// In a table: where a row begins, or one of these.
const UNKNOWN: u32 = u32::MAX;
const DEAD: u32 = u32::MAX - 1;
/// Beside where a row begins: something matches.
const MATCH: u32 = 1 << 31;

impl<'a> Walk<'a> {
    pub(super) fn new(group: &'a Group) -> Self {
        let alphabet = group.dfa.byte_classes();
        let mut classes = Box::new([0; 256]);
        for (byte, class) in (0..=u8::MAX).zip(classes.iter_mut()) {
            *class = alphabet.get(byte);
        }
        let end = u8::try_from(alphabet.alphabet_len() - 1);
        classes[usize::from(b'\n')] = end.expect("bytes of which no pattern speaks share a class");
        Self {
            group,
            cache: group.dfa.create_cache(),
            emptied: 0,
            classes,
            length: alphabet.alphabet_len() | 1,
            table: Vec::new(),
            states: Vec::new(),
            rows: HashMap::new(),
            start: UNKNOWN,
        }
    }

    /// Adds what matches of the line at the beginning of `text`.
    pub(super) fn one(&mut self, text: &[u8], line: usize, found: &mut Matches) {
        let mut row = self.start();
        for byte in text.iter().chain(b"\n") {
            let next = self.table[row as usize + usize::from(self.classes[usize::from(*byte)])];
            row = if next < MATCH {
                next
            } else {
                match self.take(row, next, *byte, line, found) {
                    Some(row) => row,
                    None => return,
                }
            };
        }
    }

    /// Adds what matches of `lines`: each by its place among all, and where it begins in `text`. A line feed ends it.
    pub(super) fn many(
        &mut self,
        text: &[u8],
        lines: &mut dyn Iterator<Item = (usize, usize)>,
        found: &mut Matches,
    ) {
        let mut cursors = [Cursor::default(); CURSORS];
        loop {
            let start = self.start();
            let emptied = self.emptied;
            let mut next_cursor =
                || lines.next().map(|(line, from)| Cursor { line, from, at: from, row: start });
            let mut live = 0;
            while live < CURSORS
                && let Some(cursor) = next_cursor()
            {
                cursors[live] = cursor;
                live += 1;
            }
            if live == 0 {
                return;
            }
            let mut at = 0;
            while live > 0 {
                if at >= live {
                    at = 0;
                }
                let cursor = &mut cursors[at];
                let mut steps = text[cursor.at..].iter().take(STEPS);
                let met = steps.find_map(|byte| {
                    let next =
                        self.table[cursor.row as usize + usize::from(self.classes[usize::from(*byte)])];
                    cursor.at += 1;
                    if next < MATCH {
                        cursor.row = next;
                        None
                    } else {
                        Some((next, *byte))
                    }
                });
                let Some((next, byte)) = met else {
                    at += 1;
                    continue;
                };
                let row = self.take(cursor.row, next, byte, cursor.line, found);
                if self.emptied != emptied {
                    // The rows of the others are gone.
                    for cursor in &cursors[..live] {
                        self.one(&text[cursor.from..], cursor.line, found);
                    }
                    break;
                }
                if let Some(row) = row {
                    cursor.row = row;
                } else if let Some(new) = next_cursor() {
                    *cursor = new;
                } else {
                    live -= 1;
                    cursors.swap(at, live);
                    continue;
                }
                at += 1;
            }
        }
    }

    /// A step that is not just one to another row; `None` where it is the last.
    #[inline(never)]
    fn take(&mut self, row: u32, next: u32, byte: u8, line: usize, found: &mut Matches) -> Option<u32> {
        let next = if next == UNKNOWN { self.work_out(row, byte) } else { next };
        if next == DEAD {
            return None;
        }
        let row = next & !MATCH;
        if next != row {
            for pattern in &self.states[row as usize / self.length].matching {
                found.add(line, *pattern);
            }
        }
        (byte != b'\n').then_some(row)
    }

    fn start(&mut self) -> u32 {
        if self.start == UNKNOWN { self.begin() } else { self.start }
    }

    #[cold]
    fn begin(&mut self) -> u32 {
        let input = Input::new("").anchored(self.group.anchored);
        let state = self.group.dfa.start_state_forward(&mut self.cache, &input);
        self.forget_what_is_gone();
        self.start = self.row_of(state.expect(NEVER_FAILS));
        self.start
    }

    #[cold]
    fn work_out(&mut self, row: u32, byte: u8) -> u32 {
        let state = self.states[row as usize / self.length].id;
        let next = match byte {
            b'\n' => self.group.dfa.next_eoi_state(&mut self.cache, state),
            _ => self.group.dfa.next_state(&mut self.cache, state, byte),
        };
        let gone = self.forget_what_is_gone();
        let next = self.row_of(next.expect(NEVER_FAILS));
        if !gone {
            self.table[row as usize + usize::from(self.classes[usize::from(byte)])] = next;
        }
        next
    }

    /// Where the automaton had no room left it has begun anew, and so does the table.
    fn forget_what_is_gone(&mut self) -> bool {
        let gone = self.cache.clear_count() != self.emptied;
        if gone {
            self.emptied = self.cache.clear_count();
            self.table.clear();
            self.states.clear();
            self.rows.clear();
            self.start = UNKNOWN;
        }
        gone
    }

    /// As it stands in the table.
    fn row_of(&mut self, id: LazyStateID) -> u32 {
        if id.is_dead() {
            return DEAD;
        }
        if let Some(row) = self.rows.get(&id) {
            return *row;
        }
        let begin = u32::try_from(self.table.len()).expect("the automaton has less room");
        let (row, matches) = match id.is_match() {
            true => (begin | MATCH, self.group.dfa.match_len(&self.cache, id)),
            false => (begin, 0),
        };
        let matching = (0..matches).map(|at| self.group.dfa.match_pattern(&self.cache, id, at));
        let matching = matching.map(|at| self.group.patterns[at]).collect();
        self.states.push(Known { id, matching });
        self.table.resize(self.table.len() + self.length, UNKNOWN);
        self.rows.insert(id, row);
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATTERNS: [&str; 4] = ["^a+b", "^(?:[a-c]x){3,9}$", "^.*[0-9]{5}z", "^[a-z]*1"];

    fn lines() -> Vec<String> {
        let forms = (0..400).map(|at| match at % 7 {
            0 => format!("{}b", "a".repeat(at)),
            1 => "axbxcx".repeat(1 + at % 3),
            2 => format!("{at}{at}12345z{at}"),
            3 => String::new(),
            4 => format!("{}1", "xyz".repeat(at % 11)),
            5 => "1".repeat(at),
            _ => format!("a{at}b 54321{}", "z".repeat(at % 2)),
        });
        forms.collect()
    }

    /// What matches of each line, whichever way it is walked over, with this much room.
    fn walked(room: usize) -> (Vec<Vec<usize>>, usize) {
        let group = Group::new(&PATTERNS, vec![0, 1, 2, 3], Anchored::Yes, room);
        let lines = lines();
        let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let starts = lines.iter().scan(0, |next, line| {
            let start = *next;
            *next += line.len() + 1;
            Some(start)
        });
        let (mut walk, mut found) = (Walk::new(&group), Matches::default());
        found.reset(lines.len());
        walk.many(text.as_bytes(), &mut starts.enumerate(), &mut found);
        let all = (0..lines.len()).map(|line| found.of(line).collect::<std::collections::BTreeSet<_>>());
        let all: Vec<Vec<_>> = all.map(|line| line.into_iter().collect()).collect();
        let emptied = walk.emptied;
        let (mut walk, mut found) = (Walk::new(&group), Matches::default());
        for (line, wanted) in lines.iter().zip(&all) {
            found.reset(1);
            walk.one(line.as_bytes(), 0, &mut found);
            let mut alone: Vec<_> = found.of(0).collect();
            alone.sort_unstable();
            assert_eq!(alone, *wanted, "{line}");
        }
        (all, emptied)
    }

    #[test]
    fn many_lines_at_once_match_as_each_alone() {
        let patterns = PATTERNS.map(|pattern| regex::Regex::new(pattern).unwrap());
        let each =
            lines().into_iter().map(|line| (0..4).filter(|at| patterns[*at].is_match(&line)).collect());
        assert_eq!(walked(1 << 20), (each.collect(), 0));
    }

    #[test]
    fn so_they_do_where_there_is_no_room_for_what_is_worked_out() {
        let (matching, emptied) = walked(3 << 10);
        assert_eq!(matching, walked(1 << 20).0);
        assert!(emptied > 10, "{emptied}");
    }
}
