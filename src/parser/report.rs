//! From findings to reports: own code or foreign, one report per root cause, stable fingerprints.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::evidence::Evidence;
use super::findings::{FindingBuilder, Findings, Strength};
use super::{origin, paths, unread};
use crate::contract::bug::{
    BugReport, Category, Diagnosis, Fingerprint, Location, LogSpan, Origin, Origins, Severity,
};

/// Characters kept of one message.
const MESSAGE: usize = 4_000;
/// Related places kept of one report.
const RELATED: usize = 30;

/// Makes the whole answer.
pub(super) fn assemble(
    lines: u64,
    out: Findings,
    evidence: Evidence,
    extra_roots: &[String],
) -> (Diagnosis, Origins) {
    let Findings { findings, runs, roots, last_success, last_failure, headings, .. } = out;
    let roots: Vec<String> = extra_roots.iter().cloned().chain(roots).collect();
    let tests: Vec<_> = runs.into_iter().map(|(runner, tally)| tally.into_run(runner)).collect();
    let mut findings: Vec<FindingBuilder> = findings.into_iter().map(|d| resolve_paths(d, &roots)).collect();
    for finding in &mut findings {
        // What is said only at the end stands behind the last line.
        finding.log.first = finding.log.first.min(lines);
        finding.log.last = finding.log.last.min(lines);
    }
    findings.sort_by_key(|d| d.log.first);
    let packages: Vec<Option<String>> = findings
        .iter()
        .map(|finding| origin::package(finding, headings.before(&finding.stream, finding.log.first), &roots))
        .collect();
    for (finding, package) in findings.iter_mut().zip(packages) {
        finding.in_package = package;
    }
    let mut findings = merge_repeats(findings);
    // Warnings that count are causes as well, but no error follows from them.
    findings.sort_by_key(|finding| (finding.sequel, finding.severity != Severity::Error));
    let cause = |d: &FindingBuilder| d.fails() && d.strength != Strength::Consequence;
    let failed = findings.iter().any(FindingBuilder::fails);
    if findings.iter().any(cause) {
        // A build that failed for errors did not fail for warnings; one that only says that it failed may have.
        findings.retain(FindingBuilder::fails);
    } else if !failed && last_success > last_failure {
        findings.retain(|d| d.log.first > last_success);
    }
    // That a step failed, which the runner says, is known; its most telling lines say more.
    let only_that =
        matches!(&*findings, [one] if one.tool == "github-actions" && one.strength == Strength::Consequence);
    if (findings.is_empty() || only_that)
        && let Some(lines) = evidence.failure_lines()
        && last_failure >= last_success
    {
        findings = vec![unknown(&lines)];
    }
    let origins: Vec<Origin> = findings
        .iter_mut()
        .map(|f| {
            let heading = headings.before(&f.stream, f.log.first);
            origin::origin(&f.stream, heading, f.package.take(), std::mem::take(&mut f.rooted))
        })
        .collect();
    let bugs = with_fingerprints(findings);
    let origins = bugs.iter().map(|bug| bug.fingerprint.clone()).zip(origins).collect();
    (Diagnosis { lines, bugs, tests }, origins)
}

fn unknown(lines: &[(u64, String)]) -> FindingBuilder {
    let text: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
    let first = lines.first().map_or(0, |l| l.0);
    let last = lines.last().map_or(0, |l| l.0);
    let finding = FindingBuilder::new("unknown", Category::Unknown, text.join("\n")).span(first, last);
    match text.iter().find_map(|line| unread::place(line)) {
        Some((file, line)) => finding.at(file, line, None),
        None => finding,
    }
}

/// Decides the location and makes all paths relative.
fn resolve_paths(mut finding: FindingBuilder, roots: &[String]) -> FindingBuilder {
    let mut rooted = Vec::new();
    let mut own = |at: &Location| {
        let file = paths::relative(&at.file, roots);
        if !paths::is_own(&file) {
            return None;
        }
        if paths::is_absolute(&at.file) && !paths::is_absolute(&file) && !rooted.contains(&file) {
            rooted.push(file.clone());
        }
        Some(Location { file, ..at.clone() })
    };
    if let Some(location) = finding.location.take() {
        finding.location = own(&location);
    }
    let mut related = Vec::new();
    for frame in finding.frames.drain(..).filter_map(|f| own(&f)).collect::<Vec<_>>() {
        if finding.location.is_none() {
            finding.location = Some(frame);
        } else {
            related.push(frame);
        }
    }
    related.extend(finding.related.drain(..).filter_map(|r| own(&r)));
    let mut seen = BTreeSet::new();
    seen.extend(finding.location.clone());
    related.retain(|r| seen.insert(r.clone()));
    related.truncate(RELATED);
    finding.related = related;
    finding.rooted = rooted;
    if finding.location.is_none() {
        finding.end_line = None;
        finding.end_column = None;
    }
    finding.message = finding
        .message
        .trim()
        .chars()
        .filter(|c| !c.is_control() || *c == '\n' || *c == '\t')
        .take(MESSAGE)
        .collect();
    if finding.message.is_empty() {
        finding.message = format!("{} reports a failure without a message", finding.tool);
    }
    if let Some(hint) = &mut finding.hint {
        for suggestion in &mut hint.suggestions {
            if let Some(file) = suggestion.file_mut() {
                *file = paths::relative(file, roots);
            }
        }
    }
    finding
}

