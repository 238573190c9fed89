//! Carries a change over to another version of the file: same lines in the same order, exactly once each, or not at all.

use crate::diff::LineDiff;

/// Lines of unchanged text that must stand around a change.
const CONTEXT: usize = 3;

/// Applies what turned `before` into `after` to `target`.
///
/// Errors say why not: a changed place that is not there, or is there more than once.
pub(super) fn apply_patch(before: &str, after: &str, target: &str) -> Result<String, String> {
    if target == before {
        return Ok(after.to_owned());
    }
    let there: Vec<&str> = target.split_inclusive('\n').collect();
    let diff = LineDiff::between(before, after);
    let mut out: Vec<&str> = Vec::with_capacity(there.len());
    let mut done = 0;
    for hunk in diff.groups(CONTEXT) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        let from = &diff.old[first.old_range().start..last.old_range().end];
        let to = &diff.new[first.new_range().start..last.new_range().end];
        let line = first.old_range().start + 1;
        let at = unique(&there, from).map_err(|why| format!("the lines around line {line} {why}"))?;
        if at < done {
            return Err(format!("the lines around line {line} stand in another order"));
        }
        out.extend_from_slice(&there[done..at]);
        out.extend_from_slice(to);
        done = at + from.len();
    }
    out.extend_from_slice(&there[done..]);
    Ok(out.concat())
}

fn unique(lines: &[&str], wanted: &[&str]) -> Result<usize, &'static str> {
    if wanted.is_empty() {
        return if lines.is_empty() { Ok(0) } else { Err("are no longer empty") };
    }
    let mut places = lines.windows(wanted.len()).enumerate().filter(|(_, w)| *w == wanted).map(|(at, _)| at);
    match (places.next(), places.next()) {
        (Some(at), None) => Ok(at),
        (None, _) => Err("have changed"),
        (Some(_), Some(_)) => Err("stand there more than once"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "a\nb\nc\nd\ne\nf\ng\nh\n";
    const AFTER: &str = "a\nb\nc\nD\ne\nf\ng\nh\n";

    #[test]
    fn moves_with_the_lines() {
        let target = format!("new first line\n{BEFORE}new last line\n");
        assert_eq!(
            apply_patch(BEFORE, AFTER, &target).unwrap(),
            format!("new first line\n{AFTER}new last line\n")
        );
        assert_eq!(apply_patch(BEFORE, AFTER, BEFORE).unwrap(), AFTER);
    }

    #[test]
    fn refuses_what_changed_or_repeats() {
        let changed = apply_patch(BEFORE, AFTER, "a\nb\nc\nX\ne\nf\ng\nh\n").unwrap_err();
        assert!(changed.contains("have changed"), "{changed}");
        let twice = apply_patch(BEFORE, AFTER, &BEFORE.repeat(2)).unwrap_err();
        assert!(twice.contains("more than once"), "{twice}");
        assert!(apply_patch("", "x\n", "y\n").is_err());
    }
}
