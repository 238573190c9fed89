//! One package's test output, told apart by test: `=== RUN`, `--- FAIL:`, logs, stacks, up to `FAIL  package`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use memchr::{memchr2, memmem::Finder};

use super::super::findings::{Counts, FindingBuilder, Findings, TestCounts, location, number};
use super::super::re;
use super::super::test_ids::TestIds;
use super::stack::Stack;
use crate::contract::bug::{Category, FinalWord, Location};

static DASHES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("--- "));

/// Lines kept of one test's log.
const MAX_LOG: usize = 200;

/// A package whose end has not been seen.
#[derive(Debug, Default)]
pub(super) struct Suite {
    /// By the order in which they began. Those that have passed are gone once another has the word.
    tests: BTreeMap<u64, Test>,
    begun: u64,
    /// The latest of each name.
    by_name: HashMap<String, u64>,
    current: Option<u64>,
    /// Of those that passed nothing but the name is kept: there may be any number of them.
    passed: TestIds,
    skipped: u64,
    stack: Option<(Stack, u64)>,
    /// Stacks that no test claims yet.
    stray: Vec<(Stack, u64)>,
    /// `=== RUN` lines are printed: every test is named.
    verbose: bool,
    /// Within gotestsum's list of what failed.
    summary: bool,
    /// What the packages that are over ran.
    ran: Option<TestCounts>,
    /// The last word of the test binary itself was `FAIL`.
    says_fail: bool,
}

#[derive(Debug, Default)]
struct Test {
    name: String,
    first: u64,
    last: u64,
    state: Option<State>,
    logs: Vec<Entry>,
    output: Vec<String>,
    stacks: Vec<Stack>,
    /// Of its package, where the test's own header names that.
    folder: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Passed,
    Failed,
    Skipped,
}

/// `    x_test.go:12: message`, with what follows more indented.
#[derive(Debug)]
struct Entry {
    at: Location,
    indent: usize,
    message: String,
    trace: Vec<Location>,
    in_trace: bool,
}

/// What a line was to the suite.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Mine,
    /// The package is over.
    End,
    Other,
}

impl Suite {
    pub(super) fn is_empty(&self) -> bool {
        self.tests.is_empty() && self.passed.is_empty() && self.stack.is_none() && self.stray.is_empty()
    }

    /// Says whose output comes next (`-json` knows).
    pub(super) fn select(&mut self, test: &str, line_number: u64) {
        let at = self.find(test, line_number, false);
        self.listen(Some(at));
    }

    /// Lines are this test's from here on.
    fn listen(&mut self, at: Option<u64>) {
        let before = std::mem::replace(&mut self.current, at);
        let over = |test: &Test| matches!(test.state, Some(State::Passed | State::Skipped));
        let Some(before) = before.filter(|before| Some(*before) != at) else { return };
        if !self.tests.get(&before).is_some_and(over) {
            return;
        }
        if let Some(test) = self.tests.remove(&before) {
            if self.by_name.get(&test.name) == Some(&before) {
                self.by_name.remove(&test.name);
            }
            if test.state == Some(State::Passed) {
                self.passed.push(test.name);
            } else {
                self.skipped += 1;
            }
        }
    }

