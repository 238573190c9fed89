//! `node --test` with the spec reporter: a tree as tests run, then `✖ failing tests:` with each failure's place and
//! error. The tree gives the names of the suites around a test, the list the rest.

use std::collections::HashMap;

use super::super::findings::{FindingBuilder, Findings};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use super::frames::{self, Frame};
use super::message::Message;
use crate::contract::bug::{Category, Location};

/// Lines that trigger [`NodeTest`].
pub(super) const TRIGGERS: &[&str] = &[
    r"^\s*(\xe2\x96\xb6) \S",
    r"^\s*(\xe2\x9c\x94|\xe2\x9c\x96) .* \([0-9.]+m?s\)",
    r"^\xe2\x84\xb9 (tests|pass|fail|skipped|todo|cancelled|duration_ms) [0-9.]+$",
    r"^\s+\xe2\x9c\x96 \S",
    r"^\xe2\x9c\x96 failing tests:$",
    r"^[.X]*X[.X]*$",
];

#[derive(Default)]
pub(super) struct NodeTest {
    suites: Vec<(usize, String)>,
    /// Name with its time → full id: the time tells tests of one name apart.
    ids: HashMap<String, String>,
    counts: [u64; 3],
    /// Test files that failed as a whole, which node lists like tests.
    files: u64,
    listed: bool,
    /// The dot reporter's marks were the last thing printed; its list comes behind them.
    dots: bool,
    location: Option<Location>,
    open: Option<(FindingBuilder, Message)>,
}

impl ToolParser for NodeTest {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        let dots = std::mem::take(&mut self.dots);
        if !self.listed && (re!(r"^[.X]*X[.X]*$").is_match(text) || dots && text.is_empty()) {
            self.dots = true;
            return Response::Declined(Next::Active);
        }
        if text.starts_with("✖ failing tests:") || dots && text == "Failed tests:" {
            self.listed = true;
            return Response::Consumed(Next::Active);
        }
        if let Some(caps) = re!(r"^ℹ (\w+) ([\d.]+)$").captures(text) {
            let n = caps[2].parse().unwrap_or(0);
            match &caps[1] {
                "pass" => self.counts[0] = n,
                "fail" => self.counts[1] = n,
                "skipped" | "todo" => self.counts[2] += n,
                _ => {}
            }
            if &caps[1] == "duration_ms" {
                self.suites.clear();
                let [passed, failed, skipped] = std::mem::take(&mut self.counts);
                let files = std::mem::take(&mut self.files);
                out.tests("node-test", passed, failed.saturating_sub(files), skipped);
                if failed == 0 && passed > 0 {
                    out.succeeded();
                }
            }
            return Response::Consumed(Next::Idle);
        }
        if self.listed { self.failure(text, line.number, out) } else { self.tree(text) }
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

impl NodeTest {
    fn tree(&mut self, text: &str) -> Response {
        let indent = text.bytes().take_while(|b| *b == b' ').count();
        let name = text.trim();
        if let Some(suite) = name.strip_prefix("▶ ") {
            self.suites.retain(|(at, _)| *at < indent);
            self.suites.push((indent, suite.to_owned()));
            return Response::Consumed(Next::Idle);
        }
        if let Some(failed) = name.strip_prefix("✖ ") {
            self.suites.retain(|(at, _)| *at < indent);
            // Without a time it was never run, or is no test.
            if self.suites.is_empty() && !re!(r"\([\d.]+m?s\)").is_match(failed) {
                return Response::Declined(Next::Idle);
            }
            let chain = self.suites.iter().map(|(_, suite)| suite.as_str());
            let id = chain.chain([super::tree::without_time(failed)]).collect::<Vec<_>>().join(" > ");
            self.files += u64::from(super::tap::is_file(&id));
            self.ids.insert(failed.to_owned(), id);
            return Response::Consumed(Next::Idle);
        }
        Response::Declined(Next::Idle)
    }

