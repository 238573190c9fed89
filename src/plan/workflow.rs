//! A workflow file as GitHub understands it: jobs and steps, with the line of each, checked for what GitHub refuses.
//!
//! Values that may hold expressions stay as YAML nodes; `eval` turns them into text where the contexts are known.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use super::availability;
use super::expr;
use super::yaml::{self, Key, Kind, Node};

/// One workflow file.
#[derive(Debug, Clone)]
pub(super) struct Workflow {
    pub(super) file: String,
    pub(super) name: Option<String>,
    pub(super) env: Option<Node>,
    pub(super) defaults: Defaults,
    pub(super) jobs: Vec<Job>,
    /// `on.workflow_call` / `on.workflow_dispatch` inputs: name, default, type.
    pub(super) inputs: Vec<Input>,
    /// It can be called by other workflows.
    pub(super) callable: bool,
    pub(super) triggers: Vec<Trigger>,
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) default: Option<Node>,
    pub(super) kind: Option<String>,
    pub(super) required: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Defaults {
    pub(super) shell: Option<Node>,
    pub(super) working_directory: Option<Node>,
}

#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) line: u32,
    pub(super) name: Option<Node>,
    pub(super) needs: Vec<String>,
    pub(super) condition: Option<Node>,
    pub(super) runs_on: Option<Node>,
    pub(super) env: Option<Node>,
    pub(super) defaults: Defaults,
    pub(super) matrix: Option<Node>,
    pub(super) container: Option<Node>,
    pub(super) services: Option<Node>,
    pub(super) steps: Vec<Step>,
    /// A call of a reusable workflow.
    pub(super) uses: Option<Node>,
    pub(super) with: Option<Node>,
    pub(super) secrets: Option<Node>,
    /// What it tells the jobs that need it.
    pub(super) outputs: Option<Node>,
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) line: u32,
    pub(super) id: Option<String>,
    pub(super) name: Option<Node>,
    pub(super) condition: Option<Node>,
    pub(super) env: Option<Node>,
    pub(super) continue_on_error: Option<Node>,
    pub(super) timeout: Option<Node>,
    pub(super) background: bool,
    pub(super) action: StepAction,
}

#[derive(Debug, Clone)]
pub(super) enum StepAction {
    Run { run: Node, shell: Option<Node>, working_directory: Option<Node> },
    Uses { uses: String, with: Vec<(Key, Node)> },
    Wait(Vec<String>),
    WaitAll,
    Cancel(String),
    Parallel(Vec<Step>),
}

const WORKFLOW_KEYS: &[&str] = &[
    "name",
    "run-name",
    "on",
    "permissions",
    "env",
    "defaults",
    "concurrency",
    "jobs",
    "cache-mode",
    "description",
];
const JOB_KEYS: &[&str] = &[
    "name",
    "permissions",
    "needs",
    "if",
    "runs-on",
    "environment",
    "concurrency",
    "outputs",
    "env",
    "defaults",
    "steps",
    "timeout-minutes",
    "strategy",
    "continue-on-error",
    "container",
    "services",
    "uses",
    "with",
    "secrets",
    "cache-mode",
    "snapshot",
];
const STEP_KEYS: &[&str] = &[
    "id",
    "if",
    "name",
    "uses",
    "run",
    "working-directory",
    "shell",
    "with",
    "env",
    "continue-on-error",
    "timeout-minutes",
    "background",
    "wait",
    "wait-all",
    "cancel",
    "parallel",
];

/// Reads nodes of one file, and knows how to complain about them.
pub(super) struct Reader<'f> {
    pub(super) file: &'f str,
    pub(super) notes: Vec<String>,
    /// GitHub has run this very file, so a key we do not know is our ignorance, not a fault.
    pub(super) trusted: bool,
}

