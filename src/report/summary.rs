//! The job summary: what people read first.
//!
//! Verdict, next step, what failed, the fix, the proof, every attempt (collapsed), the cost. GitHub drops a summary of
//! more than 1 MiB as a whole, so the parts are bounded and attempts that no longer fit are counted instead.

use crate::contract::ci::CiVerdict;
use crate::contract::outcome::Outcome;
use crate::contract::report::{Iteration, ProposalReport, ProposalVerdict, ReportFiles, RunReport};

use super::view::Standing;
use super::{changes, ends, markdown, old_failures, proof_table, text, view};

/// Below GitHub's 1,048,576 with room for what masking may add.
const LIMIT: usize = 1_000_000;
const DIFF_BYTES: usize = 120_000;
const ATTEMPT_DIFF_BYTES: usize = 20_000;
const BUG_ROWS: usize = 50;

/// The whole summary as Markdown, always below GitHub's limit.
#[must_use]
pub fn markdown(report: &RunReport, written: Option<&ReportFiles>) -> String {
    let mut out = String::new();
    out.push_str(&headline(report));
    out.push_str(&passed_over(report));
    out.push_str(&next_step(report, written));
    out.push_str(&changes::markdown(report));
    out.push_str(&what_failed(report));
    out.push_str(&old_failures::markdown(report));
    out.push_str(&the_fix(report));
    let proof = proof_table::markdown(report);
    if !proof.is_empty() {
        let heading = if report.final_proof.is_some() { "Proof" } else { "What was run" };
        out.push_str(&format!(
            "### {heading}

{proof}
"
        ));
    }
    let tail = format!("{}{}", cost(report), footer(report, written));
    out.push_str(&attempts(report, LIMIT.saturating_sub(out.len() + tail.len())));
    out.push_str(&tail);
    out
}

/// Said before all else: everything below holds without these steps.
fn passed_over(report: &RunReport) -> String {
    let steps = report.plan.as_ref().map_or(&[][..], |plan| &plan.passed_over);
    let lines = steps
        .iter()
        .map(|s| format!("- {}: {}\n", markdown::code(&s.step, 100), markdown::code(&s.why, 300)));
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("Not run here:\n\n{lines}\n") }
}

/// `Broken by **numpy 2.5.0** (published …); with 2.4.3 the same commands pass.`
fn drift_headline(report: &RunReport) -> String {
    let Some(drift) = &report.drift else { return String::new() };
    let name = as_name(drift.package.as_deref());
    let to = as_name(drift.to.as_deref());
    let at = drift.published.as_deref().unwrap_or_default();
    let (day, clock) = (at.get(..10).unwrap_or_default(), at.get(11..16).unwrap_or_default());
    let passes = match &drift.from {
        Some(from) => format!("with {} the same commands pass", as_name(Some(from))),
        None => "without it the same commands pass".to_owned(),
    };
    let mut out = format!("Broken by **{name} {to}** (published {day} {clock} UTC); {passes}.\n\n");
    if !drift.with.is_empty() {
        let with: Vec<String> = drift.with.iter().map(|name| markdown::code(name, 200)).collect();
        out.push_str(&format!("It moves together with {}.\n\n", with.join(", ")));
    }
    out
}

/// Names and versions stand in the text as they are: what is neither is left out.
fn as_name(text: Option<&str>) -> String {
    let is_of_name = |c: &char| c.is_ascii_alphanumeric() || "@/.+-".contains(*c);
    text.unwrap_or_default().chars().filter(is_of_name).take(200).collect()
}

