//! What linters, type checkers and test runners print as JSON: told apart by their keys, read under their own names.

use serde_json::Value;

use super::super::findings::{FindingBuilder, Findings, TestOutcome, location, number};
use super::super::lines::{Line, MAX_LINE};
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser, read_by_another};
use super::records;
use crate::contract::bug::{Category, Severity};

pub(super) const TOOL: Tool = Tool {
    name: "json",
    triggers: &[
        r"^[\[{]$",
        r#"^\[?\{ ?".*"(message|messages|text|testResults|generalDiagnostics|diagnostics|offenses|issue_text|FromLinter|check_id|path|file|filename|fullTitle)":"#,
    ],
    new: |_| Box::new(Json::default()),
};

/// Named by their findings alone.
pub(super) const SEMGREP: Tool = read_by_another("semgrep");

/// Bytes kept of one document.
const MAX_TEXT: usize = 4 * MAX_LINE;
/// Lines after which a document without any key of a finding is another's.
const PATIENCE: u64 = 200;
/// Ends that are tried of a document that is not laid out by depth.
const MAX_TRIES: u8 = 8;
/// Words of which one stands early in every document that is read here.
const KEYS: [&str; 16] = [
    "\"message\"",
    "\"messages\"",
    "\"warnings\"",
    "\"testResults\"",
    "\"generalDiagnostics\"",
    "\"diagnostics\"",
    "\"offenses\"",
    "\"issue_text\"",
    "\"FromLinter\"",
    "\"check_id\"",
    "\"suites\"",
    "\"nodeid\"",
    "\"message-id\"",
    "\"filename\"",
    "\"path\"",
    "\"fullTitle\"",
];

#[derive(Default)]
struct Json {
    text: String,
    first: u64,
    known: bool,
    /// It began with more than its bracket: where it ends is to be tried, so many times more.
    ragged: Option<u8>,
}

impl ToolParser for Json {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if self.text.is_empty() {
            if text.len() > 1 && text.ends_with(',') && text.starts_with('{') {
                self.first = line.number;
                text.clone_into(&mut self.text);
                (self.known, self.ragged) = (true, Some(MAX_TRIES));
                return Response::Declined(Next::Active);
            }
            if text.len() > 1 {
                return if read(text, line.number, line.number, out) {
                    Response::Consumed(Next::Idle)
                } else {
                    Response::Declined(Next::Idle)
                };
            }
            self.first = line.number;
            text.clone_into(&mut self.text);
            (self.known, self.ragged) = (false, None);
            return Response::Declined(Next::Active);
        }
        let (open, close) = if self.text.starts_with('[') { ('[', "]") } else { ('{', "}") };
        // A document begins anew: the one before it was none.
        let anew = text.len() == 1 && text.starts_with(open);
        self.known |= KEYS.iter().any(|key| text.contains(key));
        let lost = !self.known && line.number > self.first + PATIENCE;
        if anew || lost || self.text.len() + text.len() > MAX_TEXT {
            self.text.clear();
            return Response::Declined(Next::Idle);
        }
        self.text.push('\n');
        self.text.push_str(text);
        if let Some(left) = self.ragged {
            if text.trim_start() != close {
                return Response::Declined(Next::Active);
            }
            let read = read(&self.text, self.first, line.number, out);
            self.ragged = left.checked_sub(1);
            if read || self.ragged.is_none() {
                self.text.clear();
                return Response::Declined(Next::Idle);
            }
            return Response::Declined(Next::Active);
        }
        if text == close || text == "]}" || open == '{' && text.starts_with(']') && text.ends_with('}') {
            let whole = std::mem::take(&mut self.text);
            read(&whole, self.first, line.number, out);
            return Response::Declined(Next::Idle);
        }
        Response::Declined(Next::Active)
    }
}

