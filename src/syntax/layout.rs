//! Whether two versions of a file differ in their layout only.

use super::canonical::Canonical;
use super::tree::{Grammar, ParseError, parse};

/// How two versions of a file compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// Equal trees, equal comments: they differ in layout at most.
    Same,
    Different,
    /// One of them cannot be parsed, or nobody here knows the language: nothing is proven.
    Unknown,
}

/// Compares two versions of `path` by their syntax: blanks, line breaks, redundant brackets, trailing commas, semicolons
/// that the language sets by itself and the kind of quotes do not count. Comments do, and so does where those stand that
/// a tool reads.
///
/// ```
/// use ci_healer::syntax::{Sameness, same_syntax};
///
/// assert_eq!(same_syntax("a.py", "x = [1,2]\n", "x = [\n    1,\n    2,\n]\n"), Sameness::Same);
/// assert_eq!(same_syntax("a.py", "not (a and b)\n", "not a and b\n"), Sameness::Different);
/// assert_eq!(same_syntax("a.py", "x = (\n", "x = ()\n"), Sameness::Unknown);
/// assert_eq!(same_syntax("a.txt", "x\n", "x\n"), Sameness::Unknown);
/// ```
#[must_use]
pub fn same_syntax(path: &str, before: &str, after: &str) -> Sameness {
    let Some(grammar) = Grammar::of(path) else { return Sameness::Unknown };
    match compare(grammar, before, after) {
        Ok(true) => Sameness::Same,
        Ok(false) => Sameness::Different,
        Err(_) => Sameness::Unknown,
    }
}

fn compare(grammar: Grammar, before: &str, after: &str) -> Result<bool, ParseError> {
    let (before, after) = (parse(grammar, before)?, parse(grammar, after)?);
    let (before, after) = (Canonical::of(&before), Canonical::of(&after));
    Ok(are_same(&before, &after))
}

pub(super) fn are_same(before: &Canonical<'_>, after: &Canonical<'_>) -> bool {
    same_code((before, before.root), (after, after.root)) && same_comments(before, after)
}

/// The trees below two nodes, walked side by side.
pub(super) fn same_code(before: (&Canonical<'_>, usize), after: (&Canonical<'_>, usize)) -> bool {
    let mut open = vec![(before.1, after.1)];
    while let Some((one, other)) = open.pop() {
        let (one, other) = (&before.0.nodes[one], &after.0.nodes[other]);
        if one.kind != other.kind
            || one.text != other.text
            || one.hash != other.hash
            || one.children.len() != other.children.len()
        {
            return false;
        }
        open.extend(one.children.iter().copied().zip(other.children.iter().copied()));
    }
    true
}

fn same_comments(before: &Canonical<'_>, after: &Canonical<'_>) -> bool {
    before.comments.len() == after.comments.len()
        && before.comments.iter().zip(&after.comments).all(|(old, new)| {
            if old.text != new.text || old.is_read != new.is_read || old.anchor != new.anchor {
                return false;
            }
            if !old.is_read {
                return true;
            }
            // It may come to judge less, never more; what stands alone keeps its distance to what follows.
            let (had, has) = (old.reach(before), new.reach(after));
            old.trails == new.trails && had.0 <= has.0 && has.1 <= had.1 && old.trails
                || !old.trails
                    && !new.trails
                    && has == had
                    && is_next(old.last, before, old.anchor) == is_next(new.last, after, new.anchor)
        })
}

/// Whether the next leaf follows on the next line.
fn is_next(line: u32, code: &Canonical<'_>, anchor: usize) -> bool {
    code.leaves.get(anchor).is_some_and(|leaf| code.line(leaf.start) == line + 1)
}

#[cfg(test)]
mod tests;
