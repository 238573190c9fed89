//! Runners that number their failures: Playwright, Jasmine; and AVA, which titles them.

use std::collections::BTreeSet;

use super::super::findings::{Counts, FindingBuilder, Findings};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use super::frames::{self, Frame};
use super::message::Message;
use crate::contract::bug::Category;

/// Lines that trigger [`Playwright`].
pub(super) const PLAYWRIGHT: &[&str] = &[
    r"^  +[0-9]+\) (\[.*\] )?\S.*:[0-9]+:[0-9]+ ",
    r"^  [0-9]+ (passed|failed|flaky|skipped|did not run)( \(.*\))?$",
];
/// Lines that trigger [`Jasmine`].
pub(super) const JASMINE: &[&str] = &[r"^Started$", r"^Failures:$", r"^[0-9]+ specs?, [0-9]+ failures?"];
/// Lines that trigger [`Ava`].
pub(super) const AVA: &[&str] = &[
    r"^\s+(\xe2\x9c\x98|\xc3\x97) \[fail\]: ",
    r"^\s+Uncaught exception in \S+$",
    r"^\s+[0-9]+ tests? (failed|passed|skipped)$",
];

/// One failure: what is known and what is being read.
#[derive(Default)]
struct Open(Option<(FindingBuilder, Message)>);

impl Open {
    fn start(&mut self, finding: FindingBuilder, out: &mut Findings) {
        self.close(out);
        self.0 = Some((finding, Message::default()));
    }

    /// A line of the error or its stack.
    fn line(&mut self, text: &str, line_number: u64) {
        let Some((finding, message)) = &mut self.0 else { return };
        if text.trim().is_empty() {
            return message.blank();
        }
        finding.log.last = line_number;
        if let Some(frame) = frames::frame(text) {
            message.end();
            // Playwright's `at ../src/a.js:1` is relative to the test; the stack below names the same place in full.
            if let Frame::At(at) = frame
                && !at.file.starts_with("../")
            {
                finding.frames.push(at);
            }
        } else if frames::marked_line(text).is_some()
            || frames::is_source_line(text)
            || frames::marked_column(text).is_some()
        {
            message.end();
        } else {
            message.line(text.trim());
        }
    }

    fn close(&mut self, out: &mut Findings) {
        let Some((mut finding, message)) = self.0.take() else { return };
        finding.message = message.text("the test failed");
        if finding.message.starts_with("Test timeout of") {
            finding.category = Category::Timeout;
        }
        // Browsers are installed by a command of their own, and need libraries of the system.
        if ["Executable doesn't exist at ", "Host system is missing dependencies"]
            .iter()
            .any(|words| finding.message.contains(words))
        {
            finding.category = Category::Environment;
        }
        if !finding.frames.iter().any(|f| super::super::paths::is_own(&f.file)) {
            finding.frames.append(&mut finding.related);
        }
        out.bug(finding);
    }
}

#[derive(Default)]
pub(super) struct Playwright {
    open: Open,
    seen: Vec<String>,
    counts: [u64; 3],
}

impl ToolParser for Playwright {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(caps) = re!(r"^  (\d+) (passed|failed|flaky|skipped|did not run)\b").captures(text) {
            self.open.close(out);
            let n: u64 = caps[1].parse().unwrap_or(0);
            match &caps[2] {
                "failed" => self.counts[1] += n,
                "passed" | "flaky" => self.counts[0] += n,
                _ => self.counts[2] += n,
            }
            return Response::Consumed(Next::Idle);
        }
        if let Some(caps) = re!(r"^  +\d+\) ((?:\[.*?\] › )?(\S.*?:\d+:\d+) › .*?)[ ─]*$").captures(text)
        {
            let id = caps[1].to_owned();
            self.open.close(out);
            if !self.seen.contains(&id) {
                let mut finding = FindingBuilder::new("playwright", Category::Logic, "")
                    .span(line.number, line.number)
                    .test(&id);
                finding.related.extend(frames::location(&caps[2]));
                self.seen.push(id);
                self.open.start(finding, out);
            }
            return Response::Consumed(Next::Active);
        }
        if self.open.0.is_none() || (!text.trim().is_empty() && !text.starts_with("    ")) {
            self.open.close(out);
            return Response::Declined(Next::Idle);
        }
        if text.trim_start().starts_with("Retry #") {
            // The same failure again.
            self.open.close(out);
            return Response::Consumed(Next::Idle);
        }
        self.open.line(text, line.number);
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.open.close(out);
        let [passed, failed, skipped] = self.counts;
        if passed + failed + skipped > 0 {
            out.tests("playwright", passed, failed, skipped);
        }
    }
}

#[derive(Default)]
pub(super) struct Jasmine {
    open: Open,
    /// Below `Started`, where a row of marks must follow: it is Jasmine's list of failures that comes then, and not
    /// another runner's of the same title.
    started: bool,
    listed: bool,
}

