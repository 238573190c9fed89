//! Where the healing step sits, what it was given, and on what machine.

use serde_json::json;

use super::review::someone_pushes;
use super::stage::*;
use crate::support::git::{commit_all, git, write};
use crate::support::github::{CiScript, SLUG};
use crate::support::runner::{Checkout, Credentials, Runner, Step};

/// A pull request whose merge commit has failed: the head's commit, and the merge's.
pub(super) fn pull_request(stage: &Stage) -> (String, String) {
    pull_request_with(stage, NO_COLON)
}

pub(super) fn pull_request_with(stage: &Stage, program: &str) -> (String, String) {
    let (seed, bare) = (stage.seed(), stage.bare());
    git(&seed, &["checkout", "-q", "-b", "topic"]);
    write(&seed, "calc.py", program);
    let head = commit_all(&seed, "work");
    git(&seed, &["checkout", "-q", "main"]);
    write(&seed, "README.md", "moved on\n");
    commit_all(&seed, "main moves on");
    git(&seed, &["checkout", "-q", "--detach"]);
    git(&seed, &["merge", "-q", "--no-ff", "-m", "Merge topic into main", "topic"]);
    let merge = git(&seed, &["rev-parse", "HEAD"]);
    let refs = ["main", "topic", "HEAD:refs/pull/7/merge"];
    git(&seed, &[&["push", "-q", bare.to_str().unwrap()][..], &refs].concat());
    (head, merge)
}

pub(super) fn pull_request_step(stage: &Stage, head: &str, merge: &str, from: &str) -> Step {
    let run = stage.failed_run(head, "topic");
    let event = json!({"number": 7, "sender": {"login": "ada"},
        "repository": {"full_name": SLUG, "default_branch": "main"},
        "pull_request": {"number": 7, "head": {"sha": head, "ref": "topic", "repo": {"full_name": from}},
            "base": {"ref": "main"}}});
    stage
        .step()
        .event(event)
        .with("check-run-id", &(run * 1000).to_string())
        .context("EVENT_NAME", "pull_request")
        .context("RUN_ID", &run.to_string())
        .context("SHA", merge)
        .context("REF", "refs/pull/7/merge")
        .context("REF_NAME", "7/merge")
        .context("REF_TYPE", "branch")
        .context("HEAD_REF", "topic")
        .context("BASE_REF", "main")
}

pub(super) const MERGE: Checkout<'_> = Checkout::PullRequest { number: 7, merge_ref: "refs/pull/7/merge" };

#[test]
fn a_pull_request_s_heal_sits_on_its_head_and_comes_as_a_pull_request_into_it() {
    let stage = Stage::new(&[(CI_FILE, CI), ("calc.py", MENDED), ("test_calc.py", TEST)]);
    let (head, merge) = pull_request(&stage);
    let step = pull_request_step(&stage, &head, &merge, SLUG).with("pull-request", "always");
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, MERGE, Credentials::V6);
    let ended = stage.heal(&runner, &step);
    ended.expect("healed", 0);
    let (branch, sha, parent, changed) = stage.heal_commit();
    assert_eq!(parent, head, "the heal's parent is the pull request's head, not the merge");
    assert_eq!(changed, ["calc.py"]);
    assert!(branch.starts_with("heal/topic-"), "{branch}");
    assert_eq!(ended.output("ci-verdict"), "passed");
    let pulls = stage.hub.pulls();
    assert_eq!(pulls.len(), 1);
    assert_eq!((pulls[0].head.as_str(), pulls[0].base.as_str()), (branch.as_str(), "topic"));
    let body = &pulls[0].body;
    for part in ["def add(a, b):", "This fixes it", "✅ passed", "<!-- ci-healer cause:"] {
        assert!(body.contains(part), "{part:?} is not in\n{body}");
    }
    assert!(!body.contains("cause: "), "the root cause has no name:\n{body}");
    assert!(ended.output("pull-request-url").ends_with("/pull/1"));
    let proof = ended.proof.as_ref().unwrap();
    assert_eq!((proof["tested"].as_str(), proof["base"].as_str()), (Some(&*merge), Some(&*head)));

    // What is said in the failing pull request is one comment, of ours, which is kept up to date; a mark alone does not
    // make another's one ours.
    let said = stage.hub.comments();
    assert_eq!((said.len(), said[0].number), (1, 7), "{said:?}");
    assert!(said[0].body.contains("review and merge [#1]") && said[0].body.contains("def add(a, b):"));
    assert!(said[0].body.ends_with(" -->"), "{}", said[0].body);
    stage.hub.comment(7, "octo", &said[0].body);

    // The same failure again, as a re-run shows it: the heal stands already.
    let again = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&again, MERGE, Credentials::V5);
    let second = stage.heal(&again, &step);
    second.expect("healed", 0);
    assert_eq!(stage.hub.pulls().len(), 1, "one open heal per root cause");
    let (same, standing, parent, _) = stage.heal_commit();
    assert_eq!((same, standing.as_str(), parent), (branch, sha.as_str(), head));
    assert_eq!(second.output("commit"), sha);
    let (said, before) = (stage.hub.comments(), said);
    assert_eq!(said.len(), 2, "no second one of ours: {said:?}");
    assert_eq!(
        (said[1].login.as_str(), &said[1].body),
        ("octo", &before[0].body),
        "another's comment is left alone"
    );
}

