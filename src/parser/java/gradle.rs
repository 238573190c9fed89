//! Gradle: failing tests as its console prints them, what went wrong and where, what cannot be resolved.

use super::stack::{Stack, file_of_class};
use crate::contract::bug::{Category, Location};
use crate::parser::findings::{Counts, FindingBuilder, Findings, location, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};
use crate::parser::test_ids::TestIds;

/// Lines of an explanation kept.
const MAX_LINES: usize = 12;

pub(super) const GRADLE: Tool = Tool {
    name: "gradle",
    triggers: &[
        r"^FAILURE: Build (failed|completed)",
        r"^\* (Where|What went wrong):$",
        r"^BUILD (SUCCESSFUL|FAILED) in ",
        r"^\S.* > .+ (FAILED|PASSED|SKIPPED)$",
        r"^[0-9]+ tests? completed, ",
        r"^(> Task )?:\S*[tT]est( (NO-SOURCE|SKIPPED|UP-TO-DATE|FROM-CACHE))?$",
    ],
    new: |_| Box::new(Gradle::default()),
};

#[derive(Default)]
struct Gradle {
    test: Option<Test>,
    /// Behind `* Where:` and `* What went wrong:`.
    part: Part,
    at: Option<Location>,
    wrong: Vec<String>,
    first: u64,
    last: u64,
    passed: TestIds,
    failed: TestIds,
    skipped: u64,
    /// Test tasks that ran, as far as is known, and those that had nothing to run.
    tasks: u64,
    empty_tasks: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    None,
    Where,
    Wrong,
}

struct Test {
    id: String,
    class: String,
    stack: Stack,
    /// `AssertionError at CartTest.java:18`
    short: Vec<Location>,
    first: u64,
    last: u64,
}

impl Test {
    /// `StockTest.java` of the short format: in the test's package where the names agree.
    fn short_location(&self, file: &str, line: Option<u32>) -> Location {
        let own = file_of_class(&self.class);
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let same = own.rsplit('/').next().is_some_and(|name| name.strip_suffix(".java") == Some(stem));
        let folder = own.rsplit_once('/').map_or("", |(folder, _)| folder);
        if same && !folder.is_empty() {
            location(&format!("{folder}/{file}"), line, None)
        } else {
            location(file, line, None)
        }
    }

    fn line(&mut self, text: &str) {
        let body = text.trim();
        if let Some(found) =
            re!(r"^(?:Caused by: )?([\w.$]+) at ([\w$]+\.(?:java|kts?|groovy|scala)):(\d+)$").captures(body)
        {
            let spot = self.short_location(&found[2], number(&found[3]));
            if self.stack.is_empty() {
                self.stack.begin(&found[1]);
            } else {
                self.stack.line(&format!("Caused by: {}", &found[1]));
            }
            self.short.push(spot);
        } else if self.stack.is_empty() {
            if !body.is_empty() {
                self.stack.begin(body);
            }
        } else if !self.stack.line(body) {
            self.stack.more(body);
        }
    }

    fn report(self, out: &mut Findings) {
        let class = self.class.contains('.').then_some(self.class.as_str());
        let mut finding = self.stack.finding("gradle", Category::Logic, class);
        if !self.short.is_empty() {
            finding.frames = self.short.into_iter().rev().collect();
        }
        if finding.frames.is_empty() && class.is_some() {
            finding.location = Some(location(&file_of_class(&self.class), None, None));
        }
        out.bug(finding.test(self.id).span(self.first, self.last));
    }
}

impl Gradle {
    fn close(&mut self, out: &mut Findings) {
        if let Some(test) = self.test.take() {
            test.report(out);
        }
        if self.part == Part::Wrong && !self.wrong.is_empty() {
            self.report_wrong(out);
        }
        self.part = Part::None;
    }

    fn report_wrong(&mut self, out: &mut Findings) {
        let lines = std::mem::take(&mut self.wrong);
        let at = self.at.take();
        let all = lines.join("\n");
        let network = [
            "Connection refused",
            "timed out",
            "UnknownHost",
            "No such host",
            "PKIX path",
            "Received status code 5",
        ];
        let missing = all.contains("Could not resolve")
            || all.contains("Could not find ") && !all.contains("Could not find method");
        let failed_task = all.starts_with("Execution failed for task") && !missing;
        let kind = if missing && network.iter().any(|w| all.contains(w)) {
            Category::Environment
        } else if missing {
            Category::Dependency
        } else if all.contains("There were failing tests") {
            Category::Logic
        } else if all.contains("ompilation failed") || all.contains("ompilation error") && failed_task {
            Category::Type
        } else if all.contains("startup failed")
            || all.contains("Script compilation error")
            || all.contains("Could not compile build file")
        {
            Category::Syntax
        } else {
            Category::Configuration
        };
        let mut finding = FindingBuilder::new("gradle", kind, all.clone()).span(self.first, self.last);
        if let Some(mut at) = at {
            // Groovy's own message knows the column.
            if let Some(found) = re!(r"@ line (\d+), column (\d+)\.").captures(&all) {
                at.line = number(&found[1]);
                at.column = number(&found[2]);
            }
            finding.location = Some(at);
        }
        out.bug(if failed_task && finding.location.is_none() { finding.consequence() } else { finding });
    }

