//! mypy: plain, with columns and ends, `--pretty`. Its wrapped lines are joined, its notes left out.

use crate::contract::bug::{Applicability, Category, Severity, Suggestion};
use crate::parser::findings::{Draft, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Flow, Tool, ToolParser};

pub(super) const MYPY: Tool = Tool {
    name: "mypy",
    triggers: &[
        r"^[^ :\t][^:\t]*:[0-9]+(:[0-9]+)*: (error|warning|info|note): ",
        r"^[A-Za-z]:[\\/][^:\t]+:[0-9]+(:[0-9]+)*: (error|warning|note): ",
        r"^[^ :\t][^:\t]*\.pyi?: error: ",
        r"^mypy: (error: |can't )",
        r"^Success: no issues found in [0-9]+ source files?",
    ],
    new: || Box::new(Mypy::default()),
};

#[derive(Default)]
struct Mypy {
    open: Option<Draft>,
    /// The words are complete: source and carets follow.
    closed_words: bool,
}

impl Mypy {
    fn close(&mut self, out: &mut Findings) {
        let Some(mut draft) = self.open.take() else { return };
        if let Some(found) = re!(r"(?s)^(.*?)\s+\[([a-z][a-z0-9-]*)\]$").captures(&draft.message.clone()) {
            draft.message = found[1].to_owned();
            draft = draft.code(&found[2]);
        }
        draft.category = match draft.code.as_deref() {
            Some("syntax") if draft.message.to_lowercase().contains("indent") => Category::Indentation,
            Some("syntax") => Category::Syntax,
            Some("import" | "import-not-found" | "import-untyped") => Category::Import,
            _ if draft.message.starts_with("invalid syntax") || draft.message.starts_with("Expected `") => {
                Category::Syntax
            }
            _ => Category::Type,
        };
        out.bug(hint(draft));
    }
}

impl ToolParser for Mypy {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text.trim_end();
        let row = re!(
            r"^((?:[A-Za-z]:[\\/])?[^:]+?)(?::(\d+))?(?::(\d+))?(?::(\d+):(\d+))?: (error|warning|info|note): (.*)$"
        );
        if let Some(found) = row.captures(text).filter(|f| is_python(&f[1])) {
            self.close(out);
            if &found[6] == "note" {
                return Flow::TakeRest;
            }
            let severity = match &found[6] {
                "error" => Severity::Error,
                "warning" => Severity::Warning,
                _ => Severity::Info,
            };
            let n = |at: usize| found.get(at).and_then(|m| number(m.as_str()));
            let mut draft = Draft::new("mypy", Category::Type, &found[7])
                .at(&found[1], n(2), n(3))
                .severity(severity)
                .span(line.no, line.no);
            (draft.end_line, draft.end_column) = (n(4), n(5));
            self.closed_words = text.ends_with(']');
            self.open = Some(draft);
            return Flow::Take;
        }
        if text.starts_with("Success: no issues found") {
            out.succeeded();
            return Flow::TakeRest;
        }
        if let Some(words) = text.strip_prefix("mypy: ") {
            self.close(out);
            out.bug(Draft::new("mypy", Category::Configuration, words));
            return Flow::TakeRest;
        }
        if re!(r"^Found \d+ errors? in \d+ files?").is_match(text) {
            self.close(out);
            return Flow::TakeRest;
        }
        if let Some(draft) = &mut self.open {
            // `--pretty` wraps words at the margin, then shows the source.
            let source = text.starts_with("    ");
            let wrapped = !self.closed_words && !text.is_empty() && !text.starts_with(' ');
            if source || wrapped {
                draft.log.last = line.no;
                if wrapped {
                    draft.message.push(' ');
                    draft.message.push_str(text);
                }
                self.closed_words |= source || text.ends_with(']');
                return if wrapped && draft.log.last - draft.log.first > 8 {
                    self.give_up(out)
                } else {
                    Flow::Take
                };
            }
        }
        self.close(out);
        Flow::Rest
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

impl Mypy {
    /// What looked like wrapped words goes on and on: it is another program's text.
    fn give_up(&mut self, out: &mut Findings) -> Flow {
        if let Some(draft) = &mut self.open {
            draft.message = draft.message.lines().next().unwrap_or_default().to_owned();
        }
        self.close(out);
        Flow::Rest
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
fn hint(draft: Draft) -> Draft {
    let Some((file, Some(line))) = draft.place.as_ref().map(|p| (p.file.clone(), p.line)) else {
        return draft;
    };
    let message = draft.message.clone();
    if let Some(found) = re!(r#""([\w.]+)"[^"]*; (?:maybe|did you mean) "(\w+)"\??$"#).captures(&message) {
        let (old, new) = (found[1].to_owned(), found[2].to_owned());
        let column = draft.place.as_ref().and_then(|p| p.column);
        let attribute = message.contains("has no attribute");
        let column = if attribute { None } else { column };
        let change = Suggestion::ReplaceText { file, line, column, old, new };
        return draft.suggest(&message, Applicability::MaybeIncorrect, change);
    }
    if let Some(found) = re!(r"(?i)^expected `(\W{1,2})`").captures(&message) {
        let column = draft.place.as_ref().and_then(|p| p.column);
        let token = found[1].to_owned();
        let change = Suggestion::ExpectedToken { file, line, column, token };
        return draft.suggest(&message, Applicability::MaybeIncorrect, change);
    }
    draft
}