#[test]
fn a_heal_goes_upon_the_pull_request_s_own_branch_where_that_is_asked_for() {
    let stage = Stage::new(&[(CI_FILE, CI), ("calc.py", MENDED), ("test_calc.py", TEST)]);
    let (head, merge) = pull_request(&stage);
    let step = pull_request_step(&stage, &head, &merge, SLUG).with("branch", "{ref}");
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, MERGE, Credentials::V6);
    let ended = stage.heal(&runner, &step);
    ended.expect("healed", 0);
    assert_eq!((ended.output("branch"), ended.output("ci-verdict")), ("topic", "passed"));
    let tip = git(&stage.bare(), &["rev-parse", "topic"]);
    assert_eq!(ended.output("commit"), tip);
    ended.says("review what was pushed upon `topic`");
    assert_eq!(git(&stage.bare(), &["rev-parse", "topic^"]), head);
    assert!(
        stage.heal_branches().is_empty() && stage.hub.pulls().is_empty(),
        "no branch, no pull request of its own"
    );

    // Its own run fails too: heals are not healed.
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, Checkout::Branch("topic"), Credentials::V6);
    let run = stage.failed_run(&tip, "topic");
    let step = stage
        .step()
        .event(json!({"after": tip, "repository": {"full_name": SLUG, "default_branch": "main"}}))
        .with("branch", "{ref}")
        .with("check-run-id", &(run * 1000).to_string())
        .context("RUN_ID", &run.to_string())
        .context("SHA", &tip)
        .context("REF", "refs/heads/topic")
        .context("REF_NAME", "topic");
    let second = stage.heal(&runner, &step);
    second.expect("refused", 1);
    second.says("do not heal themselves");
    assert_eq!(git(&stage.bare(), &["rev-parse", "topic"]), tip);
}

/// A workflow on `main` hears that a run on `topic` has failed, and has `checked_out`.
fn hears_of_a_failed_run(from: &str, checked_out: &str) -> (Stage, String, Runner, Step) {
    hears_of(from, checked_out, NO_COLON, "SyntaxError: expected ':'\n")
}

fn hears_of(from: &str, checked_out: &str, program: &str, log: &str) -> (Stage, String, Runner, Step) {
    let stage = Stage::new(&[(CI_FILE, CI), ("calc.py", MENDED), ("test_calc.py", TEST)]);
    let (head, _) = pull_request_with(&stage, program);
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, Checkout::Branch(checked_out), Credentials::V6);
    let failed = stage.hub.past_run(CI_FILE, &head, "topic", CiScript::fails(log));
    let event = json!({"action": "completed", "repository": {"full_name": SLUG, "default_branch": "main"},
        "workflow_run": {"id": failed, "run_attempt": 1, "event": "push", "path": CI_FILE, "name": "CI",
            "head_sha": head, "head_branch": "topic", "head_repository": {"full_name": from}, "pull_requests": []}});
    let heal_file = format!("{SLUG}/.github/workflows/heal.yml@refs/heads/main");
    let step = stage
        .step()
        .event(event)
        .with("check-run-id", "4711000")
        .context("EVENT_NAME", "workflow_run")
        .context("RUN_ID", "4711")
        .context("JOB", "heal")
        .context("WORKFLOW_REF", &heal_file)
        .context("SHA", &git(&stage.bare(), &["rev-parse", "main"]));
    (stage, head, runner, step)
}

