//! Tools that say in one line what is wrong, and name no line of a file: a row of [`SENTENCES`] each.

use std::sync::{LazyLock, OnceLock};

use regex::Regex;

use super::super::findings::{FindingBuilder, Findings};
use super::super::lines::{Line, Mark};
use super::super::paths::is_own;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::Category;

/// What stands below a tool's sentence, up to a blank line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Nothing,
    /// More of the message; a traceback in it says only how it came about.
    Lines,
    /// The files it is about, one a line: each is a finding.
    Files,
}

/// Lines kept of a message.
const MAX_MESSAGE: usize = 12;
/// Files that are told of one list.
const MAX_FILES: usize = 1_000;

/// What a tool says when it fails.
pub(super) struct Sentence {
    /// As in `BugReport::tool`.
    pub(super) tool: &'static str,
    category: Category,
    /// Matches a whole clean line, and is a trigger. The groups are `message`, and optionally `path`, `code` and `test`.
    pattern: &'static str,
    more: More,
    #[cfg_attr(not(test), expect(dead_code, reason = "for the tests"))]
    example: &'static str,
}

const fn sentence(
    tool: &'static str,
    category: Category,
    pattern: &'static str,
    example: &'static str,
) -> Sentence {
    Sentence { tool, category, pattern, more: More::Nothing, example }
}

