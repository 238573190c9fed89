mod counter_proof;
mod legs;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::contract::bug::{Diagnosis, FinalWord, TestRun};
use crate::contract::build::RepeatedStep;
use crate::contract::fix::{ContextNeed, Edit, RevertedHunk, Usage};
use crate::contract::git::{BranchName, CommitSha, RepoPath};
use crate::contract::settings::{CounterProofRule, OnPartial};
use crate::contract::verdict::{DisagreeingSource, Disagreement};
use crate::orchestrator::budget::Budget;
use crate::orchestrator::evidence::StepEvidence;
use crate::orchestrator::progress::{Failure, Observation};
use crate::orchestrator::publisher::{PushedRevision, RootCause};
use crate::orchestrator::state::{AppliedProposal, Rules};
use crate::orchestrator::step_said::StepSaid;

fn rules() -> Rules {
    Rules {
        only_first_red: false,
        legs: 1,
        max_attempts: 5,
        flaky_runs: 2,
        sources: vec![FixSource::ToolSuggestions, FixSource::Model, FixSource::Pin, FixSource::History],
        goal: Goal::Publish { watch: true },
        on_partial: OnPartial::Patch,
        counter_proof: CounterProofRule::Off,
        only_diagnosed: BTreeSet::new(),
        diagnose_only: None,
        ci_known_red: true,
        budget: Budget::new(1000, None),
    }
}

fn seen(end: RunStatus, failures: &[(&str, Category)]) -> Arc<Evidence> {
    let observation = Observation {
        failing_step: match end {
            RunStatus::Red | RunStatus::Disputed { .. } => Some(0),
            RunStatus::Unreproducible { .. } => Some(1),
            _ => None,
        },
        end,
        failures: failures
            .iter()
            .map(|(name, category)| {
                let failure = Failure {
                    tool: String::new(),
                    category: *category,
                    file: Some(format!("{name}.rs")),
                    line: Some(1),
                    test: None,
                };
                (Fingerprint((*name).to_owned()), failure)
            })
            .collect(),
        tests: Vec::new(),
    };
    Arc::new(Evidence::of_nothing(observation, Diagnosis::default()))
}

/// The same, where the run ended in that step.
fn at_step(seen: &Evidence, step: usize) -> Arc<Evidence> {
    let failing_step = seen.observation.failing_step.map(|_| step);
    let observation = Observation { failing_step, ..seen.observation.clone() };
    Arc::new(Evidence::of_nothing(observation, Diagnosis::default()))
}

/// What a step shows in a run that went on whatever failed.
fn showing(step: usize, succeeded: bool, failures: &[&str]) -> Arc<Evidence> {
    let failures = failures.iter().map(|name| Fingerprint((*name).to_owned())).collect();
    let evidence = StepEvidence { succeeded, failed: !succeeded, failures };
    let observation = seen(RunStatus::Green, &[]).observation.clone();
    let steps = BTreeMap::from([(step, evidence)]);
    Arc::new(Evidence::of_nothing(observation, Diagnosis::default()).with_steps(steps))
}

/// A run of the unchanged code that went on behind its failing step.
fn uncovered(step: usize, succeeded: bool, failures: &[&str]) -> LoopEvent {
    LoopEvent::Ran(showing(step, succeeded, failures))
}

fn last_green(step: usize, succeeded: bool, failures: &[&str]) -> LoopEvent {
    let commit = CommitSha::new(&"9".repeat(40)).unwrap();
    LoopEvent::LastGreenSaid { commit, seen: showing(step, succeeded, failures) }
}

fn run(purpose: Purpose) -> Action {
    Action::Run { purpose, leg: 0 }
}

fn red(failures: &[(&str, Category)]) -> LoopEvent {
    LoopEvent::Ran(seen(RunStatus::Red, failures))
}

fn green() -> LoopEvent {
    LoopEvent::Ran(seen(RunStatus::Green, &[]))
}

fn disputed_status() -> RunStatus {
    let source = DisagreeingSource::Summary { runner: "pytest".to_owned(), failed: 1 };
    RunStatus::Disputed { by: Disagreement { step: 0, source } }
}

/// Exit code 0, and the runner's own summary speaks against it.
fn disputed() -> LoopEvent {
    LoopEvent::Ran(seen(disputed_status(), &[]))
}

fn broken() -> LoopEvent {
    LoopEvent::Ran(seen(RunStatus::Infrastructure { what: "gone".to_owned() }, &[]))
}

fn answered(answer: Answer) -> LoopEvent {
    LoopEvent::Answered { usage: Usage::default(), answer }
}

fn proposal() -> FixProposal {
    FixProposal {
        provider: "toolchain".to_owned(),
        model: None,
        bugs: Vec::new(),
        context_level: 0,
        confidence: 1.0,
        reason: "a fix".to_owned(),
        edits: Vec::new(),
        command: None,
        window: Vec::new(),
        reverts: None,
        usage: Usage::default(),
    }
}

