//! What a model may answer, and how its answer is read: strict in meaning, lenient in packaging.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::contract::fix::{Edit, Rejection};
use crate::contract::git::RepoPath;

/// No honest reply has more.
const MOST_EDITS: usize = 40;
/// More is not asked for at once, nor with longer names.
const MOST_NEEDS: usize = 6;
const LONGEST_NEED: usize = 200;

/// JSON Schema of the reply, in the subset that strict decoding takes: everything required, nothing additional. What is
/// needed stands among the edits, so that servers which fill the known fields need no new one.
#[must_use]
pub fn reply_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["reason", "confidence", "edits"],
        "properties": {
            "reason": { "type": "string" },
            "confidence": { "type": "number", "description": "0 to 1" },
            "edits": {
                "type": "array",
                "items": { "anyOf": [
                    {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["path", "find", "replace"],
                        "properties": {
                            "path": { "type": "string" },
                            "find": { "type": "string" },
                            "replace": { "type": "string" }
                        }
                    },
                    {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["needs"],
                        "properties": {
                            "needs": { "type": "string" }
                        }
                    }
                ] }
            }
        }
    })
}

/// A reply as read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) reason: String,
    pub(crate) confidence: f64,
    /// Files, folders and names that it wants to see.
    pub(crate) needs: Vec<String>,
    /// Or why an edit cannot even be tried.
    pub(crate) edits: Result<Vec<Edit>, Rejection>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(alias = "explanation")]
    reason: String,
    confidence: f64,
    edits: Vec<WireItem>,
    /// Beside the edits, too, as some models write it.
    #[serde(default)]
    needs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireItem {
    Edit { path: String, find: String, replace: String },
    Need { needs: String },
}

/// For the model layer: is this a reply at all?
pub fn check_reply(text: &str) -> Result<(), String> {
    read(text).map(|_| ())
}

/// Reads a reply, also where a model put a fence or words around the JSON.
pub(crate) fn read(text: &str) -> Result<Reply, String> {
    let text = without_thinking(text.trim_start_matches('\u{feff}').trim());
    let wire: Wire = match serde_json::from_str(text) {
        Ok(wire) => wire,
        Err(first) => {
            let found = objects(text).find_map(|object| serde_json::from_str::<Wire>(object).ok());
            found.ok_or_else(|| describe(text, &first))?
        }
    };
    if !(0.0..=1.0).contains(&wire.confidence) {
        return Err(format!("`confidence` is {}, not a number from 0 to 1", wire.confidence));
    }
    if wire.edits.len() > MOST_EDITS {
        return Err(format!("{} edits are more than {MOST_EDITS}", wire.edits.len()));
    }
    let mut needs = wire.needs;
    let mut edits = Ok(Vec::new());
    for item in wire.edits {
        let (path, find, replace) = match item {
            WireItem::Edit { path, find, replace } => (path, find, replace),
            WireItem::Need { needs: need } => {
                needs.push(need);
                continue;
            }
        };
        edits = edits.and_then(|mut edits: Vec<Edit>| {
            let path = RepoPath::new(path.trim()).map_err(|_| Rejection::Path {
                path: crate::fixer::sanitize::one_line(&path, 200),
                why: "is not a relative path inside the repository".to_owned(),
            })?;
            edits.push(Edit { path, find, replace });
            Ok(edits)
        });
    }
    let needs: Vec<String> = needs
        .into_iter()
        .map(|need| need.trim().to_owned())
        .filter(|need| !need.is_empty() && need.len() <= LONGEST_NEED)
        .take(MOST_NEEDS)
        .collect();
    Ok(Reply { reason: wire.reason, confidence: wire.confidence, needs, edits })
}

/// Some servers leave the model's thinking in the reply.
fn without_thinking(text: &str) -> &str {
    match text.strip_prefix("<think>") {
        Some(rest) => rest.split_once("</think>").map_or(text, |(_, reply)| reply.trim_start()),
        None => text,
    }
}

