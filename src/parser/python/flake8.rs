//! flake8 and the checkers it is made of: pycodestyle (once pep8), pyflakes; and pydocstyle.

use crate::contract::bug::{Applicability, Category, Suggestion};
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const FLAKE8: Tool = Tool {
    name: "flake8",
    triggers: &[
        r"^[^ :\t][^:\t]*\.(py|pyi|pyx|ipynb|rst|in|cfg):[0-9]+:[0-9]+:? [A-Z]{1,6}[0-9]{1,5}:? \S",
        r"^[A-Za-z]:[^:\t]+\.(py|pyi):[0-9]+:[0-9]+:? [A-Z]{1,6}[0-9]{1,5}:? \S",
        r"^[^ :\t][^:\t]*\.(py|pyi):[0-9]+: \[[A-Z]{1,6}[0-9]{1,5}\] \S",
    ],
    new: || Box::new(Rows { tool: "flake8" }),
};

pub(super) const PYFLAKES: Tool = Tool {
    name: "pyflakes",
    triggers: &[
        r"^[^ :\t][^:\t]*\.pyi?:[0-9]+(:[0-9]+)?:? ('.*' imported but unused|undefined name '|local variable '.*' is assigned|redefinition of unused|import '|'from |f-string is missing|unable to detect undefined|invalid syntax$|unterminated |unexpected indent|expected an indented|unindent does not|dictionary key |list comprehension redefines|'\.\.\.'|'return' |duplicate argument|assertion is always|expected '|'.' was never closed|unmatched ')",
    ],
    new: || Box::new(Rows { tool: "pyflakes" }),
};

pub(super) const PYDOCSTYLE: Tool = Tool {
    name: "pydocstyle",
    triggers: &[r"^\S.*\.py:[0-9]+ (at module level|in (public|private|class|function|method|package).*):$"],
    new: || Box::new(Docstrings::default()),
};

struct Rows {
    tool: &'static str,
}

impl ToolParser for Rows {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let Some(found) = re!(
            r"^(?P<file>(?:[A-Za-z]:)?[^:]+?):(?P<line>\d+)(?::(?P<column>\d+))?:? (?:\[?(?P<code>[A-Z]{1,6}\d{1,5})\]?:? )?(?P<words>.+)$"
        ).captures(line.text) else { return Response::Declined(Next::Idle) };
        let message = found["words"].trim();
        let code = found.name("code").map(|m| m.as_str());
        let (file, at) = (&found["file"], number(&found["line"]));
        let mut finding = FindingBuilder::new(self.tool, category(code, message), message).at(
            file,
            at,
            found.name("column").and_then(|m| number(m.as_str())),
        );
        if let Some(code) = code {
            finding = finding.code(code);
        }
        if let (Some(name), Some(line)) = (unused_import(message), at) {
            let unused = Suggestion::RemoveImport { file: file.to_owned(), line, name: name.to_owned() };
            finding = finding.suggest(message, Applicability::MachineApplicable, unused);
        }
        out.bug(finding);
        Response::Consumed(Next::Idle)
    }
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
