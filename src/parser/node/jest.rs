//! Jest: a header per file (`FAIL path`), a block per failure (`● suite › test`), the counts at the end.
//!
//! Everything in a block is indented. Blocks of one test are one report; the summary that repeats all blocks adds
//! nothing. What tests print to the console stands in blocks of its own and is no failure.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::paths::is_own;
use super::super::registry::{Next, Response, ToolParser};
use super::frames::{self, Frame};
use super::hints::{missing_module, quoted};
use super::message::Message;
use super::tree::{Part, Tree};
use super::tsc;
use crate::contract::bug::{Category, Location};

/// Lines that trigger [`Jest`].
pub(super) const TRIGGERS: &[&str] = &[
    r"^\s*(FAIL|PASS)\s.*\.[cm]?[jt]sx?(\s+\(.*\))?$",
    r"^(  )?\xe2\x97\x8f ",
    r"^  console\.(log|error|warn|info|debug|trace|assert|dir)$",
    r"^Tests:\s+.*[0-9]+ total",
    r"^No tests found, exiting with code 1",
    r"^Jest: .*threshold for .* not met",
];

static FILE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(FAIL|PASS)\s+(?:\S.*?\s+)?(?P<path>\S+\.[cm]?[jt]sx?)(?:\s+\([\d.]+ (?:m?s|min|[MG]B heap size)\))*\s*$")
        .expect("a literal")
});
/// Babel's syntax errors: `SyntaxError: /path/a.js: Unexpected token (2:18)`.
static BABEL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*SyntaxError: (?P<path>[^:]+|[A-Z]:[^:]+): .*\((?P<l>\d+):(?P<c>\d+)\)$")
        .expect("a literal")
});
static COUNT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\d+) (failed|passed|skipped|todo|total)").expect("a literal"));

#[derive(PartialEq, Eq, Clone, Copy)]
enum Kind {
    Test,
    Suite,
    Console,
    Configuration,
}

struct Block {
    kind: Kind,
    title: String,
    first: u64,
    last: u64,
    message: Message,
    frames: Vec<Location>,
    /// The place a message names itself: a syntax error's.
    named: Option<Location>,
    marked: Option<Location>,
    diagnostics: Vec<FindingBuilder>,
}

#[derive(Default)]
pub(super) struct Jest {
    file: Option<String>,
    block: Option<Block>,
    /// Of the current file, with their titles: later blocks of the same test join them.
    held: Vec<(String, FindingBuilder)>,
    /// Tests already reported, by file and title.
    seen: HashSet<(Option<String>, String)>,
    tree: Tree,
}

impl ToolParser for Jest {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if text.trim_start().starts_with(['F', 'P'])
            && let Some(caps) = FILE.captures(text)
        {
            self.close_file(out);
            self.file = Some(caps["path"].to_owned());
            self.tree.start();
            return Response::Consumed(Next::Active);
        }
        if let Some(title) = title(text) {
            self.close_block();
            self.tree.stop();
            self.block = Some(Block::new(title, text.starts_with('●'), line.number));
            return Response::Consumed(Next::Active);
        }
        if is_console(text) {
            self.close_block();
            self.block = Some(Block::new("Console", false, line.number));
            return Response::Consumed(Next::Active);
        }
        if let Some(counts) = text.strip_prefix("Tests:") {
            self.close_file(out);
            self.count(counts, out);
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("No tests found, exiting with code 1") || text.starts_with("Jest: ") {
            self.close_file(out);
            out.bug(FindingBuilder::new("jest", Category::Configuration, text));
            return Response::Consumed(Next::Active);
        }
        match self.tree.line(text) {
            Part::Test => return Response::Consumed(Next::Active),
            Part::Suite => return Response::Declined(Next::Active),
            Part::None => {}
        }
        let blank = text.trim().is_empty();
        match &mut self.block {
            Some(block) if blank || text.starts_with("  ") => {
                block.line(text, line.number);
                Response::Consumed(Next::Active)
            }
            Some(_) => {
                self.close_block();
                self.rest(text, out)
            }
            None if blank => Response::Declined(Next::Idle),
            None => self.rest(text, out),
        }
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close_file(out);
    }
}

/// `  ● suite › test`, or at the very left what concerns no file.
fn title(text: &str) -> Option<&str> {
    text.strip_prefix("  ").unwrap_or(text).strip_prefix("● ").map(str::trim)
}

fn is_console(text: &str) -> bool {
    text.strip_prefix("  console.").is_some_and(|call| {
        matches!(call.trim(), "log" | "error" | "warn" | "info" | "debug" | "trace" | "assert" | "dir")
    })
}

impl Jest {
    fn rest(&mut self, text: &str, out: &mut Findings) -> Response {
        const OWN: &[&str] = &[
            "Test Suites:",
            "Snapshots:",
            "Time:",
            "Snapshot Summary",
            "Ran all test suites",
            "Summary of all failing tests",
        ];
        if OWN.iter().any(|own| text.starts_with(own)) || text.starts_with(" › ") {
            return Response::Consumed(Next::Active);
        }
        // Output of the tests, or of another command that follows: the file's blocks are told either way.
        self.close_file(out);
        Response::Declined(Next::Idle)
    }

