//! What hostile code in the sandbox tries, and that it comes to nothing: reaching out of the container, shaping what is
//! read back, planting what others might run, spoiling the next execution.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use ci_healer::contract::build::{BuildPlan, Exit, PlanStep};
use ci_healer::contract::git::{FileMode, RepoPath};

use crate::executor::{BASE, Run, Tree, docker, log, plan, step, unique};
use crate::heal::Story;
use crate::support::engine_proxy::{EngineProxy, Trouble};

/// Whether `host:port` takes a connection from inside the sandbox: `open`, or why not.
const REACH: &str = r#"reach() {
  perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => 4);
    print $s ? "open" : "closed", " $ARGV[2]\n"' "$1" "$2" "$3"
}
"#;

/// A container of somebody else's, on a network of its own, that listens on port 8080.
struct Neighbour(String);

impl Neighbour {
    fn new() -> Self {
        let name = unique("neighbour");
        docker(&["network", "create", "--label", "ci-healer-test.network=escapes", &name]);
        let listen = "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 9, ReuseAddr => 1) or die; while (my $c = $s->accept) { close $c }";
        docker(&["run", "-d", "--rm", "--name", &name, "--network", &name, BASE, "perl", "-e", listen]);
        Self(name)
    }

    fn address(&self) -> String {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        docker(&["inspect", "--format", format, &self.0])
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        docker(&["rm", "-f", &self.0]);
        docker(&["network", "rm", &self.0]);
    }
}

