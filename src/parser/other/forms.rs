//! Linters with a format of their own that needs no more than a line or two: gosec, errcheck, PMD, markdownlint,
//! hadolint, vulture, buf, JSHint and what writes like Microsoft's compilers; Bandit, ShellCheck, Eclipse's compiler,
//! Response, svelte-check and Next.js, whose place and message stand on lines apart.

use regex::Regex;

use super::super::findings::{FindingBuilder, number};
use super::super::paths::is_own;
use super::super::re;
use crate::contract::bug::{Category, Severity};

/// Lines between the two of a finding: source, marks, more about it.
const BETWEEN: u8 = 8;
/// Lines of a stack before the line that names the place.
const STACK: u8 = 60;

/// A finding on one line.
pub(super) fn read_finding(text: &str) -> Option<FindingBuilder> {
    let forms: [&Regex; 13] = [
        re!(
            r"^\[(?P<path>\S+\.go):(?P<line>\d+)(?:-\d+)?\] - (?P<code>G\d+)(?: \(CWE-\d+\))?: (?P<msg>.*?)(?: \(Confidence: .*)?$"
        ),
        re!(r"^(?P<path>\S+\.\w+):(?P<line>\d+)(?::(?P<col>\d+))?:\t(?:(?P<code>\w+):\t)?(?P<msg>\S.*)$"),
        re!(
            r"^(?P<path>(?:\S*/)?(?:Dockerfile[^\s:]*|[^\s:]+\.\w+)):(?P<line>\d+) (?P<code>[A-Z]{2,}\d{3,})(?:/\S+)? (?:(?P<sev>error|warning|info|style): )?(?P<msg>\S.*)$"
        ),
        re!(
            r#"^(?P<path>\S+\.py):(?P<line>\d+): (?P<msg>(?:unused|unreachable|unsatisfiable) .* \(\d+% confidence\)|invalid syntax at ".*")$"#
        ),
        // codespell; Ruby's syntax errors and what ended a script; PHP.
        re!(r"^(?P<path>[^\s:]+\.\w+):(?P<line>\d+): (?P<msg>\S+ ==> \S.*|syntax errors?\b.*)$"),
        // Elixir's compiler, Lua.
        re!(r"^\*\* \(\w+Error\) (?P<path>[^\s:]+\.exs?):(?P<line>\d+)(?::(?P<col>\d+))?: (?P<msg>\S.*)$"),
        re!(r"^lua[\d.]*: (?P<path>[^\s:]+\.lua):(?P<line>\d+): (?P<msg>\S.*)$"),
        re!(r"^(?P<path>\S+\.rb):(?P<line>\d+):in [`'].*?': (?P<msg>.*\([\w:]+\))$"),
        re!(
            r"^(?:PHP )?(?:Parse|Fatal) error:\s+(?P<msg>.*?) in (?P<path>\S+\.\w+)(?: on line |:)(?P<line>\d+)$"
        ),
        re!(r"^(?P<path>\S+\.proto):(?P<line>\d+):(?P<col>\d+):(?P<msg>\S.*)$"),
        re!(r"^(?P<path>[^\s:]+\.\w+): line (?P<line>\d+), col (?P<col>\d+), (?P<msg>\S.*)$"),
        re!(
            r"^(?P<path>(?:[A-Za-z]:)?[^\s:()]+\.\w+)\((?P<line>\d+)(?:,(?P<col>\d+))?\) ?: (?:fatal )?(?P<sev>error|warning)(?: (?P<code>[A-Z]+\d+))?: (?P<msg>.*?)(?: \[[^\]]+proj\])?$"
        ),
        re!(
            r#"^\d+ (?P<sev>ERROR|WARNING) "(?P<path>[^"]+\.\w+)" (?P<line>\d+):(?P<col>\d+) "(?P<msg>.+)"$"#
        ),
    ];
    let caps = forms.iter().find_map(|form| form.captures(text))?;
    let get = |name| caps.name(name).map(|m| m.as_str());
    let path = get("path").filter(|path| is_own(path))?;
    let severity = match get("sev") {
        Some("warning" | "WARNING") => Severity::Warning,
        Some("info" | "style") => Severity::Info,
        _ => Severity::Error,
    };
    let mut finding = FindingBuilder::new("lint", Category::Lint, get("msg")?).severity(severity).fallback();
    finding.code = get("code").map(str::to_owned);
    Some(finding.at(path, get("line").and_then(number), get("col").and_then(number)))
}

/// What the second line of a finding looks like.
#[derive(Debug, Clone, Copy)]
enum Awaits {
    /// Bandit: the place, under the message.
    Location,
    /// `^-- SC2086 (info): message`.
    ShellCheck,
    /// The first line at the margin.
    Margin,
    /// `Error: message`, on the very next line or below the source.
    Error,
    /// PHP: `  thrown in src/a.php on line 5`, behind the message and the stack.
    Thrown,
    /// Perl: `#   at t/a.t line 4.`
    At,
}

