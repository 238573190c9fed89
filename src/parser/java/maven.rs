//! Maven itself: compiler rows, broken POMs, the enforcer, what cannot be resolved, and which goal failed; and
//! Checkstyle, whose rows have the same shape.
//!
//! Maven prints errors twice: as they come, and behind `Failed to execute goal`. The second time is left out.

use std::collections::BTreeSet;

use super::javac::{category, hints};
use super::stack::path_of;
use super::surefire::unlevel;
use crate::contract::bug::{Category, Severity};
use crate::parser::findings::{FindingBuilder, Findings, location, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

/// Detail lines kept of one message.
const MAX_DETAILS: usize = 8;

pub(super) const MAVEN: Tool = Tool {
    name: "maven",
    triggers: &[
        r"^([0-9:.,]+ +)?\[(ERROR|FATAL|WARNING)\] \S.*(\.(java|kt|kts|groovy|scala)|\.xml\b|:\[[0-9]|PMD |Rule [0-9])",
        r"^\[(ERROR|FATAL)\] (\[(ERROR|FATAL)\]|Failed to execute goal|Unknown lifecycle|The goal you specified|No plugin found|Plugin |Unresolveable|Error resolving|Could not find|Non-|Malformed|'|The project |  The project |    |Rule|Child module|Unable to)",
        r"^\[INFO\] BUILD (SUCCESS|FAILURE)$",
        r"^\[ERROR\] (High|Medium|Low): ",
        r"^BUILD (SUCCESSFUL|FAILED)$",
    ],
    new: |_| Box::new(Maven::default()),
};

pub(super) const CHECKSTYLE: Tool = Tool {
    name: "checkstyle",
    triggers: &[
        r"^\[(ERROR|WARN)\] \S.*\.[a-z]+:[0-9]+(:[0-9]+)?: .* \[[A-Za-z]+\]$",
        r"^\[(ERROR|WARNING|WARN)\] \S.*:\[[0-9]+(,[0-9]+)?\] \([a-z]+\) [A-Z][A-Za-z]+: ",
        r"^Checkstyle ends with [0-9]+ errors?",
    ],
    new: |_| Box::new(Checkstyle),
};

#[derive(Default)]
struct Maven {
    open: Option<FindingBuilder>,
    details: usize,
    reported: BTreeSet<(String, Option<u32>, Option<u32>)>,
    /// Broken POMs told before their file is named.
    nameless: Vec<FindingBuilder>,
    rule: Option<FindingBuilder>,
}

impl Maven {
    fn close(&mut self, out: &mut Findings) {
        self.details = 0;
        if let Some(finding) = self.open.take() {
            out.bug(hints(finding, None));
        }
        if let Some(finding) = self.rule.take() {
            out.bug(finding);
        }
    }

    fn row(&mut self, level: &str, body: &str, line_number: u64, out: &mut Findings) -> bool {
        let row = re!(
            r"^((?:file:/+)?(?:[A-Za-z]:)?[^:\[\]]+\.(?:java|kts?|groovy|scala|aj)):(?:\[(\d+)(?:,(\d+))?\]| \((\d+), (\d+)\):?|(\d+)(?::(\d+))?:?) (?:(error|warning): )?(?:\[([\w-]+)\] )?(.*)$"
        );
        let Some(found) = row.captures(body) else { return false };
        self.close(out);
        let n = |ats: [usize; 3]| ats.iter().find_map(|at| found.get(*at)).and_then(|m| number(m.as_str()));
        let severity = if level == "ERROR" { Severity::Error } else { Severity::Warning };
        let message = &found[10];
        let finding = FindingBuilder::new("maven", category(message, severity), message)
            .at(&found[1], n([2, 4, 6]), n([3, 5, 7]))
            .severity(severity)
            .span(line_number, line_number);
        let location = finding.location.clone().unwrap_or_else(|| location("", None, None));
        // Several errors may stand at one place; the repetition brings them in the same words.
        let key = (format!("{}\n{message}", location.file), location.line, location.column);
        let again = !self.reported.insert(key);
        let finding = match found.get(9) {
            Some(code) => finding.code(code.as_str()),
            None => finding,
        };
        self.open = Some(finding);
        if again {
            // Kept open so that its details are not taken for something else, and then dropped.
            self.open = None;
        }
        true
    }

    fn detail(&mut self, text: &str, line_number: u64) -> bool {
        if !(text.starts_with("  ") || text.starts_with('\t')) || text.trim().is_empty() {
            return false;
        }
        let Some(finding) = self.open.as_mut().filter(|_| self.details < MAX_DETAILS) else { return false };
        self.details += 1;
        if !text.trim_start().starts_with("(see http") {
            finding.message.push('\n');
            finding.message.push_str(text.trim());
        }
        finding.log.last = line_number;
        true
    }

    /// A POM that cannot be read or makes no sense.
    fn pom(&mut self, body: &str, line_number: u64, out: &mut Findings) -> bool {
        let body = body.trim();
        if let Some(found) =
            re!(r"(Non-parseable|Non-readable|Malformed) POM (.+?\.xml): (.*)$").captures(body)
        {
            let at = re!(r"@(\d+):(\d+)\)?").captures(&found[3]);
            let n = |i: usize| at.as_ref().and_then(|a| number(&a[i]));
            if self.reported.insert((found[2].to_owned(), n(1), n(2))) {
                let message = format!("{} POM: {}", &found[1], &found[3]);
                out.bug(
                    FindingBuilder::new("maven", Category::Configuration, message)
                        .at(&found[2], n(1), n(2))
                        .span(line_number, line_number),
                );
            }
            return true;
        }
        if let Some(found) = re!(r"^(.*) @ (?:.*?, (\S+\.xml), )?line (\d+), column (\d+)$").captures(body) {
            let (line, column) = (number(&found[3]), number(&found[4]));
            if self.reported.insert((found[1].to_owned(), line, column)) {
                let file = found.get(2).map(|m| m.as_str());
                let finding = FindingBuilder::new("maven", Category::Configuration, &found[1])
                    .span(line_number, line_number);
                let finding = finding.at(file.unwrap_or("pom.xml"), line, column);
                if file.is_some() { out.bug(finding) } else { self.nameless.push(finding) }
            }
            return true;
        }
        if let Some(found) = re!(r"^The project .*\((.+?)\) has \d+ errors?$").captures(body) {
            for mut finding in self.nameless.drain(..) {
                if let Some(location) = &mut finding.location {
                    found[1].clone_into(&mut location.file);
                }
                out.bug(finding);
            }
            return true;
        }
        false
    }

    /// `Failed to execute goal …: why`.
    fn goal(&mut self, body: &str, out: &mut Findings) {
        let message = body.split(" -> [Help").next().unwrap_or(body).trim();
        let kind = if unresolved(message) { resolution_category(message) } else { Category::Configuration };
        let why = message.split_once(": ").map_or(message, |(_, why)| why);
        let finding = FindingBuilder::new("maven", kind, why);
        if unresolved(message) {
            out.bug(finding);
        } else {
            let category = if message.contains("Compilation failure") {
                Category::Type
            } else if message.contains("test failures")
                || message.contains("surefire")
                || message.contains("failsafe")
            {
                Category::Logic
            } else if message.contains("checkstyle")
                || message.contains("pmd")
                || message.contains("spotbugs")
            {
                Category::Lint
            } else if message.contains("spotless")
                || message.contains("fmt-maven")
                || message.contains("format")
            {
                Category::Format
            } else {
                Category::Configuration
            };
            out.bug(FindingBuilder { category, ..finding }.consequence());
        }
    }

    /// What other analysers print through Maven.
    fn analyser(&mut self, level: &str, body: &str, out: &mut Findings) -> bool {
        if let Some(found) =
            re!(r"^(?:High|Medium|Low): (.*) \[([\w.$]+).*?\] (?:At|In) ([\w$]+\.\w+)(?::\[lines? (\d+))?.*\] (\w+)$").captures(body)
        {
            let line = found.get(4).and_then(|m| number(m.as_str()));
            let finding = FindingBuilder::new("maven", Category::Lint, &found[1]).at(&path_of(&found[2], &found[3]), line, None);
            out.bug(finding.code(&found[5]));
            return true;
        }
        if let Some(found) =
            re!(r"^PMD Failure: ([\w.$]+):(\d+) Rule:(\w+) Priority:\d+ (.*?)\.?$").captures(body)
        {
            let file = super::stack::file_of_class(&found[1]);
            let severity = if level == "INFO" { Severity::Warning } else { Severity::Error };
            let finding =
                FindingBuilder::new("maven", Category::Lint, &found[4]).at(&file, number(&found[2]), None);
            out.bug(finding.code(&found[3]).severity(severity));
            return true;
        }
        false
    }
}

/// `Rule 0: org.apache….RequireUpperBoundDeps failed with message:`
fn enforcer_rule(body: &str) -> Option<FindingBuilder> {
    let found = re!(r"^Rule \d+: ([\w.$]+) failed with message:?$").captures(body)?;
    let name = found[1].rsplit('.').next().unwrap_or_default().to_owned();
    let about =
        ["Dependency", "Convergence", "UpperBound", "Banned", "Duplicate"].iter().any(|w| name.contains(w));
    let kind = if about { Category::Dependency } else { Category::Configuration };
    Some(FindingBuilder::new("maven", kind, format!("{name} failed")).code(name))
}

/// What Maven says when it does not even begin.
fn refused(body: &str) -> Option<FindingBuilder> {
    let of_maven = [
        "Unknown lifecycle phase",
        "The goal you specified requires",
        "No plugin found for prefix",
        "Could not find the selected project",
        "Child module ",
        "Unable to ",
    ];
    let message = body.split(" -> [Help").next().unwrap_or(body).trim();
    let starts = |starts: &[&str]| starts.iter().any(|start| message.starts_with(start));
    if starts(&of_maven) {
        return Some(FindingBuilder::new("maven", Category::Configuration, message));
    }
    (unresolved(message) && starts(&["Plugin ", "Unresolveable", "Error resolving"]))
        .then(|| FindingBuilder::new("maven", resolution_category(message), message))
}

fn unresolved(message: &str) -> bool {
    [
        "Could not resolve dependencies",
        "could not be resolved",
        "Could not find artifact",
        "Could not transfer",
        "Failure to find",
        "Error resolving",
        "Unresolveable",
        "Failed to collect dependencies",
        "No versions available",
    ]
    .iter()
    .any(|w| message.contains(w))
}

fn resolution_category(message: &str) -> Category {
    let network = [
        "Connection refused",
        "Connection timed out",
        "Connection reset",
        "UnknownHost",
        "Unknown host",
        "Temporary failure in name resolution",
        "timed out",
        "PKIX path",
        "status code: 50",
        "Name or service not known",
        "Network is unreachable",
    ];
    if network.iter().any(|w| message.contains(w)) { Category::Environment } else { Category::Dependency }
}

impl ToolParser for Maven {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let mut text = line.text.trim_end();
        // Build servers put the time before the level.
        if let Some(found) = re!(r"^[\d:.,]+ +(\[(?:ERROR|WARNING|FATAL|INFO)\] .*)$").captures(text) {
            text = found.get(1).map_or(text, |m| m.as_str());
        }
        if let Some(result) = text.strip_prefix("[INFO] BUILD ").or_else(|| text.strip_prefix("BUILD ")) {
            self.close(out);
            if result.starts_with("SUCCESS") {
                out.succeeded();
            } else {
                out.failed();
            }
            return Response::Consumed(Next::Idle);
        }
        let Some((level, body)) = unlevel(text) else {
            if self.detail(text, line.number) {
                return Response::Consumed(Next::Active);
            }
            if let Some(rule) = self.rule.as_mut().filter(|_| self.details < MAX_DETAILS * 2) {
                if !text.is_empty() {
                    self.details += 1;
                    rule.message.push('\n');
                    rule.message.push_str(text);
                    rule.log.last = line.number;
                }
                return Response::Consumed(Next::Active);
            }
            self.close(out);
            return Response::Declined(Next::Idle);
        };
        let (level, body) = unlevel(body).unwrap_or((level, body));
        if checkstyle(body).is_some() {
            self.close(out);
            return Response::Declined(Next::Active);
        }
        if self.row(level, body, line.number, out) {
            return Response::Consumed(Next::Active);
        }
        if level == "ERROR" && self.detail(body, line.number) {
            return Response::Consumed(Next::Active);
        }
        if let Some(rule) = enforcer_rule(body) {
            self.close(out);
            self.rule = Some(rule.span(line.number, line.number));
            return Response::Consumed(Next::Active);
        }
        self.close(out);
        if matches!(level, "ERROR" | "FATAL" | "WARNING") && self.pom(body, line.number, out) {
            return Response::Consumed(Next::Active);
        }
        if self.analyser(level, body, out) {
            return Response::Consumed(Next::Idle);
        }
        if level != "ERROR" && level != "FATAL" {
            return Response::Declined(Next::Idle);
        }
        if body.starts_with("Failed to execute goal") {
            self.goal(body, out);
            return Response::Consumed(Next::Active);
        }
        if let Some(finding) = refused(body) {
            out.bug(finding);
            return Response::Consumed(Next::Idle);
        }
        Response::Declined(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
        for finding in self.nameless.drain(..) {
            out.bug(finding);
        }
    }
}

/// The plugin's rows, `a.java:[3,5] (naming) MethodName: …`, and the command's, `a.java:3:5: … [MethodName]`: place,
/// rule, words.
fn checkstyle(body: &str) -> Option<(regex::Captures<'_>, String, String)> {
    if let Some(found) = re!(r"^(.+?):\[(\d+)(?:,(\d+))?\] \([a-z]+\) ([A-Z]\w+): (.*)$").captures(body) {
        let (code, message) = (found[4].to_owned(), found[5].to_owned());
        return Some((found, code, message));
    }
    let found = re!(r"^(.+?\.\w+):(\d+)(?::(\d+))?: (.*) \[([A-Z]\w+)\]$").captures(body)?;
    let (code, message) = (found[5].to_owned(), found[4].to_owned());
    Some((found, code, message))
}

struct Checkstyle;

impl ToolParser for Checkstyle {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        let Some((level, body)) = unlevel(text) else {
            return if text.starts_with("Checkstyle ends with") {
                out.failed();
                Response::Consumed(Next::Idle)
            } else {
                Response::Declined(Next::Idle)
            };
        };
        let Some((found, code, message)) = checkstyle(body) else { return Response::Declined(Next::Idle) };
        let severity = if level == "ERROR" { Severity::Error } else { Severity::Warning };
        let column = found.get(3).and_then(|m| number(m.as_str()));
        out.bug(
            FindingBuilder::new("checkstyle", Category::Lint, message)
                .at(&found[1], number(&found[2]), column)
                .code(code)
                .severity(severity),
        );
        Response::Consumed(Next::Idle)
    }
}
