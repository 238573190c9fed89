//! How heals are offered for review: one for each root cause, never over the work of people, closed when not needed.

use super::stage::*;
use crate::support::git::{commit_all, git, write};

/// Someone pushes to `branch`.
pub(super) fn someone_pushes(stage: &Stage, branch: &str, path: &str, text: &str) -> String {
    let bare = stage.bare();
    git(&stage.seed(), &["fetch", "-q", bare.to_str().unwrap(), branch]);
    git(&stage.seed(), &["checkout", "-q", "-B", "work", "FETCH_HEAD"]);
    write(&stage.seed(), path, text);
    let sha = commit_all(&stage.seed(), "by hand");
    git(&stage.seed(), &["push", "-q", bare.to_str().unwrap(), &format!("work:refs/heads/{branch}")]);
    sha
}

#[test]
fn a_failure_that_is_healed_already_is_not_healed_again() {
    let stage = Stage::calculator();
    stage.heal(&stage.runner(), &stage.step()).expect("healed", 0);
    let first = stage.heal_commit();
    // The job is run again, or another leg of its matrix comes to the same fix.
    let again = stage.heal(&stage.runner(), &stage.step());
    again.expect("healed", 0);
    assert_eq!(stage.heal_commit(), first);
    assert_eq!(stage.hub.pulls().len(), 1);
    assert_eq!((again.output("branch"), again.output("commit")), (first.0.as_str(), first.1.as_str()));
    assert!(again.output("pull-request-url").ends_with("/pull/1"), "{:?}", again.step.outputs);
}

#[test]
fn a_heal_that_people_work_on_is_left_to_them() {
    let stage = Stage::calculator();
    stage.heal(&stage.runner(), &stage.step()).expect("healed", 0);
    let (branch, ..) = stage.heal_commit();
    let theirs = someone_pushes(&stage, &branch, "calc.py", "def add(a, b):\n    return b + a\n");
    let again = stage.heal(&stage.runner(), &stage.step());
    again.expect("refused", 1);
    again.says("its branch has commits of others");
    assert_eq!(git(&stage.bare(), &["rev-parse", &branch]), theirs);
    assert_eq!(stage.heal_branches(), [branch]);
    assert_eq!(stage.hub.pulls().len(), 1);
    assert_eq!(again.output("patch-file"), ".ci-healer/fix.patch", "what was proven is not lost");
}

#[test]
fn a_fix_that_people_did_not_want_is_not_offered_again() {
    let stage = Stage::calculator();
    stage.heal(&stage.runner(), &stage.step()).expect("healed", 0);
    let (branch, ..) = stage.heal_commit();
    stage.hub.change_pull(1, |pull| pull.open = false);
    git(&stage.bare(), &["branch", "-D", &branch]);
    let again = stage.heal(&stage.runner(), &stage.step());
    again.expect("refused", 1);
    again.says("closed without being merged");
    assert!(stage.heal_branches().is_empty());
    assert_eq!(stage.hub.pulls().len(), 1);
}

#[test]
fn a_heal_is_closed_when_the_branch_is_green_without_it() {
    let stage = Stage::calculator();
    stage.heal(&stage.runner(), &stage.step()).expect("healed", 0);
    // Another job's heal is not ours to judge.
    let mut other = stage.hub.pulls()[0].clone();
    let job = other.body.rsplit_once("job:").unwrap().1.split(' ').next().unwrap().to_owned();
    other.body = other.body.replace(&job, "0123456789abcdef");
    other.head = "heal/other".to_owned();
    git(&stage.bare(), &["branch", "heal/other", "main"]);
    stage.hub.add_pull(other);
    let fixed = someone_pushes(&stage, "main", "calc.py", MENDED);
    let runner = stage.runner();
    let run = stage.green_run(&fixed, "main");
    let step = stage
        .step()
        .context("SHA", &fixed)
        .context("RUN_ID", &run.to_string())
        .with("check-run-id", &(run * 1000).to_string());
    stage.heal(&runner, &step).expect("already_green", 0);
    let pulls = stage.hub.pulls();
    assert_eq!(pulls.iter().map(|p| p.open).collect::<Vec<_>>(), [false, true]);
    assert!(pulls[0].body.contains(&format!("green at {fixed} without it")), "{}", pulls[0].body);
}

#[test]
fn a_branch_that_moved_on_meanwhile_is_told() {
    let stage = Stage::calculator();
    let runner = stage.runner();
    let now = someone_pushes(&stage, "main", "README.md", "news\n");
    let ended = stage.heal(&runner, &stage.step());
    ended.expect("healed", 0);
    let (_, _, parent, changed) = stage.heal_commit();
    assert_eq!((parent, changed), (stage.head.clone(), vec!["calc.py".to_owned()]));
    ended.says(&format!("has moved on to `{}`", &now[..7]));
    assert_eq!(ended.results["push"]["base_moved_to"], now.as_str());
    assert!(stage.hub.pulls()[0].body.contains("moved on"), "{}", stage.hub.pulls()[0].body);
}