    pub(super) fn line(&mut self, text: &str, line_number: u64, out: &mut Findings) -> Part {
        // Most lines are none of the forms below; words are found faster than forms.
        let header = text.starts_with(['=', '\x16']);
        if header && let Some(c) = re!(r"^(?:\x16)?=== (RUN|PAUSE|CONT|NAME) +(\S+)?$").captures(text) {
            self.close_stack();
            self.verbose = true;
            let at = c.get(2).map(|name| self.find(name.as_str(), line_number, &c[1] == "RUN"));
            self.listen(at);
            return Part::Mine;
        }
        if DASHES.find(text.as_bytes()).is_some()
            && let Some(c) =
                re!(r"^(.*?)--- (PASS|FAIL|SKIP|BENCH): (\S+)( \([\d.]+ ?s(?:econds)?\))?$").captures(text)
            // Only of benchmarks it is not said how long they took.
            && (c.get(4).is_some() || c[3].starts_with("Benchmark"))
        {
            self.close_stack();
            let at = self.find(&c[3], line_number, false);
            self.listen(Some(at));
            if let Some(test) = self.tests.get_mut(&at) {
                test.last = line_number;
                test.state = Some(match &c[2] {
                    "FAIL" => State::Failed,
                    "SKIP" => State::Skipped,
                    _ => State::Passed,
                });
                if test.state == Some(State::Failed) {
                    test.stacks.extend(self.stray.drain(..).map(|(stack, _)| stack));
                }
            }
            return Part::Mine;
        }
        if let Some(part) = self.gotestsum(text, header, line_number, out) {
            return part;
        }
        // Jest's header names a script where this one names a package.
        if let Some((verdict, package, rest)) = verdict_of(text)
            && !re!(r"\.[cm]?[jt]sx?$").is_match(package)
        {
            self.close_stack();
            self.end(verdict, package, rest, line_number, out);
            return Part::End;
        }
        if let Some((stack, _)) = &mut self.stack {
            if stack.line(text) {
                return Part::Mine;
            }
            self.close_stack();
        }
        if let Some(stack) = Stack::start(text) {
            self.stack = Some((stack, line_number));
            return Part::Mine;
        }
        if matches!(text, "FAIL" | "PASS") {
            self.says_fail = text == "FAIL";
            return Part::Mine;
        }
        if text.starts_with("exit status ") || text.starts_with("coverage: ") {
            return Part::Mine;
        }
        let Some(test) = self.current.and_then(|at| self.tests.get_mut(&at)) else { return Part::Other };
        test.line(text, line_number)
    }

    /// gotestsum repeats what failed under a header of its own, and says how many ran.
    fn gotestsum(&mut self, text: &str, header: bool, line_number: u64, out: &mut Findings) -> Option<Part> {
        if header && let Some(c) = re!(r"^=== FAIL: (\S+) (\S+) \([\d.]+s\)$").captures(text) {
            self.close_stack();
            let at = self.find(&c[2], line_number, true);
            if let Some(test) = self.tests.get_mut(&at) {
                test.state = Some(State::Failed);
                test.folder = Some(folder_of(&c[1]));
            }
            self.listen(Some(at));
            self.summary = true;
            return Some(Part::Mine);
        }
        if text.starts_with("DONE ")
            && let Some(c) = re!(r"^DONE (\d+) tests?(?:, \d+ \w+)* in [\d.]+s$").captures(text)
        {
            let of = |name: &str| {
                let found = text.split(", ").find_map(|p| p.split(" in ").next()?.split_once(name));
                found.and_then(|(n, _)| n.trim().parse::<u64>().ok()).unwrap_or(0)
            };
            let (skipped, failed) = (of(" skipped"), of(" failure"));
            let before = self.ran.take();
            self.end("", "", "", line_number, out);
            let ran = c[1].parse::<u64>().unwrap_or(0).saturating_sub(skipped);
            // The same tests again, unless the packages' own output said less of them.
            self.ran = before.filter(|before| before.named() == Some(ran));
            if self.ran.is_none() {
                let counts = Counts::known(ran.saturating_sub(failed), failed, skipped);
                self.ran.get_or_insert_default().add(counts, None);
            }
            return Some(Part::End);
        }
        None
    }

    fn close_stack(&mut self) {
        let Some((stack, line_number)) = self.stack.take() else { return };
        let named = stack.test.as_ref().and_then(|t| {
            let inner = format!("{t}/");
            let is = |test: &Test| test.name == *t || test.name.starts_with(&inner);
            self.tests.iter().rev().find(|(_, test)| is(test)).map(|(at, _)| *at)
        });
        let passed = |at: &u64| self.tests.get(at).is_none_or(|test| test.state == Some(State::Passed));
        let running = self.current.filter(|at| !passed(at));
        match running.or(named).and_then(|at| self.tests.get_mut(&at)) {
            Some(test) => {
                test.state = Some(State::Failed);
                test.stacks.push(stack);
            }
            None => self.stray.push((stack, line_number)),
        }
    }

