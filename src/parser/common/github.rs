//! The runner's own words: `##[error]…` and `::error file=…,line=…::…`; those of Azure's, `##vso[task.logissue …]…`.

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Category, Severity};

pub(super) const TOOL: Tool = Tool {
    name: "github-actions",
    triggers: &[
        r"^::(?:error|warning)(?: [^:].*)?::",
        r"^##vso\[task\.logissue type=",
        r"^Process completed with exit code [1-9]",
        r"^The (?:operation was canceled|job running on runner|runner has received a shutdown)",
    ],
    new: |_| Box::new(Github),
};

struct Github;

impl ToolParser for Github {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if text.starts_with("Process completed") {
            out.failed();
            out.step_failed = true;
            out.bug(FindingBuilder::new("github-actions", Category::Unknown, text).consequence());
            return Response::Consumed(Next::Finished);
        }
        if let Some(c) = re!(r"^##vso\[task\.logissue ([^\]]*)\](.*)$").captures(text) {
            let property = |name: &str| {
                c[1].split(';')
                    .find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
            };
            let mut finding = FindingBuilder::new("lint", Category::Lint, &c[2]).fallback();
            if property("type").as_deref() == Some("warning") {
                finding = finding.severity(Severity::Warning);
            }
            if let Some(file) = property("sourcepath") {
                let at = |name| property(name).and_then(|v| number(&v));
                finding = finding.at(&file, at("linenumber"), at("columnnumber"));
            }
            finding.code = property("code");
            out.bug(finding);
            return Response::Consumed(Next::Finished);
        }
        let Some(c) = re!(r"^::(error|warning)(?: (.*?))?::(.*)$").captures(text) else {
            let category = if text.contains("exceeded the maximum execution time") {
                Category::Timeout
            } else {
                Category::Environment
            };
            out.bug(FindingBuilder::new("github-actions", category, text));
            return Response::Consumed(Next::Finished);
        };
        let severity = if &c[1] == "error" { Severity::Error } else { Severity::Warning };
        let unescaped = |s: &str| {
            s.replace("%0A", "\n")
                .replace("%0D", "")
                .replace("%3A", ":")
                .replace("%2C", ",")
                .replace("%25", "%")
        };
        let message = unescaped(&c[3]);
        let asserted = re!(r"^(?:\w*Assert\w*(?:Error|Exception)|expect\()").is_match(&message);
        let category = if asserted { Category::Logic } else { Category::Lint };
        let mut finding =
            FindingBuilder::new("github-actions", category, message).severity(severity).fallback();
        let property = |name: &str| {
            c.get(2)?
                .as_str()
                .split(',')
                .find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('=').map(unescaped))
        };
        if let Some(file) = property("file") {
            let at = |name| property(name).and_then(|v| number(&v));
            finding = finding.at(&file, at("line"), at("col"));
            finding.end_line = at("endLine");
            finding.end_column = at("endColumn");
        }
        finding.code = property("title");
        out.bug(finding);
        Response::Consumed(Next::Finished)
    }
}

#[cfg(test)]
mod tests {
    use crate::contract::bug::{Category, Severity};
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn azures_commands_are_read() {
        let log = "##vso[task.logissue type=warning;sourcepath=/home/runner/work/app/app/src/a.x;linenumber=3;columnnumber=7;code=X12;]too long\n";
        let bug = &diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs[0];
        assert_eq!((bug.file.as_deref(), bug.line, bug.column), (Some("src/a.x"), Some(3), Some(7)));
        assert_eq!((bug.code.as_deref(), bug.message.as_str()), (Some("X12"), "too long"));
        assert_eq!(bug.severity, Severity::Warning);
    }

    #[test]
    fn an_annotated_assertion_is_a_tests() {
        let category = |said: &str| {
            let log = format!("::error file=a.test.js,line=4::{said}\n");
            diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs[0].category
        };
        assert_eq!(category("AssertionError: expected 2 to be 3"), Category::Logic);
        assert_eq!(category("no semicolon"), Category::Lint);
    }
}
