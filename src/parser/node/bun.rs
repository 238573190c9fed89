//! `bun test`: an error with its stack, and below it the name of the test that failed; `bun build`: `error: …`, `at …`.

use super::super::findings::{FindingBuilder, Findings, TestOutcome};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use super::frames::{self, Frame};
use super::message::Message;
use super::tree::without_time;
use crate::contract::bug::{Category, Location};

/// Lines that trigger [`Bun`].
pub(super) const TRIGGERS: &[&str] =
    &[r"^bun test v[0-9]", r#"^error: (?:Could not resolve: "|No matching export in ")"#];

#[derive(Default)]
pub(super) struct Bun {
    testing: bool,
    open: Option<Open>,
}

struct Open {
    message: Message,
    frames: Vec<Location>,
    stack: bool,
    first: u64,
    last: u64,
}

impl Bun {
    fn close(&mut self, test: Option<&str>, out: &mut Findings) {
        let Some(open) = self.open.take() else { return };
        let message = open.message.text("the test failed");
        let category = if message.contains("Could not resolve")
            || message.contains("Cannot find ")
            || message.contains("No matching export")
        {
            Category::Import
        } else if message.starts_with("expect(") {
            Category::Logic
        } else if self.testing {
            Category::Runtime
        } else {
            Category::Syntax
        };
        let mut finding = FindingBuilder::new("bun", category, message).span(open.first, open.last);
        finding.frames = open.frames;
        finding.test = test.map(str::to_owned);
        out.bug(finding);
    }

    /// `(fail) suite > name [1.00ms]`, `✗ suite > name [1.00ms]`
    fn ended<'t>(&self, text: &'t str) -> Option<(TestOutcome, &'t str)> {
        let (outcome, rest) = [
            ("(fail) ", TestOutcome::Failed),
            ("✗ ", TestOutcome::Failed),
            ("(pass) ", TestOutcome::Passed),
            ("✓ ", TestOutcome::Passed),
            ("(skip) ", TestOutcome::Skipped),
            ("» ", TestOutcome::Skipped),
            ("(todo) ", TestOutcome::Skipped),
        ]
        .iter()
        .find_map(|(mark, outcome)| Some((*outcome, text.strip_prefix(mark)?)))?;
        let name =
            rest.rsplit_once(" [").filter(|(_, time)| time.ends_with("s]")).map_or(rest, |(name, _)| name);
        self.testing.then_some((outcome, without_time(name.trim())))
    }
}

impl ToolParser for Bun {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if text.starts_with("bun test v") {
            self.testing = true;
            return Response::Consumed(Next::Active);
        }
        if let Some((outcome, name)) = self.ended(text) {
            if outcome == TestOutcome::Failed {
                if self.open.is_none() {
                    let (message, frames) = (Message::default(), Vec::new());
                    let (first, last) = (line.number, line.number);
                    self.open = Some(Open { message, frames, stack: false, first, last });
                }
                self.close(Some(name), out);
            }
            out.test("bun", name, outcome);
            return Response::Consumed(Next::Active);
        }
        if let Some(message) = re!(r"^(?:error|[A-Z]\w+Error): (\S.*)$").captures(text) {
            self.close(None, out);
            let mut open = Open {
                message: Message::default(),
                frames: Vec::new(),
                stack: false,
                first: line.number,
                last: line.number,
            };
            open.message.line(if text.starts_with("error: ") { &message[1] } else { text });
            self.open = Some(open);
            return Response::Consumed(Next::Active);
        }
        if self.testing && re!(r"^Ran \d+ tests? across \d+ files?\.").is_match(text) {
            self.close(None, out);
            self.testing = false;
            return Response::Consumed(Next::Idle);
        }
        if let Some(open) = &mut self.open {
            if let Some(frame) = frames::frame(text).filter(|_| text.starts_with(' ')) {
                open.stack = true;
                open.last = line.number;
                open.message.end();
                if let Frame::At(at) = frame {
                    open.frames.push(at);
                }
                return Response::Consumed(Next::Active);
            }
            if text.is_empty() && !open.stack {
                open.message.blank();
            } else if open.stack && !self.testing {
                self.close(None, out);
                return Response::Declined(Next::Idle);
            } else {
                open.message.line(text);
            }
            return Response::Consumed(Next::Active);
        }
        Response::Declined(if self.testing { Next::Active } else { Next::Idle })
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(None, out);
    }
}
