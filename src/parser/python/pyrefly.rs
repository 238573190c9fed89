//! Pyrefly: `ERROR message [rule]`, and the place below it; or all of it on one line.

use crate::contract::bug::{Category, Severity};
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const PYREFLY: Tool = Tool {
    name: "pyrefly",
    triggers: &[r"^(?:ERROR| ?WARN) \S.* \[[a-z][a-z-]+\]$"],
    new: |_| Box::new(Pyrefly::default()),
};

/// Lines between the message and its place.
const BETWEEN: u64 = 12;

#[derive(Default)]
struct Pyrefly {
    open: Option<(FindingBuilder, u64)>,
}

fn finding(severity: &str, message: &str, code: &str) -> FindingBuilder {
    let category = match code {
        "missing-import" | "import-error" | "missing-module-attribute" => Category::Import,
        "parse-error" | "invalid-syntax" => Category::Syntax,
        _ => Category::Type,
    };
    let severity = if severity == "ERROR" { Severity::Error } else { Severity::Warning };
    FindingBuilder::new("pyrefly", category, message).code(code).severity(severity)
}

impl ToolParser for Pyrefly {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(c) =
            re!(r"^\s*(ERROR|WARN) (\S+?\.pyi?):(\d+):(\d+)(?:-\d+(?::\d+)?)?: (.+) \[([a-z][a-z-]+)\]$")
                .captures(text)
        {
            out.bug(finding(&c[1], &c[5], &c[6]).at(&c[2], number(&c[3]), number(&c[4])));
            self.open = None;
            return Response::Consumed(Next::Idle);
        }
        if let Some(c) = re!(r"^\s*(ERROR|WARN) (.+) \[([a-z][a-z-]+)\]$").captures(text) {
            self.open = Some((finding(&c[1], &c[2], &c[3]), line.number));
            return Response::Declined(Next::Active);
        }
        let Some((found, first)) = &self.open else { return Response::Declined(Next::Idle) };
        if let Some(c) = re!(r"^\s*--> (\S.*?):(\d+):(\d+)").captures(text) {
            let finding = found.clone().at(&c[1], number(&c[2]), number(&c[3])).span(*first, line.number);
            self.open = None;
            out.bug(finding);
            return Response::Consumed(Next::Idle);
        }
        if line.number > first + BETWEEN {
            self.open = None;
            return Response::Declined(Next::Idle);
        }
        Response::Declined(Next::Active)
    }
}
