//! `cargo nextest run`: status lines, the captured output of each failing test, the summary.

use std::collections::BTreeMap;

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use super::super::test_ids::TestIds;
use super::panic::{Panic, snapshot};
use crate::contract::bug::{Category, Location};

pub(super) const TOOL: Tool = Tool {
    name: "nextest",
    triggers: &[
        r"^\s+(?:TRY [0-9]+ )?(?:PASS|FAIL|ABORT|LEAK|TIMEOUT|TMT|FLAKY [0-9/]+|SIG[A-Z]+|LEAK-FAIL) +\[",
        r"^--- (?:TRY [0-9]+ )?STD(?:OUT|ERR): ",
        r"^\s+Summary \[",
        r"^\s+Starting [0-9]+ tests? across",
        r"^error: test run failed$",
    ],
    new: |_| Box::new(Nextest::default()),
};

#[derive(Default)]
struct Nextest {
    /// In the output printed for this test.
    current: Option<String>,
    panic: Option<(Panic, u64)>,
    /// The assertion a snapshot belongs to.
    snapshot: Option<Location>,
    failing: BTreeMap<String, Failing>,
    passed: TestIds,
    summarised: bool,
}

struct Failing {
    first: u64,
    status: String,
    panic: Option<Panic>,
    error: Option<String>,
}

impl Nextest {
    /// `4 passed, 1 failed, 2 skipped`
    fn summary(&mut self, counts: &str, out: &mut Findings) {
        let count = |what: &str| {
            counts
                .split(',')
                .filter_map(|part| part.trim().split_once(' '))
                .find(|(_, word)| word.starts_with(what))
                .and_then(|(n, _)| n.parse().ok())
                .unwrap_or(0u64)
        };
        let failed = count("failed") + count("timed out") + count("exec failed");
        let mut ids = std::mem::take(&mut self.passed);
        for test in self.failing.keys() {
            ids.push(test.as_str());
        }
        out.named_tests("nextest", count("passed"), failed, count("skipped"), ids);
    }
}

impl ToolParser for Nextest {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(c) = re!(
            r"^\s+(?:TRY \d+ )?(PASS|FAIL|ABORT|LEAK|TIMEOUT|TMT|FLAKY \d+/\d+|SIG[A-Z]+|LEAK-FAIL) +\[[^\]]*\] +(?:\([^)]*\) +)?(.+)$"
        )
        .captures(text)
        {
            self.close();
            let test = c[2].trim().to_owned();
            if matches!(&c[1], "PASS" | "LEAK") || c[1].starts_with("FLAKY") {
                // A retry that passed makes up for the failures before it.
                self.failing.remove(&test);
                if !self.summarised {
                    self.passed.push(test);
                }
                return Response::Consumed(Next::Idle);
            }
            self.failing.entry(test.clone()).or_insert(Failing {
                first: line.number,
                status: c[1].to_owned(),
                panic: None,
                error: None,
            });
            self.current = Some(test);
            self.snapshot = None;
            return Response::Consumed(Next::Active);
        }
        if let Some(c) = re!(r"^--- (?:TRY \d+ )?STD(?:OUT|ERR): +(.+?) +---$").captures(text) {
            self.close();
            let test = c[1].trim().to_owned();
            self.current = Some(test);
            return Response::Consumed(Next::Active);
        }
        if let Some(c) = re!(r"^\s+Summary \[[^\]]*\] +(?:\d+/)?\d+ tests? run: (.*)$").captures(text) {
            self.close();
            self.current = None;
            self.summarised = true;
            self.summary(&c[1], out);
            return Response::Consumed(Next::Idle);
        }
        if text == "error: test run failed" {
            self.close();
            out.bug(FindingBuilder::new("nextest", Category::Logic, "test run failed").consequence());
            return Response::Consumed(Next::Idle);
        }
        if self.current.is_none() {
            return Response::Declined(Next::Idle);
        }
        // Behind the summary output may be shown again, or not.
        if self.summarised && !text.is_empty() && !text.starts_with("  ") {
            self.close();
            self.current = None;
            return Response::Declined(Next::Idle);
        }
        if text.trim_start().starts_with("Cancelling due to") || text.starts_with("────") {
            self.close();
            self.current = None;
            return Response::Consumed(Next::Idle);
        }
        if let Some(at) = snapshot(text) {
            self.snapshot = Some(at);
        } else if let Some(panic) = Panic::start(text) {
            self.close();
            self.panic = Some((panic, line.number));
            return Response::Consumed(Next::Active);
        }
        if let Some((panic, _)) = &mut self.panic {
            let inner = text.strip_prefix("    ").unwrap_or(text);
            panic.line(inner);
        } else if re!(r"^\s*(?:Error: |note: test did not panic)").is_match(text)
            && let Some(failing) = self.current.as_ref().and_then(|t| self.failing.get_mut(t))
        {
            failing.error = Some(text.trim().to_owned());
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close();
        for (test, failing) in std::mem::take(&mut self.failing) {
            let timeout = matches!(failing.status.as_str(), "TIMEOUT" | "TMT");
            let mut finding = match (failing.panic, failing.error) {
                (Some(panic), _) => panic.into_finding("nextest", Category::Logic),
                (None, Some(error)) => {
                    let at = re!(r" at (\S+\.rs):(\d+):(\d+)$")
                        .captures(&error)
                        .map(|c| location(&c[1], number(&c[2]), number(&c[3])));
                    let mut finding = FindingBuilder::new("nextest", Category::Logic, error);
                    finding.location = at;
                    finding
                }
                (None, None) if timeout => {
                    FindingBuilder::new("nextest", Category::Timeout, format!("test {test} timed out"))
                }
                (None, None) => {
                    let category = if failing.status == "FAIL" { Category::Logic } else { Category::Runtime };
                    FindingBuilder::new(
                        "nextest",
                        category,
                        format!("test {test} failed ({})", failing.status),
                    )
                }
            };
            finding.test = Some(test);
            out.bug(finding.span(failing.first, failing.first));
        }
    }
}

impl Nextest {
    /// Gives the panic being read to its test.
    fn close(&mut self) {
        let Some((mut panic, _)) = self.panic.take() else { return };
        panic.frames.splice(0..0, self.snapshot.take());
        let Some(test) = &self.current else { return };
        if let Some(failing) = self.failing.get_mut(test) {
            // Of several threads the test's own speaks.
            let own = test.ends_with(&panic.thread);
            if own || failing.panic.is_none() {
                failing.panic = Some(panic);
            }
        }
    }
}
