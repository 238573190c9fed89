//! What a line must hold before a pattern is worth trying on it.
//!
//! Most patterns tell after a few bytes that a line is not theirs: they need no gate. One that opens with a run of
//! text cannot. Where it goes on to a place (`:12`) or to a word, it is tried only on lines that hold one, and both are
//! searched for many times faster than patterns.

use std::cmp::Reverse;
use std::ops::Range;

use memchr::memchr3_iter;
use regex_automata::util::prefilter::Prefilter;
use regex_automata::{MatchKind, Span};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Bytes of the shortest word that is searched for: shorter ones are everywhere.
const SHORTEST_WORD: usize = 4;

/// For a pattern whose run of text ends soon, more are not worth searching for.
const FEW_WORDS: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// A number right behind a colon or an opening bracket, which stands right behind a name.
    Place,
    /// One of these.
    Words(Vec<String>),
}

/// The gate of a pattern (ASCII classes).
pub(super) fn of(pattern: &str) -> Gate {
    let hir = ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern);
    let hir = hir.expect("patterns are literals");
    let anchored = hir.properties().look_set_prefix().contains(Look::Start);
    let words = words(&hir).filter(|words| shortest(words) >= SHORTEST_WORD);
    match (if anchored { opens(&hir) } else { Opening::Anything }, words) {
        (Opening::Run, _) if holds_place(&hir) => Gate::Place,
        (Opening::Run, Some(words)) if words.len() <= FEW_WORDS => Gate::Words(words),
        (Opening::Anything, Some(words)) => Gate::Words(words),
        _ => {
            assert!(anchored, "neither anchored nor known by a word: {pattern}");
            Gate::Open
        }
    }
}

/// Where in `text`, behind `from`, there is what [`Gate::Place`] asks for.
pub(super) fn find_place(text: &[u8], from: usize) -> Option<usize> {
    let is_place = |at: &usize| {
        let behind_name = *at > 0 && !matches!(text[at - 1], b' ' | b'\n');
        behind_name && text.get(at + 1).is_some_and(u8::is_ascii_digit)
    };
    memchr3_iter(b':', b'(', b'[', &text[from..]).map(|at| from + at).find(is_place)
}

/// Those of `lines` in which `find` finds something: each with its place in `text`, where they stand in order.
pub(super) fn among(
    text: &[u8],
    mut lines: impl Iterator<Item = (usize, Range<usize>)>,
    find: impl Fn(&[u8], usize) -> Option<usize>,
) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let mut at = find(text, from)?;
            let (line, place) = lines.find(|(_, place)| at < place.end)?;
            if at < place.start {
                at = find(text, place.start)?;
            }
            from = at;
            if at < place.end {
                from = place.end;
                return Some((line, place));
            }
        }
    })
}

/// Searches for all the words of all gates at once.
pub(super) struct Words(Option<Prefilter>);

impl Words {
    pub(super) fn new(mut words: Vec<String>) -> Self {
        words.sort_by_key(String::len);
        let mut needed: Vec<String> = Vec::new();
        for word in words {
            // A line that holds the longer word holds the shorter one.
            if !needed.iter().any(|shorter| word.contains(shorter.as_str())) {
                needed.push(word);
            }
        }
        Self(Prefilter::new(MatchKind::LeftmostFirst, &needed))
    }

    /// Whether vector instructions look for them, many times faster than anything else. They cannot for too many.
    pub(super) fn is_fast(&self) -> bool {
        self.0.as_ref().is_none_or(Prefilter::is_fast)
    }

    /// Where the first one behind `from` begins.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        Some(self.0.as_ref()?.find(text, Span { start: from, end: text.len() })?.start)
    }
}

/// What a pattern asks of a line's first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// Nothing, or one byte: what comes next decides.
    Open,
    /// Some bytes and not others.
    Selective,
    /// A run of what names and paths are made of may come first, up to a blank or a colon.
    Run,
    /// Any run of text may come first.
    Anything,
}

