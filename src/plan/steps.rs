//! A job's steps → the plan's steps: conditions decided as far as they can be; what uses an action is read by `uses`.

mod artifacts;
mod containers;
mod real;
mod secrets;
mod uses;

pub(super) use self::artifacts::{asked_outputs, uploads};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::contract::action::{ActionSource, ActionTrees, UsedAction};
use crate::contract::artifact::{FetchedArtifact, WantedArtifacts};
use crate::contract::build::{Checkout, PlanStep, SkippedStep, Wait};
use crate::contract::ci::Conclusion;
use crate::contract::git::SourceTree;
use crate::contract::settings::ActionsMode;

use super::artifacts::Made;
use super::contexts::{self, Hashes, SharedContexts, StepContexts};
use super::expr::{self, Rendered, Value};
use super::image::{Needs, RequestedToolchain};
use super::step_template::{
    Exports, InCi, Known, KnownStep, Layer, StepCondition, StepTemplate, env_context, environment,
    steps_context,
};
use super::workflow::{Defaults, Step, StepAction};
use super::yaml::{Key, Kind, Node};
use super::{CiStep, PlanError};

const MAX_STEPS: usize = 2_000;
/// Over all steps, each with the whole environment it sees.
const MAX_VARIABLES: usize = 100_000;
/// Of scripts and environments over all steps.
const MAX_BYTES: usize = 16 << 20;

/// What the steps of one job came to.
pub(super) struct Planned {
    pub(super) steps: Vec<PlanStep>,
    pub(super) templates: Vec<Option<StepTemplate>>,
    /// The name CI shows for the step that each planned one belongs to.
    pub(super) displayed: Vec<String>,
    pub(super) skipped: Vec<SkippedStep>,
    /// Left out, and in CI they passed; each with the index of the step that comes after it.
    pub(super) passed_over: Vec<(usize, SkippedStep)>,
    pub(super) notes: Vec<String>,
    pub(super) known: Vec<KnownStep>,
    pub(super) requested: Vec<RequestedToolchain>,
    pub(super) used: BTreeSet<&'static str>,
    pub(super) needs: Needs,
    pub(super) hashes: Arc<Hashes>,
    /// Repositories whose actions are run, or would be if they were fetched.
    pub(super) actions: Vec<UsedAction>,
    /// What the first checkout of this repository leaves.
    pub(super) checkout: Option<Checkout>,
    /// Names of the failed run's artifacts that its steps take.
    pub(super) artifacts: BTreeSet<String>,
    /// Artifacts that its steps want and nobody has.
    pub(super) lacking: Vec<WantedArtifacts>,
    /// What its steps upload.
    pub(super) made: Vec<Made>,
    /// Jobs whose outputs its steps ask for.
    pub(super) asked_outputs: BTreeSet<String>,
}

/// Where a list of steps stands: the job itself, or a composite action in it.
#[derive(Clone)]
struct StepScope {
    file: String,
    contexts: SharedContexts,
    layers: Vec<Layer>,
    conditions: Vec<StepCondition>,
    defaults: Option<Defaults>,
    job_defaults: Option<Defaults>,
    /// Paths of the actions around it.
    stack: Vec<String>,
    origin: String,
    continue_on_error: bool,
    /// The outermost step's name, inside a composite action.
    displayed: Option<String>,
    in_ci: Option<InCi>,
    /// Inside an action of another repository.
    is_foreign: bool,
    /// What the runner tells the steps of a composite action about it.
    action_env: BTreeMap<String, String>,
}

pub(super) struct Planner<'a> {
    tree: &'a dyn SourceTree,
    out: Planned,
    exports: Exports,
    visited: usize,
    /// What the `env` of workflow and job comes to.
    job_env: Option<BTreeMap<String, Rendered>>,
    /// Variables and bytes of text in the steps planned so far.
    variables: usize,
    bytes: usize,
    /// A step has been that may have put files into the workspace, even actions.
    may_add_files: bool,
    /// Directories that `actions/checkout` was given.
    checkouts: Vec<String>,
    /// The steps CI lists for this job, from which the plan's are taken in order.
    ci: &'a [CiStep],
    ci_at: usize,
    trusted: bool,
    real: RealActions<'a>,
    /// Programs of actions that run before the job's first step, and behind its last one.
    pre: Vec<PlannedStep>,
    post: Vec<PlannedStep>,
}

