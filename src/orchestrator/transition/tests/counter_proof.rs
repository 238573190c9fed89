//! What follows from what planted failures showed.

use super::*;
use crate::contract::control::CounterProof;

fn shown(proof: CounterProof) -> LoopEvent {
    LoopEvent::CounterProven(Ok(proof))
}

fn caught() -> LoopEvent {
    shown(CounterProof::Caught { caught: 2, of: 2 })
}

fn disarmed() -> LoopEvent {
    shown(CounterProof::JudgeDisarmed { why: "it is green".to_owned() })
}

/// A fix is kept and proven: its step is asked.
fn asked(rule: CounterProofRule) -> Transition {
    asked_of(rule, offered())
}

fn asked_of(rule: CounterProofRule, offered: LoopEvent) -> Transition {
    let rules = Rules { flaky_runs: 0, counter_proof: rule, sources: vec![FixSource::Model], ..rules() };
    let mut t = transition(State::new(rules), LoopEvent::Begin);
    for event in [red(&[("a", Category::Type)]), offered, green(), green()] {
        t = transition(t.state, event);
    }
    t
}

#[test]
fn a_healed_step_is_asked_once_and_then_published() {
    let t = asked(CounterProofRule::Auto);
    assert_eq!(t.action, run(Purpose::CounterProof));
    let t = transition(t.state, caught());
    assert!(matches!(t.facts.first(), Some(Event::CounterProven { job: 0, .. })), "{:?}", t.facts);
    assert_eq!(t.action, Action::Publish { partial: false });
}

#[test]
fn a_disarmed_judge_takes_the_fix_back_with_its_reason() {
    let t = transition(asked(CounterProofRule::Auto).state, disarmed());
    assert!(matches!(t.action, Action::Revert { .. }));
    let t = transition(t.state, LoopEvent::Reverted);
    let reason = t.facts.iter().find_map(|fact| match fact {
        Event::KeptReverted { rejection, .. } => rejection.clone(),
        _ => None,
    });
    assert_eq!(reason, Some(Rejection::JudgeDisarmed { why: "it is green".to_owned() }));
    assert!(matches!(t.action, Action::Propose { source: FixSource::Model, .. }), "{:?}", t.action);
    assert_eq!(t.state.history.len(), 1, "the next attempt is told");
}

#[test]
fn no_counter_proof_is_let_through_unless_it_is_required() {
    let none = || shown(CounterProof::none("nobody knows"));
    let t = transition(asked(CounterProofRule::Auto).state, none());
    assert_eq!(t.action, Action::Publish { partial: false });
    let t = transition(asked(CounterProofRule::Required).state, none());
    assert!(matches!(t.action, Action::Revert { .. }));
    let t = asked(CounterProofRule::Off);
    assert_eq!(t.action, Action::Publish { partial: false }, "nothing is run");
}

#[test]
fn what_only_a_counter_proof_can_judge_asks_for_one() {
    let powerful = || {
        let LoopEvent::Answered { usage, answer: Answer::Applied(mut offer) } = offered() else {
            unreachable!()
        };
        offer.needs_counter_proof = vec!["a.py: changes files (open)".to_owned()];
        LoopEvent::Answered { usage, answer: Answer::Applied(offer) }
    };
    let none = || shown(CounterProof::none("nobody knows"));
    let t = transition(asked_of(CounterProofRule::Auto, powerful()).state, none());
    assert!(matches!(t.action, Action::Revert { .. }));
    let t = transition(asked_of(CounterProofRule::Auto, powerful()).state, caught());
    assert_eq!(t.action, Action::Publish { partial: false });
    let t = asked_of(CounterProofRule::Off, powerful());
    assert_eq!(t.action, Action::Publish { partial: false }, "the user's word");
}

#[test]
fn a_machine_that_fails_is_asked_once_more() {
    let broken = || LoopEvent::CounterProven(Err("gone".to_owned()));
    let t = transition(asked(CounterProofRule::Auto).state, broken());
    assert_eq!(t.action, run(Purpose::CounterProof));
    let t = transition(t.state, broken());
    assert_eq!(t.action, Action::Publish { partial: false }, "no verdict is none against the fix");
}
