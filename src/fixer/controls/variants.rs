//! The failing test with another input, where what it has to come to follows from its own file's cases: three or more that
//! are written alike and follow one simple law. The input lies between those that are known, on their own grid, so that a
//! rule for round numbers or for a range is kept.

mod lists;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::go;
use super::site::Site;
use super::words::Words;
use crate::syntax::{Bytes, Grammar};

/// Cases that show a law.
const FEWEST_CASES: usize = 3;

/// Another case of the failing test.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Variant {
    /// Places of the file, and what comes there.
    pub(super) parts: Vec<(Bytes, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Literal {
    Number(i64),
    Text(String),
    /// Numbers beside each other in brackets of their own.
    List(Vec<i64>),
}

/// A literal of an assertion.
#[derive(Debug, Clone)]
struct Place {
    /// Of a text without its quotes.
    range: Range<usize>,
    literal: Literal,
    /// How many brackets stand around it.
    depth: usize,
    /// The innermost one is a call's.
    called: bool,
}

/// An assertion: what is the same in all that are written alike, and its literals.
struct Case {
    bytes: Bytes,
    skeleton: String,
    places: Vec<Place>,
}

pub(super) fn variant(site: &Site, words: &mut Words) -> Option<Variant> {
    let place = |assertion: Bytes| go::compared(site, assertion.start).unwrap_or(assertion);
    let case = |assertion: Bytes| {
        let bytes = place(assertion);
        Case::of(site.grammar, &site.text[bytes.clone()], bytes)
    };
    let cases: Vec<Case> =
        site.outline.assertions.iter().filter_map(|assertion| case(assertion.bytes.clone())).collect();
    let decisive = site.decisive_assertion().map(|(bytes, _)| place(bytes));
    let inside = |bytes: &Bytes| site.case.bytes.start <= bytes.start && bytes.end <= site.case.bytes.end;
    let mut own: Vec<&Case> = cases.iter().filter(|case| inside(&case.bytes)).collect();
    own.sort_by_key(|case| Some(&case.bytes) != decisive.as_ref());
    let of_cases = own.into_iter().find_map(|case| {
        let alike: Vec<&Case> = cases.iter().filter(|other| other.skeleton == case.skeleton).collect();
        another(case, &alike, words)
    });
    of_cases.or_else(|| rows::of_rows(site.test(), site.case.bytes.start, words))
}

/// A test that draws its inputs: each run of it is another case.
pub(super) fn is_property(test: &str) -> bool {
    const DRAW: [&str; 7] =
        ["@given(", "fc.assert(", "fc.property(", "quick.Check(", "rapid.Check(", "@Property", "@ForAll"];
    DRAW.iter().any(|word| test.contains(word)) && !test.contains("derandomize") && !test.contains("seed")
}

/// Another input for a case, by the law of all that are written alike.
fn another(case: &Case, alike: &[&Case], words: &mut Words) -> Option<Variant> {
    let varies = |at: usize| alike.iter().map(|c| &c.places[at].literal).collect::<BTreeSet<_>>().len() > 1;
    let varying: Vec<usize> = (0..case.places.len()).filter(|at| varies(*at)).collect();
    let [one, other] = varying[..] else { return None };
    // What is handed in stands deeper than what it has to come to.
    let (input, expected) = match case.places[one].depth.cmp(&case.places[other].depth) {
        std::cmp::Ordering::Greater => (one, other),
        std::cmp::Ordering::Less => (other, one),
        std::cmp::Ordering::Equal => return None,
    };
    if !case.places[input].called {
        return None;
    }
    let mut known = BTreeMap::new();
    for one in alike {
        let (given, wanted) = (one.places[input].literal.clone(), one.places[expected].literal.clone());
        // The same input with two answers has no law.
        if known.insert(given, wanted.clone()).is_some_and(|before| before != wanted) {
            return None;
        }
    }
    if known.len() < FEWEST_CASES {
        return None;
    }
    let (given, wanted) = number_between(&known, words)
        .or_else(|| text_between(&known, words))
        .or_else(|| lists::list_between(&known, words))?;
    let at = |place: usize| {
        let range = &case.places[place].range;
        case.bytes.start + range.start..case.bytes.start + range.end
    };
    Some(Variant { parts: vec![(at(input), given), (at(expected), wanted)] })
}

/// `2 * x + 1`: a number between the known ones, on their grid.
fn number_between(known: &BTreeMap<Literal, Literal>, words: &mut Words) -> Option<(String, String)> {
    let pairs: Option<Vec<(i64, i64)>> = known
        .iter()
        .map(|pair| match pair {
            (Literal::Number(x), Literal::Number(y)) => Some((*x, *y)),
            _ => None,
        })
        .collect();
    let pairs = pairs?;
    let ((x0, y0), (x1, y1)) = (*pairs.first()?, *pairs.last()?);
    let on_line = |x: i64, y: i64| (y - y0) * (x1 - x0) == (y1 - y0) * (x - x0);
    if y0 == y1 || !pairs.iter().all(|(x, y)| on_line(*x, *y)) {
        return None;
    }
    let grid = pairs.iter().fold(0, |grid, (x, _)| divisor(grid, x - x0));
    let free: Vec<(i64, i64)> = (1..(x1 - x0) / grid.max(1))
        .take(1000)
        .map(|step| x0 + step * grid)
        .filter(|x| pairs.iter().all(|(known, _)| known != x))
        .filter(|x| (y1 - y0) * (x - x0) % (x1 - x0) == 0)
        .map(|x| (x, y0 + (y1 - y0) * (x - x0) / (x1 - x0)))
        .filter(|(_, y)| *y >= 0)
        .collect();
    let chosen = words.number(0, u32::try_from(free.len()).ok().filter(|n| *n > 0)?);
    free.get(chosen as usize).map(|(x, y)| (x.to_string(), y.to_string()))
}

fn divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

/// `"Hello, " + x + "!"`: a word whose beginning is one's and whose end is another's.
fn text_between(known: &BTreeMap<Literal, Literal>, words: &mut Words) -> Option<(String, String)> {
    let mut frame: Option<(String, String)> = None;
    let mut inputs = Vec::new();
    for pair in known {
        let (Literal::Text(given), Literal::Text(wanted)) = pair else { return None };
        let is_word = given.len() > 1 && given.bytes().all(|b| b.is_ascii_alphabetic());
        if !is_word || wanted.matches(given.as_str()).count() != 1 {
            return None;
        }
        let (before, behind) = wanted.split_once(given.as_str())?;
        let own = (before.to_owned(), behind.to_owned());
        if frame.get_or_insert_with(|| own.clone()) != &own {
            return None;
        }
        inputs.push(given.as_str());
    }
    let (before, behind) = frame.filter(|(before, behind)| !(before.is_empty() && behind.is_empty()))?;
    let crossed = |a: &str, b: &str| format!("{}{}", &a[..a.len().div_ceil(2)], &b[b.len() / 2..]);
    let made: BTreeSet<String> = inputs
        .iter()
        .flat_map(|a| inputs.iter().map(move |b| crossed(a, b)))
        .filter(|word| !inputs.contains(&word.as_str()))
        .collect();
    let chosen = words.number(0, u32::try_from(made.len()).ok().filter(|n| *n > 0)?);
    let word = made.into_iter().nth(chosen as usize)?;
    Some((word.clone(), format!("{before}{word}{behind}")))
}

impl Case {
    /// Of an assertion that says what one call comes to; `None` for any other.
    fn of(grammar: Grammar, text: &str, bytes: Bytes) -> Option<Self> {
        const EQUALITIES: [&str; 9] = [
            "assertEqual",
            "assertEquals",
            "trictEqual(",
            "assert.equal(",
            "deepEqual(",
            ".toBe(",
            ".toEqual(",
            ".isEqualTo(",
            "assert_eq!",
        ];
        const OTHERS: [&str; 8] = ["!=", "not", "Not", "<", ">", "~", "\\", "//"];
        // `if got := double(2); got != 4`
        let is_condition = grammar == Grammar::Go && text.matches("!=").count() == 1;
        let is_equality = is_condition
            || EQUALITIES.iter().any(|word| text.contains(word))
            || text.starts_with("assert ") && text.matches("==").count() == 1;
        let is_other = |word: &&str| text.contains(word) && !(is_condition && *word == "!=");
        let joins = [" and ", " or ", "&&", "||"].iter().any(|word| text.contains(word));
        if !is_equality || joins || OTHERS.iter().any(is_other) {
            return None;
        }
        let (skeleton, places) = read(text)?;
        Some(Self { bytes, skeleton, places })
    }
}

/// What is the same in all cases that are written alike, and the literals.
fn read(text: &str) -> Option<(String, Vec<Place>)> {
    let (mut skeleton, mut places) = (String::new(), Vec::new());
    let mut open: Vec<bool> = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let before = text[..at].chars().next_back();
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let place = |range, literal| Place {
            range,
            literal,
            depth: open.len(),
            called: open.last().copied().unwrap_or(false),
        };
        match c {
            '"' | '\'' => {
                let end = at + 1 + text[at + 1..].find(c)?;
                let inside = &text[at + 1..end];
                // Of a template the value is another.
                if before.is_some_and(is_name) || inside.contains(['{', '%', '$']) {
                    return None;
                }
                places.push(place(at + 1..end, Literal::Text(inside.to_owned())));
                skeleton.push_str("\"\"");
                at = end + 1;
                continue;
            }
            '`' => return None,
            '0'..='9' if !before.is_some_and(|b| is_name(b) || b == '.' || b == '-') => {
                let end = text[at..].find(|c: char| !(is_name(c) || c == '.')).map_or(text.len(), |n| at + n);
                let word = &text[at..end];
                let is_plain = word.bytes().all(|b| b.is_ascii_digit())
                    && word.len() <= 9
                    && (word == "0" || !word.starts_with('0'));
                if is_plain {
                    let number = word.parse().ok()?;
                    if !lists::joined(&mut places, &mut skeleton, at..end, number, open.len()) {
                        places.push(place(at..end, Literal::Number(number)));
                        skeleton.push('#');
                    }
                } else {
                    skeleton.push_str(word);
                }
                at = end;
                continue;
            }
            '(' => open.push(before.is_some_and(is_name)),
            '[' | '{' => open.push(false),
            ')' | ']' | '}' => {
                open.pop()?;
            }
            _ => {}
        }
        if !c.is_whitespace() {
            skeleton.push(c);
        } else if before.is_some_and(|b| !b.is_whitespace()) {
            skeleton.push(' ');
        }
        at += c.len_utf8();
    }
    Some((skeleton, places))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(assertions: &[&str]) -> Option<Vec<String>> {
        let cases: Vec<Case> = assertions
            .iter()
            .filter_map(|text| {
                let grammar = if text.starts_with("if ") { Grammar::Go } else { Grammar::Python };
                Case::of(grammar, text, 0..text.len())
            })
            .collect();
        let first = cases.first()?;
        let alike: Vec<&Case> = cases.iter().filter(|case| case.skeleton == first.skeleton).collect();
        let made = another(first, &alike, &mut Words::new([3; 32]))?;
        Some(made.parts.into_iter().map(|(_, text)| text).collect())
    }

    #[test]
    fn a_law_of_three_cases_gives_a_fourth() {
        let numbers = ["assert double(2) == 4", "assert double(4) == 8", "assert double(8) == 16"];
        assert_eq!(of(&numbers), Some(vec!["6".to_owned(), "12".to_owned()]));
        let called =
            ["assertEquals(21, Tax.of(10))", "assertEquals(41, Tax.of(20))", "assertEquals(81, Tax.of(40))"];
        assert_eq!(of(&called), Some(vec!["30".to_owned(), "61".to_owned()]));
        let texts = [
            "expect(greet('Ada')).toBe('Hello, Ada!')",
            "expect(greet('Bob')).toBe('Hello, Bob!')",
            "expect(greet('Eve')).toBe('Hello, Eve!')",
        ];
        let conditions = [
            "if got := Double(2); got != 4",
            "if got := Double(4); got != 8",
            "if got := Double(8); got != 16",
        ];
        assert_eq!(of(&conditions), Some(vec!["6".to_owned(), "12".to_owned()]));
        let lists =
            ["assert total([1, 2]) == 3", "assert total([2, 3, 7]) == 12", "assert total([4, 5]) == 9"];
        let made = of(&lists).unwrap();
        let sum: i64 = made[0].split(", ").map(|n| n.parse::<i64>().unwrap()).sum();
        assert_eq!(made[1], sum.to_string());
        let made = of(&texts).unwrap();
        assert_eq!(made[1], format!("Hello, {}!", made[0]));
        assert!(!["Ada", "Bob", "Eve"].contains(&made[0].as_str()), "{made:?}");
    }

    #[test]
    fn where_nothing_follows_there_is_none() {
        for assertions in [
            // Too few, no line, no room between, no input of its own, the same for all.
            &["assert double(2) == 4", "assert double(8) == 16"][..],
            &["assert square(2) == 4", "assert square(3) == 9", "assert square(5) == 25"],
            &["assert fib(1) == 1", "assert fib(2) == 2", "assert fib(3) == 3"],
            &["assert round_up(10) == 10", "assert round_up(20) == 20", "assert round_up(30) == 30"],
            // Of more than one law.
            &["assert total([1, 0]) == 1", "assert total([0, 3]) == 3", "assert total([5, 0]) == 5"],
            &["assert total([1, 2]) == 4", "assert total([2, 3]) == 5", "assert total([4, 5]) == 9"],
            &["assert f(1) == 7", "assert f(3) == 7", "assert f(5) == 7"],
            &["assert f(1) != 2", "assert f(3) != 6", "assert f(7) != 14"],
            &[
                "assert plural('cat') == 'cats'",
                "assert plural('dog') == 'dogs'",
                "assert plural('box') == 'boxes'",
            ],
            &["assert same('cat') == 'cat'", "assert same('dog') == 'dog'", "assert same('cow') == 'cow'"],
            &["assert f(1, 2) == 3", "assert f(2, 4) == 6", "assert f(5, 9) == 14"],
        ] {
            assert_eq!(of(assertions), None, "{assertions:?}");
        }
    }
}