/// Reports what a document says; false where it is none that is known.
fn read(text: &str, first: u64, last: u64, out: &mut Findings) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return false };
    let mut found = Vec::new();
    match &value {
        Value::Array(items) => {
            for item in items {
                match of_file(item) {
                    Some(more) => found.extend(more),
                    None => found.extend(flat(item)),
                }
            }
        }
        Value::Object(_) => of_document(&value, &mut found, out),
        _ => {}
    }
    if found.is_empty() {
        found = records::read(&value);
    }
    let any = !found.is_empty();
    for finding in found {
        out.bug(finding.span(first, last));
    }
    any
}

fn of_document(value: &Value, found: &mut Vec<FindingBuilder>, out: &mut Findings) {
    let list = |key: &str| value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for item in list("generalDiagnostics") {
        found.extend(pyright(item));
    }
    for item in list("diagnostics") {
        found.extend(oxlint(item));
    }
    for item in list("files") {
        found.extend(of_file(item).unwrap_or_default());
    }
    for item in list("testResults") {
        of_jest(item, found, out);
    }
    for item in list("results") {
        found.extend(flat(item));
    }
    for item in list("Issues") {
        found.extend(flat(item));
    }
    for item in list("suites") {
        of_playwright(item, found, out, 0);
    }
    for item in list("tests") {
        found.extend(of_pytest(item, out));
    }
    for item in list("failures") {
        found.extend(of_mocha(item, out));
    }
    if found.is_empty() {
        found.extend(flat(value));
    }
}

pub(super) fn text<'v>(value: &'v Value, pointers: &[&str]) -> Option<&'v str> {
    pointers.iter().find_map(|pointer| value.pointer(pointer)?.as_str())
}

pub(super) fn count(value: &Value, pointers: &[&str]) -> Option<u32> {
    pointers.iter().find_map(|pointer| u32::try_from(value.pointer(pointer)?.as_u64()?).ok())
}

pub(super) fn severity(word: Option<&str>) -> Severity {
    match word.unwrap_or("error").to_ascii_lowercase().as_str() {
        "warning" | "warn" | "convention" | "refactor" | "medium" | "advice" => Severity::Warning,
        "info" | "note" | "style" | "hint" | "information" | "low" => Severity::Info,
        _ => Severity::Error,
    }
}

/// ESLint's, Stylelint's and RuboCop's: a file and its findings.
fn of_file(item: &Value) -> Option<Vec<FindingBuilder>> {
    let (tool, list, file) = if let Some(file) = text(item, &["/filePath"]) {
        ("eslint", item.get("messages")?, file)
    } else if let Some(file) = text(item, &["/source"]) {
        ("stylelint", item.get("warnings")?, file)
    } else {
        ("rubocop", item.get("offenses")?, text(item, &["/path"])?)
    };
    let read = |one: &Value| {
        let message = text(one, &["/message", "/text"])?;
        let line = count(one, &["/line", "/location/start_line", "/location/line"]);
        let column = count(one, &["/column", "/location/start_column", "/location/column"]);
        let fatal = one.get("fatal").and_then(Value::as_bool) == Some(true);
        let category = if fatal || text(one, &["/rule"]) == Some("CssSyntaxError") {
            Category::Syntax
        } else {
            Category::Lint
        };
        let level = match one.get("severity").and_then(Value::as_u64) {
            Some(1) => Severity::Warning,
            Some(_) => Severity::Error,
            None => severity(text(one, &["/severity"])),
        };
        let mut finding = FindingBuilder::new(tool, category, message).at(file, line, column).severity(level);
        finding.code = text(one, &["/ruleId", "/rule", "/cop_name"]).map(str::to_owned);
        finding.end_line = count(one, &["/endLine", "/location/last_line"]).filter(|end| Some(*end) > line);
        // RuboCop fails for whatever it names.
        finding.counts = tool == "rubocop";
        Some(finding)
    };
    Some(list.as_array()?.iter().filter_map(read).collect())
}

