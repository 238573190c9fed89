//! The one comment in the failing pull request, and running failed jobs again, over GitHub's interface.

use ci_healer::github::{StatusComment, rerun_failed_jobs, write_comment};

use crate::support::git::{Sandbox, git};
use crate::support::github::{
    APP_TOKEN, CLASSIC_PAT, CiScript, FakeGitHub, FakeJob, JOB_TOKEN, READ_ONLY_JOB_TOKEN,
};

fn hub() -> (Sandbox, FakeGitHub) {
    let dir = Sandbox::new();
    let bare = dir.join("widget.git");
    git(dir.path(), &["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
    let hub = FakeGitHub::start(&bare);
    (dir, hub)
}

async fn say(hub: &FakeGitHub, token: &str, body: &str, may_begin: bool) -> Result<(), String> {
    let said = StatusComment { number: 7, job: "c0de", body, may_begin };
    write_comment(&hub.client(token), &FakeGitHub::slug(), &said).await.map_err(|e| e.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_comment_and_it_is_kept_up_to_date_by_its_author_alone() {
    for token in [JOB_TOKEN, APP_TOKEN, CLASSIC_PAT] {
        let (_dir, hub) = hub();
        say(&hub, token, "green", false).await.unwrap();
        assert!(hub.comments().is_empty(), "nothing is begun where there is nothing to say");
        say(&hub, token, "not healed", true).await.unwrap();
        let first = hub.comments().remove(0);
        // Another's comment with our mark, and ours of another job.
        hub.comment(7, "mallory", &first.body);
        hub.comment(7, &first.login, &first.body.replace("job:c0de", "job:beef"));
        say(&hub, token, "healed", true).await.unwrap();
        say(&hub, token, "green", false).await.unwrap();
        let said = hub.comments();
        assert_eq!(said.len(), 3, "{token}: {said:?}");
        assert!(said[0].body.starts_with("green\n"), "{said:?}");
        assert!(said[1..].iter().all(|other| other.body.starts_with("not healed")), "{said:?}");
        // The same again is no request.
        let before = hub.requests().len();
        say(&hub, token, "green", false).await.unwrap();
        assert!(hub.requests()[before..].iter().all(|request| !request.starts_with("PATCH")));
    }
    let (_dir, hub) = hub();
    assert!(say(&hub, READ_ONLY_JOB_TOKEN, "x", true).await.is_err(), "only with a token that may");
    assert!(hub.comments().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_jobs_are_run_again_when_their_run_is_over() {
    let (_dir, hub) = hub();
    let file = ".github/workflows/ci.yml";
    let run = hub.past_run(file, &"a".repeat(40), "main", CiScript::fails("no"));
    rerun_failed_jobs(&hub.client(JOB_TOKEN), &FakeGitHub::slug(), run).await.unwrap();
    let script = CiScript { conclusion: "", jobs: vec![FakeJob::new("test", "", "")], ..CiScript::passes() };
    let going_on = hub.past_run(file, &"b".repeat(40), "main", script);
    assert!(rerun_failed_jobs(&hub.client(JOB_TOKEN), &FakeGitHub::slug(), going_on).await.is_err());
}
