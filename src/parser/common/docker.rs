//! Docker builds: which instruction failed, and errors of the Dockerfile itself.

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::Category;

pub(super) const TOOL: Tool = Tool {
    name: "docker-build",
    triggers: &[
        r"^ > \[.*\]",
        r"^(?:\S*[Dd]ockerfile\S*):[0-9]+$",
        r"^(?:ERROR|error): failed to (?:solve|build)",
        r"^The command '.*' returned a non-zero code: ",
        r"^(?:Error response from daemon|dockerfile parse error|unable to prepare context)",
        r"^(?:COPY|ADD) failed: ",
        r"^ ---> Running in [0-9a-f]+$",
        r"^failed to solve: ",
    ],
    new: |_| Box::new(Docker::default()),
};

/// Lines of the failing step that are told, and bytes of each.
const QUOTED: usize = 5;
const WIDTH: usize = 300;

#[derive(Default)]
struct Docker {
    /// In the repeated output of the failing step.
    quoting: bool,
    /// The older builder runs a step and passes on what that prints; others may read it too.
    running: bool,
    /// Where that output began, and its end.
    quoted: Option<(u64, Vec<String>)>,
    location: Option<(String, Option<u32>, u64)>,
}

impl ToolParser for Docker {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if text.starts_with(" ---> ") || text.starts_with("Removing intermediate container ") {
            self.running = text.starts_with(" ---> Running in ");
            self.quoted = self.running.then_some((line.number, Vec::new()));
            return if self.running {
                Response::Consumed(Next::Active)
            } else {
                Response::Declined(Next::Idle)
            };
        }
        if text.starts_with(" > [") {
            self.quoting = true;
            self.quoted = Some((line.number, Vec::new()));
            return Response::Consumed(Next::Active);
        }
        if text.trim() == "------" {
            self.quoting = false;
            return Response::Consumed(Next::Active);
        }
        if let Some(c) = re!(r"^(\S*[Dd]ockerfile\S*):(\d+)$").captures(text) {
            self.quoting = false;
            self.location = Some((c[1].to_owned(), number(&c[2]), line.number));
            return Response::Consumed(Next::Active);
        }
        let error = re!(r"^(?:(?:ERROR|error): )?failed to (?:solve|build): (.*)$").captures(text).map(|c| c[1].to_owned())
            .or_else(|| re!(r"^(?:The command '.*' returned a non-zero code: |Error response from daemon|dockerfile parse error|unable to prepare context|(?:COPY|ADD) failed: )").is_match(text).then(|| text.to_owned()));
        if let Some(message) = error {
            let ran = re!(r"did not complete successfully|returned a non-zero code|executor failed running")
                .is_match(&message);
            let category = if re!(r"(?i)pull access denied|toomanyrequests|failed to resolve source metadata|failed to do request|i/o timeout|no such host|failed to fetch|429|50[023] ").is_match(&message) {
                Category::Environment
            } else {
                Category::Configuration
            };
            let (first, quoted) = self.quoted.take().unwrap_or((line.number, Vec::new()));
            let message = std::iter::once(message).chain(quoted).collect::<Vec<_>>().join("\n");
            let mut finding = FindingBuilder::new("docker-build", category, message).span(first, line.number);
            if let Some(c) = re!(r"dockerfile parse error (?:on )?line (\d+)").captures(text) {
                finding = finding.at("Dockerfile", number(&c[1]), None);
            }
            if let Some((file, at, first)) = self.location.take() {
                finding = finding.at(&file, at, None).span(first, line.number);
            }
            // What the instruction ran says why, where a parser speaks.
            out.bug(if ran { finding.consequence() } else { finding });
            return Response::Consumed(Next::Finished);
        }
        if let Some((_, lines)) = self.quoted.as_mut().filter(|_| self.quoting || self.running) {
            let reported = re!(r"^\d+\.\d+ +").replace(text, "");
            if !reported.trim().is_empty() {
                lines.push(reported.chars().take(WIDTH).collect());
                let surplus = lines.len().saturating_sub(QUOTED);
                lines.drain(..surplus);
            }
        }
        if self.running && !text.starts_with("##[") {
            return Response::Declined(Next::Active);
        }
        if self.quoting || (self.location.is_some() && re!(r"^(?:\s*\d+ \||-{10,}|\s*$)").is_match(text)) {
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("##[") {
            Response::Declined(Next::Finished)
        } else {
            Response::Declined(Next::Idle)
        }
    }
}
