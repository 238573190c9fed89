use proptest::prelude::*;

use super::*;
use crate::orchestrator::progress::Failure;

fn rules() -> Rules {
    Rules {
        max_attempts: 5,
        flaky_runs: 2,
        sources: vec![Source::Toolchain, Source::Model],
        goal: Goal::Publish { watch: true },
        push_partial: false,
        diagnose_only: None,
        ci_known_red: true,
    }
}

fn seen(end: End, failures: &[(&str, Category)]) -> Observation {
    Observation {
        failing_step: (end == End::Red).then_some(0),
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
    }
}

fn red(failures: &[(&str, Category)]) -> Happened {
    Happened::Ran(seen(End::Red, failures))
}

fn green() -> Happened {
    Happened::Ran(seen(End::Green, &[]))
}

fn offered() -> Happened {
    Happened::Offered { touched: Vec::new(), protected: false }
}

/// Plays events; gives effects and next actions in order.
fn play(rules: Rules, events: &[Happened]) -> (Vec<Effect>, Vec<Next>) {
    let mut state = State::new(rules);
    let (mut effects, mut next) = (Vec::new(), Vec::new());
    for event in events {
        let t = step(state, event.clone());
        state = t.state;
        effects.extend(t.effects);
        next.push(t.next);
    }
    (effects, next)
}

#[test]
fn a_heal_is_kept_proven_published_and_watched() {
    let (effects, next) = play(
        rules(),
        &[
            Happened::Begin,
            red(&[("a", Category::Syntax)]),
            offered(),
            green(),
            green(),
            Happened::Published,
            Happened::CiPassed,
        ],
    );
    assert_eq!(effects, [Effect::Keep]);
    assert_eq!(
        next,
        [
            Next::Run(Purpose::Baseline),
            Next::Propose { source: Source::Toolchain, bugs: Vec::new(), level: 0 },
            Next::Run(Purpose::Attempt),
            Next::Run(Purpose::FinalProof),
            Next::Publish { partial: false },
            Next::Watch,
            Next::Finish(Outcome::Healed),
        ]
    );
}

#[test]
fn no_model_is_asked_before_the_failure_is_reproduced() {
    let (_, next) = play(rules(), &[Happened::Begin, green(), green(), green()]);
    assert_eq!(next.last(), Some(&Next::Finish(Outcome::NotReproduced { runs: 3 })));
    let (_, next) = play(rules(), &[Happened::Begin, green(), red(&[("a", Category::Logic)])]);
    assert_eq!(next.last(), Some(&Next::Finish(Outcome::Flaky { failed: 1, runs: 2 })));
    let (_, next) = play(rules(), &[Happened::Begin, red(&[("a", Category::Logic)]), green()]);
    assert_eq!(next.last(), Some(&Next::Finish(Outcome::Flaky { failed: 1, runs: 2 })));
    let unknown = Rules { ci_known_red: false, ..rules() };
    let (_, next) = play(unknown, &[Happened::Begin, green()]);
    assert_eq!(next.last(), Some(&Next::Finish(Outcome::AlreadyGreen)));
}