/// Rows of one tool stand together.
pub(super) static SENTENCES: &[Sentence] = &[
    sentence(
        "interrogate",
        Category::Lint,
        r"^(?P<message>RESULT: FAILED \(minimum: [0-9.]+%, actual: [0-9.]+%\))$",
        "RESULT: FAILED (minimum: 100.0%, actual: 0.0%)",
    ),
    sentence(
        "pip",
        Category::Dependency,
        r"^(?P<message>[A-Za-z0-9._-]+ [0-9]\S* (?:requires [^ ]+, which is not installed|has requirement [^ ]+, but you have [^ ]+ [^ ]+))\.$",
        "pytest 9.2.0 requires iniconfig, which is not installed.",
    ),
    sentence(
        "gitlint",
        Category::Lint,
        r"^(?:[0-9]+|-): (?P<code>[TBIM][0-9]{1,2}|U[CL][0-9]{1,2}) (?P<message>[A-Z].*)$",
        "1: T3 Title has trailing punctuation (.): \"WIP: a.\"",
    ),
    sentence(
        "commitizen",
        Category::Lint,
        r"^(?P<message>commit validation: failed!)$",
        "commit validation: failed!",
    ),
    sentence(
        "autoflake",
        Category::Lint,
        r"^(?P<path>[^:]+\.pyi?): (?P<message>Unused imports/variables detected)$",
        "./src/a.py: Unused imports/variables detected",
    ),
    sentence(
        "cmake-format",
        Category::Format,
        r"^ERROR __main__\.py:[0-9]+: (?P<message>Check failed: (?P<path>\S+))$",
        "ERROR __main__.py:618: Check failed: CMakeLists.txt",
    ),
    sentence(
        "sqlfmt",
        Category::Format,
        r"^(?P<path>\S+\.(?:sql|ddl|md)) (?P<message>failed formatting check)\.$",
        "models/a.sql failed formatting check.",
    ),
    sentence(
        "blacken-docs",
        Category::Format,
        r"^(?P<path>[^:]+\.\w+): (?P<message>Rewriting)\.\.\.$",
        "docs/a.md: Rewriting...",
    ),
    sentence(
        "taplo",
        Category::Format,
        r#"^ERROR taplo:format_files: (?P<message>the file is not properly formatted) path="(?P<path>[^"]+)"$"#,
        "ERROR taplo:format_files: the file is not properly formatted path=\"/home/me/app/a.toml\"",
    ),
    sentence(
        "usort",
        Category::Format,
        r"^(?P<message>Would sort (?P<path>[^ ]+\.pyi?))$",
        "Would sort src/a.py",
    ),
    sentence(
        "check-jsonschema",
        Category::Configuration,
        r"^  (?P<path>[^\s:]+\.\w+)::(?P<code>\$\S*): (?P<message>\S.*)$",
        "  a.json::$: 'a' is a required property",
    ),
    sentence(
        "python-build",
        Category::Configuration,
        r"^ERROR (?P<message>(?:Backend |Missing dependencies:|Failed to validate |Source .* does not (?:exist|appear )).*)$",
        "ERROR Backend 'nowhere.api' is not available.",
    ),
    Sentence {
        more: More::Lines,
        ..sentence(
            "poetry",
            Category::Configuration,
            r"^(?P<message>The Poetry configuration is invalid:)$",
            "The Poetry configuration is invalid:",
        )
    },
    Sentence {
        more: More::Lines,
        ..sentence(
            "poetry",
            Category::Dependency,
            r"^(?P<message>Because (?:no versions of )?[A-Za-z0-9._-]+ (?:\([^)]*\) )?(?:depends on|requires|matches?|match) .*)$",
            "Because app depends on iniconfig (>=900) which doesn't match any versions, version solving failed.",
        )
    },
    sentence(
        "poetry",
        Category::Dependency,
        r"^Error: (?P<message>(?P<path>pyproject\.toml) changed significantly since poetry\.lock .*)$",
        "Error: pyproject.toml changed significantly since poetry.lock was last generated. Run `poetry lock` to fix the lock file.",
    ),
    sentence(
        "poetry",
        Category::Configuration,
        r"^Error: (?P<message>(?:Either \[project|The fields \[|Declared README file|Unrecognized classifiers|\[?project[.\]]).*)$",
        "Error: Declared README file does not exist: README.md",
    ),
    sentence(
        "mdformat",
        Category::Format,
        r#"^Error: File "(?P<path>[^"]+)" (?P<message>is not formatted)\.$"#,
        "Error: File \"/home/me/app/a.md\" is not formatted.",
    ),
    Sentence {
        more: More::Lines,
        ..sentence(
            "validate-pyproject",
            Category::Configuration,
            r"^(?P<message>Invalid file: (?P<path>\S+\.toml))$",
            "Invalid file: pyproject.toml",
        )
    },
    Sentence {
        more: More::Files,
        ..sentence(
            "reuse",
            Category::Lint,
            r"^The following files (?P<message>have no (?:copyright|licensing)[a-z ]*):$",
            "The following files have no copyright and licensing information:",
        )
    },
    sentence(
        "nbqa",
        Category::Lint,
        r"^(?P<path>[^\s:]+\.ipynb):cell_[0-9]+:[0-9]+:[0-9]+:? (?P<code>[A-Z]{1,6}[0-9]{1,5}) (?P<message>\S.*)$",
        "a.ipynb:cell_1:1:1: F401 'os' imported but unused",
    ),
    sentence(
        "slotscheck",
        Category::Lint,
        r"^ERROR: (?P<message>'[A-Za-z0-9_.]+:[A-Za-z0-9_.]+' (?:defines|has) .*)$",
        "ERROR: 'app:B' defines slots but superclass does not.",
    ),
    sentence(
        "autoconf",
        Category::Configuration,
        r"^(?:\S*/)?configure: error: (?P<message>(?:[^i]|i[^n]).*)$",
        "configure: error: nowhere.h is needed",
    ),
    sentence(
        "golangci-lint",
        Category::Configuration,
        r#"^level=error msg="(?P<message>\S.*)"$"#,
        "level=error msg=\"[linters_context] typechecking error: pattern ./...: directory prefix . does not contain main module\"",
    ),
    sentence(
        "jq",
        Category::Syntax,
        r"^jq: (?P<message>parse error: .*)$",
        "jq: parse error: Expected another key-value pair at line 1, column 9",
    ),
    sentence(
        "tidy",
        Category::Lint,
        r"^line \d+ column \d+ - (?P<message>Error: .*)$",
        "line 3 column 7 - Error: <nowhere> is not recognized!",
    ),
    sentence(
        "perlcritic",
        Category::Lint,
        r"^(?:(?P<path>[^\s:]+): )?(?P<message>\S.* at line \d+, column \d+\.  .*\(Severity: \d\))$",
        "Expression form of \"eval\" at line 3, column 9.  See page 161 of PBP.  (Severity: 5)",
    ),
    sentence(
        "meson",
        Category::Logic,
        r"^ *\d+/\d+ (?P<test>\S.*?) +(?P<message>(?:FAIL|TIMEOUT|ERROR|UNEXPECTEDPASS|INTERRUPT) +[0-9.]+ ?s\b.*)$",
        "1/1 adds FAIL            0.10s   exit status 1",
    ),
    sentence(
        "ls-lint",
        Category::Lint,
        r"^(?P<path>[^\s:]+) (?P<message>failed for `[^`]+` rules: .*)$",
        "someFile.js failed for `.js` rules: kebabcase",
    ),
    Sentence {
        more: More::Lines,
        ..sentence(
            "ajv",
            Category::Configuration,
            r"^(?P<path>[^\s:]+\.json) (?P<message>invalid)$",
            "d.json invalid",
        )
    },
    sentence(
        "dependency-cruiser",
        Category::Lint,
        r"^  error (?P<code>[A-Za-z0-9_-]+): (?P<message>(?P<path>[^\s:]+\.\w+) .*)$",
        "  error no-b: src/a.js → src/b.js",
    ),
    sentence(
        "size-limit",
        Category::Configuration,
        r"^  (?P<message>Package size limit has exceeded by .*)$",
        "  Package size limit has exceeded by 23 B",
    ),
    sentence(
        "twine",
        Category::Configuration,
        r"^ERROR    (?P<message>(?:InvalidDistribution|HTTPError|UploadToDeprecated\w+|NonInteractive|PackageNotFound|`\w+`).*)$",
        "ERROR    InvalidDistribution: Cannot find file (or expand pattern): 'dist/a-1.0.tar.gz'",
    ),
    sentence(
        "gersemi",
        Category::Format,
        r"^(?P<path>(?:\S*/)?(?:CMakeLists\.txt|[^\s/]+\.cmake(?:\.in)?)) (?P<message>would be reformatted)$",
        "/home/me/app/CMakeLists.txt would be reformatted",
    ),
    sentence(
        "import-linter",
        Category::Lint,
        r"^(?P<message>\S.*) BROKEN(?: \[[0-9.]+s\])?$",
        "low does not know high BROKEN",
    ),
    Sentence {
        more: More::Lines,
        ..sentence(
            "check-manifest",
            Category::Configuration,
            r"^(?P<message>lists of files in version control and sdist do not match!)$",
            "lists of files in version control and sdist do not match!",
        )
    },
    // Of whom: the step's command may say.
    sentence(
        "lint",
        Category::Format,
        r"^(?:\[[+*!-]\] )?(?P<message>(?:Would|would|Should|should|Needs to) (?:be )?(?:format|reformat|rewrite|fix|change|update|indent)(?:ed|ted)?:? (?P<path>[A-Za-z0-9_@./+-]*[A-Za-z0-9_]\.[a-z][a-z0-9]*))$",
        "[+] Would fix conf/a.yaml",
    ),
    sentence(
        "lint",
        Category::Format,
        r"^(?P<path>[A-Za-z0-9_@./+-]*[A-Za-z0-9_]\.[a-z][a-z0-9]*):? (?P<message>(?:would be|should be|needs to be|must be|is not|was not|is not properly|needs) (?:formatted|reformatted|rewritten|sorted|formatting|reformatting|sorting|indented)\.?)$",
        "src/a.xyz is not formatted",
    ),
];