    fn count(&mut self, counts: &str, out: &mut Findings) {
        let of = |what: &str| {
            COUNT
                .captures_iter(counts)
                .filter(|c| &c[2] == what)
                .filter_map(|c| c[1].parse::<u64>().ok())
                .sum::<u64>()
        };
        let (passed, failed, skipped) = (of("passed"), of("failed"), of("skipped") + of("todo"));
        out.named_tests("jest", passed, failed, skipped, self.tree.take_ids());
        if failed == 0 && passed > 0 {
            out.succeeded();
        }
    }

    fn close_block(&mut self) {
        let Some(block) = self.block.take() else { return };
        if block.kind == Kind::Console || !self.seen.insert((self.file.clone(), block.title.clone())) {
            // A second failure of the same test, while its file is still open, adds its places.
            if block.kind == Kind::Test
                && let Some((_, held)) = self.held.iter_mut().find(|(title, _)| *title == block.title)
            {
                held.related.extend(block.frames);
                held.log.last = block.last;
            }
            return;
        }
        let file = self.file.as_deref();
        let title = block.title.clone();
        for finding in block.into_drafts(file) {
            self.held.push((title.clone(), finding));
        }
    }

    fn close_file(&mut self, out: &mut Findings) {
        self.close_block();
        self.tree.stop();
        for (_, finding) in self.held.drain(..) {
            out.bug(finding);
        }
    }
}

impl Block {
    fn new(title: &str, global: bool, line_number: u64) -> Self {
        let kind = match title {
            "Console" => Kind::Console,
            // `Validation Warning:`, `Deprecation Warning:` stop nothing.
            _ if global && title.ends_with("Warning:") => Kind::Console,
            _ if global => Kind::Configuration,
            "Test suite failed to run" => Kind::Suite,
            _ => Kind::Test,
        };
        Self {
            kind,
            title: title.to_owned(),
            first: line_number,
            last: line_number,
            message: Message::default(),
            frames: Vec::new(),
            named: None,
            marked: None,
            diagnostics: Vec::new(),
        }
    }

    fn line(&mut self, text: &str, line_number: u64) {
        if text.trim().is_empty() {
            return self.message.blank();
        }
        if self.kind == Kind::Console {
            return;
        }
        self.last = line_number;
        if let Some(frame) = frames::frame(text) {
            self.message.end();
            if let Frame::At(location) = frame {
                self.frames.push(location);
            }
            return;
        }
        if let Some(header) = tsc::header(text) {
            self.diagnostics.push(header.finding(line_number));
            return;
        }
        if let Some(line) = frames::marked_line(text) {
            self.message.end();
            if self.marked.is_none() {
                self.marked = Some(location("", Some(line), None));
            }
            return;
        }
        if frames::is_source_line(text) {
            return self.message.end();
        }
        if let Some(column) = frames::marked_column(text) {
            if let Some(marked) = &mut self.marked
                && marked.column.is_none()
            {
                marked.column = Some(column);
            }
            return;
        }
        if let Some(caps) = BABEL.captures(text) {
            self.named = Some(location(&caps["path"], number(&caps["l"]), number(&caps["c"])));
        } else if self.kind == Kind::Suite
            && self.named.is_none()
            && !text.trim().contains(' ')
            && let Some(found) = frames::location(text)
        {
            // `/path/a.js:7` above the source line that cannot be read.
            self.named = Some(found);
            return;
        }
        self.message.line(text.strip_prefix("    ").unwrap_or(text));
    }

    fn into_drafts(self, file: Option<&str>) -> Vec<FindingBuilder> {
        if !self.diagnostics.is_empty() {
            let about = |mut finding: FindingBuilder| {
                finding.test = file.map(str::to_owned);
                finding
            };
            return self.diagnostics.into_iter().map(about).collect();
        }
        let message = self.message.text(&self.title);
        let category = match self.kind {
            Kind::Configuration => Category::Configuration,
            Kind::Suite => suite_category(&message),
            _ if message.contains("Exceeded timeout of") || message.contains("Timeout - Async") => {
                Category::Timeout
            }
            _ => Category::Logic,
        };
        let mut finding = FindingBuilder::new("jest", category, message).span(self.first, self.last);
        finding.test = match self.kind {
            Kind::Test => Some(self.title),
            Kind::Suite => file.map(str::to_owned),
            _ => None,
        };
        finding.frames = self.frames;
        if let Some(file) = file {
            // Frames are relative to the project's folder, the header to where jest was started.
            for frame in &mut finding.frames {
                if file.len() > frame.file.len() && file.ends_with(&format!("/{}", frame.file)) {
                    frame.file = file.to_owned();
                }
            }
            let marked = self.marked.map(|m| Location { file: file.to_owned(), ..m });
            if !finding.frames.iter().any(|f| is_own(&f.file)) {
                let named = self.named.filter(|n| is_own(&n.file));
                finding.frames.extend(named.or(marked).or_else(|| Some(location(file, None, None))));
            }
        }
        if finding.message.contains("Cannot find module")
            && let Some((specifier, _)) =
                finding.message.find("Cannot find module").and_then(|at| quoted(&finding.message, at))
        {
            finding.hint = missing_module(finding.message.lines().next().unwrap_or_default(), specifier);
        }
        vec![finding]
    }
}

fn suite_category(message: &str) -> Category {
    if message.contains("Cannot find module")
        || message.contains("Could not locate module")
        || message.contains("Cannot resolve module")
    {
        Category::Import
    } else if message.contains("SyntaxError") || message.contains("unexpected token") {
        Category::Syntax
    } else if message.contains("Validation Error") || message.contains("must contain at least one test") {
        Category::Configuration
    } else {
        Category::Runtime
    }
}
