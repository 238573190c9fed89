//! The proof in a line, with the table behind it: one row per command, then what was compared.

use crate::contract::build::{ExecutionResult, Exit, StepOutcome, StepResult};
use crate::contract::ci::CiVerdict;
use crate::contract::control::CounterProof;
use crate::contract::outcome::STAND_IN;
use crate::contract::report::{Baseline, FinalProof, JobReport, RunReport};

use super::{markdown, text};

/// Commands with a row of their own.
const COMMANDS: usize = 60;

/// Empty where nothing was run.
pub(super) fn markdown(report: &RunReport) -> String {
    let Some(line) = line(report) else { return String::new() };
    let what = if report.final_proof.is_some() { "Proof" } else { "Run here" };
    format!(
        "**{what}:** {line}.\n\n<details><summary>Command by command</summary>\n\n{}\n</details>\n\n",
        table(report)
    )
}

/// `red before, green from scratch, 3 repeats, counter-proof 3 of 3, 218 tests before and after`; `None` where nothing
/// was run.
pub(super) fn line(report: &RunReport) -> Option<String> {
    let baseline = report.baseline.as_ref()?;
    let mut parts = vec![before(baseline, report.final_proof.is_some())];
    if let Some(proof) = &report.final_proof {
        parts.extend(after(proof));
        parts.extend(planted(report));
    }
    parts.extend(tests(baseline, report.final_proof.as_ref()));
    if let Some(ci) = &report.ci {
        parts.push(ci_said(&ci.verdict).to_owned());
    }
    let ran = report.final_proof.as_ref().map_or(&baseline.execution, |proof| &proof.execution);
    parts.push(match stand_in(ran) {
        Some(note) => format!("**in an image that stands in**: {}", markdown::code(note, 400)),
        None => format!("in {}", markdown::code(&ran.image_ref, 100)),
    });
    Some(parts.join(", "))
}

fn before(baseline: &Baseline, is_proof: bool) -> String {
    let before = if is_proof { " before" } else { "" };
    match (baseline.failed, baseline.runs) {
        (0, 1) => "green in 1 run".to_owned(),
        (0, runs) => format!("green in {runs} runs"),
        (1, 1) => format!("red{before}"),
        (failed, runs) => format!("red {failed} of {runs} times{before}"),
    }
}

fn after(proof: &FinalProof) -> Vec<String> {
    let mut parts = Vec::new();
    if proof.green == proof.runs && proof.execution.is_green() {
        parts.push("green from scratch".to_owned());
        if proof.runs > 1 {
            parts.push(text::count(proof.runs as usize - 1, "repeat", "repeats"));
        }
    } else if proof.green == 0 {
        parts.push("still red from scratch".to_owned());
    } else {
        parts.push(format!("green {} of {} times from scratch", proof.green, proof.runs));
    }
    if let Some(protected) = &proof.protected {
        let how = if protected.is_green() { "green" } else { "red" };
        parts.push(format!("{how} with protected files restored"));
    }
    parts
}

/// What planted failures showed, over all steps.
fn planted(report: &RunReport) -> Option<String> {
    let shown = counter_proofs(report);
    if shown.iter().any(|proof| !proof.is_caught() && !matches!(proof, CounterProof::None { .. })) {
        return Some("**counter-proof refuted**".to_owned());
    }
    let caught = shown.iter().filter_map(|proof| match proof {
        CounterProof::Caught { caught, of } => Some((*caught, *of)),
        _ => None,
    });
    let (caught, of) = caught.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    match (of, shown.is_empty()) {
        (_, true) => None,
        (0, false) => Some("no counter-proof".to_owned()),
        (of, false) => Some(format!("counter-proof {caught} of {of}")),
    }
}

/// `218 tests before and after`, where it is known how many ran.
fn tests(baseline: &Baseline, proof: Option<&FinalProof>) -> Option<String> {
    let before = text::executed(&baseline.tests)?;
    let count = |n: u64| text::count(usize::try_from(n).unwrap_or(usize::MAX), "test", "tests");
    let Some(proof) = proof else { return Some(count(before)) };
    let after = text::executed(&proof.tests)?;
    Some(if before == after {
        format!("{} before and after", count(before))
    } else {
        format!("{} before, {} after", count(before), text::number(after))
    })
}

