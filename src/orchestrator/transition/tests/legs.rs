//! Several failed jobs, steps that CI never reached, and what may go out of a run that does not end green.

use super::*;
use crate::contract::bug::TestRun;

fn at_step(step: usize, failures: &[(&str, Category)]) -> LoopEvent {
    LoopEvent::Ran(super::at_step(&seen(RunStatus::Red, failures), step))
}

fn tested_by(file: &str) -> LoopEvent {
    let LoopEvent::Answered { answer: Answer::Applied(mut offer), usage } = offered() else { unreachable!() };
    offer.tested_by.insert(file.to_owned());
    LoopEvent::Answered { answer: Answer::Applied(offer), usage }
}

fn two_legs() -> Rules {
    Rules { legs: 2, sources: vec![FixSource::Model], on_partial: OnPartial::Publish, ..rules() }
}

fn lint() -> LoopEvent {
    red(&[("lint", Category::Lint)])
}

fn types() -> LoopEvent {
    red(&[("types", Category::Type)])
}

fn legs_of(actions: &[Action]) -> Vec<(Purpose, usize)> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Run { purpose, leg } => Some((*purpose, *leg)),
            _ => None,
        })
        .collect()
}

#[test]
fn the_failure_of_another_job_is_the_next_one_to_heal() {
    let (effects, actions) = play(
        two_legs(),
        &[
            LoopEvent::Begin,
            lint(),
            offered(),
            green(),
            // The other job with the fix, then without it.
            types(),
            types(),
            offered(),
            green(),
            green(),
            green(),
        ],
    );
    assert_eq!(effects, ["kept", "kept"]);
    assert_eq!(
        legs_of(&actions),
        [
            (Purpose::Baseline, 0),
            (Purpose::Attempt, 0),
            (Purpose::FinalProof, 1),
            (Purpose::Baseline, 1),
            (Purpose::Attempt, 1),
            (Purpose::FinalProof, 0),
            (Purpose::FinalProof, 1),
        ]
    );
    assert_eq!(actions.last(), Some(&Action::Publish { partial: false }));
}

#[test]
fn of_jobs_that_nobody_named_the_first_red_one_is_healed() {
    let rules = Rules { legs: 4, only_first_red: true, ci_known_red: false, ..two_legs() };
    let broken = LoopEvent::Ran(seen(RunStatus::Unreproducible { what: "no such tool".to_owned() }, &[]));
    let until = [LoopEvent::Begin, green(), broken.clone(), lint(), offered(), green()];
    // The green one is proven as well; of the last one nothing is asked.
    let (effects, actions) = play(rules.clone(), &[&until[..], &[green(), green()]].concat());
    assert_eq!(effects, ["kept"]);
    assert_eq!(
        legs_of(&actions),
        [
            (Purpose::Baseline, 0),
            (Purpose::Baseline, 1),
            (Purpose::Baseline, 2),
            (Purpose::Attempt, 2),
            (Purpose::FinalProof, 0),
            (Purpose::FinalProof, 2),
        ]
    );
    assert_eq!(actions.last(), Some(&Action::Publish { partial: false }));
    // One that was green without the fix and cannot be judged with it keeps the heal from being whole.
    let lost = [&until[..], &[broken.clone(), broken.clone(), green()]].concat();
    assert_ne!(play(rules.clone(), &lost).1.last(), Some(&Action::Publish { partial: false }));
    let infrastructure = LoopEvent::Ran(seen(RunStatus::Infrastructure { what: "gone".to_owned() }, &[]));
    let lost = [&until[..], &[infrastructure.clone(), infrastructure, green(), green()]].concat();
    assert_ne!(play(rules.clone(), &lost).1.last(), Some(&Action::Publish { partial: false }));
    let all_green = [LoopEvent::Begin, green(), green(), green(), green()];
    assert_eq!(play(rules.clone(), &all_green).1.last(), Some(&Action::Finish(Outcome::AlreadyGreen)));
    // Where one could not be judged, green is not what is said of all.
    let (_, actions) = play(rules, &[LoopEvent::Begin, green(), broken, green(), green()]);
    assert!(matches!(actions.last(), Some(Action::Finish(Outcome::Refused { .. }))), "{actions:?}");
}

#[test]
fn another_job_that_the_fix_breaks_speaks_against_it() {
    for unchanged in [green(), red(&[("other", Category::Logic)])] {
        let (effects, _) =
            play(two_legs(), &[LoopEvent::Begin, lint(), offered(), green(), types(), unchanged]);
        assert_eq!(effects, ["kept", "kept reverted"]);
    }
}

