//! Linters that draw: Biome (`path:1:8 rule ━━━`, then `✖ message`), and oxlint, which prints as miette does
//! (`× message`, then `╭─[path:1:26]`).

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::paths::relative;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use super::frames;
use super::hints::{command, shell_word};
use crate::contract::bug::{Applicability, Category, Severity};

/// Lines that trigger [`Biome`].
pub(super) const BIOME: &[&str] = &[
    r"^\S+(:[0-9]+:[0-9]+)? (lint|parse|format|assist|organizeImports|suppressions|check)\S* .*\xe2\x94\x81\xe2\x94\x81",
];
/// Lines that trigger [`Oxlint`].
pub(super) const OXLINT: &[&str] =
    &[r"^\s*(\xc3\x97|\xe2\x9a\xa0|x|!) \S", r"^\s*[,\xe2\x95\xad][-\xe2\x94\x80]+\[\S+:[0-9]+:[0-9]+\]"];

#[derive(Default)]
pub(super) struct Biome {
    open: Option<FindingBuilder>,
}

impl ToolParser for Biome {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(caps) = re!(r"^(\S+?)(?::(\d+):(\d+))? ((?:lint|parse|format|assist|organizeImports|suppressions|check)\S*)(?:\s+FIXABLE)? .*━").captures(text) {
            let get = |i| caps.get(i).and_then(|m| number(m.as_str()));
            let rule = &caps[4];
            let category = match rule.split('/').next() {
                Some("parse") => Category::Syntax,
                Some("format" | "assist" | "organizeImports") => Category::Format,
                _ => Category::Lint,
            };
            let mut finding = FindingBuilder::new("biome", category, "").at(&caps[1], get(2), get(3)).span(line.number, line.number).code(rule);
            let file = shell_word(&relative(&caps[1], &[]));
            if category == Category::Format {
                let run = format!("npx biome check --write {file}");
                finding.hint = Some(command("the file differs from what Biome writes", Applicability::MachineApplicable, run));
            } else if text.contains(" FIXABLE ") {
                let run = format!("npx biome lint --write {file}");
                finding.hint = Some(command("Biome offers a fix", Applicability::MaybeIncorrect, run));
            }
            self.open = Some(finding);
            return Response::Consumed(Next::Active);
        }
        let Some(finding) = &mut self.open else { return Response::Declined(Next::Idle) };
        if text.trim().is_empty() {
            return Response::Consumed(Next::Active);
        }
        let message = text.trim_start();
        let mark = message.chars().next().filter(|_| text.starts_with("  "));
        let severity = match mark {
            Some('✖' | '×') => Severity::Error,
            Some('!' | '⚠') => Severity::Warning,
            Some('i' | 'ℹ') => Severity::Info,
            _ => {
                self.open = None;
                return Response::Declined(Next::Idle);
            }
        };
        finding.message = message.chars().skip(1).collect::<String>().trim().to_owned();
        finding.severity = severity;
        finding.log.last = line.number;
        // What cannot be parsed is reported as such.
        if !finding.message.starts_with("Code formatting aborted due to parsing errors") {
            out.bug(finding.clone());
        }
        self.open = None;
        Response::Consumed(Next::Idle)
    }
}

#[derive(Default)]
pub(super) struct Oxlint {
    message: Option<(Severity, String, u64)>,
}

impl ToolParser for Oxlint {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim();
        if let Some(caps) = re!(r"^[╭,][─-]+\[\s*(.+?:\d+:\d+)\s*\]").captures(text)
            && let Some((severity, message, first)) = self.message.take()
            && let Some(at) = frames::location(&caps[1])
        {
            let (code, message) = match re!(r"^([\w-]+\([\w/-]+\)): (.*)$").captures(&message) {
                Some(caps) => (Some(caps[1].to_owned()), caps[2].to_owned()),
                None => (None, message),
            };
            let category = if code.is_some() { Category::Lint } else { Category::Syntax };
            let mut finding =
                FindingBuilder::new("oxlint", category, message).severity(severity).span(first, line.number);
            finding.location = Some(at);
            finding.code = code;
            out.bug(finding);
            return Response::Consumed(Next::Idle);
        }
        let mut chars = text.chars();
        let severity = match chars.next() {
            Some('×' | 'x') => Severity::Error,
            Some('⚠' | '!') => Severity::Warning,
            _ => {
                return if self.message.as_ref().is_some_and(|(_, _, first)| line.number < first + 4) {
                    Response::Declined(Next::Active)
                } else {
                    Response::Declined(Next::Idle)
                };
            }
        };
        // What stands there alone may be anyone's: it counts only with a place under it.
        self.message = Some((severity, chars.as_str().trim().to_owned(), line.number));
        Response::Declined(Next::Active)
    }
}
