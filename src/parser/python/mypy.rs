//! mypy: plain, with columns and ends, `--pretty`. Its wrapped lines are joined, its notes left out.

use crate::contract::bug::{Applicability, Category, Severity, Suggestion};
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const MYPY: Tool = Tool {
    name: "mypy",
    triggers: &[
        r"^[^ :\t][^:\t]*:[0-9]+(:[0-9]+)*: (error|warning|info|note): ",
        r"^[A-Za-z]:[\\/][^:\t]+:[0-9]+(:[0-9]+)*: (error|warning|note): ",
        r"^[^ :\t][^:\t]*\.pyi?: error: ",
        r"^mypy: (error: |can't )",
        r"^Success: no issues found in [0-9]+ source files?",
    ],
    new: |_| Box::new(Mypy::default()),
};

#[derive(Default)]
struct Mypy {
    open: Option<FindingBuilder>,
    /// The words are complete: source and carets follow.
    closed_message: bool,
}

impl Mypy {
    fn close(&mut self, out: &mut Findings) {
        let Some(mut finding) = self.open.take() else { return };
        if let Some(found) = re!(r"(?s)^(.*?)\s+\[([a-z][a-z0-9-]*)\]$").captures(&finding.message.clone()) {
            finding.message = found[1].to_owned();
            finding = finding.code(&found[2]);
        }
        finding.category = match finding.code.as_deref() {
            Some("syntax") if finding.message.to_lowercase().contains("indent") => Category::Indentation,
            Some("syntax") => Category::Syntax,
            Some("import" | "import-not-found" | "import-untyped") => Category::Import,
            _ if finding.message.starts_with("invalid syntax")
                || finding.message.starts_with("Expected `") =>
            {
                Category::Syntax
            }
            _ => Category::Type,
        };
        out.bug(hint(finding));
    }
}

impl ToolParser for Mypy {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        let row = re!(
            r"^((?:[A-Za-z]:[\\/])?[^:]+?)(?::(\d+))?(?::(\d+))?(?::(\d+):(\d+))?: (error|warning|info|note): (.*)$"
        );
        if let Some(found) = row.captures(text).filter(|f| is_python(&f[1])) {
            self.close(out);
            if &found[6] == "note" {
                return Response::Consumed(Next::Idle);
            }
            let severity = match &found[6] {
                "error" => Severity::Error,
                "warning" => Severity::Warning,
                _ => Severity::Info,
            };
            let n = |at: usize| found.get(at).and_then(|m| number(m.as_str()));
            let mut finding = FindingBuilder::new("mypy", Category::Type, &found[7])
                .at(&found[1], n(2), n(3))
                .severity(severity)
                .span(line.number, line.number);
            (finding.end_line, finding.end_column) = (n(4), n(5));
            self.closed_message = text.ends_with(']');
            self.open = Some(finding);
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("Success: no issues found") {
            out.succeeded();
            return Response::Consumed(Next::Idle);
        }
        if let Some(message) = text.strip_prefix("mypy: ") {
            self.close(out);
            out.bug(FindingBuilder::new("mypy", Category::Configuration, message));
            return Response::Consumed(Next::Idle);
        }
        if re!(r"^Found \d+ errors? in \d+ files?").is_match(text) {
            self.close(out);
            return Response::Consumed(Next::Idle);
        }
        if let Some(finding) = &mut self.open {
            // `--pretty` wraps words at the margin, then shows the source.
            let source = text.starts_with("    ");
            let wrapped = !self.closed_message && !text.is_empty() && !text.starts_with(' ');
            if source || wrapped {
                finding.log.last = line.number;
                if wrapped {
                    finding.message.push(' ');
                    finding.message.push_str(text);
                }
                self.closed_message |= source || text.ends_with(']');
                return if wrapped && finding.log.last - finding.log.first > 8 {
                    self.give_up(out)
                } else {
                    Response::Consumed(Next::Active)
                };
            }
        }
        self.close(out);
        Response::Declined(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

impl Mypy {
    /// What looked like wrapped words goes on and on: it is another program's text.
    fn give_up(&mut self, out: &mut Findings) -> Response {
        if let Some(finding) = &mut self.open {
            finding.message = finding.message.lines().next().unwrap_or_default().to_owned();
        }
        self.close(out);
        Response::Declined(Next::Idle)
    }
}

/// Other compilers write the same shape over their own files.
fn is_python(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((_, extension)) => matches!(extension, "py" | "pyi" | "pyx" | "ipynb" | "test"),
        // mypy's own tests name their modules without one.
        None => matches!(name, "main" | "__main__"),
    }
}

/// `"Order" has no attribute "nme"; maybe "name"?`
fn hint(finding: FindingBuilder) -> FindingBuilder {
    let Some((file, Some(line))) = finding.location.as_ref().map(|p| (p.file.clone(), p.line)) else {
        return finding;
    };
    let message = finding.message.clone();
    if let Some(found) = re!(r#""([\w.]+)"[^"]*; (?:maybe|did you mean) "(\w+)"\??$"#).captures(&message) {
        let (old, new) = (found[1].to_owned(), found[2].to_owned());
        let column = finding.location.as_ref().and_then(|p| p.column);
        let attribute = message.contains("has no attribute");
        let column = if attribute { None } else { column };
        let change = Suggestion::ReplaceText { file, line, column, old, new };
        return finding.suggest(&message, Applicability::MaybeIncorrect, change);
    }
    if let Some(found) = re!(r"(?i)^expected `(\W{1,2})`").captures(&message) {
        let column = finding.location.as_ref().and_then(|p| p.column);
        let token = found[1].to_owned();
        let change = Suggestion::ExpectedToken { file, line, column, token };
        return finding.suggest(&message, Applicability::MaybeIncorrect, change);
    }
    finding
}
