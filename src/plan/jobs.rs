//! Which jobs a workflow comes to: the jobs of a matrix and called workflows, each under the name that GitHub shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;

use crate::contract::git::{RepoPath, SourceTree};

use super::contexts::{self, Hashes, JobContexts, SharedContexts, StepContexts};
use super::expr::{self, Value};
use super::gates;
use super::matrix::{self, MatrixJob};
use super::results::{Moment, Results};
use super::runner::{self, Runner};
use super::step_template::Layer;
use super::workflow::{self, Input, Job, Workflow};
use super::yaml::{Kind, Node};
use super::{GithubFacts, PlanError};

const MAX_CANDIDATES: usize = 2_000;
const MAX_NESTING: usize = 10;

/// One job as it would run: one of a matrix, possibly inside called workflows.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) workflow: Arc<Workflow>,
    pub(super) job: usize,
    pub(super) matrix_job: MatrixJob,
    /// As GitHub shows it.
    pub(super) name: String,
    /// The ids from the workflow asked about down to this job.
    pub(super) path: Vec<String>,
    pub(super) contexts: SharedContexts,
    /// `runs-on`, as text.
    pub(super) labels: Option<Vec<String>>,
    pub(super) runner: Runner,
    pub(super) notes: Vec<String>,
    /// The jobs that must be over before it, by their paths; those of the jobs that call it included.
    pub(super) needs: Vec<Vec<String>>,
    /// It only looks at the results of those.
    pub(super) is_gate: bool,
    /// Its own condition is false.
    pub(super) is_switched_off: bool,
}

impl Candidate {
    pub(super) fn job(&self) -> &Job {
        &self.workflow.jobs[self.job]
    }

    /// `caller/called`
    pub(super) fn path_text(&self) -> String {
        self.path.join("/")
    }
}

/// What all candidates of one question share.
pub(super) struct Finder<'a> {
    pub(super) tree: &'a dyn SourceTree,
    pub(super) facts: &'a GithubFacts,
    pub(super) vars: &'a BTreeMap<String, String>,
    pub(super) trusted: bool,
    pub(super) hashes: &'a Hashes,
    pub(super) results: &'a Results,
}

/// What a called workflow gets from its caller.
#[derive(Clone)]
struct Call {
    inputs: Value,
    secrets: Arc<BTreeMap<String, SecretString>>,
    name: String,
    path: Vec<String>,
    files: Vec<String>,
    notes: Vec<String>,
    needs: Vec<Vec<String>>,
    /// It is given the results of those.
    gives_results: bool,
}

