//! The one comment in the failing pull request, and running failed jobs again, over GitHub's interface.

use ci_healer::contract::git::{CommitSha, RepoPath};
use ci_healer::github::{
    ReviewComment, StatusComment, rerun_failed_jobs, review, reviewable_lines, write_comment,
};

use crate::support::git::{Sandbox, commit_all, git, write};
use crate::support::github::{
    APP_TOKEN, CLASSIC_PAT, CiScript, FakeGitHub, FakeJob, FakePull, JOB_TOKEN, READ_ONLY_JOB_TOKEN,
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

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_review_of_a_fix_on_lines_of_the_diff() {
    let (dir, hub) = hub();
    let seed = dir.join("seed");
    git(dir.path(), &["clone", "-q", dir.join("widget.git").to_str().unwrap(), seed.to_str().unwrap()]);
    write(&seed, "a.py", &(1..30).map(|n| format!("line{n} = {n}\n")).collect::<String>());
    commit_all(&seed, "first");
    git(&seed, &["checkout", "-q", "-b", "topic"]);
    let old = std::fs::read_to_string(seed.join("a.py")).unwrap();
    write(&seed, "a.py", &old.replace("line10 = 10", "line10 = 11"));
    let head = CommitSha::new(&commit_all(&seed, "work")).unwrap();
    git(&seed, &["push", "-q", "origin", "main", "topic"]);
    hub.add_pull(FakePull {
        head: "topic".to_owned(),
        base: "main".to_owned(),
        open: true,
        ..FakePull::default()
    });

    let client = hub.client(JOB_TOKEN);
    let lines = reviewable_lines(&client, &FakeGitHub::slug(), 1).await.unwrap();
    let of_file = &lines[&RepoPath::new("a.py").unwrap()];
    assert_eq!(of_file.keys().copied().collect::<Vec<_>>(), (7..=13).collect::<Vec<_>>());
    assert_eq!(of_file[&10], "line10 = 11");

    let at = |first, last| ReviewComment {
        path: RepoPath::new("a.py").unwrap(),
        first,
        last,
        body: "```suggestion\nx\n```\n".to_owned(),
    };
    let say = async |token, mark: &str, comments: &[ReviewComment]| {
        review(&hub.client(token), &FakeGitHub::slug(), 1, &head, ("text", mark), comments).await
    };
    assert!(say(JOB_TOKEN, "f00d", &[at(29, 29)]).await.is_err(), "outside the diff");
    assert!(say(READ_ONLY_JOB_TOKEN, "f00d", &[at(10, 10)]).await.is_err(), "only with a token that may");
    say(CLASSIC_PAT, "f00d", &[at(10, 10)]).await.unwrap();
    // Another's review with the same mark is none of ours, and ours is made once.
    say(JOB_TOKEN, "f00d", &[at(10, 10), at(11, 13)]).await.unwrap();
    say(JOB_TOKEN, "f00d", &[at(10, 10)]).await.unwrap();
    let reviews = hub.reviews();
    assert_eq!(reviews.iter().map(|r| r.comments.len()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(reviews[1].commit, head.to_string());
    assert_eq!(reviews[1].comments[0].get("start_line"), None);
    assert_eq!(reviews[1].comments[1]["start_line"], 11);
}
