//! The question which of several jobs is meant, on a terminal.

use std::fmt::Write as _;

use crate::contract::build::BuildPlan;

/// What the answer may be, job by job.
#[must_use]
pub fn question(plans: &[&BuildPlan]) -> String {
    let mut text = "Nobody named a job. Which one is to be healed?\n".to_owned();
    let rows = plans.iter().enumerate().map(|(at, plan)| {
        let workflow = plan.workflow.as_deref().unwrap_or_default();
        ((at + 1).to_string(), format!("{} in {workflow}", plan.job.as_deref().unwrap_or_default()))
    });
    let all = ("a".to_owned(), "all that are red".to_owned());
    for (key, what) in rows.chain([all]) {
        let _ = writeln!(text, "  {key:>5}  {what}");
    }
    text.push_str("  Enter  the first red one, in this order\n");
    text
}

/// An answer that is none of those.
#[must_use]
pub fn not_understood(answer: &str, jobs: usize) -> String {
    format!("{answer:?} is no answer: a number from 1 to {jobs}, `a`, or Enter alone\n")
}
