//! What one run of the plan showed: its log, what the parser reads in it, and what of it decides.

use crate::contract::bug::{BugReport, Diagnosis};
use crate::contract::build::ExecutionResult;
use crate::contract::event::LogFacts;
use crate::parser::{self, ParseOptions};

use super::bundle::sha256;
use super::missing_tools;
use super::progress::Observation;

/// Kept once and shared: logs are long.
#[derive(Debug, PartialEq)]
pub struct Evidence {
    pub observation: Observation,
    pub diagnosis: Diagnosis,
    pub log: Vec<u8>,
}

impl Evidence {
    /// Takes the log out of `result`.
    #[must_use]
    pub fn of_run(result: &mut ExecutionResult) -> Self {
        let log = std::mem::take(&mut result.log);
        let diagnosis = read_log(&log, result);
        result.notes.extend(missing_tools::note(result, &diagnosis));
        Self { observation: Observation::new(result, &diagnosis), diagnosis, log }
    }

    /// Of a run of which only the log is known: CI's.
    #[must_use]
    pub fn of_log(diagnosis: Diagnosis, log: Vec<u8>) -> Self {
        Self { observation: Observation::of_log(&diagnosis), diagnosis, log }
    }

    #[must_use]
    pub fn log_facts(&self) -> LogFacts {
        LogFacts { bytes: self.log.len() as u64, lines: self.diagnosis.lines, sha256: sha256(&self.log) }
    }

    /// The reports among `bugs` by their fingerprints.
    pub fn bugs<'a>(
        &'a self,
        bugs: &'a [crate::contract::bug::Fingerprint],
    ) -> impl Iterator<Item = &'a BugReport> {
        self.diagnosis.bugs.iter().filter(|bug| bugs.contains(&bug.fingerprint))
    }
}

/// What a run's log says. Only the failing step's reports count: an earlier step that was allowed to fail is no cause.
fn read_log(log: &[u8], result: &ExecutionResult) -> Diagnosis {
    // Reading from memory cannot fail.
    let mut diagnosis = parser::diagnose(log, &ParseOptions::default()).unwrap_or_default();
    // What a run broken off by the machine left in its log is no bug.
    if result.is_green() || !result.has_verdict() {
        diagnosis.bugs.clear();
        return diagnosis;
    }
    let span = result.failed_step.and_then(|i| result.steps.get(i)).and_then(|s| s.log);
    if let Some(span) = span.filter(|_| result.log_cut == 0) {
        let inside = |b: &BugReport| b.log.last >= span.first && b.log.first <= span.last;
        if diagnosis.bugs.iter().any(inside) {
            diagnosis.bugs.retain(inside);
        }
    }
    diagnosis
}

/// The part of the log that belongs to the reports, else its end: what a model is shown of it.
#[must_use]
pub fn excerpt(log: &[u8], bugs: &[BugReport]) -> String {
    const BEFORE: u64 = 3;
    const LINES: usize = 120;
    let text = String::from_utf8_lossy(log);
    let spans: Vec<(u64, u64)> = bugs
        .iter()
        .filter(|b| b.log.first > 0)
        .map(|b| (b.log.first.saturating_sub(BEFORE), b.log.last))
        .collect();
    let inside: Vec<&str> = text
        .lines()
        .enumerate()
        .filter(|(i, _)| {
            let number = *i as u64 + 1;
            spans.iter().any(|(first, last)| (*first..=*last).contains(&number))
        })
        .map(|(_, line)| line)
        .take(LINES)
        .collect();
    if !inside.is_empty() {
        return inside.join("\n");
    }
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(LINES)..].join("\n")
}