fn opens(hir: &Hir) -> Opening {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => Opening::Open,
        HirKind::Literal(_) => Opening::Selective,
        HirKind::Capture(capture) => opens(&capture.sub),
        HirKind::Repetition(repetition) => match repetition.sub.kind() {
            HirKind::Class(class) if repetition.max.is_none_or(|max| max > 20) && takes(class, b"a :") => {
                Opening::Anything
            }
            HirKind::Class(class) if repetition.max.is_none_or(|max| max > 20) && takes(class, b"a/.") => {
                Opening::Run
            }
            HirKind::Class(class) if repetition.max.is_some_and(|max| max <= 1) || !takes(class, b"a") => {
                Opening::Open
            }
            HirKind::Class(_) => Opening::Selective,
            HirKind::Literal(literal) if literal.0.iter().all(u8::is_ascii_whitespace) => Opening::Open,
            _ => match opens(&repetition.sub) {
                Opening::Selective if repetition.min == 0 => Opening::Open,
                opening => opening,
            },
        },
        HirKind::Concat(parts) => {
            parts.iter().map(opens).find(|part| *part != Opening::Open).unwrap_or(Opening::Open)
        }
        HirKind::Alternation(branches) => {
            let branches: Vec<_> = branches.iter().map(opens).collect();
            [Opening::Anything, Opening::Run]
                .into_iter()
                .find(|opening| branches.contains(opening))
                .unwrap_or(Opening::Selective)
        }
    }
}

fn takes(class: &Class, bytes: &[u8]) -> bool {
    let Class::Bytes(class) = class else { return true };
    bytes.iter().all(|byte| class.iter().any(|range| (range.start()..=range.end()).contains(byte)))
}

/// Whether every match holds a number right behind a colon or an opening bracket.
fn holds_place(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) | HirKind::Literal(_) => false,
        HirKind::Capture(capture) => holds_place(&capture.sub),
        HirKind::Repetition(repetition) => repetition.min > 0 && holds_place(&repetition.sub),
        HirKind::Concat(parts) => {
            parts.iter().any(holds_place)
                || parts.windows(2).any(|pair| ends_in_mark(&pair[0]) && begins_with_digit(&pair[1]))
        }
        HirKind::Alternation(branches) => branches.iter().all(holds_place),
    }
}

fn ends_in_mark(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Literal(literal) if matches!(literal.0.last(), Some(b':' | b'(' | b'[')))
}

fn begins_with_digit(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Bytes(class)) => {
            class.iter().all(|range| range.start() >= b'0' && range.end() <= b'9')
        }
        HirKind::Repetition(repetition) => repetition.min > 0 && begins_with_digit(&repetition.sub),
        HirKind::Capture(capture) => begins_with_digit(&capture.sub),
        _ => false,
    }
}

/// The most telling set of literals of which a match holds at least one. Where case does not matter: as it is spelled
/// in small, in capital letters, or with one capital.
fn words(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => None,
        HirKind::Literal(literal) => Some(vec![std::str::from_utf8(&literal.0).ok()?.to_owned()]),
        HirKind::Capture(capture) => words(&capture.sub),
        HirKind::Repetition(repetition) => (repetition.min > 0).then(|| words(&repetition.sub)).flatten(),
        HirKind::Concat(parts) => {
            let folded = folded(parts);
            let parts = parts.iter().filter_map(words).chain(folded);
            // Every further word makes the search for all of them slower.
            parts.max_by_key(|words| {
                let shortest = shortest(words);
                (shortest >= SHORTEST_WORD, Reverse(words.len()), shortest)
            })
        }
        HirKind::Alternation(branches) => {
            let all: Option<Vec<_>> = branches.iter().map(words).collect();
            Some(all?.concat())
        }
    }
}

