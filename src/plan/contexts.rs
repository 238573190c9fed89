//! The contexts that expressions see: what is fixed for a job, and what a step's moment adds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use globset::{GlobBuilder, GlobMatcher};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest, Sha256};

use crate::contract::build::{JobFolders, SANDBOX_TOKEN};
use crate::contract::git::{FileMode, SourceTree};

use super::GithubFacts;
use super::expr::{self, Contexts, EvalError, Rendered, Status, Value};
use super::step_template::Layer;
use super::yaml::{Kind, Node};

/// What follows the workspace's own path, by whichever of its names; `None` for any other path.
pub(super) fn below_workspace(path: &str) -> Option<&str> {
    let below = path.strip_prefix("/workspace").or_else(|| {
        let after = ["/home/runner/work/", "/__w/"].iter().find_map(|work| path.strip_prefix(work))?;
        let (name, rest) = after.split_once('/')?;
        rest.strip_prefix(name)
    });
    below.filter(|below| below.is_empty() || below.starts_with('/'))
}

/// What is fixed while a job (or a composite action in it) runs.
#[derive(Debug, Clone)]
pub(super) struct JobContexts {
    pub(super) github: Value,
    pub(super) matrix: Value,
    pub(super) strategy: Value,
    pub(super) inputs: Value,
    /// As it is once every job that is planned here is green.
    pub(super) needs: Value,
    /// As it was in CI, where that is known.
    pub(super) needs_unhealed: Value,
    pub(super) secrets: Arc<BTreeMap<String, SecretString>>,
    pub(super) vars: Value,
    pub(super) runner: Value,
    /// `job.services` and `job.container`.
    pub(super) job: Value,
    /// Set where some of `inputs` only the run will tell.
    pub(super) open_inputs: Option<Arc<OpenInputs>>,
    /// Jobs that run before this one in the same sandbox, which will tell their outputs.
    pub(super) open_needs: Option<Arc<Vec<NeededJob>>>,
    /// Set before the ids of a composite action's steps: `build.`; empty for the job itself.
    pub(super) prefix: String,
}

/// A job that runs before another, and how its outputs come about.
#[derive(Debug, Clone)]
pub(super) struct NeededJob {
    pub(super) id: String,
    pub(super) contexts: SharedContexts,
    pub(super) outputs: Vec<(String, Node)>,
}

impl JobContexts {
    /// A folder of the repository, inside the sandbox.
    pub(super) fn in_workspace(&self, folder: &str) -> String {
        let workspace = self.workspace();
        if folder.is_empty() { workspace } else { format!("{workspace}/{folder}") }
    }

    pub(super) fn workspace(&self) -> String {
        match &self.github {
            Value::Object(github) => github.get("workspace").text(),
            _ => None,
        }
        .unwrap_or_else(JobFolders::usual_workspace)
    }

    /// The job's folders have the names that a job with a `container:` sees.
    pub(super) fn set_folders(&mut self, folders: &JobFolders) {
        let set = |context: &mut Value, values: &[(&str, &str)]| {
            let Value::Object(object) = context else { return };
            let mut entries = object.entries.clone();
            for (key, value) in values {
                entries.retain(|(name, _)| name != key);
                entries.push(((*key).to_owned(), Value::string(*value)));
            }
            *context = object.with_entries(entries);
        };
        set(&mut self.github, &[("workspace", &folders.workspace)]);
        set(&mut self.runner, &[("temp", &folders.temp), ("tool_cache", &folders.tool_cache)]);
    }
}

/// How a composite action's inputs come about.
#[derive(Debug)]
pub(super) struct OpenInputs {
    /// Of whoever uses the action.
    pub(super) contexts: SharedContexts,
    pub(super) layers: Vec<Layer>,
    /// As given, or as their defaults.
    pub(super) values: Vec<(String, Node)>,
}

/// The `steps` context: the entry of one id, or all of them. Made when it is asked for, since a job may have thousands
/// of steps, and each of them only looks at a few.
pub(super) type Steps<'a> = Box<dyn Fn(Option<&str>) -> Value + 'a>;

/// The contexts at one moment of a job.
pub(super) struct StepContexts<'a> {
    pub(super) contexts: &'a JobContexts,
    pub(super) env: Value,
    pub(super) steps: Steps<'a>,
    pub(super) success: Option<bool>,
    pub(super) hashes: &'a Hashes,
    /// The step is about to run: secrets that were passed on may be seen.
    pub(super) live: bool,
}

impl<'a> StepContexts<'a> {
    /// Before any step: `env` and `steps` are not there yet.
    pub(super) fn of_job(contexts: &'a JobContexts, hashes: &'a Hashes) -> Self {
        Self {
            contexts,
            env: Value::Null,
            steps: Box::new(|_| Value::Null),
            success: None,
            hashes,
            live: false,
        }
    }
}