impl Finder<'_> {
    /// All jobs of a workflow that is started by an event.
    pub(super) fn top(
        &self,
        workflow: &Arc<Workflow>,
        only: Option<usize>,
        secrets: &Arc<BTreeMap<String, SecretString>>,
    ) -> Result<Vec<Candidate>, PlanError> {
        let call = Call {
            inputs: self.event_inputs(workflow),
            secrets: secrets.clone(),
            name: String::new(),
            path: Vec::new(),
            files: vec![workflow.file.clone()],
            notes: Vec::new(),
            needs: Vec::new(),
            gives_results: false,
        };
        let mut out = Vec::new();
        for index in 0..workflow.jobs.len() {
            if only.is_none_or(|only| only == index) {
                self.job(workflow, index, &call, &mut out)?;
            }
        }
        Ok(out)
    }

    /// `inputs` of a workflow that is not called: the event's, else the defaults.
    fn event_inputs(&self, workflow: &Workflow) -> Value {
        let given = self.facts.event.as_ref().and_then(|e| e.get("inputs"));
        let entries = workflow.inputs.iter().map(|input| {
            let value = match given.and_then(|g| g.get(&input.name)) {
                Some(value) => typed(Value::from_json(value), input),
                None => default(input).unwrap_or_else(|| Value::unknown(format!("inputs.{}", input.name))),
            };
            (input.name.clone(), value)
        });
        Value::object(entries.collect::<Vec<_>>())
    }

    fn contexts(&self, workflow: &Workflow, job: &Job, call: &Call) -> JobContexts {
        let needs = |moment: Moment| {
            let needs = job.needs.iter().map(|id| {
                let outputs = Value::partial(&format!("needs.{id}.outputs"), Vec::<(String, Value)>::new());
                let result = match self.results.of(&call.path, id, moment) {
                    Some(result) => Value::string(result.as_str()),
                    // The job would not have run otherwise, unless its own condition says so.
                    None if job.condition.is_none() => Value::string("success"),
                    None => Value::unknown(format!("needs.{id}.result")),
                };
                (id.clone(), Value::object([("result", result), ("outputs", outputs)]))
            });
            Value::object(needs.collect::<Vec<_>>())
        };
        let vars = self.vars.iter().map(|(k, v)| (k.clone(), Value::string(v.as_str())));
        JobContexts {
            github: contexts::github(self.facts, workflow, &job.id),
            matrix: Value::object(Vec::<(String, Value)>::new()),
            strategy: Value::object([
                ("fail-fast", Value::Bool(true)),
                ("job-index", Value::Number(0.0)),
                ("job-total", Value::Number(1.0)),
                ("max-parallel", Value::Number(1.0)),
            ]),
            inputs: call.inputs.clone(),
            needs: needs(Moment::Healed),
            needs_unhealed: needs(Moment::Unhealed),
            secrets: call.secrets.clone(),
            vars: Value::object(vars.collect::<Vec<_>>()),
            runner: Value::Null,
            job: Value::Null,
            open_inputs: None,
            open_needs: None,
            prefix: String::new(),
        }
    }

    fn job(
        &self,
        workflow: &Arc<Workflow>,
        index: usize,
        call: &Call,
        out: &mut Vec<Candidate>,
    ) -> Result<(), PlanError> {
        let job = &workflow.jobs[index];
        let fault = |(line, problem): (u32, String)| PlanError::Invalid {
            file: workflow.file.clone(),
            line: Some(line),
            problem,
        };
        let base = self.contexts(workflow, job, call);
        let mut notes = call.notes.clone();
        let expanded = match &job.matrix {
            Some(node) => {
                let view = StepContexts::of_job(&base, self.hashes);
                matrix::expand(node, &|n| contexts::value(n, &view)).map_err(fault)?
            }
            None => matrix::Matrix { matrix_jobs: vec![MatrixJob::new()], ..matrix::Matrix::default() },
        };
        for (key, node) in [("env", &workflow.env), ("env", &job.env), ("matrix", &job.matrix)] {
            notes.extend(node.iter().flat_map(|node| workflow::shortened_numbers(key, node)).take(20));
        }
        notes.extend(expanded.notes.iter().map(|n| format!("the matrix of `{}`: {n}", job.id)));
        notes.extend(expanded.unknown.iter().map(|(key, what)| {
            format!(
                "the matrix of `{}`: the values of `{key}` come from {what}, which is not known here",
                job.id
            )
        }));
        let total = expanded.matrix_jobs.len();
        for (matrix_job_index, matrix_job) in expanded.matrix_jobs.into_iter().enumerate() {
            if out.len() >= MAX_CANDIDATES {
                return Err(fault((
                    job.line,
                    format!("the workflow comes to more than {MAX_CANDIDATES} jobs"),
                )));
            }
            let mut contexts = base.clone();
            contexts.matrix = if expanded.unknown.iter().any(|(key, _)| key == "matrix" || key == "include") {
                Value::partial("matrix", matrix_job.iter().cloned())
            } else {
                Value::object(matrix_job.iter().cloned())
            };
            #[expect(clippy::cast_precision_loss, reason = "at most 256")]
            let number = |n: usize| Value::Number(n as f64);
            contexts.strategy = Value::object([
                ("fail-fast", Value::Bool(true)),
                ("job-index", number(matrix_job_index)),
                ("job-total", number(total)),
                ("max-parallel", number(total)),
            ]);
            let name = self.name(workflow, job, &matrix_job, &contexts)?;
            let name = if call.name.is_empty() { name } else { format!("{} / {name}", call.name) };
            let mut path = call.path.clone();
            path.push(job.id.clone());
            if job.uses.is_some() {
                let view = StepContexts::of_job(&contexts, self.hashes);
                let mut inner = self.call(workflow, job, &view, call, name, path, &notes)?;
                inner.needs = needs_of(job, call);
                inner.gives_results = job.with.as_ref().is_some_and(gates::looks_at_results);
                self.called(workflow, job, &inner, out)?;
                continue;
            }
            self.normal(workflow, index, matrix_job, contexts, name, path, notes.clone(), call, out)?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "they are the parts of one candidate")]
    fn normal(
        &self,
        workflow: &Arc<Workflow>,
        index: usize,
        matrix_job: MatrixJob,
        mut contexts: JobContexts,
        name: String,
        path: Vec<String>,
        mut notes: Vec<String>,
        call: &Call,
        out: &mut Vec<Candidate>,
    ) -> Result<(), PlanError> {
        let job = &workflow.jobs[index];
        let fault = |(line, problem): (u32, String)| PlanError::Invalid {
            file: workflow.file.clone(),
            line: Some(line),
            problem,
        };
        let runs_on = job
            .runs_on
            .as_ref()
            .map_or(Ok(Value::Null), |n| contexts::value(n, &StepContexts::of_job(&contexts, self.hashes)))
            .map_err(fault)?;
        let labels = runner::labels(&runs_on).filter(|l| !l.is_empty());
        let runner = labels.as_deref().map_or(Runner::Unclear, runner::classify);
        match (&labels, runner) {
            (None, _) => {
                notes.push("which runner it needs cannot be known here; Linux is assumed".to_owned());
            }
            (Some(labels), Runner::Unclear) => {
                notes.push(format!("no label of {} tells the system; Linux is assumed", labels.join(", ")));
            }
            (Some(labels), Runner::LinuxArm) => notes.push(format!(
                "{} is an arm64 machine; the sandbox has this machine's architecture",
                labels.join(", ")
            )),
            _ => {}
        }
        let arch = if runner == Runner::LinuxArm { "ARM64" } else { "X64" };
        let os = match runner {
            Runner::Windows => "Windows",
            Runner::MacOs => "macOS",
            _ => "Linux",
        };
        let text = Value::string;
        contexts.runner = Value::object([
            ("os", text(os)),
            ("arch", text(arch)),
            ("name", text("ci-healer")),
            ("environment", text("github-hosted")),
            ("temp", text(contexts::TEMP)),
            ("tool_cache", text("/opt/hostedtoolcache")),
            ("workspace", text("/")),
            ("debug", text("")),
        ]);
        let mut is_switched_off = false;
        if let Some(condition) = &job.condition {
            let condition_text = workflow::plain_text(condition).unwrap_or_default();
            let condition =
                expr::condition_kind(&condition_text, &StepContexts::of_job(&contexts, self.hashes))
                    .map_err(|e| fault((condition.line, e.to_string())))?;
            if condition.value.truth() == Some(false) {
                is_switched_off = true;
                notes.push(format!("the job's own condition is false here: {}", condition_text.trim()));
            }
        }
        let needs = needs_of(job, call);
        out.push(Candidate {
            is_gate: !needs.is_empty() && gates::is_gate(job, call.gives_results),
            is_switched_off,
            needs,
            workflow: workflow.clone(),
            job: index,
            matrix_job,
            name,
            path,
            contexts: Arc::new(contexts),
            labels,
            runner,
            notes,
        });
        Ok(())
    }

    /// GitHub's display name: the `name`, or the id; the values of the matrix in brackets unless the name has expressions.
    fn name(
        &self,
        workflow: &Workflow,
        job: &Job,
        matrix_job: &MatrixJob,
        contexts: &JobContexts,
    ) -> Result<String, PlanError> {
        let label = matrix::label(matrix_job);
        let bracketed =
            |name: &str| if label.is_empty() { name.to_owned() } else { format!("{name} ({label})") };
        let Some(node) = &job.name else { return Ok(bracketed(&job.id)) };
        let source = node.as_str().unwrap_or_default();
        let rendered = contexts::text(node, &StepContexts::of_job(contexts, self.hashes)).map_err(|e| {
            PlanError::Invalid { file: workflow.file.clone(), line: Some(node.line), problem: e.to_string() }
        })?;
        Ok(if source.contains("${{") {
            rendered.text.trim().to_owned()
        } else {
            bracketed(rendered.text.trim())
        })
    }

    #[expect(clippy::too_many_arguments, reason = "they are the parts of one call")]
    fn call(
        &self,
        workflow: &Workflow,
        job: &Job,
        view: &StepContexts<'_>,
        outer: &Call,
        name: String,
        path: Vec<String>,
        notes: &[String],
    ) -> Result<Call, PlanError> {
        let fault = |(line, problem): (u32, String)| PlanError::Invalid {
            file: workflow.file.clone(),
            line: Some(line),
            problem,
        };
        let with = match &job.with {
            Some(node) => contexts::value(node, view).map_err(fault)?,
            None => Value::Null,
        };
        let secrets = match &job.secrets {
            Some(node) if node.as_str() == Some("inherit") => outer.secrets.clone(),
            Some(Node { kind: Kind::Map(entries), .. }) => {
                let passed = entries.iter().filter_map(|(key, node)| {
                    let named = expr::whole_expression(node.as_str()?)?.trim().strip_prefix("secrets.")?;
                    Some((key.text.clone(), outer.secrets.get(named)?.clone()))
                });
                Arc::new(passed.collect())
            }
            _ => Arc::new(BTreeMap::new()),
        };
        Ok(Call {
            inputs: with,
            secrets,
            name,
            path,
            files: outer.files.clone(),
            notes: notes.to_vec(),
            needs: Vec::new(),
            gives_results: false,
        })
    }

    /// The jobs of the workflow that a job calls.
    fn called(
        &self,
        workflow: &Workflow,
        job: &Job,
        call: &Call,
        out: &mut Vec<Candidate>,
    ) -> Result<(), PlanError> {
        let fault = |problem: String| PlanError::Invalid {
            file: workflow.file.clone(),
            line: Some(job.line),
            problem,
        };
        let uses = job.uses.as_ref().and_then(workflow::plain_text).unwrap_or_default();
        let Some(path) = uses.strip_prefix("./").or_else(|| uses.strip_prefix("$/")) else {
            return Err(PlanError::Refused {
                why: format!(
                    "the job `{}` calls the reusable workflow {uses} of another repository, which is not here",
                    job.id
                ),
                remedy: Some("give the commands to reproduce as `command`".to_owned()),
            });
        };
        let path = path.split('@').next().unwrap_or(path);
        if call.files.iter().any(|f| f == path) {
            let way = call.files.iter().map(String::as_str).chain([path]).collect::<Vec<_>>().join(" → ");
            return Err(fault(format!("the reusable workflows form a cycle: {way}")));
        }
        if call.files.len() > MAX_NESTING {
            return Err(fault(format!("reusable workflows are nested deeper than {MAX_NESTING}")));
        }
        let bytes = RepoPath::new(path).ok().and_then(|p| self.tree.read(&p)).ok_or_else(|| {
            fault(format!(
                "the job `{}` calls the reusable workflow {uses}, which is not in the repository",
                job.id
            ))
        })?;
        let inner = Arc::new(workflow::read(path, &bytes, self.trusted)?);
        if !inner.callable {
            return Err(fault(format!(
                "the job `{}` calls {uses}, which has no `on: workflow_call`",
                job.id
            )));
        }
        let mut call = call.clone();
        call.files.push(path.to_owned());
        call.notes.extend(inner.notes.iter().cloned());
        call.inputs = inputs_of_call(&inner, &call.inputs, job, &mut call.notes);
        for index in 0..inner.jobs.len() {
            self.job(&inner, index, &call, out)?;
        }
        Ok(())
    }
}

