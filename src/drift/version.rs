//! The order of versions, as far as a search needs it: of releases, in any ecosystem.

use std::cmp::Ordering;

/// Numbers and words of a version, without what stands behind a `+`.
fn parts(version: &str) -> Vec<Part<'_>> {
    let version = version.trim_start_matches(['v', 'V', '=']).split('+').next().unwrap_or_default();
    let mut parts = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let is_word = first.is_ascii_alphabetic();
        let end = rest
            .find(
                |c: char| {
                    if is_digit { !c.is_ascii_digit() } else { !(is_word && c.is_ascii_alphabetic()) }
                },
            )
            .unwrap_or(rest.len());
        if is_digit {
            parts.push(Part::Number(rest[..end].parse().unwrap_or(u64::MAX)));
        } else if is_word {
            parts.push(Part::Word(&rest[..end]));
        }
        rest = &rest[if is_digit || is_word { end } else { first.len_utf8() }..];
    }
    parts
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Number(u64),
    Word(&'a str),
}

/// `1.0rc1` < `1.0` < `1.0.post1` < `1.0.1`.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let (one, other) = (parts(one), parts(other));
    // What is missing is less than a number, and more than a prerelease.
    let rank = |part: Option<&Part<'_>>| match part {
        Some(Part::Word(word)) if is_after(word) => (2, 0),
        Some(Part::Word(word)) => (0, u64::from(word.bytes().next().unwrap_or_default())),
        None => (1, 0),
        Some(Part::Number(0)) => (1, 0),
        Some(Part::Number(number)) => (3, *number),
    };
    (0..one.len().max(other.len()))
        .map(|at| rank(one.get(at)).cmp(&rank(other.get(at))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn is_after(word: &str) -> bool {
    word.eq_ignore_ascii_case("post")
}

/// Neither `*` nor a range without an upper bound takes it.
pub(super) fn is_prerelease(version: &str) -> bool {
    parts(version).iter().any(|part| matches!(part, Part::Word(word) if !is_after(word)))
}

/// The first number that is not zero differs.
pub(super) fn is_major(from: &str, to: &str) -> bool {
    let leading = |version| {
        let numbers = parts(version).into_iter().map_while(|part| match part {
            Part::Number(number) => Some(number),
            Part::Word(_) => None,
        });
        let mut leading = Vec::new();
        for number in numbers {
            leading.push(number);
            if number != 0 {
                break;
            }
        }
        leading
    };
    leading(from) != leading(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered() {
        let ordered =
            ["0.9", "1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0.post1", "1.0.1", "1.2", "1.10", "2026.10.19"];
        for (at, one) in ordered.iter().enumerate() {
            for (beside, other) in ordered.iter().enumerate() {
                assert_eq!(compare(one, other), at.cmp(&beside), "{one} {other}");
            }
        }
        assert_eq!(compare("3.0", "3.0.0"), Ordering::Equal);
        assert!(compare("17.0.0-beta.1", "17.0.0").is_lt());
        assert!(
            is_prerelease("17.0.0-next.1") && is_prerelease("1.0.dev3") && !is_prerelease("2026.10.19.post1")
        );
        assert!(is_major("2.3.7", "3.0") && is_major("0.4.1", "0.5.0") && !is_major("2.9.0", "2.10.0"));
    }
}
