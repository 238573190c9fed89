//! Steps that use an action: one of this repository is opened up, a known one is emulated or left out with its reason.

use std::collections::BTreeMap;

use super::real::Opened;
use super::{Part, Planner, StepScope};
use crate::contract::action::IMAGE;
use crate::contract::build::{Checkout, PlanStep};
use crate::contract::git::RepoPath;
use crate::contract::settings::ActionsMode;
use crate::plan::PlanError;
use crate::plan::actions::{self, Rule, With};
use crate::plan::contexts;
use crate::plan::expr::Value;
use crate::plan::out_of_reach::{self, LeftOut};
use crate::plan::step_template::{Known, StepTemplate};
use crate::plan::toolchain::{self, SetUp};
use crate::plan::workflow::{Step, shortened_numbers};
use crate::plan::yaml::{Kind, Node};

impl Planner<'_> {
    pub(super) fn uses(&mut self, part: Part<'_>) -> Result<(), PlanError> {
        let Part { step, scope, name, uses, with, .. } = part;
        if let Some(image) = uses.strip_prefix(IMAGE) {
            if self.real.mode != ActionsMode::Rules {
                return self.image_step(part, image);
            }
            let why = format!("runs the container image {image}, which `actions-mode: rules` leaves out");
            let note = format!(
                "`{name}` runs a container image of its own; what it checks or makes is missing here"
            );
            return self.leave_out(part, &why, note);
        }
        if uses.starts_with("./") || uses.starts_with("$/") || uses.starts_with("../") {
            return self.local(part);
        }
        let env = self.env_of(scope, scope.layers.len())?;
        let (action, reference) = uses.split_once('@').unwrap_or((uses, ""));
        let mut inputs = With { values: Vec::new(), reference: reference.to_owned() };
        for (key, node) in with {
            let value = contexts::text(node, &self.view(scope, &env))
                .map_err(|e| self.fault(scope, node.line, e.to_string()))?;
            shortened_numbers(&key.text, node).into_iter().for_each(|note| self.note(note));
            let value = value.unknown.first().map_or(Ok(value.text), |what| Err(what.to_string()));
            inputs.values.push((key.text.to_ascii_lowercase(), value));
        }
        let rule = actions::rule(action);
        let mut not_run = None;
        if self.real.runs(rule) {
            not_run = self.remote(part)?;
            if not_run.is_none() {
                return Ok(());
            }
        }
        match rule {
            Some(Rule::Checkout) => {
                self.checkout(uses, &inputs, scope);
                self.fixed(step, scope, None);
            }
            Some(Rule::Toolchain(kind)) => {
                let set_up = toolchain::set_up(kind, action, &inputs, self.tree);
                self.set_up(part, set_up)?;
            }
            Some(Rule::Wrapper { command, shell }) => {
                self.wrapped(part, command, shell)?;
            }
            Some(Rule::Emulate(build)) => {
                self.fixed(step, scope, None);
                match actions::emulate(build, &inputs) {
                    Some(script) => self.emulate(part, &script)?,
                    None => self.skip(uses, "its inputs give nothing to run here"),
                }
            }
            Some(Rule::Download) => self.download(part, &inputs)?,
            Some(Rule::Upload) => self.upload(part, &inputs)?,
            Some(Rule::Skipped(why)) => {
                self.fixed(step, scope, None);
                self.skip(uses, why);
            }
            Some(Rule::Missing(why)) => {
                let note = format!("{action} {why}: a failure that depends on it cannot be reproduced");
                self.leave_out(part, why, note)?;
            }
            Some(Rule::Filter(why)) => {
                self.fixed(step, scope, Some("true"));
                self.skip(uses, why);
            }
            None => {
                let why = not_run.flatten().unwrap_or_else(|| "is not known".to_owned());
                let note = format!("{action} {why}: a failure that depends on it cannot be reproduced");
                self.leave_out(part, &format!("{why}, so it was left out"), note)?;
                self.exports.open = true;
            }
        }
        Ok(())
    }

    /// A set-up action: the image stands for it, and a step of ours for the rest, unless no image has what it asks for.
    fn set_up(&mut self, part: Part<'_>, set_up: SetUp) -> Result<(), PlanError> {
        let Part { step, scope, uses, .. } = part;
        let lacking = set_up.requested.iter().find(|asked| self.real.sets_up(asked.language));
        let lacking = lacking.map(|asked| asked.from.clone());
        self.out.requested.extend(set_up.requested);
        set_up.notes.into_iter().for_each(|note| self.note(note));
        if let Some(from) = lacking {
            // Where it fails, the version that the image has stands in, as without it.
            let inner = StepScope { continue_on_error: true, ..scope.clone() };
            if self.remote(Part { scope: &inner, ..part })?.is_none() {
                self.note(format!(
                    "{from}, which the image does not have: the action itself is run, and where it fails, the image's \
                     own version stands in"
                ));
                return Ok(());
            }
        }
        self.fixed(step, scope, None);
        match set_up.script {
            Some(script) => self.emulate(part, &script),
            None => {
                self.skip(uses, "the image stands for it");
                Ok(())
            }
        }
    }

    /// An action that is not run here, for the reason that `why` says; see [`out_of_reach`].
    pub(super) fn leave_out(&mut self, part: Part<'_>, why: &str, note: String) -> Result<(), PlanError> {
        let Part { step, scope, name, uses, .. } = part;
        let (index, of_job) = (self.out.steps.len(), scope.stack.is_empty());
        let after_failure = self.is_behind_the_failure(scope);
        match out_of_reach::leave_out(name, uses, why, scope.in_ci, index, of_job, after_failure) {
            LeftOut::PassedOver(passed) => self.out.passed_over.push((index, passed)),
            LeftOut::Unknown(skipped) => self.out.skipped.push(skipped),
            LeftOut::Lacks(lacks) => {
                self.emulate(part, "")?;
                if let Some(planned) = self.out.steps.last_mut() {
                    planned.origin = format!("uses {uses}");
                    planned.lacks = Some(lacks);
                }
            }
        }
        self.lose(step, scope);
        self.note(note);
        Ok(())
    }

    /// An action that runs a command it is given.
    fn wrapped(&mut self, part: Part<'_>, command: &str, shell: Option<&str>) -> Result<(), PlanError> {
        let Part { step, scope, name, uses, with, .. } = part;
        let find = |key: &str| with.iter().find(|(k, _)| k.text.eq_ignore_ascii_case(key)).map(|(_, n)| n);
        let Some(node) = find(command) else {
            self.lose(step, scope);
            self.skip(uses, format!("has no `{command}` to run"));
            return Ok(());
        };
        let shell = shell.and_then(find);
        let directory = find("working-directory").or_else(|| find("working_directory"));
        let origin = format!("run, wrapped by {uses}");
        self.script(part, node, shell, directory, &origin)?;
        let action = uses.split_once('@').map_or(uses, |(action, _)| action);
        self.note(format!("`{name}`: the command inside {action} is run once, without its retries"));
        Ok(())
    }

    /// A step that is left out, and nobody knows what it would have done.
    pub(super) fn lose(&mut self, step: &Step, scope: &StepScope) {
        self.may_add_files = true;
        if let Some(id) = &step.id {
            self.know(scope, id, Known::Lost);
        }
    }

    pub(super) fn fixed(&mut self, step: &Step, scope: &StepScope, fallback: Option<&'static str>) {
        if let Some(id) = &step.id {
            // The one output that means "do nothing".
            let outputs = vec![("should_skip".to_owned(), "false".to_owned())];
            let outputs = if fallback.is_some() { outputs } else { Vec::new() };
            self.know(scope, id, Known::Fixed { outputs, fallback, outcome: "success" });
        }
    }

    fn checkout(&mut self, uses: &str, inputs: &With, scope: &StepScope) {
        let other = inputs.get("repository");
        if other.is_none() && self.out.checkout.is_none() {
            self.out.checkout = Some(checkout_of(inputs, &scope.contexts.github));
        }
        if let Some(path) = inputs.get("path")
            && other.is_none()
        {
            self.checkouts.push(path.trim_matches('/').trim_start_matches("./").to_owned());
            self.note(format!("{uses} puts the repository into {path}; here it is the workspace itself"));
        }
        self.may_add_files |= other.is_some() || inputs.get("path").is_some();
        if let Some(repository) = other {
            self.note(format!("{uses} also fetches {repository}, which is not here"));
        }
        if inputs.get("submodules").is_some_and(|s| s != "false") {
            self.note(format!("{uses} fetches submodules, which are not here"));
        }
    }

    /// A step of ours in the place of an action's.
    pub(super) fn emulate(&mut self, part: Part<'_>, script: &str) -> Result<(), PlanError> {
        self.emulate_with(part, script, Vec::new())
    }

    /// The same, with variables that the run completes.
    pub(super) fn emulate_with(
        &mut self,
        part: Part<'_>,
        script: &str,
        inputs: Vec<(String, Node)>,
    ) -> Result<(), PlanError> {
        let Part { step, scope, name, keep, uses, .. } = part;
        let env = self.env_of(scope, scope.layers.len())?;
        // The script holds no expression; a text that looks like one must stay text.
        let literal = Node {
            kind: Kind::String { text: script.replace("${{", "$ {{"), block: false },
            line: step.line,
        };
        let view = self.view(scope, &env);
        let mut shown: BTreeMap<String, String> =
            env.iter().map(|(k, v)| (k.clone(), v.text.clone())).collect();
        for (variable, node) in &inputs {
            let rendered =
                contexts::text(node, &view).map_err(|e| self.fault(scope, node.line, e.to_string()))?;
            shown.insert(variable.clone(), rendered.text);
        }
        drop(view);
        let planned = PlanStep {
            id: step.id.as_ref().map(|id| format!("{}{id}", scope.contexts.prefix)),
            name: name.to_owned(),
            run: script.to_owned(),
            shell: Some("bash".to_owned()),
            working_directory: ".".to_owned(),
            continue_on_error: scope.continue_on_error
                || self.flag(step.continue_on_error.as_ref(), scope, &env)?,
            timeout_minutes: self.timeout(step.timeout.as_ref(), scope, &env)?,
            env: shown,
            origin: format!("emulates {uses}"),
            condition: keep.map(str::to_owned),
            ..PlanStep::default()
        };
        let template = StepTemplate {
            contexts: scope.contexts.clone(),
            conditions: scope.conditions.clone(),
            layers: scope.layers.clone(),
            run: literal,
            working_directory: None,
            in_ci: scope.in_ci,
            fixed_env: BTreeMap::new(),
            inputs,
        };
        self.push(planned, Some(template), scope.displayed.clone().unwrap_or_default());
        Ok(())
    }

    /// An action of this repository.
    fn local(&mut self, part: Part<'_>) -> Result<(), PlanError> {
        let uses = part.uses;
        let Some((path, file, text)) = self.find_action(uses) else {
            return self.absent(part);
        };
        let folder = part.scope.contexts.in_workspace(&path);
        let opened = Opened { key: path, file, text, folder, source: None };
        let left = self.open(part, &opened)?;
        let Some(left) = left else { return Ok(()) };
        let why = format!("is {left} of this repository, which is not run here");
        let note = format!("{uses} is {left}: a failure in it cannot be reproduced");
        self.exports.open = true;
        self.leave_out(part, &why, note)
    }

    /// A local action that is not in the repository.
    fn absent(&mut self, part: Part<'_>) -> Result<(), PlanError> {
        let Part { step, scope, uses, .. } = part;
        // What CI has run was there; otherwise only a step can have put it there.
        if !self.trusted && leaves_the_repository(uses) {
            return Err(self.fault(scope, step.line, format!("`uses: {uses}` leaves the repository")));
        }
        if !self.trusted && !self.may_add_files {
            let problem = format!("`uses: {uses}`: there is no action.yml at this path in the repository");
            return Err(self.fault(scope, step.line, problem));
        }
        let note = format!("{uses} is not in the repository: it may be made or fetched by an earlier step");
        self.exports.open = true;
        let why = "has no action.yml at this path in the repository";
        self.leave_out(part, why, note)
    }

    /// Path of the action, of its file, and the text.
    fn find_action(&self, uses: &str) -> Option<(String, String, String)> {
        let path = uses.trim_start_matches("$/").trim_start_matches("./").trim_matches('/');
        let mut places = vec![path];
        places.extend(self.checkouts.iter().filter_map(|c| path.strip_prefix(c.as_str())?.strip_prefix('/')));
        places.iter().find_map(|path| {
            ["action.yml", "action.yaml"].iter().find_map(|name| {
                let file = if path.is_empty() { (*name).to_owned() } else { format!("{path}/{name}") };
                let bytes = self.tree.read(&RepoPath::new(&file).ok()?)?;
                Some(((*path).to_owned(), file, String::from_utf8_lossy(&bytes).into_owned()))
            })
        })
    }
}

fn leaves_the_repository(path: &str) -> bool {
    let mut depth = 0_i32;
    path.split('/').any(|part| {
        depth += match part {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        depth < 0
    })
}

/// What the action leaves, by its inputs and, where they do not say, by the event.
fn checkout_of(inputs: &With, github: &Value) -> Checkout {
    let known = |name: &str| match github {
        Value::Object(github) => github.get(name).text().filter(|t| !t.is_empty()),
        _ => None,
    };
    // An input that is not known is no statement; GitHub's own default is.
    let fetch_depth = inputs.get("fetch-depth").map_or(Some(1), |depth| depth.trim().parse().ok());
    let server = known("server_url").unwrap_or_else(|| "https://github.com".to_owned());
    Checkout {
        reference: inputs.get("ref").map(str::to_owned).or_else(|| known("ref")),
        fetch_depth: fetch_depth.unwrap_or(1),
        fetch_tags: inputs.get("fetch-tags").is_some_and(|tags| tags.eq_ignore_ascii_case("true")),
        remote: known("repository").map(|slug| format!("{server}/{slug}")),
    }
}
