//! AddressSanitizer and its kin, and Valgrind: what went wrong, and the first stack.

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::Category;

/// Lines without a frame read in search of the stack.
const MAX_LINES: u64 = 30;

pub(super) const TOOL: Tool = Tool {
    name: "sanitizer",
    triggers: &[r"^==[0-9]+==(?:ERROR|WARNING): [A-Za-z]+Sanitizer: ", r"^WARNING: ThreadSanitizer: "],
    new: |_| Box::new(Sanitizer::default()),
};
pub(super) const VALGRIND: Tool = Tool {
    name: "valgrind",
    triggers: &[
        r"^==[0-9]+== (?:Invalid |Conditional jump or move depends|Use of uninitialised|Mismatched free|Source and destination overlap)",
        r"^==[0-9]+== [0-9,]+ (?:\([^)]*\) )?bytes in [0-9,]+ blocks are definitely lost",
    ],
    new: |_| Box::new(Valgrind::default()),
};

#[derive(Default)]
struct Valgrind {
    open: Option<FindingBuilder>,
}

impl ToolParser for Valgrind {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let Some(text) = re!(r"^==\d+==(.*)$").captures(line.text).map(|c| c[1].trim().to_owned()) else {
            // What the program itself printed.
            return Response::Declined(Next::Active);
        };
        let Some(finding) = &mut self.open else {
            let finding = FindingBuilder::new("valgrind", Category::Runtime, text).fallback();
            self.open = Some(finding.span(line.number, line.number));
            return Response::Consumed(Next::Active);
        };
        if let Some(frame) =
            re!(r"^(?:at|by) 0x[0-9A-Fa-f]+: .*? \((?:([^\s():]+):(\d+)|in [^)]*)\)$").captures(&text)
        {
            // A preloaded library of its own stands in for the allocator.
            if let Some(file) = frame.get(1).filter(|file| !file.as_str().starts_with("vg_")) {
                finding.frames.push(location(file.as_str(), number(&frame[2]), None));
            }
            finding.log.last = line.number;
            return Response::Consumed(Next::Active);
        }
        self.finish(out);
        // The next finding begins behind an empty line.
        Response::Declined(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        if let Some(finding) = self.open.take() {
            out.failed();
            out.bug(finding);
        }
    }
}

#[derive(Default)]
struct Sanitizer {
    open: Option<FindingBuilder>,
}

impl ToolParser for Sanitizer {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        let Some(finding) = &mut self.open else {
            let message = text.split_once("Sanitizer: ").map_or(text, |(_, message)| message);
            // Addresses and process ids differ from run to run.
            let message = re!(r" (?:on (?:unknown )?address|\(pid=).*$").replace(message, "");
            self.open = Some(
                FindingBuilder::new("sanitizer", Category::Runtime, message).span(line.number, line.number),
            );
            return Response::Consumed(Next::Active);
        };
        let frame = re!(r"^\s+#\d+ (?:0x[0-9a-f]+ in )?.*? ([^\s():]+\.\w+):(\d+)(?::(\d+))?(?: \(.*)?$");
        if let Some(found) = frame.captures(text) {
            // The C library and the sanitizer itself, as they were built.
            if !re!(r"^(?:\.\./)+(?:sysdeps|csu|nptl)/|/(?:libsanitizer|compiler-rt)/").is_match(&found[1]) {
                let column = found.get(3).and_then(|m| number(m.as_str()));
                finding.frames.push(location(&found[1], number(&found[2]), column));
            }
            finding.log.last = line.number;
            return Response::Consumed(Next::Active);
        }
        let stack_ended = !finding.frames.is_empty() && text.is_empty();
        if stack_ended || text.starts_with("SUMMARY: ") || line.number - finding.log.last > MAX_LINES {
            self.finish(out);
            return Response::Declined(Next::Finished);
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        if let Some(finding) = self.open.take() {
            out.failed();
            out.bug(finding);
        }
    }
}
