//! Findings whose location and message stand on lines apart: of Bandit, ShellCheck, Eclipse's compiler, Flow,
//! svelte-check, Next.js, cfn-lint, OCaml, Perl's tests, PHP, gfortran, Crystal, Elixir's compiler, Ruby's loader and
//! bats.

use super::super::findings::{FindingBuilder, number};
use super::super::paths::is_own;
use super::super::{re, unread};
use crate::contract::bug::{Category, Severity};

/// Lines between the two of a finding: source, marks, more about it.
const BETWEEN: u8 = 8;
/// Lines of a stack before the line that names the place.
const STACK: u8 = 60;

/// What the second line of a finding looks like.
#[derive(Debug, Clone, Copy)]
enum Awaits {
    /// Bandit: the place, under the message.
    Location,
    /// `^-- SC2086 (info): message`.
    ShellCheck,
    /// cfn-lint, ansible-lint: the place alone on the next line.
    Place,
    /// The first line at the margin.
    Margin,
    /// `Error: message`, on the very next line or below the source.
    Error,
    /// PHP: `  thrown in src/a.php on line 5`, behind the message and the stack.
    Thrown,
    /// Perl: `#   at t/a.t line 4.`
    At,
    /// Elixir: `└─ lib/a.ex:2:14: A.f/0`, below the source.
    Corner,
    /// Ruby: `from lib/a.rb:1:in '<main>'`, the first of the repository's.
    From,
    /// bats: the command that failed.
    Command,
    /// PyYAML: what it was at, and where; what it met, and where: `  in "a.yaml", line 2, column 2`.
    Marks,
    /// The place alone on the next line.
    Below,
}

/// The first line of a finding was read.
#[derive(Debug)]
pub(super) struct Open {
    finding: FindingBuilder,
    awaits: Awaits,
    left: u8,
    /// A tab stands in the source below: columns cannot be counted.
    tab: bool,
}

/// What a line was to an open finding.
pub(super) enum Continuation {
    Done(Box<FindingBuilder>),
    /// Done, and the next line may say more of the same place.
    More(Box<FindingBuilder>, Box<Open>),
    Wait(Box<Open>),
    Not,
}

