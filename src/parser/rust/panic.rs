//! Panics: where, with which words, and the stack if one is printed. Used by the test runners; speaks itself for a
//! program that panicked outside tests.

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Category, Location};

pub(super) const TOOL: Tool = Tool {
    name: "rust-panic",
    triggers: &[r"^\s*thread '[^']*' (?:\([0-9]+\) )?(?:panicked at|has overflowed its stack)"],
    new: |_| Box::new(Standalone::default()),
};

/// Lines of a message, and frames of a stack, that are read.
const MAX_LINES: usize = 400;

const OVERFLOW: &str = "the stack overflowed";

/// One panic being read.
#[derive(Debug, Default, Clone)]
pub(super) struct Panic {
    pub(super) thread: String,
    pub(super) message: String,
    pub(super) frames: Vec<Location>,
    state: State,
    lines: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Message,
    Stack,
    Over,
}

impl Panic {
    /// Reads a panic's first line.
    pub(super) fn start(text: &str) -> Option<Self> {
        let text = text.trim_start();
        if !text.starts_with("thread '") {
            return None;
        }
        if let Some(c) = re!(r"^thread '([^']*)' (?:\(\d+\) )?has overflowed its stack").captures(text) {
            let message = OVERFLOW.to_owned();
            return Some(Self { thread: c[1].to_owned(), message, state: State::Over, ..Self::default() });
        }
        let c = re!(r"^thread '([^']*)' (?:\(\d+\) )?panicked at (.*)$").captures(text)?;
        let mut panic = Self { thread: c[1].to_owned(), ..Self::default() };
        if let Some(at) = re!(r"^(?:'(.*)', )?(\S[^']*?):(\d+):(\d+):?$").captures(&c[2]) {
            panic.message = at.get(1).map_or(String::new(), |m| m.as_str().to_owned());
            panic.frames.push(location(&at[2], number(&at[3]), number(&at[4])));
            if at.get(1).is_some() {
                panic.state = State::Stack;
            }
        } else {
            // The old form with a message over several lines: it ends with the place.
            panic.message = c[2].trim_start_matches('\'').to_owned();
        }
        Some(panic)
    }

