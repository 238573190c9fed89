//! Docker builds: which instruction failed, and errors of the Dockerfile itself.

use super::super::findings::{Draft, Findings, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Flow, Tool, ToolParser};
use crate::contract::bug::Category;

pub(super) const TOOL: Tool = Tool {
    name: "docker-build",
    triggers: &[
        r"^ > \[.*\]",
        r"^(?:\S*[Dd]ockerfile\S*):[0-9]+$",
        r"^(?:ERROR|error): failed to (?:solve|build)",
        r"^The command '.*' returned a non-zero code: ",
        r"^(?:Error response from daemon|dockerfile parse error|unable to prepare context)",
        r"^failed to solve: ",
    ],
    new: || Box::new(Docker::default()),
};

#[derive(Default)]
struct Docker {
    /// In the repeated output of the failing step.
    quoting: bool,
    place: Option<(String, Option<u32>, u64)>,
}

impl ToolParser for Docker {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text;
        if text.starts_with(" > [") {
            self.quoting = true;
            return Flow::Take;
        }
        if text.trim() == "------" {
            self.quoting = false;
            return Flow::Take;
        }
        if let Some(c) = re!(r"^(\S*[Dd]ockerfile\S*):(\d+)$").captures(text) {
            self.quoting = false;
            self.place = Some((c[1].to_owned(), number(&c[2]), line.no));
            return Flow::Take;
        }
        let error = re!(r"^(?:(?:ERROR|error): )?failed to (?:solve|build): (.*)$").captures(text).map(|c| c[1].to_owned())
            .or_else(|| re!(r"^(?:The command '.*' returned a non-zero code: |Error response from daemon|dockerfile parse error|unable to prepare context)").is_match(text).then(|| text.to_owned()));
        if let Some(message) = error {
            let ran = re!(r"did not complete successfully|returned a non-zero code").is_match(&message);
            let category = if re!(r"(?i)pull access denied|toomanyrequests|failed to resolve source metadata|failed to do request|i/o timeout|no such host|failed to fetch|429|50[023] ").is_match(&message) {
                Category::Environment
            } else {
                Category::Configuration
            };
            let mut draft = Draft::new("docker-build", category, message);
            if let Some(c) = re!(r"dockerfile parse error (?:on )?line (\d+)").captures(text) {
                draft = draft.at("Dockerfile", number(&c[1]), None);
            }
            if let Some((file, at, first)) = self.place.take() {
                draft = draft.at(&file, at, None).span(first, line.no);
            }
            // What the instruction ran says why, where a parser speaks.
            out.bug(if ran { draft.consequence() } else { draft });
            return Flow::Last;
        }
        if self.quoting || (self.place.is_some() && re!(r"^(?:\s*\d+ \||-{10,}|\s*$)").is_match(text)) {
            return Flow::Take;
        }
        if text.starts_with("##[") { Flow::Done } else { Flow::Rest }
    }
}
