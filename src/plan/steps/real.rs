//! Actions that run for real: composite actions are opened up, wherever they come from, and the programs of JavaScript
//! actions become steps. What is not fetched yet is listed, for whoever may fetch it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::{Part, Planner, RealActions, StepScope, secrets};
use crate::contract::action::{ActionPhase, ActionSource, ActionStep, MAX_DEPTH, UsedAction};
use crate::contract::build::PlanStep;
use crate::contract::settings::ActionsMode;
use crate::plan::PlanError;
use crate::plan::actions::Rule;
use crate::plan::contexts::{self, OpenInputs, SharedContexts};
use crate::plan::expr::Value;
use crate::plan::step_template::{InCi, Known, StepCondition, StepTemplate};
use crate::plan::workflow::{Reader, Step};
use crate::plan::yaml::{self, Key, Kind, Node};

/// An action whose `action.yml` is at hand.
pub(super) struct Opened {
    /// Tells it from all others; the path of its folder where it is of this repository.
    pub(super) key: String,
    /// Its `action.yml`, as errors name it.
    pub(super) file: String,
    pub(super) text: String,
    /// Its folder inside the sandbox.
    pub(super) folder: String,
    /// `None`: of this repository.
    pub(super) source: Option<ActionSource>,
}

impl RealActions<'_> {
    /// Whether an action of another repository with this rule is run rather than stood for by the rule.
    pub(super) fn runs(&self, rule: Option<Rule>) -> bool {
        match (self.mode, rule) {
            (ActionsMode::Rules, _) => false,
            (_, None) => true,
            (ActionsMode::Real, Some(Rule::Toolchain(_) | Rule::Wrapper { .. } | Rule::Emulate(_))) => true,
            (ActionsMode::Auto | ActionsMode::Real, Some(_)) => false,
        }
    }

    /// Whether the set-up actions of a language are run, although there is a rule.
    pub(super) fn sets_up(&self, language: &str) -> bool {
        self.languages.is_some_and(|languages| languages.contains(language))
    }
}

