//! How a planned step's text comes about: the unevaluated pieces, so that the run can evaluate them again once it
//! knows more, and the `StepEvaluator` that does so.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::contract::action::{ActionPhase, ActionStep, MAX_DEPTH};
use crate::contract::build::{JobState, PlanStep, PreparedStep, StepEvaluator, StepOutcome, StepState};
use crate::contract::ci::Conclusion;

use super::contexts::{self, Hashes, JobContexts, OpenInputs, SharedContexts, StepContexts};
use super::expr::{self, Value};
use super::yaml::Node;

/// An `env:` and the contexts it is written in.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) contexts: SharedContexts,
    pub(super) node: Arc<Node>,
    /// Below the job: `env` can be asked in it, and `GITHUB_ENV` does not override it.
    pub(super) of_step: bool,
}

/// An `if:` with the contexts it is written in.
#[derive(Debug, Clone)]
pub(super) struct StepCondition {
    pub(super) contexts: SharedContexts,
    pub(super) text: String,
    /// How many of the step's layers are in force where the condition stands.
    pub(super) layers: usize,
}

#[derive(Debug, Clone)]
pub(super) struct StepTemplate {
    pub(super) contexts: SharedContexts,
    /// From the outermost (a composite action's own `if`) to the step's.
    pub(super) conditions: Vec<StepCondition>,
    pub(super) layers: Vec<Layer>,
    pub(super) run: Node,
    pub(super) working_directory: Option<Node>,
    /// What CI says about this step, where it has been asked.
    pub(super) in_ci: Option<InCi>,
    /// Facts about the action that the step is part of.
    pub(super) fixed_env: BTreeMap<String, String>,
    /// The inputs of a JavaScript action, by the variables that hold them.
    pub(super) inputs: Vec<(String, Node)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InCi {
    Passed,
    Failed,
    /// It is not over, or was broken off.
    Ran,
    Skipped,
}

impl InCi {
    pub(super) fn of(conclusion: Option<&Conclusion>) -> Self {
        match conclusion {
            Some(Conclusion::Success) => Self::Passed,
            Some(Conclusion::Skipped) => Self::Skipped,
            Some(ended) if ended.is_failure() => Self::Failed,
            _ => Self::Ran,
        }
    }
}

/// What is known of a step by its id, apart from what the run will tell.
#[derive(Debug, Clone)]
pub(super) struct KnownStep {
    /// With the prefix of its contexts.
    pub(super) id: String,
    pub(super) what: Known,
}

#[derive(Debug, Clone)]
pub(super) enum Known {
    /// A step of the plan: the run will tell.
    Live,
    /// Not run: its outputs are these, or else `fallback`.
    Fixed {
        outputs: Vec<(String, String)>,
        fallback: Option<&'static str>,
        outcome: &'static str,
    },
    /// Not run, and nobody knows what it would have given.
    Lost,
    Composite {
        contexts: SharedContexts,
        outputs: Vec<(String, Node)>,
    },
}

/// The `steps` context as `prefix` says whose, or the entry of one id in it: `live` gives the state of those the run has reached.
pub(super) fn steps_context(
    known: &[KnownStep],
    prefix: &str,
    live: &dyn Fn(&str) -> Option<StepState>,
    hashes: &Hashes,
    reached: Option<usize>,
    depth: usize,
    only: Option<&str>,
) -> Value {
    let mut entries: BTreeMap<String, (String, Value)> = BTreeMap::new();
    for step in known {
        let Some(id) = step.id.strip_prefix(prefix).filter(|id| !id.contains('.')) else { continue };
        if only.is_some_and(|only| !only.eq_ignore_ascii_case(id)) {
            continue;
        }
        let text = |s: &str| Value::string(s);
        let (outputs, outcome, conclusion) = match &step.what {
            Known::Live => match live(&step.id) {
                Some(state) => (
                    Value::object(state.outputs.iter().map(|(k, v)| (k.clone(), text(v)))),
                    text(outcome_text(state.outcome)),
                    text(outcome_text(state.conclusion)),
                ),
                None if reached.is_some() => continue,
                None => {
                    let path = format!("steps.{id}");
                    (
                        Value::partial(&format!("{path}.outputs"), Vec::<(String, Value)>::new()),
                        Value::unknown(format!("{path}.outcome")),
                        Value::unknown(format!("{path}.conclusion")),
                    )
                }
            },
            Known::Fixed { outputs, fallback, outcome } => {
                let entries = outputs.iter().map(|(k, v)| (k.clone(), text(v))).collect();
                let object =
                    expr::Object { entries, fallback: fallback.map(Into::into), ..expr::Object::default() };
                (Value::Object(Arc::new(object)), text(outcome), text(outcome))
            }
            Known::Lost => (
                Value::partial(&format!("steps.{id}.outputs"), Vec::<(String, Value)>::new()),
                text("success"),
                text("success"),
            ),
            Known::Composite { contexts, outputs } => {
                let steps = |id: Option<&str>| {
                    if depth < 12 {
                        steps_context(known, &contexts.prefix, live, hashes, reached, depth + 1, id)
                    } else {
                        Value::Null
                    }
                };
                let view = StepContexts { steps: Box::new(steps), ..StepContexts::of_job(contexts, hashes) };
                let outputs = outputs.iter().map(|(name, node)| {
                    (name.clone(), contexts::value(node, &view).unwrap_or_else(|(_, e)| Value::unknown(e)))
                });
                let outcome = Value::unknown(format!("steps.{id}.outcome"));
                (Value::object(outputs.collect::<Vec<_>>()), outcome.clone(), outcome)
            }
        };
        let entry = Value::object([("outputs", outputs), ("outcome", outcome), ("conclusion", conclusion)]);
        entries.insert(id.to_ascii_lowercase(), (id.to_owned(), entry));
    }
    match only {
        Some(id) => entries.remove(&id.to_ascii_lowercase()).map_or(Value::Null, |(_, entry)| entry),
        None => Value::object(entries.into_values()),
    }
}

fn outcome_text(outcome: StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Success => "success",
        StepOutcome::Failure => "failure",
        StepOutcome::Cancelled => "cancelled",
        StepOutcome::Skipped => "skipped",
    }
}