/// A step, its template, and the name that CI shows.
type PlannedStep = (PlanStep, StepTemplate, String);

/// A step that is being planned.
#[derive(Clone, Copy)]
struct Part<'p> {
    step: &'p Step,
    scope: &'p StepScope,
    name: &'p str,
    /// The condition, where only the run can decide it.
    keep: Option<&'p str>,
    background: bool,
    /// Empty for one with a script of its own.
    uses: &'p str,
    with: &'p [(Key, Node)],
}

/// What is known of the actions that can be run for real.
#[derive(Debug, Clone, Copy)]
pub(super) struct RealActions<'a> {
    pub(super) mode: ActionsMode,
    pub(super) trees: Option<&'a ActionTrees>,
    pub(super) wanted: Option<&'a Mutex<BTreeSet<ActionSource>>>,
    /// Languages whose set-up actions are run, since no image has all that the job asks for.
    pub(super) languages: Option<&'a BTreeSet<&'static str>>,
    pub(super) artifacts: Artifacts<'a>,
    /// Uses of actions are counted from here: plans that become one share no number.
    pub(super) first_instance: usize,
}

/// Where artifacts come from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Artifacts<'a> {
    /// The failed run's.
    pub(super) of_the_run: &'a [FetchedArtifact],
    pub(super) wanted: Option<&'a Mutex<BTreeSet<WantedArtifacts>>>,
    /// What jobs that run before this one make.
    pub(super) made_before: &'a [Made],
    /// This job runs before one that needs what it makes.
    pub(super) is_producer: bool,
}

/// What a job gives its steps.
#[derive(Clone)]
pub(super) struct JobScope {
    pub(super) file: String,
    pub(super) contexts: SharedContexts,
    pub(super) layers: Vec<Layer>,
    pub(super) workflow_defaults: Defaults,
    pub(super) job_defaults: Defaults,
}

/// Plans a job's steps.
pub(super) fn plan(
    steps: &[Step],
    scope: JobScope,
    tree: &dyn SourceTree,
    ci: &[CiStep],
    hashes: Arc<Hashes>,
    real: RealActions<'_>,
) -> Result<Planned, PlanError> {
    let mut planner = Planner {
        tree,
        out: Planned {
            steps: Vec::new(),
            templates: Vec::new(),
            displayed: Vec::new(),
            skipped: Vec::new(),
            passed_over: Vec::new(),
            notes: Vec::new(),
            known: Vec::new(),
            requested: Vec::new(),
            used: BTreeSet::new(),
            needs: Needs::default(),
            hashes,
            actions: Vec::new(),
            checkout: None,
            artifacts: BTreeSet::new(),
            lacking: Vec::new(),
            made: Vec::new(),
            asked_outputs: BTreeSet::new(),
        },
        exports: Exports { values: BTreeMap::new(), unknown: BTreeSet::new(), open: false, live: false },
        visited: 0,
        job_env: None,
        may_add_files: false,
        variables: 0,
        bytes: 0,
        checkouts: Vec::new(),
        ci,
        ci_at: 0,
        trusted: !ci.is_empty(),
        real,
        pre: Vec::new(),
        post: Vec::new(),
    };
    let scope = StepScope {
        file: scope.file,
        contexts: scope.contexts,
        layers: scope.layers,
        conditions: Vec::new(),
        defaults: Some(scope.workflow_defaults),
        job_defaults: Some(scope.job_defaults),
        stack: Vec::new(),
        origin: "run".to_owned(),
        continue_on_error: false,
        displayed: None,
        in_ci: None,
        is_foreign: false,
        action_env: BTreeMap::new(),
    };
    planner.job_env = Some(planner.env_of(&scope, scope.layers.len())?);
    planner.list(steps, &scope)?;
    planner.put_around();
    Ok(planner.out)
}

