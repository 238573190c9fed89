//! What hostile code in the sandbox tries, and that it comes to nothing: shaping what is read back, and what a step
//! tells later ones.

use std::io::Write as _;

use ci_healer::contract::build::Exit;
use ci_healer::contract::git::RepoPath;

use crate::executor::{BASE, Run, Tree, docker, log, plan, step, unique};
use crate::support::engine_proxy::{EngineProxy, Trouble};

/// An archive as an engine under attack might give it.
fn hostile_archive(inside: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut entry = |name: &str, kind: tar::EntryType, link: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o6777);
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    };
    use tar::EntryType::{Block, Char, Fifo, Link, Regular, Symlink};
    for name in
        ["../../../../tmp/ci-healer-escaped", "/tmp/ci-healer-escaped", "a/../../../tmp/ci-healer-escaped"]
    {
        entry(name, Regular, "", b"EVIL=1\n");
    }
    for (name, kind) in
        [("env", Symlink), ("output", Link), ("path", Fifo), ("state", Block), ("summary", Char)]
    {
        entry(&format!("{inside}{name}"), kind, "/etc/passwd", b"");
    }
    entry(&format!("{inside}../0/env"), Regular, "", b"EVIL=1\n");
    out.write_all(&[0; 1024]).unwrap();
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_lead_nowhere() {
    let proxy = EngineProxy::start();
    let mut run = Run::at(&proxy.address(), "tar", |_| {}).await;
    run.tree = Tree::default().with("env", "ours\n");
    assert!(run.bash("true").await.is_green());
    assert!(run.bash("echo theirs > env").await.is_green());
    proxy.trouble("GET /containers/ /archive", Trouble::Answer("application/x-tar", hostile_archive("")));
    let read = run.executor.changed_files(&run.tree).await.unwrap();
    assert_eq!(read, [(RepoPath::new("env").unwrap(), None)], "a link is no file");
    proxy.mend();
    proxy.trouble("GET /containers/ /archive", Trouble::Answer("application/x-tar", hostile_archive("0/")));
    let result = run.steps(vec![step("true"), step("echo evil=$EVIL")]).await;
    proxy.mend();
    assert_eq!(log(&result), "evil=\n", "{result:?}");
    assert!(!std::path::Path::new("/tmp/ci-healer-escaped").exists());
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_through_a_folder_that_became_a_link() {
    let script = "rm -rf dir; ln -s /etc dir";
    let mut run = Run::new("linked", |_| {}).await;
    run.tree = Tree::default().with("dir/passwd", "ours\n");
    assert!(run.bash(script).await.is_green());
    let read = run.executor.changed_files(&run.tree).await.unwrap();
    assert_eq!(read, [(RepoPath::new("dir/passwd").unwrap(), None)]);
    run.close().await;

    // Without the tools to look with nothing is read at all.
    let image = unique("bare");
    let made = docker(&["create", BASE, "rm", "/usr/bin/find", "/usr/bin/xargs"]);
    docker(&["start", "--attach", &made]);
    docker(&["commit", &made, &image]);
    docker(&["rm", &made]);
    let mut run = Run::new("linked-bare", |_| {}).await;
    run.tree = Tree::default().with("dir/passwd", "ours\n");
    let mut bare = plan(vec![step(script)]);
    bare.image.reference = image.clone();
    assert!(run.execute(&bare, false).await.is_green());
    let error = run.executor.changed_files(&run.tree).await.unwrap_err();
    assert!(error.to_string().contains("needs `find`"), "{error}");
    run.close().await;
    docker(&["rmi", &image]);
}

#[tokio::test(flavor = "multi_thread")]
async fn command_files_say_what_the_step_wrote_and_no_more() {
    let mut run = Run::new("commands", |_| {}).await;
    let planted = "ln -sf /etc/passwd $GITHUB_ENV; rm $GITHUB_OUTPUT; mkdir $GITHUB_OUTPUT; rm $GITHUB_PATH; mkfifo $GITHUB_PATH; \
                   ln -sf /proc/1/environ $GITHUB_STEP_SUMMARY; rm -f $GITHUB_STATE";
    let look = step("env | grep -c root: || true");
    let result = run.steps(vec![step(planted), look.clone()]).await;
    assert!(result.is_green(), "{result:?}\n{}", log(&result));
    assert_eq!(log(&result), "0\n");
    // A folder that grew beyond all limits fails its step.
    let large = run.steps(vec![step("truncate -s 100G $GITHUB_OUTPUT"), look.clone()]).await;
    assert_eq!((large.exit, large.failed_step), (Exit::Exited { code: 1 }, Some(0)));
    // A step that ends its own sandbox has given no verdict.
    let suicide = run.steps(vec![step("kill -TERM 1; sleep 30")]).await;
    assert!(
        matches!(&suicide.exit, Exit::Infrastructure { what } if what.contains("from outside")),
        "{suicide:?}"
    );
    let others = run.bash("kill -9 -1; true").await;
    assert!(!others.is_green() || log(&others).is_empty(), "{others:?}");
    assert!(run.execute(&plan(vec![look]), false).await.is_green(), "the run goes on");
    run.close().await;
}
