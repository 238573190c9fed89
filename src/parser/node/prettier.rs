//! Prettier's `--check`: files that are not formatted, files that cannot be parsed.

use std::sync::LazyLock;

use regex::Regex;

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::paths::relative;
use super::super::registry::{Next, Response, ToolParser};
use super::hints::{command, shell_word};
use crate::contract::bug::{Applicability, Category};

/// Lines that trigger [`Prettier`].
pub(super) const TRIGGERS: &[&str] =
    &[r"^\[(warn|error)\] \S", r"^Checking formatting\.\.\.", r"^All matched files use Prettier code style"];

static BROKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^\[error\] (?P<path>[^:]+|[A-Z]:[^:]+): (?P<msg>\w*Error: .*?)(?: \((?P<l>\d+):(?P<c>\d+)\))?$",
    )
    .expect("a literal")
});

#[derive(Default)]
pub(super) struct Prettier;

impl ToolParser for Prettier {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if text.starts_with("All matched files use Prettier") {
            out.succeeded();
            return Response::Consumed(Next::Idle);
        }
        if let Some(caps) = BROKEN.captures(text) {
            let get = |name| caps.name(name).map(|m| m.as_str());
            let category = if caps["msg"].starts_with("SyntaxError") {
                Category::Syntax
            } else {
                Category::Configuration
            };
            let location = (get("l").and_then(number), get("c").and_then(number));
            out.bug(FindingBuilder::new("prettier", category, &caps["msg"]).at(
                &caps["path"],
                location.0,
                location.1,
            ));
            return Response::Consumed(Next::Idle);
        }
        if let Some(rest) = text.strip_prefix("[warn] ") {
            if is_file(rest) {
                let run = format!("npx prettier --write {}", shell_word(&relative(rest, &[])));
                let message = "code style differs from Prettier's";
                let mut finding =
                    FindingBuilder::new("prettier", Category::Format, message).at(rest, None, None);
                finding.hint = Some(command(message, Applicability::MachineApplicable, run));
                out.bug(finding);
            }
            return Response::Consumed(Next::Idle);
        }
        if text.starts_with("[error] ")
            || text.starts_with("Checking formatting...")
            || text.starts_with("Error occurred when checking code style")
        {
            return Response::Consumed(Next::Idle);
        }
        Response::Declined(Next::Idle)
    }
}

/// A path and not a sentence (`Code style issues found in 2 files. …`, `Ignored unknown option …`).
fn is_file(text: &str) -> bool {
    let name = text.rsplit(['/', '\\']).next().unwrap_or(text);
    let sentence = text.contains(' ') && (text.ends_with(['.', '?', ':']) || !name.contains('.'));
    let extension =
        name.rsplit_once('.').is_some_and(|(_, ext)| (1..=12).contains(&ext.len()) && !ext.contains(' '));
    extension && !sentence
}