#[test]
fn a_workflow_of_its_own_heals_the_run_that_it_hears_of() {
    let (stage, head, runner, step) = hears_of_a_failed_run(SLUG, "topic");
    let ended = stage.heal(&runner, &step);
    ended.expect("healed", 0);
    let (branch, _, parent, changed) = stage.heal_commit();
    assert_eq!((parent, changed), (head.clone(), vec!["calc.py".to_owned()]));
    assert!(branch.starts_with("heal/topic-"), "{branch}");
    assert_eq!(stage.show(&format!("{branch}:calc.py")), MENDED);
    assert_eq!(ended.output("ci-verdict"), "passed");
    assert_eq!(ended.results["run"]["event"], "push");
    // To the steps it is the run that has failed, not the one that heals.
    let printed = &ended.step.log.raw;
    for fact in [
        "GITHUB_REF=refs/heads/topic",
        "GITHUB_EVENT_NAME=push",
        "GITHUB_JOB=test",
        &format!("GITHUB_SHA={head}"),
    ] {
        assert!(printed.contains(fact), "{fact}: {printed}");
    }
}

/// As a hosted runner's log has it.
const CI_LOG: &str = "\
2026-01-02T03:04:05.1000000Z ##[group]Run python3 -m unittest
2026-01-02T03:04:05.2000000Z E
2026-01-02T03:04:05.2000001Z ======================================================================
2026-01-02T03:04:05.2000002Z ERROR: test_add (test_calc.AddTest.test_add)
2026-01-02T03:04:05.2000003Z ----------------------------------------------------------------------
2026-01-02T03:04:05.2000004Z Traceback (most recent call last):
2026-01-02T03:04:05.2000005Z   File \"/home/runner/work/shop/shop/test_calc.py\", line 8, in test_add
2026-01-02T03:04:05.2000006Z     self.assertEqual(add(2, 3), 5)
2026-01-02T03:04:05.2000007Z                      ~~~^^^^^^
2026-01-02T03:04:05.2000008Z   File \"/home/runner/work/shop/shop/calc.py\", line 2, in add
2026-01-02T03:04:05.2000009Z     return int(math.fsum([a, b]))
2026-01-02T03:04:05.2000010Z                ^^^^
2026-01-02T03:04:05.2000011Z NameError: name 'math' is not defined. Did you forget to import 'math'?
2026-01-02T03:04:05.2000012Z 
2026-01-02T03:04:05.2000013Z ----------------------------------------------------------------------
2026-01-02T03:04:05.2000014Z Ran 1 test in 0.000s
2026-01-02T03:04:05.2000015Z 
2026-01-02T03:04:05.2000016Z FAILED (errors=1)
2026-01-02T03:04:05.3000000Z ##[error]Process completed with exit code 1.
";

#[test]
fn ci_s_own_log_is_the_second_look_at_a_failure_that_may_come_by_chance() {
    let program = "def add(a, b):\n    return int(math.fsum([a, b]))\n";
    let (stage, _, runner, step) = hears_of(SLUG, "topic", program, CI_LOG);
    let ended = stage.heal(&runner, &step);
    ended.expect("healed", 0);
    let note = "CI's own log shows the same failures";
    assert!(
        ended.results["baseline"]["notes"].as_array().unwrap().iter().any(|n| n == note),
        "{:#}",
        ended.results["baseline"]
    );
    assert_eq!(
        (&ended.results["baseline"]["runs"], &ended.results["baseline"]["repeats"]),
        (&1.into(), &serde_json::Value::Null)
    );
    // One baseline, one attempt, one proof whose step is run again in its own container, and its counter-proof.
    assert_eq!(ended.results["executions"], 4);
    assert_eq!(ended.results["final_proof"]["runs"], 2);
}

