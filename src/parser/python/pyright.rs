//! pyright and basedpyright: rows under the file's name; warnings do not fail it and are left out.

use crate::contract::bug::{Applicability, Category, Suggestion};
use crate::parser::findings::{Draft, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Flow, Tool, ToolParser};

pub(super) const PYRIGHT: Tool = Tool {
    name: "pyright",
    triggers: &[
        r"^ +\S.*:[0-9]+:[0-9]+ - (error|warning|information)(:| )",
        r"^\S.*\.pyi?:[0-9]+:[0-9]+ - error(:| )",
    ],
    new: || Box::new(Pyright::default()),
};

#[derive(Default)]
struct Pyright {
    open: Option<Draft>,
}

impl Pyright {
    fn close(&mut self, out: &mut Findings) {
        let Some(mut draft) = self.open.take() else { return };
        let message = draft.message.clone();
        if let Some(found) = re!(r"(?s)^(.*?) \((report\w+)\)$").captures(&message) {
            draft.message = found[1].to_owned();
            draft = draft.code(&found[2]);
        }
        draft.category = match draft.code.as_deref() {
            Some("reportMissingImports" | "reportAttributeAccessIssue")
                if draft.message.contains("import") =>
            {
                Category::Import
            }
            None if draft.message.to_lowercase().contains("indent") => Category::Indentation,
            None => Category::Syntax,
            _ => Category::Type,
        };
        let place = draft.place.clone();
        if let Some((token, place)) =
            re!(r#"^Expected "(\W{1,2})"$"#).captures(&message).map(|f| f[1].to_owned()).zip(place)
            && let Some(line) = place.line
        {
            let wanted = Suggestion::ExpectedToken { file: place.file, line, column: place.column, token };
            draft = draft.suggest(&message, Applicability::MaybeIncorrect, wanted);
        }
        out.bug(draft);
    }
}

impl ToolParser for Pyright {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text.trim_end();
        let row = re!(r"^ *(\S.*?):(\d+):(\d+) - (error|warning|information):? ?(.*)$");
        if let Some(found) = row.captures(text) {
            // tsc's pretty format has this shape too, over other files.
            let name = found[1].rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            if !(name.ends_with(".py") || name.ends_with(".pyi") || name.ends_with(".ipynb")) {
                return Flow::Rest;
            }
            self.close(out);
            if &found[4] == "error" {
                let draft = Draft::new("pyright", Category::Type, &found[5])
                    .at(&found[1], number(&found[2]), number(&found[3]))
                    .span(line.no, line.no);
                self.open = Some(draft);
            }
            return Flow::Take;
        }
        if let Some(draft) = self.open.as_mut().filter(|_| indent(text) >= 3) {
            draft.message.push('\n');
            draft.message.push_str(text.trim());
            draft.log.last = line.no;
            return Flow::Take;
        }
        self.close(out);
        Flow::Rest
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

/// Blanks at the start; no-break spaces count.
fn indent(text: &str) -> usize {
    text.chars().take_while(|c| c.is_whitespace()).count()
}
