//! All ends: what each says of its cause, and the one thing it advises.

use super::*;
use crate::contract::bug::Fingerprint;
use crate::contract::ci::CiVerdict;
use crate::contract::report::{Iteration, ModelServers, Progress};
use crate::report::{annotations, commands::Level, sample, summary};

/// A run whose baseline is red with two bugs, and nothing offered yet.
fn red(outcome: Outcome) -> RunReport {
    let mut report = sample::healed();
    report.outcome = outcome;
    report.iterations.clear();
    report.commits.clear();
    report.diff.clear();
    (report.final_proof, report.push, report.ci) = (None, None, None);
    report.budget.attempts.limit = Some(5);
    report.budget.time.limit = Some(1800.0);
    report.budget.tokens.limit = Some(200_000);
    report.budget.cost.limit = Some(1.0);
    report.budget.pushes.limit = Some(5);
    report
}

fn exhausted(why: &str) -> RunReport {
    red(Outcome::Exhausted { why: why.to_owned() })
}

fn offered(mut report: RunReport, provider: &str, verdicts: Vec<ProposalVerdict>) -> RunReport {
    let proposals = verdicts.into_iter().map(|verdict| sample::proposal(provider, verdict)).collect();
    report.iterations.push(Iteration { number: 1, proposals, ..Iteration::default() });
    report
}

fn servers(mut report: RunReport, ready: &[&str], without_key: &[&str]) -> RunReport {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let (ready, without_key) = (names(ready), names(without_key));
    report.model_servers = Some(ModelServers { ready, without_key, replaced: Vec::new() });
    report
}

fn rejected(rejection: Rejection) -> ProposalVerdict {
    ProposalVerdict::Rejected { rejection }
}

fn test_edit() -> ProposalVerdict {
    rejected(Rejection::TestEdit { path: "tests/test_a.py".to_owned() })
}

fn in_vain() -> ProposalVerdict {
    ProposalVerdict::Reverted { why: "2 new failures".to_owned(), rejection: None }
}

/// A fix that removed both bugs was kept, and no proof came to stand.
fn kept(report: RunReport) -> RunReport {
    let mut report = offered(report, "gemini", vec![ProposalVerdict::Kept]);
    let fixed: Vec<Fingerprint> = report.bugs().iter().map(|bug| bug.fingerprint.clone()).collect();
    report.iterations[0].progress = Some(Progress { made: true, fixed, ..Progress::default() });
    report
}

fn ended_as(exit: Exit) -> RunReport {
    let mut report = red(Outcome::Environment { why: "so it is".to_owned() });
    report.baseline.as_mut().unwrap().execution.exit = exit;
    report
}

/// The failing step misses a secret.
fn missing_secret(mut report: RunReport) -> RunReport {
    for step in &mut report.plan.as_mut().unwrap().steps {
        step.missing_secrets.insert("KEY".to_owned(), Default::default());
    }
    report
}

fn lacking_tool() -> RunReport {
    let mut report = ended_as(Exit::Exited { code: 127 });
    let note = format!("our image x lacks `yq`, {ONLY_HOSTED}: install it");
    report.baseline.as_mut().unwrap().execution.notes.push(note);
    report
}

fn early(outcome: Outcome) -> RunReport {
    let mut report = red(outcome);
    (report.plan, report.baseline) = (None, None);
    report
}

fn spent(which: BudgetKind) -> RunReport {
    red(Outcome::BudgetSpent { which })
}

fn refused(remedy: Option<&str>) -> Outcome {
    Outcome::Refused { why: "no right".to_owned(), remedy: remedy.map(str::to_owned) }
}

const NO_MODEL: &str = "the tools state no fix, and no model server has a key";
const IN_VAIN: &str = "no proposal made the build better";

/// What it is, the sentence, the cause in Markdown, and what to do.
type Row = (&'static str, RunReport, &'static str, &'static str, &'static str);

