use proptest::prelude::*;

use super::*;
use crate::contract::bug::Diagnosis;
use crate::contract::fix::Usage;
use crate::contract::git::{BranchName, CommitSha};
use crate::orchestrator::budget::Budget;
use crate::orchestrator::progress::{Failure, Observation};
use crate::orchestrator::publisher::{PushedRevision, RootCause};
use crate::orchestrator::state::{AppliedProposal, Rules};

fn rules() -> Rules {
    Rules {
        max_attempts: 5,
        flaky_runs: 2,
        sources: vec![FixSource::ToolSuggestions, FixSource::Model],
        goal: Goal::Publish { watch: true },
        push_partial: false,
        diagnose_only: None,
        ci_known_red: true,
        budget: Budget::new(1000, None),
    }
}

fn seen(end: RunStatus, failures: &[(&str, Category)]) -> Arc<Evidence> {
    let observation = Observation {
        failing_step: (end == RunStatus::Red).then_some(0),
        end,
        failures: failures
            .iter()
            .map(|(name, category)| {
                let failure = Failure {
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
    Arc::new(Evidence { observation, diagnosis: Diagnosis::default(), log: Vec::new() })
}

fn red(failures: &[(&str, Category)]) -> LoopEvent {
    LoopEvent::Ran(seen(RunStatus::Red, failures))
}

fn green() -> LoopEvent {
    LoopEvent::Ran(seen(RunStatus::Green, &[]))
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
        usage: Usage::default(),
    }
}

fn applied_with(protected: bool) -> LoopEvent {
    let (proposal, changes, touched) = (proposal(), Vec::new(), Vec::new());
    answered(Answer::Applied(Box::new(AppliedProposal {
        proposal,
        changes,
        touched,
        classes: Vec::new(),
        protected,
    })))
}

fn offered() -> LoopEvent {
    applied_with(false)
}

fn rejected_for(reason: Rejection) -> LoopEvent {
    let proposal = Box::new(proposal());
    answered(Answer::Rejected { proposal, patch: None, diff: String::new(), reason })
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
            Action::Run(Purpose::Baseline),
            Action::Propose { source: FixSource::ToolSuggestions, bugs: Vec::new(), level: 0 },
            Action::Run(Purpose::Attempt),
            Action::Run(Purpose::FinalProof),
            Action::Publish { partial: false },
            Action::Watch,
            Action::Finish(Outcome::Healed),
        ]
    );
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

#[test]
fn what_may_only_be_diagnosed_is_run_once_and_not_mended() {
    let only = Rules { diagnose_only: Some(Outcome::Diagnosed), ..rules() };
    let (effects, next) = play(only, &[LoopEvent::Begin, red(&[("a", Category::Logic)])]);
    assert!(effects.is_empty());
    assert_eq!(next, [Action::Run(Purpose::Baseline), Action::Finish(Outcome::Diagnosed)]);
}

#[test]
fn an_infrastructure_failure_is_tried_once_more_and_rejects_no_fix() {
    let (effects, next) =
        play(rules(), &[LoopEvent::Begin, red(&[("a", Category::Type)]), offered(), broken(), green()]);
    assert_eq!(effects, ["kept"]);
    assert_eq!(next[3], Action::Run(Purpose::Attempt));
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
    let proofs = next.iter().filter(|n| **n == Action::Run(Purpose::FinalProof)).count();
    assert_eq!(proofs, 3);
    assert_eq!(next.last(), Some(&Action::Publish { partial: false }));
}

#[test]
fn a_fix_that_fails_from_scratch_is_taken_back() {
    let bug = red(&[("a", Category::Type)]);
    let (effects, next) = play(rules(), &[LoopEvent::Begin, bug.clone(), offered(), green(), bug]);
    assert_eq!(effects, ["kept", "kept reverted"]);
    assert!(matches!(next.last(), Some(Action::Propose { .. })));
}

#[test]
fn protected_files_are_put_back_for_the_last_proof() {
    let (_, next) = play(
        rules(),
        &[LoopEvent::Begin, red(&[("a", Category::Type)]), applied_with(true), green(), green(), green()],
    );
    assert_eq!(next[4], Action::Run(Purpose::ProtectedProof));
    assert_eq!(next[5], Action::Publish { partial: false });
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
fn improvements_go_out_only_where_asked_for() {
    let events = [
        LoopEvent::Begin,
        red(&[("a", Category::Type), ("b", Category::Type)]),
        offered(),
        red(&[("b", Category::Type)]),
        LoopEvent::Stopped(StopReason::TimeBudget),
    ];
    let (_, next) = play(rules(), &events);
    assert_eq!(next.last(), Some(&Action::Finish(Outcome::BudgetSpent { which: BudgetKind::Time })));
    let (_, next) = play(Rules { push_partial: true, ..rules() }, &events);
    assert_eq!(next.last(), Some(&Action::Publish { partial: true }));
}

#[test]
fn a_suggestion_that_is_turned_down_is_no_attempt_and_the_next_is_asked_for() {
    let refused = rejected_for(Rejection::TestEdit { path: "tests/x.rs".to_owned() });
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
            let mut t =
                transition(State::new(Rules { goal, push_partial: true, ..rules() }), LoopEvent::Begin);
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

fn any_event() -> impl Strategy<Value = LoopEvent> {
    let observation = (
        prop_oneof![
            4 => Just(RunStatus::Red),
            3 => Just(RunStatus::Green),
            1 => Just(RunStatus::TimedOut { after_seconds: 1 }),
            1 => Just(RunStatus::OutOfMemory),
            1 => Just(RunStatus::Infrastructure { what: "x".to_owned() }),
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
    prop_oneof![
        8 => observation.clone().prop_map(LoopEvent::Ran),
        4 => any::<bool>().prop_map(applied_with),
        2 => Just(rejected_for(Rejection::TestEdit { path: "x".to_owned() })),
        1 => Just(rejected_for(Rejection::NoChange)),
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
        Action::Run(_) => matches!(event, LoopEvent::Ran(_)),
        Action::Propose { .. } => matches!(event, LoopEvent::Answered { .. }),
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
    kept_since_proof: u32,
}

impl Clone {
    fn follow(&mut self, was: &Action, event: &LoopEvent, next: &Transition) {
        self.applied |= matches!(event, LoopEvent::Answered { answer: Answer::Applied(_), .. });
        let proof = matches!(was, Action::Run(Purpose::FinalProof | Purpose::ProtectedProof));
        if proof && matches!(event, LoopEvent::Ran(o) if o.observation.end == RunStatus::Green) {
            self.kept_since_proof = 0;
        }
        for fact in &next.facts {
            match judgement(fact) {
                Some("kept") => {
                    assert!(self.applied, "kept what was not applied");
                    self.applied = false;
                    self.kept_since_proof += 1;
                }
                Some("reverted") => {
                    assert!(self.applied, "reverted what was not applied");
                    self.applied = false;
                }
                Some(_) => self.kept_since_proof = 0,
                None => {}
            }
        }
    }

    fn check(&self, next: &Transition, push_partial: bool) {
        match &next.action {
            Action::Publish { partial } => {
                assert!(!self.applied, "published with an unproven change applied");
                assert!(*partial || self.kept_since_proof == 0, "published without a proof");
                assert!(!partial || push_partial);
            }
            Action::Propose { source: FixSource::Model, level, .. } => assert!(*level <= LAST_LEVEL),
            Action::Run(Purpose::Attempt) => assert!(self.applied),
            Action::Finish(_) => {
                assert!(!self.applied || !next.state.is_trusted(), "ended with an unproven change applied");
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn whatever_happens_it_ends_and_publishes_only_the_proven(
        events in proptest::collection::vec(any_event(), 600),
        push_partial in any::<bool>(),
        known in any::<bool>(),
        stop_at in proptest::option::of((0usize..60, any::<bool>())),
    ) {
        let rules = Rules { push_partial, ci_known_red: known, ..rules() };
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
            let is_suggestion = matches!(was, Action::Propose { source: FixSource::ToolSuggestions, .. });
            refused += usize::from(
                is_suggestion && matches!(event, LoopEvent::Answered { answer: Answer::Rejected { .. }, .. }),
            );
            t = transition(t.state, event.clone());
            steps += 1;
            clone.follow(&was, &event, &t);
            clone.check(&t, push_partial);
            publishes += u32::from(matches!(t.action, Action::Publish { .. }));
            prop_assert!(t.state.attempts() <= limit);
        }
        prop_assert!(publishes <= limit);
        // Every answered action spends an attempt, a level, a push or a repeat, all of them bounded.
        prop_assert!(steps - refused < 250, "{} transitions and no end", steps - refused);
    }
}