/// One root cause, one report.
fn merge_repeats(findings: Vec<FindingBuilder>) -> Vec<FindingBuilder> {
    let strongest = findings.iter().filter(|d| d.fails()).map(|d| d.strength).min();
    let mut kept: Vec<FindingBuilder> = Vec::new();
    // Exact repeats: the same tool says the same of the same place (a summary, a second target, a retried step).
    let mut seen: BTreeMap<Said, Vec<usize>> = BTreeMap::new();
    let mut consequence = false;
    // Two tools may read the same line; the one that finds the place in it knows better.
    let placed: BTreeSet<u64> =
        findings.iter().filter(|d| d.location.is_some()).map(|d| d.log.first).collect();
    let told = Told::new(&findings);
    for finding in findings {
        if told.twice(&finding) {
            continue;
        }
        if finding.location.is_none() && finding.test.is_none() && placed.contains(&finding.log.first) {
            continue;
        }
        if strongest.is_some_and(|s| finding.strength > s) {
            continue;
        }
        if finding.strength == Strength::Consequence {
            // Of several consequences the first is nearest to the cause.
            if consequence {
                continue;
            }
            consequence = true;
        }
        let key = (collapse_whitespace(&finding.message), finding.location.clone(), finding.test.clone());
        let known = seen.entry(key).or_default();
        // A summary may leave out of which package it is.
        let same = |at: &&usize| {
            let (one, other) = (&kept[**at].in_package, &finding.in_package);
            one == other || one.is_none() || other.is_none()
        };
        if let Some(at) = known.iter().find(same).copied() {
            merge(&mut kept[at], finding);
            continue;
        }
        known.push(kept.len());
        kept.push(finding);
    }
    kept
}

/// Message, place and test.
type Said = (String, Option<Location>, Option<String>);

/// Formats that carry what some other tool found.
const CARRIERS: [&str; 4] = ["junit-xml", "sarif", "checkstyle-xml", "github-actions"];

/// A finding's code and message.
type Words = (Option<String>, String);

/// What tools said in their own words: a carrier that repeats it says nothing new.
struct Told {
    places: BTreeMap<(String, u32), Vec<Words>>,
    /// The words of tests' ids, by the last of them.
    tests: BTreeMap<String, Vec<Vec<String>>>,
}

impl Told {
    fn new(findings: &[FindingBuilder]) -> Self {
        let mut told = Self { places: BTreeMap::new(), tests: BTreeMap::new() };
        for finding in findings.iter().filter(|finding| !CARRIERS.contains(&finding.tool)) {
            if let Some(place) = place_of(finding) {
                told.places.entry(place).or_default().push((finding.code.clone(), words(&finding.message)));
            }
            if let Some(words) = finding.test.as_deref().map(test_words)
                && let Some(last) = words.last()
            {
                told.tests.entry(last.clone()).or_default().push(words);
            }
        }
        told
    }

    fn twice(&self, finding: &FindingBuilder) -> bool {
        if !CARRIERS.contains(&finding.tool) {
            return false;
        }
        if let Some(test) = &finding.test {
            let test = test_words(test);
            // One of the two may leave out what the test lies in.
            let same = |known: &Vec<String>| known.ends_with(&test) || test.ends_with(known);
            return test
                .last()
                .and_then(|last| self.tests.get(last))
                .is_some_and(|known| known.iter().any(same));
        }
        let said = words(&finding.message);
        let same = |(code, message): &Words| {
            code.is_some() && *code == finding.code
                || said.contains(message.as_str())
                || message.contains(said.as_str())
        };
        place_of(finding)
            .and_then(|place| self.places.get(&place))
            .is_some_and(|known| known.iter().any(same))
    }
}

fn place_of(finding: &FindingBuilder) -> Option<(String, u32)> {
    let at = finding.location.as_ref()?;
    Some((at.file.clone(), at.line?))
}

/// A message's words, whatever stands between them.
fn words(message: &str) -> String {
    let words = message.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The words of a test's id without the endings of files, in which runners and reports differ.
fn test_words(id: &str) -> Vec<String> {
    id.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !["", "py", "js", "ts", "jsx", "tsx", "mjs", "cjs", "mts", "cts"].contains(word))
        .map(str::to_owned)
        .collect()
}

fn merge(into: &mut FindingBuilder, again: FindingBuilder) {
    into.counts |= again.counts;
    if again.severity < into.severity {
        into.severity = again.severity;
    }
    if into.hint.is_none() {
        into.hint = again.hint;
    }
    if into.code.is_none() {
        into.code = again.code;
    }
    if into.in_package.is_none() {
        into.in_package = again.in_package;
    }
    for location in again.related {
        if !into.related.contains(&location) && into.related.len() < RELATED {
            into.related.push(location);
        }
    }
}

fn collapse_whitespace(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn with_fingerprints(findings: Vec<FindingBuilder>) -> Vec<BugReport> {
    let mut of_a_kind: BTreeMap<[u8; 32], u64> = BTreeMap::new();
    findings
        .into_iter()
        .map(|finding| {
            let (file, line, column) = match finding.location {
                Some(location) => (Some(location.file), location.line, location.column),
                None => (None, None, None),
            };
            let mut bug = BugReport {
                fingerprint: Fingerprint::default(),
                tool: finding.speaker.unwrap_or_else(|| finding.tool.to_owned()),
                category: finding.category,
                code: finding.code,
                severity: finding.severity,
                file,
                line,
                column,
                end_line: finding.end_line,
                end_column: finding.end_column,
                message: finding.message,
                test: finding.test,
                log: LogSpan { first: finding.log.first, last: finding.log.last.max(finding.log.first) },
                related: finding.related,
                hint: finding.hint,
                package: finding.in_package,
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