/// What a moment knows of the environment.
pub(super) struct Exports {
    /// From `GITHUB_ENV`, as far as it is known.
    pub(super) values: BTreeMap<String, String>,
    /// Names whose value is not known because a script sets them.
    pub(super) unknown: BTreeSet<String>,
    /// Anything else may be set as well.
    pub(super) open: bool,
    /// The run stands at this step.
    pub(super) live: bool,
}

/// Evaluates layers in order. The result's texts keep their holes. `of_job` is what the layers of the job come to, where
/// that is known already: it is the same for all of its steps.
pub(super) fn environment(
    layers: &[Layer],
    of_job: Option<&BTreeMap<String, expr::Rendered>>,
    exports: &Exports,
    steps: &dyn Fn(&JobContexts, Option<&str>) -> Value,
    hashes: &Hashes,
) -> Result<BTreeMap<String, expr::Rendered>, (u32, String)> {
    let mut env: BTreeMap<String, expr::Rendered> = of_job.cloned().unwrap_or_default();
    let mut exported = false;
    let plain = |text: &str| expr::Rendered { text: text.to_owned(), unknown: Vec::new() };
    for layer in layers.iter().filter(|layer| layer.of_step || of_job.is_none()) {
        if layer.of_step && !exported {
            exported = true;
            env.extend(exports.values.iter().map(|(k, v)| (k.clone(), plain(v))));
        }
        let mut view = StepContexts { live: exports.live, ..StepContexts::of_job(&layer.contexts, hashes) };
        if layer.of_step {
            view.env = env_context(&env, exports);
            view.steps = Box::new(move |id| steps(&layer.contexts, id));
        }
        env.extend(contexts::texts(&layer.node, &view)?);
    }
    if !exported {
        env.extend(exports.values.iter().map(|(k, v)| (k.clone(), plain(v))));
    }
    Ok(env)
}

pub(super) fn env_context(env: &BTreeMap<String, expr::Rendered>, exports: &Exports) -> Value {
    let mut entries: Vec<(String, Value)> = env
        .iter()
        .map(|(key, rendered)| {
            let value = match rendered.unknown.first() {
                _ if exports.unknown.contains(key) => Value::unknown(format!("env.{key}")),
                Some(what) => Value::unknown(what.clone()),
                None => Value::string(rendered.text.as_str()),
            };
            (key.clone(), value)
        })
        .collect();
    for name in exports.unknown.iter().filter(|name| !env.contains_key(*name)) {
        entries.push((name.clone(), Value::unknown(format!("env.{name}"))));
    }
    expr::case_sensitive(entries, exports.open.then_some("env"))
}

