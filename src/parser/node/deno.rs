//! Deno: `deno check` and what it runs (`TS2322 [ERROR]: …`, `at file:///a.ts:1:14`), `deno fmt --check`, `deno test`.
//! `deno lint` prints as rustc does and is read there.

use super::super::findings::{FindingBuilder, Findings, TestOutcome};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use super::frames::{self, Frame};
use super::message::Message;
use super::tree::without_time;
use crate::contract::bug::{Category, Location};

/// Lines that trigger [`Deno`].
pub(super) const TRIGGERS: &[&str] = &[
    r"^(?:error: )?TS[0-9]+ \[ERROR\]: ",
    r"^from (?:/|[A-Za-z]:).*:$",
    r"^error: Found [0-9]+ not formatted files? in ",
    r"^running [0-9]+ tests? from ",
];

/// Files kept until it is known that the check failed.
const MAX_FILES: usize = 5_000;

#[derive(Default)]
pub(super) struct Deno {
    open: Option<Open>,
    /// Files whose difference was shown.
    files: Vec<(String, u64)>,
    /// Below `ERRORS`: the failing tests, each with its error.
    errors: bool,
}

struct Open {
    /// Of tsc, or none.
    code: Option<String>,
    test: Option<String>,
    message: Message,
    frames: Vec<Location>,
    first: u64,
    last: u64,
}

impl Open {
    fn new(line_number: u64) -> Self {
        let (message, frames) = (Message::default(), Vec::new());
        Self { code: None, test: None, message, frames, first: line_number, last: line_number }
    }
}

impl Deno {
    fn close(&mut self, out: &mut Findings) {
        let Some(open) = self.open.take() else { return };
        let message = open.message.text("the test failed");
        let category = match open.code.as_deref() {
            Some("TS2307" | "TS2305" | "TS2792") => Category::Import,
            Some(code) if code.starts_with("TS1") => Category::Syntax,
            Some(_) => Category::Type,
            None if message.contains("AssertionError") => Category::Logic,
            None => Category::Runtime,
        };
        let mut finding = FindingBuilder::new("deno", category, message).span(open.first, open.last);
        (finding.code, finding.test, finding.frames) = (open.code, open.test, open.frames);
        out.bug(finding);
    }

    /// What belongs to the error being read.
    fn more(&mut self, text: &str, line_number: u64) -> bool {
        let Some(open) = &mut self.open else { return false };
        if let Some(frame) = frames::frame(text).filter(|_| text.starts_with(' ')) {
            open.message.end();
            open.last = line_number;
            if let Frame::At(at) = frame {
                open.frames.push(at);
            }
        } else if open.code.is_some() {
            // The source and the marks under it.
            open.message.end();
            return open.frames.is_empty();
        } else if !re!(r"^\s*\^+$").is_match(text) {
            open.message.line(text);
        }
        true
    }
}

impl ToolParser for Deno {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(c) = re!(r"^(?:error: )?(TS\d+) \[ERROR\]: (\S.*)$").captures(text) {
            self.close(out);
            let mut open = Open::new(line.number);
            open.message.line(&c[2]);
            open.code = Some(c[1].to_owned());
            self.open = Some(open);
            return Response::Consumed(Next::Active);
        }
        if let Some(file) = text.strip_prefix("from ").and_then(|rest| rest.strip_suffix(':')) {
            if self.files.len() < MAX_FILES {
                self.files.push((file.to_owned(), line.number));
            }
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("error: Found ") && text.contains(" not formatted ") {
            for (file, first) in self.files.drain(..) {
                let finding =
                    FindingBuilder::new("deno", Category::Format, "not formatted as deno fmt formats it")
                        .at(&file, None, None)
                        .span(first, line.number);
                out.bug(finding);
            }
            return Response::Consumed(Next::Idle);
        }
        if let Some(c) = re!(r"^(\S.*?) \.\.\. (ok|FAILED|ignored)(?: \(.*\))?$").captures(text) {
            let outcome = match &c[2] {
                "ok" => TestOutcome::Passed,
                "FAILED" => TestOutcome::Failed,
                _ => TestOutcome::Skipped,
            };
            out.test("deno", &c[1], outcome);
            return Response::Consumed(Next::Active);
        }
        if text.trim() == "ERRORS" {
            self.errors = true;
            return Response::Consumed(Next::Active);
        }
        if text.trim() == "FAILURES" || re!(r"^(?:FAILED|ok) \| \d+ passed").is_match(text) {
            self.close(out);
            self.errors = false;
            return Response::Consumed(Next::Active);
        }
        if self.errors
            && let Some(c) = re!(r"^(\S.*?) => (\S+?:\d+:\d+)$").captures(text)
        {
            self.close(out);
            let mut open = Open::new(line.number);
            open.test = Some(without_time(&c[1]).to_owned());
            self.open = Some(open);
            return Response::Consumed(Next::Active);
        }
        if self.more(text, line.number) {
            return Response::Consumed(Next::Active);
        }
        self.close(out);
        Response::Declined(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}
