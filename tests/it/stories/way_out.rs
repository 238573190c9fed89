//! Which way a heal goes out, as the repository's policy says.

use super::placements::{MERGE, pull_request, pull_request_step};
use super::stage::*;
use crate::support::git::git;
use crate::support::github::{CLASSIC_PAT, FakePull, SLUG};
use crate::support::runner::{Credentials, Runner, Step};

/// A failing pull request that is there for its API as well: the head's commit, and the step that hears of it.
fn failing(stage: &Stage) -> (String, Step) {
    let (head, merge) = pull_request(stage);
    let pull =
        FakePull { head: "topic".to_owned(), base: "main".to_owned(), open: true, ..FakePull::default() };
    stage.hub.add_pull(pull);
    stage.hub.change_pull(1, |pull| pull.number = 7);
    let step = pull_request_step(stage, &head, &merge, SLUG).with("policy", "syntax: push");
    (head, step)
}

fn stage() -> Stage {
    Stage::new(&[(CI_FILE, CI), ("calc.py", MENDED), ("test_calc.py", TEST)])
}

#[test]
fn what_a_tool_says_of_its_own_finding_is_pushed_onto_the_pull_request() {
    let stage = stage();
    let (head, step) = failing(&stage);
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, MERGE, Credentials::V6);
    let ended = stage.heal(&runner, &step.with("push-token", CLASSIC_PAT));
    ended.expect("healed", 0);
    assert_eq!((ended.output("branch"), ended.output("ci-verdict")), ("topic", "passed"));
    assert_eq!(git(&stage.bare(), &["rev-parse", "topic^"]), head);
    ended.says("review what was pushed upon `topic`");
    assert!(
        stage.heal_branches().is_empty() && stage.hub.pulls().len() == 1 && stage.hub.reviews().is_empty()
    );
}

#[test]
fn without_a_token_that_starts_its_checks_it_is_suggested() {
    let stage = stage();
    let (head, step) = failing(&stage);
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, MERGE, Credentials::V6);
    let ended = stage.heal(&runner, &step);
    ended.expect("healed", 0);
    ended.says("there is no `push-token`");
    ended.says("take the suggestion in #7");
    assert_eq!(git(&stage.bare(), &["rev-parse", "topic"]), head, "nothing is pushed there");
    assert_eq!(stage.heal_commit().2, head, "CI has run what is suggested");
    assert_eq!(stage.hub.pulls().len(), 1, "no pull request beside it");
    let reviews = stage.hub.reviews();
    let [review] = reviews.as_slice() else { panic!("not one review: {reviews:?}") };
    assert_eq!(review.commit, head);
    let [comment] = review.comments.as_slice() else { panic!("not one comment: {review:?}") };
    assert_eq!((comment["path"].as_str(), comment["side"].as_str()), (Some("calc.py"), Some("RIGHT")));
    assert_eq!(comment["body"], "```suggestion\ndef add(a, b):\n```\n");
}
