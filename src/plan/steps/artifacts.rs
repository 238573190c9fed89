//! Steps that hand files from job to job.

use super::{Part, Planner};
use crate::contract::artifact::FetchedArtifact;
use crate::plan::PlanError;
use crate::plan::actions::{self, With};
use crate::plan::artifacts;
use crate::plan::step_template::Known;
use crate::plan::workflow::{Step, StepAction};
use crate::plan::yaml::{Kind, Node};

impl Planner<'_> {
    /// What other jobs made is put where the action would; where nobody has it, the step is left out.
    pub(super) fn download(&mut self, part: Part<'_>, inputs: &With) -> Result<(), PlanError> {
        let wanted = match artifacts::wanted(inputs, &part.scope.contexts.github) {
            Ok(wanted) => wanted,
            Err(why) => {
                let note = format!("{} {why}: a failure that depends on it cannot be reproduced", part.uses);
                return self.leave_out(part, &why, note);
            }
        };
        let open = inputs.unknown("artifact-ids").filter(|_| !is_left_aside(inputs, "artifact-ids"));
        if let Some(into) = self.real.artifacts.wanted.filter(|_| open.is_none()) {
            into.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(wanted.clone());
        }
        let of_the_run = self.real.artifacts.of_the_run;
        let is_taken = |a: &&FetchedArtifact| {
            open.is_none() && (artifacts::takes(&wanted, &a.name) || wanted.ids.contains(&a.id))
        };
        let taken: Vec<_> = of_the_run.iter().filter(is_taken).collect();
        let made = self.real.artifacts.made_before.iter();
        let is_made =
            made.clone().any(|name| name.as_ref().is_none_or(|name| artifacts::takes(&wanted, name)));
        // Numbers that another job tells are those of the artifacts that it makes here.
        let is_told = |what: &str| {
            let needs = part.scope.contexts.open_needs.iter().flat_map(|needs| needs.iter());
            needs.into_iter().any(|job| what.starts_with(&format!("needs.{}.outputs.", job.id)))
        };
        let is_made = is_made && open.is_none_or(is_told);
        if taken.is_empty() && !is_made {
            let name = part.uses.split('@').next().unwrap_or_default();
            let note = format!(
                "{name} {}: a failure that depends on it cannot be reproduced ({wanted})",
                actions::ARTIFACT
            );
            self.out.lacking.push(wanted);
            return self.leave_out(part, actions::ARTIFACT, note);
        }
        for artifact in &taken {
            self.out.artifacts.insert(artifact.name.clone());
            let workspace = part.scope.contexts.workspace();
            let is_lone = taken.len() == 1;
            let files = artifact.files.iter().map(|file| (artifact.name.as_str(), file.as_str()));
            let places = files.filter_map(|file| artifacts::place(inputs, &workspace, file, is_lone));
            let replaced: Vec<String> =
                places.filter(|path| self.tree.entry(path).is_some()).map(|path| path.to_string()).collect();
            if !replaced.is_empty() {
                let (count, shown) = (replaced.len(), replaced[..replaced.len().min(5)].join(", "));
                self.note(format!(
                    "the artifact `{}` lies over {count} tracked files, in the sandbox alone: {shown}",
                    artifact.name
                ));
            }
        }
        if !taken.is_empty() {
            let names: Vec<String> = taken.iter().map(|a| format!("`{}`", a.name)).collect();
            self.note(format!(
                "artifacts of the failed run are used: {}; they were made of the code as it failed",
                names.join(", ")
            ));
        }
        let known = artifacts::DOWNLOAD_INPUTS.map(|(input, variable)| {
            // No input has an empty name: the variable is there, and empty.
            (if is_left_aside(inputs, input) { "" } else { input }, variable)
        });
        let mut variables = variables(part, &known);
        let lone = if artifacts::lone_is_flat(&inputs.reference) { "flat" } else { "" };
        variables.push(("ARTIFACT_LONE".to_owned(), text(lone, part.step.line)));
        self.may_add_files = true;
        if let Some(id) = &part.step.id {
            self.know(part.scope, id, Known::Live);
        }
        self.emulate_with(part, artifacts::DOWNLOAD, variables)
    }

    /// Left out, but where another job that runs behind this one needs it.
    pub(super) fn upload(&mut self, part: Part<'_>, inputs: &With) -> Result<(), PlanError> {
        if !self.real.artifacts.is_producer {
            self.fixed(part.step, part.scope, None);
            self.skip(part.uses, actions::REPORTS);
            return Ok(());
        }
        let name = match inputs.unknown("name") {
            Some(_) => None,
            None => Some(inputs.get("name").unwrap_or("artifact").to_owned()),
        };
        self.out.made.push(name);
        if let Some(id) = &part.step.id {
            self.know(part.scope, id, Known::Live);
        }
        self.emulate_with(part, artifacts::UPLOAD, variables(part, &artifacts::UPLOAD_INPUTS))
    }

    /// Learns whose outputs the step asks for.
    pub(super) fn ask_outputs(&mut self, step: &Step) {
        let mut nodes: Vec<&Node> = [&step.env, &step.condition].into_iter().flatten().collect();
        match &step.action {
            StepAction::Run { run, working_directory, .. } => {
                nodes.push(run);
                nodes.extend(working_directory);
            }
            StepAction::Uses { with, .. } => nodes.extend(with.iter().map(|(_, node)| node)),
            _ => {}
        }
        nodes.into_iter().for_each(|node| asked_outputs(node, &mut self.out.asked_outputs));
    }
}

/// The jobs of `needs.<job>.outputs`.
pub(in crate::plan) fn asked_outputs(node: &Node, into: &mut std::collections::BTreeSet<String>) {
    match &node.kind {
        Kind::String { text, .. } => {
            for rest in text.split("needs.").skip(1) {
                let id: String =
                    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect();
                if rest[id.len()..].starts_with(".outputs") {
                    into.insert(id);
                }
            }
        }
        Kind::List(items) => items.iter().for_each(|item| asked_outputs(item, into)),
        Kind::Map(entries) => entries.iter().for_each(|(_, item)| asked_outputs(item, into)),
        _ => {}
    }
}

fn is_left_aside(inputs: &With, input: &str) -> bool {
    artifacts::unknown_inputs(&inputs.reference).any(|unknown| unknown == input)
}

fn text(text: &str, line: u32) -> Node {
    Node { kind: Kind::String { text: text.to_owned(), block: false }, line }
}

/// The inputs by the variables that hold them; empty where one is not given.
fn variables(part: Part<'_>, names: &[(&str, &str)]) -> Vec<(String, Node)> {
    let given = |input: &str| part.with.iter().find(|(key, _)| key.text.eq_ignore_ascii_case(input));
    let value = |input: &str| given(input).filter(|(_, node)| !node.is_null()).map(|(_, node)| node.clone());
    names
        .iter()
        .map(|(input, variable)| {
            ((*variable).to_owned(), value(input).unwrap_or_else(|| text("", part.step.line)))
        })
        .collect()
}

/// Whether a step keeps files for other jobs, as far as the job itself says.
pub(in crate::plan) fn uploads(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.action {
        StepAction::Uses { uses, .. } => {
            // What a local action does is only seen once it is opened.
            uses.starts_with('.') || uses.to_ascii_lowercase().starts_with("actions/upload-artifact@")
        }
        StepAction::Parallel(group) => uploads(group),
        _ => false,
    })
}
