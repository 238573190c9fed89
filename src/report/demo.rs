//! What `ci-healer demo` prints around the run itself: a header and a verdict for each sample, a table at the end.

use std::fmt::Write as _;
use std::time::Duration;

use super::text;
use crate::contract::outcome::Outcome;
use crate::contract::report::RunReport;

/// One sample, healed or not.
#[derive(Debug)]
pub struct Row {
    pub name: String,
    pub category: String,
    /// How it should end.
    pub expected: String,
    pub took: Duration,
    pub report: RunReport,
}

impl Row {
    /// It ended as it should; a heal counts only with its proof and its branch in the remote.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        let honest = match self.report.outcome {
            Outcome::Healed => {
                self.report
                    .final_proof
                    .as_ref()
                    .is_some_and(super::super::contract::report::FinalProof::holds)
                    && self.report.push.is_some()
            }
            _ => self.report.push.is_none(),
        };
        self.report.outcome.as_str() == self.expected && honest
    }
}

#[must_use]
pub fn header(number: usize, of: usize, name: &str, category: &str) -> String {
    format!("\n── {number}/{of} {name} ({category}) ──")
}

/// The verdict of one sample: outcome, proof, branch, time.
#[must_use]
pub fn result(row: &Row) -> String {
    let mut out = format!("{}: {}", row.name, text::outcome(&row.report.outcome));
    if let Some(proof) = proof(&row.report) {
        let _ = write!(out, "; proof: {proof}");
    }
    if let Some(push) = &row.report.push {
        let _ = write!(out, "; branch {} at {}", push.branch, push.commit.short());
    }
    let _ = write!(out, "; {}", text::duration(row.took));
    out
}

/// `exit 1 → exit 0`
fn proof(report: &RunReport) -> Option<String> {
    let before = text::exit(&report.baseline.as_ref()?.execution.exit);
    let after = text::exit(&report.final_proof.as_ref()?.execution.exit);
    Some(format!("{before} → {after}"))
}

#[must_use]
pub fn table(rows: &[Row]) -> String {
    let wide = rows.iter().map(|r| r.name.len()).max().unwrap_or(0).max(6);
    let mut out =
        format!("\n{:wide$}  {:12} {:11} {:30} {:>7}\n", "sample", "category", "outcome", "proof", "time");
    for row in rows {
        let mark = if row.is_as_expected() { ' ' } else { '!' };
        let _ = writeln!(
            out,
            "{:wide$} {mark}{:12} {:11} {:30} {:>7}",
            row.name,
            row.category,
            row.report.outcome.as_str(),
            proof(&row.report).unwrap_or_else(|| "-".to_owned()),
            text::duration(row.took),
        );
    }
    let healed = rows.iter().filter(|r| r.report.outcome == Outcome::Healed).count();
    let honest = rows.iter().filter(|r| r.report.outcome != Outcome::Healed && r.is_as_expected()).count();
    let wrong = rows.iter().filter(|r| !r.is_as_expected()).count();
    let _ = write!(out, "{healed} healed, {honest} left to a model as they should be");
    if wrong > 0 {
        let _ = write!(out, ", {wrong} not as expected (marked !)");
    }
    out
}
