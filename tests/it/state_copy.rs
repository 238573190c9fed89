//! Where a counter-proof starts: in the state that its proof had just before the step, kept apart, and nowhere else.

use ci_healer::contract::build::{BuildPlan, ExecutionResult, PlanStep};
use ci_healer::contract::event::Purpose;
use ci_healer::contract::fix::FileChange;
use ci_healer::contract::git::{FileMode, RepoPath};
use ci_healer::executor::{Copies, Request};

use crate::executor::{Plain, Run, Tree, docker, left_by, log, plan, step};
use crate::heal::{Ended, Story};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

impl Run {
    async fn with_copies(
        &mut self,
        plan: &BuildPlan,
        purpose: Purpose,
        tree: &Tree,
        copies: Copies<'_>,
    ) -> ExecutionResult {
        let request = Request {
            purpose,
            leg: 0,
            tree,
            git_dir: None,
            fresh: true,
            from_snapshot: false,
            copies,
            probes: &[],
            repeats: None,
            watched: None,
            tracer: None,
        };
        // Six of them in one test would not fit a thread's stack.
        Box::pin(self.executor.execute(plan, &Plain, &request, self.events.as_ref(), &self.scope)).await
    }
}

fn change(path: &str, before: &str, after: Option<&str>) -> FileChange {
    FileChange {
        path: RepoPath::new(path).unwrap(),
        before: Some(before.to_owned()),
        after: after.map(str::to_owned),
    }
}