#[expect(clippy::too_many_lines, reason = "one row per end")]
fn ends_without_a_search() -> Vec<Row> {
    let nothing_named = || {
        let mut report = exhausted("the log names no failure in the code");
        report.baseline.as_mut().unwrap().bugs.clear();
        report
    };
    let with_push = |mut report: RunReport| {
        report.push = sample::healed().push;
        report
    };
    let proven = |mut report: RunReport| {
        report.final_proof = sample::healed().final_proof;
        report
    };
    let environment = |exit| ended_as(exit);
    vec![
        (
            "already green, as GitHub says",
            early(Outcome::AlreadyGreen),
            "already green: nothing failed",
            "",
            "nothing to do: GitHub says that nothing failed in this run.",
        ),
        (
            "already green, as the sandbox says",
            red(Outcome::AlreadyGreen),
            "already green: nothing failed",
            "",
            "nothing to do: every step succeeded.",
        ),
        ("diagnosed", red(Outcome::Diagnosed), "diagnosed", "", "fix what is listed below."),
        (
            "diagnosed, nothing found",
            early(Outcome::Diagnosed),
            "diagnosed",
            "",
            "read the log of the failed step: it names no failure in the code.",
        ),
        (
            "patched",
            red(Outcome::Patched),
            "patched: a proven patch is ready to be published",
            "",
            "publish the proven patch (`fix.patch`) with a `mode: publish` job, or apply it by hand.",
        ),
        (
            "flaky",
            red(Outcome::Flaky { failed: 1, runs: 3 }),
            "flaky: the unchanged code failed 1 of 3 times",
            "The unchanged code failed 1 of 3 times.",
            "run the failed job again (`rerun-flaky: true` does so by itself); the tests below want a fix that no log can give.",
        ),
        (
            "not reproduced",
            early(Outcome::NotReproduced { runs: 2 }),
            "not reproduced: CI is red, the sandbox was green 2 of 2 times",
            "The unchanged code was green 2 of 2 times in the sandbox.",
            "run the failed job again: the failure does not repeat here and may be flaky (`rerun-flaky: true` does so by itself). If it stays red, CI differs from the sandbox: see `ci-healer plan`, or name the failing command with `command`.",
        ),
        (
            "a secret is missing",
            missing_secret(red(Outcome::Environment {
                why: format!("{MISSING_SECRET}secrets.KEY, which `Test` fails for"),
            })),
            "environment: not the code's failure: not passed on: secrets.KEY, which `Test` fails for",
            "``not passed on: secrets.KEY, which `Test` fails for``",
            "pass it on; no change of the code would help, so none was tried.\n\n```yaml\nwith:\n  sandbox-env: |\n    KEY=${{ secrets.KEY }}\n```\n",
        ),
        (
            "a tool that only hosted runners have",
            lacking_tool(),
            "environment: not the code's failure: so it is",
            "`so it is`",
            "``our image x lacks `yq`, which GitHub's hosted runners have: install it``. No change of the code would help, so none was tried.",
        ),
        (
            "environment",
            environment(Exit::Exited { code: 1 }),
            "environment: not the code's failure: so it is",
            "`so it is`",
            "fix the environment, then run the job again. No change of the code would help, so none was tried.",
        ),
        (
            "a build that never ends",
            environment(Exit::TimedOut { after_seconds: 9 }),
            "environment: not the code's failure: so it is",
            "`so it is`",
            "raise `sandbox-timeout`, if the build is to take that long.",
        ),
        (
            "a build that takes all memory",
            environment(Exit::OutOfMemory { limit_bytes: 9 }),
            "environment: not the code's failure: so it is",
            "`so it is`",
            "raise `sandbox-memory`, if the build is to need that much.",
        ),
        (
            "CI's environment",
            with_push(environment(Exit::Exited { code: 1 })),
            "environment: not the code's failure: so it is",
            "`so it is`",
            "look at the run of CI on the heal branch: what fails there lies outside the code.",
        ),
        ("refused", early(refused(None)), "refused: no right", "`no right`", "nothing was run or changed."),
        (
            "refused, with a remedy",
            early(refused(Some("ask for it"))),
            "refused: no right",
            "`no right`",
            "`ask for it`",
        ),
        (
            "refused after the baseline",
            red(refused(None)),
            "refused: no right",
            "`no right`",
            "nothing was published.",
        ),
        (
            "refused with a proven fix",
            proven(red(refused(None))),
            "refused: no right",
            "`no right`",
            "the proven fix was not published; it is in `fix.patch`.",
        ),
        (
            "error",
            early(Outcome::Error { what: "docker went away".to_owned() }),
            "error: docker went away",
            "`docker went away`",
            "run the job again; if it happens twice, report it with `results.json`. Nothing was published.",
        ),
        ("cancelled", red(Outcome::Cancelled), "cancelled", "", "run the job again. Nothing was published."),
        (
            "cancelled while CI is watched",
            with_push(red(Outcome::Cancelled)),
            "cancelled",
            "",
            "run the job again. What was published stands on `heal/main-aaaaaaa`.",
        ),
        (
            "nothing named",
            nothing_named(),
            "not healed: the log names no failure in the code",
            "The log names no failure in the code.",
            "read the log of the failed step; where another command says more, name it with `command`.",
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "one row per end")]
fn ends_of_a_search() -> Vec<Row> {
    let unready = |report| servers(report, &[], &["gemini", "groq"]);
    let ready = |report| servers(report, &["gemini"], &["groq"]);
    let by_hand = "read the attempts below; what they learned may help whoever fixes it by hand.";
    let a_key = "let a model try: give a key with `gemini-api-key` (or `groq-api-key`, or `openai-api-key`).";
    let too_many = || rejected(Rejection::TooManyFiles { changed: 9, maximum: 5 });
    let opened =
        |input: &str| format!("look at what was offered below; if it is right, {input} lets it through.");
    let opened = |input: &str| -> &'static str { Box::leak(opened(input).into_boxed_str()) };
    vec![
        (
            "no idea, and no key",
            unready(exhausted(NO_MODEL)),
            "not healed: the tools state no fix, and there is no model to ask",
            "The tools state no fix, and there is no model to ask.",
            a_key,
        ),
        (
            "no idea, and no model named",
            servers(exhausted(NO_MODEL), &[], &[]),
            "not healed: the tools state no fix, and there is no model to ask",
            "The tools state no fix, and there is no model to ask.",
            "let a model try: name one in `providers`, and give its key.",
        ),
        (
            "the tools' fix was turned down for its size",
            unready(offered(exhausted(NO_MODEL), "toolchain", vec![too_many()])),
            "not healed: the fix that the tools state was turned down: changes 9 files, at most 5 are allowed",
            "The fix that the tools state was turned down: `changes 9 files, at most 5 are allowed`",
            opened("a higher `max-changed-files`"),
        ),
        (
            "the tools' fix did nothing",
            unready(offered(exhausted(NO_MODEL), "toolchain", vec![in_vain()])),
            "not healed: no fix made the build better; the last one was taken back: 2 new failures",
            "No fix made the build better; the last one was taken back: `2 new failures`",
            a_key,
        ),
        (
            "a model's fixes did nothing",
            ready(offered(exhausted(IN_VAIN), "gemini", vec![in_vain(), in_vain()])),
            "not healed: no fix made the build better; the last one was taken back: 2 new failures",
            "No fix made the build better; the last one was taken back: `2 new failures`",
            by_hand,
        ),
        (
            "a model's fixes edit tests",
            ready(offered(exhausted(IN_VAIN), "gemini", vec![test_edit(), in_vain(), test_edit()])),
            "not healed: what was offered was turned down: changes the test file tests/test_a.py, which needs `allow-test-edits`",
            "What was offered was turned down: `` changes the test file tests/test_a.py, which needs `allow-test-edits` ``",
            opened("`allow-test-edits: true`"),
        ),
        (
            "nothing named, a secret is missing",
            missing_secret({
                let mut report = exhausted("the log names no failure in the code");
                report.baseline.as_mut().unwrap().bugs.clear();
                report
            }),
            "not healed: the log names no failure in the code",
            "The log names no failure in the code.",
            "read the log of the failed step; if it fails for a secret that is not passed on, pass it on.\n\n```yaml\nwith:\n  sandbox-env: |\n    KEY=${{ secrets.KEY }}\n```\n",
        ),
        (
            "a model was not sure",
            ready(offered(
                exhausted(IN_VAIN),
                "gemini",
                vec![rejected(Rejection::LowConfidence { confidence: 0.3, minimum: 0.5 })],
            )),
            "not healed: what was offered was turned down: confidence 0.30 is below the minimum of 0.50",
            "What was offered was turned down: `confidence 0.30 is below the minimum of 0.50`",
            opened("a lower `min-confidence`"),
        ),
        (
            "a model's fix is too long",
            ready(offered(
                exhausted(IN_VAIN),
                "gemini",
                vec![rejected(Rejection::TooManyLines { changed: 300, maximum: 200 })],
            )),
            "not healed: what was offered was turned down: changes 300 lines, at most 200 are allowed",
            "What was offered was turned down: `changes 300 lines, at most 200 are allowed`",
            opened("a higher `max-changed-lines`"),
        ),
        (
            "a model cheats",
            ready(offered(
                exhausted(IN_VAIN),
                "gemini",
                vec![rejected(Rejection::Path { path: ".github/x".to_owned(), why: "it is CI".to_owned() })],
            )),
            "not healed: what was offered was turned down: may not change .github/x: it is CI",
            "What was offered was turned down: `may not change .github/x: it is CI`",
            by_hand,
        ),
        (
            "a model says nothing",
            ready(exhausted(IN_VAIN)),
            "not healed: no proposal made the build better",
            "`no proposal made the build better`",
            "fix it by hand; nothing was tried.",
        ),
        (
            "no model answers",
            ready(exhausted("gemini: the key is not valid")),
            "not healed: gemini: the key is not valid",
            "`gemini: the key is not valid`",
            "fix it by hand; nothing was tried.",
        ),
        (
            "CI's failure breaks the proof",
            ready(kept(exhausted("what CI shows could not be fixed without breaking the proof"))),
            "not healed: what CI shows could not be fixed without breaking the proof",
            "`what CI shows could not be fixed without breaking the proof`",
            by_hand,
        ),
        (
            "all attempts are used, some were kept",
            ready(kept(spent(BudgetKind::Attempts))),
            "not healed: all 5 attempts are used",
            "All 5 attempts are used.",
            "raise `max-attempts` (now 5).",
        ),
        (
            "all attempts were in vain",
            ready(offered(spent(BudgetKind::Attempts), "gemini", vec![in_vain(); 5])),
            "not healed: all 5 attempts are used",
            "All 5 attempts are used. No fix made the build better; the last one was taken back: `2 new failures`",
            by_hand,
        ),
        (
            "all attempts edit tests",
            ready(offered(spent(BudgetKind::Attempts), "gemini", vec![test_edit(); 5])),
            "not healed: all 5 attempts are used",
            "All 5 attempts are used. What was offered was turned down: `` changes the test file tests/test_a.py, which needs `allow-test-edits` ``",
            opened("`allow-test-edits: true`"),
        ),
        (
            "all attempts of the tools alone",
            unready(offered(spent(BudgetKind::Attempts), "toolchain", vec![in_vain(); 5])),
            "not healed: all 5 attempts are used",
            "All 5 attempts are used. No fix made the build better; the last one was taken back: `2 new failures`",
            a_key,
        ),
        (
            "no time for anything",
            early(Outcome::BudgetSpent { which: BudgetKind::Time }),
            "not healed: the time was over before the failing commit had been run once",
            "The time was over before the failing commit had been run once.",
            "raise `time-budget` (now 1800 s).",
        ),
        (
            "the time is over",
            kept(spent(BudgetKind::Time)),
            "not healed: the time budget is spent",
            "The time budget is spent.",
            "raise `time-budget` (now 1800 s).",
        ),
        (
            "the tokens are spent",
            spent(BudgetKind::Tokens),
            "not healed: the token budget is spent",
            "The token budget is spent.",
            "raise `token-budget` (now 200,000).",
        ),
        (
            "the money is spent",
            spent(BudgetKind::Cost),
            "not healed: the cost budget is spent",
            "The cost budget is spent.",
            "raise `cost-budget` (now $1.00).",
        ),
        (
            "CI stays red",
            kept(spent(BudgetKind::Pushes)),
            "not healed: CI was red on every heal that was pushed (5 in all)",
            "CI was red on every heal that was pushed (5 in all).",
            "look at the run of CI on the heal branch: it is red where the sandbox is green, and pushing more often would not change that.",
        ),
    ]
}

#[test]
fn every_end_says_its_cause_and_what_would_change_it() {
    for (what, report, says, cause, advice) in ends_without_a_search().into_iter().chain(ends_of_a_search()) {
        assert_eq!(sentence(&report), says, "{what}");
        assert_eq!(why(&report).unwrap_or_default(), cause, "{what}");
        assert_eq!(next(&report, Some("fix.patch")), advice, "{what}");
    }
}

/// The verdict: the first line of the callout that the summary begins with.
fn headline(report: &RunReport) -> String {
    let text = summary::markdown(report, None);
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("> [!"), "{text}");
    lines.next().unwrap().to_owned()
}

