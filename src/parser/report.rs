//! From drafts to reports: own code or foreign, one report per root cause, stable fingerprints.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::evidence::Evidence;
use super::findings::{Draft, Findings, Strength};
use super::paths;
use crate::contract::bug::{
    BugReport, Category, Diagnosis, Fingerprint, Location, LogSpan, Severity, Suggestion,
};

/// Characters kept of one message.
const MESSAGE: usize = 4_000;
/// Related places kept of one report.
const RELATED: usize = 30;

/// Makes the whole answer.
pub(super) fn assemble(lines: u64, out: Findings, evidence: Evidence, extra_roots: &[String]) -> Diagnosis {
    let Findings { drafts, runs, roots, last_success, last_failure, .. } = out;
    let roots: Vec<String> = extra_roots.iter().cloned().chain(roots).collect();
    let tests: Vec<_> = runs.into_iter().map(|(runner, tally)| tally.into_run(runner)).collect();
    let mut drafts: Vec<Draft> = drafts.into_iter().map(|d| settle(d, &roots)).collect();
    for draft in &mut drafts {
        // What is said only at the end stands behind the last line.
        draft.log.first = draft.log.first.min(lines);
        draft.log.last = draft.log.last.min(lines);
    }
    drafts.sort_by_key(|d| d.log.first);
    let mut drafts = collapse(drafts);
    let cause = |d: &Draft| d.severity == Severity::Error && d.strength != Strength::Consequence;
    let failed = drafts.iter().any(|d| d.severity == Severity::Error);
    if drafts.iter().any(cause) {
        // A build that failed for errors did not fail for warnings; one that only says that it failed may have.
        drafts.retain(|d| d.severity == Severity::Error);
    } else if !failed && last_success > last_failure {
        drafts.retain(|d| d.log.first > last_success);
    }
    if !drafts.iter().any(|d| d.severity == Severity::Error)
        && let Some(lines) = evidence.telling()
        && last_failure >= last_success
        && drafts.is_empty()
    {
        drafts.push(unknown(&lines));
    }
    Diagnosis { lines, bugs: with_fingerprints(drafts), tests }
}

fn unknown(lines: &[(u64, String)]) -> Draft {
    let text: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
    let first = lines.first().map_or(0, |l| l.0);
    let last = lines.last().map_or(0, |l| l.0);
    Draft::new("unknown", Category::Unknown, text.join("\n")).span(first, last)
}

/// Decides the location and makes all paths relative.
fn settle(mut draft: Draft, roots: &[String]) -> Draft {
    let own = |at: &Location| {
        let file = paths::relative(&at.file, roots);
        paths::is_own(&file).then(|| Location { file, ..at.clone() })
    };
    if let Some(place) = draft.place.take() {
        draft.place = own(&place);
    }
    let mut related = Vec::new();
    for frame in draft.frames.drain(..).filter_map(|f| own(&f)).collect::<Vec<_>>() {
        if draft.place.is_none() {
            draft.place = Some(frame);
        } else {
            related.push(frame);
        }
    }
    related.extend(draft.related.drain(..).filter_map(|r| own(&r)));
    let mut seen = BTreeSet::new();
    seen.extend(draft.place.clone());
    related.retain(|r| seen.insert(r.clone()));
    related.truncate(RELATED);
    draft.related = related;
    if draft.place.is_none() {
        draft.end_line = None;
        draft.end_column = None;
    }
    draft.message = draft
        .message
        .trim()
        .chars()
        .filter(|c| !c.is_control() || *c == '\n' || *c == '\t')
        .take(MESSAGE)
        .collect();
    if draft.message.is_empty() {
        draft.message = format!("{} reports a failure without a message", draft.tool);
    }
    if let Some(hint) = &mut draft.hint {
        for suggestion in &mut hint.suggestions {
            if let Some(file) = file_of(suggestion) {
                *file = paths::relative(file, roots);
            }
        }
    }
    draft
}

fn file_of(suggestion: &mut Suggestion) -> Option<&mut String> {
    match suggestion {
        Suggestion::ReplaceLines { file, .. }
        | Suggestion::ReplaceText { file, .. }
        | Suggestion::ExpectedToken { file, .. }
        | Suggestion::RemoveImport { file, .. }
        | Suggestion::AddImport { file, .. }
        | Suggestion::RemoveLine { file, .. }
        | Suggestion::Reindent { file, .. } => Some(file),
        Suggestion::AddDependency { .. } | Suggestion::Command { .. } => None,
    }
}