fn pyright(item: &Value) -> Option<FindingBuilder> {
    let at = |pointer| count(item, &[pointer]).and_then(|from_zero| from_zero.checked_add(1));
    let rule = text(item, &["/rule"]);
    let category = match rule {
        Some("reportMissingImports" | "reportMissingModuleSource" | "reportAttributeAccessIssue")
            if item.get("message").is_some_and(|m| m.as_str().is_some_and(|m| m.contains("import"))) =>
        {
            Category::Import
        }
        _ => Category::Type,
    };
    let (file, message) = (text(item, &["/file"])?, text(item, &["/message"])?);
    let mut finding = FindingBuilder::new("pyright", category, message)
        .at(file, at("/range/start/line"), at("/range/start/character"))
        .severity(severity(text(item, &["/severity"])));
    finding.code = rule.map(str::to_owned);
    Some(finding)
}

fn oxlint(item: &Value) -> Option<FindingBuilder> {
    let (file, message) = (text(item, &["/filename"])?, text(item, &["/message"])?);
    let code = text(item, &["/code"]);
    let category = if code.is_some() { Category::Lint } else { Category::Syntax };
    let mut finding = FindingBuilder::new("oxlint", category, message)
        .at(file, count(item, &["/labels/0/span/line"]), count(item, &["/labels/0/span/column"]))
        .severity(severity(text(item, &["/severity"])));
    finding.code = code.map(str::to_owned);
    Some(finding)
}

/// One finding with its place: Ruff, mypy, pylint, ShellCheck, hadolint, Bandit, Semgrep, golangci-lint.
fn flat(item: &Value) -> Option<FindingBuilder> {
    let file = text(item, &["/file", "/path", "/filename", "/Pos/Filename"])?;
    let line = count(item, &["/line", "/location/row", "/line_number", "/start/line", "/Pos/Line"])?;
    let mut column = count(item, &["/column", "/location/column", "/start/col", "/Pos/Column"]);
    let message = text(item, &["/message", "/issue_text", "/extra/message", "/Text"])?;
    let code = text(item, &["/code", "/message-id", "/test_id", "/check_id", "/FromLinter"]);
    let has = |key: &str| item.get(key).is_some();
    let tool = if has("message-id") || has("symbol") && has("module") {
        "pylint"
    } else if has("noqa_row") || has("cell") && has("fix") {
        "ruff"
    } else if has("issue_text") {
        "bandit"
    } else if has("FromLinter") {
        "golangci-lint"
    } else if has("check_id") {
        "semgrep"
    } else if has("level") && item.get("code").is_some_and(Value::is_u64) {
        "shellcheck"
    } else if has("level") && code.is_some_and(|code| code.starts_with("DL") || code.starts_with("SC")) {
        "hadolint"
    } else if has("hint") && has("severity") {
        "mypy"
    } else {
        return None;
    };
    let category = match (tool, code) {
        ("mypy", Some("import-not-found" | "import-untyped" | "import")) => Category::Import,
        ("mypy", Some("syntax")) | ("pylint", Some("E0001")) => Category::Syntax,
        ("ruff", None | Some("invalid-syntax")) => Category::Syntax,
        ("pylint", Some("E0401" | "E0611")) => Category::Import,
        ("mypy", _) => Category::Type,
        _ => Category::Lint,
    };
    if tool == "mypy" {
        // mypy counts from 0 here.
        column = column.and_then(|from_zero| from_zero.checked_add(1));
    }
    let level =
        text(item, &["/level", "/severity", "/type", "/issue_severity", "/extra/severity", "/Severity"]);
    let level = level.filter(|word| !word.is_empty());
    let mut finding =
        FindingBuilder::new(tool, category, message).at(file, Some(line), column).severity(severity(level));
    finding.code = match item.get("code").and_then(Value::as_u64) {
        Some(number) if tool == "shellcheck" => Some(format!("SC{number}")),
        _ => code.map(str::to_owned),
    };
    finding.end_line = count(item, &["/endLine", "/end_location/row", "/end/line"]).filter(|end| *end > line);
    // Each of them fails for whatever it names.
    finding.counts = tool != "mypy" && tool != "golangci-lint";
    Some(finding)
}