/// The longest run of letters of either case.
fn folded(parts: &[Hir]) -> Option<Vec<String>> {
    let mut longest = String::new();
    let mut run = String::new();
    for part in parts {
        match either_case(part) {
            Some(letter) => run.push(letter),
            None => run.clear(),
        }
        if run.len() > longest.len() {
            longest.clone_from(&run);
        }
    }
    let (first, rest) = longest.split_at_checked(1)?;
    let capitals = rest.to_uppercase();
    Some(if rest.len() >= SHORTEST_WORD {
        vec![rest.to_owned(), capitals]
    } else {
        let capital = first.to_uppercase();
        vec![longest.clone(), format!("{capital}{rest}"), format!("{capital}{capitals}")]
    })
}

fn either_case(hir: &Hir) -> Option<char> {
    let HirKind::Class(Class::Bytes(class)) = hir.kind() else { return None };
    let [capital, small] = class.ranges() else { return None };
    let single = |range: &regex_syntax::hir::ClassBytesRange| range.start() == range.end();
    (single(capital) && single(small) && capital.start().to_ascii_lowercase() == small.start())
        .then(|| char::from(small.start()))
}

fn shortest(words: &[String]) -> usize {
    words.iter().map(String::len).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_tell_late_have_a_gate() {
        let words = |words: &str| Gate::Words(words.split(',').map(str::to_owned).collect());
        for (pattern, want) in [
            (r"^.*(?:No space left|ENOSPC)", words("No space left,ENOSPC")),
            (r"^(\[ERROR\] +)?\S.*<<< (FAILURE|ERROR)!", words("<<< ")),
            (r"^(\[ERROR\] +)?\S.* > (PASSED|FAILED)$", words("PASSED,FAILED")),
            (r"^(?:.*: line [0-9]+: +)?Killed\b", words("Killed")),
            (r"^.{0,60}(?:gofmt|goimports)\b", words("gofmt,goimports")),
            (r"(?i)\b(?:failed|exit)\b", words("ailed,AILED,exit,Exit,EXIT")),
            (r"^[^\s:]+\.go:[0-9]+: ", Gate::Place),
            (r"^\S+\([0-9]+,[0-9]+\): x", Gate::Place),
            (r"^[^\s:]+(?::[0-9]+)?: x", Gate::Open),
            (r"^ +\S.*:[0-9]+ - error", words(" - error")),
            (r"^\S*python[0-9]*: ", words("python")),
            (r"^\S+(?: aaaa| bbbb| cccc| dddd| eeee)", Gate::Open),
            (r"^test .+ \.\.\. ", Gate::Open),
            (r"^[^\s:]+\.go$", Gate::Open),
            (r"^error: .*", Gate::Open),
            (r"^ {0,4}at .+:[0-9]+$", Gate::Open),
            (r"^(?:ok|FAIL)\s", Gate::Open),
        ] {
            assert_eq!(of(pattern), want, "{pattern}");
        }
    }

    #[test]
    fn lines_with_a_place() {
        for line in ["a.py:1", "a(1,2)", "12:30", "a: b:3", "a[1]"] {
            assert!(find_place(line.as_bytes(), 0).is_some(), "{line}");
        }
        for line in ["", ":", ":1", "a: 1", "a() b:", "a (1)", "[ 41%]", "1"] {
            assert_eq!(find_place(line.as_bytes(), 0), None, "{line}");
        }
    }

    #[test]
    fn without_words_none_is_found() {
        let none = Words::new(Vec::new());
        assert_eq!(none.find(b"text", 0), None);
        assert!(none.is_fast());
    }

    #[test]
    fn words_are_found_in_the_lines_not_before_them() {
        let words = Words::new(vec!["Killed".to_owned(), "python".to_owned()]);
        let text = b"python a\npython a python\nKilled\n\npy\nthon\nx Killed Killed\npython \n";
        // What is before the first two and the last is none of theirs.
        let lines = [7..8, 16..24, 25..31, 32..32, 33..35, 36..40, 41..56, 64..64];
        let holding = among(text, lines.into_iter().enumerate(), |text, from| words.find(text, from));
        assert_eq!(holding.map(|(line, _)| line).collect::<Vec<_>>(), [1, 2, 6]);
    }
}
