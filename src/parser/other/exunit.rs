//! ExUnit, Elixir's test runner: a numbered failure names its test and where that stands, then what is wrong and a
//! stack.

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Category, Location};

pub(super) const TOOL: Tool = Tool {
    name: "exunit",
    triggers: &[r"^ +[0-9]+\) (?:test|doctest|property) .+ \([A-Z][A-Za-z0-9_.]*\)$"],
    new: |_| Box::new(ExUnit::default()),
};

/// Lines of a message that are kept.
const MAX_MESSAGE: usize = 20;

#[derive(Default)]
struct ExUnit {
    open: Option<Open>,
}

struct Open {
    finding: FindingBuilder,
    /// Where the test begins.
    test: Option<Location>,
    lines: usize,
    stack: bool,
}

impl ToolParser for ExUnit {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(c) = re!(r"^ +\d+\) (?:test|doctest|property) (.+) \(([A-Z][\w.]*)\)$").captures(text) {
            self.finish(out);
            let finding =
                FindingBuilder::new("exunit", Category::Logic, "").test(format!("{} {}", &c[2], &c[1]));
            let finding = finding.span(line.number, line.number);
            self.open = Some(Open { finding, test: None, lines: 0, stack: false });
            return Response::Consumed(Next::Active);
        }
        let Some(open) = &mut self.open else { return Response::Declined(Next::Idle) };
        if !text.is_empty() && !text.starts_with("     ") {
            self.finish(out);
            return Response::Declined(Next::Idle);
        }
        open.line(text.trim(), line.number);
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        let Some(Open { mut finding, test, .. }) = self.open.take() else { return };
        if finding.frames.is_empty() {
            finding.location = test;
        } else {
            finding.related.extend(test);
        }
        out.failed();
        out.bug(finding);
    }
}

impl Open {
    fn line(&mut self, text: &str, number_of_line: u64) {
        if text.is_empty() {
            return;
        }
        self.finding.log.last = number_of_line;
        let place = re!(r"^(?:\([^)]+\) )?([^\s:]+\.exs?):(\d+)(?:: .*)?$").captures(text);
        let at = place.map(|c| location(&c[1], number(&c[2]), None));
        match (at, self.stack) {
            (Some(at), true) => self.finding.frames.push(at),
            (Some(at), false) if self.test.is_none() && self.lines == 0 => self.test = Some(at),
            _ if text == "stacktrace:" => self.stack = true,
            _ if !self.stack && self.lines < MAX_MESSAGE => {
                self.lines += 1;
                self.finding.message.push_str(text);
                self.finding.message.push('\n');
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn a_failure_is_placed_by_its_stack_or_else_where_its_test_begins() {
        let log = "Running ExUnit with seed: 1, max_cases: 4\n\n\n  1) test adds (Shop.CartTest)\n     \
            test/cart_test.exs:6\n     Assertion with == failed\n     code:  assert 1 + 1 == 3\n     left:  2\n     \
            right: 3\n     stacktrace:\n       (shop 0.1.0) lib/cart.ex:3: Shop.Cart.add/2\n       \
            test/cart_test.exs:7: (test)\n\n\n  2) test takes (Shop.CartTest)\n     test/cart_test.exs:10\n     \
            ** (EXIT from #PID<0.1.0>) killed\n\n\nFinished in 1.2 seconds\n2 tests, 2 failures\n";
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        let read: Vec<_> = bugs
            .iter()
            .map(|bug| (bug.tool.as_str(), bug.test.as_deref(), bug.file.as_deref(), bug.line))
            .collect();
        assert_eq!(
            read,
            [
                ("exunit", Some("Shop.CartTest adds"), Some("lib/cart.ex"), Some(3)),
                ("exunit", Some("Shop.CartTest takes"), Some("test/cart_test.exs"), Some(10)),
            ]
        );
        assert!(bugs[0].message.starts_with("Assertion with == failed"), "{}", bugs[0].message);
    }
}
