//! Maven itself: compiler rows, broken POMs, the enforcer, what cannot be resolved, and which goal failed; and
//! Checkstyle, whose rows have the same shape.
//!
//! Maven prints errors twice: as they come, and behind `Failed to execute goal`. The second time is left out.

use std::collections::BTreeSet;

use super::javac::{category, hints};
use super::stack::path_of;
use super::surefire::unlevel;
use crate::contract::bug::{Category, Severity};
use crate::parser::findings::{Draft, Findings, number, place};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Flow, Tool, ToolParser};

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
    new: || Box::new(Maven::default()),
};

pub(super) const CHECKSTYLE: Tool = Tool {
    name: "checkstyle",
    triggers: &[
        r"^\[(ERROR|WARN)\] \S.*\.[a-z]+:[0-9]+(:[0-9]+)?: .* \[[A-Za-z]+\]$",
        r"^\[(ERROR|WARNING|WARN)\] \S.*:\[[0-9]+(,[0-9]+)?\] \([a-z]+\) [A-Z][A-Za-z]+: ",
        r"^Checkstyle ends with [0-9]+ errors?",
    ],
    new: || Box::new(Checkstyle),
};

#[derive(Default)]
struct Maven {
    open: Option<Draft>,
    details: usize,
    said: BTreeSet<(String, Option<u32>, Option<u32>)>,
    /// Broken POMs told before their file is named.
    nameless: Vec<Draft>,
    rule: Option<Draft>,
}

impl Maven {
    fn close(&mut self, out: &mut Findings) {
        self.details = 0;
        if let Some(draft) = self.open.take() {
            out.bug(hints(draft, None));
        }
        if let Some(draft) = self.rule.take() {
            out.bug(draft);
        }
    }

    fn row(&mut self, level: &str, body: &str, no: u64, out: &mut Findings) -> bool {
        let row = re!(
            r"^((?:file:/+)?(?:[A-Za-z]:)?[^:\[\]]+\.(?:java|kts?|groovy|scala|aj)):(?:\[(\d+)(?:,(\d+))?\]| \((\d+), (\d+)\):?|(\d+)(?::(\d+))?:?) (?:(error|warning): )?(?:\[([\w-]+)\] )?(.*)$"
        );
        let Some(found) = row.captures(body) else { return false };
        self.close(out);
        let n = |ats: [usize; 3]| ats.iter().find_map(|at| found.get(*at)).and_then(|m| number(m.as_str()));
        let severity = if level == "ERROR" { Severity::Error } else { Severity::Warning };
        let words = &found[10];
        let draft = Draft::new("maven", category(words, severity), words)
            .at(&found[1], n([2, 4, 6]), n([3, 5, 7]))
            .severity(severity)
            .span(no, no);
        let place = draft.place.clone().unwrap_or_else(|| place("", None, None));
        // Several errors may stand at one place; the repetition brings them in the same words.
        let key = (format!("{}\n{words}", place.file), place.line, place.column);
        let again = !self.said.insert(key);
        let draft = match found.get(9) {
            Some(code) => draft.code(code.as_str()),
            None => draft,
        };
        self.open = Some(draft);
        if again {
            // Kept open so that its details are not taken for something else, and then dropped.
            self.open = None;
        }
        true
    }

    fn detail(&mut self, text: &str, no: u64) -> bool {
        if !(text.starts_with("  ") || text.starts_with('\t')) || text.trim().is_empty() {
            return false;
        }
        let Some(draft) = self.open.as_mut().filter(|_| self.details < MAX_DETAILS) else { return false };
        self.details += 1;
        if !text.trim_start().starts_with("(see http") {
            draft.message.push('\n');
            draft.message.push_str(text.trim());
        }
        draft.log.last = no;
        true
    }