    fn find(&mut self, name: &str, line_number: u64, fresh: bool) -> u64 {
        match self.by_name.get(name) {
            // `-count 2` runs it again.
            Some(at) if !(fresh && self.tests.get(at).is_some_and(|test| test.state.is_some())) => *at,
            _ => {
                self.begun += 1;
                let test =
                    Test { name: name.to_owned(), first: line_number, last: line_number, ..Test::default() };
                self.tests.insert(self.begun, test);
                self.by_name.insert(name.to_owned(), self.begun);
                self.begun
            }
        }
    }

    /// What ran, told once: gotestsum sums up what its packages printed.
    pub(super) fn tell_tests(&mut self, out: &mut Findings) {
        if let Some(ran) = self.ran.take() {
            out.gathered_tests("go-test", ran);
        }
    }

    /// The package's line, or the end of the log (`verdict` and `package` empty).
    pub(super) fn end(
        &mut self,
        verdict: &str,
        package: &str,
        rest: &str,
        line_number: u64,
        out: &mut Findings,
    ) {
        self.close_stack();
        self.listen(None);
        let mut suite = std::mem::take(self);
        self.ran = suite.ran.take();
        let failed_names: BTreeSet<String> =
            suite.tests.values().filter(|t| t.state == Some(State::Failed)).map(|t| t.name.clone()).collect();
        let (mut passed, mut failed, mut skipped) = (suite.passed.len(), 0, suite.skipped);
        let dot = if package.is_empty() { "" } else { "." };
        let mut ids = suite.passed;
        let (mut reported, mut unfinished) = (false, Vec::new());
        for test in suite.tests.into_values() {
            match test.state {
                Some(State::Passed) => passed += 1,
                Some(State::Skipped) => skipped += 1,
                Some(State::Failed) => failed += 1,
                None => {
                    unfinished.push(test.name);
                    continue;
                }
            }
            if test.state != Some(State::Skipped) {
                ids.push(test.name.as_str());
            }
            if test.state != Some(State::Failed) {
                continue;
            }
            // A parent that only passes on its children's failure says nothing of its own.
            let inner = format!("{}/", test.name);
            let next = failed_names.range(inner.clone()..).next();
            if next.is_some_and(|name| name.starts_with(&inner))
                && test.logs.is_empty()
                && test.stacks.is_empty()
            {
                continue;
            }
            reported = true;
            let folder = test.folder.clone().unwrap_or_else(|| folder_of(package));
            // gotestsum's `FAIL calc.TestDouble` names the test as well.
            let of = package.strip_suffix(&test.name).and_then(|of| of.strip_suffix('.')).unwrap_or(package);
            let of = (!of.is_empty()).then(|| of.to_owned());
            let mut finding = test.into_finding(&folder);
            finding.package = of;
            out.bug(finding);
        }
        for (stack, first) in suite.stray {
            if verdict != "ok" && stack.is_go() {
                reported = true;
                let tool = if verdict.is_empty() { "go-panic" } else { "go-test" };
                out.bug(stack.into_finding(tool).span(first, line_number));
            }
        }
        if suite.verbose {
            let ids = ids.prefixed(&format!("{package}{dot}"));
            let counts = Counts::known(passed, failed, skipped);
            self.ran.get_or_insert_default().add(counts, Some(ids));
        } else if let Some(counts) = unnamed(verdict, package, rest, failed) {
            // Among packages that name their tests, one that failed without naming any ran none.
            let named =
                verdict == "FAIL" && failed == 0 && self.ran.as_ref().is_some_and(|r| r.named().is_some());
            let counts = if named { Counts::NONE_RAN } else { counts };
            self.ran.get_or_insert_default().add(counts, None);
        }
        if let Some(ran) = &mut self.ran {
            ran.say_part(
                final_word(verdict, suite.says_fail, failed, line_number).filter(|_| unfinished.is_empty()),
            );
        }
        if verdict == "FAIL" && !reported {
            out.bug(if rest.starts_with('[') {
                let why = rest.trim_matches(['[', ']']);
                FindingBuilder::new("go-test", Category::Logic, format!("package {package}: {why}"))
                    .consequence()
            } else {
                // It ended without a word: `os.Exit`, `log.Fatal`, a `TestMain` that gives up.
                let mut finding =
                    FindingBuilder::new("go-test", Category::Runtime, format!("package {package}: failed"));
                finding.test = unfinished.pop();
                finding
            });
        }
    }
}