impl Reader<'_> {
    pub(super) fn fault(&self, line: u32, problem: impl Into<String>) -> PlanError {
        PlanError::Invalid { file: self.file.to_owned(), line: Some(line), problem: problem.into() }
    }

    /// What GitHub has run is not refused for our idea of what it accepts: a note tells what was odd.
    pub(super) fn unless_run(&mut self, checked: Result<(), PlanError>) -> Result<(), PlanError> {
        match checked {
            Err(problem) if self.trusted => {
                self.notes.push(problem.to_string());
                Ok(())
            }
            checked => checked,
        }
    }

    pub(super) fn known_keys(&mut self, node: &Node, what: &str, known: &[&str]) -> Result<(), PlanError> {
        for (key, _) in node.entries() {
            if known.contains(&key.text.as_str()) {
                continue;
            }
            let near = known.iter().find(|k| distance_is_small(k, &key.text));
            let hint = near.map_or_else(String::new, |k| format!("; did you mean `{k}`?"));
            let problem = format!("{what} has the key `{}`, which GitHub does not know{hint}", key.text);
            let fault = self.fault(key.line, problem);
            self.unless_run(Err(fault))?;
        }
        Ok(())
    }

    fn mapping<'n>(&self, node: &'n Node, what: &str) -> Result<&'n [(Key, Node)], PlanError> {
        match &node.kind {
            Kind::Map(entries) => Ok(entries),
            _ => Err(self.fault(node.line, format!("{what} must be a mapping, not {}", node.describe()))),
        }
    }

    /// A mapping, nothing, or one expression that gives a mapping.
    pub(super) fn optional_map(&self, node: Option<&Node>, what: &str) -> Result<Option<Node>, PlanError> {
        let Some(node) = node.filter(|n| !n.is_null()) else { return Ok(None) };
        let expression = node.as_str().is_some_and(|s| expr::whole_expression(s).is_some());
        if !expression {
            self.mapping(node, what)?;
        }
        Ok(Some(node.clone()))
    }

    pub(super) fn scalar(&self, node: Option<&Node>, what: &str) -> Result<Option<Node>, PlanError> {
        match node {
            None => Ok(None),
            Some(node) if matches!(node.kind, Kind::List(_) | Kind::Map(_)) => {
                Err(self.fault(node.line, format!("{what} must be a single value, not {}", node.describe())))
            }
            Some(node) if node.is_null() => Ok(None),
            Some(node) => Ok(Some(node.clone())),
        }
    }

    pub(super) fn strings(&self, node: Option<&Node>, what: &str) -> Result<Vec<String>, PlanError> {
        let one = |node: &Node| match plain_text(node) {
            Some(text) => Ok(text),
            None => Err(self.fault(
                node.line,
                format!("{what} must be a string or a list of strings, not {}", node.describe()),
            )),
        };
        match node {
            None => Ok(Vec::new()),
            Some(Node { kind: Kind::List(items), .. }) => items.iter().map(one).collect(),
            Some(node) if node.is_null() => Ok(Vec::new()),
            Some(node) => Ok(vec![one(node)?]),
        }
    }

    fn defaults(&mut self, node: Option<&Node>) -> Result<Defaults, PlanError> {
        let Some(node) = node.filter(|n| !n.is_null()) else { return Ok(Defaults::default()) };
        self.mapping(node, "`defaults`")?;
        self.known_keys(node, "`defaults`", &["run"])?;
        let Some(run) = node.get("run").filter(|n| !n.is_null()) else { return Ok(Defaults::default()) };
        self.mapping(run, "`defaults.run`")?;
        self.known_keys(run, "`defaults.run`", &["shell", "working-directory"])?;
        Ok(Defaults {
            shell: self.scalar(run.get("shell"), "`defaults.run.shell`")?,
            working_directory: self
                .scalar(run.get("working-directory"), "`defaults.run.working-directory`")?,
        })
    }

    /// Every expression below this node parses and, in a workflow, names what its place has. `path` are the keys above.
    pub(super) fn check_expressions<'n>(
        &self,
        node: &'n Node,
        path: &mut Vec<&'n str>,
    ) -> Result<(), PlanError> {
        // What GitHub has run is not refused for our idea of its table.
        let available = || availability::of(path).filter(|_| !self.trusted);
        match &node.kind {
            Kind::String { text, .. }
                if is_condition(path) && !text.contains("${{") && !text.trim().is_empty() =>
            {
                expr::check_one(text, available().as_ref()).map_err(|e| self.fault(node.line, e.to_string()))
            }
            Kind::String { text, block } => expr::check(text, available().as_ref()).map_err(|(offset, e)| {
                let before = text.as_bytes()[..offset].iter().filter(|&&b| b == b'\n').count();
                let line = node.line + u32::from(*block) + u32::try_from(before).unwrap_or(0);
                self.fault(line, e.to_string())
            }),
            Kind::List(items) => items.iter().try_for_each(|item| self.check_expressions(item, path)),
            Kind::Map(entries) => entries.iter().try_for_each(|(key, value)| {
                path.push(&key.text);
                let checked = self.check_expressions(value, path);
                path.pop();
                checked
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn steps(&mut self, node: &Node, composite: bool) -> Result<Vec<Step>, PlanError> {
        let Kind::List(items) = &node.kind else {
            return Err(self.fault(node.line, format!("`steps` must be a list, not {}", node.describe())));
        };
        let mut ids = BTreeMap::new();
        items.iter().map(|item| self.step(item, composite, &mut ids)).collect()
    }

    fn step_action(
        &mut self,
        node: &Node,
        composite: bool,
        ids: &mut BTreeMap<String, u32>,
    ) -> Result<StepAction, PlanError> {
        let kinds: Vec<&str> = ["run", "uses", "wait", "wait-all", "cancel", "parallel"]
            .into_iter()
            .filter(|kind| node.get(kind).is_some())
            .collect();
        Ok(match kinds.as_slice() {
            ["run"] => {
                let Some(run) = self.scalar(node.get("run"), "`run`")? else {
                    return Err(self.fault(node.line, "the step's `run` is empty"));
                };
                let shell = self.scalar(node.get("shell"), "`shell`")?;
                if composite && shell.is_none() {
                    return Err(self.fault(node.line, "a `run` step of a composite action needs a `shell`"));
                }
                if let Some(with) = node.get("with") {
                    return Err(self.fault(with.line, "a `run` step takes no `with`"));
                }
                let working_directory = self.scalar(node.get("working-directory"), "`working-directory`")?;
                StepAction::Run { run, shell, working_directory }
            }
            ["uses"] => {
                let uses = node.get("uses").and_then(Node::as_str).map(str::trim).unwrap_or_default();
                if uses.is_empty() {
                    return Err(self.fault(node.line, "the step's `uses` must name an action"));
                }
                if let Some(problem) = uses_problem(uses) {
                    return Err(self.fault(node.line, problem));
                }
                for key in ["shell", "working-directory"] {
                    if let Some(bad) = node.get(key) {
                        return Err(self.fault(bad.line, format!("a `uses` step takes no `{key}`")));
                    }
                }
                let with = match node.get("with").filter(|n| !n.is_null()) {
                    Some(with) => self.mapping(with, "`with`")?.to_vec(),
                    None => Vec::new(),
                };
                StepAction::Uses { uses: uses.to_owned(), with }
            }
            ["wait"] => StepAction::Wait(self.strings(node.get("wait"), "`wait`")?),
            ["wait-all"] => StepAction::WaitAll,
            ["cancel"] => StepAction::Cancel(self.strings(node.get("cancel"), "`cancel`")?.concat()),
            ["parallel"] => {
                let Some(Node { kind: Kind::List(items), .. }) = node.get("parallel") else {
                    return Err(self.fault(node.line, "`parallel` must be a list of steps"));
                };
                if items.is_empty() {
                    return Err(self.fault(node.line, "the `parallel` group is empty"));
                }
                let steps: Vec<Step> =
                    items.iter().map(|item| self.step(item, composite, ids)).collect::<Result<_, _>>()?;
                if let Some(bad) = steps
                    .iter()
                    .find(|s| !matches!(s.action, StepAction::Run { .. } | StepAction::Uses { .. }))
                {
                    return Err(self.fault(bad.line, "a `parallel` group holds only `run` and `uses` steps"));
                }
                StepAction::Parallel(steps)
            }
            [] => return Err(self.fault(node.line, "the step has neither `run` nor `uses`")),
            several => {
                return Err(
                    self.fault(node.line, format!("the step has both `{}` and `{}`", several[0], several[1]))
                );
            }
        })
    }

    /// The step's `id`, which no other of `ids` may have.
    fn step_id(&self, node: &Node, ids: &mut BTreeMap<String, u32>) -> Result<Option<String>, PlanError> {
        match self.scalar(node.get("id"), "`id`")?.as_ref().and_then(plain_text) {
            Some(id) if !is_identifier(&id) => {
                Err(self.fault(node.line, format!("the step id `{id}` must start with a letter or `_` and hold only letters, digits, `-` and `_`")))
            }
            Some(id) => {
                if let Some(first) = ids.insert(id.to_ascii_lowercase(), node.line) {
                    return Err(
                        self.fault(node.line, format!("the step id `{id}` is already used on line {first}"))
                    );
                }
                Ok(Some(id))
            }
            None => Ok(None),
        }
    }

    fn step(
        &mut self,
        node: &Node,
        composite: bool,
        ids: &mut BTreeMap<String, u32>,
    ) -> Result<Step, PlanError> {
        self.mapping(node, "a step")?;
        self.known_keys(node, "the step", STEP_KEYS)?;
        let action = self.step_action(node, composite, ids)?;
        let id = self.step_id(node, ids)?;
        for key in ["background", "continue-on-error"] {
            let checked = self.flag(node.get(key), &format!("`{key}`"));
            self.unless_run(checked)?;
        }
        let flag = node.get("background");
        Ok(Step {
            line: node.line,
            id,
            name: self.scalar(node.get("name"), "`name`")?,
            condition: self.scalar(node.get("if"), "`if`")?,
            env: self.optional_map(node.get("env"), "`env`")?,
            continue_on_error: self.scalar(node.get("continue-on-error"), "`continue-on-error`")?,
            timeout: self.scalar(node.get("timeout-minutes"), "`timeout-minutes`")?,
            background: flag.is_some_and(|n| n.kind == Kind::Bool(true)),
            action,
        })
    }

    fn job(&mut self, key: &Key, node: &Node) -> Result<Job, PlanError> {
        let id = key.text.clone();
        if !is_identifier(&id) {
            return Err(self.fault(key.line, format!("the job id `{id}` must start with a letter or `_` and hold only letters, digits, `-` and `_`")));
        }
        let what = format!("the job `{id}`");
        self.mapping(node, &what)?;
        self.known_keys(node, &what, JOB_KEYS)?;
        self.validate_job(node)?;
        let uses = self.scalar(node.get("uses"), "`uses`")?;
        if uses.is_some()
            && let Some(steps) = node.get("steps").or_else(|| node.get("runs-on"))
        {
            return Err(self.fault(
                steps.line,
                format!("{what} calls a workflow with `uses`, so it takes no steps or `runs-on`"),
            ));
        }
        let runs_on = node.get("runs-on").filter(|n| !n.is_null()).cloned();
        if uses.is_none() && runs_on.is_none() {
            return Err(self.fault(key.line, format!("{what} has no `runs-on`")));
        }
        let steps = match node.get("steps") {
            Some(steps) => self.steps(steps, false)?,
            None if uses.is_some() => Vec::new(),
            None => return Err(self.fault(key.line, format!("{what} has no `steps`"))),
        };
        let matrix = match node.get("strategy").filter(|n| !n.is_null()) {
            Some(strategy) if strategy.as_str().is_some() => None,
            Some(strategy) => {
                self.mapping(strategy, "`strategy`")?;
                self.optional_map(strategy.get("matrix"), "`matrix`")?
            }
            None => None,
        };
        Ok(Job {
            line: key.line,
            name: self.scalar(node.get("name"), "`name`")?,
            needs: self.strings(node.get("needs"), "`needs`")?,
            condition: self.scalar(node.get("if"), "`if`")?,
            runs_on,
            env: self.optional_map(node.get("env"), "`env`")?,
            defaults: self.defaults(node.get("defaults"))?,
            matrix,
            container: node.get("container").filter(|n| !n.is_null()).cloned(),
            services: self.optional_map(node.get("services"), "`services`")?,
            steps,
            uses,
            with: self.optional_map(node.get("with"), "`with`")?,
            secrets: node.get("secrets").cloned(),
            outputs: self.optional_map(node.get("outputs"), "`outputs`")?,
            id,
        })
    }

    fn inputs(&self, on: &Node) -> Result<(Vec<Input>, bool), PlanError> {
        let names = |event: &str| match &on.kind {
            Kind::String { text, .. } => text == event,
            Kind::List(items) => items.iter().any(|i| i.as_str() == Some(event)),
            _ => on.get(event).is_some(),
        };
        let mut inputs: Vec<Input> = Vec::new();
        let mut seen = BTreeSet::new();
        for event in ["workflow_call", "workflow_dispatch"] {
            let Some(declared) = on.get(event).and_then(|e| e.get("inputs")).filter(|n| !n.is_null()) else {
                continue;
            };
            for (key, spec) in self.mapping(declared, "`inputs`")? {
                if !seen.insert(key.text.as_str()) {
                    continue;
                }
                inputs.push(Input {
                    name: key.text.clone(),
                    default: spec.get("default").cloned(),
                    kind: spec.get("type").and_then(Node::as_str).map(str::to_owned),
                    required: spec.get("required").is_some_and(|n| n.kind == Kind::Bool(true)),
                });
            }
        }
        Ok((inputs, names("workflow_call")))
    }
}

/// An event that starts a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trigger {
    pub(super) event: String,
    /// The keys below it: `branches`, `tags`, …
    pub(super) filters: Vec<String>,
    /// Its `types`, where some are named.
    pub(super) types: Vec<String>,
}

impl Trigger {
    /// It comes with each change of the code, before it is merged or as it is pushed.
    pub(super) fn is_of_changes(&self) -> bool {
        let has = |filter: &str| self.filters.iter().any(|f| f == filter);
        match self.event.as_str() {
            // Tags alone: branches are named by neither of their keys.
            "push" => !has("tags") || has("branches") || has("branches-ignore"),
            "pull_request" => {
                let of_code = ["opened", "synchronize", "reopened", "ready_for_review"];
                self.types.is_empty() || self.types.iter().any(|kind| of_code.contains(&kind.as_str()))
            }
            "merge_group" => true,
            _ => false,
        }
    }
}

fn triggers(on: &Node) -> Vec<Trigger> {
    let plain = |event: &str| Trigger { event: event.to_owned(), filters: Vec::new(), types: Vec::new() };
    let words = |node: &Node| match &node.kind {
        Kind::String { text, .. } => vec![text.clone()],
        Kind::List(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    match &on.kind {
        Kind::Map(events) => events
            .iter()
            .map(|(event, node)| {
                let filters = match &node.kind {
                    Kind::Map(filters) => filters.iter().map(|(key, _)| key.text.clone()).collect(),
                    _ => Vec::new(),
                };
                let types = node.get("types").map(words).unwrap_or_default();
                Trigger { filters, types, ..plain(&event.text) }
            })
            .collect(),
        _ => words(on).iter().map(|event| plain(event)).collect(),
    }
}

/// Reads and checks a workflow file.
pub(super) fn read(file: &str, bytes: &[u8], trusted: bool) -> Result<Workflow, PlanError> {
    let root = yaml::parse(file, bytes)?;
    let mut reader = Reader { file, notes: Vec::new(), trusted };
    if root.is_null() {
        return Err(PlanError::Invalid {
            file: file.to_owned(),
            line: Some(1),
            problem: "is empty".to_owned(),
        });
    }
    reader.mapping(&root, "a workflow")?;
    reader.known_keys(&root, "the workflow", WORKFLOW_KEYS)?;
    let Some(jobs) = root.get("jobs").filter(|n| !n.is_null()) else {
        return Err(reader.fault(root.line, "the workflow has no `jobs`"));
    };
    let Some(on) = root.get("on").filter(|n| !n.is_null()) else {
        return Err(reader.fault(root.line, "the workflow has no `on`, so nothing ever starts it"));
    };
    for key in ["run-name", "env", "defaults", "concurrency", "jobs"] {
        if let Some(node) = root.get(key) {
            reader.check_expressions(node, &mut vec![key])?;
        }
    }
    reader.validate_workflow(&root)?;
    let entries = reader.mapping(jobs, "`jobs`")?;
    if entries.is_empty() {
        return Err(reader.fault(jobs.line, "`jobs` is empty"));
    }
    let jobs = entries.iter().map(|(key, node)| reader.job(key, node)).collect::<Result<Vec<_>, _>>()?;
    check_needs(&reader, &jobs)?;
    for job in &jobs {
        check_waits(&reader, &job.steps, &mut BTreeSet::new())?;
    }
    let (inputs, callable) = reader.inputs(on)?;
    let defaults = reader.defaults(root.get("defaults"))?;
    let env = reader.optional_map(root.get("env"), "`env`")?;
    let name = root.get("name").and_then(plain_text);
    let (file, triggers, notes) = (file.to_owned(), triggers(on), reader.notes);
    Ok(Workflow { file, name, env, defaults, jobs, inputs, callable, triggers, notes })
}

/// What a step waits for or cancels stands before it.
fn check_waits(reader: &Reader<'_>, steps: &[Step], seen: &mut BTreeSet<String>) -> Result<(), PlanError> {
    for step in steps {
        let asked = match &step.action {
            StepAction::Wait(ids) => ids.as_slice(),
            StepAction::Cancel(id) => std::slice::from_ref(id),
            StepAction::Parallel(group) => {
                check_waits(reader, group, seen)?;
                &[]
            }
            StepAction::Run { .. } | StepAction::Uses { .. } | StepAction::WaitAll => &[],
        };
        if let Some(id) = asked.iter().find(|id| !seen.contains(&id.to_ascii_lowercase())) {
            return Err(reader.fault(step.line, format!("no earlier step has the id `{id}`")));
        }
        seen.extend(step.id.as_ref().map(|id| id.to_ascii_lowercase()));
    }
    Ok(())
}

/// Every needed job exists, and no job needs itself by any way.
fn check_needs(reader: &Reader<'_>, jobs: &[Job]) -> Result<(), PlanError> {
    let index: BTreeMap<String, usize> =
        jobs.iter().enumerate().map(|(i, j)| (j.id.to_ascii_lowercase(), i)).collect();
    let mut waiting = vec![0_usize; jobs.len()];
    let mut dependants = vec![Vec::new(); jobs.len()];
    for (i, job) in jobs.iter().enumerate() {
        for id in &job.needs {
            let Some(&needed) = index.get(&id.to_ascii_lowercase()) else {
                return Err(reader
                    .fault(job.line, format!("the job `{}` needs `{id}`, which does not exist", job.id)));
            };
            waiting[i] += 1;
            dependants[needed].push(i);
        }
    }
    let mut ready: Vec<usize> = (0..jobs.len()).filter(|&i| waiting[i] == 0).collect();
    while let Some(done) = ready.pop() {
        for &i in &dependants[done] {
            waiting[i] -= 1;
            if waiting[i] == 0 {
                ready.push(i);
            }
        }
    }
    match (0..jobs.len()).find(|&i| waiting[i] > 0) {
        Some(stuck) => {
            let job = &jobs[stuck];
            Err(reader.fault(
                job.line,
                format!("the job `{}` waits for itself, through a cycle of `needs`", job.id),
            ))
        }
        None => Ok(()),
    }
}

/// An `if` of a job or step, not a variable, input or output of that name.
fn is_condition(path: &[&str]) -> bool {
    matches!(path, ["jobs", _, "if"] | [.., "steps" | "parallel", "if"])
}

fn uses_problem(uses: &str) -> Option<String> {
    if uses.contains("${{") {
        return Some(format!("`uses: {uses}` holds an expression, which GitHub does not allow there"));
    }
    if uses.starts_with("docker://")
        || uses.starts_with("./")
        || uses.starts_with("$/")
        || uses.starts_with("../")
    {
        return None;
    }
    let (path, reference) = uses.split_once('@').unwrap_or((uses, ""));
    if reference.is_empty() {
        return Some(format!("`uses: {uses}` has no `@version`; a local action starts with `./`"));
    }
    let mut parts = path.split('/');
    let named = parts.next().is_some_and(|p| !p.is_empty()) && parts.next().is_some_and(|p| !p.is_empty());
    (!named).then(|| format!("`uses: {uses}` is not of the form `owner/repository@version`"))
}

pub(super) fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// A scalar as GitHub's template reader puts it into a string.
pub(super) fn plain_text(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::String { text, .. } => Some(text.clone()),
        Kind::Bool(b) => Some(b.to_string()),
        Kind::Number { value, .. } => expr::Value::Number(*value).text(),
        Kind::Null => Some(String::new()),
        Kind::List(_) | Kind::Map(_) => None,
    }
}

/// Numbers below a key that lose a digit that a version needs: `3.10` is 3.1.
pub(super) fn shortened_numbers(key: &str, node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::Number { raw, value } => {
            let text = expr::Value::Number(*value).text().unwrap_or_default();
            let shortened = text != *raw && raw.contains('.') && raw.starts_with(&text);
            let note =
                || format!("`{key}: {raw}` is the number {text}; write '{raw}' to mean the version {raw}");
            shortened.then(note).into_iter().collect()
        }
        Kind::List(items) => items.iter().flat_map(|item| shortened_numbers(key, item)).collect(),
        Kind::Map(entries) => {
            entries.iter().flat_map(|(key, item)| shortened_numbers(&key.text, item)).collect()
        }
        _ => Vec::new(),
    }
}

/// One letter more, less, other or swapped; or `_` for `-`.
fn distance_is_small(a: &str, b: &str) -> bool {
    if a.replace(['-', '_'], "").eq_ignore_ascii_case(&b.replace(['-', '_', ' '], "")) {
        return true;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().take(60).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut previous = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = previous + usize::from(ca != cb);
            previous = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(previous + 1);
        }
    }
    row[b.len()] <= 2 && a.len() > 3
}