#[test]
fn another_job_that_fails_by_chance_is_run_once_more() {
    let flaky = || red(&[("by chance", Category::Logic)]);
    let until = [LoopEvent::Begin, lint(), offered(), green(), flaky(), green()];
    let (effects, actions) = play(two_legs(), &[&until[..], &[green(), green()]].concat());
    assert_eq!((effects, actions.last()), (vec!["kept"], Some(&Action::Publish { partial: false })));
    let (effects, _) = play(two_legs(), &[&until[..], &[flaky()]].concat());
    assert_eq!(effects, ["kept", "kept reverted"]);
}

#[test]
fn tests_that_the_unchanged_code_ran_run_also_after_a_run_that_does_not_say_so() {
    let named = |event: LoopEvent, ids: &[&str]| {
        let LoopEvent::Ran(seen) = event else { unreachable!() };
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let tests = vec![TestRun { runner: "go".to_owned(), ids: Some(ids), ..TestRun::default() }];
        let observation = Observation { tests, ..seen.observation.clone() };
        LoopEvent::Ran(Arc::new(Evidence::of_nothing(observation, Diagnosis::default())))
    };
    let model = Rules { legs: 1, ..two_legs() };
    let both = red(&[("a", Category::Type), ("b", Category::Type)]);
    let until =
        [LoopEvent::Begin, named(both, &["t1", "t2"]), offered(), red(&[("b", Category::Type)]), offered()];
    let last = |ids: &[&str]| play(model.clone(), &[&until[..], &[named(green(), ids)]].concat()).0;
    assert_eq!(last(&["t1", "t2"]), ["kept", "kept"]);
    assert_eq!(last(&["t1"]), ["kept", "reverted"]);
}

#[test]
fn a_proof_s_repeat_goes_to_the_last_step_that_was_fixed() {
    let mut state = State::new(Rules { legs: 1, ..two_legs() });
    let wrong = || at_step(1, &[("wrong", Category::Logic)]);
    for event in
        [LoopEvent::Begin, types(), offered(), wrong(), uncovered(1, false, &["wrong"]), offered(), green()]
    {
        state = transition(state, event).state;
    }
    assert_eq!(state.last_failed_step(0, Purpose::RepeatedProof), Some(1));
    assert_eq!(state.last_failed_step(0, Purpose::Repeat), Some(0));
}

#[test]
fn a_job_that_cannot_be_judged_here_keeps_nothing_back() {
    let (_, actions) =
        play(two_legs(), &[LoopEvent::Begin, broken(), broken(), types(), offered(), green(), green()]);
    assert_eq!(actions.last(), Some(&Action::Publish { partial: true }));
    let (_, actions) = play(
        two_legs(),
        &[
            LoopEvent::Begin,
            types(),
            offered(),
            green(),
            red(&[("net", Category::Environment)]),
            red(&[("net", Category::Environment)]),
            green(),
        ],
    );
    assert_eq!(actions.last(), Some(&Action::Publish { partial: true }));
}

#[test]
fn a_job_without_an_idea_does_not_hold_up_the_others() {
    let nothing = || answered(Answer::Nothing);
    let mut events = vec![LoopEvent::Begin, lint()];
    events.extend(std::iter::repeat_with(nothing).take(4));
    events.extend([types(), offered(), green(), lint(), green()]);
    let (effects, actions) = play(two_legs(), &events);
    assert_eq!(effects, ["kept"]);
    assert_eq!(actions.last(), Some(&Action::Publish { partial: true }));
    let patch = Rules { goal: Goal::Patch, ..two_legs() };
    let (_, actions) = play(patch, &events);
    assert!(matches!(actions.last(), Some(Action::Finish(Outcome::Partial { .. }))), "{:?}", actions.last());
}

#[test]
fn diagnosis_looks_at_every_job() {
    let only = Rules { diagnose_only: Some(Outcome::Diagnosed), ..two_legs() };
    let (_, actions) = play(only, &[LoopEvent::Begin, lint(), types()]);
    assert_eq!(legs_of(&actions), [(Purpose::Baseline, 0), (Purpose::Baseline, 1)]);
    assert_eq!(actions.last(), Some(&Action::Finish(Outcome::Diagnosed)));
}

#[test]
fn a_step_that_ci_never_reached_is_held_against_the_unchanged_code() {
    let one = Rules { legs: 1, ..two_legs() };
    let until = [LoopEvent::Begin, types(), offered(), at_step(1, &[("twine", Category::Type)])];
    let play = |last: LoopEvent| play(one.clone(), &[until.to_vec(), vec![last]].concat());
    assert_eq!(play(uncovered(1, true, &[])).0, ["reverted"], "it passes without the fix");
    assert_eq!(play(uncovered(1, false, &["twine"])).0, ["kept"], "it fails so without the fix");
    let (judged, actions) = play(uncovered(1, false, &["built nothing"]));
    assert!(judged.is_empty(), "it could not do its work");
    assert_eq!(actions.last(), Some(&run(Purpose::LastGreen)));
}

