//! Consoles of the test frameworks themselves: JUnit 5's launcher, JUnit 4's `JUnitCore`, TestNG.

use super::stack::{Stack, file_of_class};
use crate::contract::bug::Category;
use crate::parser::findings::{FindingBuilder, Findings, location};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const JUNIT: Tool = Tool {
    name: "junit",
    triggers: &[
        r"^Failures \([0-9]+\):$",
        r"^Test run finished after [0-9]+ ms$",
        r"^There (was|were) [0-9]+ failures?:$",
        r"^Tests run: [0-9]+,  Failures: [0-9]+$",
        r"^OK \([0-9]+ tests?\)$",
    ],
    new: |_| Box::new(Junit::default()),
};

pub(super) const TESTNG: Tool = Tool {
    name: "testng",
    triggers: &[r"^(FAILED|PASSED|SKIPPED): [A-Za-z_]", r"^Total tests run: [0-9]+, "],
    new: |_| Box::new(Testng::default()),
};

/// A failing test while its trace is read.
#[derive(Default)]
struct Failing {
    id: String,
    class: Option<String>,
    stack: Stack,
    first: u64,
    last: u64,
}

impl Failing {
    fn new(id: &str, class: Option<&str>, line_number: u64) -> Self {
        Self {
            id: id.to_owned(),
            class: class.map(str::to_owned),
            stack: Stack::default(),
            first: line_number,
            last: line_number,
        }
    }

    fn line(&mut self, text: &str, line_number: u64) {
        if text.trim().is_empty() {
            return;
        }
        if self.stack.is_empty() {
            self.stack.begin(text.trim().trim_start_matches("=> "));
        } else if !self.stack.line(text) {
            self.stack.more(text);
        }
        self.last = line_number;
    }

    fn report(self, tool: &'static str, out: &mut Findings) {
        let mut finding = self.stack.finding(tool, Category::Logic, self.class.as_deref());
        if finding.frames.is_empty()
            && let Some(class) = &self.class
        {
            finding.location = Some(location(&file_of_class(class), None, None));
        }
        out.bug(finding.test(self.id).span(self.first, self.last));
    }
}

#[derive(Default)]
struct Junit {
    /// Within a list of failures: the launcher's or JUnit 4's.
    launcher: bool,
    list: bool,
    open: Option<Failing>,
    counts: (u64, u64, u64),
}

impl Junit {
    fn close(&mut self, out: &mut Findings) {
        if let Some(open) = self.open.take() {
            open.report("junit", out);
        }
    }
}

impl Junit {
    /// A line that says how many tests ran.
    fn totals(&mut self, text: &str, out: &mut Findings) -> Option<Response> {
        if let Some(found) = re!(r"^\[ +(\d+) tests (\w+) +\]$").captures(text) {
            let n = found[1].parse().unwrap_or(0);
            match &found[2] {
                "successful" => self.counts.0 = n,
                "skipped" => self.counts.2 = n,
                "failed" => {
                    self.counts.1 = n;
                    let (passed, failed, skipped) = self.counts;
                    out.tests("junit", passed, failed, skipped);
                    if failed == 0 && passed > 0 {
                        out.succeeded();
                    }
                    return Some(Response::Consumed(Next::Finished));
                }
                _ => {}
            }
            return Some(Response::Consumed(Next::Active));
        }
        if let Some(found) = re!(r"^Tests run: (\d+),  Failures: (\d+)$").captures(text) {
            self.close(out);
            let (run, failed): (u64, u64) = (found[1].parse().unwrap_or(0), found[2].parse().unwrap_or(0));
            out.tests("junit", run.saturating_sub(failed), failed, 0);
            return Some(Response::Consumed(Next::Finished));
        }
        if let Some(found) = re!(r"^OK \((\d+) tests?\)$").captures(text) {
            out.tests("junit", found[1].parse().unwrap_or(0), 0, 0);
            return Some(Response::Consumed(Next::Finished));
        }
        None
    }
}

