use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::contract::action::{ActionPhase, ActionSource, ActionTree, ActionTrees};
use crate::contract::build::{JobState, PreparedStep, StepEvaluator, StepOutcome, StepState};
use crate::contract::git::{CommitSha, FileMode, RepoPath, SourceTree, TreeFile};
use crate::contract::settings::ActionsMode;
use crate::plan::{PlanError, PlanRequest, Planned, plan};

struct Files(Vec<TreeFile>, BTreeMap<RepoPath, String>);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let path = |path: &str| RepoPath::new(path).unwrap();
        let entry = |name: &str| TreeFile { path: path(name), mode: FileMode::Regular, id: String::new() };
        let texts = files.iter().map(|(name, text)| (path(name), (*text).to_owned())).collect();
        Self(files.iter().map(|(name, _)| entry(name)).collect(), texts)
    }
}

impl SourceTree for Files {
    fn files(&self) -> &[TreeFile] {
        &self.0
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.1.get(path).map(|text| text.as_bytes().to_vec())
    }
}

const COMMIT: &str = "0123456789012345678901234567890123456789";

fn job(steps: &str) -> String {
    format!("on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n{steps}      - run: make\n")
}

fn trees(actions: &[(&str, &str)]) -> ActionTrees {
    let mut trees = ActionTrees::new();
    for (uses, text) in actions {
        let (source, folder) = ActionSource::of(uses).unwrap();
        let file = format!("{folder}/action.yml").trim_start_matches('/').to_owned();
        let commit = CommitSha::new(COMMIT).unwrap();
        let tree = trees.entry(source).or_insert_with(|| Ok(ActionTree { commit, texts: BTreeMap::new() }));
        tree.as_mut().unwrap().texts.insert(file, (*text).to_owned());
    }
    trees
}

fn planned(
    workflow: &str,
    mode: ActionsMode,
    trees: &ActionTrees,
) -> (Result<Planned, PlanError>, Vec<String>) {
    let tree = Files::new(&[(".github/workflows/ci.yml", workflow)]);
    let wanted = Mutex::new(BTreeSet::new());
    let request = PlanRequest {
        actions_mode: mode,
        actions: Some(trees),
        wanted: Some(&wanted),
        ..PlanRequest::of(&tree)
    };
    let plans = plan(&request).map(|mut plans| plans.remove(0));
    (plans, wanted.into_inner().unwrap().iter().map(ToString::to_string).collect())
}

fn auto(steps: &str, actions: &[(&str, &str)]) -> Planned {
    let (planned, wanted) = planned(&job(steps), ActionsMode::Auto, &trees(actions));
    assert_eq!(wanted, [""; 0]);
    planned.unwrap()
}

fn wanted(steps: &str, mode: ActionsMode) -> Vec<String> {
    planned(&job(steps), mode, &ActionTrees::new()).1
}

const JS: &str = "inputs: {a-b: {default: 1}, c: {}}\nruns: {using: node16, main: ./dist/main.js, pre: pre.js, post: post.js, post-if: success()}\n";

#[test]
fn what_is_not_fetched_is_wanted_and_left_out() {
    let steps = "      - uses: Octo/Tool/sub@v1\n      - uses: actions/cache@v4\n";
    let tree = Files::new(&[(".github/workflows/ci.yml", &job(steps))]);
    let plan = plan(&PlanRequest::of(&tree)).unwrap().remove(0).plan;
    assert_eq!(plan.actions.iter().map(|a| a.source.to_string()).collect::<Vec<_>>(), ["octo/tool@v1"]);
    assert_eq!(plan.skipped[0].why, "is not known, so it was left out");
    assert_eq!(wanted(steps, ActionsMode::Auto), ["octo/tool@v1"]);
    assert!(wanted(steps, ActionsMode::Rules).is_empty());
    let mut failed = ActionTrees::new();
    failed.insert(ActionSource::of("octo/tool@v1").unwrap().0, Err("no such ref".to_owned()));
    let (planned, wanted) = planned(&job(steps), ActionsMode::Auto, &failed);
    assert!(wanted.is_empty());
    let why = &planned.unwrap().plan.skipped[0].why;
    assert_eq!(why, "is not known: it could not be fetched (no such ref), so it was left out");
}

#[test]
fn a_job_of_nothing_but_actions_says_what_it_wants_although_it_has_no_plan_yet() {
    let workflow = "on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{uses: o/n@v1}]}}";
    let (planned, wanted) = planned(workflow, ActionsMode::Auto, &ActionTrees::new());
    assert!(planned.is_err());
    assert_eq!(wanted, ["o/n@v1"]);
}

