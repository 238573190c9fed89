//! Holds requests and answers against GitHub's published OpenAPI description, where a copy of it is at hand
//! (`CI_HEALER_OPENAPI`, or `openapi/github.json` in a directory beside the project); says nothing where not.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};

pub(super) struct Contract {
    document: Option<Value>,
    validators: Mutex<HashMap<String, Option<jsonschema::Validator>>>,
}

/// Calls that GitHub has but the description at hand may leave out.
const UNDESCRIBED: &[&str] = &[
    "/graphql",
    "/rules/branches/",
    "/git/trees/",
    "/git/blobs/",
    "/compare/",
    "/contents/",
    "/commits/",
    "/tarball/",
    "/files",
    "/reviews",
];

impl Contract {
    /// Read once: preparing the description takes longer than most stories.
    pub(super) fn shared() -> &'static Self {
        static SHARED: OnceLock<Contract> = OnceLock::new();
        SHARED.get_or_init(Self::load)
    }

    fn load() -> Self {
        let document = find().and_then(|path| {
            let mut document: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
            allow_null(&mut document);
            Some(document)
        });
        Self { document, validators: Mutex::default() }
    }

    /// What is wrong with a request, or with the answer to it.
    pub(super) fn check(
        &self,
        method: &str,
        path: &str,
        query: &str,
        request: &Value,
        status: u16,
        answer: &Value,
    ) -> Vec<String> {
        let Some(document) = &self.document else { return Vec::new() };
        let call = format!("{method} {path}");
        let Some((template, operation)) = operation(document, method, path) else {
            if UNDESCRIBED.iter().any(|u| path.contains(u)) {
                return Vec::new();
            }
            return vec![format!("{call}: no such operation")];
        };
        let mut wrong = Vec::new();
        let key = format!("{method} {template}");
        if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
            if !request.is_null() || operation.pointer("/requestBody/required") == Some(&json!(true)) {
                wrong.extend(self.validate(document, &format!("{key} request"), schema, request));
            }
        } else if !request.is_null() {
            wrong.push("it takes no body".to_owned());
        }
        for name in query.split('&').filter_map(|p| p.split('=').next()).filter(|n| !n.is_empty()) {
            let parameters = operation.pointer("/parameters").and_then(Value::as_array);
            let known = parameters
                .into_iter()
                .flatten()
                .any(|p| resolve(document, p).get("name").and_then(Value::as_str) == Some(name));
            if !known {
                wrong.push(format!("it has no parameter {name}"));
            }
        }
        let described = operation.pointer(&format!("/responses/{status}"));
        match described.map(|r| resolve(document, r)) {
            Some(response) => {
                if let Some(schema) = response.pointer("/content/application~1json/schema") {
                    wrong.extend(self.validate(document, &format!("{key} {status}"), schema, answer));
                }
            }
            // Failures that any call may meet are described once for all.
            None if status >= 400 || status == 304 => {}
            None => wrong.push(format!("it never answers {status}")),
        }
        wrong.into_iter().map(|w| format!("{call} ({status}): {w}")).collect()
    }

    fn validate(&self, document: &Value, key: &str, schema: &Value, value: &Value) -> Vec<String> {
        let mut validators = self.validators.lock().unwrap();
        let validator = validators.entry(key.to_owned()).or_insert_with(|| {
            let mut root = json!({"allOf": [schema]});
            root["components"] = document["components"].clone();
            jsonschema::options().should_validate_formats(false).build(&root).ok()
        });
        match validator {
            None => vec![format!("the description of {key} cannot be used")],
            Some(validator) => {
                let first = validator.iter_errors(value).take(5);
                first.map(|e| format!("{key}: {e} at {}", e.instance_path())).collect()
            }
        }
    }
}

fn find() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CI_HEALER_OPENAPI") {
        return Some(PathBuf::from(path));
    }
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let places = std::fs::read_dir(beside).ok()?;
    places.filter_map(|p| Some(p.ok()?.path().join("openapi/github.json"))).find(|p| p.is_file())
}

fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<(&'a str, &'a Value)> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let paths = document.get("paths")?.as_object()?;
    paths.iter().find_map(|(template, operations)| {
        let wanted: Vec<&str> = template.trim_start_matches('/').split('/').collect();
        // A ref may hold slashes; it is always last.
        let open_ended = template.ends_with("{ref}");
        let long_enough = parts.len() == wanted.len() || (open_ended && parts.len() > wanted.len());
        let fits = long_enough && wanted.iter().zip(&parts).all(|(w, p)| w.starts_with('{') || w == p);
        let operation = operations.get(method.to_ascii_lowercase())?;
        fits.then_some((template.as_str(), operation))
    })
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(value),
        None => value,
    }
}

/// OpenAPI 3.0 says `nullable`; JSON Schema lists `null` among the types.
fn allow_null(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for child in map.values_mut() {
                allow_null(child);
            }
            if map.remove("nullable") == Some(json!(true)) {
                let strict = Value::Object(std::mem::take(map));
                map.insert("anyOf".to_owned(), json!([strict, {"type": "null"}]));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(allow_null),
        _ => {}
    }
}