/// One root cause, one report.
fn collapse(drafts: Vec<Draft>) -> Vec<Draft> {
    let strongest = drafts.iter().filter(|d| d.severity == Severity::Error).map(|d| d.strength).min();
    let mut kept: Vec<Draft> = Vec::new();
    // Exact repeats: the same tool says the same of the same place (a summary, a second target, a retried step).
    let mut seen: BTreeMap<(String, Option<Location>, Option<String>), usize> = BTreeMap::new();
    let mut consequence = false;
    // Two tools may read the same line; the one that finds the place in it knows better.
    let placed: BTreeSet<u64> = drafts.iter().filter(|d| d.place.is_some()).map(|d| d.log.first).collect();
    for draft in drafts {
        if draft.place.is_none() && draft.test.is_none() && placed.contains(&draft.log.first) {
            continue;
        }
        if strongest.is_some_and(|s| draft.strength > s) {
            continue;
        }
        if draft.strength == Strength::Consequence {
            // Of several consequences the first is nearest to the cause.
            if consequence {
                continue;
            }
            consequence = true;
        }
        let key = (squash(&draft.message), draft.place.clone(), draft.test.clone());
        if let Some(at) = seen.get(&key) {
            merge(&mut kept[*at], draft);
            continue;
        }
        seen.insert(key, kept.len());
        kept.push(draft);
    }
    kept
}

fn merge(into: &mut Draft, again: Draft) {
    if again.severity < into.severity {
        into.severity = again.severity;
    }
    if into.hint.is_none() {
        into.hint = again.hint;
    }
    if into.code.is_none() {
        into.code = again.code;
    }
    for place in again.related {
        if !into.related.contains(&place) && into.related.len() < RELATED {
            into.related.push(place);
        }
    }
}

fn squash(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn with_fingerprints(drafts: Vec<Draft>) -> Vec<BugReport> {
    let mut of_a_kind: BTreeMap<[u8; 32], u64> = BTreeMap::new();
    drafts
        .into_iter()
        .map(|draft| {
            let (file, line, column) = match draft.place {
                Some(place) => (Some(place.file), place.line, place.column),
                None => (None, None, None),
            };
            let mut bug = BugReport {
                fingerprint: Fingerprint::default(),
                tool: draft.tool.to_owned(),
                category: draft.category,
                code: draft.code,
                severity: draft.severity,
                file,
                line,
                column,
                end_line: draft.end_line,
                end_column: draft.end_column,
                message: draft.message,
                test: draft.test,
                log: LogSpan { first: draft.log.first, last: draft.log.last.max(draft.log.first) },
                related: draft.related,
                hint: draft.hint,
            };
            let kind = kind_of(&bug);
            let nth = of_a_kind.entry(kind).or_default();
            *nth += 1;
            let mut hash = Sha256::new();
            hash.update(kind);
            hash.update(nth.to_be_bytes());
            bug.fingerprint = Fingerprint(hash.finalize()[..8].iter().map(|b| format!("{b:02x}")).collect());
            bug
        })
        .collect()
}

fn kind_of(bug: &BugReport) -> [u8; 32] {
    let mut hash = Sha256::new();
    let message: String = bug.message.chars().filter(|c| !c.is_ascii_digit()).collect();
    for part in [
        bug.tool.as_str(),
        bug.category.as_str(),
        bug.code.as_deref().unwrap_or(""),
        bug.file.as_deref().unwrap_or(""),
        bug.test.as_deref().unwrap_or(""),
        message.as_str(),
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn what_is_said_only_at_the_end_stands_in_the_log() {
        let log = "running 1 test\ntest halves ... FAILED\n\nfailures:\n    halves\n";
        let mut reported = 0;
        for cut in 0..=log.len() {
            let diagnosis = diagnose(&log.as_bytes()[..cut], &ParseOptions::default()).unwrap();
            let inside = |b: &BugReport| b.log.first <= b.log.last && b.log.last <= diagnosis.lines;
            assert!(diagnosis.bugs.iter().all(inside), "{diagnosis:?}");
            reported += diagnosis.bugs.len();
        }
        assert!(reported > 0);
    }
}
