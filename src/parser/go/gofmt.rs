//! gofmt, gofumpt and goimports: `-d` prints a diff, `-l` only names. shfmt prints its diffs alike.

use super::super::diff::{Hunks, lines_of};
use super::super::findings::{FindingBuilder, Findings, location};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Applicability, Category, Suggestion};

pub(super) const TOOL: Tool = Tool {
    name: "gofmt",
    triggers: &[
        r"^diff (?:-u )?\S+\.go(?:\.orig)? \S+\.go$",
        r"^diff \S+\.orig \S+$",
        r"^[^\s:]+\.go$",
        r"^.*(?:gofmt|gofumpt|goimports)\b",
    ],
    new: |_| Box::new(Gofmt::default()),
};

#[derive(Default)]
struct Gofmt {
    diff: Option<(String, Hunks, u64)>,
    /// A command or a message before spoke of gofmt.
    announced: bool,
    /// Names alone on their line.
    names: Vec<(String, u64)>,
    lines: u64,
}

impl ToolParser for Gofmt {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(file) = compared(text) {
            self.flush(line.number, out);
            self.diff = Some((file.to_owned(), Hunks::new(file), line.number));
            return Response::Consumed(Next::Active);
        }
        if let Some((_, hunks, first)) = &mut self.diff {
            let header = line.number <= *first + 2 && re!(r"^(?:---|\+\+\+) ").is_match(text);
            if header || hunks.line(text) {
                return Response::Consumed(Next::Active);
            }
            self.flush(line.number, out);
        }
        if re!(r"^[^\s:]+\.go$").is_match(text) {
            self.lines += 1;
            if self.names.len() < 10_000 {
                self.names.push((text.to_owned(), line.number));
            }
            return Response::Declined(Next::Idle);
        }
        if re!(r"\b(?:gofmt|gofumpt|goimports)\b").is_match(text) {
            self.announced = true;
        }
        Response::Declined(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        let now = out.now() + 1;
        self.flush(now, out);
        // Names alone may be anything; said by gofmt, or all there is, they are files to format.
        if self.announced || self.lines == out.now() {
            for (name, line_number) in std::mem::take(&mut self.names) {
                let run = format!("gofmt -w {name}");
                let finding =
                    FindingBuilder::new("gofmt", Category::Format, "not formatted as gofmt formats it")
                        .at(&name, None, None);
                let finding = finding.suggest(
                    "gofmt -w",
                    Applicability::MachineApplicable,
                    Suggestion::Command { run },
                );
                out.bug(finding.span(line_number, line_number));
            }
        }
    }
}

/// The file of a diff's first line.
fn compared(text: &str) -> Option<&str> {
    let file = re!(r"^diff (?:-u )?\S+\.go(?:\.orig)? (\S+\.go)$").captures(text).and_then(|c| c.get(1));
    file.map(|file| file.as_str()).or_else(|| {
        let (old, file) = text.strip_prefix("diff ")?.split_once(' ')?;
        (old.strip_suffix(".orig") == Some(file)).then_some(file)
    })
}

impl Gofmt {
    fn flush(&mut self, now: u64, out: &mut Findings) {
        let Some((file, hunks, first)) = self.diff.take() else { return };
        let tool = if file.ends_with(".go") { "gofmt" } else { "shfmt" };
        let mut finding =
            FindingBuilder::new(tool, Category::Format, format!("not formatted as {tool} formats it"));
        let changes = hunks.finish();
        let mut lines = lines_of(&changes);
        finding = finding.at(&file, lines.next(), None);
        finding.related = lines.map(|at| location(&file, Some(at), None)).collect();
        for change in changes {
            finding = finding.suggest(tool, Applicability::MachineApplicable, change);
        }
        out.bug(finding.span(first, now.saturating_sub(1).max(first)));
    }
}
