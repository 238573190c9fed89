//! rustc's rendered diagnostics: `error[E0432]: …`, ` --> file:line:column`, labels, notes, `help:`.
//!
//! Covers cargo's TOML diagnostics (the same shape) and `--message-format short` and `json`.

use std::collections::BTreeMap;

use super::super::drawing::Drawing;
use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use super::{clippy, suggestion};
use crate::contract::bug::{Applicability, Category, Location, Severity, Suggestion};

pub(super) const TOOL: Tool = Tool {
    name: "rustc",
    triggers: &[
        r"^(?:error|warning)(?:\[[A-Za-z_:0-9-]+\])?: ",
        r"^[^\s:][^:]*\.rs:[0-9]+:[0-9]+: (?:error|warning)",
        r#"^\{"reason":"compiler-message""#,
    ],
    new: |_| Box::new(Rustc::default()),
};

/// Lines between the header and its `-->`: a message may have several.
const MAX_HEADER: usize = 40;
/// Lints remembered by their messages.
const MAX_LINTS: usize = 1_000;
/// Lines kept of one diagnostic.
const MAX_BLOCK: usize = 500;

#[derive(Default)]
struct Rustc {
    block: Option<Block>,
    /// Lints named so far, by what their diagnostics say: the note that names one is printed once.
    lints: BTreeMap<String, String>,
}

/// A diagnostic being read.
struct Block {
    first: u64,
    lines: Vec<String>,
    /// The first `-->` has been seen.
    placed: bool,
}

impl ToolParser for Rustc {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(short) = short(text) {
            self.flush(line.number, out);
            out.bug(short);
            return Response::Consumed(Next::Idle);
        }
        if text.starts_with("{\"reason\":\"compiler-message\"") {
            self.flush(line.number, out);
            let rendered = serde_json::from_str::<serde_json::Value>(text)
                .ok()
                .and_then(|v| Some(v.pointer("/message/rendered")?.as_str()?.to_owned()));
            if let Some(finding) =
                rendered.and_then(|r| read(&r.lines().map(str::to_owned).collect::<Vec<_>>()))
            {
                out.bug(finding);
            }
            return Response::Consumed(Next::Idle);
        }
        if let Some((_, code, message)) = header(text) {
            self.flush(line.number, out);
            if is_summary(message) {
                return Response::Declined(Next::Idle);
            }
            self.block = Some(Block { first: line.number, lines: vec![text.to_owned()], placed: false });
            // Without a code it may be another tool's.
            return if code.is_some() {
                Response::Consumed(Next::Active)
            } else {
                Response::Declined(Next::Active)
            };
        }
        let Some(block) = &mut self.block else { return Response::Declined(Next::Idle) };
        block.placed |= re!(r"^\s*(?:-->|╭▸|┌─|:::) ").is_match(text);
        let goes_on = if block.placed {
            re!(r"^(?:\s*(?:\d+|LL)?\s*[|=+~│╰‡┆-](?:\s|$)|\.\.\.|(?:note|help|warning): |\s+\S|\d+ ?[/|\\])")
                .is_match(text)
        } else {
            !text.trim().is_empty() && block.lines.len() <= MAX_HEADER
        };
        if !goes_on {
            self.flush(line.number, out);
            return Response::Declined(Next::Idle);
        }
        if block.lines.len() < MAX_BLOCK {
            block.lines.push(text.to_owned());
        }
        if block.placed { Response::Consumed(Next::Active) } else { Response::Declined(Next::Active) }
    }

    fn finish(&mut self, out: &mut Findings) {
        let now = out.now() + 1;
        self.flush(now, out);
    }
}

impl Rustc {
    /// Gives a lint's later findings the name that only its first one carries.
    fn name_lint(&mut self, finding: &mut FindingBuilder) {
        let key = kind_of_message(&finding.message);
        if finding.category == Category::Lint {
            if let Some(code) = finding.code.clone().filter(|_| self.lints.len() < MAX_LINTS) {
                self.lints.insert(key, code);
            }
        } else if finding.code.is_none()
            && finding.tool == "rustc"
            && let Some(code) = self.lints.get(&key)
        {
            finding.code = Some(code.clone());
            finding.category = Category::Lint;
        }
    }

