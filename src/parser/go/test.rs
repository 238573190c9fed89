//! `go test`, plain, `-v` and `-json`. The text of one package is read by `suite`.

use std::collections::BTreeMap;

use super::super::findings::Findings;
use super::super::lines::Line;
use super::super::registry::{Next, Response, Tool, ToolParser};
use super::build;
use super::suite::{Part, Suite};

pub(super) const TOOL: Tool = Tool {
    name: "go-test",
    triggers: &[
        r"^\x16?=== (?:RUN|CONT|NAME|PAUSE) ",
        r"^=== FAIL: \S+ \S+ \([0-9.]+s\)$",
        r"^DONE [0-9]+ tests?(?:, [0-9]+ \w+)* in [0-9.]+s$",
        r"^\s*--- (?:PASS|FAIL|SKIP|BENCH): ",
        r"^(?:ok|FAIL|\?)\s+[^\s:]+(?:\t|\s+[0-9.]+s|\s+\[|\s+\(cached\)|$)",
        r"^(?:panic|fatal error): ",
        r"^WARNING: DATA RACE$",
        r#"^\{"(?:Time":"[0-9T:.Z+-]+","Action|Action|ImportPath)":""#,
    ],
    new: |_| Box::new(GoTest::default()),
};

#[derive(Default)]
struct GoTest {
    text: Suite,
    json: BTreeMap<String, Package>,
    build: build::Build,
}

/// One package of `-json` output.
#[derive(Default)]
struct Package {
    suite: Suite,
    /// Output without its line end yet, by test.
    partial: BTreeMap<String, String>,
}

impl ToolParser for GoTest {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        if line.text.starts_with("{\"") {
            return if self.event(line, out) {
                Response::Consumed(Next::Idle)
            } else {
                Response::Declined(Next::Idle)
            };
        }
        match self.text.line(line.text, line.number, out) {
            Part::Mine => Response::Consumed(Next::Active),
            Part::End => Response::Consumed(Next::Idle),
            Part::Other if self.text.is_empty() => Response::Declined(Next::Idle),
            Part::Other => Response::Declined(Next::Active),
        }
    }

    fn finish(&mut self, out: &mut Findings) {
        let now = out.now();
        self.text.end("", "", "", now, out);
        self.text.tell_tests(out);
        for (name, mut package) in std::mem::take(&mut self.json) {
            package.suite.end("", &name, "", now, out);
            package.suite.tell_tests(out);
        }
        self.build.finish(out);
    }
}

impl GoTest {
    /// One event of `-json`.
    fn event(&mut self, line: &Line<'_>, out: &mut Findings) -> bool {
        let Ok(event) = serde_json::from_str::<serde_json::Value>(line.text) else { return false };
        let field = |name: &str| event.get(name).and_then(|v| v.as_str()).unwrap_or("");
        let (action, test, output) = (field("Action"), field("Test"), field("Output"));
        if action.is_empty() {
            return false;
        }
        if action == "build-output" {
            for text in output.lines() {
                self.build.line(&Line { text, ..*line }, out);
            }
            return true;
        }
        let name = field("Package").to_owned();
        if action != "output" {
            return true;
        }
        let package = self.json.entry(name.clone()).or_default();
        let partial = package.partial.entry(test.to_owned()).or_default();
        partial.push_str(output);
        if !partial.ends_with('\n') && partial.len() < super::super::lines::MAX_LINE {
            return true;
        }
        let Some(whole) = package.partial.remove(test) else { return true };
        for text in whole.lines() {
            if !test.is_empty() {
                package.suite.select(test, line.number);
            }
            if package.suite.line(text, line.number, out) == Part::Other && test.is_empty() {
                self.build.line(&Line { text, ..*line }, out);
            }
        }
        true
    }
}