    /// The end of a test task that failed (with its counts), of the build, or of the log.
    fn counted(&mut self, found: Option<(u64, u64, u64)>, green: bool, out: &mut Findings) {
        let mut ids = std::mem::take(&mut self.passed);
        let named = (ids.len(), self.failed.len(), std::mem::take(&mut self.skipped));
        ids.append(std::mem::take(&mut self.failed));
        let (tasks, empty) = (std::mem::take(&mut self.tasks), std::mem::take(&mut self.empty_tasks));
        // Unless told to (`testLogging`), Gradle speaks of failed tests only.
        let talks = named.0 > 0;
        if let Some((passed, failed, skipped)) = found {
            out.named_tests("gradle", passed, failed, skipped, ids);
        } else if talks {
            out.named_tests("gradle", named.0, named.1, named.2, ids);
        } else if named.1 > 0 || green && tasks > 0 {
            out.some_tests("gradle", Counts::failed(named.1));
        } else if empty > 0 {
            out.some_tests("gradle", Counts::NONE_RAN);
        }
        if !talks && (found.is_some() || named.1 > 0) {
            out.silent_when_green("gradle");
        }
    }
}

impl Gradle {
    /// A line below `* Where:` or `* What went wrong:`, or none of these.
    fn in_part(&mut self, text: &str, line_number: u64, out: &mut Findings) -> Response {
        match self.part {
            Part::Where => {
                if let Some(found) = re!(r"'([^']+)' line: (\d+)$").captures(text) {
                    self.at = Some(location(&found[1], number(&found[2]), None));
                }
                self.part = Part::None;
                Response::Consumed(Next::Active)
            }
            Part::Wrong => {
                if text.starts_with("* ") || text.starts_with("======") {
                    self.close(out);
                    return Response::Consumed(Next::Active);
                }
                // Gradle 9 says here again, or only here, what the compiler said.
                if let Some(c) = re!(r"^ +([^\s:][^:]*\.(?:java|groovy)):(\d+): error: (.+)$").captures(text)
                {
                    let at = location(&c[1], number(&c[2]), None);
                    let said = |finding: &FindingBuilder| {
                        finding
                            .location
                            .as_ref()
                            .is_some_and(|known| known.file == at.file && known.line == at.line)
                    };
                    if !out.findings.iter().any(said) {
                        out.bug(FindingBuilder::new("javac", Category::Type, &c[3]).at(&c[1], at.line, None));
                    }
                }
                if !text.is_empty() && self.wrong.len() < MAX_LINES {
                    self.wrong.push(text.to_owned());
                    self.last = line_number;
                }
                Response::Consumed(Next::Active)
            }
            Part::None => {
                if text.starts_with("FAILURE: ") {
                    out.failed();
                    return Response::Consumed(Next::Active);
                }
                Response::Declined(Next::Idle)
            }
        }
    }
}

impl ToolParser for Gradle {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(found) =
            re!(r"^(\d+) tests? completed(?:, (\d+) failed)?(?:, (\d+) skipped)?").captures(text)
        {
            self.close(out);
            let n = |at: usize| found.get(at).and_then(|m| m.as_str().parse::<u64>().ok()).unwrap_or(0);
            let (all, failed, skipped) = (n(1), n(2), n(3));
            self.counted(Some((all.saturating_sub(failed + skipped), failed, skipped)), false, out);
            return Response::Consumed(Next::Active);
        }
        if let Some(found) = re!(r"^(?:> Task )?:\S*[tT]est(?: (\S+))?$").captures(text) {
            self.close(out);
            match found.get(1).map(|m| m.as_str()) {
                Some("NO-SOURCE" | "SKIPPED") => self.empty_tasks += 1,
                Some("FAILED") => {}
                _ => self.tasks += 1,
            }
            return Response::Consumed(Next::Idle);
        }
        if let Some(found) = re!(r"^(\S.*?) > (.+) (FAILED|PASSED|SKIPPED)$").captures(text)
            && !text.starts_with("> ")
        {
            self.close(out);
            let id = format!("{} > {}", &found[1], &found[2]);
            match &found[3] {
                "PASSED" => self.passed.push(id),
                "SKIPPED" => self.skipped += 1,
                _ => {
                    self.failed.push(id.clone());
                    let class = found[1].to_owned();
                    let (first, last) = (line.number, line.number);
                    let (stack, short) = (Stack::default(), Vec::new());
                    self.test = Some(Test { id, class, stack, short, first, last });
                }
            }
            return Response::Consumed(Next::Active);
        }
        if let Some(test) = &mut self.test {
            if text.starts_with([' ', '\t']) || text.is_empty() {
                if !text.is_empty() {
                    test.last = line.number;
                    test.line(text);
                }
                return Response::Consumed(Next::Active);
            }
            self.close(out);
        }
        if text.starts_with("BUILD SUCCESSFUL") {
            self.close(out);
            self.counted(None, true, out);
            out.succeeded();
            return Response::Consumed(Next::Idle);
        }
        if text.starts_with("BUILD FAILED") {
            self.close(out);
            out.failed();
            return Response::Consumed(Next::Idle);
        }
        match text {
            "* Where:" => {
                self.close(out);
                self.part = Part::Where;
                return Response::Consumed(Next::Active);
            }
            "* What went wrong:" => {
                self.close(out);
                self.part = Part::Wrong;
                (self.first, self.last) = (line.number, line.number);
                return Response::Consumed(Next::Active);
            }
            _ => {}
        }
        self.in_part(text, line.number, out)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
        self.counted(None, false, out);
    }
}
