//! What findings of flake8 and of the checkers it is made of are about (`line_formats` reads them); and pydocstyle.

use crate::contract::bug::{Applicability, Category, Suggestion};
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const PYDOCSTYLE: Tool = Tool {
    name: "pydocstyle",
    triggers: &[r"^\S.*\.py:[0-9]+ (at module level|in (public|private|class|function|method|package).*):$"],
    new: |_| Box::new(Docstrings::default()),
};

/// What a finding of flake8, or of one of its checkers, is about, and the fix its message names.
pub(in crate::parser) fn refine(mut finding: FindingBuilder) -> FindingBuilder {
    finding.category = category(finding.code.as_deref(), &finding.message);
    let Some((file, line)) = finding.location.as_ref().and_then(|at| Some((at.file.clone(), at.line?)))
    else {
        return finding;
    };
    let message = finding.message.clone();
    let Some(name) = unused_import(&message) else { return finding };
    let unused = Suggestion::RemoveImport { file, line, name: name.to_owned() };
    finding.suggest(&message, Applicability::MachineApplicable, unused)
}

/// `'os' imported but unused`
fn unused_import(message: &str) -> Option<&str> {
    message.strip_suffix(" imported but unused")?.strip_prefix('\'')?.strip_suffix('\'')
}

/// The family of a checker's finding.
pub(super) fn category(code: Option<&str>, message: &str) -> Category {
    let syntax = matches!(code, Some("E999" | "E901" | "E902" | "F999" | "F7" | "invalid-syntax"))
        || code.is_none()
            && ["invalid syntax", "unterminated ", "expected '", "unmatched '"]
                .iter()
                .any(|w| message.starts_with(w));
    if message.contains("IndentationError")
        || message.contains("TabError")
        || matches!(code, Some("E112" | "E113"))
    {
        Category::Indentation
    } else if syntax {
        Category::Syntax
    } else {
        Category::Lint
    }
}

/// pydocstyle names place and finding on two lines.
#[derive(Default)]
struct Docstrings {
    at: Option<(String, u32, u64)>,
}

impl ToolParser for Docstrings {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        if let Some((file, at, first)) = self.at.take() {
            let Some((code, message)) = line.text.trim().split_once(": ") else {
                return Response::Declined(Next::Idle);
            };
            out.bug(
                FindingBuilder::new("pydocstyle", Category::Lint, message)
                    .at(&file, Some(at), None)
                    .code(code)
                    .span(first, line.number),
            );
            return Response::Consumed(Next::Idle);
        }
        let location = line.text.find(".py:").and_then(|dot| {
            let rest = &line.text[dot + 4..];
            let at = number(rest.split(' ').next()?)?;
            Some((line.text[..dot + 3].to_owned(), at, line.number))
        });
        self.at = location;
        if self.at.is_some() { Response::Consumed(Next::Active) } else { Response::Declined(Next::Idle) }
    }
}