    /// Whether the line belongs to the panic.
    pub(super) fn line(&mut self, text: &str) -> bool {
        self.lines += 1;
        if self.lines > MAX_LINES {
            self.state = State::Over;
        }
        let trimmed = text.trim();
        match self.state {
            State::Over => false,
            _ if trimmed == "stack backtrace:" => {
                self.state = State::Stack;
                true
            }
            _ if trimmed.starts_with("note: run with `RUST_BACKTRACE")
                || trimmed.starts_with("note: Some details") =>
            {
                self.state = State::Over;
                true
            }
            State::Stack => {
                if let Some(c) = re!(r"^at (.+?):(\d+)(?::(\d+))?$").captures(trimmed) {
                    self.frames.push(location(
                        &c[1],
                        number(&c[2]),
                        c.get(3).and_then(|m| number(m.as_str())),
                    ));
                    return true;
                }
                re!(r"^\d+: ").is_match(trimmed)
            }
            State::Message if trimmed.is_empty() && !self.message.is_empty() => {
                self.state = State::Over;
                false
            }
            State::Message if Self::start(text).is_some() => false,
            State::Message => {
                if let Some(c) = re!(r"^(.*)', (\S+?):(\d+):(\d+)$").captures(text)
                    && self.frames.is_empty()
                {
                    self.message.push('\n');
                    self.message.push_str(&c[1]);
                    self.frames.push(location(&c[2], number(&c[3]), number(&c[4])));
                    self.state = State::Stack;
                    return true;
                }
                if !self.message.is_empty() {
                    self.message.push('\n');
                }
                self.message.push_str(text);
                true
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    pub(super) fn into_finding(self, tool: &'static str, category: Category) -> FindingBuilder {
        let category = if self.message == OVERFLOW { Category::Runtime } else { category };
        let message = if self.message.trim().is_empty() { "explicit panic".to_owned() } else { self.message };
        let mut finding = FindingBuilder::new(tool, category, message);
        finding.frames = self.frames;
        from_workspace(&mut finding.frames);
        // proptest panics for the whole test, and says which assertion did not hold.
        if let Some(c) = re!(r"^Test failed: .* at (\S+\.rs):(\d+)\.(?:\n|$)").captures(&finding.message) {
            finding.frames.insert(0, location(&c[1], number(&c[2]), None));
        }
        finding
    }
}

/// `Source: src/lib.rs:11`: insta panics in its own code, and names the assertion before.
pub(super) fn snapshot(text: &str) -> Option<Location> {
    let c = re!(r"^\s*Source: (\S+\.rs):(\d+)$").captures(text)?;
    Some(location(&c[1], number(&c[2]), None))
}

/// The panic's own place is named from the workspace, the stack's from the package's folder; where both name one file
/// that folder shows.
fn from_workspace(frames: &mut [Location]) {
    let Some((location, stack)) = frames.split_first_mut() else { return };
    let folder = stack.iter().find_map(|frame| {
        let folder = location.file.strip_suffix(frame.file.strip_prefix("./")?)?;
        (frame.line == location.line && folder.ends_with('/')).then_some(folder)
    });
    let Some(folder) = folder else { return };
    for frame in stack.iter_mut() {
        if let Some(inner) = frame.file.strip_prefix("./") {
            frame.file = format!("{folder}{inner}");
        }
    }
}

/// A panic that no test runner frames.
#[derive(Default)]
struct Standalone {
    panic: Option<(Panic, u64)>,
}

impl ToolParser for Standalone {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        if let Some(panic) = Panic::start(line.text) {
            self.report(line.number, out);
            self.panic = Some((panic, line.number));
            return Response::Consumed(Next::Active);
        }
        if let Some((panic, _)) = &mut self.panic
            && panic.line(line.text)
        {
            return Response::Consumed(Next::Active);
        }
        self.report(line.number, out);
        Response::Declined(Next::Finished)
    }

    fn finish(&mut self, out: &mut Findings) {
        let now = out.now() + 1;
        self.report(now, out);
    }
}

impl Standalone {
    fn report(&mut self, now: u64, out: &mut Findings) {
        if let Some((panic, first)) = self.panic.take() {
            out.bug(
                panic
                    .into_finding("rust-panic", Category::Runtime)
                    .span(first, now.saturating_sub(1).max(first)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Panic {
        let mut lines = text.lines();
        let mut panic = Panic::start(lines.next().unwrap()).unwrap();
        for line in lines {
            panic.line(line);
        }
        panic
    }

    #[test]
    fn new_and_old_forms() {
        let new = read(
            "thread 'tests::a' (12) panicked at src/lib.rs:12:9:\nassertion failed\n  left: 1\n right: 2\nnote: run with `RUST_BACKTRACE=1` x",
        );
        assert_eq!((new.thread.as_str(), new.frames[0].line), ("tests::a", Some(12)));
        assert_eq!(new.message, "assertion failed\n  left: 1\n right: 2");
        let old = read("thread 'main' panicked at 'index out of bounds', src/main.rs:4:5");
        assert_eq!((old.message.as_str(), old.frames[0].column), ("index out of bounds", Some(5)));
        let long = read(
            "thread 'a' panicked at 'assertion failed: `(left == right)`\n  left: `1`,\n right: `2`', src/lib.rs:8:9",
        );
        assert_eq!(long.frames[0].line, Some(8));
        assert!(long.message.contains("right: `2`"));
    }

    #[test]
    fn the_stack_follows() {
        let p = read(
            "thread 'main' panicked at /rustc/a/library/core/src/option.rs:1:1:\nnone\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/a/library/std/src/panicking.rs:1:5\n   1: demo::f\n             at ./src/main.rs:3:5",
        );
        assert_eq!(p.frames.last().unwrap().file, "./src/main.rs");
    }

    #[test]
    fn frames_of_a_member_are_named_from_the_workspace() {
        let finding = read(
            "thread 'a' panicked at crates/x/src/util.rs:3:9:\nno\nstack backtrace:\n   0: x::util::f\n             at ./src/util.rs:3:9\n   1: x::g\n             at ./src/lib.rs:7:5",
        )
        .into_finding("cargo-test", Category::Logic);
        assert_eq!(finding.frames.last().unwrap().file, "crates/x/src/lib.rs");
    }
}