impl Contexts for StepContexts<'_> {
    fn context(&self, name: &str) -> Value {
        match name {
            "github" => self.contexts.github.clone(),
            "env" => self.env.clone(),
            "matrix" => self.contexts.matrix.clone(),
            "strategy" => self.contexts.strategy.clone(),
            "inputs" => self.contexts.inputs.clone(),
            "needs" => self.contexts.needs.clone(),
            // A secret that is not passed on is empty, as where it is not defined; one that is never stands in a plan.
            "secrets" => Value::object(self.contexts.secrets.iter().map(|(name, secret)| {
                let value = if self.live {
                    Value::string(secret.expose_secret())
                } else {
                    Value::unknown(format!("secrets.{name}"))
                };
                (name.clone(), value)
            })),
            "vars" => self.contexts.vars.clone(),
            "runner" => self.contexts.runner.clone(),
            "steps" => (self.steps)(None),
            "job" => {
                let status = match self.success {
                    Some(true) => Value::string("success"),
                    Some(false) => Value::string("failure"),
                    None => Value::unknown("job.status"),
                };
                let mut entries = vec![("status".to_owned(), status)];
                if let Value::Object(object) = &self.contexts.job {
                    entries.extend(object.entries.iter().cloned());
                }
                Value::partial("job", entries)
            }
            other => Value::unknown(other.to_owned()),
        }
    }

    fn step(&self, id: &str) -> Value {
        (self.steps)(Some(id))
    }

    fn status(&self, which: Status) -> Option<bool> {
        match which {
            Status::Success => self.success,
            Status::Failure => self.success.map(|s| !s),
            Status::Cancelled => Some(false),
        }
    }

    fn hash_files(&self, patterns: &[String]) -> Option<String> {
        self.hashes.get(patterns)
    }
}

/// A scalar node as text with what is known put in.
pub(super) fn text(node: &Node, contexts: &dyn Contexts) -> Result<Rendered, EvalError> {
    match &node.kind {
        Kind::String { text, .. } => expr::render(text, contexts),
        _ => {
            let text = super::workflow::plain_text(node).ok_or_else(|| {
                EvalError(format!("a single value is needed here, not {}", node.describe()))
            })?;
            Ok(Rendered { text, unknown: Vec::new() })
        }
    }
}

/// Any node as a value; an expression alone in a string keeps its type. Errors carry the line.
pub(super) fn value(node: &Node, contexts: &dyn Contexts) -> Result<Value, (u32, String)> {
    let at = |e: EvalError| (node.line, e.to_string());
    Ok(match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(b) => Value::Bool(*b),
        Kind::Number { value, .. } => Value::Number(*value),
        Kind::String { text, .. } => match expr::whole_expression(text) {
            Some(expression) => expr::evaluate(expression, contexts).map_err(at)?,
            None => {
                let rendered = expr::render(text, contexts).map_err(at)?;
                match rendered.unknown.first() {
                    Some(what) => Value::unknown(what.clone()),
                    None => Value::string(rendered.text),
                }
            }
        },
        Kind::List(items) => {
            Value::array(items.iter().map(|item| value(item, contexts)).collect::<Result<_, _>>()?)
        }
        Kind::Map(entries) => {
            let entries = entries.iter().map(|(key, node)| Ok((key.text.clone(), value(node, contexts)?)));
            Value::object(entries.collect::<Result<Vec<_>, (u32, String)>>()?)
        }
    })
}

/// The entries of an `env:` (or another mapping of texts).
pub(super) fn texts(node: &Node, contexts: &dyn Contexts) -> Result<Vec<(String, Rendered)>, (u32, String)> {
    if let Kind::Map(entries) = &node.kind {
        return entries
            .iter()
            .map(|(key, node)| {
                let rendered = text(node, contexts).map_err(|e| (node.line, e.to_string()))?;
                Ok((key.text.clone(), rendered))
            })
            .collect();
    }
    match value(node, contexts)? {
        Value::Object(object) => Ok(object
            .entries
            .iter()
            .map(|(key, value)| {
                let rendered = match value.text() {
                    Some(text) => Rendered { text, unknown: Vec::new() },
                    None => Rendered { text: String::new(), unknown: vec![key.as_str().into()] },
                };
                (key.clone(), rendered)
            })
            .collect()),
        _ => Ok(Vec::new()),
    }
}

/// `hashFiles`, over the files as they were when the plan was made. Results are kept, since the run asks again when
/// the files are out of reach.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    known: Mutex<BTreeMap<Vec<String>, String>>,
}

impl Hashes {
    pub(super) fn get(&self, patterns: &[String]) -> Option<String> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(patterns).cloned()
    }

    /// Computes what the text's `hashFiles` calls will ask for, as far as their patterns are literal.
    pub(super) fn learn(&self, text: &str, tree: &dyn SourceTree) {
        for call in text.split("hashFiles(").skip(1) {
            let Some((inside, _)) = call.split_once(')') else { continue };
            let patterns: Option<Vec<String>> = inside
                .split(',')
                .map(|part| {
                    let quoted = part.trim().strip_prefix('\'')?.strip_suffix('\'')?;
                    Some(quoted.replace("''", "'"))
                })
                .collect();
            let Some(patterns) = patterns else { continue };
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if !known.contains_key(&patterns) && known.len() < 50 {
                let hash = hash_files(&patterns, tree);
                known.insert(patterns, hash);
            }
        }
    }
}