/// Decides and completes each step at its moment, from what the run has told so far.
#[derive(Debug, Clone)]
pub struct Evaluator {
    pub(super) steps: Vec<PlanStep>,
    pub(super) templates: Vec<Option<StepTemplate>>,
    pub(super) known: Vec<KnownStep>,
    pub(super) hashes: Arc<Hashes>,
}

impl Evaluator {
    /// For a run of the unchanged code: `needs.<job>.result` is what CI says of that job, and where it says nothing what
    /// the job's own run `gave` here, by the job's id. Otherwise every job that has a plan is taken to be green, since
    /// that is what a fix is proven for.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use ci_healer::contract::build::{JobState, PreparedStep, StepEvaluator as _};
    /// use ci_healer::contract::ci::Conclusion;
    /// # use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
    /// # use ci_healer::plan::{PlanRequest, plan};
    /// # struct OneFile(TreeFile);
    /// # impl SourceTree for OneFile {
    /// #     fn files(&self) -> &[TreeFile] { std::slice::from_ref(&self.0) }
    /// #     fn read(&self, path: &RepoPath) -> Option<Vec<u8>> { (*path == self.0.path).then(|| JOBS.into()) }
    /// # }
    /// const JOBS: &str = "on: push
    /// jobs:
    ///   test: {runs-on: ubuntu-latest, steps: [{run: make}]}
    ///   report: {needs: test, if: always(), runs-on: ubuntu-latest, steps: [{run: './report ${{ needs.test.result }}'}]}
    /// ";
    /// # let path = RepoPath::new(".github/workflows/ci.yml").unwrap();
    /// # let tree = OneFile(TreeFile { path, mode: FileMode::Regular, id: String::new() });
    /// let jobs = ["test".to_owned(), "report".to_owned()];
    /// let plans = plan(&PlanRequest { jobs: &jobs, ..PlanRequest::of(&tree) }).unwrap();
    /// let (step, healed) = (&plans[1].plan.steps[0], &plans[1].evaluator);
    /// let gave = BTreeMap::from([("test".to_owned(), Conclusion::Failure)]);
    /// for (evaluator, says) in [(healed, "./report success"), (&healed.unhealed(&gave), "./report failure")] {
    ///     let prepared = evaluator.prepare(step, &JobState::default());
    ///     assert!(matches!(prepared, PreparedStep::Run { script, .. } if script == says));
    /// }
    /// ```
    #[must_use]
    pub fn unhealed(&self, gave: &BTreeMap<String, Conclusion>) -> Self {
        let mut done: Vec<(SharedContexts, SharedContexts)> = Vec::new();
        let mut unhealed = |contexts: &mut SharedContexts| *contexts = unhealed(contexts, gave, &mut done);
        let mut evaluator = self.clone();
        for template in evaluator.templates.iter_mut().flatten() {
            unhealed(&mut template.contexts);
            template.conditions.iter_mut().for_each(|condition| unhealed(&mut condition.contexts));
            template.layers.iter_mut().for_each(|layer| unhealed(&mut layer.contexts));
        }
        for step in &mut evaluator.known {
            if let Known::Composite { contexts, .. } = &mut step.what {
                unhealed(contexts);
            }
        }
        evaluator
    }

    /// The step's place in the plan: where the run stands, else the first that is the same.
    fn index(&self, step: &PlanStep, state: &JobState) -> Option<usize> {
        // The executor lists a step as reached before it asks about it.
        let reached = state.steps.len();
        if let Some(here) =
            [reached.wrapping_sub(1), reached].into_iter().find(|&i| self.steps.get(i) == Some(step))
        {
            return Some(here);
        }
        self.steps.iter().position(|s| s == step)
    }