#[test]
fn programs_run_before_the_job_in_it_and_behind_it() {
    let steps = "      - {id: one, uses: o/n@v1, with: {a-b: x, other: '${{ github.token }}'}}\n      - {uses: o/n@v1, if: 'false == true || true'}\n";
    let planned = auto(steps, &[("o/n@v1", JS)]);
    let steps = &planned.plan.steps;
    let names: Vec<_> = steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Pre Run o/n@v1",
            "Pre Run o/n@v1",
            "Run o/n@v1",
            "Run o/n@v1",
            "Run make",
            "Post Run o/n@v1",
            "Post Run o/n@v1"
        ]
    );
    let instance = |at: usize| steps[at].action.as_ref().unwrap().instance;
    assert_eq!((instance(0), instance(6)), (instance(2), instance(2)), "the last to come is tidied up first");
    assert_eq!((instance(1), instance(5)), (instance(3), instance(3)));
    let main = &steps[2];
    let program = &main.action.as_ref().unwrap().program;
    assert_eq!(*program, format!("/ci-healer/actions/o/n/{COMMIT}/dist/main.js"));
    let inputs: Vec<_> = main.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(inputs, ["INPUT_A-B=x", "INPUT_C=", "INPUT_OTHER="]);
    assert_eq!(steps[3].env["INPUT_A-B"], "1");
    assert_eq!((steps[5].condition.as_deref(), steps[5].continue_on_error), (Some("success()"), true));
}

#[test]
fn nothing_is_tidied_up_behind_an_action_that_did_not_run() {
    let planned = auto("      - {uses: o/n@v1}\n", &[("o/n@v1", JS)]);
    let steps = &planned.plan.steps;
    let state = |main: StepOutcome| {
        let ran = |outcome| StepState { outcome, conclusion: outcome, ..StepState::default() };
        let steps =
            vec![ran(StepOutcome::Success), ran(main), ran(StepOutcome::Success), StepState::default()];
        JobState { steps, ..JobState::default() }
    };
    assert_eq!(steps[3].action.as_ref().unwrap().phase, ActionPhase::Post);
    let prepare = |main| planned.evaluator.prepare(&steps[3], &state(main));
    assert!(matches!(prepare(StepOutcome::Success), PreparedStep::Run { .. }));
    assert!(matches!(prepare(StepOutcome::Failure), PreparedStep::Run { .. }));
    assert_eq!(
        prepare(StepOutcome::Skipped),
        PreparedStep::Skip { why: "its action has not run".to_owned() }
    );
}

#[test]
fn a_composite_action_s_inputs_are_what_the_run_says_at_any_depth() {
    let outer = "inputs: {v: {}}\nruns: {using: composite, steps: [{uses: o/inner/sub@main, with: {w: 'a${{ inputs.v }}'}}]}";
    let inner = "inputs: {w: {}}\nruns: {using: composite, steps: [{run: 'echo ${{ inputs.w }} ${{ github.action_path }}', shell: bash, env: {E: '${{ inputs.w }}'}}]}";
    let steps =
        "      - {id: x, run: echo}\n      - {uses: o/outer@v1, with: {v: '${{ steps.x.outputs.o }}'}}\n";
    let planned = auto(steps, &[("o/outer@v1", outer), ("o/inner/sub@main", inner)]);
    let x = StepState {
        id: Some("x".to_owned()),
        outcome: StepOutcome::Success,
        conclusion: StepOutcome::Success,
        outputs: [("o".to_owned(), "7".to_owned())].into(),
    };
    let state = JobState { steps: vec![x, StepState::default()], ..JobState::default() };
    let PreparedStep::Run { script, env, .. } = planned.evaluator.prepare(&planned.plan.steps[1], &state)
    else {
        panic!("it runs")
    };
    let folder = format!("/ci-healer/actions/o/inner/{COMMIT}/sub");
    assert_eq!(script, format!("echo a7 {folder}"));
    assert_eq!((env["E"].as_str(), env["GITHUB_ACTION_PATH"].as_str()), ("a7", folder.as_str()));
}

#[test]
fn actions_that_use_each_other_are_refused_by_name() {
    let to = |uses: &str| format!("runs: {{using: composite, steps: [{{uses: {uses}}}]}}");
    let (a, b) = (to("o/b@v1"), to("o/a@v1"));
    let trees = trees(&[("o/a@v1", &a), ("o/b@v1", &b)]);
    let error = planned(&job("      - uses: o/a@v1\n"), ActionsMode::Auto, &trees).0.unwrap_err();
    assert!(error.to_string().contains("form a cycle: o/a@v1 → o/b@v1 → o/a@v1"), "{error}");
}

#[test]
fn a_set_up_action_is_run_where_no_image_has_what_it_asks_for() {
    let python = |version: &str| {
        format!("      - {{uses: actions/setup-python@v5, with: {{python-version: '{version}'}}}}\n")
    };
    let node = "      - {uses: actions/setup-node@v4, with: {node-version: 20}}\n";
    assert!(wanted(&python("3.9"), ActionsMode::Auto).is_empty(), "an image has it");
    assert_eq!(wanted(&(python("3.9") + node), ActionsMode::Auto), ["actions/setup-python@v5"]);
    assert!(wanted(&(python("3.13") + node), ActionsMode::Auto).is_empty());
    assert!(wanted(&(python("3.9") + node), ActionsMode::Rules).is_empty());
    assert_eq!(wanted(&(python("3.13") + node), ActionsMode::Real).len(), 2);
    let action = [("actions/setup-python@v5", "runs: {using: node24, main: main.js}")];
    let plan = auto(&(python("3.9") + node), &action).plan;
    assert!(plan.steps[0].action.is_some() && plan.steps[0].continue_on_error, "the image's own stands in");
    assert_eq!(plan.image.reference, "ci-healer/sandbox");
}