/// A condition as far as it can be decided before the run.
enum Decision {
    Runs { keep: Option<String> },
    Never(String),
}

impl Planner<'_> {
    fn list(&mut self, steps: &[Step], scope: &StepScope) -> Result<(), PlanError> {
        for step in steps {
            self.step(step, scope, step.background)?;
        }
        Ok(())
    }

    fn fault(&self, scope: &StepScope, line: u32, problem: impl Into<String>) -> PlanError {
        PlanError::Invalid { file: scope.file.clone(), line: Some(line), problem: problem.into() }
    }

    fn check_limits(&mut self, step: &Step, scope: &StepScope) -> Result<(), PlanError> {
        self.visited += 1;
        if self.visited > MAX_STEPS {
            return Err(self.fault(
                scope,
                step.line,
                format!("the job comes to more than {MAX_STEPS} steps"),
            ));
        }
        if self.variables > MAX_VARIABLES || self.bytes > MAX_BYTES {
            return Err(self.fault(
                scope,
                step.line,
                format!(
                    "the job's steps come to more than {MAX_VARIABLES} variables or {} MiB of text",
                    MAX_BYTES >> 20
                ),
            ));
        }
        Ok(())
    }

    fn step(&mut self, step: &Step, scope: &StepScope, background: bool) -> Result<(), PlanError> {
        self.check_limits(step, scope)?;
        match &step.action {
            StepAction::Wait(ids) => {
                let ids = ids.iter().map(|id| format!("{}{id}", scope.contexts.prefix)).collect();
                self.wait(step, scope, Wait::For(ids));
                return Ok(());
            }
            StepAction::WaitAll => {
                self.wait(step, scope, Wait::All);
                return Ok(());
            }
            StepAction::Cancel(id) => {
                self.wait(step, scope, Wait::Cancel(format!("{}{id}", scope.contexts.prefix)));
                return Ok(());
            }
            StepAction::Parallel(group) => return self.parallel(step, group, scope),
            StepAction::Run { .. } | StepAction::Uses { .. } => {}
        }
        self.learn_hashes(step);
        self.ask_outputs(step);
        let mut here = scope.clone();
        if let Some(env) = &step.env {
            here.layers.push(Layer {
                contexts: scope.contexts.clone(),
                node: Arc::new(env.clone()),
                of_step: true,
            });
        }
        let name = self.name(step, &here)?;
        if here.displayed.is_none() {
            here.displayed = Some(name.clone());
            here.in_ci = self.in_ci(&name);
        }
        let layers_of_condition = here.layers.len();
        let keep = match self.decide(step, &here, layers_of_condition)? {
            Decision::Runs { keep } => keep,
            Decision::Never(why) => {
                if let Some(id) = &step.id {
                    self.know(
                        scope,
                        id,
                        Known::Fixed { outputs: Vec::new(), fallback: None, outcome: "skipped" },
                    );
                }
                self.out.skipped.push(SkippedStep::new(name, why));
                return Ok(());
            }
        };
        // Even a condition that is certain is asked again by the run: `success()` is part of it.
        let text = step.condition.as_ref().and_then(super::workflow::plain_text).unwrap_or_default();
        here.conditions.push(StepCondition {
            contexts: scope.contexts.clone(),
            text,
            layers: layers_of_condition,
        });
        let part =
            Part { step, scope: &here, name: &name, keep: keep.as_deref(), background, uses: "", with: &[] };
        match &step.action {
            StepAction::Run { run, shell, working_directory } => {
                self.run(part, run, shell.as_ref(), working_directory.as_ref())
            }
            StepAction::Uses { uses, with } => self.uses(Part { uses, with, ..part }),
            _ => Ok(()),
        }
    }

    fn wait(&mut self, step: &Step, scope: &StepScope, wait: Wait) {
        let name = step.name.as_ref().and_then(super::workflow::plain_text).unwrap_or_else(|| match &wait {
            Wait::All => "Wait for all background steps".to_owned(),
            Wait::For(ids) if ids.iter().any(|id| id.starts_with("__")) => {
                "Wait for the parallel steps".to_owned()
            }
            Wait::For(ids) => format!("Wait for {}", ids.join(", ")),
            Wait::Cancel(id) => format!("Cancel {id}"),
        });
        self.push(
            PlanStep {
                name,
                origin: "wait".to_owned(),
                working_directory: ".".to_owned(),
                wait: Some(wait),
                ..PlanStep::default()
            },
            None,
            scope.displayed.clone().unwrap_or_default(),
        );
    }

    /// The steps of a group start together, and the next step waits for all of them.
    fn parallel(&mut self, step: &Step, group: &[Step], scope: &StepScope) -> Result<(), PlanError> {
        let first = self.out.steps.len();
        for inner in group {
            self.step(inner, scope, true)?;
        }
        let mut ids = Vec::new();
        for (i, planned) in self.out.steps.iter_mut().enumerate().skip(first).filter(|(_, s)| s.background) {
            let id = planned.id.get_or_insert_with(|| format!("__parallel{i}"));
            ids.push(id.clone());
        }
        if !ids.is_empty() {
            self.wait(step, scope, Wait::For(ids));
        }
        Ok(())
    }

    fn push(&mut self, step: PlanStep, template: Option<StepTemplate>, displayed: String) {
        self.variables += step.env.len();
        self.bytes += step.run.len() + step.env.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>();
        self.out.steps.push(step);
        self.out.templates.push(template);
        self.out.displayed.push(displayed);
    }

    fn know(&mut self, scope: &StepScope, id: &str, what: Known) {
        self.out.known.push(KnownStep { id: format!("{}{id}", scope.contexts.prefix), what });
    }

    fn learn_hashes_of(&self, node: &Node) {
        match &node.kind {
            Kind::String { text, .. } if text.contains("hashFiles(") => {
                self.out.hashes.learn(text, self.tree);
            }
            Kind::List(items) => items.iter().for_each(|item| self.learn_hashes_of(item)),
            Kind::Map(entries) => entries.iter().for_each(|(_, item)| self.learn_hashes_of(item)),
            _ => {}
        }
    }

    fn learn_hashes(&self, step: &Step) {
        if let StepAction::Run { run, .. } = &step.action {
            self.learn_hashes_of(run);
        }
        [&step.env, &step.condition, &step.name]
            .into_iter()
            .flatten()
            .for_each(|node| self.learn_hashes_of(node));
        if let StepAction::Uses { uses, with } = &step.action
            && uses.starts_with('.')
        {
            with.iter().for_each(|(_, node)| self.learn_hashes_of(node));
        }
    }

    fn steps_of(&self, contexts: &contexts::JobContexts, id: Option<&str>) -> Value {
        steps_context(&self.out.known, &contexts.prefix, &|_| None, &self.out.hashes, None, 0, id)
    }

    fn env_of(&self, scope: &StepScope, layers: usize) -> Result<BTreeMap<String, Rendered>, PlanError> {
        environment(
            &scope.layers[..layers],
            self.job_env.as_ref(),
            &self.exports,
            &|s, id| self.steps_of(s, id),
            &self.out.hashes,
        )
        .map_err(|(line, problem)| self.fault(scope, line, problem))
    }

    fn view<'v>(&'v self, scope: &'v StepScope, env: &BTreeMap<String, Rendered>) -> StepContexts<'v> {
        StepContexts {
            contexts: &scope.contexts,
            env: env_context(env, &self.exports),
            steps: Box::new(|id| self.steps_of(&scope.contexts, id)),
            success: None,
            hashes: &self.out.hashes,
            live: false,
        }
    }

    /// The name that GitHub shows.
    fn name(&self, step: &Step, scope: &StepScope) -> Result<String, PlanError> {
        if let Some(name) = &step.name {
            let env = self.env_of(scope, scope.layers.len())?;
            let rendered = contexts::text(name, &self.view(scope, &env));
            return rendered
                .map(|r| r.text.trim().to_owned())
                .map_err(|e| self.fault(scope, name.line, e.to_string()));
        }
        Ok(match &step.action {
            StepAction::Run { run, .. } => {
                let env = self.env_of(scope, scope.layers.len())?;
                let script = contexts::text(run, &self.view(scope, &env)).map(|r| r.text).unwrap_or_default();
                let line = script.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
                format!("Run {}", line.chars().take(100).collect::<String>())
            }
            StepAction::Uses { uses, .. } => format!("Run {uses}"),
            _ => String::new(),
        })
    }

    /// What CI says became of the step with this name; each of CI's steps answers once, in order.
    fn in_ci(&mut self, name: &str) -> Option<InCi> {
        let rest = self.ci.get(self.ci_at..)?;
        let same = |ci: &str| {
            ci.trim() == name
                || (name.len() > 60 && ci.len() > 50 && name.starts_with(ci.trim_end_matches('.')))
        };
        let at = rest.iter().position(|s| same(&s.name))?;
        self.ci_at += at + 1;
        Some(InCi::of(rest[at].conclusion.as_ref()))
    }

    /// CI's record has come to the step that failed, and past it.
    fn is_behind_the_failure(&self, scope: &StepScope) -> bool {
        let own = usize::from(scope.in_ci.is_some());
        let before = self.ci.get(..self.ci_at.saturating_sub(own)).unwrap_or_default();
        before.iter().any(|step| step.conclusion.as_ref().is_some_and(Conclusion::is_failure))
    }

    fn decide(&self, step: &Step, scope: &StepScope, layers: usize) -> Result<Decision, PlanError> {
        let Some(node) = &step.condition else { return Ok(Decision::Runs { keep: None }) };
        let text = super::workflow::plain_text(node).unwrap_or_default();
        let env = self.env_of(scope, layers)?;
        let condition = expr::condition_kind(&text, &self.view(scope, &env))
            .map_err(|e| self.fault(scope, node.line, e.to_string()))?;
        Ok(match condition.value.truth() {
            Some(false) => Decision::Never(format!("its condition is false: {}", text.trim())),
            Some(true) if !condition.asks_status => Decision::Runs { keep: None },
            Some(true) => Decision::Runs { keep: Some(text.trim().to_owned()) },
            None => match scope.in_ci {
                Some(InCi::Skipped) if !condition.asks_status => {
                    Decision::Never("CI skipped it as well".to_owned())
                }
                Some(InCi::Passed | InCi::Failed | InCi::Ran) if !condition.asks_status => {
                    Decision::Runs { keep: None }
                }
                _ => Decision::Runs { keep: Some(text.trim().to_owned()) },
            },
        })
    }

    /// A node as text; what is missing is noted once.
    fn text_of(
        &mut self,
        node: &Node,
        scope: &StepScope,
        env: &BTreeMap<String, Rendered>,
    ) -> Result<Rendered, PlanError> {
        contexts::text(node, &self.view(scope, env)).map_err(|e| self.fault(scope, node.line, e.to_string()))
    }

    fn flag(
        &self,
        node: Option<&Node>,
        scope: &StepScope,
        env: &BTreeMap<String, Rendered>,
    ) -> Result<bool, PlanError> {
        let Some(node) = node else { return Ok(false) };
        let value =
            contexts::value(node, &self.view(scope, env)).map_err(|(line, e)| self.fault(scope, line, e))?;
        Ok(match value {
            Value::String(text) => text.trim().eq_ignore_ascii_case("true"),
            other => other.truth().unwrap_or(false),
        })
    }

    fn timeout(
        &self,
        node: Option<&Node>,
        scope: &StepScope,
        env: &BTreeMap<String, Rendered>,
    ) -> Result<Option<f64>, PlanError> {
        let Some(node) = node else { return Ok(None) };
        let value =
            contexts::value(node, &self.view(scope, env)).map_err(|(line, e)| self.fault(scope, line, e))?;
        let Some(text) = value.text() else { return Ok(None) };
        match text.trim().parse::<f64>() {
            Ok(minutes) if minutes.is_finite() && minutes > 0.0 => Ok(Some(minutes)),
            _ if text.trim().is_empty() => Ok(None),
            _ => Err(self.fault(
                scope,
                node.line,
                format!("`timeout-minutes` is {text:?}; it must be a positive number"),
            )),
        }
    }

    fn run(
        &mut self,
        part: Part<'_>,
        run: &Node,
        shell: Option<&Node>,
        working_directory: Option<&Node>,
    ) -> Result<(), PlanError> {
        let scope = part.scope;
        let default = |pick: fn(&Defaults) -> Option<&Node>| {
            let of = |d: &Option<Defaults>| d.as_ref().and_then(pick).cloned();
            of(&scope.job_defaults).or_else(|| of(&scope.defaults))
        };
        let shell = shell.cloned().or_else(|| default(|d| d.shell.as_ref()));
        let directory = working_directory.cloned().or_else(|| default(|d| d.working_directory.as_ref()));
        self.script(part, run, shell.as_ref(), directory.as_ref(), &scope.origin.clone())
    }

    fn shell(
        &mut self,
        node: &Node,
        scope: &StepScope,
        env: &BTreeMap<String, Rendered>,
    ) -> Result<String, PlanError> {
        let text = self.text_of(node, scope, env)?.text;
        match shell_problem(&text) {
            Some(problem) => Err(self.fault(scope, node.line, problem)),
            None => Ok(text),
        }
    }

    fn script(
        &mut self,
        part: Part<'_>,
        run: &Node,
        shell: Option<&Node>,
        directory: Option<&Node>,
        origin: &str,
    ) -> Result<(), PlanError> {
        let Part { step, scope, name, keep, background, .. } = part;
        self.may_add_files = true;
        let env = self.env_of(scope, scope.layers.len())?;
        let script = self.text_of(run, scope, &env)?;
        for what in &script.unknown {
            let later = what.starts_with("steps.")
                || what.starts_with("env.")
                || what.starts_with("secrets.")
                || &**what == "job.status"
                || (what.starts_with("needs.") && scope.contexts.open_needs.is_some());
            if !later {
                self.note(format!("`{name}` needs {what}, which is not known here"));
            }
        }
        let known_secrets = &scope.contexts.secrets;
        let missing_secrets =
            secrets::missing(scope.layers.iter().map(|layer| layer.node.as_ref()), run, known_secrets);
        for secret in secrets::missing(step.env.as_ref(), run, known_secrets).into_keys() {
            self.note(format!(
                "`{name}` needs secrets.{secret}, which is not passed on: where it fails for that, give it as \
                 `sandbox-env: {secret}=…`"
            ));
        }
        let shell = shell.map(|node| self.shell(node, scope, &env)).transpose()?;
        let working_directory = match directory {
            Some(node) => clean_directory(&self.text_of(node, scope, &env)?.text),
            None => ".".to_owned(),
        };
        if let Some(id) = &step.id {
            self.know(scope, id, Known::Live);
        }
        if let Some(names) = contexts::exported(&script.text) {
            self.exports.unknown.extend(names);
            self.exports.open = true;
        }
        if origin.starts_with("run") || origin.starts_with("composite") {
            look_at(&script.text, &mut self.out);
        }
        let passed_in_ci = scope.is_foreign && scope.in_ci == Some(InCi::Passed);
        let planned = PlanStep {
            id: step.id.as_ref().map(|id| format!("{}{id}", scope.contexts.prefix)),
            name: name.to_owned(),
            run: script.text,
            shell,
            working_directory,
            continue_on_error: scope.continue_on_error
                || passed_in_ci
                || self.flag(step.continue_on_error.as_ref(), scope, &env)?,
            timeout_minutes: self.timeout(step.timeout.as_ref(), scope, &env)?,
            env: env.into_iter().map(|(k, v)| (k, v.text)).collect(),
            origin: origin.to_owned(),
            condition: keep.map(str::to_owned),
            setup: false,
            installs: None,
            lacks: None,
            missing_secrets,
            action: None,
            passed_in_ci,
            begins_job: false,
            background,
            wait: None,
        };
        let template = StepTemplate {
            contexts: scope.contexts.clone(),
            conditions: scope.conditions.clone(),
            layers: scope.layers.clone(),
            run: run.clone(),
            working_directory: directory.cloned(),
            in_ci: scope.in_ci,
            fixed_env: scope.action_env.clone(),
            inputs: Vec::new(),
        };
        self.push(planned, Some(template), scope.displayed.clone().unwrap_or_default());
        Ok(())
    }

    fn note(&mut self, note: String) {
        if !self.out.notes.contains(&note) && self.out.notes.len() < 100 {
            self.out.notes.push(note);
        }
    }

    fn skip(&mut self, uses: &str, why: impl Into<String>) {
        self.out.skipped.push(SkippedStep::new(uses, why));
    }
}

