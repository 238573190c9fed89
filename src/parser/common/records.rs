//! Findings in JSON of no tool that is known, by what their keys say: GitLab's code quality, reviewdog's diagnostics, and
//! what tools of their own make alike.

use serde_json::Value;

use super::super::findings::FindingBuilder;
use super::super::{paths, re, registry};
use super::json::{count, severity, text};
use crate::contract::bug::{Category, Severity};

/// Levels of a document that are looked into.
const DEPTH: u8 = 6;

const FILES: &[&str] = &[
    "/path",
    "/file",
    "/filename",
    "/fileName",
    "/filePath",
    "/file_path",
    "/location/path",
    "/location/file",
    "/location/filename",
    "/location/path/file",
    "/source_file",
];
const LINES: &[&str] = &[
    "/line",
    "/lineno",
    "/line_number",
    "/lineNumber",
    "/startLine",
    "/start_line",
    "/location/line",
    "/location/row",
    "/location/lines/begin",
    "/location/positions/begin/line",
    "/location/range/start/line",
    "/location/start/line",
    "/start/line",
    "/range/start/line",
];
const COLUMNS: &[&str] = &[
    "/column",
    "/col",
    "/columnNumber",
    "/startColumn",
    "/start_column",
    "/location/column",
    "/location/positions/begin/column",
    "/location/range/start/column",
    "/location/start/column",
    "/start/column",
];
const MESSAGES: &[&str] = &["/message", "/description", "/text", "/msg", "/issue_text", "/message/text"];
const CODES: &[&str] = &[
    "/code/value",
    "/code",
    "/check_name",
    "/messageId",
    "/ruleId",
    "/rule_id",
    "/rule",
    "/rule/id",
    "/ruleName",
    "/check_id",
    "/test_id",
    "/category",
    "/name",
];

/// The findings of a document.
pub(super) fn read(document: &Value) -> Vec<FindingBuilder> {
    let source = text(document, &["/source/name", "/tool/name", "/tool"]).map(str::to_lowercase);
    let mut found = Vec::new();
    walk(document, source.as_deref(), None, 0, &mut found);
    found
}

fn walk(value: &Value, source: Option<&str>, file: Option<&str>, depth: u8, found: &mut Vec<FindingBuilder>) {
    if depth > DEPTH {
        return;
    }
    match value {
        Value::Array(items) => {
            for item in items {
                walk(item, source, file, depth + 1, found);
            }
        }
        Value::Object(items) => {
            // One alone on its line is what a program logs.
            if depth > 0
                && let Some(finding) = record(value, source, file)
            {
                found.push(finding);
                return;
            }
            let file = text(value, FILES).or(file);
            for (key, item) in items {
                // Some sort their findings by the file.
                let named = re!(r"^[^\s:]*\w\.[A-Za-z]\w*$").is_match(key).then_some(key.as_str());
                walk(item, source, named.or(file), depth + 1, found);
            }
        }
        _ => {}
    }
}

/// An object that has a file, a line and a message.
fn record(item: &Value, source: Option<&str>, above: Option<&str>) -> Option<FindingBuilder> {
    let file = text(item, FILES).or(above).filter(|file| paths::is_own(file))?;
    let (line, message) = (count(item, LINES)?, text(item, MESSAGES)?);
    let code = text(item, CODES).filter(|code| !code.contains(' '));
    let message = code.and_then(|code| message.strip_prefix(code)?.strip_prefix(": ")).unwrap_or(message);
    let syntax =
        code.is_some_and(|code| re!(r"(?i)^(?:invalid-|parse|e999$|.*syntax-?error)").is_match(code));
    let category = if syntax { Category::Syntax } else { Category::Lint };
    let spoken = source.or_else(|| speaker(item, code));
    let known = spoken.and_then(|name| registry::tools().map(|tool| tool.name).find(|tool| *tool == name));
    let mut finding = FindingBuilder::new(known.unwrap_or("lint"), category, message)
        .at(file, Some(line), count(item, COLUMNS))
        .severity(level(item));
    if known.is_none() {
        finding.speaker = spoken.map(str::to_owned);
    }
    finding.code = code.map(str::to_owned);
    // What such documents are printed for is to fail.
    finding.counts = finding.severity == Severity::Warning;
    Some(finding.fallback())
}

/// Whose record it is, as its own keys, its rule or the rule's page say.
fn speaker<'v>(item: &Value, code: Option<&'v str>) -> Option<&'v str> {
    let has = |key: &str| item.get(key).is_some();
    let page = text(item, &["/code/url", "/url", "/more_info", "/docs"]).unwrap_or_default();
    let code = code.unwrap_or_default();
    if has("messageId") && has("symbol") {
        Some("pylint")
    } else if has("issue_text") {
        Some("bandit")
    } else if page.contains("/ruff/") {
        Some("ruff")
    } else if re!(r"^(?:lint|parse|format|assist)/\w+").is_match(code) {
        Some("biome")
    } else if re!(r"^\w[\w-]*\([\w/-]+\)$").is_match(code) {
        Some("oxlint")
    } else {
        None
    }
}

fn level(item: &Value) -> Severity {
    match text(item, &["/severity", "/level", "/type", "/issue_severity"]).map(str::to_lowercase).as_deref() {
        // GitLab's.
        Some("minor") => Severity::Warning,
        Some("blocker" | "critical" | "major") => Severity::Error,
        word => severity(word),
    }
}