impl Open {
    pub(super) fn start(text: &str, line_number: u64) -> Option<Self> {
        let open = |finding: FindingBuilder, awaits, left| Self {
            finding: finding.fallback().span(line_number, line_number),
            awaits,
            left,
            tab: false,
        };
        let blank = || FindingBuilder::new("lint", Category::Lint, "");
        if let Some(c) = re!(r"^>> Issue: \[(B\d+):\w+\] (.+)$").captures(text) {
            let finding = FindingBuilder::new("bandit", Category::Lint, &c[2]).code(&c[1]);
            return Some(open(finding, Awaits::Location, BETWEEN));
        }
        if let Some(c) = re!(r"^(?:PHP )?Fatal error:\s+(Uncaught .*)$").captures(text) {
            let finding = FindingBuilder::new("php", Category::Runtime, &c[1]);
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
            let finding = FindingBuilder::new("shellcheck", Category::Lint, "");
            return Some(open(finding.at(&c[1], number(&c[2]), None), Awaits::ShellCheck, BETWEEN));
        }
        if let Some(c) = re!(r"^([EWI]\d{4}) (\S.+)$").captures(text) {
            let mut finding = FindingBuilder::new("cfn-lint", Category::Lint, &c[2]).code(&c[1]);
            if c[1].starts_with('I') {
                finding = finding.severity(Severity::Info);
            }
            // It fails for warnings as for errors.
            let finding =
                if c[1].starts_with('W') { finding.severity(Severity::Warning).counted() } else { finding };
            return Some(open(finding, Awaits::Place, 0));
        }
        if let Some(c) = re!(r"^([a-z]+(?:-[a-z]+)*\[[a-z._-]+\])(?:\[/\])?: (\S.*)$").captures(text) {
            let finding = FindingBuilder::new("ansible-lint", Category::Configuration, &c[2]).code(&c[1]);
            return Some(open(finding, Awaits::Place, 0));
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
        Self::of_compiler(text).map(|(finding, awaits, left)| open(finding, awaits, left))
    }

    /// What a compiler, a loader or a runner says above or below its place.
    fn of_compiler(text: &str) -> Option<(FindingBuilder, Awaits, u8)> {
        let compiler = |tool| FindingBuilder::new(tool, Category::Type, "");
        if let Some(c) = re!(r"^([\w@./+-]+\.(?i:f|for|f\d\d)):(\d+):(\d+):$").captures(text) {
            let finding = compiler("gfortran").at(&c[1], number(&c[2]), number(&c[3]));
            return Some((finding, Awaits::Error, BETWEEN));
        }
        if let Some(c) = re!(r"^In (\S+\.cr):(\d+):(\d+)$").captures(text) {
            let finding = compiler("crystal").at(&c[1], number(&c[2]), number(&c[3]));
            return Some((finding, Awaits::Error, BETWEEN));
        }
        if re!(r"^(?:\S+: )?while (?:parsing|scanning) ").is_match(text) {
            return Some((FindingBuilder::new("lint", Category::Syntax, text), Awaits::Marks, BETWEEN));
        }
        if let Some(c) = re!(r"^ *(?:\[(?:ERROR|error)\]|Error|ERROR): (\S.*)$").captures(text) {
            return Some((FindingBuilder::new("lint", Category::Lint, &c[1]), Awaits::Below, 0));
        }
        if let Some(c) = re!(r"^ +error: (\S.*)$").captures(text) {
            let mut finding = compiler("elixir");
            c[1].clone_into(&mut finding.message);
            return Some((finding, Awaits::Corner, BETWEEN));
        }
        if let Some(c) = re!(r"^<internal:[^>]+>:\d+:in .*?: (.*) \(([A-Z][\w:]*Error)\)$").captures(text) {
            let category = if &c[2] == "LoadError" { Category::Import } else { Category::Runtime };
            return Some((FindingBuilder::new("ruby", category, &c[1]).code(&c[2]), Awaits::From, BETWEEN));
        }
        let c = re!(r"^\s*\((?:from function .* )?in (?:test )?file (\S+), line (\d+)\)$").captures(text)?;
        let finding = FindingBuilder::new("bats", Category::Logic, "").at(&c[1], number(&c[2]), None);
        Some((finding, Awaits::Command, 1))
    }

    /// PyYAML: the second mark is of what it met.
    fn mark(&mut self, text: &str, line_number: u64) -> Option<()> {
        let mark = re!(r#"^\s+in "([^"]+)", line (\d+), column (\d+):?$"#).captures(text);
        if let Some(c) = &mark {
            self.finding.location =
                Some(super::super::findings::location(&c[1], number(&c[2]), number(&c[3])));
        } else if !text.starts_with(' ') && !text.is_empty() {
            text.clone_into(&mut self.finding.message);
            self.finding.log.last = line_number;
        }
        mark.filter(|_| self.finding.log.last > self.finding.log.first).map(|_| ())
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
            Awaits::ShellCheck => {
                self.tab |= text.contains('\t');
                let mark = re!(r"^\s*\^-+\^? (SC\d+)(?: \(\w+\))?: (.+)$").captures(text);
                if let Some(c) = &mark {
                    let mut finding = self.finding.clone().code(&c[1]);
                    c[2].clone_into(&mut finding.message);
                    let column = text.find('^').and_then(|at| u32::try_from(at + 1).ok());
                    if let Some(at) = finding.location.as_mut().filter(|_| !self.tab) {
                        at.column = column;
                    }
                    finding.log.last = line_number;
                    self.left = 0;
                    return Continuation::More(Box::new(finding), Box::new(self));
                }
                None
            }
            Awaits::Place => {
                re!(r"^(\S+\.(?:ya?ml|json|template)):(\d+)(?::(\d+))?$").captures(text).map(|c| {
                    let column = c.get(3).and_then(|m| number(m.as_str()));
                    self.finding.location =
                        Some(super::super::findings::location(&c[1], number(&c[2]), column));
                })
            }
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
            Awaits::Corner => re!(r"^\s*└─ ([^\s:]+):(\d+)(?::(\d+))?(?:: .*)?$").captures(text).map(|c| {
                let column = c.get(3).and_then(|m| number(m.as_str()));
                self.finding.location = Some(super::super::findings::location(&c[1], number(&c[2]), column));
            }),
            Awaits::From => {
                re!(r"^\s+from ([^\s:]+\.rb):(\d+):in ").captures(text).filter(|c| is_own(&c[1])).map(|c| {
                    self.finding.location =
                        Some(super::super::findings::location(&c[1], number(&c[2]), None));
                })
            }
            Awaits::Marks => self.mark(text, line_number),
            // A path from the root stands in stacks.
            Awaits::Below => {
                unread::alone(text).filter(|_| unread::labelled(text)).map(|(file, line, column)| {
                    self.finding.location = Some(super::super::findings::location(file, line, column));
                })
            }
            Awaits::Command => re!(r"^\s+(`.+' failed(?: with status \d+)?)$")
                .captures(text)
                .map(|c| c[1].clone_into(&mut self.finding.message)),
            Awaits::Error => {
                re!(r"^(?:(Type|Fatal) e|E)rror(?: \([^)]*\))?: (.+)$").captures(text).map(|c| {
                    if c.get(1).is_some_and(|kind| kind.as_str() == "Type") {
                        self.finding.category = Category::Type;
                    }
                    c[2].clone_into(&mut self.finding.message);
                })
            }
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
    use super::{Continuation, Open};

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
            ("E3002 Not allowed.\na.yaml:5:7", "a.yaml", 5, "Not allowed."),
            ("Error ------- src/a.js:5:3\n\nCannot assign.", "src/a.js", 5, "Cannot assign."),
            ("a.f90:3:3:\n\n    3 |   x = 1\n      |   1\nError: No type", "a.f90", 3, "No type"),
            ("In a.cr:4:3\n\n 4 | f(1)\n       ^\nError: expected Int32", "a.cr", 4, "expected Int32"),
            (
                "    error: undefined f/0\n    │\n  2 │ f()\n    │ ^\n    │\n    └─ a.ex:2:14: A.g/0",
                "a.ex",
                2,
                "undefined f/0",
            ),
            (
                "<internal:/usr/lib/ruby/rubygems/core.rb>:136:in `require': cannot load such file -- a (LoadError)\n\tfrom <internal:/usr/lib/ruby/core.rb>:136:in `require'\n\tfrom lib/b.rb:1:in `<main>'",
                "lib/b.rb",
                1,
                "cannot load such file -- a",
            ),
            (
                "   (in test file a.bats, line 2)\n     `[ 1 -eq 2 ]' failed",
                "a.bats",
                2,
                "`[ 1 -eq 2 ]' failed",
            ),
            (
                "while parsing a flow sequence\n  in \"a.yaml\", line 1, column 4\nexpected ',' or ']'\n  in \"a.yaml\", line 2, column 2",
                "a.yaml",
                2,
                "expected ',' or ']'",
            ),
            ("  Error: duplicate key: a\n    at a.toml:2:1", "a.toml", 2, "duplicate key: a"),
            ("[ERROR]: no such module\nOrigin: /r/play.yml:3:7", "/r/play.yml", 3, "no such module"),
            ("./src/p.tsx:5:9\nType error: Not assignable.", "./src/p.tsx", 5, "Not assignable."),
        ] {
            let mut lines = log.lines();
            let mut open = Open::start(lines.next().unwrap(), 1);
            let mut done = None;
            for text in lines {
                match open.take().map(|open| open.line(text, 2)) {
                    Some(Continuation::Done(finding) | Continuation::More(finding, _)) => {
                        done = Some(finding);
                    }
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