/// Jest's and Vitest's: a file and its tests.
fn of_jest(item: &Value, found: &mut Vec<FindingBuilder>, out: &mut Findings) {
    let Some(file) = text(item, &["/name"]) else { return };
    let tests = item.get("assertionResults").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // Vitest leaves out what Jest counts.
    let tool = if item.get("summary").is_some() { "jest" } else { "vitest" };
    for test in tests {
        let Some(name) = text(test, &["/fullName", "/title"]) else { continue };
        let ran = match text(test, &["/status"]) {
            Some("passed") => TestOutcome::Passed,
            Some("failed") => TestOutcome::Failed,
            _ => TestOutcome::Skipped,
        };
        out.test(tool, name, ran);
        if ran != TestOutcome::Failed {
            continue;
        }
        let said = text(test, &["/failureMessages/0"]).unwrap_or("the test failed");
        found.push(of_stack(tool, name, said, file));
    }
    if tests.is_empty() && text(item, &["/status"]) == Some("failed") {
        let message = text(item, &["/message"]).unwrap_or("the file could not be run");
        let mut finding = of_stack(tool, "", message, file);
        finding.category = Category::Runtime;
        finding.test = None;
        found.push(finding);
    }
}

/// The failure of a test whose stack is part of its message.
fn of_stack(tool: &'static str, test: &str, said: &str, file: &str) -> FindingBuilder {
    let message: Vec<&str> = said.lines().take_while(|line| !line.trim_start().starts_with("at ")).collect();
    let mut finding = FindingBuilder::new(tool, Category::Logic, message.join("\n")).test(test);
    for frame in said.lines().filter(|line| line.trim_start().starts_with("at ")).take(100) {
        if let Some(c) = re!(r"\(?(?:file://)?((?:[A-Za-z]:)?[^\s():]+):(\d+):(\d+)\)?$").captures(frame) {
            finding.frames.push(location(&c[1], number(&c[2]), number(&c[3])));
        }
    }
    finding.frames.push(location(file, None, None));
    finding
}

/// Suites lie in each other.
fn of_playwright(suite: &Value, found: &mut Vec<FindingBuilder>, out: &mut Findings, depth: u8) {
    let list = |key: &str| suite.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for spec in list("specs") {
        let (Some(title), Some(ok)) = (text(spec, &["/title"]), spec.get("ok").and_then(Value::as_bool))
        else {
            continue;
        };
        out.test("playwright", title, if ok { TestOutcome::Passed } else { TestOutcome::Failed });
        if ok {
            continue;
        }
        let error = "/tests/0/results/0/error";
        let said = text(spec, &["/tests/0/results/0/error/message"]).unwrap_or("the test failed");
        let place = |part: &str| format!("{error}/location/{part}");
        let file = text(spec, &[&place("file"), "/file"]).unwrap_or_default();
        let line = count(spec, &[&place("line"), "/line"]);
        let column = count(spec, &[&place("column"), "/column"]);
        let said = re!(r"\x1b\[[0-9;]*m").replace_all(said, "").into_owned();
        found.push(
            FindingBuilder::new("playwright", Category::Logic, said).test(title).at(file, line, column),
        );
    }
    for inner in list("suites").iter().filter(|_| depth < 20) {
        of_playwright(inner, found, out, depth + 1);
    }
}

/// Mocha's.
fn of_mocha(test: &Value, out: &mut Findings) -> Option<FindingBuilder> {
    let (name, stack) =
        (text(test, &["/fullTitle", "/title"])?, text(test, &["/err/stack", "/err/message"])?);
    out.test("mocha", name, TestOutcome::Failed);
    Some(of_stack("mocha", name, stack, text(test, &["/file"]).unwrap_or_default()))
}