#[test]
fn only_what_is_proven_is_called_fixed() {
    for (what, report, ..) in ends_without_a_search().into_iter().chain(ends_of_a_search()) {
        let all = annotations::for_run(&report);
        let heals = all.iter().filter(|a| a.title.starts_with("healed:")).count();
        let text = summary::markdown(&report, None);
        let headline = headline(&report);
        if report.outcome == Outcome::Patched {
            assert_eq!(heals, 2, "{what}");
            assert!(headline.ends_with("2 bugs fixed and proven"), "{headline}");
            continue;
        }
        assert_eq!(heals, 0, "{what}");
        assert!(!headline.contains("fixed"), "{what}: {headline}");
        assert!(!text.contains("### ✅"), "{what}: {text}");
    }
    assert_eq!(
        headline(&kept(spent(BudgetKind::Time))),
        "> ## ⏳ Budget spent: 2 bugs found; fixes that are not proven remove 2"
    );
    let mut healed = sample::healed();
    healed.ci.as_mut().unwrap().verdict = CiVerdict::Failed;
    assert!(annotations::for_run(&healed).iter().all(|a| a.level == Level::Notice), "it is proven here");
}

/// All of them as people see them, to be read, and to be looked at as pictures.
#[test]
fn every_end_reads_as_recorded() {
    let files = crate::report::results::files(".ci-healer", true, false);
    let mut all = String::new();
    for (what, report, ..) in ends_without_a_search().into_iter().chain(ends_of_a_search()) {
        let text = summary::markdown(&report, Some(&files));
        // What follows the proof is the same in all of them.
        let end = text.find("<details>").or_else(|| text.find("**Cost:**")).unwrap_or(text.len());
        all.push_str(&format!("# {what}\n\n{}\n", &text[..end]));
    }
    insta::assert_snapshot!(all);
}

