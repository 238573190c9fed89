//! The proof as a Markdown table, for the job summary and for the pull request.

use crate::contract::build::{ExecutionResult, Exit};
use crate::contract::ci::CiVerdict;
use crate::contract::control::CounterProof;
use crate::contract::report::{FinalProof, JobReport, RunReport};

use super::{markdown, text};

/// Empty where nothing was run.
pub(super) fn markdown(report: &RunReport) -> String {
    let Some(baseline) = &report.baseline else { return String::new() };
    let proof = report.final_proof.as_ref();
    let mut rows: Vec<[String; 3]> = Vec::new();
    let mut row = |what: &str, before: String, after: String| rows.push([what.to_owned(), before, after]);

    row("Result", result(&baseline.execution), proof.map_or_else(dash, |p| result(&p.execution)));
    row(
        "Failing step",
        failed_step(&baseline.execution),
        proof.map_or_else(dash, |p| failed_step(&p.execution)),
    );
    row("Failures", baseline.bugs.len().to_string(), proof.map_or_else(dash, |p| p.bugs.len().to_string()));
    let before = text::tests(&baseline.tests);
    let after = proof.and_then(|p| text::tests(&p.tests));
    if before.is_some() || after.is_some() {
        row("Tests", before.unwrap_or_else(dash), after.unwrap_or_else(dash));
    }
    row(
        "Runs",
        format!("{} of {} failed", baseline.failed, baseline.runs),
        proof.map_or_else(dash, |p| format!("{} of {} green", p.green, p.runs)),
    );
    if let Some(proof) = proof {
        let protected = match &proof.protected {
            Some(execution) => result(execution),
            None => "none had to be".to_owned(),
        };
        row("Protected files restored", dash(), protected);
        for shown in counter_proofs(report) {
            let (what, mark) = counter_proof(shown);
            row(&what, dash(), mark.to_owned());
        }
        let same = proof.execution.image_id == baseline.execution.image_id;
        row(
            "Image",
            image(&baseline.execution),
            if same { "the same".to_owned() } else { image(&proof.execution) },
        );
    }
    if let Some(ci) = &report.ci {
        let mark = match ci.verdict {
            CiVerdict::Passed => "✅ ",
            CiVerdict::Failed | CiVerdict::TimedOut | CiVerdict::Cancelled => "❌ ",
            CiVerdict::NoCi { .. } | CiVerdict::AwaitingApproval => "⚠️ ",
            CiVerdict::Skipped { .. } => "",
        };
        let run =
            ci.run.as_ref().map_or(String::new(), |run| format!(" ({})", markdown::link("run", &run.url)));
        row("CI on the heal branch", dash(), format!("{mark}{}{run}", verdict(&ci.verdict)));
    }

    // Without a proof there is no second column to fill.
    if proof.is_none() && report.ci.is_none() {
        let mut out = String::from("| | The failing commit |\n|---|---|\n");
        for [what, before, _] in rows {
            out.push_str(&format!("| {what} | {before} |\n"));
        }
        return out;
    }
    let mut out = String::from("| | Before | After |\n|---|---|---|\n");
    for [what, before, after] in rows {
        out.push_str(&format!("| {what} | {before} | {after} |\n"));
    }
    out + &jobs(report)
}

/// Of every job.
fn counter_proofs(report: &RunReport) -> Vec<&CounterProof> {
    let proofs: Vec<&FinalProof> = if report.jobs.is_empty() {
        report.final_proof.iter().collect()
    } else {
        report.jobs.iter().filter_map(|job| job.final_proof.as_ref()).collect()
    };
    proofs.into_iter().flat_map(|proof| &proof.counter_proofs).map(|shown| &shown.proof).collect()
}

/// The sentence, and its mark.
fn counter_proof(shown: &CounterProof) -> (String, &'static str) {
    match shown {
        CounterProof::Caught { .. } => (text::counter_proof(shown), "✅ the step can fail"),
        CounterProof::None { why } => {
            (format!("no counter-proof: {}", markdown::code(why, 300)), "❔ not shown")
        }
        CounterProof::JudgeDisarmed { why } => (
            format!("Counter-proof: the step cannot fail any more: {}", markdown::code(why, 300)),
            "❌ it cannot",
        ),
        CounterProof::Overfitted { why } => (
            format!("Counter-proof: the fix answers the failing test alone: {}", markdown::code(why, 300)),
            "❌ made for the test",
        ),
    }
}

/// Each failed job, where there are several.
fn jobs(report: &RunReport) -> String {
    if report.jobs.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n| Job | Before | After |\n|---|---|---|\n");
    for JobReport { plan, baseline, final_proof } in &report.jobs {
        let mut name = plan.job.clone().unwrap_or_default();
        if !plan.matrix.is_empty() {
            let values: Vec<String> = plan.matrix.values().map(ToString::to_string).collect();
            name.push_str(&format!(" ({})", values.join(", ")));
        }
        let before = baseline.as_ref().map_or_else(|| "failed in CI".to_owned(), |b| result(&b.execution));
        let after =
            final_proof.as_ref().map_or_else(|| "not proven here".to_owned(), |p| result(&p.execution));
        out.push_str(&format!("| {} | {before} | {after} |\n", markdown::code(&name, 100)));
    }
    out
}

/// The verdict in one word; its reasons stand in the next step.
fn verdict(verdict: &CiVerdict) -> &'static str {
    match verdict {
        CiVerdict::Passed => "passed",
        CiVerdict::Failed => "failed",
        CiVerdict::NoCi { .. } => "no run started",
        CiVerdict::AwaitingApproval => "waits for approval",
        CiVerdict::TimedOut => "did not end in time",
        CiVerdict::Cancelled => "cancelled",
        CiVerdict::Skipped { .. } => "not watched",
    }
}

fn dash() -> String {
    "–".to_owned()
}

fn result(execution: &ExecutionResult) -> String {
    if let Some(by) = &execution.disagreement {
        return format!("❌ {}", markdown::code(&text::disagreement(by), 300));
    }
    match &execution.exit {
        Exit::Exited { code: 0 } => "✅ exit code 0".to_owned(),
        Exit::Exited { code } => format!("❌ exit code {code}"),
        Exit::Infrastructure { what } => format!("❌ infrastructure: {}", markdown::code(what, 200)),
        other => format!("❌ {}", text::exit(other)),
    }
}

fn failed_step(execution: &ExecutionResult) -> String {
    let step = execution.failed_step.and_then(|index| execution.steps.get(index));
    step.map_or_else(dash, |step| markdown::code(&step.name, 100))
}

fn image(execution: &ExecutionResult) -> String {
    let id = execution.image_id.strip_prefix("sha256:").unwrap_or(&execution.image_id);
    let id: String = id.chars().take(12).collect();
    format!("{} {}", markdown::code(&execution.image_ref, 100), markdown::code(&id, 20))
}