    /// Nothing in the steps that share these contexts has failed so far. The job itself regards what counts for the job.
    fn success(&self, contexts: &JobContexts, state: &JobState) -> bool {
        if contexts.prefix.is_empty() {
            return !state.failed;
        }
        !state.steps.iter().zip(&self.templates).any(|(done, template)| {
            let inside = template.as_ref().is_some_and(|r| r.contexts.prefix.starts_with(&contexts.prefix));
            inside && done.conclusion == StepOutcome::Failure
        })
    }

    /// What an action does behind the job it does only where it has been run.
    fn has_run(&self, action: &ActionStep, state: &JobState) -> bool {
        let is_main = |step: &PlanStep| {
            let of = step.action.as_ref();
            of.is_some_and(|a| a.phase == ActionPhase::Main && a.instance == action.instance)
        };
        let main = self.steps.iter().position(is_main).and_then(|at| state.steps.get(at));
        main.is_some_and(|main| main.outcome != StepOutcome::Skipped)
    }

    /// Whether the step runs now, and with what.
    fn prepare_step(&self, step: &PlanStep, state: &JobState) -> PreparedStep {
        let template = self.index(step, state).and_then(|i| self.templates.get(i)).and_then(Option::as_ref);
        let Some(template) = template else {
            // Not from a workflow: nothing to evaluate, and it runs while nothing has failed.
            if state.failed && step.condition.is_none() {
                return PreparedStep::Skip { why: "an earlier step failed".to_owned() };
            }
            return PreparedStep::Run {
                script: step.run.clone(),
                env: step.env.clone(),
                working_directory: step.working_directory.clone(),
            };
        };
        match self.prepare_with(step, &self.with_live_inputs(template, state), state) {
            Ok(prepared) => prepared,
            Err(what) => PreparedStep::Unresolved { what },
        }
    }

