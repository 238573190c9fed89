//! What starts a workflow: reads the `on:` of a workflow file, as far as it decides whether a heal branch gets a run.

use globset::GlobBuilder;
use serde::{Deserialize, Serialize};
use serde_yaml::Value;

use crate::contract::git::{BranchName, RepoPath};

/// The triggers of one workflow file that a heal can set off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triggers {
    pub push: Option<Filter>,
    pub pull_request: Option<Filter>,
    pub dispatch: Option<Dispatch>,
}

/// Limits of a trigger; empty lists limit nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    pub branches: Vec<String>,
    pub branches_ignore: Vec<String>,
    pub paths: Vec<String>,
    pub paths_ignore: Vec<String>,
    /// `tags:` without `branches:` leaves no branch.
    pub tags_only: bool,
    /// `types:` of a pull request; empty: the usual ones.
    pub types: Vec<String>,
}

/// `workflow_dispatch`, and the inputs one must give.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    pub required_inputs: Vec<String>,
}

impl Triggers {
    /// Would a push of these files to this branch start it?
    #[must_use]
    pub fn on_push(&self, branch: &BranchName, changed: &[RepoPath]) -> bool {
        self.push.as_ref().is_some_and(|f| !f.tags_only && f.allows_branch(branch) && f.allows_paths(changed))
    }

    /// Would a pull request into this branch start it? `action` is `opened` or `synchronize`.
    #[must_use]
    pub fn on_pull_request(&self, base: &BranchName, changed: &[RepoPath], action: &str) -> bool {
        self.pull_request.as_ref().is_some_and(|f| {
            f.allows_branch(base)
                && f.allows_paths(changed)
                && (f.types.is_empty() || f.types.iter().any(|t| t == action))
        })
    }
}

impl Filter {
    fn allows_branch(&self, branch: &BranchName) -> bool {
        if !self.branches.is_empty() {
            return last_match(&self.branches, branch.as_str()) == Some(true);
        }
        last_match(&self.branches_ignore, branch.as_str()) != Some(true)
    }

    fn allows_paths(&self, changed: &[RepoPath]) -> bool {
        if changed.is_empty() {
            return true;
        }
        if !self.paths.is_empty() {
            return changed.iter().any(|p| last_match(&self.paths, p.as_str()) == Some(true));
        }
        self.paths_ignore.is_empty()
            || changed.iter().any(|p| last_match(&self.paths_ignore, p.as_str()) != Some(true))
    }
}

/// The last pattern that matches decides; `!` excludes. `None`: no pattern matches.
fn last_match(patterns: &[String], text: &str) -> Option<bool> {
    patterns
        .iter()
        .filter_map(|pattern| {
            let (include, pattern) = match pattern.strip_prefix('!') {
                Some(rest) => (false, rest),
                None => (true, pattern.as_str()),
            };
            let glob = GlobBuilder::new(pattern).literal_separator(true).build().ok()?;
            glob.compile_matcher().is_match(text).then_some(include)
        })
        .next_back()
}

/// Reads a workflow file; what cannot be read triggers nothing.
#[must_use]
pub fn read_triggers(workflow: &str) -> Triggers {
    let Ok(Value::Mapping(file)) = serde_yaml::from_str::<Value>(workflow) else {
        return Triggers::default();
    };
    // YAML 1.1 readers make `true` of the bare key `on`.
    let on = file.get("on").or_else(|| file.get(Value::Bool(true)));
    let mut triggers = Triggers::default();
    match on {
        Some(Value::String(event)) => set(&mut triggers, event, None),
        Some(Value::Sequence(events)) => {
            for event in events.iter().filter_map(Value::as_str) {
                set(&mut triggers, event, None);
            }
        }
        Some(Value::Mapping(events)) => {
            for (event, options) in events {
                if let Some(event) = event.as_str() {
                    set(&mut triggers, event, Some(options));
                }
            }
        }
        _ => {}
    }
    triggers
}