#[test]
fn a_wrong_fix_is_reverted_and_the_next_sees_more() {
    let model = Rules { sources: vec![Source::Model], ..rules() };
    let bug = red(&[("a", Category::Type)]);
    let (effects, next) = play(model, &[Happened::Begin, bug.clone(), offered(), bug, offered(), green()]);
    assert_eq!(effects, [Effect::Revert, Effect::Keep]);
    let level = |n: &Next| match n {
        Next::Propose { level, .. } => Some(*level),
        _ => None,
    };
    assert_eq!(next.iter().filter_map(level).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn environment_failures_are_reported_not_fixed() {
    let (_, next) = play(rules(), &[Happened::Begin, red(&[("net", Category::Environment)])]);
    assert!(matches!(next.last(), Some(Next::Finish(Outcome::Environment { .. }))));
    for end in [End::OutOfMemory, End::TimedOut { after_seconds: 9 }] {
        let (_, next) = play(rules(), &[Happened::Begin, Happened::Ran(seen(end, &[]))]);
        assert!(matches!(next.last(), Some(Next::Finish(Outcome::Environment { .. }))));
    }
}

#[test]
fn what_may_only_be_diagnosed_is_run_once_and_not_mended() {
    let only = Rules { diagnose_only: Some(Outcome::Diagnosed), ..rules() };
    let (effects, next) = play(only, &[Happened::Begin, red(&[("a", Category::Logic)])]);
    assert!(effects.is_empty());
    assert_eq!(next, [Next::Run(Purpose::Baseline), Next::Finish(Outcome::Diagnosed)]);
}

#[test]
fn an_infrastructure_failure_is_tried_once_more_and_rejects_no_fix() {
    let broken = Happened::Ran(seen(End::Infrastructure { what: "gone".to_owned() }, &[]));
    let (effects, next) =
        play(rules(), &[Happened::Begin, red(&[("a", Category::Type)]), offered(), broken.clone(), green()]);
    assert_eq!(effects, [Effect::Keep]);
    assert_eq!(next[3], Next::Run(Purpose::Attempt));
    let (effects, next) =
        play(rules(), &[Happened::Begin, red(&[("a", Category::Type)]), offered(), broken.clone(), broken]);
    assert_eq!(effects, [Effect::Revert]);
    assert!(matches!(next.last(), Some(Next::Finish(Outcome::Error { .. }))));
}

#[test]
fn a_mended_test_is_proven_several_times() {
    let bug = red(&[("a", Category::Logic)]);
    let (_, next) =
        play(rules(), &[Happened::Begin, bug.clone(), bug, offered(), green(), green(), green(), green()]);
    let proofs = next.iter().filter(|n| **n == Next::Run(Purpose::FinalProof)).count();
    assert_eq!(proofs, 3);
    assert_eq!(next.last(), Some(&Next::Publish { partial: false }));
}

#[test]
fn a_fix_that_fails_from_scratch_is_taken_back() {
    let bug = red(&[("a", Category::Type)]);
    let (effects, next) = play(rules(), &[Happened::Begin, bug.clone(), offered(), green(), bug]);
    assert_eq!(effects, [Effect::Keep, Effect::RevertKept]);
    assert!(matches!(next.last(), Some(Next::Propose { .. })));
}

#[test]
fn protected_files_are_put_back_for_the_last_proof() {
    let (_, next) = play(
        rules(),
        &[
            Happened::Begin,
            red(&[("a", Category::Type)]),
            Happened::Offered { touched: Vec::new(), protected: true },
            green(),
            green(),
            green(),
        ],
    );
    assert_eq!(next[4], Next::Run(Purpose::ProtectedProof));
    assert_eq!(next[5], Next::Publish { partial: false });
}

#[test]
fn red_ci_after_a_green_sandbox_starts_another_round() {
    let (effects, next) = play(
        rules(),
        &[
            Happened::Begin,
            red(&[("a", Category::Syntax)]),
            offered(),
            green(),
            green(),
            Happened::Published,
            Happened::CiFailed(seen(End::Red, &[("b", Category::Type)])),
            offered(),
            green(),
            green(),
            Happened::Published,
            Happened::CiPassed,
        ],
    );
    assert_eq!(effects, [Effect::Keep, Effect::Keep]);
    assert_eq!(next.last(), Some(&Next::Finish(Outcome::Healed)));
}

#[test]
fn a_dry_run_ends_exhausted_and_pushes_nothing() {
    let only = Rules { sources: vec![Source::Toolchain], ..rules() };
    let (_, next) = play(only, &[Happened::Begin, red(&[("a", Category::Type)]), Happened::NothingOffered]);
    assert!(matches!(next.last(), Some(Next::Finish(Outcome::Exhausted { .. }))));
}

#[test]
fn improvements_go_out_only_where_asked_for() {
    let events = [
        Happened::Begin,
        red(&[("a", Category::Type), ("b", Category::Type)]),
        offered(),
        red(&[("b", Category::Type)]),
        Happened::BudgetSpent(Budget::Time),
    ];
    let (_, next) = play(rules(), &events);
    assert_eq!(next.last(), Some(&Next::Finish(Outcome::BudgetSpent { which: Budget::Time })));
    let (_, next) = play(Rules { push_partial: true, ..rules() }, &events);
    assert_eq!(next.last(), Some(&Next::Publish { partial: true }));
}

fn any_event() -> impl Strategy<Value = Happened> {
    let observation = (
        prop_oneof![
            4 => Just(End::Red),
            3 => Just(End::Green),
            1 => Just(End::TimedOut { after_seconds: 1 }),
            1 => Just(End::OutOfMemory),
            1 => Just(End::Infrastructure { what: "x".to_owned() }),
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
        8 => observation.clone().prop_map(Happened::Ran),
        4 => any::<bool>().prop_map(|protected| Happened::Offered { touched: Vec::new(), protected }),
        2 => Just(Happened::Rejected),
        2 => Just(Happened::NothingOffered),
        1 => Just(Happened::ProvidersGone { why: "gone".to_owned() }),
        1 => Just(Happened::Published),
        1 => Just(Happened::CiPassed),
        2 => observation.prop_map(Happened::CiFailed),
        1 => Just(Happened::CiUnknown),
    ]
}

/// Whether an event can answer an action.
fn answers(next: &Next, event: &Happened) -> bool {
    match next {
        Next::Run(_) => matches!(event, Happened::Ran(_)),
        Next::Propose { source: Source::Toolchain, .. } => {
            matches!(event, Happened::Offered { .. } | Happened::NothingOffered)
        }
        Next::Propose { .. } => matches!(
            event,
            Happened::Offered { .. }
                | Happened::Rejected
                | Happened::NothingOffered
                | Happened::ProvidersGone { .. }
        ),
        Next::Publish { .. } => matches!(event, Happened::Published),
        Next::Watch => matches!(event, Happened::CiPassed | Happened::CiFailed(_) | Happened::CiUnknown),
        Next::Finish(_) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn whatever_happens_it_ends_and_publishes_only_the_proven(
        events in proptest::collection::vec(any_event(), 400),
        push_partial in any::<bool>(),
        known in any::<bool>(),
    ) {
        let rules = Rules { push_partial, ci_known_red: known, ..rules() };
        let limit = rules.max_attempts;
        let mut t = step(State::new(rules), Happened::Begin);
        let mut applied = false;
        let mut kept_since_proof = 0;
        let mut publishes = 0;
        let mut steps = 0;
        for event in events {
            if matches!(t.next, Next::Finish(_)) {
                break;
            }
            if !answers(&t.next, &event) {
                continue;
            }
            let was = t.next.clone();
            applied |= matches!(event, Happened::Offered { .. });
            let proof_green = matches!(was, Next::Run(Purpose::FinalProof | Purpose::ProtectedProof))
                && matches!(&event, Happened::Ran(o) if o.end == End::Green);
            if proof_green {
                kept_since_proof = 0;
            }
            t = step(t.state, event);
            steps += 1;
            for effect in &t.effects {
                match effect {
                    Effect::Keep => {
                        prop_assert!(applied, "kept what was not applied");
                        applied = false;
                        kept_since_proof += 1;
                    }
                    Effect::Revert => {
                        prop_assert!(applied, "reverted what was not applied");
                        applied = false;
                    }
                    Effect::RevertKept => kept_since_proof = 0,
                }
            }
            match &t.next {
                Next::Publish { partial } => {
                    publishes += 1;
                    prop_assert!(!applied, "published with an unproven change applied");
                    prop_assert!(*partial || kept_since_proof == 0, "published without a proof");
                    prop_assert!(!partial || push_partial);
                }
                Next::Propose { source: Source::Model, level, .. } => prop_assert!(*level <= LAST_LEVEL),
                Next::Run(Purpose::Attempt) => prop_assert!(applied),
                Next::Finish(_) => prop_assert!(!applied, "ended with an unproven change applied"),
                _ => {}
            }
            prop_assert!(t.state.attempts() <= limit);
        }
        prop_assert!(publishes <= limit);
        // Every answered action spends an attempt, a level, a push or a repeat, all of them bounded.
        prop_assert!(steps < 200, "{steps} transitions and no end");
    }
}
