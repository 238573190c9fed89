//! Each bug of a run: a sentence as heading with the test's or the check's name, and what it said before and says now.

use crate::contract::bug::{BugReport, Category};
use crate::contract::outcome::Outcome;
use crate::contract::report::{ProposalReport, RunReport};

use super::view::Standing;
use super::{markdown, text, view};

/// Bugs with a heading of their own; more of them are a list.
const HEADINGS: usize = 10;

/// Empty where no bug is known.
pub(super) fn markdown(report: &RunReport, rows: usize) -> String {
    let bugs = view::all_bugs(report);
    let mut out = String::new();
    for bug in bugs.iter().take(HEADINGS) {
        out.push_str(&format!("### {}\n\n{}\n\n", sentence(report, bug), before_and_after(report, bug)));
    }
    if bugs.len() > HEADINGS {
        let more = text::count(bugs.len() - HEADINGS, "more bug", "more bugs");
        out.push_str(&format!("<details><summary>{more}</summary>\n\n"));
        for bug in bugs.iter().take(rows).skip(HEADINGS) {
            out.push_str(&format!("- {}: {}\n", sentence(report, bug), before_and_after(report, bug)));
        }
        if bugs.len() > rows {
            out.push_str(&format!("- {} more are in `results.json`\n", bugs.len() - rows));
        }
        out.push_str("\n</details>\n\n");
    }
    out
}

/// ``✅ The test `test_add` failed, and passes now``
fn sentence(report: &RunReport, bug: &BugReport) -> String {
    let what = subject(bug);
    let is_test = bug.test.is_some();
    match view::standing(report, &bug.fingerprint) {
        Standing::Proven if is_test => format!("✅ {what} failed, and passes now"),
        Standing::Proven => format!("✅ {what} is gone"),
        Standing::NotProven => format!("❔ {what}: a fix that is not proven removes it"),
        Standing::Open => match (&report.outcome, is_test) {
            (Outcome::Flaky { failed, runs }, true) => format!("🎲 {what} failed in {failed} of {runs} runs"),
            (Outcome::Flaky { failed, runs }, false) => format!("🎲 {what} in {failed} of {runs} runs"),
            (_, true) if tried(report) => format!("❌ {what} still fails"),
            (_, true) => format!("❌ {what} fails"),
            (_, false) if tried(report) => format!("❌ {what} is still there"),
            (_, false) => format!("❌ {what}"),
        },
    }
}

fn tried(report: &RunReport) -> bool {
    view::proposals(report).next().is_some()
}

/// ``The test `test_add` ``; ``The lint finding `F401` of `ruff` in `src/app.py:3` ``
fn subject(bug: &BugReport) -> String {
    if let Some(test) = &bug.test {
        return format!("The test {}", markdown::code(test, 200));
    }
    let mut out = format!("The {}", kind(bug.category));
    if let Some(code) = &bug.code {
        out.push_str(&format!(" {}", markdown::code(code, 60)));
    }
    out.push_str(&format!(" of {}", markdown::code(&bug.tool, 60)));
    if let Some(file) = &bug.file {
        out.push_str(&format!(" in {}", markdown::code(&text::place(file, bug.line, bug.column), 200)));
    }
    out
}

fn kind(category: Category) -> &'static str {
    match category {
        Category::Syntax => "syntax error",
        Category::Indentation => "indentation error",
        Category::Import => "import error",
        Category::Type => "type error",
        Category::Logic => "failure",
        Category::Lint => "lint finding",
        Category::Format => "format finding",
        Category::Runtime => "crash",
        Category::Dependency => "dependency error",
        Category::Configuration => "configuration error",
        Category::Environment => "environment error",
        Category::Timeout => "timeout",
        Category::Unknown => "error",
    }
}

/// What the tool said, and what the run made of it; behind it the fix, and who offered it.
fn before_and_after(report: &RunReport, bug: &BugReport) -> String {
    // Words first: a line that began with a message's backticks could be read as a fence.
    let mut said = format!("Reported: {}", markdown::code(&text::message(bug), 300));
    // In the heading of a test there is no place.
    if let (Some(_), Some(file)) = (&bug.test, &bug.file) {
        said.push_str(&format!(" ({})", markdown::code(&text::place(file, bug.line, bug.column), 200)));
    }
    let after = match (view::standing(report, &bug.fingerprint), &bug.test) {
        (Standing::Proven, Some(_)) => " → passes",
        (Standing::Proven, None) => " → not reported any more",
        (Standing::NotProven, _) => " → not reported in the last run",
        (Standing::Open, _) => "",
    };
    let fixes: Vec<&ProposalReport> =
        view::kept(report).filter(|proposal| proposal.offer.bugs.contains(&bug.fingerprint)).collect();
    let mut out = format!("{said}{after}");
    for fix in fixes.iter().take(3) {
        let origin = origin(fix, !report.has_counter_proof());
        out.push_str(&format!("  \nFix: {} ({origin})", markdown::code(&fix.offer.fix, 300)));
    }
    out
}

/// Who offered it.
pub(super) fn origin(proposal: &ProposalReport, lowered: bool) -> String {
    let mut out = markdown::code(&proposal.offer.provider, 60);
    if let Some(model) = &proposal.offer.model {
        out.push_str(&format!(" {}", markdown::code(model, 100)));
    }
    if proposal.offer.context_level > 0 {
        out.push_str(&format!(", context level {}", proposal.offer.context_level));
    }
    out.push_str(&format!(", {}", text::confidence(proposal.offer.confidence, lowered)));
    out
}
