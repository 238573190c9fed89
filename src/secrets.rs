//! Finds known secrets in text, in the forms in which they leak, and puts a mark in their place.
//!
//! Text is read as the letters and digits in it, case aside: what stands between them counts as a separator, up to a
//! limit. So one pass over the text, with one automaton for all forms, sees a secret in any mixture of cases, with
//! blanks, dashes or quotes between its characters, and over the ends of lines. Escapes that add letters or digits
//! (`%2F`, `\n`, `&#95;`), hex, base64 at its three alignments and the reversed text are forms of their own. A secret
//! of little but punctuation, which such a reading would not tell from other text, is followed character by character.
//!
//! Time is linear in the text; memory is that of the forms. `Masking` does the same to text that comes in pieces.

mod automaton;
mod forms;

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use automaton::{Automaton, State};
use forms::{Form, Spelling};

/// Shorter values would blot out ordinary words.
const SHORTEST: usize = 6;
/// From this length on, a secret is known in other forms than the plain one.
const LONG: usize = 8;
/// So many letters and digits tell a text from others.
const TELLING: usize = 8;
/// As [`TELLING`], of what looks like nothing else in any case: hex and base64.
const TELLING_ENCODED: usize = 6;
/// Bytes between two characters of a secret: a quote, an operator, a line's end and its indentation.
const GAP: usize = 32;
/// So much of a secret's beginning tells nothing yet: a line that ends with less need not wait for the next one.
const HINT: usize = 4;

/// The secrets of a run, ready to be looked for.
#[derive(Clone)]
pub struct KnownSecrets {
    automaton: Automaton,
    /// What stands before and after the letters and digits of the forms that the automaton knows.
    edges: Vec<Edges>,
    direct: Vec<Direct>,
    classes: Classes,
    /// The most bytes between two letters of a secret, whose own punctuation is separated, too.
    gap: usize,
}

/// Punctuation at the ends of a form, which no letters or digits show.
#[derive(Debug, Clone, Default)]
struct Edges {
    heads: Vec<Vec<u8>>,
    tails: Vec<Vec<u8>>,
}

/// A form that is followed character by character.
#[derive(Clone)]
struct Direct {
    bytes: Vec<u8>,
    /// In any case, and with separators in it.
    loose: bool,
}

impl Default for KnownSecrets {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl std::fmt::Debug for KnownSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KnownSecrets({} forms)", self.edges.len() + self.direct.len())
    }
}

impl KnownSecrets {
    #[must_use]
    pub fn new(secrets: &[SecretString]) -> Self {
        let mut values: Vec<&str> = Vec::new();
        for secret in secrets {
            let secret = secret.expose_secret();
            // A secret of several lines is met line by line, too.
            values.extend(std::iter::once(secret).chain(secret.split(['\n', '\r'])).map(str::trim));
        }
        values.retain(|value| value.chars().count() >= SHORTEST);
        values.sort_unstable();
        values.dedup();
        let beyond_ascii = values.iter().any(|value| !value.is_ascii());
        let mut telling: BTreeMap<Vec<u8>, Edges> = BTreeMap::new();
        let mut direct: Vec<Direct> = Vec::new();
        let mut gap = 0;
        for form in values.iter().flat_map(|value| forms::of(value, LONG)) {
            let Form { bytes, spelling } = form;
            let (head, letters, tail, longest) = parts(&bytes, beyond_ascii);
            let enough = if spelling == Spelling::Encoded { TELLING_ENCODED } else { TELLING };
            if spelling != Spelling::Exact && letters.len() >= enough {
                gap = gap.max(longest);
                let edges = telling.entry(letters).or_default();
                edges.heads.push(head);
                edges.tails.push(tail);
            } else if spelling != Spelling::Encoded {
                let loose = spelling == Spelling::Text;
                let bytes = if loose { bytes.to_ascii_lowercase() } else { bytes };
                gap = gap.max(longest);
                direct.push(Direct { bytes, loose });
            }
        }
        direct.sort_by(|a, b| a.bytes.cmp(&b.bytes).then(b.loose.cmp(&a.loose)));
        direct.dedup_by(|b, a| a.bytes == b.bytes);
        for edges in telling.values_mut() {
            for side in [&mut edges.heads, &mut edges.tails] {
                side.sort_by_key(|text| std::cmp::Reverse(text.len()));
                side.dedup();
            }
        }
        let classes = Classes::new(beyond_ascii, telling.keys().flatten().copied());
        let words: Vec<Vec<u8>> =
            telling.keys().map(|word| word.iter().map(|byte| classes.of(*byte)).collect()).collect();
        let automaton = Automaton::new(classes.count, words.iter().map(Vec::as_slice));
        Self { automaton, edges: telling.into_values().collect(), direct, classes, gap: (gap + 1) * GAP }
    }

