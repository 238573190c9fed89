//! javac as itself and under Ant and Gradle: the place, the source with its caret, details. Error Prone's too.

use crate::contract::bug::{Applicability, Category, Severity, Suggestion};
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

/// Warnings held back until it is known whether they fail the build.
const MAX_WARNINGS: usize = 2_000;
/// Detail lines kept of one message.
const MAX_DETAILS: usize = 8;

pub(super) const JAVAC: Tool = Tool {
    name: "javac",
    triggers: &[
        r"^ *(\[javac\] )?([A-Za-z]:)?[^ :()\t][^:()\t]*\.(java|aj):[0-9]+: \S",
        r"^:[A-Za-z0-9:]+/[^:()\t]*\.java:[0-9]+: (error|warning): ",
        r"^ *(\[javac\] )?error: (file not found|release version|invalid (flag|source|target)|warnings found and -Werror|cannot access|no source files|module not found|option )",
        r"^ *\[javac\] [0-9]+ (error|warning)s?$",
    ],
    new: |_| Box::new(Javac::default()),
};

#[derive(Default)]
struct Javac {
    open: Option<FindingBuilder>,
    source: Option<String>,
    caret: bool,
    details: usize,
    warnings: Vec<FindingBuilder>,
}

impl Javac {
    fn close(&mut self, out: &mut Findings) {
        let Some(mut finding) = self.open.take() else { return };
        let source = self.source.take();
        (self.caret, self.details) = (false, 0);
        if source.as_deref().is_some_and(|s| s.trim_start().starts_with("import "))
            && finding.category == Category::Type
        {
            finding.category = Category::Import;
        }
        let finding = hints(finding, source.as_deref());
        if finding.severity == Severity::Warning {
            if self.warnings.len() < MAX_WARNINGS {
                self.warnings.push(finding);
            }
        } else {
            out.bug(finding);
        }
    }
}

impl ToolParser for Javac {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        let text = match text.trim_start().strip_prefix("[javac]") {
            Some(rest) => rest.strip_prefix(' ').unwrap_or(rest),
            None => text,
        };
        let row = re!(
            r"^(?::[A-Za-z0-9:]+)?((?:[A-Za-z]:)?[^:()]+\.(?:java|aj)):(\d+): (?:(error|warning): )?(?:\[([\w-]+)\] )?(\S.*)$"
        );
        if let Some(found) = row.captures(text) {
            self.close(out);
            let severity = if found.get(3).is_some_and(|m| m.as_str() == "warning") {
                Severity::Warning
            } else {
                Severity::Error
            };
            let category = category(&found[5], severity);
            let mut finding = FindingBuilder::new("javac", category, &found[5])
                .at(&found[1], number(&found[2]), None)
                .severity(severity)
                .span(line.number, line.number);
            if let Some(code) = found.get(4) {
                finding = finding.code(code.as_str());
            }
            self.open = Some(finding);
            return Response::Consumed(Next::Active);
        }
        if let Some(message) = text.strip_prefix("error: ") {
            self.close(out);
            if message.starts_with("warnings found and -Werror") {
                // The warnings are what failed it.
                for finding in std::mem::take(&mut self.warnings) {
                    out.bug(finding.severity(Severity::Error));
                }
            } else {
                out.bug(FindingBuilder::new("javac", Category::Configuration, message));
            }
            return Response::Consumed(Next::Idle);
        }
        if re!(r"^\d+ (?:error|warning)s?$").is_match(text) {
            self.close(out);
            return Response::Consumed(Next::Idle);
        }
        let Some(finding) = &mut self.open else { return Response::Declined(Next::Idle) };
        if self.caret {
            // Details are indented; anything else is the next tool's.
            if (text.starts_with("  ") || text.starts_with('\t')) && self.details < MAX_DETAILS {
                self.details += 1;
                if !text.trim_start().starts_with("(see http") {
                    finding.message.push('\n');
                    finding.message.push_str(text.trim());
                }
                finding.log.last = line.number;
                return Response::Consumed(Next::Active);
            }
        } else if text.trim() == "^" && self.source.is_some() {
            // The caret stands under the column, blanks and tabs as in the source.
            let column = u32::try_from(text.chars().count()).ok();
            if let Some(location) = &mut finding.location {
                location.column = column;
            }
            finding.log.last = line.number;
            self.caret = true;
            return Response::Consumed(Next::Active);
        } else if self.details < MAX_DETAILS
            && (!text.is_empty() || self.source.is_none())
            && !text.starts_with('[')
        {
            self.details += 1;
            self.source = Some(text.to_owned());
            return Response::Consumed(Next::Active);
        }
        self.close(out);
        Response::Declined(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
        for finding in std::mem::take(&mut self.warnings) {
            out.bug(finding);
        }
    }
}

/// The family of a compiler's message.
pub(super) fn category(message: &str, severity: Severity) -> Category {
    let syntax = message.ends_with("expected")
        || [
            "illegal start",
            "reached end of file",
            "unclosed ",
            "not a statement",
            "class, interface",
            "illegal character",
            "malformed ",
            "'else' without",
            "'catch' without",
            "'try' without",
            "empty character literal",
            "unnamed classes",
            "illegal escape",
            "invalid method declaration",
            "orphaned ",
            "implicitly declared classes",
        ]
        .iter()
        .any(|w| message.contains(w));
    if syntax {
        Category::Syntax
    } else if message.starts_with("package ") && message.ends_with("does not exist")
        || message.starts_with("cannot access ")
    {
        Category::Import
    } else if severity == Severity::Warning {
        Category::Lint
    } else {
        Category::Type
    }
}

/// The fix that the words name.
pub(super) fn hints(finding: FindingBuilder, source: Option<&str>) -> FindingBuilder {
    let Some(location) = finding.location.clone() else { return finding };
    let Some(line) = location.line else { return finding };
    let message = finding.message.clone();
    let first = message.lines().next().unwrap_or_default();
    if let Some(found) = re!(r"^'(\W{1,2})'(?: or '\W{1,2}')?(?:,.*)? expected$").captures(first) {
        let token = found[1].to_owned();
        let sure = if first == "';' expected" {
            Applicability::MachineApplicable
        } else {
            Applicability::MaybeIncorrect
        };
        let wanted = Suggestion::ExpectedToken { file: location.file, line, column: location.column, token };
        return finding.suggest(first, sure, wanted);
    }
    if first == "reached end of file while parsing" {
        let wanted =
            Suggestion::ExpectedToken { file: location.file, line, column: None, token: "}".to_owned() };
        return finding.suggest(first, Applicability::MaybeIncorrect, wanted);
    }
    if let (Some(found), Some(source)) = (re!(r"Did you mean '(.+)'\?").captures(&message), source) {
        let indent = &source[..source.len() - source.trim_start().len()];
        let new = vec![format!("{indent}{}", &found[1])];
        let change =
            Suggestion::ReplaceLines { file: location.file, line, old: vec![source.to_owned()], new };
        return finding.suggest(&found[0], Applicability::MaybeIncorrect, change);
    }
    finding
}