impl ToolParser for Junit {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if re!(r"^Failures \(\d+\):$").is_match(text) {
            (self.launcher, self.list) = (true, true);
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("There w") && text.ends_with(':') {
            (self.launcher, self.list) = (false, true);
            // PHPUnit says it too.
            return Response::Declined(Next::Active);
        }
        if text.starts_with("Test run finished after ") {
            self.close(out);
            self.list = false;
            return Response::Consumed(Next::Active);
        }
        if let Some(response) = self.totals(text, out) {
            return response;
        }
        if !self.list {
            return if text.is_empty() || text.starts_with('[') {
                Response::Declined(Next::Active)
            } else {
                Response::Declined(Next::Idle)
            };
        }
        if self.launcher {
            let head = text.strip_prefix("  ").filter(|t| !t.starts_with(' ') && t.contains(':'));
            if let Some(id) = head {
                self.close(out);
                self.open = Some(Failing::new(id, None, line.number));
                return Response::Consumed(Next::Active);
            }
            let Some(open) = &mut self.open else { return Response::Consumed(Next::Active) };
            if open.stack.is_empty()
                && let Some(found) = re!(r"Source \[className = '([\w.$]+)'").captures(text)
            {
                open.class = Some(found[1].to_owned());
                return Response::Consumed(Next::Active);
            }
            if open.stack.is_empty() && !text.trim_start().starts_with("=> ") {
                return Response::Consumed(Next::Active);
            }
            open.line(text, line.number);
            return Response::Consumed(Next::Active);
        }
        if let Some(found) = re!(r"^\d+\) (.+)\(([\w.$]+)\)$").captures(text) {
            self.close(out);
            let id = format!("{}({})", &found[1], &found[2]);
            self.open = Some(Failing::new(&id, Some(&found[2]), line.number));
            return Response::Consumed(Next::Active);
        }
        if text == "FAILURES!!!" {
            self.close(out);
            return Response::Consumed(Next::Active);
        }
        match &mut self.open {
            Some(open) => open.line(text, line.number),
            // PHPUnit's list has the same head and other rows.
            None if !text.is_empty() => {
                self.list = false;
                return Response::Declined(Next::Idle);
            }
            None => {}
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

#[derive(Default)]
struct Testng {
    open: Option<Failing>,
    reported: bool,
}

impl Testng {
    fn close(&mut self, out: &mut Findings) {
        if let Some(mut open) = self.open.take() {
            self.reported = true;
            // The method's class is that of its deepest frame which has the method's name.
            open.class = open.class.or_else(|| open.stack.class_of(&open.id));
            open.report("testng", out);
        }
    }
}

/// ninja writes a step's outputs so: paths, and a blank behind the last.
fn of_ninja(text: &str) -> bool {
    let name = text.split('(').next().unwrap_or(text);
    text.starts_with("FAILED: ") && (name.ends_with(' ') || name.contains('/'))
}

impl ToolParser for Testng {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(found) = re!(r"^(FAILED|PASSED|SKIPPED): ([A-Za-z_]\S*(?:\(.*\))?)$").captures(text)
            && !of_ninja(line.text)
        {
            self.close(out);
            if &found[1] == "FAILED" {
                let class = found[2].rsplit_once('.').map(|(class, _)| class).filter(|c| !c.contains('('));
                self.open = Some(Failing::new(&found[2], class, line.number));
            }
            return Response::Consumed(Next::Active);
        }
        let totals = re!(r"^Total tests run: (\d+),(?: Passes: \d+,)? Failures: (\d+), Skips: (\d+)");
        if let Some(found) = totals.captures(text) {
            self.close(out);
            let n = |at: usize| found[at].parse::<u64>().unwrap_or(0);
            let (failed, skipped) = (n(2), n(3));
            out.tests("testng", n(1).saturating_sub(failed + skipped), failed, skipped);
            if failed > 0 && !self.reported {
                out.bug(FindingBuilder::new("testng", Category::Logic, text).consequence());
            }
            return Response::Consumed(Next::Finished);
        }
        let Some(open) = &mut self.open else { return Response::Declined(Next::Idle) };
        if text.starts_with("=====") {
            self.close(out);
            return Response::Declined(Next::Active);
        }
        open.line(text, line.number);
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}
