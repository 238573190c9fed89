//! A diagnosis as SARIF 2.1.0, for `github/codeql-action/upload-sarif` and editors.
//!
//! Facts: the OASIS standard (paths are URIs relative to a base, regions count from 1) and GitHub's reading of it
//! (`partialFingerprints` keep one alert over several runs).

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::contract::bug::{BugReport, Diagnosis, Severity};

use super::{clean, text};

pub(super) fn write(diagnosis: &Diagnosis, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: Vec<(String, &BugReport)> = Vec::new();
    for bug in &diagnosis.bugs {
        let id = rule_id(bug);
        if !rules.iter().any(|(known, _)| *known == id) {
            rules.push((id, bug));
        }
    }
    let results: Vec<Value> = diagnosis.bugs.iter().map(|bug| result(bug, &rules)).collect();
    let rules: Vec<Value> = rules.iter().map(|(id, bug)| rule(id, bug)).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "ci-healer",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "originalUriBaseIds": { "SRCROOT": { "description": { "text": "The root of the repository" } } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// `rustc/E0432`, `pytest/logic`
fn rule_id(bug: &BugReport) -> String {
    let what = bug.code.as_deref().unwrap_or_else(|| bug.category.as_str());
    format!("{}/{}", clean::line(&bug.tool, 60), clean::line(what, 100))
}

fn rule(id: &str, bug: &BugReport) -> Value {
    json!({
        "id": id,
        "shortDescription": { "text": format!("{} reported by {}", text::category(bug.category), clean::line(&bug.tool, 60)) },
        "properties": { "tags": [bug.category.as_str()] },
    })
}

fn result(bug: &BugReport, rules: &[(String, &BugReport)]) -> Value {
    let id = rule_id(bug);
    let mut message = text::bug_with_message(bug);
    if let Some(hint) = &bug.hint {
        message.push_str(&format!("\n{}", clean::block(&hint.text, 2000)));
    }
    let mut result = json!({
        "ruleId": id,
        "ruleIndex": rules.iter().position(|(known, _)| *known == id),
        "level": match bug.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "note",
        },
        "message": { "text": message },
        "partialFingerprints": { "ciHealer/v1": bug.fingerprint.0 },
    });
    if let Some(file) = &bug.file {
        let region = region(bug.line, bug.column, bug.end_line, bug.end_column);
        result["locations"] = json!([location(file, region)]);
    }
    let related: Vec<Value> = bug
        .related
        .iter()
        .map(|place| location(&place.file, region(place.line, place.column, None, None)))
        .collect();
    if !related.is_empty() {
        result["relatedLocations"] = Value::Array(related);
    }
    result
}

fn location(file: &str, region: Option<Value>) -> Value {
    let mut artifact = json!({ "uri": uri(file) });
    if !file.starts_with('/') {
        artifact["uriBaseId"] = "SRCROOT".into();
    }
    let mut physical = json!({ "artifactLocation": artifact });
    if let Some(region) = region {
        physical["region"] = region;
    }
    json!({ "physicalLocation": physical })
}

/// Lines and columns are at least 1 in SARIF; a column makes no sense without its line.
fn region(
    line: Option<u32>,
    column: Option<u32>,
    end_line: Option<u32>,
    end_column: Option<u32>,
) -> Option<Value> {
    let line = line.filter(|&line| line > 0)?;
    let mut region = json!({ "startLine": line });
    if let Some(column) = column.filter(|&column| column > 0) {
        region["startColumn"] = column.into();
    }
    // An end before its start is no region: keep the start.
    if end_line.is_some_and(|end| end < line) {
        return Some(region);
    }
    if let Some(end) = end_line {
        region["endLine"] = end.into();
    }
    let one_line = end_line.is_none_or(|end| end == line);
    if let Some(end) = end_column.filter(|&end| !one_line || column.is_some_and(|start| end > start)) {
        region["endColumn"] = end.max(1).into();
    }
    Some(region)
}

/// A path as a URI reference: everything but the unreserved characters and `/` is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    if path.starts_with('/') { format!("file://{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn results_carry_rule_place_and_fingerprint() {
        let mut out = Vec::new();
        write(&sample::diagnosis(), &mut out).unwrap();
        let value: Value = serde_json::from_slice(&out).unwrap();
        let run = &value["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][1]["id"], "pytest/logic");
        let first = &run["results"][0];
        assert_eq!(first["ruleIndex"], 0);
        assert_eq!(first["level"], "error");
        let place = &first["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "src/app.py");
        assert_eq!(place["region"], json!({ "startLine": 3, "startColumn": 5 }));
        assert_eq!(first["partialFingerprints"]["ciHealer/v1"], "f-src/app.py-3");
    }

    #[test]
    fn regions_hold_to_the_standard() {
        assert_eq!(region(None, Some(3), None, None), None);
        assert_eq!(region(Some(0), None, None, None), None);
        assert_eq!(
            region(Some(4), Some(2), Some(3), Some(9)),
            Some(json!({ "startLine": 4, "startColumn": 2 }))
        );
        assert_eq!(
            region(Some(4), Some(2), None, Some(9)),
            Some(json!({ "startLine": 4, "startColumn": 2, "endColumn": 9 }))
        );
        assert_eq!(uri("a b/ü#.py"), "a%20b/%C3%BC%23.py");
        assert_eq!(uri("/usr/x.h"), "file:///usr/x.h");
    }
}
