//! javac as itself and under Ant and Gradle: the place, the source with its caret, details. Error Prone's too.

use crate::contract::bug::{Applicability, Category, Severity, Suggestion};
use crate::parser::findings::{Draft, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Flow, Tool, ToolParser};

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
    new: || Box::new(Javac::default()),
};

#[derive(Default)]
struct Javac {
    open: Option<Draft>,
    source: Option<String>,
    caret: bool,
    details: usize,
    warnings: Vec<Draft>,
}

impl Javac {
    fn close(&mut self, out: &mut Findings) {
        let Some(mut draft) = self.open.take() else { return };
        let source = self.source.take();
        (self.caret, self.details) = (false, 0);
        if source.as_deref().is_some_and(|s| s.trim_start().starts_with("import "))
            && draft.category == Category::Type
        {
            draft.category = Category::Import;
        }
        let draft = hints(draft, source.as_deref());
        if draft.severity == Severity::Warning {
            if self.warnings.len() < MAX_WARNINGS {
                self.warnings.push(draft);
            }
        } else {
            out.bug(draft);
        }
    }
}

impl ToolParser for Javac {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
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
            let mut draft = Draft::new("javac", category, &found[5])
                .at(&found[1], number(&found[2]), None)
                .severity(severity)
                .span(line.no, line.no);
            if let Some(code) = found.get(4) {
                draft = draft.code(code.as_str());
            }
            self.open = Some(draft);
            return Flow::Take;
        }
        if let Some(words) = text.strip_prefix("error: ") {
            self.close(out);
            if words.starts_with("warnings found and -Werror") {
                // The warnings are what failed it.
                for draft in std::mem::take(&mut self.warnings) {
                    out.bug(draft.severity(Severity::Error));
                }
            } else {
                out.bug(Draft::new("javac", Category::Configuration, words));
            }
            return Flow::TakeRest;
        }
        if re!(r"^\d+ (?:error|warning)s?$").is_match(text) {
            self.close(out);
            return Flow::TakeRest;
        }
        let Some(draft) = &mut self.open else { return Flow::Rest };
        if self.caret {
            // Details are indented; anything else is the next tool's.
            if (text.starts_with("  ") || text.starts_with('\t')) && self.details < MAX_DETAILS {
                self.details += 1;
                if !text.trim_start().starts_with("(see http") {
                    draft.message.push('\n');
                    draft.message.push_str(text.trim());
                }
                draft.log.last = line.no;
                return Flow::Take;
            }
        } else if text.trim() == "^" && self.source.is_some() {
            // The caret stands under the column, blanks and tabs as in the source.
            let column = u32::try_from(text.chars().count()).ok();
            if let Some(place) = &mut draft.place {
                place.column = column;
            }
            draft.log.last = line.no;
            self.caret = true;
            return Flow::Take;
        } else if self.details < MAX_DETAILS
            && (!text.is_empty() || self.source.is_none())
            && !text.starts_with('[')
        {
            self.details += 1;
            self.source = Some(text.to_owned());
            return Flow::Take;
        }
        self.close(out);
        Flow::Rest
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
        for draft in std::mem::take(&mut self.warnings) {
            out.bug(draft);
        }
    }
}

/// The family of a compiler's message.
pub(super) fn category(words: &str, severity: Severity) -> Category {
    let syntax = words.ends_with("expected")
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
        .any(|w| words.contains(w));
    if syntax {
        Category::Syntax
    } else if words.starts_with("package ") && words.ends_with("does not exist")
        || words.starts_with("cannot access ")
    {
        Category::Import
    } else if severity == Severity::Warning {
        Category::Lint
    } else {
        Category::Type
    }
}

/// The fix that the words name.
pub(super) fn hints(draft: Draft, source: Option<&str>) -> Draft {
    let Some(place) = draft.place.clone() else { return draft };
    let Some(line) = place.line else { return draft };
    let message = draft.message.clone();
    let first = message.lines().next().unwrap_or_default();
    if let Some(found) = re!(r"^'(\W{1,2})'(?: or '\W{1,2}')?(?:,.*)? expected$").captures(first) {
        let token = found[1].to_owned();
        let sure = if first == "';' expected" {
            Applicability::MachineApplicable
        } else {
            Applicability::MaybeIncorrect
        };
        let wanted = Suggestion::ExpectedToken { file: place.file, line, column: place.column, token };
        return draft.suggest(first, sure, wanted);
    }
    if first == "reached end of file while parsing" {
        let wanted =
            Suggestion::ExpectedToken { file: place.file, line, column: None, token: "}".to_owned() };
        return draft.suggest(first, Applicability::MaybeIncorrect, wanted);
    }
    if let (Some(found), Some(source)) = (re!(r"Did you mean '(.+)'\?").captures(&message), source) {
        let indent = &source[..source.len() - source.trim_start().len()];
        let new = vec![format!("{indent}{}", &found[1])];
        let change = Suggestion::ReplaceLines { file: place.file, line, old: vec![source.to_owned()], new };
        return draft.suggest(&found[0], Applicability::MaybeIncorrect, change);
    }
    draft
}