/// What the package says of itself at its end. The binary prints `PASS` or `FAIL` as its last word, and `go` says `ok` for
/// its exit code alone: a test that prints another runner's output has neither.
fn final_word(verdict: &str, says_fail: bool, failed: u64, line: u64) -> Option<FinalWord> {
    let failed = match verdict {
        "FAIL" => failed.max(1),
        _ if says_fail => failed.max(1),
        "ok" => 0,
        _ => return None,
    };
    Some(FinalWord { failed, line, ..FinalWord::default() })
}

/// What a package's line says of tests that were not named: without `-v` those that pass are not spoken of.
fn unnamed(verdict: &str, package: &str, rest: &str, failed: u64) -> Option<Counts> {
    let none_ran = rest.contains("[no test files]") || rest.contains("[no tests to run]");
    // Other programs begin lines with `ok` or `FAIL` too.
    let ran = !package.is_empty() && re!(r"^(?:[\d.]+s|\(cached\))(?:\s|$)").is_match(rest);
    if none_ran {
        Some(Counts::NONE_RAN)
    } else if verdict == "FAIL" && failed == 0 && ran {
        Some(Counts::UNKNOWN)
    } else {
        (failed > 0 || ran && verdict == "ok").then_some(Counts::failed(failed))
    }
}

/// `ok  package  0.01s`, `FAIL package [build failed]`, `?  package  [no test files]`.
fn verdict_of(text: &str) -> Option<(&str, &str, &str)> {
    let verdict = ["ok", "FAIL", "?"].into_iter().find(|verdict| text.starts_with(verdict))?;
    let rest = &text[verdict.len()..];
    if !rest.starts_with([' ', '\t']) {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let (package, rest) = rest.split_at(memchr2(b' ', b'\t', rest.as_bytes()).unwrap_or(rest.len()));
    (!package.is_empty()).then(|| (verdict, package, rest.trim_ascii_start()))
}

impl Test {
    fn line(&mut self, text: &str, line_number: u64) -> Part {
        let indent =
            text.chars().take_while(|c| c.is_whitespace()).map(|c| if c == '\t' { 4 } else { 1 }).sum();
        if let Some(c) = re!(r"^\s+([^\s:]+\.go):(\d+): ?(.*)$").captures(text) {
            let deeper = self.logs.last().is_some_and(|l| indent > l.indent);
            if !deeper {
                self.last = line_number;
                if self.logs.len() < MAX_LOG {
                    self.logs.push(Entry {
                        at: location(&c[1], number(&c[2]), None),
                        indent,
                        message: c[3].to_owned(),
                        trace: Vec::new(),
                        in_trace: false,
                    });
                }
                return Part::Mine;
            }
        }
        if let Some(log) = self.logs.last_mut()
            && (indent > log.indent || text.trim().is_empty())
        {
            self.last = line_number;
            log.more(text.trim());
            return Part::Mine;
        }
        if self.state == Some(State::Failed) && self.output.len() < 40 && !text.trim().is_empty() {
            self.output.push(text.to_owned());
        }
        Part::Other
    }

    fn into_finding(self, folder: &str) -> FindingBuilder {
        let own = |at: &Location| {
            let bare = !at.file.contains('/') && !folder.is_empty();
            if bare { Location { file: format!("{folder}/{}", at.file), ..at.clone() } } else { at.clone() }
        };
        // The harness speaks of itself.
        let logs: Vec<&Entry> = self.logs.iter().filter(|l| l.at.file != "testing.go").collect();
        let mut message: Vec<&str> =
            logs.iter().map(|l| l.message.trim()).filter(|m| !m.is_empty()).collect();
        let mut finding = FindingBuilder::new("go-test", Category::Logic, "");
        for stack in &self.stacks {
            finding.frames.extend(stack.frames());
            message.insert(0, &stack.message);
            finding.category = stack.category.unwrap_or(Category::Runtime);
        }
        if message.is_empty() {
            message.extend(self.output.iter().map(String::as_str));
        }
        let joined = message.join("\n");
        finding.message = if joined.is_empty() { format!("{} failed", self.name) } else { joined };
        // What is logged before the failing call comes first; the last line is the failure.
        for log in logs.iter().rev() {
            finding.frames.extend(log.trace.iter().map(own));
            finding.frames.push(own(&log.at));
        }
        finding.test = Some(self.name);
        finding.span(self.first, self.last)
    }
}

impl Entry {
    fn more(&mut self, text: &str) {
        // testify: `Error Trace:  a.go:12`, one line per frame, deepest first.
        if let Some(c) = re!(r"^Error Trace:\s+(\S+\.go):(\d+)$").captures(text) {
            self.trace.push(location(&c[1], number(&c[2]), None));
            self.in_trace = true;
            return;
        }
        if self.in_trace {
            if let Some(c) = re!(r"^(\S+\.go):(\d+)$").captures(text) {
                self.trace.push(location(&c[1], number(&c[2]), None));
                return;
            }
            self.in_trace = false;
        }
        if self.message.lines().count() < 40 {
            self.message.push('\n');
            self.message.push_str(text);
        }
    }
}

/// The folder of a package inside its repository, where the import path shows it.
fn folder_of(package: &str) -> String {
    let package = package.trim_matches('"');
    let mut parts = package.split('/');
    if !matches!(parts.next(), Some("github.com" | "gitlab.com" | "bitbucket.org" | "codeberg.org")) {
        return String::new();
    }
    let inner: Vec<&str> = parts.skip(2).collect();
    let versioned = inner
        .first()
        .is_some_and(|v| v.len() > 1 && v.starts_with('v') && v[1..].bytes().all(|b| b.is_ascii_digit()));
    inner[usize::from(versioned)..].join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_paths_show_the_folder() {
        assert_eq!(folder_of("github.com/a/b"), "");
        assert_eq!(folder_of("github.com/a/b/v2/c/d"), "c/d");
        assert_eq!(folder_of("github.com/a/b/c"), "c");
        assert_eq!(folder_of("example.com/a/b/c"), "");
    }

    #[test]
    fn of_tests_that_passed_only_names_are_kept() {
        let (mut suite, mut out) = (Suite::default(), Findings::default());
        let mut line_number = 0;
        let mut report = |suite: &mut Suite, text: &str| {
            line_number += 1;
            suite.line(text, line_number, &mut out)
        };
        for at in 0..500 {
            assert_eq!(report(&mut suite, &format!("=== RUN   TestAll/{at}")), Part::Mine);
            report(&mut suite, &format!("    a_test.go:{at}: checked"));
            let verdict = if at == 7 { "SKIP" } else { "PASS" };
            report(&mut suite, &format!("    --- {verdict}: TestAll/{at} (0.00s)"));
            // Old versions print what it logged behind its verdict.
            assert_eq!(report(&mut suite, &format!("        a_test.go:{at}: checked")), Part::Mine);
            assert!(suite.tests.len() <= 2 && suite.by_name.len() <= 2, "{at}: {suite:?}");
        }
        // What a test prints.
        report(&mut suite, "--- FAIL: TestOther");
        report(&mut suite, "=== RUN   TestHalf");
        report(&mut suite, "--- FAIL: TestHalf (0.00s)");
        assert_eq!(report(&mut suite, "FAIL\texample.com/a\t0.1s"), Part::End);
        suite.tell_tests(&mut out);
        let run = out.runs.remove("go-test").unwrap().into_run("go-test");
        assert_eq!((run.passed, run.failed, run.skipped), (Some(499), Some(1), Some(1)));
        let ids = run.ids.unwrap();
        assert_eq!((ids.len(), ids[0].as_str()), (500, "example.com/a.TestAll/0"));
    }
}