    fn flush(&mut self, now: u64, out: &mut Findings) {
        let Some(block) = self.block.take() else { return };
        if let Some(mut finding) = read(&block.lines) {
            self.name_lint(&mut finding);
            out.bug(finding.span(block.first, now.saturating_sub(1).max(block.first)));
        }
    }
}

/// A message's first line without the names in it.
fn kind_of_message(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    re!(r"`[^`]*`").replace_all(first, "``").into_owned()
}

/// Severity, code and message of a header line.
fn header(text: &str) -> Option<(Severity, Option<&str>, &str)> {
    let c = re!(r"^(error|warning)(?:\[([A-Za-z_:0-9-]+)\])?: (.*)$").captures(text)?;
    let severity = if &c[1] == "error" { Severity::Error } else { Severity::Warning };
    Some((severity, c.get(2).map(|m| m.as_str()), c.get(3).map_or("", |m| m.as_str())))
}

/// Headers that only count or repeat what came before.
fn is_summary(message: &str) -> bool {
    re!(r"^(?:aborting due to|could not (?:compile|document)|build failed|\d+ warnings? emitted|`[^`]+` \([^)]*\) generated \d+ warning|unused manifest key|(?:doc)?test failed)")
        .is_match(message)
}

/// `src/main.rs:3:5: warning: …`
fn short(text: &str) -> Option<FindingBuilder> {
    let c = re!(r"^([^\s:][^:]*\.rs):(\d+):(\d+): (error|warning)(?:\[(E\d+)\])?: (.*)$").captures(text)?;
    let code = c.get(5).map(|m| m.as_str());
    let severity = if &c[4] == "error" { Severity::Error } else { Severity::Warning };
    let mut finding = FindingBuilder::new("rustc", category(code, &c[6], &c[1]), &c[6]).severity(severity);
    finding.code = code.map(str::to_owned);
    Some(finding.at(&c[1], number(&c[2]), number(&c[3])))
}

/// One whole diagnostic. `None` where it is another tool's line that only looks like a header.
fn read(lines: &[String]) -> Option<FindingBuilder> {
    let (severity, code, first) = header(lines.first()?)?;
    let mut message = first.to_owned();
    let mut locations: Vec<Location> = Vec::new();
    let mut lint = None;
    let mut in_header = true;
    let mut drawing = Drawing::default();
    for text in &lines[1..] {
        if let Some(c) = re!(r"^\s*(?:-->|╭▸|┌─|:::) (.+?):(\d+):(\d+)(?:: .*)?$").captures(text) {
            in_header = false;
            locations.push(location(&c[1], number(&c[2]), number(&c[3])));
        } else if in_header {
            message.push('\n');
            message.push_str(text);
        } else if let Some(name) = clippy::lint_name(text) {
            lint = Some(name);
        } else if locations.len() == 1 {
            drawing.line(text, locations[0].line);
        }
    }
    if locations.is_empty() && (code.is_none() || !code.is_some_and(|c| c.starts_with('E'))) {
        return None;
    }
    let file = locations.first().map_or(String::new(), |p| p.file.clone());
    let tool = if lint.as_deref().is_some_and(|l| l.starts_with("clippy::")) { "clippy" } else { "rustc" };
    let codespan = lines.iter().any(|l| l.trim_start().starts_with("┌─"));
    let spoken = other_speaker(&file, code, first);
    let (tool, category) = match (&lint, codespan) {
        _ if spoken.is_some() => spoken.unwrap_or((tool, Category::Lint)),
        // Others frame their findings alike; cargo-deny's have codes.
        (_, true) if code.is_none() => ("lint", Category::Lint),
        (_, true) => ("cargo-deny", super::deny::category(code.unwrap_or(""))),
        (None, _) if file.ends_with(".toml") => ("cargo", Category::Configuration),
        (Some(_), _) => (tool, Category::Lint),
        (None, _) => (tool, category(code, &message, &file)),
    };
    let mut finding = FindingBuilder::new(tool, category, message).severity(severity);
    finding.code = code.map(str::to_owned).or(lint);
    finding.hint = suggestion::read(lines, &file);
    if let Some(import) = re!(r"^unused imports?: (.+)$").captures(first) {
        let at = locations.first().and_then(|p| p.line).unwrap_or(1);
        for name in import[1].split(", ") {
            let name = name.trim_matches('`').to_owned();
            finding = finding.suggest(
                first,
                Applicability::MachineApplicable,
                Suggestion::RemoveImport { file: file.clone(), line: at, name },
            );
        }
    }
    if finding.category == Category::Type
        && let Some(hint) = &finding.hint
        && re!(r"import").is_match(&hint.text)
    {
        finding.category = Category::Import;
    }
    // The first place is the primary span; in a macro of another crate the next own one is the invocation.
    finding.frames = locations;
    finding.end_line = drawing.end();
    Some(finding)
}