fn headline(report: &RunReport) -> String {
    let (mark, words) = match &report.outcome {
        // The sandbox is green; whether CI is must stand in the first line too.
        Outcome::Healed if ci_doubt(report).is_some() => ("⚠️", "Healed in the sandbox"),
        Outcome::Healed => ("✅", "Healed"),
        Outcome::Patched => ("✅", "Patched"),
        Outcome::Partial { .. } => ("🟡", "Partly healed"),
        Outcome::Drift { .. } => return drift_headline(report),
        Outcome::AlreadyGreen => ("✅", "Already green"),
        Outcome::Diagnosed => ("🔎", "Diagnosed"),
        Outcome::Flaky { .. } => ("🎲", "Flaky"),
        Outcome::NotReproduced { .. } => ("❔", "Not reproduced"),
        Outcome::Environment { .. } => ("🔌", "Environment failure"),
        Outcome::Exhausted { .. } => ("❌", "Not healed"),
        Outcome::BudgetSpent { .. } => ("⏳", "Budget spent"),
        Outcome::Refused { .. } => ("⛔", "Refused"),
        Outcome::Error { .. } => ("💥", "Error"),
        Outcome::Cancelled => ("⏹️", "Cancelled"),
    };
    let count = ends::count(report);
    let ci = match (&report.outcome, &report.ci) {
        (Outcome::Healed, Some(ci)) if ci.verdict == CiVerdict::Passed => ", CI is green".to_owned(),
        (Outcome::Healed, _) => ci_doubt(report).map_or(String::new(), |doubt| format!("; {doubt}")),
        _ => String::new(),
    };
    let mut out = format!("## {mark} {words}{count}{ci}\n\n");

    let is_green = report.outcome == Outcome::AlreadyGreen;
    let mut facts = Vec::new();
    if let Some(step) = view::failing_step(report) {
        facts.push(format!("step {}", markdown::code(step, 100)));
    }
    let run = report.run.as_ref();
    let job = run.and_then(|r| r.job.as_deref()).or_else(|| report.plan.as_ref()?.job.as_deref());
    if let Some(job) = job {
        facts.push(format!("job {}", markdown::code(job, 100)));
    }
    if let Some(reference) = &report.reference {
        let name = reference.strip_prefix("refs/heads/").unwrap_or(reference);
        facts.push(format!("on {}", markdown::code(name, 200)));
    }
    if let Some(sha) = &report.sha {
        facts.push(format!("at `{}`", sha.short()));
    }
    if let Some(url) = run.and_then(|r| r.url.as_deref()) {
        facts.push(markdown::link(if is_green { "the run" } else { "the failed run" }, url));
    }
    if !facts.is_empty() {
        let what = if is_green { "Looked at" } else { "Failed" };
        out.push_str(&format!("{what}: {}\n\n", facts.join(" · ")));
    }
    out
}

/// What keeps a published heal from being called green.
fn ci_doubt(report: &RunReport) -> Option<&'static str> {
    match report.ci.as_ref()?.verdict {
        CiVerdict::Passed | CiVerdict::Skipped { .. } => None,
        CiVerdict::Failed => Some("CI is red"),
        CiVerdict::NoCi { .. } => Some("CI has not run"),
        CiVerdict::AwaitingApproval => Some("CI waits for approval"),
        CiVerdict::TimedOut => Some("CI still runs"),
        CiVerdict::Cancelled => Some("CI was cancelled"),
    }
}

/// What the reader should do now, and why where the verdict has a reason.
fn next_step(report: &RunReport, written: Option<&ReportFiles>) -> String {
    let patch = written.and_then(|w| w.patch_file.as_deref());
    let why = ends::why(report);
    let next = match &report.outcome {
        Outcome::Healed => healed_next(report, patch),
        _ => ends::next(report, patch),
    };
    let mut out = String::new();
    if let Some(why) = why {
        out.push_str(&format!("{why}\n\n"));
    }
    out.push_str(&format!("**Next:** {next}\n\n"));
    for warning in report.warnings.iter().take(20) {
        out.push_str(&format!("- ⚠️ {}\n", markdown::code(warning, 500)));
    }
    if !report.warnings.is_empty() {
        out.push('\n');
    }
    out
}

