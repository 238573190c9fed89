//! pylint: text (plain or coloured), parseable, msvs.

use crate::contract::bug::{Category, Severity};
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const PYLINT: Tool = Tool {
    name: "pylint",
    triggers: &[
        r"^[^ :\t][^:\t]*:[0-9]+:[0-9]+: [CRWEF][0-9]{4}: ",
        r"^[^ :\t][^:\t]*:[0-9]+: \[[CRWEF][0-9]{4}[(,]",
        r"^[^ :\t][^:\t]*\([0-9]+\): \[[CRWEF][0-9]{4}[(,]",
        r"^[CRWEF]: *[0-9]+, *[0-9]+: ",
        r"^\*{13} Module ",
    ],
    new: |_| Box::new(Pylint::default()),
};

#[derive(Default)]
struct Pylint {
    /// Of the last `Module` head, for the old format that names no file.
    module: Option<String>,
}

impl ToolParser for Pylint {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(module) = text.strip_prefix("************* Module ") {
            self.module = Some(module.to_owned());
            return Response::Consumed(Next::Idle);
        }
        if let Some(found) = re!(r"^(.+?):(\d+):(\d+): ([CRWEF]\d{4}): (.*)$").captures(text) {
            // Columns are counted from 0 here; 0 says no more than the line does.
            let (message, symbol) = split_symbol(&found[5]);
            report(out, &found[1], &found[2], number(&found[3]), &found[4], message, symbol);
            return Response::Consumed(Next::Idle);
        }
        let listed = re!(r"^(.+?)(?::(\d+)|\((\d+)\)): \[([CRWEF]\d{4})(?:\(([\w-]+)\))?[^\]]*\] (.*)$");
        if let Some(found) = listed.captures(text) {
            let at = found.get(2).or_else(|| found.get(3)).map_or("", |m| m.as_str());
            report(out, &found[1], at, None, &found[4], &found[6], found.get(5).map(|m| m.as_str()));
            return Response::Consumed(Next::Idle);
        }
        if let Some(found) = re!(r"^([CRWEF]): *(\d+), *(\d+): (.*)$").captures(text)
            && let Some(module) = &self.module
        {
            let file = format!("{}.py", module.replace('.', "/"));
            let (message, symbol) = split_symbol(&found[4]);
            report(out, &file, &found[2], number(&found[3]), &found[1], message, symbol);
            return Response::Consumed(Next::Idle);
        }
        Response::Declined(Next::Idle)
    }
}

/// `Missing module docstring (missing-module-docstring)`
fn split_symbol(message: &str) -> (&str, Option<&str>) {
    match message.rsplit_once(" (") {
        Some((text, symbol)) if symbol.ends_with(')') && !symbol.contains(' ') => {
            (text, symbol.strip_suffix(')'))
        }
        _ => (message, None),
    }
}

fn report(
    out: &mut Findings,
    file: &str,
    at: &str,
    column: Option<u32>,
    code: &str,
    message: &str,
    symbol: Option<&str>,
) {
    let category = match code {
        "E0001" if message.to_lowercase().contains("indent") => Category::Indentation,
        "E0001" => Category::Syntax,
        "E0401" | "E0611" => Category::Import,
        _ => Category::Lint,
    };
    let severity = if code.starts_with(['E', 'F']) { Severity::Error } else { Severity::Warning };
    let code = if code.len() == 1 { symbol.unwrap_or(code) } else { code };
    out.bug(
        FindingBuilder::new("pylint", category, message)
            .at(file, number(at), column)
            .code(code)
            .severity(severity)
            // Whatever it says makes its exit code.
            .counted(),
    );
}