/// What a look says of the workspace and of what lies elsewhere: names, kinds, owners, modes, times, links, contents. An
/// image of a container knows whole seconds alone.
const LOOK: &str = "find . ! -path './planted*' ! -path . -printf '%p %y %u:%g %m %T@ %n %l\\n' | sort\n\
     find /tmp/outside /opt/tool -printf '%p %y %u:%g %m %T@ %n\\n' | sed 's/\\.[0-9]* / /' | sort\n\
     cat built tracked.txt /tmp/outside/*; echo \"$FROM_ENV $(tool) $(cat /proc/1/comm)\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_the_state_just_before_the_step_and_is_used_once() {
    let mut run = Run::new("copy", |_| {}).await;
    let set_up = "echo set up; sleep 2.1; echo made >built; chmod 640 built; ln built twin; ln -s built link; mkdir -m 700 d; mkfifo d/fifo\n\
         echo stamped >>tracked.txt; mkdir /tmp/outside; echo elsewhere >/tmp/outside/x\n\
         printf '#!/bin/sh\\necho tool\\n' >/opt/tool; chmod +x /opt/tool; ln -s /opt/tool /usr/local/bin/tool\n\
         echo FROM_ENV=known >>$GITHUB_ENV; echo result=7 >>$GITHUB_OUTPUT";
    let first = PlanStep { id: Some("one".to_owned()), ..step(set_up) };
    let asked = step(&format!(
        "{LOOK}\ncat planted* 2>/dev/null; echo ${{{{ steps.one.outputs.result }}}}\nrm -rf built d; echo marked >/tmp/mark; test ! -e mark && touch mark"
    ));
    let plan = plan(vec![first, asked, step("echo behind")]);
    let tree = Tree::default().with("tracked.txt", "as it is\n").with("planted-gone", "gone\n");
    let proof = run.with_copies(&plan, Purpose::FinalProof, &tree, Copies::Keep(&[1])).await;
    assert!(proof.is_green(), "{:?}\n{}", proof.exit, log(&proof));
    assert!(run.executor.has_copy(0, 1), "{:?}", proof.notes);

    let changes = [change("planted", "", Some("planted\n")), change("planted-gone", "gone\n", None)];
    let mut planted = Tree::default().with("tracked.txt", "as it is\n");
    planted.set("planted", FileMode::Regular, b"planted\n");
    let start = Copies::StartFrom { step: 1, changes: &changes };
    let asked = run.with_copies(&plan, Purpose::CounterProof, &planted, start).await;
    assert!(asked.is_green(), "{:?}\n{}", asked.exit, log(&asked));
    let told = log(&proof).replace("set up\n", "").replace("gone\n7\n", "planted\n7\n");
    assert_eq!(log(&asked), told, "nothing else differs, and nothing of the step itself is there");
    assert_eq!(asked.steps[0].exit_code, Some(0));
    assert!(asked.steps[0].note.is_some() && asked.steps[1].note.is_none());

    // It is gone with the container; whoever asks again begins at the beginning.
    assert!(!run.executor.has_copy(0, 1));
    let again = run.with_copies(&plan, Purpose::CounterProof, &planted, start).await;
    assert!(again.is_green() && log(&again).starts_with("set up\n"), "{}", log(&again));

    // What other code comes to is no state of a proof; and what was kept and never used goes with the run.
    run.with_copies(&plan, Purpose::FinalProof, &tree, Copies::Keep(&[1])).await;
    let label = format!("label=ci-healer.run={}", run.run);
    assert!(run.executor.has_copy(0, 1) && left_by(&run.run).iter().any(|o| o.starts_with("image ")));
    let other = [change("planted", "", Some("planted\n"))];
    let start = Copies::StartFrom { step: 1, changes: &other };
    let unlike = run.with_copies(&plan, Purpose::CounterProof, &planted, start).await;
    assert!(log(&unlike).starts_with("set up\n"), "more differs than is said: {}", log(&unlike));
    run.with_copies(&plan, Purpose::FinalProof, &tree, Copies::Keep(&[1])).await;
    run.with_copies(&plan, Purpose::RepeatedProof, &tree, Copies::None).await;
    assert!(!run.executor.has_copy(0, 1));
    run.with_copies(&plan, Purpose::FinalProof, &tree, Copies::Keep(&[1])).await;
    assert!(docker(&["volume", "ls", "-q", "--filter", &label]).contains("-before-1"));
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_no_copy_is_set_up_anew() {
    let mut run = Run::new("no-copy", |_| {}).await;
    let tree = Tree::default();
    for (set_up, why) in [
        (
            "setsid sleep 100 >/dev/null 2>&1 & sleep 2.1",
            Some("set up anew: earlier steps left processes running"),
        ),
        ("sleep 2.1; echo x >/dev/shm/x", Some("set up anew: earlier steps left something in memory")),
        // Nothing was set up that is worth it.
        ("echo quick", None),
    ] {
        let plan = plan(vec![step(set_up), step("echo asked")]);
        let proof = run.with_copies(&plan, Purpose::FinalProof, &tree, Copies::Keep(&[1])).await;
        assert!(proof.is_green() && !run.executor.has_copy(0, 1), "{set_up}: {}", log(&proof));
        let start = Copies::StartFrom { step: 1, changes: &[] };
        let asked = run.with_copies(&plan, Purpose::CounterProof, &tree, start).await;
        assert!(asked.is_green() && asked.steps[0].note.is_none(), "{set_up}: {}", log(&asked));
        assert_eq!(
            asked.notes.iter().find(|note| note.contains("anew")).map(String::as_str),
            why,
            "{set_up}"
        );
    }
    run.close().await;
}

/// A job that sets up for a while before it tests.
async fn heal(set_up: &str, test: &str, files: &[(&str, &str)], fix: (&str, &str)) -> (Story, Ended) {
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![Answer::fix(0.9, &[("calc.py", fix.0, fix.1)])]).await;
    let ci = format!(
        "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v5\n      - run: |\n          \
         echo the set-up runs\n          sleep 2.1\n          {set_up}\n      - run: {test}\n"
    );
    let mut all = vec![(".github/workflows/ci.yml", ci.as_str())];
    all.extend(files);
    let story = Story::new(&all)
        .flag("flaky-runs", "0")
        .flag("providers", "gemini")
        .flag("max-attempts", "1")
        .with_gemini(&gemini);
    let ended = story.heal().await;
    (story, ended)
}