    /// The text with `mark` in place of every secret. Line breaks within one stay, so that lines keep their numbers.
    #[must_use]
    pub fn redact(&self, text: &str, mark: &str) -> String {
        let mut masking = Masking::new();
        masking.read(self, text.as_bytes());
        if masking.spans.is_empty() {
            return text.to_owned();
        }
        let end = masking.scan.at;
        let mut out = Vec::with_capacity(text.len());
        masking.release(text.as_bytes(), end, mark, &mut out);
        // Marks begin and end where characters do.
        String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
    }
}

/// What bytes are to the automaton: a separator, a letter that no form has, or one of the forms' letters.
#[derive(Clone)]
struct Classes {
    by_byte: [u8; 256],
    count: usize,
}

impl Classes {
    const FOREIGN: u8 = 0;
    const SEPARATOR: u8 = u8::MAX;

    fn new(beyond_ascii: bool, letters: impl Iterator<Item = u8>) -> Self {
        let mut by_byte = [Self::SEPARATOR; 256];
        for byte in 0..=u8::MAX {
            if letter(byte, beyond_ascii).is_some() {
                by_byte[usize::from(byte)] = Self::FOREIGN;
            }
        }
        // No more than 26 letters, 10 digits and 128 bytes beyond ASCII.
        let mut count: u8 = 1;
        for byte in letters {
            if by_byte[usize::from(byte)] == Self::FOREIGN {
                by_byte[usize::from(byte)] = count;
                by_byte[usize::from(byte.to_ascii_uppercase())] = count;
                count += 1;
            }
        }
        Self { by_byte, count: count.into() }
    }

    fn of(&self, byte: u8) -> u8 {
        self.by_byte[usize::from(byte)]
    }
}

fn letter(byte: u8, beyond_ascii: bool) -> Option<u8> {
    (byte.is_ascii_alphanumeric() || beyond_ascii && !byte.is_ascii()).then(|| byte.to_ascii_lowercase())
}

/// A form's punctuation before its first letter, its letters and digits, the punctuation after the last, and the longest
/// run of punctuation between.
fn parts(bytes: &[u8], beyond_ascii: bool) -> (Vec<u8>, Vec<u8>, Vec<u8>, usize) {
    let is_letter = |byte: &u8| letter(*byte, beyond_ascii).is_some();
    let first = bytes.iter().position(is_letter).unwrap_or(bytes.len());
    let last = bytes.iter().rposition(is_letter).map_or(bytes.len(), |at| at + 1);
    let letters = bytes.iter().filter_map(|byte| letter(*byte, beyond_ascii)).collect();
    let longest = bytes.split(is_letter).map(<[u8]>::len).max().unwrap_or(0);
    (bytes[..first].to_vec(), letters, bytes[last..].to_vec(), longest)
}

/// What terminals do not show as text, and what our own reports show in the place of invisible characters: letters in
/// these are none of the text's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Aside {
    #[default]
    Text,
    /// After `ESC`.
    Escape,
    /// In `ESC [ … m`.
    Sequence,
    /// So many bytes of `⟨U+` have been seen.
    Opening(u8),
    /// In `⟨U+200B⟩`.
    Inside,
}

impl Aside {
    const OPENING: &[u8] = "⟨U+".as_bytes();

    /// Whether the byte may begin something that is no text.
    fn may_begin(byte: u8) -> bool {
        byte == 0x1b || byte == Self::OPENING[0]
    }