/// What ran in the place of the image that the job asks for.
fn stand_in(execution: &ExecutionResult) -> Option<&str> {
    execution.notes.iter().map(String::as_str).find(|note| note.contains(STAND_IN))
}

fn table(report: &RunReport) -> String {
    let Some(baseline) = &report.baseline else { return String::new() };
    let proof = report.final_proof.as_ref();
    let mut rows = commands(report, baseline, proof);
    let mut row = |what: &str, before: String, after: String| rows.push([what.to_owned(), before, after]);

    row("All commands", result(&baseline.execution), proof.map_or_else(dash, |p| result(&p.execution)));
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
    }
    let same = proof.is_none_or(|proof| proof.execution.image_id == baseline.execution.image_id);
    let after = if same { "the same".to_owned() } else { proof.map_or_else(dash, |p| image(&p.execution)) };
    row("Image", image(&baseline.execution), after);
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

/// A row for each step, by its name.
fn commands(report: &RunReport, baseline: &Baseline, proof: Option<&FinalProof>) -> Vec<[String; 3]> {
    let steps = report.plan.as_ref().map_or(&[][..], |plan| &plan.steps);
    let ran = &baseline.execution.steps;
    let after = proof.map_or(&[][..], |proof| &proof.execution.steps);
    let count = steps.len().max(ran.len()).max(after.len());
    let name = |index: usize| {
        let planned = steps.get(index).map(|step| &step.name);
        planned.or_else(|| ran.get(index).map(|step| &step.name)).or_else(|| Some(&after.get(index)?.name))
    };
    let row = |index: usize| {
        let name = name(index).map_or_else(dash, |name| markdown::code(name, 100));
        [name, ended(ran.get(index)), ended(after.get(index))]
    };
    let mut rows: Vec<[String; 3]> = (0..count.min(COMMANDS)).map(row).collect();
    if count > COMMANDS {
        rows.push([format!("{} more", count - COMMANDS), dash(), dash()]);
    }
    rows
}

fn ended(step: Option<&StepResult>) -> String {
    let Some(step) = step else { return "not reached".to_owned() };
    let took = text::duration(step.duration);
    match (step.conclusion, step.outcome, step.exit_code) {
        (StepOutcome::Success, StepOutcome::Failure, code) => {
            let code = code.map_or(String::new(), |code| format!(" {code}"));
            format!("exit code{code}, let pass ({took})")
        }
        (StepOutcome::Success, _, _) => format!("✅ {took}"),
        (StepOutcome::Failure, _, Some(code)) => format!("❌ exit code {code} ({took})"),
        (StepOutcome::Failure, _, None) => format!("❌ ({took})"),
        (StepOutcome::Skipped, ..) => "skipped".to_owned(),
        (StepOutcome::Cancelled, ..) => format!("cancelled ({took})"),
    }
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

/// The verdict as a part of the line.
fn ci_said(verdict: &CiVerdict) -> &'static str {
    match verdict {
        CiVerdict::Passed => "CI passed",
        CiVerdict::Failed => "**CI failed**",
        CiVerdict::NoCi { .. } => "no run of CI",
        CiVerdict::AwaitingApproval => "CI waits for approval",
        CiVerdict::TimedOut => "CI still runs",
        CiVerdict::Cancelled => "CI was cancelled",
        CiVerdict::Skipped { .. } => "CI not watched",
    }
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

/// What really ran.
fn image(execution: &ExecutionResult) -> String {
    let id = execution.image_id.strip_prefix("sha256:").unwrap_or(&execution.image_id);
    let id: String = id.chars().take(12).collect();
    let id = markdown::code(&id, 20);
    match stand_in(execution) {
        Some(note) => format!("{id} (a stand-in: {})", markdown::code(note, 400)),
        None => format!("{} {id}", markdown::code(&execution.image_ref, 100)),
    }
}
