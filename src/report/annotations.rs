//! Bug reports as annotations, within GitHub's limits: 10 errors, 10 warnings and 10 notices per step.
//!
//! What does not fit is summed up in the last one of its kind, and stands in the summary.

use crate::contract::bug::{BugReport, Severity};
use crate::contract::outcome::Outcome;
use crate::contract::report::RunReport;

use super::commands::{Annotation, Level};
use super::view::Standing;
use super::{ends, text, view};

/// GitHub drops what comes after these many of one level in a step.
const PER_LEVEL: usize = 10;

/// One annotation per report, in their order.
#[must_use]
pub fn for_bugs(bugs: &[BugReport]) -> Vec<Annotation> {
    within_limits(bugs.iter().map(|bug| for_bug(bug, level(bug.severity))).collect())
}

/// The run's verdict, then its bugs: errors where they remain, notices where they are healed.
#[must_use]
pub fn for_run(report: &RunReport) -> Vec<Annotation> {
    let level_of_verdict = match report.outcome {
        Outcome::Healed | Outcome::Patched | Outcome::AlreadyGreen | Outcome::Diagnosed => Level::Notice,
        Outcome::Flaky { .. }
        | Outcome::NotReproduced { .. }
        | Outcome::Drift { .. }
        | Outcome::Cancelled => Level::Warning,
        _ => Level::Error,
    };
    let mut all = vec![Annotation::general(level_of_verdict, "ci-healer", ends::sentence(report))];
    for bug in view::all_bugs(report) {
        // What is not proven is not healed, whatever a fix that was kept did.
        if view::standing(report, &bug.fingerprint) == Standing::Proven {
            let mut annotation = for_bug(bug, Level::Notice);
            annotation.title = format!("healed: {}", annotation.title);
            all.push(annotation);
        } else {
            all.push(for_bug(bug, level(bug.severity)));
        }
    }
    within_limits(all)
}

fn level(severity: Severity) -> Level {
    match severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
        Severity::Info => Level::Notice,
    }
}

/// A report at its place in the code.
pub(super) fn for_bug(bug: &BugReport, level: Level) -> Annotation {
    let mut title = format!("{} ({})", text::category(bug.category), bug.tool);
    if let Some(test) = &bug.test {
        title.push_str(&format!(": {test}"));
    }
    let mut message = text::message(bug);
    if let Some(hint) = &bug.hint {
        message.push_str(&format!("\n{}", hint.text));
    }
    Annotation {
        level,
        file: bug.file.clone(),
        lines: bug.line.map(|first| (first, bug.end_line.unwrap_or(first).max(first))),
        columns: bug.column.map(|first| (first, bug.end_column.unwrap_or(first).max(first))),
        title,
        message: if message.trim().is_empty() { text::bug(bug) } else { message },
    }
}

/// Keeps the order; from each level that has too many, the last one kept says how many more there are.
pub(super) fn within_limits(all: Vec<Annotation>) -> Vec<Annotation> {
    let mut kept = Vec::new();
    for level in [Level::Error, Level::Warning, Level::Notice] {
        let of_level: Vec<&Annotation> = all.iter().filter(|a| a.level == level).collect();
        if of_level.len() <= PER_LEVEL {
            kept.extend(of_level.into_iter().cloned());
            continue;
        }
        let (shown, rest) = of_level.split_at(PER_LEVEL - 1);
        kept.extend(shown.iter().map(|a| (*a).clone()));
        let places: Vec<String> = rest
            .iter()
            .map(|a| text::place(a.file.as_deref().unwrap_or("?"), a.lines.map(|l| l.0), None))
            .collect();
        kept.push(Annotation::general(
            level,
            format!("{} more", rest.len()),
            format!("{} more, listed in the job summary:\n{}", rest.len(), places.join("\n")),
        ));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn reports_stand_at_their_place() {
        let annotations = for_bugs(&[sample::bug("src/app.py", 3)]);
        assert_eq!(
            annotations[0].command(),
            "::error file=src/app.py,line=3,col=5,title=import (cpython)::cannot import name 'foo'"
        );
    }

    #[test]
    fn a_healed_run_ends_without_errors() {
        let healed = for_run(&sample::healed());
        assert!(healed.iter().all(|a| a.level == Level::Notice), "{healed:?}");
        let mut report = sample::healed();
        report.outcome = Outcome::Exhausted { why: "no idea left".to_owned() };
        report.iterations.truncate(2);
        let levels: Vec<Level> = for_run(&report).iter().map(|a| a.level).collect();
        assert_eq!(
            levels,
            [Level::Error; 3],
            "verdict, open bug, and one whose fix was kept and is not proven"
        );
    }

    #[test]
    fn no_level_exceeds_its_limit_and_nothing_is_lost_silently() {
        let mut bugs: Vec<BugReport> = (1..=14).map(|line| sample::bug("a.py", line)).collect();
        bugs.extend((1..=10).map(|line| {
            let mut bug = sample::bug("w.py", line);
            bug.severity = Severity::Warning;
            bug
        }));
        let annotations = for_bugs(&bugs);
        let of = |level| annotations.iter().filter(|a| a.level == level).count();
        assert_eq!((of(Level::Error), of(Level::Warning), of(Level::Notice)), (10, 10, 0));
        let last = &annotations[9];
        assert_eq!(last.title, "5 more");
        assert!(last.message.contains("a.py:10") && last.message.contains("a.py:14"));
    }
}