/// pytest-json-report's.
fn of_pytest(test: &Value, out: &mut Findings) -> Option<FindingBuilder> {
    let id = text(test, &["/nodeid"])?;
    let ran = match text(test, &["/outcome"])? {
        "passed" => TestOutcome::Passed,
        "failed" | "error" => TestOutcome::Failed,
        _ => TestOutcome::Skipped,
    };
    out.test("pytest", id, ran);
    if ran != TestOutcome::Failed {
        return None;
    }
    let crash = ["/call/crash", "/setup/crash", "/teardown/crash"].iter().find_map(|at| test.pointer(at))?;
    let message = text(crash, &["/message"]).unwrap_or("the test failed");
    Some(FindingBuilder::new("pytest", Category::Logic, message).test(id).at(
        text(crash, &["/path"])?,
        count(crash, &["/lineno"]),
        None,
    ))
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    /// Tool, file, line, column, code, message.
    type Report = (String, Option<String>, Option<u32>, Option<u32>, Option<String>, String);

    fn read(log: &str) -> Vec<Report> {
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        bugs.into_iter()
            .map(|bug| (bug.tool, bug.file, bug.line, bug.column, bug.code, bug.message))
            .collect()
    }

    fn want(tool: &str, column: Option<u32>, code: &str) -> Vec<Report> {
        let some = |text: &str| Some(text.to_owned());
        vec![(tool.to_owned(), some("src/a.x"), Some(3), column, some(code), "too long".to_owned())]
    }

    #[test]
    fn documents_of_any_tool_are_read_by_their_keys() {
        let gitlab = |place: &str| {
            format!(
                "[\n  {{\n    \"check_name\": \"X12\",\n    \"description\": \"X12: too long\",\n    \"severity\": \"major\",\n    \"location\": {{\"path\": \"src/a.x\", {place}}}\n  }}\n]"
            )
        };
        let positions = "\"positions\": {\"begin\": {\"line\": 3, \"column\": 7}}";
        assert_eq!(read(&gitlab(positions)), want("lint", Some(7), "X12"));
        assert_eq!(read(&gitlab("\"lines\": {\"begin\": 3}")), want("lint", None, "X12"));
        let reviewdog = "{\n  \"source\": {\"name\": \"Frobcheck\"},\n  \"diagnostics\": [\n    {\n      \"code\": {\"value\": \"X12\"},\n      \"location\": {\"path\": \"src/a.x\", \"range\": {\"start\": {\"line\": 3, \"column\": 7}}},\n      \"message\": \"too long\"\n    }\n  ]\n}";
        assert_eq!(read(reviewdog), want("frobcheck", Some(7), "X12"));
        let by_file = "{\n  \"files\": {\"src/a.x\": {\"errors\": [{\"line\": 3, \"rule\": \"x/long\", \"msg\": \"too long\"}]}}\n}";
        assert_eq!(
            read(by_file.replace("\"files\"", "\"path\": 1,\n  \"files\"").as_str()),
            want("lint", None, "x/long")
        );
        let pylint = "{\n  \"messages\": [\n    {\"type\": \"warning\", \"symbol\": \"x\", \"message\": \"too long\", \"messageId\": \"W0611\", \"line\": 3, \"path\": \"src/a.x\"}\n  ]\n}";
        assert_eq!(read(pylint)[0].0, "pylint");
    }

    #[test]
    fn documents_that_name_no_line_of_the_repositorys_are_none() {
        for log in [
            "{\n  \"message\": \"started\",\n  \"path\": \"node_modules/a/b.js\",\n  \"line\": 3\n}",
            "{\"level\": \"info\", \"file\": \"src/a.x\", \"line\": 3, \"message\": \"started\"}",
            "{\n  \"name\": \"app\",\n  \"path\": \"src/a.x\",\n  \"description\": \"an app\"\n}",
        ] {
            assert_eq!(read(log), [], "{log}");
        }
    }

    #[test]
    fn mochas_failures_are_read_by_their_stacks() {
        let log = "{\n  \"stats\": {\"tests\": 1},\n  \"failures\": [\n    {\"title\": \"adds\", \"fullTitle\": \"sums adds\", \"file\": \"/home/runner/work/app/app/test/a.js\", \"err\": {\"stack\": \"AssertionError: no\\n    at f (/home/runner/work/app/app/test/a.js:5:7)\"}}\n  ]\n}";
        let found = read(log);
        let at = (found[0].0.as_str(), found[0].1.as_deref(), found[0].2);
        assert_eq!(at, ("mocha", Some("test/a.js"), Some(5)));
    }
}