fn healed_next(report: &RunReport, patch: Option<&str>) -> String {
    let Some(push) = &report.push else {
        return match patch {
            Some(file) => {
                format!("nothing was published; apply {} with `git apply`.", markdown::code(file, 200))
            }
            None => "nothing was published.".to_owned(),
        };
    };
    let branch = markdown::code(push.branch.as_str(), 200);
    let merge = match &push.pull_request {
        Some(pr) => {
            let link = markdown::link(&format!("#{}", pr.number), &pr.url);
            format!("review and merge {link} (branch {branch})")
        }
        None if push.in_place => format!("review what was pushed upon {branch}"),
        None => format!("review and merge the branch {branch}"),
    };
    let merge = match &push.base_moved_to {
        Some(now) => format!(
            "{merge} (the failing branch has moved on to `{}`, which the proof is not of)",
            now.short()
        ),
        None => merge,
    };
    match report.ci.as_ref().map(|ci| (&ci.verdict, &ci.run)) {
        Some((CiVerdict::AwaitingApproval, run)) => {
            let run = run
                .as_ref()
                .map_or("the workflow run".to_owned(), |run| markdown::link("the workflow run", &run.url));
            format!("approve {run} (GitHub holds runs of pull requests made by bots), then {merge}.")
        }
        Some((CiVerdict::NoCi { why, remedy }, _)) => {
            let remedy = remedy
                .as_deref()
                .map_or(String::new(), |r| format!("\n\nTo have it run, {}", ends::remedy_text(r)));
            format!("{merge}. CI has **not** run on it: {}{remedy}", markdown::code(why, 500))
        }
        Some((CiVerdict::Failed, _)) => {
            format!("CI is red on {branch} although the sandbox was green: look there first.")
        }
        Some((CiVerdict::TimedOut, run)) => {
            let run =
                run.as_ref().map_or(String::new(), |run| format!(" ({})", markdown::link("run", &run.url)));
            format!("CI still runs{run}; when it is green, {merge}.")
        }
        _ => format!("{merge}."),
    }
}

fn what_failed(report: &RunReport) -> String {
    let bugs = view::all_bugs(report);
    if bugs.is_empty() {
        return String::new();
    }
    let mut out = String::from("### What failed\n\n| | Kind | Where | What |\n|---|---|---|---|\n");
    for bug in bugs.iter().take(BUG_ROWS) {
        let place = match &bug.file {
            Some(file) => markdown::code(&text::place(file, bug.line, bug.column), 200),
            None => "–".to_owned(),
        };
        let test =
            bug.test.as_deref().map_or(String::new(), |test| format!(" in {}", markdown::code(test, 200)));
        let mark = match view::standing(report, &bug.fingerprint) {
            Standing::Proven => "✅",
            Standing::NotProven => "❔",
            Standing::Open => "❌",
        };
        out.push_str(&format!(
            "| {mark} | {} | {place} | {}{test} |\n",
            text::category(bug.category),
            markdown::code(&text::message(bug), 300),
        ));
    }
    if bugs.len() > BUG_ROWS {
        out.push_str(&format!("\n{} more are in `results.json`.\n", bugs.len() - BUG_ROWS));
    }
    out.push('\n');
    out
}

fn the_fix(report: &RunReport) -> String {
    let kept: Vec<&ProposalReport> = view::kept(report).collect();
    if kept.is_empty() && report.diff.is_empty() {
        return String::new();
    }
    let mut out = String::from("### The fix\n\n");
    for proposal in kept.iter().take(BUG_ROWS) {
        let origin = origin(proposal, !report.has_counter_proof());
        out.push_str(&format!("- {} ({origin})\n", markdown::code(&proposal.offer.fix, 300)));
    }
    if !report.diff.is_empty() {
        out.push_str(&format!("\n{}", markdown::fence(&report.diff, "diff", DIFF_BYTES)));
    }
    out.push('\n');
    out
}