    /// Whether the byte is no text, and what comes after it.
    fn step(&mut self, byte: u8) -> bool {
        let (next, aside) = match (*self, byte) {
            (_, 0x1b) => (Self::Escape, true),
            (Self::Escape, b'[') => (Self::Sequence, true),
            (Self::Sequence, b' '..=b'?') => (Self::Sequence, true),
            (Self::Sequence, b'@'..=b'~') => (Self::Text, true),
            (Self::Inside, b'0'..=b'9' | b'A'..=b'F') => (Self::Inside, true),
            (Self::Opening(seen), byte) if Self::OPENING.get(usize::from(seen)) == Some(&byte) => {
                let all = usize::from(seen) + 1 == Self::OPENING.len();
                (if all { Self::Inside } else { Self::Opening(seen + 1) }, true)
            }
            (_, byte) if byte == Self::OPENING[0] => (Self::Opening(1), false),
            _ => (Self::Text, false),
        };
        *self = next;
        aside
    }
}

/// Where a search stands.
#[derive(Debug, Default)]
struct Scan {
    state: State,
    /// Where the last letters stood, as many as the longest form has; a ring.
    places: Vec<u64>,
    letters: usize,
    /// Bytes since the last letter.
    gap: usize,
    aside: Aside,
    active: Vec<Active>,
    /// Bytes read.
    at: u64,
    /// Whether the last of them was a line break.
    line_ended: bool,
}

/// A form that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Active {
    form: usize,
    /// Bytes of it seen.
    seen: usize,
    start: u64,
}

/// Masks text that comes in pieces: what could be the middle of a secret waits for the next piece, or for the end.
#[derive(Debug, Default)]
pub struct Masking {
    scan: Scan,
    /// What waits.
    held: Vec<u8>,
    /// Found, in order, without overlaps, and not yet released in full.
    spans: Vec<(u64, u64)>,
    /// Everything before has been released.
    released: u64,
    /// Where the last mark's secret ends.
    masked: u64,
}

impl Masking {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece; returns what can be shown.
    #[must_use]
    pub fn push(&mut self, known: &KnownSecrets, piece: &[u8], mark: &str) -> Vec<u8> {
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(piece);
        self.read(known, &held[held.len() - piece.len()..]);
        let safe = self.scan.waits_from(known).max(self.released);
        let mut out = Vec::with_capacity(held.len());
        let from = self.released;
        self.release(&held, safe, mark, &mut out);
        held.drain(..offset(safe, from));
        self.held = held;
        out
    }

    /// The text is over: returns the rest.
    #[must_use]
    pub fn finish(&mut self, mark: &str) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let mut out = Vec::with_capacity(held.len());
        self.release(&held, self.scan.at, mark, &mut out);
        *self = Self::default();
        out
    }

    fn read(&mut self, known: &KnownSecrets, text: &[u8]) {
        self.scan.read(known, text, &mut self.spans);
    }

    /// Writes `text`, which begins where the last release ended, up to the position `safe`.
    fn release(&mut self, text: &[u8], safe: u64, mark: &str, out: &mut Vec<u8>) {
        let base = self.released;
        let mut done = 0;
        for (start, end) in &mut self.spans {
            if *start >= safe {
                break;
            }
            let from = (*start).max(self.released);
            let to = (*end).min(safe);
            if *end > self.released {
                out.extend_from_slice(&text[offset(self.released, base)..offset(from, base)]);
                // A mark that the last release began goes on without another.
                if *start >= self.masked {
                    out.extend_from_slice(mark.as_bytes());
                }
                let breaks = text[offset(from, base)..offset(to, base)].iter().filter(|b| **b == b'\n');
                out.extend(breaks);
                self.released = to;
                self.masked = *end;
            }
            if *end > safe {
                *start = safe;
                break;
            }
            done += 1;
        }
        self.spans.drain(..done);
        out.extend_from_slice(&text[offset(self.released, base)..offset(safe, base)]);
        self.released = safe;
    }
}

/// A position as an index into text that begins at `base`.
fn offset(position: u64, base: u64) -> usize {
    // What is in memory has a length that fits.
    usize::try_from(position.saturating_sub(base)).unwrap_or(usize::MAX)
}