impl Planner<'_> {
    /// An action of another repository. `None`: it is planned. Else it is not run here; why, where that is known.
    pub(super) fn remote(&mut self, part: Part<'_>) -> Result<Option<Option<String>>, PlanError> {
        let uses = part.uses;
        let Some((source, folder)) = ActionSource::of(uses) else { return Ok(Some(None)) };
        let tree = self.real.trees.and_then(|trees| trees.get(&source));
        let used = UsedAction {
            source: source.clone(),
            commit: tree.and_then(|tree| tree.as_ref().ok()).map(|tree| tree.commit.clone()),
            problem: tree.and_then(|tree| tree.as_ref().err().cloned()),
        };
        let why =
            used.problem.as_ref().map(|problem| format!("is not known: it could not be fetched ({problem})"));
        if !self.out.actions.contains(&used) {
            self.out.actions.push(used);
        }
        if let (None, Some(wanted)) = (tree, self.real.wanted) {
            wanted.lock().unwrap_or_else(PoisonError::into_inner).insert(source.clone());
        }
        let Some(Ok(tree)) = tree else { return Ok(Some(why)) };
        let inside =
            |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let found =
            ["action.yml", "action.yaml"].iter().find_map(|name| tree.texts.get_key_value(&inside(name)));
        let Some((file, text)) = found else {
            return Ok(Some(Some(format!("has no action.yml at {}", tree.commit.short()))));
        };
        let top = source.folder_at(&tree.commit);
        let opened = Opened {
            key: uses.to_ascii_lowercase(),
            file: format!("{source}: {file}"),
            text: text.clone(),
            folder: if folder.is_empty() { top } else { format!("{top}/{folder}") },
            source: Some(source),
        };
        let left = self.open(part, &opened)?;
        Ok(left.map(|left| Some(format!("is {left}, which is not run here"))))
    }

    /// Plans an action by its `action.yml`. What is returned is what it is, where that is not run here.
    pub(super) fn open(&mut self, part: Part<'_>, opened: &Opened) -> Result<Option<String>, PlanError> {
        let Part { step, scope, name, background, .. } = part;
        if scope.stack.contains(&opened.key) {
            let way = scope.stack.iter().chain([&opened.key]).cloned().collect::<Vec<_>>().join(" → ");
            return Err(self.fault(scope, step.line, format!("the composite actions form a cycle: {way}")));
        }
        if scope.stack.len() >= MAX_DEPTH {
            let problem = format!("composite actions are nested deeper than {MAX_DEPTH}");
            return Err(self.fault(scope, step.line, problem));
        }
        let root = yaml::parse(&opened.file, opened.text.as_bytes())?;
        let reader = Reader { file: &opened.file, notes: Vec::new(), trusted: self.trusted };
        let Some(runs) = root.get("runs") else {
            return Err(reader.fault(root.line, "the action has no `runs`"));
        };
        let using = runs.get("using").and_then(Node::as_str).unwrap_or_default();
        if using.is_empty() {
            return Err(reader.fault(runs.line, "the action's `runs` does not say what it is `using`"));
        }
        match using.to_ascii_lowercase().as_str() {
            "composite" => {
                if background {
                    self.note(format!("`{name}` runs beside other steps in CI; here its steps run in order"));
                }
                self.composite(part, &root, runs, opened)?;
            }
            other if other.starts_with("node") && self.real.mode != ActionsMode::Rules => {
                self.javascript(part, &root, runs, opened)?;
            }
            "docker" if self.real.mode != ActionsMode::Rules => {
                self.docker(part, (&root, runs), opened)?;
            }
            "docker" => return Ok(Some("a Docker container action (using: docker)".to_owned())),
            _ => return Ok(Some(format!("a JavaScript action (using: {using})"))),
        }
        Ok(None)
    }

    fn composite(
        &mut self,
        part: Part<'_>,
        root: &Node,
        runs: &Node,
        opened: &Opened,
    ) -> Result<(), PlanError> {
        let Part { step, scope, name, .. } = part;
        let mut reader = Reader { file: &opened.file, notes: Vec::new(), trusted: self.trusted };
        reader.check_expressions(runs, &mut Vec::new())?;
        let Some(steps) = runs.get("steps") else {
            return Err(reader.fault(runs.line, "the composite action has no `steps`"));
        };
        let steps = reader.steps(steps, true)?;
        let notes = std::mem::take(&mut reader.notes);
        notes.into_iter().for_each(|note| self.note(note));
        let contexts = self.contexts_inside(step, scope, opened, inputs_of(root, part.with))?;
        if let Some(id) = &step.id {
            let outputs = root.get("outputs").map_or(&[][..], Node::entries);
            let outputs = outputs
                .iter()
                .filter_map(|(key, spec)| Some((key.text.clone(), spec.get("value")?.clone())))
                .collect();
            self.know(scope, id, Known::Composite { contexts: contexts.clone(), outputs });
        }
        let env = self.env_of(scope, scope.layers.len())?;
        let mut stack = scope.stack.clone();
        stack.push(opened.key.clone());
        let inner = StepScope {
            file: opened.file.clone(),
            contexts,
            layers: scope.layers.clone(),
            conditions: scope.conditions.clone(),
            defaults: None,
            job_defaults: None,
            stack,
            origin: format!("composite {}", part.uses),
            continue_on_error: scope.continue_on_error
                || self.flag(step.continue_on_error.as_ref(), scope, &env)?,
            displayed: Some(scope.displayed.clone().unwrap_or_else(|| name.to_owned())),
            in_ci: scope.in_ci,
            is_foreign: scope.is_foreign || opened.source.is_some(),
            action_env: action_env(opened, true),
        };
        self.list(&steps, &inner)
    }

    /// The contexts that the steps of a composite action see.
    pub(super) fn contexts_inside(
        &self,
        step: &Step,
        scope: &StepScope,
        opened: &Opened,
        values: Vec<(String, Node)>,
    ) -> Result<SharedContexts, PlanError> {
        let env = self.env_of(scope, scope.layers.len())?;
        let view = self.view(scope, &env);
        let mut inputs = Vec::new();
        for (name, node) in &values {
            let rendered =
                contexts::text(node, &view).map_err(|e| self.fault(scope, node.line, e.to_string()))?;
            inputs.push((
                name.clone(),
                match rendered.unknown.first() {
                    Some(what) => Value::unknown(what.clone()),
                    None => Value::string(rendered.text),
                },
            ));
        }
        // What other jobs came to is another thing while the code is not healed.
        let is_of_jobs =
            |(_, node): &(String, Node)| node.as_str().is_some_and(|text| text.contains("needs."));
        let is_open = inputs.iter().any(|(_, value)| matches!(value, Value::Unknown(_)))
            || values.iter().any(is_of_jobs);
        let (contexts, layers) = (scope.contexts.clone(), scope.layers.clone());
        let open_inputs = is_open.then(|| Arc::new(OpenInputs { contexts, layers, values }));
        let inputs = Value::object(inputs);
        let prefix = match &step.id {
            Some(id) => format!("{}{id}.", scope.contexts.prefix),
            None => format!("{}__{}.", scope.contexts.prefix, self.visited),
        };
        let mut contexts =
            contexts::JobContexts { inputs, open_inputs, prefix, ..scope.contexts.as_ref().clone() };
        if let Value::Object(github) = &contexts.github {
            let mut github = github.as_ref().clone();
            let mut set = |name: &str, value: &str| {
                github.entries.retain(|(key, _)| key != name);
                github.entries.push((name.to_owned(), Value::string(value)));
            };
            set("action_path", &opened.folder);
            if let Some(source) = &opened.source {
                set("action_repository", &source.repository);
                set("action_ref", &source.reference);
            }
            contexts.github = Value::Object(Arc::new(github));
        }
        Ok(Arc::new(contexts))
    }

    /// A JavaScript action's programs: `pre` before the job, `main` here, `post` behind the job.
    fn javascript(
        &mut self,
        part: Part<'_>,
        root: &Node,
        runs: &Node,
        opened: &Opened,
    ) -> Result<(), PlanError> {
        let Part { step, scope, name, .. } = part;
        let text =
            |key: &str| runs.get(key).and_then(Node::as_str).map(str::trim).filter(|text| !text.is_empty());
        let Some(main) = text("main") else {
            let reader = Reader { file: &opened.file, notes: Vec::new(), trusted: self.trusted };
            return Err(reader.fault(runs.line, "the JavaScript action has no `main`"));
        };
        let instance = self.real.first_instance + self.visited;
        let inputs = variables(root, part.with);
        inputs.iter().for_each(|(_, node)| self.learn_hashes_of(node));
        if let Some(id) = &step.id {
            self.know(scope, id, Known::Live);
        }
        self.may_add_files = true;
        // The runner runs no `pre` of a local action: the checkout brings it later.
        if let Some(pre) = text("pre").filter(|_| opened.source.is_some()) {
            let planned = self.program(part, opened, &inputs, (ActionPhase::Pre, pre, instance))?;
            let condition = text("pre-if").unwrap_or("always()");
            self.pre.push(around(planned, scope, "Pre ", condition));
        }
        let (mut planned, template) =
            self.program(part, opened, &inputs, (ActionPhase::Main, main, instance))?;
        planned.id = step.id.as_ref().map(|id| format!("{}{id}", scope.contexts.prefix));
        planned.condition = part.keep.map(str::to_owned);
        planned.background = part.background;
        self.push(planned, Some(template), scope.displayed.clone().unwrap_or_else(|| name.to_owned()));
        if let Some(post) = text("post") {
            let (mut planned, template) =
                self.program(part, opened, &inputs, (ActionPhase::Post, post, instance))?;
            // The verdict is there by then: what is tidied up changes nothing of it.
            planned.continue_on_error = true;
            let condition = text("post-if").unwrap_or("always()");
            self.post.push(around((planned, template), scope, "Post ", condition));
        }
        // Whatever it sets for later steps, only the run will tell.
        self.exports.open = true;
        Ok(())
    }

    /// The step that runs one program of a JavaScript action.
    fn program(
        &self,
        part: Part<'_>,
        opened: &Opened,
        inputs: &[(String, Node)],
        (phase, file, instance): (ActionPhase, &str, usize),
    ) -> Result<(PlanStep, StepTemplate), PlanError> {
        let Part { step, scope, name, uses, .. } = part;
        let env = self.env_of(scope, scope.layers.len())?;
        let view = self.view(scope, &env);
        let mut shown: BTreeMap<String, String> =
            env.iter().map(|(k, v)| (k.clone(), v.text.clone())).collect();
        for (variable, node) in inputs {
            let rendered =
                contexts::text(node, &view).map_err(|e| self.fault(scope, node.line, e.to_string()))?;
            shown.insert(variable.clone(), rendered.text);
        }
        let given = Node { kind: Kind::Map(part.with.to_vec()), line: step.line };
        let nothing = Node { kind: Kind::Null, line: step.line };
        let maps = scope.layers.iter().map(|layer| layer.node.as_ref()).chain([&given]);
        let run = format!("# {file} of {uses} on Node");
        let passed_in_ci = scope.in_ci == Some(InCi::Passed);
        let planned = PlanStep {
            name: name.to_owned(),
            run: run.replace("${{", "$ {{"),
            working_directory: ".".to_owned(),
            continue_on_error: scope.continue_on_error
                || passed_in_ci
                || self.flag(step.continue_on_error.as_ref(), scope, &env)?,
            timeout_minutes: self.timeout(step.timeout.as_ref(), scope, &env)?,
            env: shown,
            origin: format!("uses {uses}"),
            missing_secrets: secrets::missing(maps, &nothing, &scope.contexts.secrets),
            action: Some(ActionStep {
                program: format!("{}/{}", opened.folder, file.trim_start_matches("./")),
                phase,
                instance,
            }),
            passed_in_ci,
            ..PlanStep::default()
        };
        let template = StepTemplate {
            contexts: scope.contexts.clone(),
            conditions: scope.conditions.clone(),
            layers: scope.layers.clone(),
            run: Node { kind: Kind::String { text: planned.run.clone(), block: false }, line: step.line },
            working_directory: None,
            in_ci: scope.in_ci,
            fixed_env: action_env(opened, false),
            inputs: inputs.to_vec(),
        };
        Ok((planned, template))
    }

    /// Puts the programs that run before the job's first step there, and those that run behind its last one, the latest
    /// use first.
    pub(super) fn put_around(&mut self) {
        let before = std::mem::take(&mut self.pre);
        let count = before.len();
        let out = &mut self.out;
        for (at, (step, template, displayed)) in before.into_iter().enumerate() {
            out.steps.insert(at, step);
            out.templates.insert(at, Some(template));
            out.displayed.insert(at, displayed);
        }
        for skipped in &mut out.skipped {
            skipped.needed_from = skipped.needed_from.map(|from| from + count);
        }
        out.passed_over.iter_mut().for_each(|(at, _)| *at += count);
        for (step, template, displayed) in std::mem::take(&mut self.post).into_iter().rev() {
            out.steps.push(step);
            out.templates.push(Some(template));
            out.displayed.push(displayed);
        }
    }
}