    /// The template, where it is of a composite action whose inputs only the run tells, with what they are by now.
    fn with_live_inputs<'t>(&self, template: &'t StepTemplate, state: &JobState) -> Cow<'t, StepTemplate> {
        if template.contexts.open_inputs.is_none() && template.contexts.open_needs.is_none() {
            return Cow::Borrowed(template);
        }
        let mut template = template.clone();
        let mut done: Vec<(SharedContexts, SharedContexts)> = Vec::new();
        let mut live = |contexts: &mut SharedContexts| {
            let known = done.iter().find(|(was, _)| Arc::ptr_eq(was, contexts)).map(|(_, is)| is.clone());
            let is = known.unwrap_or_else(|| {
                let is = self.live_needs(&self.live_inputs(contexts, state, 0), state, 0);
                done.push((contexts.clone(), is.clone()));
                is
            });
            *contexts = is;
        };
        live(&mut template.contexts);
        template.conditions.iter_mut().for_each(|condition| live(&mut condition.contexts));
        template.layers.iter_mut().for_each(|layer| live(&mut layer.contexts));
        Cow::Owned(template)
    }

    fn live_inputs(&self, contexts: &SharedContexts, state: &JobState, depth: usize) -> SharedContexts {
        let Some(open) = contexts.open_inputs.as_ref().filter(|_| depth <= MAX_DEPTH) else {
            return contexts.clone();
        };
        let outer = self.live_needs(&self.live_inputs(&open.contexts, state, depth + 1), state, 0);
        let live = |id: &str| state.steps.iter().rev().find(|s| s.id.as_deref() == Some(id)).cloned();
        let steps = |contexts: &JobContexts, id: Option<&str>| {
            steps_context(&self.known, &contexts.prefix, &live, &self.hashes, Some(state.steps.len()), 0, id)
        };
        let exports =
            Exports { values: state.env.clone(), unknown: BTreeSet::new(), open: false, live: true };
        let env = environment(&open.layers, None, &exports, &steps, &self.hashes).unwrap_or_default();
        let view = StepContexts {
            contexts: &outer,
            env: env_context(&env, &exports),
            steps: Box::new(|id| steps(&outer, id)),
            success: Some(self.success(&outer, state)),
            hashes: &self.hashes,
            live: true,
        };
        let entries = open.values.iter().map(|(name, node)| {
            let value = match contexts::text(node, &view) {
                Ok(rendered) => match rendered.unknown.first() {
                    Some(what) => Value::unknown(what.clone()),
                    None => Value::string(rendered.text),
                },
                Err(error) => Value::unknown(error.to_string()),
            };
            (name.clone(), value)
        });
        let inputs = Value::object(entries.collect::<Vec<_>>());
        Arc::new(JobContexts { inputs, open_inputs: None, ..contexts.as_ref().clone() })
    }

    /// The contexts with the outputs of the jobs that ran before.
    fn live_needs(&self, contexts: &SharedContexts, state: &JobState, depth: usize) -> SharedContexts {
        let (Some(open), Value::Object(needs)) = (&contexts.open_needs, &contexts.needs) else {
            return contexts.clone();
        };
        if depth > MAX_DEPTH {
            return contexts.clone();
        }
        let live = |id: &str| state.steps.iter().rev().find(|s| s.id.as_deref() == Some(id)).cloned();
        let entries = needs.entries.iter().map(|(id, need)| {
            let ran = open.iter().find(|job| job.id.eq_ignore_ascii_case(id));
            let (Value::Object(entry), Some(job)) = (need, ran) else { return (id.clone(), need.clone()) };
            let inner = self.live_needs(&job.contexts, state, depth + 1);
            let steps = |id: Option<&str>| {
                steps_context(&self.known, &inner.prefix, &live, &self.hashes, Some(state.steps.len()), 0, id)
            };
            let view = StepContexts { steps: Box::new(steps), ..StepContexts::of_job(&inner, &self.hashes) };
            let outputs = job.outputs.iter().map(|(name, node)| {
                let value = contexts::text(node, &view).map(|rendered| Value::string(rendered.text));
                (name.clone(), value.unwrap_or_else(|error| Value::unknown(error.to_string())))
            });
            let outputs = Value::object(outputs.collect::<Vec<_>>());
            (id.clone(), Value::object([("result", entry.get("result")), ("outputs", outputs)]))
        });
        let needs = Value::object(entries.collect::<Vec<_>>());
        Arc::new(JobContexts { needs, open_needs: None, ..contexts.as_ref().clone() })
    }

    fn prepare_with(
        &self,
        step: &PlanStep,
        template: &StepTemplate,
        state: &JobState,
    ) -> Result<PreparedStep, String> {
        let live = |id: &str| state.steps.iter().rev().find(|s| s.id.as_deref() == Some(id)).cloned();
        let steps = |contexts: &JobContexts, id: Option<&str>| {
            steps_context(&self.known, &contexts.prefix, &live, &self.hashes, Some(state.steps.len()), 0, id)
        };
        let exports =
            Exports { values: state.env.clone(), unknown: BTreeSet::new(), open: false, live: true };
        let say = |(_, problem): (u32, String)| problem;
        for step_condition in &template.conditions {
            let env =
                environment(&template.layers[..step_condition.layers], None, &exports, &steps, &self.hashes)
                    .map_err(say)?;
            let view = StepContexts {
                contexts: &step_condition.contexts,
                env: env_context(&env, &exports),
                steps: Box::new(|id| steps(&step_condition.contexts, id)),
                success: Some(self.success(&step_condition.contexts, state)),
                hashes: &self.hashes,
                live: true,
            };
            let condition = expr::condition_kind(&step_condition.text, &view).map_err(|e| e.to_string())?;
            if !condition.asks_status && view.success == Some(false) {
                return Ok(PreparedStep::Skip { why: "an earlier step failed".to_owned() });
            }
            if let Some(why) = reason_to_skip(&condition.value, &step_condition.text, template.in_ci) {
                return Ok(PreparedStep::Skip { why });
            }
        }
        let env = environment(&template.layers, None, &exports, &steps, &self.hashes).map_err(say)?;
        let view = StepContexts {
            contexts: &template.contexts,
            env: env_context(&env, &exports),
            steps: Box::new(|id| steps(&template.contexts, id)),
            success: Some(self.success(&template.contexts, state)),
            hashes: &self.hashes,
            live: true,
        };
        let run = contexts::text(&template.run, &view).map_err(|e| e.to_string())?;
        if let Some(what) = run.unknown.first() {
            return Ok(PreparedStep::Unresolved { what: what.to_string() });
        }
        let working_directory = match &template.working_directory {
            Some(node) => {
                let rendered = contexts::text(node, &view).map_err(|e| e.to_string())?;
                if let Some(what) = rendered.unknown.first() {
                    return Ok(PreparedStep::Unresolved { what: what.to_string() });
                }
                rendered.text
            }
            None => step.working_directory.clone(),
        };
        let mut out: BTreeMap<String, String> = template.fixed_env.clone();
        for (key, rendered) in env {
            // A variable that cannot be known is left out, as a secret that is not passed on is empty.
            out.insert(key, if rendered.unknown.is_empty() { rendered.text } else { String::new() });
        }
        for (name, node) in &template.inputs {
            let rendered = contexts::text(node, &view).map_err(|e| e.to_string())?;
            let text = if rendered.unknown.is_empty() { rendered.text } else { String::new() };
            out.insert(name.clone(), text);
        }
        Ok(PreparedStep::Run { script: run.text, env: out, working_directory })
    }
}

