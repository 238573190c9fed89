//! Numbers in brackets as one input: what a list comes to by its sum, its length, its smallest or its largest.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Literal, Place};
use crate::fixer::controls::words::Words;

type Law = fn(&[i64]) -> Option<i64>;

const LAWS: [Law; 4] = [
    |list| list.iter().try_fold(0_i64, |sum, n| sum.checked_add(*n)),
    |list| i64::try_from(list.len()).ok(),
    |list| list.iter().min().copied(),
    |list| list.iter().max().copied(),
];

/// Takes a number up into the list that the place before it is or begins.
pub(super) fn joined(
    places: &mut [Place],
    skeleton: &mut String,
    range: Range<usize>,
    number: i64,
    open: usize,
) -> bool {
    let Some(last) = places.last_mut() else { return false };
    let is_beside = skeleton.trim_end().ends_with("#,");
    let deep = match &mut last.literal {
        Literal::Number(first) if is_beside && !last.called && last.depth == open && open > 1 => {
            last.literal = Literal::List(vec![*first, number]);
            // What is handed in is the list, not what is in it.
            last.called = true;
            true
        }
        Literal::List(all) if is_beside && last.depth == open => {
            all.push(number);
            true
        }
        _ => false,
    };
    if deep {
        last.range.end = range.end;
        skeleton.truncate(skeleton.trim_end().len() - 1);
    }
    deep
}

/// A list of the known numbers that is not among the known lists, and what it comes to by the one law that all follow.
pub(super) fn list_between(
    known: &BTreeMap<Literal, Literal>,
    words: &mut Words,
) -> Option<(String, String)> {
    let pairs: Option<Vec<(&Vec<i64>, i64)>> = known
        .iter()
        .map(|pair| match pair {
            (Literal::List(list), Literal::Number(wanted)) => Some((list, *wanted)),
            _ => None,
        })
        .collect();
    let pairs = pairs?;
    let fits = |law: &&Law| pairs.iter().all(|(list, wanted)| law(list) == Some(*wanted));
    let laws: Vec<&Law> = LAWS.iter().filter(fits).collect();
    let [law] = laws[..] else { return None };
    // One of a list's numbers becomes one of another's.
    let mut made: Vec<Vec<i64>> = Vec::new();
    for (list, _) in &pairs {
        for (other, _) in &pairs {
            for at in 0..list.len() {
                let mut changed = (*list).clone();
                changed[at] = other[0];
                let is_new = pairs.iter().all(|(known, _)| **known != changed);
                // A number twice may mean something else.
                let is_plain = (0..changed.len()).all(|i| !changed[..i].contains(&changed[i]));
                if is_new && is_plain {
                    made.push(changed);
                }
            }
        }
    }
    let chosen = words.number(0, u32::try_from(made.len()).ok().filter(|n| *n > 0)?);
    let list = made.into_iter().nth(chosen as usize)?;
    let wanted = law(&list).filter(|wanted| *wanted >= 0)?;
    let spelled: Vec<String> = list.iter().map(i64::to_string).collect();
    Some((spelled.join(", "), wanted.to_string()))
}
