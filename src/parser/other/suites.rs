//! Test runners of Ruby and PHP: RSpec, Minitest, PHPUnit. A numbered failure names its test, says what is wrong, and
//! lists frames, deepest first.

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Category, Location};

pub(super) const RSPEC: Tool = Tool {
    name: "rspec",
    triggers: &[
        r"^Failures:$",
        r"^An error occurred while loading \S+\.rb",
        r"^[0-9]+ examples?, [0-9]+ failures?",
        r"^(?:\s+[0-9]+\) )?(?:Failure|Error):$",
        r"^[0-9]+ (?:runs|tests), [0-9]+ assertions, ",
        r"^There (?:was|were) [0-9]+ (?:errors?|failures?):$",
        r"^ ✘ \S",
        r"^(?:Tests: [0-9]+, Assertions: |OK \([0-9]+ tests?, )",
    ],
    new: |_| Box::new(Suites::default()),
};

/// Lines of a message that are kept.
const MAX_MESSAGE: usize = 40;

#[derive(Default)]
struct Suites {
    /// Whose failures are listed.
    list: Option<&'static str>,
    finding: Option<FindingBuilder>,
    lines: usize,
    /// PHPUnit's counts are still to come; others have lines like them.
    uncounted: bool,
    /// A failure as PHPUnit's `--testdox` draws it.
    drawn: Option<FindingBuilder>,
}

impl ToolParser for Suites {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if self.drawn(line, out) {
            return Response::Consumed(Next::Active);
        }
        if let Some(c) = re!(r"^ ✘ (\S.*)$").captures(text) {
            self.drawn = Some(
                FindingBuilder::new("phpunit", Category::Logic, "")
                    .test(&c[1])
                    .span(line.number, line.number),
            );
            return Response::Declined(Next::Active);
        }
        if text.starts_with("An error occurred while loading ") {
            self.flush(out);
            self.list = Some("rspec");
            self.finding =
                Some(FindingBuilder::new("rspec", Category::Import, "").span(line.number, line.number));
            self.lines = 0;
            return Response::Consumed(Next::Active);
        }
        if let Some(runner) = start_of_list(text) {
            self.flush(out);
            self.list = Some(runner);
            self.uncounted = runner == "phpunit";
            // JUnit says it, too.
            return if self.uncounted {
                Response::Declined(Next::Active)
            } else {
                Response::Consumed(Next::Active)
            };
        }
        if let Some((runner, ran, failed, skipped)) = counts(text) {
            self.flush(out);
            (self.list, self.uncounted) = (None, false);
            out.tests(runner, ran.saturating_sub(failed + skipped), failed, skipped);
            return Response::Consumed(Next::Idle);
        }
        let frame = frame(text);
        let Some(runner) = self.list else {
            return match frame {
                // Of what is risky or was skipped.
                Some(_) if self.uncounted => Response::Consumed(Next::Active),
                _ if self.uncounted => Response::Declined(Next::Active),
                _ => Response::Declined(Next::Idle),
            };
        };
        if over(runner, text) {
            self.flush(out);
            self.list = None;
            return if self.uncounted {
                Response::Declined(Next::Active)
            } else {
                Response::Declined(Next::Idle)
            };
        }
        if let Some((test, at)) = name(runner, text, self.finding.is_some()) {
            self.flush(out);
            let mut finding =
                FindingBuilder::new(runner, Category::Logic, "").test(test).span(line.number, line.number);
            finding.frames.extend(at);
            self.finding = Some(finding);
            self.lines = 0;
            return Response::Consumed(Next::Active);
        }
        let Some(finding) = &mut self.finding else { return Response::Declined(Next::Active) };
        finding.log.last = line.number;
        if let Some(at) = frame {
            if !finding.frames.contains(&at) {
                finding.frames.push(at);
            }
        } else if self.lines < MAX_MESSAGE && !text.trim().is_empty() {
            self.lines += 1;
            finding.message.push_str(text.trim().trim_start_matches("Failure/Error: "));
            finding.message.push('\n');
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        if let Some(finding) = self.drawn.take().filter(|finding| !finding.message.is_empty()) {
            out.bug(finding);
        }
        self.flush(out);
    }
}

impl Suites {
    /// Whether the line is drawn below a test of `--testdox`. A mark with nothing below it is another runner's.
    fn drawn(&mut self, line: &Line<'_>, out: &mut Findings) -> bool {
        let Some(finding) = &mut self.drawn else { return false };
        let Some(c) = re!(r"^   [│┊├┐┴╵]\s*(.*)$").captures(line.text) else {
            if let Some(finding) = self.drawn.take().filter(|finding| !finding.message.is_empty()) {
                out.failed();
                out.bug(finding);
            }
            return false;
        };
        finding.log.last = line.number;
        match frame(&c[1]) {
            Some(at) => finding.frames.push(at),
            None if c[1].is_empty() => {}
            None => {
                finding.message.push_str(c[1].trim_end());
                finding.message.push('\n');
            }
        }
        true
    }