/// A program that runs outside of the job's own order, under a condition of its own.
pub(super) fn around(
    (mut step, mut template): (PlanStep, StepTemplate),
    scope: &StepScope,
    when: &str,
    condition: &str,
) -> (PlanStep, StepTemplate, String) {
    let text = condition.to_owned();
    step.condition = Some(text.clone());
    step.name = format!("{when}{}", step.name);
    let layers = scope.layers.len();
    template.conditions = vec![StepCondition { contexts: scope.contexts.clone(), text, layers }];
    let displayed = format!("{when}{}", scope.displayed.as_deref().unwrap_or(&step.name));
    (step, template, displayed)
}

/// What the runner tells an action about itself.
pub(super) fn action_env(opened: &Opened, is_composite: bool) -> BTreeMap<String, String> {
    let (repository, reference) = opened.source.as_ref().map_or(("", ""), |s| (&s.repository, &s.reference));
    let mut env = BTreeMap::from([
        ("GITHUB_ACTION_REPOSITORY".to_owned(), repository.to_owned()),
        ("GITHUB_ACTION_REF".to_owned(), reference.to_owned()),
    ]);
    if is_composite {
        env.insert("GITHUB_ACTION_PATH".to_owned(), opened.folder.clone());
    }
    env
}

/// Each input that is declared, as given or as its default; empty where neither is.
pub(super) fn inputs_of(root: &Node, with: &[(Key, Node)]) -> Vec<(String, Node)> {
    let declared = root.get("inputs").map_or(&[][..], Node::entries);
    let value = |(key, spec): &(Key, Node)| {
        let given = with.iter().find(|(k, _)| k.text.eq_ignore_ascii_case(&key.text)).map(|(_, node)| node);
        let value = given.or_else(|| spec.get("default"));
        (key.text.clone(), or_empty(value, key.line))
    };
    declared.iter().map(value).collect()
}

/// The inputs by the variables that hold them: what is declared, and what else is given.
fn variables(root: &Node, with: &[(Key, Node)]) -> Vec<(String, Node)> {
    let declared = root.get("inputs").map_or(&[][..], Node::entries);
    let is_other =
        |(key, _): &&(Key, Node)| !declared.iter().any(|(d, _)| d.text.eq_ignore_ascii_case(&key.text));
    let others =
        with.iter().filter(is_other).map(|(key, node)| (key.text.clone(), or_empty(Some(node), key.line)));
    inputs_of(root, with).into_iter().chain(others).map(|(name, node)| (variable_of(&name), node)).collect()
}

/// The variable that holds an input.
pub(super) fn variable_of(input: &str) -> String {
    format!("INPUT_{}", input.replace(' ', "_").to_uppercase())
}

pub(super) fn text_node(text: &str, line: u32) -> Node {
    Node { kind: Kind::String { text: text.to_owned(), block: false }, line }
}

fn or_empty(node: Option<&Node>, line: u32) -> Node {
    node.filter(|node| !node.is_null()).cloned().unwrap_or_else(|| text_node("", line))
}

#[cfg(test)]
mod tests;
