//! gofmt, gofumpt and goimports: `-d` prints a diff, `-l` only names.

use super::super::diff::{Hunks, lines_of};
use super::super::findings::{Draft, Findings, place};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Flow, Tool, ToolParser};
use crate::contract::bug::{Applicability, Category, Suggestion};

pub(super) const TOOL: Tool = Tool {
    name: "gofmt",
    triggers: &[
        r"^diff (?:-u )?\S+\.go(?:\.orig)? \S+\.go$",
        r"^[^\s:]+\.go$",
        r"^.*(?:gofmt|gofumpt|goimports)\b",
    ],
    new: || Box::new(Gofmt::default()),
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
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text;
        if let Some(c) = re!(r"^diff (?:-u )?\S+\.go(?:\.orig)? (\S+\.go)$").captures(text) {
            self.flush(line.no, out);
            self.diff = Some((c[1].to_owned(), Hunks::new(&c[1]), line.no));
            return Flow::Take;
        }
        if let Some((_, hunks, first)) = &mut self.diff {
            let header = line.no <= *first + 2 && re!(r"^(?:---|\+\+\+) ").is_match(text);
            if header || hunks.line(text) {
                return Flow::Take;
            }
            self.flush(line.no, out);
        }
        if re!(r"^[^\s:]+\.go$").is_match(text) {
            self.lines += 1;
            if self.names.len() < 10_000 {
                self.names.push((text.to_owned(), line.no));
            }
            return Flow::Rest;
        }
        if re!(r"\b(?:gofmt|gofumpt|goimports)\b").is_match(text) {
            self.announced = true;
        }
        Flow::Rest
    }

    fn finish(&mut self, out: &mut Findings) {
        let now = out.now() + 1;
        self.flush(now, out);
        // Names alone may be anything; said by gofmt, or all there is, they are files to format.
        if self.announced || self.lines == out.now() {
            for (name, no) in std::mem::take(&mut self.names) {
                let run = format!("gofmt -w {name}");
                let draft = Draft::new("gofmt", Category::Format, "not formatted as gofmt formats it")
                    .at(&name, None, None);
                let draft =
                    draft.suggest("gofmt -w", Applicability::MachineApplicable, Suggestion::Command { run });
                out.bug(draft.span(no, no));
            }
        }
    }
}

impl Gofmt {
    fn flush(&mut self, now: u64, out: &mut Findings) {
        let Some((file, hunks, first)) = self.diff.take() else { return };
        let mut draft = Draft::new("gofmt", Category::Format, "not formatted as gofmt formats it");
        let changes = hunks.finish();
        let mut lines = lines_of(&changes);
        draft = draft.at(&file, lines.next(), None);
        draft.related = lines.map(|at| place(&file, Some(at), None)).collect();
        for change in changes {
            draft = draft.suggest("gofmt", Applicability::MachineApplicable, change);
        }
        out.bug(draft.span(first, now.saturating_sub(1).max(first)));
    }
}
