//! trybuild: what a test expects the compiler to say is no error. What it did say is read as the compiler's.

use super::super::findings::Findings;
use super::super::lines::Line;
use super::super::registry::{Next, Response, Tool, ToolParser};

pub(super) const TOOL: Tool =
    Tool { name: "trybuild", triggers: &[r"^EXPECTED:$"], new: |_| Box::new(Expected::default()) };

/// Lines of a block; more are none.
const MAX_LINES: u32 = 1_000;

/// Between the dotted rules of an expectation.
#[derive(Default)]
struct Expected {
    rules: u8,
    lines: u32,
}

impl ToolParser for Expected {
    fn line(&mut self, line: &Line<'_>, _out: &mut Findings) -> Response {
        let text = line.text.trim();
        if text == "EXPECTED:" {
            *self = Self::default();
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("┈┈┈") {
            self.rules += 1;
            return Response::Consumed(if self.rules > 1 { Next::Finished } else { Next::Active });
        }
        self.lines += 1;
        if self.rules == 0 && !text.is_empty() || self.lines > MAX_LINES {
            return Response::Declined(Next::Finished);
        }
        Response::Consumed(Next::Active)
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn what_is_expected_is_no_error() {
        let block = |column: u32| {
            format!(
                "┈┈┈┈┈┈┈┈\nerror[E0308]: mismatched types\n --> tests/ui/a.rs:2:{column}\n  |\n2 |     let x: u8 = \"a\";\n  |                 ^^^ expected `u8`, found `&str`\n┈┈┈┈┈┈┈┈\n\n"
            )
        };
        let log = format!(
            "running 1 test\ntest ui ... \n\ntest tests/ui/a.rs ... mismatch\n\nEXPECTED:\n{}ACTUAL OUTPUT:\n{}note: If the actual output is the correct output you can bless it\n\ntest ui ... FAILED\n",
            block(18),
            block(17)
        );
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        let read: Vec<_> = bugs.iter().filter(|bug| bug.tool == "rustc").map(|bug| bug.column).collect();
        assert_eq!(read, [Some(17)]);
    }
}