/// What a job waits for: what its caller does, and what it names beside itself.
fn needs_of(job: &Job, call: &Call) -> Vec<Vec<String>> {
    let own = job.needs.iter().map(|id| [&call.path[..], std::slice::from_ref(id)].concat());
    call.needs.iter().cloned().chain(own).collect()
}

fn inputs_of_call(workflow: &Workflow, given: &Value, job: &Job, notes: &mut Vec<String>) -> Value {
    let entries = workflow.inputs.iter().map(|input| {
        let passed = match given {
            Value::Object(object) => object
                .entries
                .iter()
                .find(|(k, _)| k.eq_ignore_ascii_case(&input.name))
                .map(|(_, v)| v.clone()),
            Value::Unknown(unknown) => Some(Value::Unknown(unknown.clone())),
            _ => None,
        };
        let value = match passed {
            Some(value) => typed(value, input),
            None => {
                if input.required && input.default.is_none() {
                    notes.push(format!(
                        "`{}` does not pass the required input `{}` of {}",
                        job.id, input.name, workflow.file
                    ));
                }
                default(input).unwrap_or(Value::Null)
            }
        };
        (input.name.clone(), value)
    });
    Value::object(entries.collect::<Vec<_>>())
}

/// A default as written; where it holds an expression, it is not known.
fn default(input: &Input) -> Option<Value> {
    match &input.default {
        Some(node) => match &node.kind {
            Kind::Bool(b) => Some(Value::Bool(*b)),
            Kind::Number { value, .. } => Some(Value::Number(*value)),
            _ => workflow::plain_text(node)
                .filter(|t| !t.contains("${{"))
                .map(|t| typed(Value::string(t), input)),
        },
        None if input.required => None,
        None => match input.kind.as_deref() {
            Some("boolean") => Some(Value::Bool(false)),
            Some("number") => Some(Value::Number(0.0)),
            _ => Some(Value::string("")),
        },
    }
}

fn typed(value: Value, input: &Input) -> Value {
    match (input.kind.as_deref(), &value) {
        (Some("boolean"), Value::String(s)) => Value::Bool(s.eq_ignore_ascii_case("true")),
        (Some("number"), Value::String(s)) => s.trim().parse().map_or(value, Value::Number),
        _ => value,
    }
}

/// The `env:` of workflow and job.
pub(super) fn layers(candidate: &Candidate) -> Vec<Layer> {
    let layer = |node: &Node| Layer {
        contexts: candidate.contexts.clone(),
        node: Arc::new(node.clone()),
        of_step: false,
    };
    [&candidate.workflow.env, &candidate.job().env].into_iter().flatten().map(layer).collect()
}