/// Balanced `{…}` at the top level of the text, in order.
fn objects(text: &str) -> impl Iterator<Item = &str> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text.get(from..)?.find('{')?;
        let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
        for (at, c) in text[start..].char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                '{' if !quoted => depth += 1,
                '}' if !quoted => {
                    depth -= 1;
                    if depth == 0 {
                        from = start + at + 1;
                        return Some(&text[start..from]);
                    }
                }
                _ => {}
            }
        }
        None
    })
}

fn describe(text: &str, error: &serde_json::Error) -> String {
    if text.is_empty() {
        "it is empty".to_owned()
    } else if !text.contains('{') {
        "it has no JSON object".to_owned()
    } else {
        crate::fixer::sanitize::one_line(&error.to_string(), 160)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        r#"{"reason":"r","confidence":0.8,"edits":[{"path":"a.py","find":"a","replace":"b"}]}"#;

    #[test]
    fn packaging_does_not_matter() {
        let want = read(GOOD).unwrap();
        for text in [
            format!("```json\n{GOOD}\n```"),
            format!("Here you go:\n{GOOD}\nHope it helps {{}}"),
            format!("\u{feff}{GOOD}"),
            format!("<think>{{ maybe }}</think>\n{GOOD}"),
            format!("{{\"note\": \"}}\"}} {GOOD}"),
            GOOD.replace("\"confidence\"", "\"extra\": 1, \"confidence\""),
        ] {
            assert_eq!(read(&text).unwrap(), want, "{text}");
        }
    }

    #[test]
    fn meaning_does() {
        for text in [
            "",
            "I cannot help with that.",
            "{",
            "[]",
            "null",
            r#"{"reason":"r","confidence":0.8}"#,
            r#"{"reason":"r","confidence":"high","edits":[]}"#,
            r#"{"reason":"r","confidence":85,"edits":[]}"#,
            r#"{"reason":"r","confidence":-0.1,"edits":[]}"#,
            r#"{"reason":"r","confidence":0.8,"edits":[{"path":"a.py","replace":"b"}]}"#,
            r#"{"reason":"r","confidence":0.8,"edits":"--- a/a.py"}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let many = vec![r#"{"path":"a","find":"a","replace":"b"}"#; 41].join(",");
        assert!(read(&format!(r#"{{"reason":"r","confidence":0.8,"edits":[{many}]}}"#)).is_err());
    }

    #[test]
    fn what_a_reply_needs_is_read_among_the_edits_and_beside_them() {
        let among =
            r#"{"reason":"r","confidence":0,"edits":[{"needs":"a.py"},{"needs":" "},{"needs":"total"}]}"#;
        let reply = read(among).unwrap();
        assert_eq!((reply.needs, reply.edits), (vec!["a.py".to_owned(), "total".to_owned()], Ok(Vec::new())));
        assert!(jsonschema::is_valid(&reply_schema(), &serde_json::from_str(among).unwrap()));
        let beside = r#"{"reason":"r","confidence":0,"edits":[],"needs":["a.py"]}"#;
        assert_eq!(read(beside).unwrap().needs, ["a.py"]);
        let many = vec![r#"{"needs":"a"}"#; 30].join(",");
        let reply = read(&format!(r#"{{"reason":"r","confidence":0.8,"edits":[{many}]}}"#)).unwrap();
        assert_eq!(reply.needs.len(), MOST_NEEDS);
        assert!(read(GOOD).unwrap().needs.is_empty());
    }

    #[test]
    fn paths_out_of_the_repository_are_typed() {
        for path in ["/etc/passwd", "../x", "a/../../x", "C:\\\\x", ""] {
            let text = GOOD.replace("a.py", path);
            assert!(matches!(read(&text).unwrap().edits, Err(Rejection::Path { .. })), "{path}");
        }
    }

    #[test]
    fn the_schema_names_what_is_read() {
        let schema = reply_schema();
        let sample: Value = serde_json::from_str(GOOD).unwrap();
        assert!(jsonschema::is_valid(&schema, &sample));
        assert!(!jsonschema::is_valid(&schema, &json!({ "edits": [] })));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[\\[\\]{}\":,a-z0-9\\\\ é]{0,60}") {
            let _ = read(&text);
        }
    }
}