fn applied_with(protected: bool) -> LoopEvent {
    let (proposal, changes, touched, tested_by) = (proposal(), Vec::new(), Vec::new(), BTreeSet::new());
    let classes = Vec::new();
    let needs_counter_proof = Vec::new();
    let offer =
        AppliedProposal { proposal, changes, touched, classes, protected, tested_by, needs_counter_proof };
    answered(Answer::Applied(Box::new(offer)))
}

fn offered() -> LoopEvent {
    applied_with(false)
}

fn rejected_for(reason: Rejection) -> LoopEvent {
    let proposal = Box::new(proposal());
    answered(Answer::Rejected { proposal, patch: None, diff: String::new(), reason })
}

/// More is needed: by edits that lie outside, or by a model that asks.
fn needs_context(has_edits: bool) -> LoopEvent {
    let path = RepoPath::new("a.rs").unwrap();
    let edit = Edit { path: path.clone(), find: "a".to_owned(), replace: "b".to_owned() };
    let edits = if has_edits { vec![edit] } else { Vec::new() };
    let proposal = Box::new(FixProposal { edits, ..proposal() });
    let needs = vec![ContextNeed::Lines { path, first: 1, last: 3 }];
    answered(Answer::NeedsContext { proposal, diff: String::new(), needs })
}

fn pushed() -> LoopEvent {
    let tip = CommitSha::new(&"a".repeat(40)).unwrap();
    LoopEvent::Published(Box::new(PushedRevision {
        branch: BranchName::new("heal/x").unwrap(),
        cause: RootCause::of(Vec::new(), &tip),
        local_tip: tip.clone(),
        tip,
        arranged: None,
    }))
}

/// What the report calls the things that happened to proposals.
fn judgement(fact: &Event) -> Option<&'static str> {
    match fact {
        Event::Kept { .. } => Some("kept"),
        Event::Reverted { .. } => Some("reverted"),
        Event::KeptReverted { .. } => Some("kept reverted"),
        _ => None,
    }
}

/// Plays events; gives the judgements and the actions in order.
fn play(rules: Rules, events: &[LoopEvent]) -> (Vec<&'static str>, Vec<Action>) {
    let mut state = State::new(rules);
    let (mut facts, mut actions) = (Vec::new(), Vec::new());
    for event in events {
        let mut next = transition(state, event.clone());
        facts.extend(next.facts.iter().filter_map(judgement));
        // Taking back always works here and needs no telling.
        if matches!(next.action, Action::Revert { .. }) {
            next = transition(next.state, LoopEvent::Reverted);
            facts.extend(next.facts.iter().filter_map(judgement));
        }
        state = next.state;
        actions.push(next.action);
    }
    (facts, actions)
}

#[test]
fn a_heal_is_kept_proven_published_and_watched() {
    let (effects, next) = play(
        rules(),
        &[
            LoopEvent::Begin,
            red(&[("a", Category::Syntax)]),
            offered(),
            green(),
            green(),
            pushed(),
            LoopEvent::CiPassed,
        ],
    );
    assert_eq!(effects, ["kept"]);
    assert_eq!(
        next,
        [
            run(Purpose::Baseline),
            Action::Propose { source: FixSource::ToolSuggestions, bugs: Vec::new(), level: 0 },
            run(Purpose::Attempt),
            run(Purpose::FinalProof),
            Action::Publish { partial: false },
            Action::Watch,
            Action::Finish(Outcome::Healed),
        ]
    );
}

/// With a fix, exit code 0 is no verdict of its own.
#[test]
fn a_fix_whose_green_is_disputed_is_taken_back() {
    let begin = || vec![LoopEvent::Begin, red(&[("a", Category::Syntax)]), offered()];
    let (effects, _) = play(rules(), &[begin(), vec![disputed()]].concat());
    assert_eq!(effects, ["reverted"]);
    // From scratch as well.
    let (effects, next) = play(rules(), &[begin(), vec![green(), disputed()]].concat());
    assert_eq!(effects, ["kept", "kept reverted"]);
    assert!(!next.contains(&Action::Publish { partial: false }));
}

/// In a step that CI never reached the unchanged code is asked; what it says as well beside exit code 0 is its own.
#[test]
fn what_the_unchanged_code_says_beside_success_disputes_nothing() {
    let LoopEvent::Ran(seen) = disputed() else { unreachable!() };
    let mut observation = at_step(&seen, 2).observation.clone();
    let RunStatus::Disputed { by } = disputed_status() else { unreachable!() };
    observation.end = RunStatus::Disputed { by: Disagreement { step: 2, ..by } };
    let behind = LoopEvent::Ran(Arc::new(Evidence::of_nothing(observation, Diagnosis::default())));
    let word = FinalWord { failed: 1, line: 3, before: 0 };
    let tests = vec![TestRun { final_word: Some(word), ..TestRun::counted("pytest", 1, 1, 0) }];
    let said = StepSaid { exit_code: Some(0), tests, ..StepSaid::default() };
    let LoopEvent::Ran(unchanged) = uncovered(2, true, &[]) else { unreachable!() };
    let observation = unchanged.observation.clone();
    let says_so = Evidence::of_nothing(observation, Diagnosis::default())
        .with_said(BTreeMap::from([(2, Arc::new(said))]));
    let begin = vec![LoopEvent::Begin, red(&[("a", Category::Syntax)]), offered(), behind];
    let (effects, next) =
        play(rules(), &[begin.clone(), vec![LoopEvent::Ran(Arc::new(says_so)), green()]].concat());
    assert_eq!(effects, ["kept"]);
    assert_eq!(next[3..5], [run(Purpose::Uncover), run(Purpose::Attempt)]);
    let (effects, _) = play(rules(), &[begin, vec![uncovered(2, true, &[])]].concat());
    assert_eq!(effects, ["reverted"]);
}

