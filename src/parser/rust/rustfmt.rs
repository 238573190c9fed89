//! `cargo fmt --check`: `Diff in src/main.rs:3:` and the hunk below it. One report per file, with the whole fix.

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Applicability, Category, Suggestion};

pub(super) const TOOL: Tool = Tool {
    name: "rustfmt",
    triggers: &[r"^Diff in .+(?::[0-9]+:?| at line [0-9]+:)$"],
    new: |_| Box::new(Rustfmt::default()),
};

#[derive(Default)]
struct Rustfmt {
    file: Option<(String, FindingBuilder, u64)>,
    hunk: Option<Hunk>,
}

/// Where the next line of the file as it is stands, and the change being read.
struct Hunk {
    next: u32,
    start: u32,
    old: Vec<String>,
    new: Vec<String>,
}

impl ToolParser for Rustfmt {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        if let Some(c) = re!(r"^Diff in (?:\\\\\?\\)?(.+?)(?::(\d+):?| at line (\d+):)$").captures(line.text)
        {
            self.end_change();
            let Some(at) = c.get(2).or_else(|| c.get(3)).and_then(|m| number(m.as_str())) else {
                return Response::Declined(Next::Finished);
            };
            if self.file.as_ref().is_none_or(|(file, ..)| *file != c[1]) {
                self.report(line.number, out);
                let finding =
                    FindingBuilder::new("rustfmt", Category::Format, "not formatted as rustfmt formats it");
                self.file = Some((c[1].to_owned(), finding.at(&c[1], Some(at), None), line.number));
            } else if let Some((file, finding, _)) = &mut self.file {
                finding.related.push(location(file, Some(at), None));
            }
            self.hunk = Some(Hunk { next: at, start: at, old: Vec::new(), new: Vec::new() });
            return Response::Consumed(Next::Active);
        }
        let mut chars = line.text.chars();
        let (sign, rest) = (chars.next(), chars.as_str());
        match (sign, &mut self.hunk) {
            (Some('-'), Some(hunk)) => {
                if !hunk.new.is_empty() {
                    self.end_change();
                }
                if let Some(hunk) = &mut self.hunk {
                    hunk.old.push(rest.to_owned());
                    hunk.next += 1;
                }
                Response::Consumed(Next::Active)
            }
            (Some('+'), Some(hunk)) => {
                hunk.new.push(rest.to_owned());
                Response::Consumed(Next::Active)
            }
            (Some(' ') | None, Some(_)) => {
                self.end_change();
                if let Some(hunk) = &mut self.hunk {
                    hunk.next += 1;
                    hunk.start = hunk.next;
                }
                Response::Consumed(Next::Active)
            }
            _ => {
                self.end_change();
                self.report(line.number, out);
                Response::Declined(Next::Finished)
            }
        }
    }

    fn finish(&mut self, out: &mut Findings) {
        self.end_change();
        let now = out.now() + 1;
        self.report(now, out);
    }
}

impl Rustfmt {
    fn end_change(&mut self) {
        let (Some(hunk), Some((file, finding, _))) = (&mut self.hunk, &mut self.file) else { return };
        if hunk.old.is_empty() && hunk.new.is_empty() {
            return;
        }
        let change = Suggestion::ReplaceLines {
            file: file.clone(),
            line: hunk.start,
            old: std::mem::take(&mut hunk.old),
            new: std::mem::take(&mut hunk.new),
        };
        hunk.start = hunk.next;
        finding.add_suggestion("cargo fmt", Applicability::MachineApplicable, change);
    }

    fn report(&mut self, now: u64, out: &mut Findings) {
        if let Some((_, finding, first)) = self.file.take() {
            out.bug(finding.span(first, now.saturating_sub(1).max(first)));
        }
        self.hunk = None;
    }
}