/// Where the record tells a cause better than these words do, it stands in their place: they must be what is said.
#[test]
fn the_generic_words_are_those_of_the_loop() {
    let transition = include_str!("../../orchestrator/transition.rs");
    for words in GENERIC {
        assert!(transition.contains(&format!("\"{words}\"")), "{words}");
    }
}

#[test]
fn every_kind_of_rule_has_its_words() {
    let words = || "x".to_owned();
    for rejection in [
        Rejection::NoChange,
        Rejection::LowConfidence { confidence: 0.1, minimum: 0.5 },
        Rejection::TooManyLines { changed: 2, maximum: 1 },
        Rejection::TooManyFiles { changed: 2, maximum: 1 },
        Rejection::Path { path: words(), why: words() },
        Rejection::OutsideWindow { path: words(), line: 1 },
        Rejection::NeedsContext { needs: Vec::new() },
        Rejection::NotApplicable { path: words(), why: words() },
        Rejection::Repeated { patch: words() },
        Rejection::TestWeakening { path: words(), rule: words(), line: None, what: words() },
        Rejection::TestEdit { path: words() },
        Rejection::Content { path: words(), why: words() },
        Rejection::JudgeDisarmed { why: words() },
        Rejection::Overfitted { why: words() },
        Rejection::NoCounterProof { why: words() },
    ] {
        let kind = rejection.as_str();
        assert_eq!(serde_json::to_value(&rejection).unwrap()["kind"], kind);
        assert_ne!(kind_of(kind), "another rule", "{kind}");
    }
}
