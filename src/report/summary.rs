//! The job summary: what people read first.
//!
//! In the order in which it is read: verdict and next step, the diff, each bug before and after, the proof in a line
//! (the table behind it collapsed), what was not kept, the cost, warnings. GitHub drops a summary of more than 1 MiB as a
//! whole, so the parts are bounded and what no longer fits is counted instead.

use crate::contract::ci::CiVerdict;
use crate::contract::outcome::Outcome;
use crate::contract::report::{ReportFiles, RunReport};

use super::markdown::Callout;
use super::{bug_list, changes, ends, markdown, not_kept, old_failures, proof_table, text, view};

/// Below GitHub's 1,048,576 with room for what masking may add.
const LIMIT: usize = 1_000_000;
const DIFF_BYTES: usize = 120_000;
const BUG_ROWS: usize = 50;
const WARNINGS: usize = 20;

/// The whole summary as Markdown, always below GitHub's limit.
#[must_use]
pub fn markdown(report: &RunReport, written: Option<&ReportFiles>) -> String {
    let mut out = callout(report, written);
    out.push_str(&where_it_failed(report));
    out.push_str(&the_diff(report));
    out.push_str(&bug_list::markdown(report, BUG_ROWS));
    out.push_str(&changes::markdown(report));
    out.push_str(&old_failures::markdown(report));
    out.push_str(&proof_table::markdown(report));
    let tail = format!("{}{}{}", cost(report), warnings(report), footer(report, written));
    out.push_str(&not_kept::markdown(report, LIMIT.saturating_sub(out.len() + tail.len())));
    out.push_str(&tail);
    out
}

/// What people read in five seconds: the verdict, what it does not cover, and one action. What is to be pasted stands
/// behind the box, where it can be copied as it is.
pub(super) fn callout(report: &RunReport, written: Option<&ReportFiles>) -> String {
    let patch = written.and_then(|w| w.patch_file.as_deref());
    let next = match &report.outcome {
        Outcome::Healed => healed_next(report, patch),
        _ => ends::next(report, patch),
    };
    let (next, paste) = next.split_once("\n\n").unwrap_or((&next, ""));
    let mut inside = vec![headline(report)];
    inside.extend(Some(passed_over(report)).filter(|said| !said.is_empty()));
    inside.extend(ends::why(report));
    inside.push(format!("**Next:** {next}"));
    inside.extend(half_healed(report, patch));
    let mut out = markdown::callout(kind(report), &inside.join("\n\n"));
    if !paste.is_empty() {
        out.push_str(&format!("{}\n\n", paste.trim_end()));
    }
    out
}

/// How loud the callout is.
fn kind(report: &RunReport) -> Callout {
    match &report.outcome {
        Outcome::Healed if ci_doubt(report).is_some() => Callout::Warning,
        Outcome::Healed | Outcome::Patched | Outcome::AlreadyGreen => Callout::Tip,
        Outcome::Partial { .. }
        | Outcome::Drift { .. }
        | Outcome::Flaky { .. }
        | Outcome::NotReproduced { .. }
        | Outcome::BudgetSpent { .. } => Callout::Warning,
        Outcome::Diagnosed | Outcome::Environment { .. } | Outcome::Cancelled => Callout::Note,
        Outcome::Exhausted { .. } | Outcome::Refused { .. } | Outcome::Error { .. } => Callout::Caution,
    }
}

/// Where a run without a verdict of its own left what it has.
fn half_healed(report: &RunReport, patch: Option<&str>) -> Option<String> {
    let is_said = view::is_proven(&report.outcome)
        || matches!(report.outcome, Outcome::Partial { .. } | Outcome::Drift { .. })
        || report.final_proof.is_some();
    let file = patch.filter(|_| !is_said && report.push.is_none() && !report.diff.is_empty())?;
    let take = markdown::code(&format!("git apply {file}"), 200);
    Some(format!("What was kept is not proven; it is in {} ({take}).", markdown::code(file, 200)))
}

/// Said before all else: everything below holds without these steps.
fn passed_over(report: &RunReport) -> String {
    let steps = report.plan.as_ref().map_or(&[][..], |plan| &plan.passed_over);
    let lines = steps
        .iter()
        .map(|s| format!("\n- {}: {}", markdown::code(&s.step, 100), markdown::code(&s.why, 300)));
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("Not run here:\n{lines}") }
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
    let mut out = format!("Broken by **{name} {to}** (published {day} {clock} UTC); {passes}.");
    if !drift.with.is_empty() {
        let with: Vec<String> = drift.with.iter().map(|name| markdown::code(name, 200)).collect();
        out.push_str(&format!(" It moves together with {}.", with.join(", ")));
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
    format!("## {mark} {words}{count}{ci}")
}

/// Step, job, branch, commit and run, in a line.
fn where_it_failed(report: &RunReport) -> String {
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
    if facts.is_empty() {
        return String::new();
    }
    let what = if is_green { "Looked at" } else { "Failed" };
    format!("{what}: {}\n\n", facts.join(" · "))
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
        None if let Some(suggested) = push.suggested => {
            let them = if suggested.count == 1 { "the suggestion" } else { "the suggestions" };
            format!("take {them} in #{}, or merge the branch {branch}", suggested.pull_request)
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

/// All that is kept.
fn the_diff(report: &RunReport) -> String {
    if report.diff.is_empty() {
        return String::new();
    }
    let is_part = matches!(report.outcome, Outcome::Partial { .. });
    let heading = if matches!(report.outcome, Outcome::Drift { .. }) {
        "With this the same commands pass:\n\n"
    } else if view::is_proven(&report.outcome) || is_part || report.final_proof.is_some() {
        ""
    } else {
        "What was kept, **not proven**:\n\n"
    };
    format!("{heading}{}\n", markdown::fence(&report.diff, "diff", DIFF_BYTES))
}

/// What the user should know although it did not decide the run.
fn warnings(report: &RunReport) -> String {
    let mut out = String::new();
    for warning in report.warnings.iter().take(WARNINGS) {
        out.push_str(&format!("- ⚠️ {}\n", markdown::code(warning, 500)));
    }
    if report.warnings.len() > WARNINGS {
        out.push_str(&format!("- {} more are in `results.json`\n", report.warnings.len() - WARNINGS));
    }
    if out.is_empty() { out } else { format!("{out}\n") }
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
        "**Cost:** {} · {} (sandbox {} in {runs}{of_alone}, models {}, CI {}, ci-healer {})\n\n",
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
        assert!(text.contains("more are in `results.json`") && text.contains("**Cost:**"));
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