    fn failure(&mut self, text: &str, line_number: u64, out: &mut Findings) -> Response {
        if let Some(at) = text.strip_prefix("test at ") {
            self.close(out);
            self.location = frames::location(at);
            return Response::Consumed(Next::Active);
        }
        if let Some(name) = text.strip_prefix("✖ ") {
            self.close(out);
            if is_todo(name) {
                self.location = None;
                return Response::Consumed(Next::Active);
            }
            let id =
                self.ids.get(name).cloned().unwrap_or_else(|| super::tree::without_time(name).to_owned());
            let mut finding =
                FindingBuilder::new("node-test", Category::Logic, "").span(line_number, line_number).test(id);
            finding.related.extend(self.location.take());
            self.open = Some((finding, Message::default()));
            return Response::Consumed(Next::Active);
        }
        let Some((finding, message)) = &mut self.open else {
            self.listed = text.is_empty() || text.starts_with(' ');
            return if self.listed {
                Response::Consumed(Next::Active)
            } else {
                Response::Declined(Next::Idle)
            };
        };
        if text.trim().is_empty() {
            message.blank();
            return Response::Consumed(Next::Active);
        }
        if !text.starts_with(' ') {
            self.close(out);
            self.listed = false;
            return Response::Declined(Next::Idle);
        }
        finding.log.last = line_number;
        match frames::frame(text) {
            Some(frame) => {
                message.end();
                if let Frame::At(at) = frame {
                    finding.frames.push(at);
                }
            }
            None => message.line(text.strip_prefix("  ").unwrap_or(text)),
        }
        Response::Consumed(Next::Active)
    }

    fn close(&mut self, out: &mut Findings) {
        let Some((mut finding, message)) = self.open.take() else { return };
        finding.message = message.text("the test failed");
        if finding.message.contains("test timed out after") {
            finding.category = Category::Timeout;
        }
        let own = finding.frames.iter().any(|f| super::super::paths::is_own(&f.file));
        if !own {
            finding.frames.append(&mut finding.related);
        }
        // A file that failed as a whole has told why on its own output, above; a parent for its children.
        let parent = re!(r"^'\d+ subtests? failed'$").is_match(&finding.message);
        if parent || finding.message == "'test failed'" {
            finding = finding.consequence();
        }
        out.bug(finding);
    }
}

/// Such a test may fail.
fn is_todo(name: &str) -> bool {
    re!(r" \([\d.]+m?s\) # TODO\b").is_match(name)
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn the_dot_reporters_list_is_read_and_what_follows_is_not_swallowed() {
        let log = "X.X\n\nFailed tests:\n\n✖ adds (1.7ms)\n  Error: no\n      at f (file:///home/runner/work/app/app/t/a.test.mjs:2:28)\n✖ later (0.1ms) # TODO\n  Error: todo\n\nsrc/a.ts(7,3): error TS2304: Cannot find name 'a'.\n";
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        let found: Vec<_> = bugs.iter().map(|bug| (bug.test.as_deref(), bug.line)).collect();
        assert_eq!(found, [(Some("adds"), Some(2)), (None, Some(7))]);
    }

    #[test]
    fn tests_yet_to_do_may_fail_and_those_never_run_keep_their_suite() {
        let log = "▶ hooked\n  ✖ never\n    'cancelled'\n\n✖ hooked (0.21ms)\n✖ later (0.1ms) # TODO\nℹ tests 2\nℹ pass 0\nℹ fail 1\nℹ todo 1\nℹ duration_ms 80.5\n\n✖ failing tests:\n\ntest at t/a.test.mjs:6:78\n✖ never\n  'cancelled'\n\ntest at t/a.test.mjs:8:1\n✖ later (0.1ms) # TODO\n  Error: todo\n      at f (file:///home/runner/work/app/app/t/a.test.mjs:8:44)\n";
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        let found: Vec<_> = bugs.iter().map(|bug| (bug.test.as_deref(), bug.line)).collect();
        assert_eq!(found, [(Some("hooked > never"), Some(6))]);
    }
}