    /// A POM that cannot be read or makes no sense.
    fn pom(&mut self, body: &str, no: u64, out: &mut Findings) -> bool {
        let body = body.trim();
        if let Some(found) =
            re!(r"(Non-parseable|Non-readable|Malformed) POM (.+?\.xml): (.*)$").captures(body)
        {
            let at = re!(r"@(\d+):(\d+)\)?").captures(&found[3]);
            let n = |i: usize| at.as_ref().and_then(|a| number(&a[i]));
            if self.said.insert((found[2].to_owned(), n(1), n(2))) {
                let words = format!("{} POM: {}", &found[1], &found[3]);
                out.bug(
                    Draft::new("maven", Category::Configuration, words)
                        .at(&found[2], n(1), n(2))
                        .span(no, no),
                );
            }
            return true;
        }
        if let Some(found) = re!(r"^(.*) @ (?:.*?, (\S+\.xml), )?line (\d+), column (\d+)$").captures(body) {
            let (line, column) = (number(&found[3]), number(&found[4]));
            if self.said.insert((found[1].to_owned(), line, column)) {
                let file = found.get(2).map(|m| m.as_str());
                let draft = Draft::new("maven", Category::Configuration, &found[1]).span(no, no);
                let draft = draft.at(file.unwrap_or("pom.xml"), line, column);
                if file.is_some() { out.bug(draft) } else { self.nameless.push(draft) }
            }
            return true;
        }
        if let Some(found) = re!(r"^The project .*\((.+?)\) has \d+ errors?$").captures(body) {
            for mut draft in self.nameless.drain(..) {
                if let Some(place) = &mut draft.place {
                    found[1].clone_into(&mut place.file);
                }
                out.bug(draft);
            }
            return true;
        }
        false
    }

    /// `Failed to execute goal …: why`.
    fn goal(&mut self, body: &str, out: &mut Findings) {
        let words = body.split(" -> [Help").next().unwrap_or(body).trim();
        let kind = if unresolved(words) { resolution_category(words) } else { Category::Configuration };
        let why = words.split_once(": ").map_or(words, |(_, why)| why);
        let draft = Draft::new("maven", kind, why);
        if unresolved(words) {
            out.bug(draft);
        } else {
            let category = if words.contains("Compilation failure") {
                Category::Type
            } else if words.contains("test failures")
                || words.contains("surefire")
                || words.contains("failsafe")
            {
                Category::Logic
            } else if words.contains("checkstyle") || words.contains("pmd") || words.contains("spotbugs") {
                Category::Lint
            } else if words.contains("spotless") || words.contains("fmt-maven") || words.contains("format") {
                Category::Format
            } else {
                Category::Configuration
            };
            out.bug(Draft { category, ..draft }.consequence());
        }
    }

    /// What other analysers print through Maven.
    fn analyser(&mut self, level: &str, body: &str, out: &mut Findings) -> bool {
        if let Some(found) =
            re!(r"^(?:High|Medium|Low): (.*) \[([\w.$]+).*?\] (?:At|In) ([\w$]+\.\w+)(?::\[lines? (\d+))?.*\] (\w+)$").captures(body)
        {
            let line = found.get(4).and_then(|m| number(m.as_str()));
            let draft = Draft::new("maven", Category::Lint, &found[1]).at(&path_of(&found[2], &found[3]), line, None);
            out.bug(draft.code(&found[5]));
            return true;
        }
        if let Some(found) =
            re!(r"^PMD Failure: ([\w.$]+):(\d+) Rule:(\w+) Priority:\d+ (.*?)\.?$").captures(body)
        {
            let file = super::stack::file_of_class(&found[1]);
            let severity = if level == "INFO" { Severity::Warning } else { Severity::Error };
            let draft = Draft::new("maven", Category::Lint, &found[4]).at(&file, number(&found[2]), None);
            out.bug(draft.code(&found[3]).severity(severity));
            return true;
        }
        false
    }
}

fn unresolved(words: &str) -> bool {
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
    .any(|w| words.contains(w))
}

fn resolution_category(words: &str) -> Category {
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
    if network.iter().any(|w| words.contains(w)) { Category::Environment } else { Category::Dependency }
}