/// The contexts as CI had them; what is `done` already is the same again.
fn unhealed(
    contexts: &SharedContexts,
    gave: &BTreeMap<String, Conclusion>,
    done: &mut Vec<(SharedContexts, SharedContexts)>,
) -> SharedContexts {
    if let Some((_, after)) = done.iter().find(|(before, _)| Arc::ptr_eq(before, contexts)) {
        return after.clone();
    }
    let open_inputs = contexts.open_inputs.as_ref().map(|open| {
        let layers = open
            .layers
            .iter()
            .map(|layer| Layer { contexts: unhealed(&layer.contexts, gave, done), ..layer.clone() });
        let layers = layers.collect();
        let contexts = unhealed(&open.contexts, gave, done);
        Arc::new(OpenInputs { contexts, layers, values: open.values.clone() })
    });
    let needs = needs_unhealed(contexts, gave);
    let after = Arc::new(JobContexts { needs, open_inputs, ..contexts.as_ref().clone() });
    done.push((contexts.clone(), after.clone()));
    after
}

/// The `needs` of CI, with what is not known of it filled from what runs here gave.
fn needs_unhealed(contexts: &JobContexts, gave: &BTreeMap<String, Conclusion>) -> Value {
    let Value::Object(needs) = &contexts.needs_unhealed else { return contexts.needs_unhealed.clone() };
    let entries = needs.entries.iter().map(|(id, need)| {
        let need = match (need, gave.get(id)) {
            (Value::Object(entry), Some(result)) if matches!(entry.get("result"), Value::Unknown(_)) => {
                Value::object([("result", Value::string(result.as_str())), ("outputs", entry.get("outputs"))])
            }
            _ => need.clone(),
        };
        (id.clone(), need)
    });
    Value::object(entries.collect::<Vec<_>>())
}

/// Why a condition of this value keeps its step from running.
fn reason_to_skip(value: &Value, text: &str, in_ci: Option<InCi>) -> Option<String> {
    match (value.truth(), in_ci) {
        (Some(true), _) | (None, Some(InCi::Passed | InCi::Failed | InCi::Ran)) => None,
        (Some(false), _) => Some(format!("its condition is false: {text}")),
        (None, in_ci) => {
            let what = match value {
                Value::Unknown(unknown) => unknown.what.to_string(),
                _ => String::new(),
            };
            // What other steps would have said is taken to want the step; an event that is not known is not.
            let wanted = what.starts_with("steps.") || what.starts_with("needs.");
            (in_ci == Some(InCi::Skipped) || !wanted)
                .then(|| format!("its condition needs {what}, which is not known"))
        }
    }
}

impl StepEvaluator for Evaluator {
    fn prepare(&self, step: &PlanStep, state: &JobState) -> PreparedStep {
        if let Some(action) = step.action.as_ref().filter(|action| action.phase == ActionPhase::Post)
            && !self.has_run(action, state)
        {
            return PreparedStep::Skip { why: "its action has not run".to_owned() };
        }
        let prepared = self.prepare_step(step, state);
        match (&step.lacks, prepared) {
            // The verdict is there: what such a step would do afterwards changes nothing of it.
            (Some(what), PreparedStep::Run { .. }) if state.failed => {
                PreparedStep::Skip { why: what.clone() }
            }
            (Some(what), PreparedStep::Run { .. }) => PreparedStep::Unresolved { what: what.clone() },
            (_, prepared) => prepared,
        }
    }
}
