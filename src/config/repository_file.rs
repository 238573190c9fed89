//! `.github/ci-healer.yml`: what a repository says for all of its runs, beneath the inputs. It may set what is listed here
//! and nothing else: no address, no key, no program.

use std::collections::BTreeMap;

use serde_yaml::Value;

use super::flags::nearest;
use super::inputs::{INPUTS, Input, Kind};
use crate::error::ExpectedError;

/// Where it lies in the default branch.
pub const REPOSITORY_FILE: &str = ".github/ci-healer.yml";

/// The largest one that is read, in bytes.
pub const MOST_BYTES: usize = 64 * 1024;

/// The inputs that it may set. A new input is out until it is let in here.
pub(super) const ALLOWED: &[&str] = &[
    "policy",
    "guidance",
    "command",
    "workflow",
    "job",
    "working-directory",
    "max-attempts",
    "max-changed-lines",
    "max-changed-files",
    "time-budget",
    "token-budget",
    "cost-budget",
    "min-confidence",
    "protected-paths",
    "allow-test-edits",
    "allow-manifest-edits",
    "require-counter-proof",
    "on-partial",
    "flaky-runs",
    "drift-runs",
    "rerun-flaky",
    "pull-request",
    "commit-prefix",
    "wait-for-ci",
    "ci-timeout",
    "fail-on",
];

/// Its keys with their values, each as the input of that name would be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepositoryFile {
    values: BTreeMap<&'static str, String>,
}

impl RepositoryFile {
    /// Reads the file's text.
    ///
    /// # Errors
    ///
    /// Names the key that is none, may not be set here, or has no value that an input could have.
    pub fn parse(text: &str) -> Result<Self, ExpectedError> {
        if text.len() > MOST_BYTES {
            let size = text.len() / 1024;
            return Err(refused(format!("{size} KB are too many; at most {} are read", MOST_BYTES / 1024)));
        }
        let document: Value =
            serde_yaml::from_str(text).map_err(|error| refused(format!("this is no YAML: {error}")))?;
        let entries = match document {
            Value::Null => return Ok(Self::default()),
            Value::Mapping(entries) => entries,
            _ => return Err(refused("it has to be a mapping of keys to values".to_owned())),
        };
        let mut values = BTreeMap::new();
        for (key, value) in &entries {
            let key = key.as_str().ok_or_else(|| refused(format!("the key {key:?} is no text")))?;
            let input = input(key)?;
            let text = match input.name {
                "policy" => pairs(value),
                "guidance" => guidance(value),
                _ if input.kind.is_list() => list(value),
                _ => scalar(value),
            };
            let text = text.ok_or_else(|| refused(format!("{key}: this is not {}", input.kind.allowed())))?;
            values.insert(input.name, text);
        }
        Ok(Self { values })
    }

    /// What it says of this input; nothing where it is not named, or left empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// What it sets, in the order of the names.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.values.keys().copied()
    }
}

fn refused(problem: String) -> ExpectedError {
    ExpectedError::usage(format!("{REPOSITORY_FILE}: {problem}"))
}

fn allowed() -> impl Iterator<Item = &'static Input> {
    INPUTS.iter().filter(|input| ALLOWED.contains(&input.name))
}

/// The input that a key stands for.
fn input(key: &str) -> Result<&'static Input, ExpectedError> {
    if let Some(input) = allowed().find(|input| input.name == key) {
        return Ok(input);
    }
    let all = allowed().map(|input| input.name).collect::<Vec<_>>().join(", ");
    if INPUTS.iter().any(|input| input.name == key) || key == "model-command" {
        return Err(refused(format!("{key} may not be set here"))
            .hint(format!("give it where ci-healer is called; this file may set {all}")));
    }
    let error = refused(format!("there is no key {key:?}"));
    Err(match nearest(key, allowed().map(|input| input.name)) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint(format!("it may set {all}")),
    })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(switch) => Some(switch.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// One entry a line; what is no sequence is as the input writes it.
fn list(value: &Value) -> Option<String> {
    let Value::Sequence(entries) = value else { return scalar(value) };
    entries.iter().map(scalar).collect::<Option<Vec<_>>>().map(|lines| lines.join("\n"))
}

/// One `key: value` a line.
fn pairs(value: &Value) -> Option<String> {
    let Value::Mapping(entries) = value else { return scalar(value) };
    let line = |(key, value): (&Value, &Value)| Some(format!("{}: {}", scalar(key)?, scalar(value)?));
    entries.iter().map(line).collect::<Option<Vec<_>>>().map(|lines| lines.join("\n"))
}

/// Text, or a list of files.
fn guidance(value: &Value) -> Option<String> {
    let Value::Sequence(files) = value else { return scalar(value) };
    let line = |file: &Value| file.as_str().map(|path| format!("@{path}"));
    files.iter().map(line).collect::<Option<Vec<_>>>().map(|lines| lines.join("\n"))
}

/// The file's JSON Schema, for editors.
#[must_use]
pub fn repository_file_schema() -> serde_json::Value {
    let properties: serde_json::Map<String, serde_json::Value> =
        allowed().map(|input| (input.name.to_owned(), property(input))).collect();
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://github.com/ci-healer/ci-healer/schemas/repository-file.json",
        "title": "ci-healer's settings of a repository",
        "description": "`.github/ci-healer.yml` of the default branch. Inputs win over it.",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
    })
}