/// The hash of the hashes of all files that match, in the order of their paths; empty where none does.
fn hash_files(patterns: &[String], tree: &dyn SourceTree) -> String {
    let lines: Vec<&str> =
        patterns.iter().flat_map(|p| p.lines()).map(str::trim).filter(|p| !p.is_empty()).collect();
    let matchers: Vec<(bool, GlobMatcher)> = lines
        .iter()
        .filter_map(|line| {
            let (requested, pattern) = line.strip_prefix('!').map_or((true, *line), |rest| (false, rest));
            let pattern = below_workspace(pattern).unwrap_or(pattern).trim_start_matches("./");
            let glob =
                GlobBuilder::new(pattern.trim_start_matches('/')).literal_separator(true).build().ok()?;
            Some((requested, glob.compile_matcher()))
        })
        .collect();
    let mut all = Sha256::new();
    let mut found = false;
    for file in tree.files() {
        let path: &str = file.path.as_ref();
        let mut matched = false;
        for (requested, matcher) in &matchers {
            if matcher.is_match(path) {
                matched = *requested;
            }
        }
        if !matched || !matches!(file.mode, FileMode::Regular | FileMode::Executable) {
            continue;
        }
        if let Some(bytes) = tree.read(&file.path) {
            found = true;
            all.update(Sha256::digest(&bytes));
        }
    }
    if found { all.finalize().iter().map(|b| format!("{b:02x}")).collect() } else { String::new() }
}

/// The `github` context.
pub(super) fn github(facts: &GithubFacts, workflow: &super::workflow::Workflow, job: &str) -> Value {
    let mut entries: Vec<(String, Value)> =
        facts.values.iter().map(|(k, v)| (k.clone(), Value::string(v.as_str()))).collect();
    let has = |entries: &[(String, Value)], key: &str| entries.iter().any(|(k, _)| k == key);
    let mut fill = |key: &str, value: Option<String>| {
        if let Some(value) = value.filter(|_| !has(&entries, key)) {
            entries.push((key.to_owned(), Value::string(value)));
        }
    };
    let given = |key: &str| facts.values.get(key).cloned();
    fill("repository_owner", given("repository").and_then(|r| Some(r.split_once('/')?.0.to_owned())));
    let reference = given("ref");
    let short = |r: &str| {
        ["refs/heads/", "refs/tags/", "refs/pull/"].iter().find_map(|p| r.strip_prefix(p).map(str::to_owned))
    };
    fill("ref_name", reference.as_deref().and_then(short));
    fill(
        "ref_type",
        reference.as_deref().map(|r| if r.starts_with("refs/tags/") { "tag" } else { "branch" }.to_owned()),
    );
    fill("server_url", Some("https://github.com".to_owned()));
    fill("api_url", Some("https://api.github.com".to_owned()));
    fill("graphql_url", Some("https://api.github.com/graphql".to_owned()));
    fill("workflow", workflow.name.clone().or_else(|| Some(workflow.file.clone())));
    fill("repositoryUrl", given("repository").map(|r| format!("git://github.com/{r}.git")));
    let push = given("event_name").is_some_and(|e| !e.starts_with("pull_request"));
    if push {
        fill("head_ref", Some(String::new()));
        fill("base_ref", Some(String::new()));
    }
    // The token itself is never part of a plan; the rest is fixed by the sandbox.
    let token =
        facts.values.get("token").filter(|token| *token == SANDBOX_TOKEN).cloned().unwrap_or_default();
    entries.retain(|(k, _)| !matches!(k.as_str(), "token" | "workspace" | "job" | "event"));
    entries.push(("token".to_owned(), Value::string(token)));
    let repository = given("repository");
    let workspace = JobFolders::new(repository.as_deref(), false).workspace;
    entries.push(("workspace".to_owned(), Value::string(workspace)));
    entries.push(("job".to_owned(), Value::string(job)));
    if let Some(event) = &facts.event {
        entries.push(("event".to_owned(), Value::from_json(event)));
    }
    Value::partial("github", entries)
}

/// Names that a script sets through `GITHUB_ENV`.
pub(super) fn exported(script: &str) -> Option<BTreeSet<String>> {
    if !script.contains("GITHUB_ENV") {
        return None;
    }
    let mut names = BTreeSet::new();
    for (at, _) in script.match_indices(['=', '<']) {
        let before = &script[..at];
        let name: String = before
            .chars()
            .rev()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        if !name.is_empty() {
            names.insert(name);
        }
    }
    Some(names)
}

/// Shared by the plan and the run.
pub(super) type SharedContexts = Arc<JobContexts>;