/// A fix of a compile error gets to the tests, which fail; the unchanged code could not build them.
fn behind_a_compile_error(proposal: LoopEvent, failures: &[(&str, Category)]) -> Vec<LoopEvent> {
    let not_built = uncovered(1, false, &["not built"]);
    vec![LoopEvent::Begin, types(), proposal, at_step(1, failures), not_built]
}

#[test]
fn what_fails_at_the_last_green_commit_too_is_left_and_the_fix_goes_out() {
    let one = Rules { legs: 1, ..two_legs() };
    for (failures, at_green) in [(&[("old", Category::Logic)][..], &["old", "other"][..]), (&[][..], &[][..])]
    {
        // Also a test of what it changes: it failed before anybody changed that.
        let mut events = behind_a_compile_error(tested_by("old.rs"), failures);
        events.extend([last_green(1, false, at_green), at_step(1, failures)]);
        let (effects, actions) = play(one.clone(), &events);
        assert_eq!(effects, ["kept"]);
        let after = &actions[actions.len() - 2..];
        assert_eq!(after, [run(Purpose::FinalProof), Action::Publish { partial: true }], "nobody is asked");
    }
}

#[test]
fn the_end_says_what_was_old() {
    let mut state = State::new(Rules { legs: 1, ..two_legs() });
    let failures = &[("old", Category::Logic)];
    let mut events = behind_a_compile_error(offered(), failures);
    events.extend([last_green(1, false, &["old"]), at_step(1, failures), pushed()]);
    let (mut told, mut end) = (Vec::new(), None);
    for event in events {
        let t = transition(state, event);
        told.extend(t.facts);
        (state, end) = (t.state, Some(t.action));
    }
    let old = vec![Fingerprint("old".to_owned())];
    let fixed = vec![Fingerprint("types".to_owned())];
    assert!(told.contains(&Event::PartiallyProven { fixed, left: old.clone(), old }), "{told:?}");
    let Some(Action::Finish(Outcome::Partial { why })) = end else { panic!("{end:?}") };
    assert!(why.contains("step 2") && why.contains("9999999"), "{why}");
}

#[test]
fn what_came_since_the_last_green_commit_is_the_next_failure_to_heal() {
    let one = Rules { legs: 1, ..two_legs() };
    let since = &[("since", Category::Logic)];
    for said in [last_green(1, true, &[]), last_green(1, false, &["x"]), LoopEvent::LastGreenUnknown] {
        let mut events = behind_a_compile_error(offered(), since);
        events.extend([said, offered(), green(), green(), green()]);
        let (effects, actions) = play(one.clone(), &events);
        assert_eq!(effects, ["kept", "kept"]);
        let asked = Fingerprint("since".to_owned());
        assert!(matches!(&actions[5], Action::Propose { bugs, .. } if *bugs == [asked]), "{actions:?}");
    }
}

#[test]
fn of_old_failures_and_new_ones_the_new_ones_are_healed() {
    // Each failure is of the test of its name; both run.
    let tests = |failing: &[&str]| {
        let failures: Vec<_> = failing.iter().map(|name| (*name, Category::Logic)).collect();
        let LoopEvent::Ran(seen) = at_step(1, &failures) else { unreachable!() };
        let mut observation = seen.observation.clone();
        observation.failures.iter_mut().for_each(|(key, failure)| failure.test = Some(key.0.clone()));
        let ids = Some(vec!["old".to_owned(), "since".to_owned()]);
        observation.tests = vec![TestRun { runner: "go".to_owned(), ids, ..TestRun::default() }];
        LoopEvent::Ran(Arc::new(Evidence::of_nothing(observation, Diagnosis::default())))
    };
    let not_built = uncovered(1, false, &["not built"]);
    let events = [
        LoopEvent::Begin,
        types(),
        offered(),
        tests(&["old", "since"]),
        not_built,
        last_green(1, false, &["old"]),
        offered(),
        tests(&["old"]),
        tests(&["old"]),
    ];
    let (effects, actions) = play(Rules { legs: 1, ..two_legs() }, &events);
    assert_eq!(effects, ["kept", "kept"]);
    let asked = Fingerprint("since".to_owned());
    assert!(matches!(&actions[5], Action::Propose { bugs, .. } if *bugs == [asked]), "{actions:?}");
    assert_eq!(actions[7..], [run(Purpose::FinalProof), Action::Publish { partial: true }]);
}

