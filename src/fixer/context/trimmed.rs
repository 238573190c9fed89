//! Definitions without what says nothing about a fault, where room is short: documentation beyond its first lines.

use super::code::Source;
use crate::syntax::{Definition, DefinitionKind, LiteralKind};

/// So many first lines of a comment or a docstring are shown, and the last one, with which it ends.
const KEPT: u32 = 2;
/// One that is hardly longer is shown whole.
const SHORT: u32 = 5;

/// The lines of a range that are worth their room; with `barely` also without the beginnings of what stands before it.
pub(super) fn without_documentation(
    source: &Source,
    (first, last): (u32, u32),
    barely: bool,
) -> Vec<(u32, u32)> {
    let mut kept: Vec<(u32, u32)> = Vec::new();
    let mut from = first;
    for (start, end) in documentation(source) {
        if end < from || start > last || end - start < SHORT {
            continue;
        }
        if barely && start <= from && end < last {
            from = end + 1;
            continue;
        }
        let cut = start + KEPT;
        if cut > from {
            kept.push((from, cut - 1));
        }
        from = from.max(end);
    }
    if from <= last {
        kept.push((from, last));
    }
    kept
}

/// The lines of a function that has to be cut, without the types that it defines for itself.
pub(super) fn without_types(source: &Source, lines: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let first = lines.first().map_or(0, |(first, _)| *first);
    let is_type = |d: &&Definition| {
        let defines = !d.kind.is_callable()
            && !matches!(d.kind, DefinitionKind::Field | DefinitionKind::Constant | DefinitionKind::Module);
        defines && d.head_line > first
    };
    let types: Vec<(u32, u32)> = source.outline.definitions.iter().filter(is_type).map(|d| d.lines).collect();
    let mut kept: Vec<(u32, u32)> = Vec::new();
    for line in lines.iter().flat_map(|(first, last)| *first..=*last) {
        if types.iter().any(|(from, to)| (*from..=*to).contains(&line)) {
            continue;
        }
        match kept.last_mut() {
            Some((_, end)) if *end + 1 == line => *end = line,
            _ => kept.push((line, line)),
        }
    }
    kept
}

/// Runs of lines that hold nothing else, in order.
fn documentation(source: &Source) -> Vec<(u32, u32)> {
    let outline = &source.outline;
    let strings = outline.literals.iter().filter(|l| l.kind == LiteralKind::Documentation).map(|l| &l.bytes);
    let mut runs: Vec<(u32, u32)> = strings
        .chain(&outline.comments)
        .filter(|bytes| {
            let before = source.text.get(..bytes.start).unwrap_or_default();
            before.rsplit('\n').next().unwrap_or_default().trim().is_empty()
        })
        .map(|bytes| (outline.line(bytes.start), outline.line(bytes.end.saturating_sub(1).max(bytes.start))))
        .collect();
    runs.sort_unstable();
    let mut joined: Vec<(u32, u32)> = Vec::new();
    for (start, end) in runs {
        match joined.last_mut() {
            Some((_, last)) if start <= *last + 1 => *last = (*last).max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}