#[test]
fn a_workflow_of_its_own_heals_upon_the_failing_branch_where_that_is_asked_for() {
    let (stage, head, runner, step) = hears_of_a_failed_run(SLUG, "topic");
    let ended = stage.heal(&runner, &step.with("branch", "{ref}"));
    ended.expect("healed", 0);
    assert_eq!(ended.output("branch"), "topic");
    assert_eq!(git(&stage.bare(), &["rev-parse", "topic^"]), head);
    assert!(stage.heal_branches().is_empty());
}

/// What `actions/checkout` takes by itself there is the default branch, on which nothing has failed.
#[test]
fn a_workflow_of_its_own_without_the_failing_commit_says_how_to_get_it() {
    let (stage, head, runner, step) = hears_of_a_failed_run(SLUG, "main");
    let ended = stage.heal(&runner, &step);
    ended.expect("refused", 1);
    ended.says(&format!("commit {head} is not in the checkout"));
    ended.says("ref: ${{ github.event.workflow_run.head_sha }}");
    assert!(stage.heal_branches().is_empty());
}

#[test]
fn a_workflow_of_its_own_takes_nothing_from_a_fork() {
    let (stage, _, runner, step) = hears_of_a_failed_run("mallory/widget", "main");
    let ended = stage.heal(&runner, &step);
    ended.expect("refused", 1);
    ended.says("comes from another repository");
    assert!(!ended.step.summary.contains("head_sha"), "no advice to check foreign code out");
    assert!(stage.heal_branches().is_empty());
}

#[test]
fn a_branch_that_moved_on_is_left_to_those_who_moved_it() {
    let stage = Stage::new(&[(CI_FILE, CI), ("calc.py", MENDED), ("test_calc.py", TEST)]);
    let (head, merge) = pull_request(&stage);
    let step = pull_request_step(&stage, &head, &merge, SLUG).with("branch", "{ref}");
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, MERGE, Credentials::V6);
    let theirs = someone_pushes(&stage, "topic", "README.md", "news\n");
    let ended = stage.heal(&runner, &step);
    ended.expect("refused", 1);
    ended.says("topic");
    assert_eq!(git(&stage.bare(), &["rev-parse", "topic"]), theirs);
    assert!(stage.heal_branches().is_empty());
}

#[test]
fn a_fork_s_pull_request_is_diagnosed_and_nothing_more() {
    let stage = Stage::new(&[(CI_FILE, CI), ("calc.py", MENDED), ("test_calc.py", TEST)]);
    let (head, merge) = pull_request(&stage);
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, MERGE, Credentials::None);
    let ended = stage.heal(&runner, &pull_request_step(&stage, &head, &merge, "mallory/widget"));
    ended.expect("refused", 1);
    ended.says("another repository");
    let bug = ended.step.log.annotations.iter().find(|a| a.properties.contains_key("file")).unwrap();
    assert_eq!((bug.name.as_str(), bug.properties["file"].as_str()), ("error", "calc.py"));
    assert_eq!(bug.properties["line"], "1");
    assert!(stage.heal_branches().is_empty() && stage.hub.pulls().is_empty());
    let writes: Vec<String> = stage
        .hub
        .requests()
        .into_iter()
        .filter(|r| !r.starts_with("GET ") && !r.ends_with("/graphql"))
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
    assert_eq!(ended.output("branch"), "");
}

#[test]
fn an_older_runner_with_an_older_checkout_and_a_root_workspace() {
    let stage = Stage::calculator();
    let runner = Runner::new(SLUG).without_runner_temp();
    stage.check_out(&runner, Checkout::Branch("main"), Credentials::V5);
    let ended = stage.heal(&runner, &stage.step());
    ended.expect("healed", 0);
    assert_eq!(ended.output("ci-verdict"), "passed");
    stage.heal_commit();
}

#[test]
fn a_job_in_a_container_with_no_credentials_left() {
    let stage = Stage::calculator();
    let runner = Runner::new(SLUG).in_a_network().owned_by(1001);
    stage.check_out(&runner, Checkout::Branch("main"), Credentials::None);
    let ended = stage.heal(&runner, &stage.step());
    ended.expect("healed", 0);
    assert_eq!(ended.output("ci-verdict"), "passed");
    stage.heal_commit();
}