fn takes_connections(address: &str) -> bool {
    (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        let address = address.to_socket_addrs().unwrap().next().unwrap();
        TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_is_in_reach() {
    let mut run = Run::new("reach", |_| {}).await;
    let neighbour = Neighbour::new();
    let other = neighbour.address();
    // From here it can be reached: that it cannot from the sandbox says something.
    assert!(takes_connections(&format!("{other}:8080")));
    let loopback = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = loopback.local_addr().unwrap().port();
    let script = format!(
        "{REACH}\
         reach 127.0.0.1 {port} 'the machine’s loopback'\n\
         reach 169.254.169.254 80 'the machine’s credentials'\n\
         reach 169.254.170.2 80 'the task’s credentials'\n\
         reach {other} 8080 'another container'\n\
         reach 1.1.1.1 1 'a way to tell open from closed' >/dev/null\n\
         for s in /var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock; do test ! -e $s || echo found $s; done\n\
         env | grep -iE 'docker|token|secret' || echo no name of a secret"
    );
    let result = run.bash(&script).await;
    assert!(result.is_green(), "{result:?}\n{}", log(&result));
    let want = "closed the machine’s loopback\nclosed the machine’s credentials\nclosed the task’s credentials\nclosed another container\nno name of a secret\n";
    assert_eq!(log(&result), want);
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernel_s_doors_are_shut() {
    let mut run = Run::new("kernel", |_| {}).await;
    // As root, as jobs in containers are.
    let tries = [
        ("a device node", "mknod /tmp/disk b 8 0"),
        ("a mount", "mount -t tmpfs none /mnt"),
        ("another root", "chroot / true"),
        ("a namespace", "unshare --mount true"),
        ("the core pattern", "echo '|/workspace/evil' > /proc/sys/kernel/core_pattern"),
        ("a sysctl", "echo 1 > /proc/sys/kernel/panic"),
        ("the sysrq trigger", "echo b > /proc/sysrq-trigger"),
        ("the kernel's memory", "head -c1 /dev/mem"),
        ("a disk of the machine", "head -c1 /dev/vda || head -c1 /dev/sda"),
        // With the older cgroups the folder above the controllers is the container's own.
        (
            "cgroups",
            "mkdir /sys/fs/cgroup/memory/evil || { cd /sys/fs/cgroup && test -e cgroup.procs && mkdir evil; }",
        ),
        (
            "its own limits",
            "cd /sys/fs/cgroup && { echo max > pids/pids.max || { test -e cgroup.procs && echo max > pids.max; }; }",
        ),
        ("a program the kernel runs", "echo /workspace/evil > /sys/fs/cgroup/memory/release_agent"),
        ("a raw socket", "perl -MSocket -e 'socket(my $s, PF_INET, SOCK_RAW, 1) or exit 1'"),
        ("the clock", "date -s 2001-01-01"),
        (
            "the route to the credentials",
            "perl -e 'open(my $f, \">\", \"/proc/sys/net/ipv4/conf/eth0/route_localnet\") or exit 1'",
        ),
        ("a file capability", "cp /bin/true /tmp/true && setcap cap_net_raw+ep /tmp/true"),
    ];
    let mut script = String::from("set +e\n");
    for (what, attempt) in tries {
        script += &format!("if ( {attempt} ) >/dev/null 2>&1; then echo \"GOT {what}\"; fi\n");
    }
    let result = run.bash(&(script + "echo tried")).await;
    assert_eq!(log(&result), "tried\n");
    assert!(result.is_green());
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_back_is_files_and_nothing_else() {
    let mut run = Run::new("readback", |_| {}).await;
    for name in ["link", "pipe", "folder", "setuid", "huge", "gone", "hard"] {
        run.tree.set(name, FileMode::Regular, b"ours\n");
    }
    run.tree.set("d/passwd", FileMode::Regular, b"ours\n");
    let script = "ln -sf /etc/shadow link; rm pipe; mkfifo pipe; rm folder; mkdir folder; echo x > folder/ours; \
                  cp /bin/true setuid; chmod 6755 setuid; rm gone; rm hard; ln /etc/hostname hard 2>/dev/null || ln -s /proc/1/environ hard; \
                  rm -r d; ln -s /etc d; printf 'x' > $'line\\nbreak'; mkdir -p sub/..evil; echo changed > sub/..evil/f";
    assert!(run.bash(script).await.is_green());
    let names = ["link", "pipe", "folder", "gone", "hard", "d/passwd"].map(|n| RepoPath::new(n).unwrap());
    let changed = run.executor.changed_files(&run.tree, &run.scope).await.unwrap();
    for name in names {
        assert!(changed.contains(&(name.clone(), None)), "{name}: {changed:?}");
    }
    let setuid = changed.iter().find(|(p, _)| p.as_str() == "setuid").unwrap();
    // Contents alone come back; rights stay the tree's.
    assert!(setuid.1.as_ref().is_some_and(|c| c.starts_with(b"\x7fELF")));
    let untracked: Vec<_> = changed.iter().filter(|(p, _)| !run.tree.contents.contains_key(p)).collect();
    assert!(untracked.is_empty(), "{untracked:?}");

    // The next execution finds its own files: no link that was left leads them elsewhere.
    run.tree.set("d/passwd", FileMode::Regular, b"newer\n");
    let look = "test ! -L d; cat d/passwd link setuid; test -f pipe; test -f folder; stat -c %a setuid; ! grep -q newer /etc/passwd; grep -q ^root: /etc/passwd";
    let result = run.bash(look).await;
    assert!(result.is_green(), "{result:?}\n{}", log(&result));
    assert_eq!(log(&result), "newer\nours\nours\n644\n");

    // More than memory: refused in the middle, and the run goes on.
    assert!(run.bash("truncate -s 1T huge").await.is_green());
    let refused = run.executor.changed_files(&run.tree, &run.scope).await.unwrap_err();
    assert!(refused.to_string().contains("larger than"), "{refused}");
    assert!(run.bash("cat huge").await.is_green(), "what is tracked is as it was");
    run.close().await;
}

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
    let read = run.executor.changed_files(&run.tree, &run.scope).await.unwrap();
    assert_eq!(read, [(RepoPath::new("env").unwrap(), None)], "a link is no file");
    proxy.fix();
    proxy.trouble("GET /containers/ /archive", Trouble::Answer("application/x-tar", hostile_archive("0/")));
    let result = run.steps(vec![step("true"), step("echo evil=$EVIL")]).await;
    proxy.fix();
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
    let read = run.executor.changed_files(&run.tree, &run.scope).await.unwrap();
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
    let error = run.executor.changed_files(&run.tree, &run.scope).await.unwrap_err();
    assert!(error.to_string().contains("needs `find`"), "{error}");
    run.close().await;
    docker(&["rmi", &image]);
}

/// A job's own `container:`, whose steps run as its user.
fn as_root(steps: Vec<PlanStep>) -> BuildPlan {
    let mut plan = plan(steps);
    plan.image.from_container = true;
    plan
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
    let suicide = run.execute(&as_root(vec![step("kill -TERM 1; sleep 30")]), false).await;
    assert!(
        matches!(&suicide.exit, Exit::Infrastructure { what } if what.contains("from outside")),
        "{suicide:?}"
    );
    let others = run.bash("kill -9 -1; true").await;
    assert!(!others.is_green() || log(&others).is_empty(), "{others:?}");
    assert!(run.execute(&plan(vec![look]), false).await.is_green(), "the run goes on");
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_step_plants_serves_no_later_execution() {
    let mut run = Run::new("planted-tools", |_| {}).await;
    run.tree = Tree::default().with("a.txt", "a\n").with("package.json", "{}\n");
    // A tool before the real one, start-up files, the dynamic loader's list, system settings, files for the runner,
    // and whatever keeps running.
    let plant = "\
        mkdir -p ~/.local/bin ~/bin /usr/local/bin 2>/dev/null\n\
        for dir in /usr/local/bin /usr/local/sbin ~/.local/bin ~/bin; do printf '#!/bin/sh\\necho PLANTED\\n' | \
        tee $dir/cat >/dev/null 2>&1 && chmod 755 $dir/cat; done\n\
        echo 'cat() { echo PLANTED; }; export -f cat' | tee -a ~/.bashrc ~/.bash_profile ~/.profile >/dev/null\n\
        echo /nowhere/planted.so | tee /etc/ld.so.preload >/dev/null\n\
        echo '203.0.113.9 registry.npmjs.org' | tee -a /etc/hosts >/dev/null\n\
        echo PLANTED > /tmp/planted; echo registry=http://203.0.113.9 > ~/.npmrc\n\
        echo 'BASH_ENV=/tmp/planted' >> $GITHUB_ENV; echo /tmp >> $GITHUB_PATH\n\
        (setsid sleep 600 >/dev/null 2>&1 &)";
    let look = "\
        echo \"[$(cat a.txt)]\"; test ! -e /etc/ld.so.preload; ! grep -q 203.0.113 /etc/hosts\n\
        test ! -e /tmp/planted; test ! -e ~/.npmrc; test -z \"$BASH_ENV\"\n\
        case :$PATH: in *:/tmp:*) exit 1; esac\n\
        ! grep -qs PLANTED ~/.bashrc ~/.bash_profile ~/.profile\n\
        for p in /proc/[0-9]*; do ! tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q '^sleep 600'; done";
    // Root can plant more than the steps' own user can.
    let planted = run.execute(&as_root(vec![step(plant)]), false).await;
    assert!(planted.is_green(), "{}", log(&planted));
    for fresh in [false, true] {
        let result = run.execute(&as_root(vec![step(look)]), fresh).await;
        assert!(
            result.is_green() && log(&result) == "[a]\n",
            "fresh {fresh}: {:?}\n{}",
            result.exit,
            log(&result)
        );
    }
    // What lies in the workspace stays for the next attempt, which builds on it; a proof has none of it.
    let build = run.bash("mkdir node_modules; echo x > node_modules/planted.js").await;
    assert!(build.is_green(), "{}", log(&build));
    assert!(run.bash("test -e node_modules/planted.js").await.is_green());
    assert!(run.execute(&plan(vec![step("test ! -e node_modules")]), true).await.is_green());
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_hooks_and_configuration_run_nowhere() {
    // As names in a folder that everybody may write to, so that whoever ran it would be seen.
    let marks = tempfile::tempdir().unwrap();
    let mark = marks.path().join("owned").display().to_string();
    let plant = format!(
        "mkdir -p .git/hooks .git/info\n\
         for h in pre-push post-commit post-checkout reference-transaction; do printf '#!/bin/sh\\nmkdir -p {dir}; touch {mark}\\n' > .git/hooks/$h; chmod +x .git/hooks/$h; done\n\
         git config core.fsmonitor 'touch {mark}'\n\
         git config core.sshCommand 'touch {mark}'\n\
         git config filter.evil.clean 'touch {mark}'\n\
         echo '* filter=evil' > .git/info/attributes\n\
         rm -rf .github; ln -s /etc .github\n",
        dir = marks.path().display()
    );
    let ci = format!(
        "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v6\n      - run: |\n{}          python3 -m unittest\n",
        plant.lines().map(|l| format!("          {l}\n")).collect::<String>()
    );
    let story = Story::new(&[
        (".github/workflows/ci.yml", &ci),
        ("calc.py", "def add(a, b)\n    return a + b\n"),
        (
            "test_calc.py",
            "import unittest\n\nfrom calc import add\n\n\nclass AddTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n",
        ),
    ])
    .flag("providers", "toolchain");
    // The checkout was within reach of such code as well.
    let hook = story.repo().join(".git/hooks/pre-push");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, format!("#!/bin/sh\ntouch {mark}\nexit 1\n")).unwrap();
    crate::support::git::make_executable(&hook);
    let config = story.repo().join(".git/config");
    let text = std::fs::read_to_string(&config).unwrap();
    let poison = format!(
        "[core]\n\tfsmonitor = touch {mark}\n\thooksPath = {}\n[filter \"evil\"]\n\tsmudge = touch {mark}\n[diff]\n\texternal = touch {mark}\n[credential]\n\thelper = !touch {mark}\n",
        hook.parent().unwrap().display()
    );
    std::fs::write(&config, text + &poison).unwrap();
    story.heal().await.expect("healed", 0);
    assert!(!std::path::Path::new(&mark).exists(), "somebody's hook or command ran on this machine");
    assert_eq!(story.healed_file("calc.py"), "def add(a, b):\n    return a + b\n");
}