/// Tools of other languages that print as rustc does: told by the file, the rule and the message.
fn other_speaker(file: &str, code: Option<&str>, message: &str) -> Option<(&'static str, Category)> {
    let (_, ending) = file.rsplit_once('.').unwrap_or_default();
    let rule = code.is_some_and(|code| re!(r"^[a-z]+(?:-[a-z]+)*$").is_match(code));
    match ending {
        "py" | "pyi" if rule => Some(("ty", ty_category(code.unwrap_or_default()))),
        "js" | "jsx" | "mjs" | "ts" | "tsx" | "mts" if rule => Some(("deno-lint", Category::Lint)),
        "yml" | "yaml" if rule => Some(("zizmor", Category::Lint)),
        _ if code.is_none() && re!(r"^`[^`]+` should be `[^`]+`").is_match(message) => {
            Some(("typos", Category::Lint))
        }
        _ => None,
    }
}

/// ty's rules: imports and syntax apart from types.
pub(in crate::parser) fn ty_category(rule: &str) -> Category {
    match rule {
        "unresolved-import" | "possibly-missing-import" => Category::Import,
        "invalid-syntax" => Category::Syntax,
        _ => Category::Type,
    }
}

fn category(code: Option<&str>, message: &str, file: &str) -> Category {
    if file.ends_with(".toml") || file.ends_with(".lock") {
        return Category::Configuration;
    }
    match code {
        Some("E0432" | "E0433" | "E0583" | "E0463" | "E0464" | "E0460") => Category::Import,
        Some("E0765" | "E0758" | "E0762" | "E0763" | "E0766" | "E0748") => Category::Syntax,
        Some(_) => Category::Type,
        None if is_syntax(message) => Category::Syntax,
        None => Category::Type,
    }
}

fn is_syntax(message: &str) -> bool {
    re!(
        r"^(?:expected|unexpected|unclosed|mismatched closing|unknown start|unterminated|missing|found|invalid|this file contains|no rules expected|macro expansion ignores|extra|incorrect|`\w+` is not followed)"
    )
    .is_match(message)
}

#[cfg(test)]
mod tests {
    use crate::contract::bug::Category;
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn a_lints_later_findings_carry_its_name() {
        let finding = |line: u32, name: &str, note: &str| {
            format!(
                "error: unused variable: `{name}`\n --> src/a.rs:{line}:9\n  |\n{line} |     let {name} = 1;\n  |         ^\n  |\n{note}\n"
            )
        };
        let log = finding(3, "a", "  = note: `-D unused-variables` implied by `-D warnings`")
            + &finding(4, "b", "")
            + "error: cannot find `x`\n --> src/a.rs:9:9\n  |\n9 |     x;\n  |     ^\n";
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        let read: Vec<_> = bugs.iter().map(|bug| (bug.category, bug.code.as_deref())).collect();
        let lint = (Category::Lint, Some("unused_variables"));
        assert_eq!(read, [lint, lint, (Category::Type, None)]);
    }
}