/// GitHub's built-in shells, or a template with `{0}`.
fn shell_problem(shell: &str) -> Option<String> {
    let known = matches!(shell, "bash" | "sh" | "pwsh" | "python" | "cmd" | "powershell");
    if known || shell.contains("{0}") || shell.contains("${{") {
        return None;
    }
    let name = shell.split_whitespace().next().unwrap_or_default();
    if matches!(name, "bash" | "sh" | "pwsh" | "python") && name == shell.trim() {
        return None;
    }
    Some(format!(
        "the shell `{shell}` is neither built in (bash, sh, pwsh, python) nor a template with `{{0}}`"
    ))
}

fn clean_directory(text: &str) -> String {
    let text = text.trim();
    let text = contexts::below_workspace(text)
        .map_or(text, |rest| if rest.is_empty() { "." } else { rest.trim_start_matches('/') });
    let text = text.trim_end_matches('/');
    if text.is_empty() { ".".to_owned() } else { text.to_owned() }
}

/// The tools a script calls tell which runtimes it takes for granted.
fn look_at(script: &str, out: &mut Planned) {
    const TOOLS: &[(&str, &str)] = &[
        ("npm", "node"),
        ("npx", "node"),
        ("node", "node"),
        ("yarn", "node"),
        ("pnpm", "node"),
        ("corepack", "node"),
        ("python", "python"),
        ("python3", "python"),
        ("pip", "python"),
        ("pip3", "python"),
        ("pytest", "python"),
        ("tox", "python"),
        ("nox", "python"),
        ("pipx", "python"),
        ("poetry", "python"),
        ("uv", "python"),
        ("uvx", "python"),
        ("hatch", "python"),
        ("cargo", "rust"),
        ("rustup", "rust"),
        ("rustc", "rust"),
        ("go", "go"),
        ("gofmt", "go"),
        ("mvn", "java"),
        ("./mvnw", "java"),
        ("gradle", "java"),
        ("./gradlew", "java"),
        ("javac", "java"),
        ("java", "java"),
    ];
    for line in script.lines() {
        for command in line.split(['|', ';', '&', '(', '`']) {
            let mut words = command.split_whitespace();
            let word = words.find(|w| {
                !matches!(
                    *w,
                    "sudo" | "time" | "exec" | "then" | "do" | "else" | "!" | "if" | "env" | "command"
                ) && !w.contains('=')
            });
            let Some(word) = word else { continue };
            out.needs.maven |= word == "mvn";
            out.needs.gradle |= word == "gradle";
            if let Some((_, language)) = TOOLS.iter().find(|(tool, _)| *tool == word) {
                out.used.insert(language);
            }
        }
    }
}