/// The first line of a finding was read.
#[derive(Debug)]
pub(super) struct Open {
    finding: FindingBuilder,
    awaits: Awaits,
    left: u8,
}

/// What a line was to an open finding.
pub(super) enum Continuation {
    Done(Box<FindingBuilder>),
    Wait(Box<Open>),
    Not,
}

impl Open {
    pub(super) fn start(text: &str, line_number: u64) -> Option<Self> {
        let open = |finding: FindingBuilder, awaits, left| Self {
            finding: finding.fallback().span(line_number, line_number),
            awaits,
            left,
        };
        let blank = || FindingBuilder::new("lint", Category::Lint, "");
        if let Some(c) = re!(r"^>> Issue: \[(B\d+):\w+\] (.+)$").captures(text) {
            let finding = FindingBuilder::new("lint", Category::Lint, &c[2]).code(&c[1]);
            return Some(open(finding, Awaits::Location, BETWEEN));
        }
        if let Some(c) = re!(r"^(?:PHP )?Fatal error:\s+(Uncaught .*)$").captures(text) {
            let finding = FindingBuilder::new("lint", Category::Runtime, &c[1]);
            return Some(open(finding, Awaits::Thrown, STACK));
        }
        if let Some(c) = re!(r"^\s*#\s+Failed test '(.+)'$").captures(text) {
            let finding =
                FindingBuilder::new("lint", Category::Logic, format!("failed test '{}'", &c[1])).test(&c[1]);
            return Some(open(finding, Awaits::At, 0));
        }
        if let Some(c) =
            re!(r#"^File "([^"]+)", lines? (\d+)(?:-\d+)?(?:, characters (\d+)-\d+)?:$"#).captures(text)
        {
            // OCaml counts characters from 0.
            let column = c.get(3).and_then(|m| number(m.as_str())).map(|n| n + 1);
            let mut finding = blank().at(&c[1], number(&c[2]), column);
            finding.category = Category::Type;
            return Some(open(finding, Awaits::Error, BETWEEN));
        }
        if let Some(c) = re!(r"^In (\S+) line (\d+):$").captures(text) {
            return Some(open(blank().at(&c[1], number(&c[2]), None), Awaits::ShellCheck, BETWEEN));
        }
        if let Some(c) = re!(r"^\d+\. ERROR in (.+) \(at line (\d+)\)$").captures(text) {
            let mut finding = blank().at(&c[1], number(&c[2]), None);
            finding.category = Category::Type;
            return Some(open(finding, Awaits::Margin, BETWEEN));
        }
        if let Some(c) = re!(r"^Error -+ (\S+):(\d+):(\d+)$").captures(text) {
            let mut finding = blank().at(&c[1], number(&c[2]), number(&c[3]));
            finding.category = Category::Type;
            return Some(open(finding, Awaits::Margin, BETWEEN));
        }
        if let Some(c) = re!(r"^([\w@./+()\[\]-]+\.\w+):(\d+):(\d+)$").captures(text)
            && is_own(&c[1])
        {
            return Some(open(blank().at(&c[1], number(&c[2]), number(&c[3])), Awaits::Error, 0));
        }
        None
    }

    pub(super) fn line(mut self, text: &str, line_number: u64) -> Continuation {
        let found = match self.awaits {
            Awaits::Location => {
                re!(r"^\s+Location: (\S+?):(\d+):(\d+)$").captures(text).map(|c| {
                    // Columns are counted from 0 here.
                    let column = number(&c[3]).map(|n| n + 1);
                    self.finding.location =
                        Some(super::super::findings::location(&c[1], number(&c[2]), column));
                })
            }
            Awaits::ShellCheck => re!(r"^\s*\^-+\^? (SC\d+)(?: \(\w+\))?: (.+)$").captures(text).map(|c| {
                self.finding.code = Some(c[1].to_owned());
                c[2].clone_into(&mut self.finding.message);
            }),
            Awaits::Margin => {
                let reported = !text.starts_with([' ', '\t', '-']) && !text.is_empty();
                reported.then(|| text.clone_into(&mut self.finding.message))
            }
            Awaits::Thrown => re!(r"^\s+thrown in (\S+) on line (\d+)$").captures(text).map(|c| {
                self.finding.location = Some(super::super::findings::location(&c[1], number(&c[2]), None));
            }),
            Awaits::At => re!(r"^\s*#\s+at (\S+) line (\d+)\.$").captures(text).map(|c| {
                self.finding.location = Some(super::super::findings::location(&c[1], number(&c[2]), None));
            }),
            Awaits::Error => re!(r"^(?:(Type) e|E)rror(?: \([^)]*\))?: (.+)$").captures(text).map(|c| {
                if c.get(1).is_some() {
                    self.finding.category = Category::Type;
                }
                c[2].clone_into(&mut self.finding.message);
            }),
        };
        if found.is_some() {
            self.finding.log.last = line_number;
            return Continuation::Done(Box::new(self.finding));
        }
        if self.left == 0 {
            return Continuation::Not;
        }
        self.left -= 1;
        Continuation::Wait(Box::new(self))
    }
}

#[cfg(test)]
mod tests {
    use super::{Continuation, Open, read_finding};