/// How often the set-up ran, and how often the plan did.
fn runs(ended: &Ended) -> (usize, usize) {
    (
        ended.text.lines().filter(|line| line.contains("the set-up runs") && !line.contains("echo")).count(),
        ended.executions,
    )
}

const WRONG: (&str, &str) = ("calc.py", "def add(a, b):\n    return a - b\n");
const RIGHT: (&str, &str) = ("return a - b", "return a + b");

/// Needs what the set-up left in the workspace, in the container and in git.
const TEST: &str = "import pathlib\nimport subprocess\nimport unittest\n\nfrom calc import add\n\n\nclass AddTest(unittest.TestCase):\n    \
     def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n\n    def test_set_up(self):\n        \
     self.assertTrue(pathlib.Path('built').exists() and pathlib.Path('/tmp/built').exists())\n        \
     told = subprocess.run(['git', 'config', 'heal.set-up'], capture_output=True, text=True).stdout\n        \
     self.assertEqual(told.strip(), 'done')\n        changed = subprocess.run(['git', 'diff', 'HEAD', '--stat'], capture_output=True, text=True)\n        \
     self.assertEqual((changed.returncode, changed.stdout), (0, ''))\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_proof_costs_one_run_of_its_step() {
    let set_up = "touch built /tmp/built; git config heal.set-up done";
    let files = [WRONG, ("test_calc.py", TEST)];
    let (_, ended) = heal(set_up, "python3 -m unittest", &files, RIGHT).await;
    ended.expect("healed", 0);
    assert_eq!(ended.results["final_proof"]["counter_proofs"][0]["result"], "caught", "{}", ended.text);
    // The failing commit, the attempt, the proof; and the counter-proof without it.
    assert_eq!(runs(&ended), (3, 4), "{}", ended.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_step_builds_is_built_of_what_is_planted() {
    // The tests that run are copies: what is planted into the kept state is nowhere among them.
    let files = [
        WRONG,
        (
            "tests/test_calc.py",
            "import unittest\n\nfrom calc import add\n\n\nclass AddTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n",
        ),
    ];
    let set_up = "rm -rf dist; cp -r tests dist";
    let (_, ended) = heal(set_up, "PYTHONPATH=. python3 -m unittest discover -s dist", &files, RIGHT).await;
    ended.expect("healed", 0);
    assert_eq!(ended.results["final_proof"]["counter_proofs"][0]["result"], "caught", "{}", ended.text);
    assert_eq!(runs(&ended), (4, 5), "{}", ended.text);
}

/// Leaves the tests alone where a test run has been before it.
const SHY: &str = "import pathlib\nimport unittest\n\nmarks = [pathlib.Path('.seen'), pathlib.Path('/tmp/seen')]\nif not any(mark.exists() for mark in marks):\n    \
     unittest.TestCase.assertEqual = lambda *values: None\nfor mark in marks:\n    mark.touch()\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_green_run_left_hides_no_disarmed_judge() {
    let test = "import unittest\n\nfrom calc import add\n\n\nclass AddTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n";
    let files = [WRONG, ("shy.py", SHY), ("test_calc.py", test)];
    let fix = ("def add(a, b):", "import shy\n\n\ndef add(a, b):");
    let (story, ended) = heal("true", "python3 -m unittest", &files, fix).await;
    assert_ne!(ended.outcome(), "healed", "{}", ended.text);
    let proposal = &ended.results["iterations"][0]["proposals"][0];
    assert_eq!(proposal["rejection"]["kind"], "judge_disarmed", "{proposal:#}\n{}", ended.text);
    assert_eq!(runs(&ended), (3, 4), "what it showed is plain: {}", ended.text);
    assert!(story.heal_branches().is_empty());
}