impl ToolParser for Maven {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
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
            return Flow::TakeRest;
        }
        let Some((level, body)) = unlevel(text) else {
            if self.detail(text, line.no) {
                return Flow::Take;
            }
            if let Some(rule) = self.rule.as_mut().filter(|_| self.details < MAX_DETAILS * 2) {
                if !text.is_empty() {
                    self.details += 1;
                    rule.message.push('\n');
                    rule.message.push_str(text);
                    rule.log.last = line.no;
                }
                return Flow::Take;
            }
            self.close(out);
            return Flow::Rest;
        };
        let (level, body) = unlevel(body).unwrap_or((level, body));
        if checkstyle(body).is_some() {
            self.close(out);
            return Flow::Pass;
        }
        if self.row(level, body, line.no, out) {
            return Flow::Take;
        }
        if level == "ERROR" && self.detail(body, line.no) {
            return Flow::Take;
        }
        if let Some(found) = re!(r"^Rule \d+: ([\w.$]+) failed with message:?$").captures(body) {
            self.close(out);
            let name = found[1].rsplit('.').next().unwrap_or_default().to_owned();
            let about = ["Dependency", "Convergence", "UpperBound", "Banned", "Duplicate"]
                .iter()
                .any(|w| name.contains(w));
            let kind = if about { Category::Dependency } else { Category::Configuration };
            self.rule =
                Some(Draft::new("maven", kind, format!("{name} failed")).code(name).span(line.no, line.no));
            return Flow::Take;
        }
        self.close(out);
        if matches!(level, "ERROR" | "FATAL" | "WARNING") && self.pom(body, line.no, out) {
            return Flow::Take;
        }
        if self.analyser(level, body, out) {
            return Flow::TakeRest;
        }
        if level != "ERROR" && level != "FATAL" {
            return Flow::Rest;
        }
        if body.starts_with("Failed to execute goal") {
            self.goal(body, out);
            return Flow::Take;
        }
        let of_maven = [
            "Unknown lifecycle phase",
            "The goal you specified requires",
            "No plugin found for prefix",
            "Could not find the selected project",
            "Child module ",
            "Unable to ",
        ];
        let words = body.split(" -> [Help").next().unwrap_or(body).trim();
        if of_maven.iter().any(|w| words.starts_with(w)) {
            out.bug(Draft::new("maven", Category::Configuration, words));
            return Flow::TakeRest;
        }
        if unresolved(words)
            && ["Plugin ", "Unresolveable", "Error resolving"].iter().any(|w| words.starts_with(w))
        {
            out.bug(Draft::new("maven", resolution_category(words), words));
            return Flow::TakeRest;
        }
        Flow::Rest
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
        for draft in self.nameless.drain(..) {
            out.bug(draft);
        }
    }
}

/// The plugin's rows, `a.java:[3,5] (naming) MethodName: …`, and the command's, `a.java:3:5: … [MethodName]`: place,
/// rule, words.
fn checkstyle(body: &str) -> Option<(regex::Captures<'_>, String, String)> {
    if let Some(found) = re!(r"^(.+?):\[(\d+)(?:,(\d+))?\] \([a-z]+\) ([A-Z]\w+): (.*)$").captures(body) {
        let (code, words) = (found[4].to_owned(), found[5].to_owned());
        return Some((found, code, words));
    }
    let found = re!(r"^(.+?\.\w+):(\d+)(?::(\d+))?: (.*) \[([A-Z]\w+)\]$").captures(body)?;
    let (code, words) = (found[5].to_owned(), found[4].to_owned());
    Some((found, code, words))
}

struct Checkstyle;

impl ToolParser for Checkstyle {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text.trim_end();
        let Some((level, body)) = unlevel(text) else {
            return if text.starts_with("Checkstyle ends with") {
                out.failed();
                Flow::TakeRest
            } else {
                Flow::Rest
            };
        };
        let Some((found, code, words)) = checkstyle(body) else { return Flow::Rest };
        let severity = if level == "ERROR" { Severity::Error } else { Severity::Warning };
        let column = found.get(3).and_then(|m| number(m.as_str()));
        out.bug(
            Draft::new("checkstyle", Category::Lint, words)
                .at(&found[1], number(&found[2]), column)
                .code(code)
                .severity(severity),
        );
        Flow::TakeRest
    }
}