impl ToolParser for Jasmine {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if text == "Started" {
            self.started = true;
            return Response::Declined(Next::Active);
        }
        if std::mem::take(&mut self.started) {
            let marks = re!(r"^[.F*PS]+$").is_match(text);
            return if marks { Response::Consumed(Next::Active) } else { Response::Declined(Next::Idle) };
        }
        if let Some(caps) = re!(r"^(\d+) specs?, (\d+) failures?(?:, (\d+) pending)?").captures(text) {
            self.open.close(out);
            let n = |i: usize| caps.get(i).and_then(|m| m.as_str().parse::<u64>().ok()).unwrap_or(0);
            let (all, failed, skipped) = (n(1), n(2), n(3));
            out.tests("jasmine", all.saturating_sub(failed + skipped), failed, skipped);
            return Response::Consumed(Next::Finished);
        }
        if text == "Failures:" {
            self.listed = true;
            // RSpec says it too.
            return Response::Declined(Next::Active);
        }
        if text == "Pending:" || !self.listed {
            self.open.close(out);
            self.listed = false;
            return Response::Declined(Next::Active);
        }
        if let Some(caps) = re!(r"^\d+\) (\S.*)$").captures(text) {
            self.open.start(
                FindingBuilder::new("jasmine", Category::Logic, "")
                    .span(line.number, line.number)
                    .test(&caps[1]),
                out,
            );
            return Response::Consumed(Next::Active);
        }
        if self.open.0.is_none() && !text.trim().is_empty() {
            self.listed = false;
            return Response::Declined(Next::Idle);
        }
        if !matches!(text.trim(), "Message:" | "Stack:") {
            self.open.line(text, line.number);
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.open.close(out);
    }
}

#[derive(Default)]
pub(super) struct Ava {
    /// Titles of the failed tests, as the list names them.
    failed: BTreeSet<String>,
    open: Open,
    details: bool,
    counts: [u64; 3],
}

impl ToolParser for Ava {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        let trimmed = text.trim();
        if let Some(caps) = re!(r"^\s+(\d+) tests? (failed|passed|skipped)$").captures(text) {
            self.open.close(out);
            self.details = false;
            let at = match &caps[2] {
                "passed" => 0,
                "failed" => 1,
                _ => 2,
            };
            self.counts[at] += caps[1].parse::<u64>().unwrap_or(0);
            return Response::Consumed(Next::Idle);
        }
        if let Some(title) = re!(r"^\s+[✘×] \[fail\]: (.*)$").captures(text).map(|c| c[1].to_owned()) {
            self.open.close(out);
            self.failed.insert(title);
            return Response::Consumed(Next::Active);
        }
        if let Some(file) = trimmed.strip_prefix("Uncaught exception in ") {
            let mut finding =
                FindingBuilder::new("ava", Category::Runtime, "").span(line.number, line.number).test(file);
            finding.related.push(super::super::findings::location(file, None, None));
            self.open.start(finding, out);
            return Response::Consumed(Next::Active);
        }
        if trimmed == "─" {
            self.open.close(out);
            self.details = true;
            return Response::Consumed(Next::Active);
        }
        // The list appends a reason to some titles (`Error thrown in test`).
        let titled = self.details
            && text.starts_with("  ")
            && !text.starts_with("   ")
            && (self.failed.contains(trimmed) || {
                let appended = format!("{trimmed} ");
                self.failed.range(appended.clone()..).next().is_some_and(|title| title.starts_with(&appended))
            });
        if titled {
            self.open.start(
                FindingBuilder::new("ava", Category::Logic, "").span(line.number, line.number).test(trimmed),
                out,
            );
            return Response::Consumed(Next::Active);
        }
        let Some((finding, message)) = &mut self.open.0 else {
            return if self.details || trimmed.is_empty() || text.starts_with("  ") {
                Response::Declined(Next::Active)
            } else {
                Response::Declined(Next::Idle)
            };
        };
        if !trimmed.is_empty() && (!text.starts_with("  ") || re!(r"^\s+([✔✘×]|- \[skip\]) ").is_match(text))
        {
            self.open.close(out);
            return Response::Declined(Next::Active);
        }
        if let Some(at) = trimmed.strip_prefix("› ").and_then(|f| frames::frame(&format!("at {f}"))) {
            message.end();
            if let Frame::At(at) = at {
                finding.frames.push(at);
            }
        } else if message.is_empty() && !trimmed.contains(' ') && frames::location(trimmed).is_some() {
            // The assertion's line; the frame below has the column.
            finding.related.extend(frames::location(trimmed));
        } else if !re!(r"^\d+:").is_match(trimmed) {
            self.open.line(text, line.number);
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.open.close(out);
        let [passed, failed, skipped] = self.counts;
        if passed + failed > 0 {
            // Where tests failed it does not say how many passed.
            let passed = (failed == 0 || passed > 0).then_some(passed);
            out.some_tests("ava", Counts { passed, failed: Some(failed), skipped: Some(skipped) });
        }
    }
}
