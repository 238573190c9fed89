//! Steps that are containers of their own: `uses: docker://image`, and Docker actions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::real::{Opened, action_env, around, inputs_of, text_node, variable_of};
use super::{Part, Planner, secrets};
use crate::contract::action::{ARGUMENT, ARGUMENTS, ActionPhase, ActionStep, DOCKERFILE, ENTRYPOINT, IMAGE};
use crate::contract::build::PlanStep;
use crate::plan::PlanError;
use crate::plan::contexts::{self, JobContexts, SharedContexts};
use crate::plan::step_template::{InCi, Known, StepTemplate};
use crate::plan::workflow::Reader;
use crate::plan::yaml::{self, Key, Kind, Node};

/// What a container is started with, to be evaluated where only the action's inputs are known.
struct Container<'c> {
    /// The image, or the Dockerfile that makes it.
    program: String,
    shown: &'c str,
    contexts: &'c SharedContexts,
    /// Variables and what they hold: inputs, `runs.env`, arguments.
    variables: Vec<(String, Node)>,
    fixed: BTreeMap<String, String>,
    instance: usize,
}

impl Planner<'_> {
    /// `uses: docker://image`: the step itself says all there is.
    pub(super) fn image_step(&mut self, part: Part<'_>, image: &str) -> Result<(), PlanError> {
        let opened = Opened {
            key: part.uses.to_owned(),
            file: part.scope.file.clone(),
            text: String::new(),
            folder: String::new(),
            source: None,
        };
        let nothing = Node { kind: Kind::Map(Vec::new()), line: part.step.line };
        self.container(part, (&nothing, &nothing), &opened, (format!("{IMAGE}{image}"), image))
    }

    /// A Docker action: an image with a name, or a Dockerfile that the run builds.
    pub(super) fn docker(
        &mut self,
        part: Part<'_>,
        (root, runs): (&Node, &Node),
        opened: &Opened,
    ) -> Result<(), PlanError> {
        let reader = Reader { file: &opened.file, notes: Vec::new(), trusted: self.trusted };
        let Some(image) = runs.get("image").and_then(Node::as_str).filter(|image| !image.trim().is_empty())
        else {
            return Err(reader.fault(runs.line, "the Docker action has no `image`"));
        };
        let image = image.trim();
        if let Some(name) = image.strip_prefix(IMAGE) {
            return self.container(part, (root, runs), opened, (image.to_owned(), name));
        }
        let name = image.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        if !name.starts_with("dockerfile.") && !name.ends_with("dockerfile") {
            let problem =
                format!("`image` is {image:?}; it must be '[path]/Dockerfile' or 'docker://image[:tag]'");
            return Err(reader.fault(runs.line, problem));
        }
        let program = format!("{DOCKERFILE}{}", below(&opened.folder, image));
        self.container(part, (root, runs), opened, (program, image))
    }

    fn container(
        &mut self,
        part: Part<'_>,
        (root, runs): (&Node, &Node),
        opened: &Opened,
        (program, shown): (String, &str),
    ) -> Result<(), PlanError> {
        let Part { step, scope, name, .. } = part;
        let text =
            |key: &str| runs.get(key).and_then(Node::as_str).map(str::trim).filter(|text| !text.is_empty());
        let given = |name: &str| part.with.iter().find(|(key, _)| key.text.eq_ignore_ascii_case(name));
        let declared = inputs_of(root, part.with);
        let others = part
            .with
            .iter()
            .filter(|(key, _)| !declared.iter().any(|(name, _)| name.eq_ignore_ascii_case(&key.text)));
        let mut values = declared.clone();
        values.extend(others.map(|(key, node)| (key.text.clone(), node.clone())));
        values.iter().for_each(|(_, node)| self.learn_hashes_of(node));
        let input =
            |name: &str| text_node(&format!("${{{{ inputs['{}'] }}}}", name.replace('\'', "''")), step.line);
        let mut variables: Vec<(String, Node)> =
            values.iter().map(|(name, _)| (variable_of(name), input(name))).collect();
        for (key, node) in runs.get("env").map_or(&[][..], Node::entries) {
            if !self.is_in_env(part, &key.text)? {
                variables.push((key.text.clone(), node.clone()));
            }
        }
        match runs.get("args") {
            Some(Node { kind: Kind::List(args), .. }) => {
                let args =
                    args.iter().enumerate().map(|(at, arg)| (format!("{ARGUMENT}{at:03}"), arg.clone()));
                variables.extend(args);
            }
            _ => variables.extend(given("args").map(|_| (ARGUMENTS.to_owned(), input("args")))),
        }
        let contexts = self.contexts_inside(step, scope, opened, values)?;
        let container = Container {
            program,
            shown,
            contexts: &contexts,
            variables,
            fixed: action_env(opened, false),
            instance: self.real.first_instance + self.visited,
        };
        if let Some(id) = &step.id {
            self.know(scope, id, Known::Live);
        }
        self.may_add_files = true;
        let literal = |text: &str| text_node(&text.replace("${{", "$ {{"), step.line);
        // The runner runs no `pre-entrypoint` of a local action: the checkout brings it later.
        if let Some(pre) = text("pre-entrypoint").filter(|_| opened.source.is_some()) {
            let planned = self.started(part, &container, ActionPhase::Pre, Some(literal(pre)))?;
            self.pre.push(around(planned, scope, "Pre ", text("pre-if").unwrap_or("always()")));
        }
        let entrypoint =
            text("entrypoint").map(literal).or_else(|| given("entrypoint").map(|_| input("entrypoint")));
        let (mut planned, template) = self.started(part, &container, ActionPhase::Main, entrypoint)?;
        planned.id = step.id.as_ref().map(|id| format!("{}{id}", scope.contexts.prefix));
        planned.condition = part.keep.map(str::to_owned);
        planned.background = part.background;
        self.push(planned, Some(template), scope.displayed.clone().unwrap_or_else(|| name.to_owned()));
        if let Some(post) = text("post-entrypoint") {
            let (mut planned, template) =
                self.started(part, &container, ActionPhase::Post, Some(literal(post)))?;
            // The verdict is there by then: what is tidied up changes nothing of it.
            planned.continue_on_error = true;
            self.post.push(around(
                (planned, template),
                scope,
                "Post ",
                text("post-if").unwrap_or("always()"),
            ));
        }
        // Whatever it sets for later steps, only the run will tell.
        self.exports.open = true;
        Ok(())
    }

    /// The step's own environment comes before what the action declares.
    fn is_in_env(&self, part: Part<'_>, name: &str) -> Result<bool, PlanError> {
        Ok(self.env_of(part.scope, part.scope.layers.len())?.contains_key(name))
    }

    /// The step that runs one container.
    fn started(
        &self,
        part: Part<'_>,
        container: &Container<'_>,
        phase: ActionPhase,
        entrypoint: Option<Node>,
    ) -> Result<(PlanStep, StepTemplate), PlanError> {
        let Part { step, scope, name, uses, .. } = part;
        let env = self.env_of(scope, scope.layers.len())?;
        let mut inputs = container.variables.clone();
        inputs.extend(entrypoint.map(|node| (ENTRYPOINT.to_owned(), node)));
        let inside: &Arc<JobContexts> = container.contexts;
        let view = contexts::StepContexts { contexts: inside, ..self.view(scope, &env) };
        let mut shown: BTreeMap<String, String> =
            env.iter().map(|(k, v)| (k.clone(), v.text.clone())).collect();
        for (variable, node) in &inputs {
            let rendered =
                contexts::text(node, &view).map_err(|e| self.fault(scope, node.line, e.to_string()))?;
            shown.insert(variable.clone(), rendered.text);
        }
        let given: Vec<(Key, Node)> = part.with.to_vec();
        let given = Node { kind: Kind::Map(given), line: step.line };
        let nothing = Node { kind: Kind::Null, line: step.line };
        let maps = scope.layers.iter().map(|layer| layer.node.as_ref()).chain([&given]);
        let passed_in_ci = scope.in_ci == Some(InCi::Passed);
        let run = match container.program.strip_prefix(DOCKERFILE) {
            Some(_) => format!("# what {} of {uses} builds, in a container of its own", container.shown),
            None => format!("# the image {} in a container of its own", container.shown),
        };
        let run = run.replace("${{", "$ {{");
        let planned = PlanStep {
            name: name.to_owned(),
            run,
            working_directory: ".".to_owned(),
            continue_on_error: scope.continue_on_error
                || passed_in_ci
                || self.flag(step.continue_on_error.as_ref(), scope, &env)?,
            timeout_minutes: self.timeout(step.timeout.as_ref(), scope, &env)?,
            env: shown,
            origin: format!("uses {uses}"),
            missing_secrets: secrets::missing(maps, &nothing, &scope.contexts.secrets),
            action: Some(ActionStep {
                program: container.program.clone(),
                phase,
                instance: container.instance,
            }),
            passed_in_ci,
            ..PlanStep::default()
        };
        let template = StepTemplate {
            contexts: container.contexts.clone(),
            conditions: scope.conditions.clone(),
            layers: scope.layers.clone(),
            run: yaml::Node {
                kind: Kind::String { text: planned.run.clone(), block: false },
                line: step.line,
            },
            working_directory: None,
            in_ci: scope.in_ci,
            fixed_env: container.fixed.clone(),
            inputs,
        };
        Ok((planned, template))
    }
}

/// A path as the folder's own files name it.
fn below(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
