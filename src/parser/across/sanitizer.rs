//! AddressSanitizer and its kin: what went wrong, and the first stack.

use super::super::findings::{Draft, Findings, number, place};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Flow, Tool, ToolParser};
use crate::contract::bug::Category;

/// Lines without a frame read in search of the stack.
const MAX_LINES: u64 = 30;

pub(super) const TOOL: Tool = Tool {
    name: "sanitizer",
    triggers: &[r"^==[0-9]+==(?:ERROR|WARNING): [A-Za-z]+Sanitizer: ", r"^WARNING: ThreadSanitizer: "],
    new: || Box::new(Sanitizer::default()),
};

#[derive(Default)]
struct Sanitizer {
    open: Option<Draft>,
}

impl ToolParser for Sanitizer {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text.trim_end();
        let Some(draft) = &mut self.open else {
            let words = text.split_once("Sanitizer: ").map_or(text, |(_, words)| words);
            // Addresses and process ids differ from run to run.
            let words = re!(r" (?:on (?:unknown )?address|\(pid=).*$").replace(words, "");
            self.open = Some(Draft::new("sanitizer", Category::Runtime, words).span(line.no, line.no));
            return Flow::Take;
        };
        let frame = re!(r"^\s+#\d+ (?:0x[0-9a-f]+ in )?.*? ([^\s():]+\.\w+):(\d+)(?::(\d+))?(?: \(.*)?$");
        if let Some(found) = frame.captures(text) {
            // The C library and the sanitizer itself, as they were built.
            if !re!(r"^(?:\.\./)+(?:sysdeps|csu|nptl)/|/(?:libsanitizer|compiler-rt)/").is_match(&found[1]) {
                let column = found.get(3).and_then(|m| number(m.as_str()));
                draft.frames.push(place(&found[1], number(&found[2]), column));
            }
            draft.log.last = line.no;
            return Flow::Take;
        }
        let stack_ended = !draft.frames.is_empty() && text.is_empty();
        if stack_ended || text.starts_with("SUMMARY: ") || line.no - draft.log.last > MAX_LINES {
            self.finish(out);
            return Flow::Done;
        }
        Flow::Take
    }

    fn finish(&mut self, out: &mut Findings) {
        if let Some(draft) = self.open.take() {
            out.failed();
            out.bug(draft);
        }
    }
}