fn set(triggers: &mut Triggers, event: &str, options: Option<&Value>) {
    match event {
        "push" => triggers.push = Some(filter(options)),
        "pull_request" => triggers.pull_request = Some(filter(options)),
        "workflow_dispatch" => triggers.dispatch = Some(dispatch(options)),
        _ => {}
    }
}

fn filter(options: Option<&Value>) -> Filter {
    let list = |key: &str| -> Vec<String> {
        match options.and_then(|o| o.get(key)) {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Sequence(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    };
    let (branches, branches_ignore) = (list("branches"), list("branches-ignore"));
    let has_tags = !list("tags").is_empty() || !list("tags-ignore").is_empty();
    Filter {
        tags_only: has_tags && branches.is_empty() && branches_ignore.is_empty(),
        branches,
        branches_ignore,
        paths: list("paths"),
        paths_ignore: list("paths-ignore"),
        types: list("types"),
    }
}

fn dispatch(options: Option<&Value>) -> Dispatch {
    let inputs = options.and_then(|o| o.get("inputs")).and_then(Value::as_mapping);
    let required = inputs.into_iter().flatten().filter(|(_, input)| {
        input.get("required").and_then(Value::as_bool) == Some(true) && input.get("default").is_none()
    });
    Dispatch { required_inputs: required.filter_map(|(name, _)| name.as_str().map(str::to_owned)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(name: &str) -> BranchName {
        BranchName::new(name).unwrap()
    }

    #[test]
    fn all_forms_of_on() {
        assert!(read_triggers("on: push").on_push(&branch("heal/x"), &[]));
        let list = read_triggers("on: [push, pull_request, workflow_dispatch]");
        assert!(list.push.is_some() && list.pull_request.is_some() && list.dispatch.is_some());
        let map =
            read_triggers("on:\n  push:\n  pull_request:\n    branches: [main]\n  workflow_dispatch:\n");
        assert!(map.on_push(&branch("x"), &[]));
        assert!(map.on_pull_request(&branch("main"), &[], "opened"));
        assert!(!map.on_pull_request(&branch("topic"), &[], "opened"));
        for odd in ["", "on:", "on: 3", "[", "- a", "on: {push: 7}"] {
            let _ = read_triggers(odd);
        }
        assert_eq!(read_triggers("jobs: {}"), Triggers::default());
    }

    #[test]
    fn branch_filters() {
        let on_push = |patterns: &str, name: &str| {
            read_triggers(&format!("on: {{push: {{{patterns}}}}}")).on_push(&branch(name), &[])
        };
        assert!(!on_push("branches: [main]", "heal/x"));
        assert!(on_push("branches: ['**']", "heal/x"));
        assert!(!on_push("branches: ['*']", "heal/x"));
        assert!(on_push("branches: ['heal/**']", "heal/a/b"));
        assert!(!on_push("branches: ['**', '!heal/**']", "heal/a"));
        assert!(!on_push("branches-ignore: ['heal/**']", "heal/a"));
        assert!(on_push("branches-ignore: [main]", "heal/a"));
        assert!(!on_push("tags: ['v*']", "heal/a"));
    }

    #[test]
    fn path_filters_and_inputs() {
        let paths = [RepoPath::new("src/a.py").unwrap()];
        let on = |yaml: &str| read_triggers(yaml).on_push(&branch("x"), &paths);
        assert!(on("on: {push: {paths: ['src/**']}}"));
        assert!(!on("on: {push: {paths: ['docs/**']}}"));
        assert!(!on("on: {push: {paths-ignore: ['src/**']}}"));
        let inputs = "on: {workflow_dispatch: {inputs: {a: {required: true}, b: {required: true, default: x}, c: {}}}}";
        assert_eq!(read_triggers(inputs).dispatch.unwrap().required_inputs, ["a"]);
    }
}
