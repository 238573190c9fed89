//! Linters that print a file's name and, below it, a line for each finding in it: a row of `headed!` each.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::paths::is_own;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Category, Severity};

/// How a tool prints the findings of a file.
#[derive(Clone, Copy)]
struct Headed {
    tool: &'static str,
    category: Category,
    /// Of a line with the group `path`; of one with the groups `message`, and optionally `line`, `column`, `code` and
    /// `severity`; of the one that says that this is all.
    patterns: &'static LazyLock<[Regex; 3]>,
    /// Columns are counted from 0.
    from_zero: bool,
}

macro_rules! headed {
    ($name:ident, $tool:literal, $category:ident, $start:literal, $head:literal, $row:literal, $end:literal, $zero:literal) => {
        pub(in crate::parser) const $name: Tool = Tool {
            name: $tool,
            triggers: &[$start],
            new: |_| {
                static PATTERNS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
                    [$head, $row, $end]
                        .map(|pattern| Regex::new(pattern).expect("a literal that tests compile"))
                });
                let (tool, category, from_zero) = ($tool, Category::$category, $zero);
                let format = Headed { tool, category, patterns: &PATTERNS, from_zero };
                Box::new(Rows { format, file: None, at: None, left: PATIENCE })
            },
        };
    };
}

headed!(
    DJLINT,
    "djlint",
    Lint,
    r"^Linting [0-9]+/[0-9]+ files?\b",
    r"^(?P<path>\S+\.\w+)$",
    r"^(?P<code>[A-Z]\d{3}) (?P<line>\d+):(?P<column>\d+) (?P<message>\S.*)$",
    r"^Linted \d+ files?, ",
    true
);
headed!(
    RUBOCOP_SIMPLE,
    "rubocop",
    Lint,
    r"^== [^ ]+ ==$",
    r"^== (?P<path>\S+) ==$",
    r"^[RCWEFI]: +(?P<line>\d+): +(?P<column>\d+): (?:\[[A-Z]\w+\] )?(?P<code>[A-Z]\w*(?:/\w+)+): (?P<message>\S.*)$",
    r"^\d+ files? inspected, ",
    false
);
headed!(
    SQLFLUFF,
    "sqlfluff",
    Lint,
    r"^== \[.+\] FAIL$",
    r"^== \[(?P<path>.+)\] (?:FAIL|PASS)$",
    r"^L: *(?P<line>\d+) \| P: *(?P<column>\d+) \| *(?P<code>\w+) \| (?P<message>\S.*)$",
    r"^All Finished",
    false
);

headed!(
    TSD,
    "tsd",
    Type,
    r"^  \S+[.-]d\.[cm]?tsx?(:[0-9]+:[0-9]+)?$",
    r"^  (?P<path>\S+[.-]d\.[cm]?tsx?)(?::\d+:\d+)?$",
    r"^  [^\x00-\x7f]+ +(?P<line>\d+):(?P<column>\d+) +(?P<message>\S.*)$",
    r"^  \d+ (?:errors?|warnings?)",
    true
);
headed!(
    PYDOCLINT,
    "pydoclint",
    Lint,
    r"^Skipping files that match this pattern: ",
    r"^(?P<path>\S+\.py)$",
    r"^    (?P<line>\d+): (?P<code>DOC\d{3}): (?P<message>\S.*)$",
    r"^\x00$",
    false
);
headed!(
    HTMLHINT,
    "htmlhint",
    Lint,
    r"^   (/|[A-Za-z]:[\\/])\S.*\.\w+$",
    r"^   (?P<path>(?:/|[A-Za-z]:[\\/])\S.*\.\w+)$",
    r"^\s+L(?P<line>\d+) (?P<bar>\|)|^\s+(?P<mark>\^) (?P<message>\S.*) \((?P<code>[a-z][a-z0-9-]*)\)$",
    r"^Scanned \d+ files?, ",
    false
);

/// Lines that belong to nothing, after which no more is expected.
const PATIENCE: u32 = 200;

struct Rows {
    format: Headed,
    file: Option<String>,
    /// The line that a row of source showed, and where its text begins: the finding stands below it.
    at: Option<(Option<u32>, usize)>,
    left: u32,
}

impl Rows {
    fn finding(&self, row: &Captures<'_>) -> FindingBuilder {
        let group = |name: &str| row.name(name).map(|group| group.as_str().trim());
        let mut finding =
            FindingBuilder::new(self.format.tool, self.format.category, group("message").unwrap_or_default());
        let column = group("column").and_then(number);
        let column = if self.format.from_zero { column.map(|at| at + 1) } else { column };
        if let Some(file) = &self.file {
            let marked = row.name("mark").zip(self.at).map(|(mark, (line, from))| {
                (line, u32::try_from(mark.start().saturating_sub(from) + 1).ok())
            });
            let (line, column) = marked.unwrap_or((group("line").and_then(number), column));
            finding = finding.at(file, line, column);
        }
        finding.code = group("code").map(str::to_owned);
        if group("severity").is_some_and(|word| word.eq_ignore_ascii_case("warning")) {
            finding = finding.severity(Severity::Warning);
        }
        finding
    }
}

impl ToolParser for Rows {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        let [head, row, end] = &**self.format.patterns;
        if let Some(found) = head.captures(text).filter(|found| is_own(&found["path"])) {
            self.file = Some(found["path"].to_owned());
            self.left = PATIENCE;
            return Response::Consumed(Next::Active);
        }
        if end.is_match(text) {
            self.file = None;
            return Response::Declined(Next::Idle);
        }
        if self.file.is_some()
            && let Some(found) = row.captures(text)
        {
            if let Some(bar) = found.name("bar") {
                self.at = Some((found.name("line").and_then(|line| number(line.as_str())), bar.end()));
            } else {
                let finding = self.finding(&found);
                out.bug(finding);
            }
            self.left = PATIENCE;
            return Response::Consumed(Next::Active);
        }
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            return Response::Declined(Next::Active);
        }
        self.file = None;
        Response::Declined(Next::Finished)
    }
}
