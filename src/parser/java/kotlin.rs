//! The Kotlin compiler: under Gradle (`e: file:///a.kt:3:5 …`) and as itself (`a.kt:3:5: error: …`).

use super::javac::category;
use crate::contract::bug::{Category, Severity};
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const KOTLIN: Tool = Tool {
    name: "kotlin",
    triggers: &[r"^[ew]: \S.*\.(kts?|java):", r"^\S.*\.kts?:[0-9]+:[0-9]+: (error|warning): "],
    new: || Box::new(Kotlin),
};

struct Kotlin;

impl ToolParser for Kotlin {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        let gradle = re!(
            r"^([ew]): ((?:file:/+)?(?:[A-Za-z]:)?[^:]+\.(?:kts?|java)):(?: \((\d+), (\d+)\):|(\d+):(\d+):?) (.*)$"
        );
        if let Some(found) = gradle.captures(text) {
            let n =
                |a: usize, b: usize| found.get(a).or_else(|| found.get(b)).and_then(|m| number(m.as_str()));
            let file = found[2].strip_prefix("file://").unwrap_or(&found[2]);
            report(out, file, n(3, 5), n(4, 6), &found[1] == "e", &found[7]);
            return Response::Consumed(Next::Idle);
        }
        let alone = re!(r"^((?:[A-Za-z]:)?[^:]+\.kts?):(\d+):(\d+): (error|warning): (.*)$");
        if let Some(found) = alone.captures(text) {
            report(out, &found[1], number(&found[2]), number(&found[3]), &found[4] == "error", &found[5]);
            return Response::Consumed(Next::Idle);
        }
        Response::Declined(Next::Idle)
    }
}

fn report(
    out: &mut Findings,
    file: &str,
    line: Option<u32>,
    column: Option<u32>,
    error: bool,
    message: &str,
) {
    let severity = if error { Severity::Error } else { Severity::Warning };
    let lower = message.to_lowercase();
    let kind = if lower.starts_with("expecting ")
        || lower.starts_with("unexpected tokens")
        || lower.starts_with("syntax error")
    {
        Category::Syntax
    } else {
        category(message, severity)
    };
    out.bug(FindingBuilder::new("kotlin", kind, message).at(file, line, column).severity(severity));
}
