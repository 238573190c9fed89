//! pyright and basedpyright: rows under the file's name; warnings do not fail it and are left out.

use crate::contract::bug::{Applicability, Category, Suggestion};
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const PYRIGHT: Tool = Tool {
    name: "pyright",
    triggers: &[
        r"^ +\S.*:[0-9]+:[0-9]+ - (error|warning|information)(:| )",
        r"^\S.*\.pyi?:[0-9]+:[0-9]+ - error(:| )",
    ],
    new: |_| Box::new(Pyright::default()),
};

#[derive(Default)]
struct Pyright {
    open: Option<FindingBuilder>,
}

impl Pyright {
    fn close(&mut self, out: &mut Findings) {
        let Some(mut finding) = self.open.take() else { return };
        let message = finding.message.clone();
        if let Some(found) = re!(r"(?s)^(.*?) \((report\w+)\)$").captures(&message) {
            finding.message = found[1].to_owned();
            finding = finding.code(&found[2]);
        }
        finding.category = match finding.code.as_deref() {
            Some("reportMissingImports" | "reportAttributeAccessIssue")
                if finding.message.contains("import") =>
            {
                Category::Import
            }
            None if finding.message.to_lowercase().contains("indent") => Category::Indentation,
            None => Category::Syntax,
            _ => Category::Type,
        };
        let location = finding.location.clone();
        if let Some((token, location)) =
            re!(r#"^Expected "(\W{1,2})"$"#).captures(&message).map(|f| f[1].to_owned()).zip(location)
            && let Some(line) = location.line
        {
            let wanted =
                Suggestion::ExpectedToken { file: location.file, line, column: location.column, token };
            finding = finding.suggest(&message, Applicability::MaybeIncorrect, wanted);
        }
        out.bug(finding);
    }
}

impl ToolParser for Pyright {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        let row = re!(r"^ *(\S.*?):(\d+):(\d+) - (error|warning|information):? ?(.*)$");
        if let Some(found) = row.captures(text) {
            // tsc's pretty format has this shape too, over other files.
            let name = found[1].rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            if !(name.ends_with(".py") || name.ends_with(".pyi") || name.ends_with(".ipynb")) {
                return Response::Declined(Next::Idle);
            }
            self.close(out);
            if &found[4] == "error" {
                let finding = FindingBuilder::new("pyright", Category::Type, &found[5])
                    .at(&found[1], number(&found[2]), number(&found[3]))
                    .span(line.number, line.number);
                self.open = Some(finding);
            }
            return Response::Consumed(Next::Active);
        }
        if let Some(finding) = self.open.as_mut().filter(|_| indent(text) >= 2) {
            finding.message.push('\n');
            finding.message.push_str(text.trim());
            finding.log.last = line.number;
            return Response::Consumed(Next::Active);
        }
        self.close(out);
        Response::Declined(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

/// Blanks at the start; no-break spaces count.
fn indent(text: &str) -> usize {
    text.chars().take_while(|c| c.is_whitespace()).count()
}