    fn flush(&mut self, out: &mut Findings) {
        if let Some(finding) = self.finding.take() {
            out.bug(finding);
        }
    }
}

fn frame(text: &str) -> Option<Location> {
    let c = re!(r"^\s*(?:# )?([^\s:]+\.(?:rb|php)):(\d+)(?::in [`'].*)?$").captures(text)?;
    Some(location(&c[1], number(&c[2]), None))
}

fn start_of_list(text: &str) -> Option<&'static str> {
    if text == "Failures:" {
        Some("rspec")
    } else if re!(r"^(?:\s+\d+\) )?(?:Failure|Error):$").is_match(text) {
        Some("minitest")
    } else {
        re!(r"^There (?:was|were) \d+ (?:errors?|failures?):$").is_match(text).then_some("phpunit")
    }
}

/// The list is over; what follows is passed, skipped, or said before.
fn over(runner: &str, text: &str) -> bool {
    match runner {
        "rspec" => re!(r"^(?:Finished in |Failed examples:|Pending: )").is_match(text),
        "minitest" => re!(r"^(?:\s+\d+\) Skipped:|Finished in |bin/rails test )").is_match(text),
        _ => re!(r"^(?:--|FAILURES!|ERRORS!|There (?:was|were) .*)$").is_match(text),
    }
}

/// The line that names a failing test, and the place beside it.
fn name(runner: &str, text: &str, open: bool) -> Option<(String, Option<Location>)> {
    let c = match runner {
        "rspec" => re!(r"^  \d+\) (.+)$").captures(text)?,
        "minitest" if !open => re!(r"^(\S.*#.+?)(?: \[(\S+):(\d+)\])?:$").captures(text)?,
        "phpunit" => re!(r"^\d+\) (\S+::.+)$").captures(text)?,
        _ => return None,
    };
    let at = c.get(2).map(|file| location(file.as_str(), c.get(3).and_then(|n| number(n.as_str())), None));
    Some((c[1].to_owned(), at))
}

/// Runner, all, failed and skipped of a closing line.
fn counts(text: &str) -> Option<(&'static str, u64, u64, u64)> {
    let runner = if re!(r"^\d+ examples?, \d+ failures?").is_match(text) {
        "rspec"
    } else if re!(r"^\d+ (?:runs|tests), \d+ assertions, ").is_match(text) {
        "minitest"
    } else if re!(r"^(?:Tests: \d+, Assertions: |OK \(\d+ tests?, )").is_match(text) {
        "phpunit"
    } else {
        return None;
    };
    let of = |words: &str| -> u64 {
        let parts = text.trim_start_matches("OK (").trim_end_matches([')', '.']).split(", ");
        let reported = parts
            .filter_map(|part| part.split_once(": ").map(|(w, n)| (n, w)).or_else(|| part.split_once(' ')));
        let is = |word: &str| words.split('|').any(|w| word.to_ascii_lowercase().starts_with(w));
        reported.filter(|(_, word)| is(word)).filter_map(|(n, _)| n.parse::<u64>().ok()).sum()
    };
    // RSpec's errors are those outside of examples.
    let failed = of(if runner == "rspec" { "failure" } else { "failure|error" });
    Some((runner, of("example|run|test"), failed, of("skip|pending|incomplete")))
}

#[cfg(test)]
mod tests {
    use super::counts;
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn a_test_that_phpunit_draws_is_a_failure_where_it_says_why() {
        let log = "PHPUnit 11.5.19 by Sebastian Bergmann and contributors.\n\nA\n ✘ Adds\n   │\n   \
            │ Failed asserting that 2 is identical to 3.\n   │\n   │ /home/runner/work/app/app/ATest.php:4\n   │\n\n\
            FAILURES!\nTests: 1, Assertions: 1, Failures: 1.\n";
        let found = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap();
        let read: Vec<_> = found
            .bugs
            .iter()
            .map(|bug| (&*bug.tool, bug.test.as_deref(), bug.file.as_deref(), bug.line))
            .collect();
        assert_eq!(read, [("phpunit", Some("Adds"), Some("ATest.php"), Some(4))]);
        assert_eq!(found.bugs[0].message, "Failed asserting that 2 is identical to 3.");
        assert_eq!(found.tests[0].failed, Some(1));
    }

    #[test]
    fn closing_lines_count() {
        for (text, want) in [
            ("8 examples, 5 failures, 2 pending", ("rspec", 8, 5, 2)),
            ("7 runs, 4 assertions, 3 failures, 2 errors, 1 skips", ("minitest", 7, 5, 1)),
            ("Tests: 13, Assertions: 6, Errors: 4, Failures: 4, Skipped: 1.", ("phpunit", 13, 8, 1)),
            ("OK (3 tests, 5 assertions)", ("phpunit", 3, 0, 0)),
        ] {
            assert_eq!(counts(text), Some(want), "{text}");
        }
        assert_eq!(counts("3 files, 2 failures"), None);
    }
}