#[test]
fn the_last_green_commit_is_asked_once_about_a_step() {
    let one = Rules { legs: 1, ..two_legs() };
    let since = &[("since", Category::Logic)];
    let mut events = behind_a_compile_error(offered(), since);
    // It fails from scratch, and the next fix gets to the same step.
    events.extend([last_green(1, true, &[]), offered(), green(), types(), offered(), at_step(1, since)]);
    let (_, actions) = play(one, &events);
    let asked = actions.iter().filter(|action| **action == run(Purpose::LastGreen)).count();
    assert_eq!((asked, actions.len()), (1, events.len()));
    assert!(matches!(actions.last(), Some(Action::Propose { .. })), "{actions:?}");
}

#[test]
fn a_fix_whose_own_tests_fail_behind_it_does_not_go_out_alone() {
    let one = Rules { legs: 1, ..two_legs() };
    for (proposal, goes_out) in [(tested_by("wrong.rs"), false), (offered(), true)] {
        let wrong = || at_step(1, &[("wrong", Category::Logic)]);
        let mut events = behind_a_compile_error(proposal, &[("wrong", Category::Logic)]);
        events.push(LoopEvent::LastGreenUnknown);
        events.extend(std::iter::repeat_with(|| answered(Answer::Nothing)).take(4));
        events.push(wrong());
        let (effects, actions) = play(one.clone(), &events);
        assert_eq!(actions.last() == Some(&Action::Publish { partial: true }), goes_out, "{actions:?}");
        assert_eq!(effects.last() == Some(&"kept reverted"), !goes_out);
    }
}

#[test]
fn a_fix_whose_own_tests_fail_in_another_job_does_not_go_out_alone() {
    for (proposal, goes_out) in [(tested_by("wrong.rs"), false), (offered(), true)] {
        let wrong = || at_step(1, &[("wrong", Category::Logic)]);
        // Both jobs stop at the same error; only the other one runs the tests.
        let mut events = vec![LoopEvent::Begin, types(), proposal, green(), wrong(), types()];
        events.extend(std::iter::repeat_with(|| answered(Answer::Nothing)).take(4));
        events.push(green());
        let (effects, actions) = play(two_legs(), &events);
        assert_eq!(actions.last() == Some(&Action::Publish { partial: true }), goes_out, "{actions:?}");
        assert_eq!(effects.last() == Some(&"kept reverted"), !goes_out);
    }
}

#[test]
fn a_fix_that_stays_gives_its_attempt_back() {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let left = |n: usize| red(&names[n..].iter().map(|name| (*name, Category::Type)).collect::<Vec<_>>());
    let mut events = vec![LoopEvent::Begin, left(0)];
    for n in 1..names.len() {
        events.extend([offered(), left(n)]);
    }
    events.extend([offered(), green(), green()]);
    let two = Rules { max_attempts: 2, ..rules() };
    let (effects, actions) = play(two, &events);
    assert_eq!(effects.len(), names.len());
    assert_eq!(actions.last(), Some(&Action::Publish { partial: false }));
}

#[test]
fn what_is_not_proven_for_itself_does_not_leave_the_run() {
    let model = Rules { sources: vec![FixSource::Model], on_partial: OnPartial::Publish, ..rules() };
    let both = red(&[("a", Category::Type), ("b", Category::Type)]);
    let one = red(&[("b", Category::Type)]);
    let mut events = vec![LoopEvent::Begin, both, offered(), one.clone()];
    events.extend(std::iter::repeat_with(|| answered(Answer::Nothing)).take(4));
    events.push(one);
    let (effects, actions) = play(model, &events);
    assert_eq!(effects, ["kept", "kept reverted"], "a compiler that stops early is silent about the rest");
    assert!(matches!(actions.last(), Some(Action::Finish(Outcome::Exhausted { .. }))));
}

#[test]
fn a_missing_permission_is_said_once_and_costs_nothing() {
    let model = Rules { sources: vec![FixSource::Model], max_attempts: 1, ..rules() };
    let refused = || rejected_for(Rejection::TestEdit { path: "tests/x.rs".to_owned() });
    let (_, actions) = play(
        model,
        &[
            LoopEvent::Begin,
            red(&[("a", Category::Logic), ("b", Category::Type)]),
            refused(),
            refused(),
            refused(),
            refused(),
        ],
    );
    let asked: Vec<&str> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Propose { bugs, .. } => Some(bugs[0].0.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(asked[..2], ["a", "b"], "the other failure comes before it is asked again");
    assert_eq!(asked.len(), 4);
    let Some(Action::Finish(Outcome::Exhausted { why })) = actions.last() else { panic!("{actions:?}") };
    assert!(why.contains("allow-test-edits"), "{why}");
}