const DOCKER: &str = "inputs: {a-b: {default: 1}, who: {}}\nruns:\n  using: docker\n  image: docker://alpine:3\n  entrypoint: /run.sh\n  pre-entrypoint: /pre.sh\n  post-entrypoint: /post.sh\n  post-if: failure()\n  args: ['--for=${{ inputs.who }}', '', two words]\n  env: {WHO: '${{ inputs.who }}', OWN: of the action}\n";

#[test]
fn a_docker_action_s_containers_are_told_what_the_action_says() {
    let steps = "      - {id: s, run: 'echo'}\n      - {id: one, uses: o/n@v1, with: {who: '${{ steps.s.outputs.x }}', more: y}, env: {OWN: of the step}}\n";
    let planned = auto(steps, &[("o/n@v1", DOCKER)]);
    let steps = &planned.plan.steps;
    let shown: Vec<_> =
        steps.iter().map(|s| (s.name.as_str(), s.action.as_ref().and_then(|a| a.image()))).collect();
    let image = Some("alpine:3");
    assert_eq!(
        shown,
        [
            ("Pre Run o/n@v1", image),
            ("Run echo", None),
            ("Run o/n@v1", image),
            ("Run make", None),
            ("Post Run o/n@v1", image)
        ]
    );
    assert_eq!((steps[4].condition.as_deref(), steps[4].continue_on_error), (Some("failure()"), true));
    let said = StepState {
        id: Some("s".to_owned()),
        outputs: [("x".to_owned(), "me".to_owned())].into(),
        ..StepState::default()
    };
    let state =
        JobState { steps: vec![StepState::default(), said, StepState::default()], ..JobState::default() };
    let PreparedStep::Run { env, .. } = planned.evaluator.prepare(&steps[2], &state) else {
        panic!("it runs")
    };
    let env: Vec<_> = env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        env,
        [
            "CI_HEALER_ACTION_ARGUMENT_000=--for=me",
            "CI_HEALER_ACTION_ARGUMENT_001=",
            "CI_HEALER_ACTION_ARGUMENT_002=two words",
            "CI_HEALER_ACTION_ENTRYPOINT=/run.sh",
            "GITHUB_ACTION_REF=v1",
            "GITHUB_ACTION_REPOSITORY=o/n",
            "INPUT_A-B=1",
            "INPUT_MORE=y",
            "INPUT_WHO=me",
            "OWN=of the step",
            "WHO=me"
        ]
    );
}

#[test]
fn a_step_may_be_an_image_s_own() {
    let uses = "      - {uses: 'docker://alpine:3', with: {entrypoint: sh, args: '-c \"a b\"'}}\n";
    let steps = auto(uses, &[]).plan.steps;
    assert_eq!(steps[0].action.as_ref().and_then(|a| a.image()), Some("alpine:3"));
    let env = |name: &str| steps[0].env[name].as_str();
    assert_eq!((env("CI_HEALER_ACTION_ENTRYPOINT"), env("CI_HEALER_ACTION_ARGUMENTS")), ("sh", "-c \"a b\""));
    assert_eq!((env("INPUT_ENTRYPOINT"), env("INPUT_ARGS")), ("sh", "-c \"a b\""));
    let (rules, _) = planned(&job(uses), ActionsMode::Rules, &ActionTrees::new());
    let left = rules.unwrap().plan.skipped;
    assert!(left[0].why.contains("`actions-mode: rules` leaves out"), "{left:?}");
}

#[test]
fn an_action_with_a_dockerfile_is_a_container_of_what_that_builds() {
    let with = |image: &str| {
        let yml = format!("runs: {{using: docker, image: '{image}'}}\n");
        planned(&job("      - uses: o/n@v1\n"), ActionsMode::Auto, &trees(&[("o/n@v1", &yml)])).0
    };
    let steps = with("./sub/../Dockerfile.ci").unwrap().plan.steps;
    let action = steps[0].action.as_ref().unwrap();
    let folder = format!("/ci-healer/actions/o/n/{COMMIT}");
    assert_eq!(action.dockerfile(), Some(format!("{folder}/Dockerfile.ci").as_str()));
    assert!(action.is_container() && action.image().is_none());
    assert_eq!(steps[0].run, "# what ./sub/../Dockerfile.ci of o/n@v1 builds, in a container of its own");
    let problem = with("alpine:3").unwrap_err().to_string();
    assert!(problem.contains("it must be '[path]/Dockerfile' or 'docker://image[:tag]'"), "{problem}");
}