fn property(input: &Input) -> serde_json::Value {
    use serde_json::json;
    let mut property = match (input.name, input.kind) {
        ("policy", _) => {
            let ways = json!({"enum": crate::contract::policy::Way::NAMES});
            let kinds: serde_json::Map<_, _> = crate::contract::policy::Kind::NAMES
                .iter()
                .map(|kind| ((*kind).to_owned(), ways.clone()))
                .collect();
            json!({"type": "object", "properties": kinds, "additionalProperties": false})
        }
        ("guidance", _) => json!({"type": ["string", "array"], "items": {"type": "string"}}),
        (_, Kind::Switch) => json!({"type": "boolean"}),
        (_, Kind::OneOf(names)) if names.contains(&"true") => {
            let others: Vec<_> = names.iter().filter(|name| !["true", "false"].contains(name)).collect();
            json!({"anyOf": [{"enum": others}, {"type": "boolean"}]})
        }
        (_, Kind::OneOf(names)) => json!({"enum": names}),
        (_, Kind::Number(least, most)) => json!({"type": "integer", "minimum": least, "maximum": most}),
        (_, Kind::Fraction(least, most)) => json!({"type": "number", "minimum": least, "maximum": most}),
        (_, Kind::Line(most)) => json!({"type": "string", "maxLength": most}),
        (_, Kind::Duration(..)) => json!({"type": "string", "pattern": "^([0-9]+[smh])+$"}),
        (_, kind) if kind.is_list() => json!({"type": ["string", "array"], "items": {"type": "string"}}),
        _ => json!({"type": "string"}),
    };
    if let Some(fields) = property.as_object_mut() {
        fields.insert("description".to_owned(), json!(input.doc));
    }
    property
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let error = RepositoryFile::parse(text).unwrap_err();
        format!("{}\n{}", error.message, error.hint.unwrap_or_default())
    }

    #[test]
    fn values_are_those_of_the_inputs() {
        let file = RepositoryFile::parse(
            "policy: {lint: diagnose, format: push}\nmax-attempts: 3\nallow-test-edits: true\n\
             job: [lint, test]\nguidance: [AGENTS.md]\nprotected-paths: |\n  a/**\n  b\ncommand:\n",
        )
        .unwrap();
        assert_eq!(file.get("policy"), Some("lint: diagnose\nformat: push"));
        assert_eq!(file.get("max-attempts"), Some("3"));
        assert_eq!(file.get("allow-test-edits"), Some("true"));
        assert_eq!(file.get("job"), Some("lint\ntest"));
        assert_eq!(file.get("guidance"), Some("@AGENTS.md"));
        assert_eq!(file.get("protected-paths"), Some("a/**\nb"));
        assert_eq!(file.get("command"), None);
        assert_eq!(RepositoryFile::parse("# nothing yet\n").unwrap(), RepositoryFile::default());
    }

    #[test]
    fn nothing_but_the_list_may_be_set() {
        let open: Vec<&str> = INPUTS
            .iter()
            .map(|input| input.name)
            .filter(|name| RepositoryFile::parse(&format!("{name}: ''")).is_ok())
            .collect();
        let listed: Vec<&str> = allowed().map(|input| input.name).collect();
        assert_eq!(open, listed);
        for name in ["openai-base-url", "providers", "github-token", "sandbox-image", "mode", "model-command"]
        {
            let said = refusal(&format!("{name}: x"));
            assert!(said.starts_with(&format!("{REPOSITORY_FILE}: {name} may not be set here")), "{said}");
        }
    }

    #[test]
    fn an_unknown_key_is_told_the_nearest() {
        assert_eq!(
            refusal("max-attemps: 3"),
            format!("{REPOSITORY_FILE}: there is no key \"max-attemps\"\ndid you mean max-attempts?")
        );
        assert!(!refusal("colour: red").contains("it may set mode"), "{}", refusal("colour: red"));
        assert!(refusal("- a").contains("a mapping of keys to values"));
        assert!(refusal("a: [").contains("no YAML"));
        assert!(refusal("max-attempts: {a: 1}").contains("max-attempts: this is not a whole number"));
        assert!(refusal(&"# long\n".repeat(20_000)).contains("too many"));
    }
}