#[test]
fn no_model_is_asked_before_the_failure_is_reproduced() {
    let (_, next) = play(rules(), &[LoopEvent::Begin, green(), green(), green()]);
    assert_eq!(next.last(), Some(&Action::Finish(Outcome::NotReproduced { runs: 3 })));
    let (_, next) = play(rules(), &[LoopEvent::Begin, green(), red(&[("a", Category::Logic)])]);
    assert_eq!(next.last(), Some(&Action::Finish(Outcome::Flaky { failed: 1, runs: 2 })));
    let (_, next) = play(rules(), &[LoopEvent::Begin, red(&[("a", Category::Logic)]), green()]);
    assert_eq!(next.last(), Some(&Action::Finish(Outcome::Flaky { failed: 1, runs: 2 })));
    let unknown = Rules { ci_known_red: false, ..rules() };
    let (_, next) = play(unknown, &[LoopEvent::Begin, green()]);
    assert_eq!(next.last(), Some(&Action::Finish(Outcome::AlreadyGreen)));
}

#[test]
fn a_wrong_fix_is_reverted_and_the_next_sees_more() {
    let model = Rules { sources: vec![FixSource::Model], ..rules() };
    let bug = red(&[("a", Category::Type)]);
    let (effects, next) = play(model, &[LoopEvent::Begin, bug.clone(), offered(), bug, offered(), green()]);
    assert_eq!(effects, ["reverted", "kept"]);
    let level = |n: &Action| match n {
        Action::Propose { level, .. } => Some(*level),
        _ => None,
    };
    assert_eq!(next.iter().filter_map(level).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn environment_failures_are_reported_not_fixed() {
    let (_, next) = play(rules(), &[LoopEvent::Begin, red(&[("net", Category::Environment)])]);
    assert!(matches!(next.last(), Some(Action::Finish(Outcome::Environment { .. }))));
    for end in [RunStatus::OutOfMemory, RunStatus::TimedOut { after_seconds: 9 }] {
        let (_, next) = play(rules(), &[LoopEvent::Begin, LoopEvent::Ran(seen(end, &[]))]);
        assert!(matches!(next.last(), Some(Action::Finish(Outcome::Environment { .. }))));
    }
}

/// Once is enough, and the fix of what comes before it is proven as far as anything can be run.
#[test]
fn a_step_that_cannot_run_ends_the_run_and_loses_no_fix() {
    let what = "step \"Image\" cannot be reproduced: it needs Docker; do without".to_owned();
    let cannot = || LoopEvent::Ran(seen(RunStatus::Unreproducible { what: what.clone() }, &[]));
    let (_, next) = play(rules(), &[LoopEvent::Begin, cannot()]);
    let Some(Action::Finish(Outcome::Refused { why, remedy })) = next.last() else { panic!("{next:?}") };
    assert!(why.ends_with("it needs Docker") && remedy.as_deref() == Some("do without"), "{why} {remedy:?}");
    assert_eq!(next.len(), 2);

    let bug = red(&[("a", Category::Type)]);
    let (effects, next) = play(rules(), &[LoopEvent::Begin, bug.clone(), offered(), cannot(), cannot()]);
    assert_eq!(effects, ["kept"]);
    assert_eq!(next[3], run(Purpose::FinalProof));
    assert!(matches!(next.last(), Some(Action::Finish(Outcome::Partial { .. }))), "{next:?}");

    // It comes to that step, and in another run not: the failure was one of chance.
    let logic = red(&[("a", Category::Logic)]);
    let (_, next) = play(rules(), &[LoopEvent::Begin, logic, cannot()]);
    assert!(matches!(next.last(), Some(Action::Finish(Outcome::Flaky { failed: 1, runs: 2 }))), "{next:?}");
}

#[test]
fn a_failure_for_what_is_not_here_is_no_model_s() {
    // Also where no failure lies in the code: then it is told by its name.
    for category in [Category::Logic, Category::Environment] {
        let Ok(mut evidence) = Arc::try_unwrap(seen(RunStatus::Red, &[("a", category)])) else { panic!() };
        let outcome = Outcome::Environment { why: "a secret".to_owned() };
        evidence.not_here = Some(Box::new(outcome.clone()));
        let (_, next) = play(rules(), &[LoopEvent::Begin, LoopEvent::Ran(Arc::new(evidence))]);
        assert_eq!(next, [run(Purpose::Baseline), Action::Finish(outcome)]);
    }
}

#[test]
fn what_may_only_be_diagnosed_is_run_once_and_not_mended() {
    let only = Rules { diagnose_only: Some(Outcome::Diagnosed), ..rules() };
    let (effects, next) = play(only, &[LoopEvent::Begin, red(&[("a", Category::Logic)])]);
    assert!(effects.is_empty());
    assert_eq!(next, [run(Purpose::Baseline), Action::Finish(Outcome::Diagnosed)]);
}

#[test]
fn no_fix_is_asked_for_what_the_policy_only_diagnoses() {
    let policy = Rules { only_diagnosed: [Category::Logic].into(), ..rules() };
    let (effects, next) = play(policy.clone(), &[LoopEvent::Begin, red(&[("a", Category::Logic)])]);
    assert!(effects.is_empty());
    assert_eq!(next, [run(Purpose::Baseline), Action::Finish(Outcome::Diagnosed)]);
    // Beside a failure of another kind it is left where it is.
    let both = red(&[("a", Category::Logic), ("b", Category::Type)]);
    let once = Rules { flaky_runs: 0, ..policy };
    let (_, next) = play(once, &[LoopEvent::Begin, both, answered(Answer::Nothing)]);
    let Some(Action::Propose { source: FixSource::Model, bugs, .. }) = next.last() else {
        panic!("{next:?}")
    };
    assert_eq!(*bugs, [Fingerprint("b".to_owned())]);
}

#[test]
fn an_infrastructure_failure_is_tried_once_more_and_rejects_no_fix() {
    let (effects, next) =
        play(rules(), &[LoopEvent::Begin, red(&[("a", Category::Type)]), offered(), broken(), green()]);
    assert_eq!(effects, ["kept"]);
    assert_eq!(next[3], run(Purpose::Attempt));
    let (effects, next) =
        play(rules(), &[LoopEvent::Begin, red(&[("a", Category::Type)]), offered(), broken(), broken()]);
    assert_eq!(effects, ["reverted"]);
    assert!(matches!(next.last(), Some(Action::Finish(Outcome::Error { .. }))));
}

#[test]
fn a_mended_test_is_proven_several_times() {
    let bug = red(&[("a", Category::Logic)]);
    let (_, next) =
        play(rules(), &[LoopEvent::Begin, bug.clone(), bug, offered(), green(), green(), green(), green()]);
    let count = |purpose| next.iter().filter(|n| **n == run(purpose)).count();
    assert_eq!((count(Purpose::FinalProof), count(Purpose::RepeatedProof)), (1, 2));
    assert_eq!(next.last(), Some(&Action::Publish { partial: false }));
}

/// The same with the failing step run again at once.
fn with_repeats(event: LoopEvent, codes: &[i64]) -> LoopEvent {
    let LoopEvent::Ran(seen) = event else { return event };
    let repeats = codes.iter().map(|code| RepeatedStep { step: 0, exit_code: *code }).collect();
    let seen = Arc::into_inner(seen).expect("nobody else holds it").with_repeats(repeats);
    LoopEvent::Ran(Arc::new(seen))
}

#[test]
fn repeats_in_the_container_of_a_run_stand_for_runs_of_their_own_where_they_agree() {
    let bug = || red(&[("a", Category::Logic)]);
    let purposes = |events: &[LoopEvent]| -> Vec<Purpose> {
        let (_, next) = play(rules(), events);
        let ran = |action: &Action| match action {
            Action::Run { purpose, .. } => Some(*purpose),
            _ => None,
        };
        next.iter().filter_map(ran).collect()
    };
    use Purpose::{Attempt, Baseline, FinalProof, Repeat, RepeatedProof};
    let agreed = with_repeats(bug(), &[1]);
    let proven = with_repeats(green(), &[0, 0]);
    assert_eq!(
        purposes(&[LoopEvent::Begin, agreed.clone(), offered(), green(), proven]),
        [Baseline, Attempt, FinalProof]
    );
    // Green at once after a red run may be by chance, or because of what that run left: the whole is asked again, twice.
    let differs = with_repeats(bug(), &[0]);
    let healed = [differs.clone(), bug(), bug(), offered()];
    let healed: Vec<_> = std::iter::once(LoopEvent::Begin).chain(healed).collect();
    assert_eq!(purposes(&healed), [Baseline, Repeat, Repeat, Attempt]);
    let (_, next) = play(rules(), &[LoopEvent::Begin, differs, bug(), green()]);
    assert_eq!(next.last(), Some(&Action::Finish(Outcome::Flaky { failed: 2, runs: 3 })));
    // One of two repeats is missing, or one of them was red.
    for (codes, missing) in [(&[0][..], 1), (&[0, 1], 4), (&[], 2)] {
        let proof = with_repeats(green(), codes);
        let mut events = vec![LoopEvent::Begin, agreed.clone(), offered(), green(), proof];
        events.extend((0..missing).map(|_| green()));
        let mut want = vec![Baseline, Attempt, FinalProof];
        want.extend((0..missing).map(|_| RepeatedProof));
        assert_eq!(purposes(&events), want, "{codes:?}");
    }
}

#[test]
fn the_log_of_ci_is_the_second_look_at_a_failure() {
    let LoopEvent::Ran(bug) = red(&[("a", Category::Logic)]) else { unreachable!() };
    let mut bug = Arc::into_inner(bug).unwrap();
    bug.is_red_in_ci = true;
    let (_, next) = play(rules(), &[LoopEvent::Begin, LoopEvent::Ran(Arc::new(bug))]);
    assert!(matches!(next.last(), Some(Action::Propose { .. })), "{next:?}");
}

#[test]
fn a_fix_that_fails_from_scratch_is_taken_back() {
    let bug = red(&[("a", Category::Type)]);
    let (effects, next) = play(rules(), &[LoopEvent::Begin, bug.clone(), offered(), green(), bug]);
    assert_eq!(effects, ["kept", "kept reverted"]);
    assert!(matches!(next.last(), Some(Action::Propose { .. })));
}

#[test]
fn protected_files_are_put_back_for_the_proof() {
    let (_, next) = play(
        rules(),
        &[LoopEvent::Begin, red(&[("a", Category::Type)]), applied_with(true), green(), green()],
    );
    assert_eq!(next[3], run(Purpose::ProtectedProof));
    assert_eq!(next[4], Action::Publish { partial: false });
}

#[test]
fn red_ci_after_a_green_sandbox_starts_another_round() {
    let (effects, next) = play(
        rules(),
        &[
            LoopEvent::Begin,
            red(&[("a", Category::Syntax)]),
            offered(),
            green(),
            green(),
            pushed(),
            LoopEvent::CiFailed(seen(RunStatus::Red, &[("b", Category::Type)])),
            offered(),
            green(),
            green(),
            pushed(),
            LoopEvent::CiPassed,
        ],
    );
    assert_eq!(effects, ["kept", "kept"]);
    assert_eq!(next.last(), Some(&Action::Finish(Outcome::Healed)));
}

#[test]
fn a_dry_run_ends_exhausted_and_pushes_nothing() {
    let only = Rules { sources: vec![FixSource::ToolSuggestions], ..rules() };
    let (_, next) = play(only, &[LoopEvent::Begin, red(&[("a", Category::Type)]), answered(Answer::Nothing)]);
    assert!(matches!(next.last(), Some(Action::Finish(Outcome::Exhausted { .. }))));
}

#[test]
fn a_suggestion_that_is_turned_down_is_no_attempt_and_the_next_is_asked_for() {
    let refused = rejected_for(Rejection::TooManyFiles { changed: 9, maximum: 5 });
    let mut events = vec![LoopEvent::Begin, red(&[("a", Category::Type)])];
    events.extend(std::iter::repeat_n(refused.clone(), 20));
    let (_, actions) = play(rules(), &events);
    let suggestion = |a: &&Action| matches!(a, Action::Propose { source: FixSource::ToolSuggestions, .. });
    assert_eq!(actions.iter().filter(suggestion).count(), 21);
    let model = Rules { sources: vec![FixSource::Model], ..rules() };
    let (_, actions) =
        play(model, &[LoopEvent::Begin, red(&[("a", Category::Type)]), refused.clone(), refused]);
    assert!(matches!(actions.last(), Some(Action::Propose { level: 3, .. })));
}

#[test]
fn time_that_runs_out_blames_no_sandbox_and_no_fix() {
    let over = || LoopEvent::Stopped(StopReason::TimeBudget);
    let spent = Action::Finish(Outcome::BudgetSpent { which: BudgetKind::Time });
    let bug = red(&[("a", Category::Type)]);
    for before in [
        vec![LoopEvent::Begin],
        vec![LoopEvent::Begin, bug.clone()],
        vec![LoopEvent::Begin, bug.clone(), offered()],
        vec![LoopEvent::Begin, bug.clone(), offered(), green()],
        vec![LoopEvent::Begin, bug.clone(), offered(), green(), green()],
    ] {
        let (_, actions) = play(rules(), &[before, vec![over()]].concat());
        assert_eq!(actions.last(), Some(&spent));
    }
    let (facts, _) = play(rules(), &[LoopEvent::Begin, bug, offered(), over()]);
    assert_eq!(facts, ["reverted"]);
}

#[test]
fn a_revert_that_fails_ends_the_run_and_nothing_is_handed_out() {
    let bug = red(&[("a", Category::Type)]);
    let failed = LoopEvent::RevertFailed { what: "disk".to_owned() };
    for goal in [Goal::Patch, Goal::Commit, Goal::Publish { watch: true }] {
        for before in [
            vec![LoopEvent::Begin, bug.clone(), offered(), bug.clone()],
            vec![LoopEvent::Begin, bug.clone(), offered(), green(), bug.clone()],
        ] {
            let mut t = transition(
                State::new(Rules { goal, on_partial: OnPartial::Publish, ..rules() }),
                LoopEvent::Begin,
            );
            for event in &before[1..] {
                t = transition(t.state, event.clone());
            }
            assert!(matches!(t.action, Action::Revert { .. }), "{:?}", t.action);
            let t = transition(t.state, failed.clone());
            assert!(matches!(t.action, Action::Finish(Outcome::Error { .. })), "{:?}", t.action);
            assert!(!t.state.is_trusted());
        }
    }
}

#[test]
fn a_second_fix_is_not_judged_by_the_proof_of_the_first() {
    let bug = red(&[("a", Category::Type)]);
    let mut state = State::new(rules());
    let mut expired = 0;
    for event in
        [LoopEvent::Begin, bug.clone(), offered(), green(), bug, LoopEvent::Reverted, offered(), green()]
    {
        let t = transition(state, event);
        expired += t.facts.iter().filter(|f| **f == Event::ProofExpired).count();
        state = t.state;
    }
    assert_eq!(expired, 1);
}

#[test]
fn what_is_spent_on_answers_is_booked() {
    let usage = Usage { tokens_in: 600, tokens_out: 400, cost: None, estimated: false };
    let model = Rules { sources: vec![FixSource::Model], ..rules() };
    let answer = LoopEvent::Answered { usage, answer: Answer::Nothing };
    let (_, actions) = play(model, &[LoopEvent::Begin, red(&[("a", Category::Type)]), answer]);
    assert_eq!(actions.last(), Some(&Action::Finish(Outcome::BudgetSpent { which: BudgetKind::Tokens })));
}

#[test]
fn an_edit_outside_is_judged_again_without_another_question_and_is_one_attempt() {
    let model = Rules { sources: vec![FixSource::Model], ..rules() };
    let mut state = State::new(model);
    let mut actions = Vec::new();
    for event in [LoopEvent::Begin, red(&[("a", Category::Type)]), needs_context(true), offered(), green()] {
        let t = transition(state, event);
        (state, _) = (t.state, actions.push(t.action));
    }
    assert!(matches!(actions[1], Action::Propose { level: 1, .. }));
    assert!(matches!(actions[2], Action::Reconsider { .. }));
    assert_eq!(actions[3..], [run(Purpose::Attempt), run(Purpose::FinalProof)]);
    assert_eq!((state.attempts, state.attempts(), state.history().len()), (1, 0, 0));
}

#[test]
fn a_model_that_asks_is_asked_again_at_the_same_level_twice_and_then_escalated() {
    let model = Rules { sources: vec![FixSource::Model], ..rules() };
    let mut state = State::new(model);
    let mut levels = Vec::new();
    let asks = std::iter::repeat_n(needs_context(false), 6);
    for event in [LoopEvent::Begin, red(&[("a", Category::Type)])].into_iter().chain(asks) {
        let t = transition(state, event);
        if let Action::Propose { level, bugs, .. } = &t.action {
            levels.push(*level);
            assert_eq!(t.state.needs_of(bugs).len(), usize::from(levels.len() > 1));
        }
        state = t.state;
    }
    assert_eq!(levels, [1, 1, 1, 2, 3, 4]);
    assert_eq!(state.attempts(), 0);
}

#[test]
fn edits_that_need_more_and_more_are_attempts_in_the_end() {
    let model = Rules { sources: vec![FixSource::Model], ..rules() };
    let mut state = State::new(model);
    let (mut reconsidered, mut last) = (0, Action::Watch);
    let events = std::iter::repeat_n(needs_context(true), 20);
    for event in [LoopEvent::Begin, red(&[("a", Category::Type)])].into_iter().chain(events) {
        let t = transition(state, event);
        reconsidered += u32::from(matches!(t.action, Action::Reconsider { .. }));
        (state, last) = (t.state, t.action);
        if matches!(last, Action::Finish(_)) {
            break;
        }
    }
    assert_eq!(reconsidered, 2);
    assert!(matches!(last, Action::Finish(Outcome::Exhausted { .. })), "{last:?}");
}

fn reverting(state: &State) -> bool {
    matches!(&state.phase, Phase::Choosing { source: FixSource::History, .. })
}

/// A revert that is applied, as the driver answers for it.
fn revert_offered() -> LoopEvent {
    let LoopEvent::Answered { usage, answer: Answer::Applied(mut offer) } = offered() else { unreachable!() };
    let path = RepoPath::new("a.rs").unwrap();
    let green = CommitSha::new(&"9".repeat(40)).unwrap();
    offer.proposal.provider = "history".to_owned();
    offer.proposal.reverts = Some(Box::new(RevertedHunk { path, first: 1, count: 1, green, commit: None }));
    LoopEvent::Answered { usage, answer: Answer::Applied(offer) }
}

#[test]
fn a_pin_is_asked_for_once_and_before_a_revert() {
    let sources = vec![FixSource::Pin, FixSource::History];
    let mut state = State::new(Rules { sources, flaky_runs: 0, ..rules() });
    let mut asked = Vec::new();
    let refused = rejected_for(Rejection::NotApplicable { path: String::new(), why: String::new() });
    for event in [LoopEvent::Begin, red(&[("a", Category::Logic)]), refused, answered(Answer::Nothing)] {
        let t = transition(state, event);
        if let Action::Propose { source, .. } = &t.action {
            asked.push(*source);
        }
        state = t.state;
    }
    assert_eq!(asked, [FixSource::Pin, FixSource::History]);
}

#[test]
fn a_revert_is_asked_for_last_and_stays_the_only_one() {
    let bug = || red(&[("a", Category::Logic)]);
    let no_flaky = Rules { flaky_runs: 0, ..rules() };
    let nothing = || answered(Answer::Nothing);
    let mut state = State::new(Rules { sources: vec![FixSource::Model, FixSource::History], ..no_flaky });
    let mut asked = Vec::new();
    let events = [LoopEvent::Begin, bug(), nothing(), nothing(), nothing(), nothing(), revert_offered()];
    let rest = [red(&[("b", Category::Logic)]), nothing()];
    for event in events.into_iter().chain(rest) {
        let t = transition(state, event);
        if let Action::Propose { source, .. } = &t.action {
            asked.push(*source);
        }
        state = t.state;
    }
    let history = asked.iter().filter(|source| **source == FixSource::History).count();
    assert_eq!((asked.iter().position(|s| *s == FixSource::History), history), (Some(4), 1), "{asked:?}");

    // Where no model may be asked it comes at once, and a refused one is an attempt as any other.
    let mut state = State::new(Rules { sources: vec![FixSource::History], flaky_runs: 0, ..rules() });
    let mut asked = 0;
    let refused = rejected_for(Rejection::NotApplicable { path: String::new(), why: String::new() });
    for event in [LoopEvent::Begin, bug()].into_iter().chain(std::iter::repeat_n(refused, 9)) {
        let t = transition(state, event);
        (state, asked) = (t.state, asked + u32::from(matches!(t.action, Action::Propose { .. })));
        if matches!(t.action, Action::Finish(_)) {
            assert_eq!(t.action, Action::Finish(Outcome::BudgetSpent { which: BudgetKind::Attempts }));
            break;
        }
    }
    assert_eq!((asked, state.attempts()), (5, 5));
}

fn any_event() -> impl Strategy<Value = LoopEvent> {
    let observation = (
        prop_oneof![
            4 => Just(RunStatus::Red),
            3 => Just(RunStatus::Green),
            2 => Just(disputed_status()),
            1 => Just(RunStatus::TimedOut { after_seconds: 1 }),
            1 => Just(RunStatus::OutOfMemory),
            1 => Just(RunStatus::Infrastructure { what: "x".to_owned() }),
            1 => Just(RunStatus::Unreproducible { what: "x".to_owned() }),
        ],
        proptest::collection::vec(
            (
                prop_oneof![Just("a"), Just("b"), Just("c"), Just("d")],
                prop_oneof![
                    Just(Category::Syntax),
                    Just(Category::Logic),
                    Just(Category::Environment),
                    Just(Category::Type)
                ],
            ),
            0..4,
        ),
    )
        .prop_map(|(end, failures)| seen(end, &failures));
    let at_some_step = (observation.clone(), 0usize..3).prop_map(|(seen, step)| at_step(&seen, step));
    let shown = (0usize..3, any::<bool>(), Just(["a", "b", "c"]), 0usize..4)
        .prop_map(|(step, succeeded, names, count)| (step, succeeded, names[..count.min(3)].to_vec()));
    let (unchanged, green) = (shown.clone(), shown);
    prop_oneof![
        2 => (observation.clone(), proptest::collection::vec(0..2i64, 0..3))
            .prop_map(|(seen, codes)| with_repeats(LoopEvent::Ran(seen), &codes)),
        8 => at_some_step.prop_map(LoopEvent::Ran),
        4 => unchanged.prop_map(|(step, succeeded, names)| uncovered(step, succeeded, &names)),
        3 => green.prop_map(|(step, succeeded, names)| last_green(step, succeeded, &names)),
        1 => Just(LoopEvent::LastGreenUnknown),
        4 => any::<bool>().prop_map(applied_with),
        2 => Just(rejected_for(Rejection::TestEdit { path: "x".to_owned() })),
        1 => Just(rejected_for(Rejection::NoChange)),
        3 => any::<bool>().prop_map(needs_context),
        2 => Just(answered(Answer::Nothing)),
        1 => Just(answered(Answer::ProvidersGone { why: "gone".to_owned() })),
        8 => Just(LoopEvent::Reverted),
        1 => Just(pushed()),
        1 => Just(LoopEvent::CiPassed),
        2 => observation.prop_map(LoopEvent::CiFailed),
        1 => Just(LoopEvent::CiUnknown),
    ]
}

/// Whether an event can answer an action.
fn answers(action: &Action, event: &LoopEvent) -> bool {
    match action {
        Action::Run { purpose: Purpose::LastGreen, .. } => {
            matches!(event, LoopEvent::LastGreenSaid { .. } | LoopEvent::LastGreenUnknown)
        }
        Action::Run { purpose: Purpose::CounterProof, .. } => matches!(event, LoopEvent::CounterProven(_)),
        Action::Run { .. } => matches!(event, LoopEvent::Ran(_)),
        Action::Propose { .. } | Action::Reconsider { .. } => matches!(event, LoopEvent::Answered { .. }),
        Action::Revert { .. } => matches!(event, LoopEvent::Reverted),
        Action::Publish { .. } => matches!(event, LoopEvent::Published(_)),
        Action::Watch => {
            matches!(event, LoopEvent::CiPassed | LoopEvent::CiFailed(_) | LoopEvent::CiUnknown)
        }
        Action::Finish(_) => false,
    }
}

/// What the clone holds beside what is proven, followed from outside.
#[derive(Debug, Default)]
struct Clone {
    applied: bool,
    /// Legs run from scratch since the code last changed, and whether they were green.
    proofs: BTreeMap<usize, bool>,
}

impl Clone {
    fn follow(&mut self, was: &Action, event: &LoopEvent, next: &Transition) {
        self.applied |= matches!(event, LoopEvent::Answered { answer: Answer::Applied(_), .. });
        if let (Action::Run { purpose, leg }, LoopEvent::Ran(seen)) = (was, event)
            && matches!(purpose, Purpose::FinalProof | Purpose::ProtectedProof | Purpose::RepeatedProof)
        {
            let is_green = seen.observation.is_green();
            self.proofs.insert(*leg, is_green);
        }
        for fact in &next.facts {
            match judgement(fact) {
                Some("kept") => {
                    assert!(self.applied, "kept what was not applied");
                    self.applied = false;
                    self.proofs.clear();
                }
                Some("reverted") => {
                    assert!(self.applied, "reverted what was not applied");
                    self.applied = false;
                }
                Some(_) => self.proofs.clear(),
                None => {}
            }
        }
    }

    fn check(&self, next: &Transition, on_partial: OnPartial, legs: usize) {
        let is_proven = (0..legs).all(|leg| self.proofs.get(&leg) == Some(&true));
        match &next.action {
            Action::Publish { partial } => {
                assert!(!self.applied, "published with an unproven change applied");
                assert!(*partial || is_proven, "published without a proof");
                assert!(!partial || on_partial == OnPartial::Publish);
                assert!(!partial || !self.proofs.is_empty(), "published what was never run from scratch");
            }
            Action::Propose { source: FixSource::Model, level, .. } => assert!(*level <= LAST_LEVEL),
            Action::Propose { source: FixSource::History, .. } => {
                let state = &next.state;
                let may_ask = |target: &Target| state.level_of(target) <= LAST_LEVEL;
                assert!(
                    state.exhausted_sources.contains(&FixSource::Model) || !state.targets.iter().any(may_ask),
                    "a revert before a model that may be asked"
                );
                assert!(state.published == 0 && !state.holds_a_revert(), "a revert upon another heal");
            }
            Action::Propose { source: FixSource::Pin, .. } => {
                assert!(next.state.kept.is_empty() && next.state.published == 0, "a pin upon another heal");
            }
            Action::Run { purpose: Purpose::Attempt, .. } => {
                assert!(self.applied);
                assert!(next.state.attempts() <= next.state.rules.max_attempts);
            }
            Action::Run { purpose: Purpose::Uncover | Purpose::LastGreen, .. } => assert!(self.applied),
            Action::Finish(outcome) => {
                assert!(!self.applied || !next.state.is_trusted(), "ended with an unproven change applied");
                assert!(*outcome != Outcome::Patched || is_proven);
                assert!(!matches!(outcome, Outcome::Partial { .. }) || !self.proofs.is_empty());
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn whatever_happens_it_ends_and_publishes_only_the_proven(
        events in proptest::collection::vec(any_event(), 1200),
        on_partial in prop_oneof![Just(OnPartial::Publish), Just(OnPartial::Patch), Just(OnPartial::Nothing)],
        legs in 1usize..4,
        known in any::<bool>(),
        stop_at in proptest::option::of((0usize..60, any::<bool>())),
    ) {
        let rules = Rules { on_partial, legs, ci_known_red: known, ..rules() };
        let limit = rules.max_attempts;
        let mut t = transition(State::new(rules), LoopEvent::Begin);
        let mut clone = Clone::default();
        let (mut publishes, mut steps, mut refused) = (0, 0, 0);
        for event in events {
            if matches!(t.action, Action::Finish(_)) {
                break;
            }
            // A stop comes at any moment, but never in the middle of taking something back.
            let stop = stop_at.filter(|(at, _)| *at <= steps && !matches!(t.action, Action::Revert { .. }));
            let event = match stop {
                Some((_, true)) => LoopEvent::Stopped(StopReason::Interrupted),
                Some((_, false)) => LoopEvent::Stopped(StopReason::TimeBudget),
                None if answers(&t.action, &event) => event,
                None => continue,
            };
            let was = t.action.clone();
            let is_applied = matches!(event, LoopEvent::Answered { answer: Answer::Applied(_), .. });
            let event = if is_applied && reverting(&t.state) { revert_offered() } else { event };
            let is_suggestion = matches!(was, Action::Propose { source: FixSource::ToolSuggestions, .. });
            refused += usize::from(
                is_suggestion && matches!(event, LoopEvent::Answered { answer: Answer::Rejected { .. }, .. }),
            );
            t = transition(t.state, event.clone());
            steps += 1;
            clone.follow(&was, &event, &t);
            clone.check(&t, on_partial, legs);
            publishes += u32::from(matches!(t.action, Action::Publish { .. }));
        }
        prop_assert!(publishes <= limit);
        // Every answered action spends an attempt, a level, a push or a repeat, or keeps a fix, all of them bounded.
        prop_assert!(matches!(t.action, Action::Finish(_)) || steps < 600, "{} transitions and no end", steps - refused);
    }
}
