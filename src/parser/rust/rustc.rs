//! rustc's and clippy's rendered diagnostics: `error[E0432]: …`, ` --> file:line:column`, labels, notes, `help:`.

use super::super::findings::{Draft, Findings, number, place};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Flow, Tool, ToolParser};
use crate::contract::bug::{Category, Severity};

pub(super) const TOOL: Tool = Tool {
    name: "rustc",
    triggers: &[r"^(?:error|warning)(?:\[[A-Za-z_:0-9]+\])?: "],
    new: || Box::new(Rustc::default()),
};

/// Lines between the header and its `-->`: a message may have several.
const MAX_HEADER: u64 = 40;

#[derive(Default)]
struct Rustc {
    block: Option<Block>,
}

struct Block {
    draft: Draft,
    /// The first `-->` has been seen.
    placed: bool,
    first: u64,
}

impl ToolParser for Rustc {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text;
        if let Some(header) = re!(r"^(error|warning)(?:\[([A-Za-z_:0-9]+)\])?: (.*)$").captures(text) {
            self.flush(line.no, out);
            let code = header.get(2).map(|m| m.as_str().to_owned());
            let severity = if &header[1] == "error" { Severity::Error } else { Severity::Warning };
            let coded = code.is_some();
            let mut draft =
                Draft::new("rustc", category(code.as_deref(), &header[3]), &header[3]).severity(severity);
            draft.code = code;
            self.block = Some(Block { draft, placed: false, first: line.no });
            // Without a code it may be another tool's.
            return if coded { Flow::Take } else { Flow::Pass };
        }
        let Some(block) = &mut self.block else { return Flow::Rest };
        if let Some(at) = re!(r"^\s*(?:-->|:::) (.+?):(\d+):(\d+)$").captures(text) {
            let (file, row, column) = (&at[1], number(&at[2]), number(&at[3]));
            if block.placed {
                block.draft.related.push(place(file, row, column));
            } else {
                block.placed = true;
                block.draft.place = Some(place(file, row, column));
            }
            return Flow::Take;
        }
        if !block.placed {
            if text.is_empty() || line.no - block.first > MAX_HEADER {
                self.flush(line.no, out);
                return Flow::Rest;
            }
            block.draft.message.push('\n');
            block.draft.message.push_str(text);
            return Flow::Pass;
        }
        if re!(r"^(?:\s*(?:\d+|LL)?\s*[|=]|\.\.\.|(?:note|help): |\s+$|   )").is_match(text) {
            return Flow::Take;
        }
        self.flush(line.no, out);
        Flow::Rest
    }

    fn finish(&mut self, out: &mut Findings) {
        let now = out.now() + 1;
        self.flush(now, out);
    }
}

impl Rustc {
    fn flush(&mut self, now: u64, out: &mut Findings) {
        if let Some(block) = self.block.take().filter(|b| b.placed || b.draft.code.is_some()) {
            out.bug(block.draft.span(block.first, now.saturating_sub(1).max(block.first)));
        }
    }
}

fn category(code: Option<&str>, message: &str) -> Category {
    match code {
        Some("E0432" | "E0433" | "E0583" | "E0463") => Category::Import,
        Some(_) => Category::Type,
        None if message.starts_with("expected") || message.contains("unclosed") => Category::Syntax,
        None => Category::Type,
    }
}