/// The tools of all rows.
pub(in crate::parser) fn tools() -> impl Iterator<Item = &'static Tool> {
    TOOLS.iter()
}

/// Made once.
static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let of_tool = |rows: &'static [Sentence]| {
        let triggers: Vec<&'static str> = rows.iter().map(|row| row.pattern).collect();
        Tool {
            name: rows[0].tool,
            triggers: triggers.leak(),
            new: |tool| Box::new(Sentences { tool, open: None }),
        }
    };
    SENTENCES.chunk_by(|row, next| row.tool == next.tool).map(of_tool).collect()
});

static COMPILED: LazyLock<Vec<(&'static Sentence, OnceLock<Regex>)>> =
    LazyLock::new(|| SENTENCES.iter().map(|row| (row, OnceLock::new())).collect());

/// Reads the lines of one tool's rows.
struct Sentences {
    tool: &'static str,
    /// A finding of which more is to be said.
    open: Option<Open>,
}

impl ToolParser for Sentences {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        if let Some(open) = &mut self.open {
            if open.line(line, out) {
                return Response::Consumed(Next::Active);
            }
            self.close(out);
        }
        for (row, regex) in COMPILED.iter().filter(|(row, _)| row.tool == self.tool) {
            let regex = regex.get_or_init(|| Regex::new(row.pattern).expect("a literal that tests compile"));
            let Some(groups) = regex.captures(line.text.trim_end()) else { continue };
            let group = |name: &str| groups.name(name).map(|group| group.as_str().trim());
            let mut finding =
                FindingBuilder::new(row.tool, row.category, group("message").unwrap_or(line.text));
            if let Some(path) = group("path") {
                finding = finding.at(path, None, None);
            }
            finding.code = group("code").map(str::to_owned);
            if let Some(test) = group("test") {
                // What the test printed says why, where a parser speaks.
                finding = finding.test(test).fallback();
            }
            if row.tool == "poetry" && finding.location.is_none() {
                finding = finding.at("pyproject.toml", None, None);
            }
            out.failed();
            if finding.message.starts_with("Backend subprocess exited") {
                // What it printed says why.
                finding = finding.consequence();
            } else if row.tool == "python-build" {
                told_at_length(out);
            }
            if row.more != More::Nothing {
                let finding = finding.span(line.number, line.number);
                self.open = Some(Open { finding, more: row.more, lines: 0, muted: false });
                return Response::Consumed(Next::Active);
            }
            out.bug(finding);
            return Response::Consumed(Next::Idle);
        }
        Response::Declined(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

impl Sentences {
    fn close(&mut self, out: &mut Findings) {
        if let Some(open) = self.open.take().filter(|open| open.more == More::Lines || open.lines == 0) {
            out.bug(open.finding);
        }
    }
}

struct Open {
    finding: FindingBuilder,
    more: More,
    lines: usize,
    /// In a traceback.
    muted: bool,
}

impl Open {
    /// Takes what belongs to the sentence; whether it did.
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> bool {
        let text = line.text.trim();
        if text.is_empty()
            || !matches!(line.mark, Mark::None | Mark::Error)
            || text.starts_with("Process completed")
        {
            return false;
        }
        if self.more == More::Files {
            let Some(file) = text.strip_prefix("* ").filter(|_| self.lines < MAX_FILES) else { return false };
            self.lines += 1;
            out.bug(self.finding.clone().at(file, None, None).span(line.number, line.number));
            return true;
        }
        self.muted |= text.starts_with("Traceback (most recent call last)");
        if !self.muted && self.lines < MAX_MESSAGE {
            self.lines += 1;
            self.finding.message = format!("{}\n{text}", self.finding.message);
        }
        self.finding.log.last = line.number;
        true
    }
}

/// Lines between a traceback and what it comes to.
const TRACEBACK: u64 = 200;

/// The tracebacks above, in which the repository has no part, are how the same came about.
fn told_at_length(out: &mut Findings) {
    let now = out.now();
    let same = |finding: &FindingBuilder| {
        finding.tool == "python"
            && now - finding.log.first < TRACEBACK
            && !finding.frames.iter().any(|at| is_own(&at.file))
    };
    out.retract(0, same);
}

#[cfg(test)]
mod tests {
    use super::SENTENCES;
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn every_example_is_reported_under_its_tool() {
        for row in SENTENCES {
            let bugs =
                diagnose(format!("{}\n", row.example).as_bytes(), &ParseOptions::default()).unwrap().bugs;
            let read: Vec<_> = bugs.iter().map(|bug| (bug.tool.as_str(), bug.category)).collect();
            assert_eq!(read, [(row.tool, row.category)], "{}", row.example);
        }
    }

    #[test]
    fn rows_of_one_tool_stand_together() {
        let mut tools: Vec<_> = super::tools().map(|tool| tool.name).collect();
        let all = tools.len();
        tools.sort_unstable();
        tools.dedup();
        assert_eq!(tools.len(), all);
    }
}