/// Who offered it.
fn origin(proposal: &ProposalReport, lowered: bool) -> String {
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

fn attempts(report: &RunReport, room: usize) -> String {
    let all: Vec<(&Iteration, &ProposalReport)> = report
        .iterations
        .iter()
        .flat_map(|iteration| iteration.proposals.iter().map(move |proposal| (iteration, proposal)))
        .collect();
    if all.is_empty() {
        return String::new();
    }
    const NOTE: usize = 200;
    let mut out = format!("### Attempts ({})\n\n", all.len());
    for (index, (iteration, proposal)) in all.iter().enumerate() {
        let row = attempt(index + 1, iteration, proposal);
        if out.len() + row.len() + NOTE > room {
            out.push_str(&format!("{} more are in `results.json`.\n\n", all.len() - index));
            break;
        }
        out.push_str(&row);
    }
    out
}

fn attempt(number: usize, iteration: &Iteration, proposal: &ProposalReport) -> String {
    let mark = match proposal.verdict {
        ProposalVerdict::Kept => "✅ kept",
        ProposalVerdict::Reverted { .. } => "↩️ reverted",
        ProposalVerdict::Rejected { .. } => "⛔ rejected",
    };
    let mut out = format!(
        "<details><summary>{number}. {mark}: {} ({})</summary>\n\n",
        markdown::html_code(&proposal.offer.fix, 200),
        markdown::html_code(&proposal.offer.provider, 60),
    );
    out.push_str(&format!("- From {}\n", origin(proposal, false)));
    if proposal.offer.usage.tokens() > 0 {
        let cost =
            proposal.offer.usage.cost.map_or(String::new(), |cost| format!(", {}", text::dollars(cost)));
        out.push_str(&format!("- {} tokens{cost}\n", text::number(proposal.offer.usage.tokens())));
    }
    if let Some(command) = &proposal.offer.command {
        out.push_str(&format!("- Command: {}\n", markdown::code(command, 300)));
    }
    let reason = match &proposal.verdict {
        ProposalVerdict::Kept => None,
        ProposalVerdict::Reverted { why, .. } => Some(markdown::code(why, 500)),
        ProposalVerdict::Rejected { rejection } => Some(markdown::code(&text::rejection(rejection), 500)),
    };
    if let Some(reason) = reason {
        out.push_str(&format!("- Why not: {reason}\n"));
    }
    if let (Some(execution), false) =
        (&iteration.execution, matches!(proposal.verdict, ProposalVerdict::Rejected { .. }))
    {
        out.push_str(&format!(
            "- Sandbox: {} after {}\n",
            markdown::code(&text::ending(execution), 300),
            text::duration(execution.duration)
        ));
    }
    if !proposal.diff.is_empty() {
        out.push_str(&format!("\n{}", markdown::fence(&proposal.diff, "diff", ATTEMPT_DIFF_BYTES)));
    }
    out.push_str("\n</details>\n\n");
    out
}

/// What the run used, of what it was allowed.
pub(super) fn cost(report: &RunReport) -> String {
    let budget = &report.budget;
    let of = |limit: Option<String>| limit.map_or(String::new(), |limit| format!(" of {limit}"));
    let mut parts = vec![
        format!("{}{} attempts", budget.attempts.spent, of(budget.attempts.limit.map(|n| n.to_string()))),
        format!("{}{} tokens", text::number(budget.tokens.spent), of(budget.tokens.limit.map(text::number))),
        format!("{}{}", text::dollars(budget.cost.spent), of(budget.cost.limit.map(text::dollars))),
    ];
    if budget.unpriced_calls > 0 {
        let calls = text::count(budget.unpriced_calls as usize, "call", "calls");
        parts.push(format!("{calls} of unknown price"));
    }
    let times = &report.timings;
    let runs = text::count(report.executions as usize, "run", "runs");
    let alone = report.jobs_alone();
    let of_alone = if alone.is_zero() {
        String::new()
    } else {
        let ratio = times.build.as_secs_f64() / alone.as_secs_f64();
        format!(": {ratio:.1} times the failed job's own {}", text::duration(alone))
    };
    format!(
        "### Cost\n\n{} · {} (sandbox {} in {runs}{of_alone}, models {}, CI {}, ci-healer {})\n\n",
        parts.join(" · "),
        text::duration(times.total),
        text::duration(times.build),
        text::duration(times.llm),
        text::duration(times.ci),
        text::duration(times.own)
    )
}

fn footer(report: &RunReport, written: Option<&ReportFiles>) -> String {
    let version = report.versions.get("ci-healer").map_or("", String::as_str);
    let files =
        written.map_or(String::new(), |w| format!(" · {}", markdown::html_code(&w.results_file, 200)));
    format!("<sub>ci-healer {}{files}</sub>\n", markdown::html_code(version, 40))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::outcome::BudgetKind;
    use crate::report::sample;

    #[test]
    fn a_healed_run_reads_from_verdict_to_cost() {
        insta::assert_snapshot!(markdown(&sample::healed(), None));
    }

    #[test]
    fn an_unhealed_run_tells_what_was_learned() {
        let mut report = sample::healed();
        report.outcome = Outcome::Exhausted { why: "no provider has another idea".to_owned() };
        report.iterations.truncate(2);
        (report.final_proof, report.push, report.ci) = (None, None, None);
        report.commits.clear();
        report.warnings = vec!["gemini: no key, skipped".to_owned()];
        insta::assert_snapshot!(markdown(&report, None));
    }

    #[test]
    fn what_was_not_run_here_is_said_first() {
        let mut report = sample::healed();
        let passed =
            crate::contract::build::SkippedStep::new("Database", "it needs <a> `Docker`; in CI it passed");
        report.plan.as_mut().unwrap().passed_over.push(passed);
        let text = markdown(&report, None);
        let (said, next) = (text.find("Not run here:").unwrap(), text.find("**").unwrap());
        assert!(said < next, "{text}");
        assert!(text.contains("- `Database`: ``it needs <a> `Docker`; in CI it passed``"), "{text}");
        assert!(!markdown(&sample::healed(), None).contains("Not run here"));
    }

    #[test]
    fn a_silent_ci_shows_what_to_change() {
        let mut report = sample::healed();
        report.ci.as_mut().unwrap().verdict = CiVerdict::NoCi {
            why: "the push was made with the job's own token, which starts no workflow run".to_owned(),
            remedy: Some("on:\n  workflow_dispatch:\npermissions:\n  actions: write\n".to_owned()),
        };
        insta::assert_snapshot!(markdown(&report, None));
    }

    #[test]
    fn a_hostile_run_stays_readable() {
        let mut report = sample::healed();
        let text = "a `b` | **c** <img src=x> @octocat #1\n# heading ]( \u{202e}</details>```";
        sample::hostile(&mut report, text);
        insta::assert_snapshot!(markdown(&report, None));
    }

    #[test]
    fn every_outcome_says_what_to_do_next() {
        let outcomes = [
            Outcome::AlreadyGreen,
            Outcome::Flaky { failed: 1, runs: 3 },
            Outcome::NotReproduced { runs: 3 },
            Outcome::Environment { why: "no network".to_owned() },
            Outcome::Exhausted { why: "no idea left".to_owned() },
            Outcome::BudgetSpent { which: BudgetKind::Tokens },
            Outcome::Refused { why: "fork".to_owned(), remedy: Some("a:\n  b: c\n".to_owned()) },
            Outcome::Error { what: "docker went away".to_owned() },
            Outcome::Diagnosed,
            Outcome::Patched,
            Outcome::Cancelled,
        ];
        for outcome in outcomes {
            let mut report = RunReport::begun("heal");
            report.outcome = outcome.clone();
            let text = markdown(&report, None);
            let next = text.split("**Next:** ").nth(1).unwrap_or_default();
            assert!(next.trim().len() > 10, "{outcome:?}: {text}");
            assert!(!text.contains("fixed and proven"), "{outcome:?} claims a fix: {text}");
        }
    }

    #[test]
    fn a_silent_ci_is_never_called_a_success() {
        let mut report = sample::healed();
        report.ci.as_mut().unwrap().verdict = CiVerdict::NoCi {
            why: "pushed with the job's token".to_owned(),
            remedy: Some("a: b\nc: d".to_owned()),
        };
        let text = markdown(&report, None);
        assert!(text.contains("CI has **not** run on it: `pushed with the job's token`"), "{text}");
        assert!(text.contains("no run started") && text.contains("```yaml\na: b\nc: d\n```"), "{text}");
    }

    #[test]
    fn huge_runs_stay_below_the_limit() {
        let mut report = sample::healed();
        sample::hostile(&mut report, &"`é<@\n".repeat(5_000));
        let baseline = report.baseline.as_mut().unwrap();
        baseline.bugs = (0..200)
            .map(|line| {
                let mut bug = baseline.bugs[0].clone();
                bug.fingerprint = sample::bug("a", line).fingerprint;
                bug
            })
            .collect();
        let one = report.iterations[1].clone();
        report.iterations = vec![one; 100];
        let text = markdown(&report, None);
        assert!(text.len() < 1_048_576, "{}", text.len());
        assert!(text.contains("more are in `results.json`") && text.contains("### Cost"));
    }

    /// What is left of Markdown when code spans, fenced blocks and escaped HTML are taken out: ours alone.
    fn outside_code(markdown: &str) -> String {
        let mut out = String::new();
        let mut fence: Option<String> = None;
        for line in markdown.lines() {
            let ticks: String = line.chars().take_while(|&c| c == '`').collect();
            match &fence {
                Some(open) => {
                    if line == open {
                        fence = None;
                    }
                    continue;
                }
                None if ticks.len() >= 3 && !line[ticks.len()..].contains('`') => {
                    fence = Some(ticks);
                    continue;
                }
                None => {}
            }
            let mut rest = line;
            while let Some(start) = rest.find('`') {
                out.push_str(&rest[..start]);
                let run: String = rest[start..].chars().take_while(|&c| c == '`').collect();
                let after = &rest[start + run.len()..];
                let mut end = None;
                let mut at = 0;
                while let Some(next) = after[at..].find('`') {
                    let len = after[at + next..].chars().take_while(|&c| c == '`').count();
                    if len == run.len() {
                        end = Some(at + next + len);
                        break;
                    }
                    at += next + len;
                }
                rest = &after[end.unwrap_or_else(|| panic!("an open code span in {line:?}"))..];
            }
            out.push_str(rest);
            out.push('\n');
        }
        assert!(fence.is_none(), "an open fence");
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn foreign_text_never_leaves_its_code(noise in "(`|~|\\||<|>|@|\n|\r|#|\\*|_|\\[|\\]|!|::|\u{202e}|\\\\| |-){0,30}") {
            let evil = format!("{noise}EVIL@evil<img src=EVIL>[EVIL](EVIL)\n# EVIL\n</details>EVIL{noise}");
            let mut report = sample::healed();
            sample::hostile(&mut report, &evil);
            let body = markdown(&report, None);
            let left = outside_code(&body);
            // In raw HTML it may stand, as entities.
            for line in left.lines().filter(|line| line.contains("EVIL")) {
                prop_assert!(line.starts_with("<details><summary>") || line.starts_with("<sub>"), "{line:?}");
                prop_assert!(!line.contains("<img") && !line.contains("@evil") && !line.contains("EVIL]"), "{line:?}");
            }
            prop_assert_eq!(left.matches("</details>").count(), left.matches("<details>").count());
        }
    }
}