impl Scan {
    /// Reads on, and adds what it finds.
    fn read(&mut self, known: &KnownSecrets, text: &[u8], spans: &mut Vec<(u64, u64)>) {
        if known.edges.is_empty() && known.direct.is_empty() {
            self.at += text.len() as u64;
            return;
        }
        self.line_ended = text.last().map_or(self.line_ended, |byte| *byte == b'\n');
        self.places.resize(known.automaton.longest().next_power_of_two(), 0);
        let ring = self.places.len() - 1;
        let base = self.at;
        // Most bytes are letters on the way to nowhere, so what they need is at hand.
        let (mut state, mut letters, mut gap) = (self.state, self.letters, self.gap);
        for (at, &byte) in (base..).zip(text) {
            let class = known.classes.of(byte);
            let beside = self.aside != Aside::Text || Aside::may_begin(byte);
            if beside && self.aside.step(byte) {
                gap += 1;
                continue;
            }
            if class == Classes::SEPARATOR {
                gap += 1;
                if gap > known.gap {
                    state = State::ROOT;
                }
            } else {
                gap = 0;
                state = known.automaton.next(state, class);
                letters += 1;
                if state != State::ROOT {
                    self.places[(letters - 1) & ring] = at;
                    if let Some((form, length)) = known.automaton.found(state) {
                        let start = self.places[(letters - length) & ring];
                        let (start, end) = known.edges[form].around(text, base, start, at + 1);
                        add(spans, start, end);
                    }
                }
            }
            if !known.direct.is_empty() {
                self.follow(known, at, byte, (class == Classes::SEPARATOR).then_some(gap));
                for found in self.active.extract_if(.., |a| a.seen == known.direct[a.form].bytes.len()) {
                    add(spans, found.start, at + 1);
                }
            }
        }
        (self.state, self.letters, self.gap) = (state, letters, gap);
        self.at += text.len() as u64;
    }

    /// Takes every form that is followed by itself one byte further; `gap`: how long the separator is that it ends.
    fn follow(&mut self, known: &KnownSecrets, at: u64, byte: u8, gap: Option<usize>) {
        self.active.retain_mut(|active| {
            let form = &known.direct[active.form];
            if form.expects(active.seen, byte) {
                active.seen += 1;
                true
            } else {
                form.loose && gap.is_some_and(|gap| gap <= known.gap)
            }
        });
        for (form, direct) in known.direct.iter().enumerate() {
            if direct.expects(0, byte) {
                self.active.push(Active { form, seen: 1, start: at });
            }
        }
        // Of several that have come as far, the one that began first covers the others.
        if self.active.len() > 1 {
            self.active.sort_unstable();
            self.active.dedup_by_key(|a| (a.form, a.seen));
        }
    }

    /// Where the earliest beginning of something that may yet be a secret stands.
    fn waits_from(&self, known: &KnownSecrets) -> u64 {
        let hint = if self.line_ended { HINT } else { 1 };
        let begun = known.automaton.begun(self.state);
        let automaton = (begun >= hint).then(|| {
            let ring = self.places.len() - 1;
            self.places[(self.letters - begun) & ring]
        });
        let direct = self.active.iter().filter(|a| a.seen >= hint).map(|a| a.start).min();
        automaton.into_iter().chain(direct).min().unwrap_or(self.at)
    }
}

impl Direct {
    fn expects(&self, at: usize, byte: u8) -> bool {
        let byte = if self.loose { byte.to_ascii_lowercase() } else { byte };
        self.bytes.get(at) == Some(&byte)
    }
}

impl Edges {
    /// Takes in the punctuation that belongs to the form, as far as it is in `text`, which begins at `base`.
    fn around(&self, text: &[u8], base: u64, start: u64, end: u64) -> (u64, u64) {
        let before = &text[..offset(start, base).min(text.len())];
        let after = &text[offset(end, base).min(text.len())..];
        let head = self.heads.iter().find(|head| before.ends_with(head)).map_or(0, Vec::len);
        let tail = self.tails.iter().find(|tail| after.starts_with(tail)).map_or(0, Vec::len);
        (start.saturating_sub(head as u64), end + tail as u64)
    }
}

/// Adds what was found last to what was found before.
fn add(spans: &mut Vec<(u64, u64)>, mut start: u64, mut end: u64) {
    while let Some(&(earlier, until)) = spans.last() {
        if until <= start {
            break;
        }
        start = start.min(earlier);
        end = end.max(until);
        spans.pop();
    }
    spans.push((start, end));
}

#[cfg(test)]
mod tests;