    #[test]
    fn findings_on_one_line_are_read() {
        for (text, file, line) in [
            (
                "[/repo/a/main.go:16] - G101 (CWE-798): Secret (Confidence: LOW, Severity: HIGH)",
                "/repo/a/main.go",
                16,
            ),
            ("main.go:17:12:\tf.Close()", "main.go", 17),
            ("src/App.java:15:\tUnusedLocalVariable:\tAvoid unused local variables.", "src/App.java", 15),
            ("docs/a.md:10 MD012/no-multiple-blanks Multiple blank lines", "docs/a.md", 10),
            ("docker/Dockerfile:9 DL3020 error: Use COPY", "docker/Dockerfile", 9),
            ("src/a.py:5: unused function 'foo' (60% confidence)", "src/a.py", 5),
            ("src/a.py:1: invalid syntax at \"def f(:\"", "src/a.py", 1),
            ("proto/a.proto:3:1:Package name should be suffixed.", "proto/a.proto", 3),
            ("** (CompileError) lib/b.ex:2: undefined function foo/1", "lib/b.ex", 2),
            ("lua5.4: a.lua:3: ')' expected near <eof>", "a.lua", 3),
            ("docs/a.md:3: teh ==> the", "docs/a.md", 3),
            ("lib/a.rb:3: syntax error, unexpected end-of-input", "lib/a.rb", 3),
            ("lib/a.rb:2:in `/': divided by 0 (ZeroDivisionError)", "lib/a.rb", 2),
            ("PHP Parse error:  syntax error, unexpected token in src/a.php on line 4", "src/a.php", 4),
            ("src/a.js: line 5, col 3, Missing semicolon.", "src/a.js", 5),
            (r#"1795798952557 ERROR "src/a.ts" 1:47 "No \"a\".""#, "src/a.ts", 1),
            ("src\\a.cpp(5): error C2065: 'x': undeclared identifier", "src\\a.cpp", 5),
        ] {
            let location = read_finding(text).and_then(|d| d.location).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((location.file.as_str(), location.line), (file, Some(line)), "{text}");
        }
        for text in ["src/a.py:5: unused", "node_modules/a.js: line 1, col 2, bad", "f(3): error"] {
            assert!(read_finding(text).is_none(), "{text}");
        }
    }

    #[test]
    fn findings_on_lines_apart_are_joined() {
        for (log, file, line, message) in [
            (
                ">> Issue: [B404:blacklist] Risky import.\n   Severity: Low\n   Location: ./a.py:3:0",
                "./a.py",
                3,
                "Risky import.",
            ),
            (
                "PHP Fatal error:  Uncaught E: no in /r/a.php:5\nStack trace:\n#0 {main}\n  thrown in /r/a.php on line 5",
                "/r/a.php",
                5,
                "Uncaught E: no in /r/a.php:5",
            ),
            (
                "File \"a.ml\", line 1, characters 14-17:\n1 | let f x = x + \"a\"\n                  ^^^\nError: No.",
                "a.ml",
                1,
                "No.",
            ),
            ("#   Failed test 'adds'\n#   at t/a.t line 4.", "t/a.t", 4, "failed test 'adds'"),
            ("In b.sh line 3:\necho $1\n     ^-- SC2086 (info): Double quote.", "b.sh", 3, "Double quote."),
            ("1. ERROR in /r/A.java (at line 5)\n\tint x;\n\t    ^\nBad type", "/r/A.java", 5, "Bad type"),
            ("Error ------- src/a.js:5:3\n\nCannot assign.", "src/a.js", 5, "Cannot assign."),
            ("./src/p.tsx:5:9\nType error: Not assignable.", "./src/p.tsx", 5, "Not assignable."),
        ] {
            let mut lines = log.lines();
            let mut open = Open::start(lines.next().unwrap(), 1);
            let mut done = None;
            for text in lines {
                match open.take().map(|open| open.line(text, 2)) {
                    Some(Continuation::Done(finding)) => done = Some(finding),
                    Some(Continuation::Wait(next)) => open = Some(*next),
                    _ => {}
                }
            }
            let finding = done.unwrap_or_else(|| panic!("{log}"));
            let location = finding.location.unwrap();
            assert_eq!(
                (location.file.as_str(), location.line, finding.message.as_str()),
                (file, Some(line), message)
            );
        }
    }
}
