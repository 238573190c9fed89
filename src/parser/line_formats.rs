//! Tools that print each finding on one line: a row of [`FORMATS`] says all there is to know of a format.
//!
//! To add a tool: one row, and one fixture pair recorded from the tool under `tests/fixtures/logs/<tool>/` (for rows
//! of the tool `lint`: `lint/<name>.log`). The tests fail without them. Tools whose output has state (a path above its
//! findings, source below them) have a parser of their own instead.

use std::sync::{LazyLock, OnceLock};

use regex::Regex;

use super::findings::{FindingBuilder, Findings, Strength, number};
use super::java::kotlin;
use super::lines::Line;
use super::paths::is_own;
use super::python::flake8;
use super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Category, Severity};

/// How a tool prints a finding on one line.
///
/// ```
/// for format in ci_healer::parser::line_formats() {
///     let pattern = regex::Regex::new(format.pattern).unwrap();
///     assert!(pattern.is_match(format.example), "{} reads its example", format.name);
/// }
/// ```
pub struct LineFormat {
    /// As in [`BugReport::tool`](crate::contract::bug::BugReport::tool); several rows may share it. `lint` where the
    /// format does not tell whose it is.
    pub tool: &'static str,
    /// Of the program, or what all that print like this have in common.
    pub name: &'static str,
    /// Where the program or its format is described.
    pub url: &'static str,
    /// Of the files it is about, or `any`.
    pub language: &'static str,
    /// Matches a whole clean line. The groups are `path`, `line`, `message`, and optionally `column`, `code` and
    /// `severity`. It is a trigger as well, and held to the same: anchored, selective from the start, ASCII classes.
    pub pattern: &'static str,
    /// A line as the tool prints it.
    pub example: &'static str,
    /// What is to be read in the example; the tests compare.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the tests"))]
    reads: Reads,
    /// Of findings that `refine` knows nothing better of.
    category: Category,
    /// Where the line names none that is known.
    severity: Severity,
    strength: Strength,
    /// What the groups alone do not say, such as a category by code or a fix.
    refine: fn(FindingBuilder) -> FindingBuilder,
}

/// Path, line, column, code and message.
type Reads = (&'static str, u32, Option<u32>, Option<&'static str>, &'static str);

/// What most rows have in common. Findings of formats that other output may look like are `Fallback`.
const LINTER: LineFormat = LineFormat {
    tool: "lint",
    name: "",
    url: "",
    language: "any",
    category: Category::Lint,
    severity: Severity::Error,
    strength: Strength::Root,
    pattern: "",
    refine: |finding| finding,
    example: "",
    reads: ("", 0, None, None, ""),
};

/// In order of precedence. Rows of one tool stand together.
pub(super) static FORMATS: &[LineFormat] = &[
    LineFormat {
        tool: "kotlin",
        name: "kotlinc under Gradle",
        url: "https://kotlinlang.org/docs/gradle-compiler-options.html",
        language: "Kotlin",
        category: Category::Type,
        pattern: r"^(?P<severity>[ew]): (?:file://)?(?P<path>(?:file:/+)?(?:[A-Za-z]:)?[^:]+\.(?:kts?|java)):(?: \((?P<line>\d+), (?P<column>\d+)\):|(?P<line2>\d+):(?P<column2>\d+):?) (?P<message>.*)$",
        refine: kotlin::refine,
        example: "e: file:///home/me/app/src/A.kt:3:5 Unresolved reference 'x'.",
        reads: ("/home/me/app/src/A.kt", 3, Some(5), None, "Unresolved reference 'x'."),
        ..LINTER
    },
    LineFormat {
        tool: "kotlin",
        name: "kotlinc",
        url: "https://kotlinlang.org/docs/command-line.html",
        language: "Kotlin",
        category: Category::Type,
        pattern: r"^(?P<path>(?:[A-Za-z]:)?[^\s:][^:]*\.kts?):(?P<line>\d+):(?P<column>\d+): (?P<severity>error|warning): (?P<message>.*)$",
        refine: kotlin::refine,
        example: "src/A.kt:3:5: error: unresolved reference 'x'.",
        reads: ("src/A.kt", 3, Some(5), None, "unresolved reference 'x'."),
        ..LINTER
    },
    LineFormat {
        tool: "deptry",
        name: "deptry",
        url: "https://deptry.com/rules-violations/",
        language: "Python",
        category: Category::Dependency,
        pattern: r"^(?P<path>[^\s:]+\.(?:pyi?|ipynb|toml|txt)):(?:(?P<line>\d+):(?P<column>\d+):)? (?P<code>DEP\d{3}) (?P<message>\S.*)$",
        example: "src/a.py:1:8: DEP001 'nowhere' imported but missing from the dependency definitions",
        reads: (
            "src/a.py",
            1,
            Some(8),
            Some("DEP001"),
            "'nowhere' imported but missing from the dependency definitions",
        ),
        ..LINTER
    },
    LineFormat {
        tool: "doc8",
        name: "doc8",
        url: "https://doc8.readthedocs.io/en/latest/readme.html",
        language: "reStructuredText",
        pattern: r"^(?P<path>[^\s:]+\.(?:rst|txt|md)):(?P<line>\d+): (?P<code>D\d{3}) (?P<message>\S.*)$",
        example: "docs/a.rst:4: D001 Line too long",
        reads: ("docs/a.rst", 4, None, Some("D001"), "Line too long"),
        ..LINTER
    },
    LineFormat {
        tool: "bandit",
        name: "Bandit -f custom",
        url: "https://bandit.readthedocs.io/en/latest/formatters/custom.html",
        language: "Python",
        pattern: r"^(?P<path>[^\s:]+\.\w+):(?P<line>\d+): (?P<code>B\d{3})\[bandit\]: (?:LOW|MEDIUM|HIGH|UNDEFINED): (?P<message>\S.*)$",
        example: "src/a.py:1: B403[bandit]: LOW: Consider possible security implications.",
        reads: ("src/a.py", 1, None, Some("B403"), "Consider possible security implications."),
        ..LINTER
    },
    LineFormat {
        tool: "refurb",
        name: "refurb",
        url: "https://github.com/dosisod/refurb",
        language: "Python",
        pattern: r"^(?P<path>[^ :\t][^:\t]*\.pyi?):(?P<line>\d+):(?P<column>\d+) \[(?P<code>[A-Z]{3,6}\d{3})\]: (?P<message>\S.*)$",
        example: "src/a.py:2:4 [FURB108]: Replace `x == y or x == z` with `x in (y, z)`",
        reads: ("src/a.py", 2, Some(4), Some("FURB108"), "Replace `x == y or x == z` with `x in (y, z)`"),
        ..LINTER
    },
    LineFormat {
        tool: "flake8",
        name: "flake8, pycodestyle",
        url: "https://flake8.pycqa.org/en/latest/user/options.html#cmdoption-flake8-format",
        language: "Python",
        pattern: r"^(?P<path>[^ :\t][^:\t]*\.(?:py|pyi|pyx|ipynb|rst|in|cfg)|[A-Za-z]:[^:\t]+\.pyi?):(?P<line>\d+):(?P<column>\d+):? (?P<code>[A-Z]{1,6}\d{1,5}):? (?P<message>\S.*)$",
        refine: flake8::refine,
        example: "src/a.py:1:8: F401 'os' imported but unused",
        reads: ("src/a.py", 1, Some(8), Some("F401"), "'os' imported but unused"),
        ..LINTER
    },
    LineFormat {
        tool: "flake8",
        name: "flake8 --format=pylint",
        url: "https://flake8.pycqa.org/en/latest/user/options.html#cmdoption-flake8-format",
        language: "Python",
        pattern: r"^(?P<path>[^ :\t][^:\t]*\.pyi?):(?P<line>\d+): \[(?P<code>[A-Z]{1,6}\d{1,5})\] (?P<message>\S.*)$",
        refine: flake8::refine,
        example: "src/a.py:9: [E501] line too long (90 > 79 characters)",
        reads: ("src/a.py", 9, None, Some("E501"), "line too long (90 > 79 characters)"),
        ..LINTER
    },
    LineFormat {
        tool: "pyflakes",
        name: "pyflakes",
        url: "https://pypi.org/project/pyflakes/",
        language: "Python",
        pattern: r"^(?P<path>[^ :\t][^:\t]*\.pyi?):(?P<line>\d+)(?::(?P<column>\d+))?:? (?P<message>(?:'.*' imported but unused|undefined name '|local variable '.*' is assigned|redefinition of unused|import '|'from |f-string is missing|unable to detect undefined|invalid syntax$|unterminated |unexpected indent|expected an indented|unindent does not|dictionary key |list comprehension redefines|'\.\.\.'|'return' |duplicate argument|assertion is always|expected '|'.' was never closed|unmatched ').*)$",
        refine: flake8::refine,
        example: "src/a.py:7:5: undefined name 'totl'",
        reads: ("src/a.py", 7, Some(5), None, "undefined name 'totl'"),
        ..LINTER
    },
    LineFormat {
        tool: "shellcheck",
        name: "ShellCheck, -f gcc",
        url: "https://www.shellcheck.net/wiki/Integration",
        language: "Shell",
        pattern: r"^(?P<path>[^\s:]+):(?P<line>\d+):(?P<column>\d+): (?P<severity>error|warning|note): (?P<message>\S.*) \[(?P<code>SC\d{4})\]$",
        example: "deploy.sh:3:6: note: Double quote to prevent globbing and word splitting. [SC2086]",
        reads: (
            "deploy.sh",
            3,
            Some(6),
            Some("SC2086"),
            "Double quote to prevent globbing and word splitting.",
        ),
        ..LINTER
    },
    LineFormat {
        tool: "yamllint",
        name: "yamllint -f parsable",
        url: "https://yamllint.readthedocs.io/en/stable/quickstart.html",
        language: "YAML",
        pattern: r"^(?P<path>[^\s:]+):(?P<line>\d+):(?P<column>\d+): \[(?P<severity>error|warning)\] (?P<message>\S.*?)(?: \((?P<code>[a-z-]+)\))?$",
        refine: syntax_by_message,
        example: "conf/a.yml:2:81: [error] line too long (93 > 80 characters) (line-length)",
        reads: ("conf/a.yml", 2, Some(81), Some("line-length"), "line too long (93 > 80 characters)"),
        ..LINTER
    },
    LineFormat {
        tool: "ansible-lint",
        name: "ansible-lint -p",
        url: "https://docs.ansible.com/projects/lint/usage/",
        language: "YAML",
        category: Category::Configuration,
        // `[/]`: what is left of a colour where there are none.
        pattern: r"^(?P<path>[^\s:]+\.ya?ml):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<code>[a-z]+(?:-[a-z]+)*\[[a-z._-]+\]|no-[a-z-]+|risky-[a-z-]+|command-instead-[a-z-]+|deprecated-[a-z-]+|package-latest|ignore-errors|partial-become|literal-compare|inline-env-var)(?:\[/\])?: (?P<message>\S.*)$",
        example: "play.yml:2:3: name[play][/]: All plays should be named.",
        reads: ("play.yml", 2, Some(3), Some("name[play]"), "All plays should be named."),
        ..LINTER
    },
    LineFormat {
        tool: "actionlint",
        name: "actionlint",
        url: "https://github.com/rhysd/actionlint/blob/main/docs/usage.md",
        language: "YAML",
        category: Category::Configuration,
        pattern: r"^(?P<path>[^\s:]+\.ya?ml):(?P<line>\d+):(?P<column>\d+): (?P<message>\S.*) \[(?P<code>syntax-check|expression|action|job-needs|events|credentials|shell-name|runner-label|glob|id|matrix|permissions|workflow-call|env-var|deprecated-commands|if-cond|shellcheck|pyflakes)\]$",
        example: ".github/workflows/ci.yml:4:5: unexpected key \"step\" for \"job\" section [syntax-check]",
        reads: (
            ".github/workflows/ci.yml",
            4,
            Some(5),
            Some("syntax-check"),
            "unexpected key \"step\" for \"job\" section",
        ),
        ..LINTER
    },
    LineFormat {
        tool: "cpplint",
        name: "cpplint",
        url: "https://github.com/cpplint/cpplint",
        language: "C++",
        pattern: r"^(?P<path>[^\s:]+\.\w+):(?P<line>\d+):  (?P<message>\S.*)  \[(?P<code>[a-z]+/[a-z0-9+_]+)\] \[\d\]$",
        example: "src/a.cc:12:  Missing space before {  [whitespace/braces] [5]",
        reads: ("src/a.cc", 12, None, Some("whitespace/braces"), "Missing space before {"),
        ..LINTER
    },
    LineFormat {
        tool: "rstcheck",
        name: "rstcheck, docutils",
        url: "https://rstcheck.readthedocs.io/en/latest/usage/cli/",
        language: "reStructuredText",
        pattern: r"^(?P<path>[^\s:]+\.(?:rst|txt|md)):(?P<line>\d+): \((?P<severity>INFO|WARNING|ERROR|SEVERE)/[1-4]\) (?P<message>\S.*)$",
        example: "docs/a.rst:2: (WARNING/2) Title underline too short.",
        reads: ("docs/a.rst", 2, None, None, "Title underline too short."),
        // It fails for whatever it names.
        refine: FindingBuilder::counted,
        ..LINTER
    },
    LineFormat {
        tool: "gosec",
        name: "gosec",
        url: "https://github.com/securego/gosec",
        language: "Go",
        strength: Strength::Fallback,
        pattern: r"^\[(?P<path>\S+\.go):(?P<line>\d+)(?:-\d+)?\] - (?P<code>G\d+)(?: \(CWE-\d+\))?: (?P<message>.*?)(?: \(Confidence: .*)?$",
        example: "[/repo/a/main.go:16] - G101 (CWE-798): Secret (Confidence: LOW, Severity: HIGH)",
        reads: ("/repo/a/main.go", 16, None, Some("G101"), "Secret"),
        ..LINTER
    },
    LineFormat {
        tool: "errcheck",
        name: "errcheck",
        url: "https://github.com/kisielk/errcheck",
        language: "Go",
        strength: Strength::Fallback,
        pattern: r"^(?P<path>\S+\.go):(?P<line>\d+):(?P<column>\d+):\t(?P<message>\S.*)$",
        example: "main.go:17:12:\tf.Close()",
        reads: ("main.go", 17, Some(12), None, "f.Close()"),
        ..LINTER
    },
    LineFormat {
        tool: "hadolint",
        name: "hadolint",
        url: "https://github.com/hadolint/hadolint",
        language: "Dockerfile",
        strength: Strength::Fallback,
        pattern: r"^(?P<path>(?:\S*/)?(?:Dockerfile[^\s:]*|[^\s:]+\.\w+)):(?P<line>\d+) (?P<code>(?:DL|SC)\d{4}) (?:(?P<severity>error|warning|info|style): )?(?P<message>\S.*)$",
        example: "docker/Dockerfile:9 DL3020 error: Use COPY instead of ADD for files and folders",
        reads: (
            "docker/Dockerfile",
            9,
            None,
            Some("DL3020"),
            "Use COPY instead of ADD for files and folders",
        ),
        // It fails for whatever it names.
        refine: FindingBuilder::counted,
        ..LINTER
    },
    LineFormat {
        tool: "vulture",
        name: "vulture",
        url: "https://github.com/jendrikseipp/vulture",
        language: "Python",
        strength: Strength::Fallback,
        pattern: r#"^(?P<path>\S+\.py):(?P<line>\d+): (?P<message>(?:unused|unreachable|unsatisfiable) .* \(\d+% confidence\)|invalid syntax at ".*")$"#,
        example: "src/a.py:5: unused function 'foo' (60% confidence)",
        reads: ("src/a.py", 5, None, None, "unused function 'foo' (60% confidence)"),
        ..LINTER
    },
    LineFormat {
        tool: "codespell",
        name: "codespell",
        url: "https://github.com/codespell-project/codespell",
        strength: Strength::Fallback,
        pattern: r"^(?P<path>[^\s:]+\.\w+):(?P<line>\d+): (?P<message>\S+ ==> \S.*)$",
        example: "docs/a.md:3: teh ==> the",
        reads: ("docs/a.md", 3, None, None, "teh ==> the"),
        ..LINTER
    },
    LineFormat {
        tool: "cspell",
        name: "CSpell",
        url: "https://cspell.org/docs/Configuration",
        pattern: r"^(?P<path>[^\s:]+\.\w+):(?P<line>\d+):(?P<column>\d+) - (?P<message>(?:Unknown|Forbidden|Misspelled) word \(.+?\)(?: .*)?)$",
        example: "docs/a.md:1:9 - Unknown word (wrnog)",
        reads: ("docs/a.md", 1, Some(9), None, "Unknown word (wrnog)"),
        ..LINTER
    },
    LineFormat {
        tool: "pymarkdown",
        name: "PyMarkdown",
        url: "https://pymarkdown.readthedocs.io/en/latest/user-guide/",
        language: "Markdown",
        pattern: r"^(?P<path>[^\s:]+\.\w+):(?P<line>\d+):(?P<column>\d+): (?P<code>(?:MD|PML)\d{3}): (?P<message>\S.*)$",
        example: "docs/a.md:3:1: MD001: Heading levels should only increment by one level at a time.",
        reads: (
            "docs/a.md",
            3,
            Some(1),
            Some("MD001"),
            "Heading levels should only increment by one level at a time.",
        ),
        ..LINTER
    },
    LineFormat {
        tool: "golangci-lint",
        name: "golangci-lint, what could not be loaded",
        url: "https://golangci-lint.run/docs/",
        language: "Go",
        category: Category::Type,
        pattern: r#"^level=error msg=".*?(?P<path>[^\s:"\[\]]+\.go):(?P<line>\d+):(?P<column>\d+): (?P<message>.+?)\]?"$"#,
        example: r#"level=error msg="Running error: can't run linter goanalysis_metalinter: errors in package: [/home/me/app/x.go:7:2: undefined: y]""#,
        reads: ("/home/me/app/x.go", 7, Some(2), None, "undefined: y"),
        ..LINTER
    },
    LineFormat {
        tool: "rubocop",
        name: "RuboCop",
        url: "https://docs.rubocop.org/rubocop/formatters.html",
        language: "Ruby",
        pattern: r"^(?P<path>[^\s:][^:]*):(?P<line>\d+):(?P<column>\d+): [RCWEFI]: (?:\[[A-Z]\w+\] )?(?P<code>[A-Z]\w*(?:/\w+)+): (?P<message>\S.*)$",
        example: "lib/a.rb:2:3: W: [Correctable] Lint/UselessAssignment: Useless assignment to variable - x.",
        reads: (
            "lib/a.rb",
            2,
            Some(3),
            Some("Lint/UselessAssignment"),
            "Useless assignment to variable - x.",
        ),
        ..LINTER
    },
    LineFormat {
        tool: "bison",
        name: "Bison",
        url: "https://www.gnu.org/software/bison/manual/html_node/Diagnostics.html",
        language: "Bison",
        category: Category::Syntax,
        pattern: r"^(?P<path>[^\s:]+\.\w+):(?P<line>\d+)\.(?P<column>\d+)(?:-\d+(?:\.\d+)?)?: (?P<severity>error|warning): (?P<message>\S.*)$",
        example: "src/a.y:2.4-6: error: symbol 'b' is used, but is not defined as a token and has no rules",
        reads: (
            "src/a.y",
            2,
            Some(4),
            None,
            "symbol 'b' is used, but is not defined as a token and has no rules",
        ),
        ..LINTER
    },
    LineFormat {
        tool: "xmllint",
        name: "xmllint",
        url: "https://gnome.pages.gitlab.gnome.org/libxml2/xmllint.html",
        language: "XML",
        category: Category::Syntax,
        pattern: r"^(?P<path>[^\s:][^:]*):(?P<line>\d+): (?:element [^:]+: )?(?:[A-Za-z/-]+ )+error : (?P<message>\S.*)$",
        example: "a.xml:3: parser error : Opening and ending tag mismatch: b line 2 and a",
        reads: ("a.xml", 3, None, None, "Opening and ending tag mismatch: b line 2 and a"),
        ..LINTER
    },
    LineFormat {
        tool: "less",
        name: "lessc",
        url: "https://lesscss.org/usage/",
        language: "Less",
        category: Category::Syntax,
        pattern: r"^(?P<code>[A-Z][a-z]+Error): (?P<message>.+) in (?P<path>\S+\.less) on line (?P<line>\d+), column (?P<column>\d+):$",
        example: "NameError: variable @nowhere is undefined in a.less on line 2, column 10:",
        reads: ("a.less", 2, Some(10), Some("NameError"), "variable @nowhere is undefined"),
        ..LINTER
    },
    LineFormat {
        tool: "perl",
        name: "perl -c, and what dies",
        url: "https://perldoc.perl.org/perldiag",
        language: "Perl",
        category: Category::Runtime,
        strength: Strength::Fallback,
        pattern: r"^(?P<message>(?:Global symbol |Can't locate |Can't find |Bareword |Missing right |Undefined subroutine |syntax error).*) at (?P<path>[^\s:]+\.p[lm]) line (?P<line>\d+)(?:, near .*|\.)$",
        refine: |mut finding| {
            if ["Global symbol ", "syntax error", "Bareword "]
                .iter()
                .any(|lead| finding.message.starts_with(lead))
            {
                finding.category = Category::Syntax;
            } else if finding.message.starts_with("Can't locate ") {
                finding.category = Category::Import;
            }
            finding
        },
        example: "Global symbol \"$y\" requires explicit package name at a.pl line 2.",
        reads: ("a.pl", 2, None, None, "Global symbol \"$y\" requires explicit package name"),
        ..LINTER
    },
    LineFormat {
        tool: "ruby",
        name: "ruby -c",
        url: "https://docs.ruby-lang.org/en/master/ruby/options_md.html",
        language: "Ruby",
        category: Category::Syntax,
        strength: Strength::Fallback,
        pattern: r"^(?:ruby: )?(?P<path>[^\s:]+\.\w+):(?P<line>\d+): (?P<message>syntax errors?\b.*)$",
        example: "lib/a.rb:3: syntax error, unexpected end-of-input",
        reads: ("lib/a.rb", 3, None, None, "syntax error, unexpected end-of-input"),
        ..LINTER
    },
    LineFormat {
        tool: "ruby",
        name: "ruby, an exception nobody rescued",
        url: "https://docs.ruby-lang.org/en/master/Exception.html#method-i-full_message",
        language: "Ruby",
        category: Category::Runtime,
        strength: Strength::Fallback,
        pattern: r"^(?P<path>\S+\.rb):(?P<line>\d+):in [`'].*?': (?P<message>.*\([\w:]+\))$",
        example: "lib/a.rb:2:in `/': divided by 0 (ZeroDivisionError)",
        reads: ("lib/a.rb", 2, None, None, "divided by 0 (ZeroDivisionError)"),
        ..LINTER
    },
    LineFormat {
        tool: "elixir",
        name: "mix, elixirc",
        url: "https://hexdocs.pm/elixir/Code.html",
        language: "Elixir",
        category: Category::Type,
        strength: Strength::Fallback,
        pattern: r"^\*\* \([A-Za-z]+Error\) (?P<path>[^\s:]+\.exs?):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<message>\S.*)$",
        example: "** (CompileError) lib/b.ex:2: undefined function foo/1",
        reads: ("lib/b.ex", 2, None, None, "undefined function foo/1"),
        ..LINTER
    },
    LineFormat {
        tool: "lua",
        name: "lua, luac",
        url: "https://www.lua.org/manual/5.4/luac.html",
        language: "Lua",
        category: Category::Runtime,
        strength: Strength::Fallback,
        pattern: r"^lua[\d.]*: (?P<path>[^\s:]+\.lua):(?P<line>\d+): (?P<message>\S.*)$",
        example: "lua5.4: a.lua:3: ')' expected near <eof>",
        reads: ("a.lua", 3, None, None, "')' expected near <eof>"),
        ..LINTER
    },
    LineFormat {
        tool: "php",
        name: "php",
        url: "https://www.php.net/manual/en/features.commandline.options.php",
        language: "PHP",
        category: Category::Runtime,
        strength: Strength::Fallback,
        // Not `Uncaught …`: its place stands below the stack, and `other` reads both.
        pattern: r"^(?:PHP )?(?:Parse|Fatal) error:\s+(?P<message>(?:[^\sU]|U[^n]|Un[^c]).*?) in (?P<path>\S+\.\w+)(?: on line |:)(?P<line>\d+)$",
        refine: syntax_by_message,
        example: "PHP Parse error:  syntax error, unexpected token in src/a.php on line 4",
        reads: ("src/a.php", 4, None, None, "syntax error, unexpected token"),
        ..LINTER
    },
    LineFormat {
        tool: "buf",
        name: "buf lint",
        url: "https://buf.build/docs/lint/",
        language: "Protocol Buffers",
        strength: Strength::Fallback,
        pattern: r"^(?P<path>\S+\.proto):(?P<line>\d+):(?P<column>\d+):(?P<message>\S.*)$",
        example: "proto/a.proto:3:1:Package name should be suffixed.",
        reads: ("proto/a.proto", 3, Some(1), None, "Package name should be suffixed."),
        ..LINTER
    },
    LineFormat {
        tool: "jshint",
        name: "JSHint",
        url: "https://jshint.com/docs/cli/",
        language: "JavaScript",
        strength: Strength::Fallback,
        pattern: r"^(?P<path>[^\s:]+\.\w+): line (?P<line>\d+), col (?P<column>\d+), (?P<message>\S.*)$",
        example: "src/a.js: line 5, col 3, Missing semicolon.",
        reads: ("src/a.js", 5, Some(3), None, "Missing semicolon."),
        ..LINTER
    },
    LineFormat {
        tool: "svelte-check",
        name: "svelte-check --output machine",
        url: "https://github.com/sveltejs/language-tools/tree/master/packages/svelte-check",
        language: "Svelte",
        category: Category::Type,
        strength: Strength::Fallback,
        pattern: r#"^\d+ (?P<severity>ERROR|WARNING) "(?P<path>[^"]+\.\w+)" (?P<line>\d+):(?P<column>\d+) "(?P<message>.+)"$"#,
        example: r#"1795798952557 ERROR "src/a.ts" 1:47 "Not assignable.""#,
        reads: ("src/a.ts", 1, Some(47), None, "Not assignable."),
        ..LINTER
    },
    LineFormat {
        tool: "markdownlint",
        name: "markdownlint-cli",
        url: "https://github.com/igorshubovych/markdownlint-cli",
        language: "Markdown",
        strength: Strength::Fallback,
        pattern: r"^(?P<path>[^\s:]+\.\w+):(?P<line>\d+)(?::(?P<column>\d+))? (?P<code>[A-Z]{2,}\d{3,})(?:/\S+)? (?P<message>\S.*)$",
        example: "docs/a.md:10 MD012/no-multiple-blanks Multiple consecutive blank lines",
        reads: ("docs/a.md", 10, None, Some("MD012"), "Multiple consecutive blank lines"),
        ..LINTER
    },
    LineFormat {
        name: "place, tab, rule, tab, message: PMD",
        url: "https://docs.pmd-code.org/latest/pmd_userdocs_report_formats.html",
        strength: Strength::Fallback,
        pattern: r"^(?P<path>\S+\.\w+):(?P<line>\d+)(?::(?P<column>\d+))?:\t(?:(?P<code>\w+):\t)?(?P<message>\S.*)$",
        example: "src/App.java:15:\tUnusedLocalVariable:\tAvoid unused local variables.",
        reads: ("src/App.java", 15, None, Some("UnusedLocalVariable"), "Avoid unused local variables."),
        ..LINTER
    },
    LineFormat {
        name: "a file, and the place in the message: parsers of data formats",
        url: "https://docs.python.org/3/library/json.html#json.JSONDecodeError",
        category: Category::Syntax,
        strength: Strength::Fallback,
        pattern: r"^(?P<path>[\w@./+-]+\.\w+): (?P<message>[A-Z]\S* .*?(?:: | \(at | at ))line (?P<line>\d+),? col(?:umn)? (?P<column>\d+)(?:[ ,.)].*)?$",
        example: "a.json: Failed to json decode (Expecting ',' delimiter: line 1 column 9 (char 8))",
        reads: ("a.json", 1, Some(9), None, "Failed to json decode (Expecting ',' delimiter:"),
        ..LINTER
    },
    LineFormat {
        name: "as Microsoft's compilers: MSBuild, cl",
        url: "https://learn.microsoft.com/en-us/visualstudio/msbuild/msbuild-diagnostic-format-for-tasks",
        strength: Strength::Fallback,
        pattern: r"^(?P<path>(?:[A-Za-z]:[^:()]+|[^\s:()]+)\.\w+)\((?P<line>\d+)(?:,(?P<column>\d+))?\) ?: (?:fatal )?(?P<severity>error|warning)(?: (?P<code>[A-Z]+\d+))?: (?P<message>.*?)(?: \[[^\]]+proj\])?$",
        example: r"src\a.cpp(5): error C2065: 'x': undeclared identifier",
        reads: (r"src\a.cpp", 5, None, Some("C2065"), "'x': undeclared identifier"),
        ..LINTER
    },
];

/// Where a parser's message says it.
fn syntax_by_message(mut finding: FindingBuilder) -> FindingBuilder {
    if finding.message.starts_with("syntax error") {
        finding.category = Category::Syntax;
    }
    finding
}

/// The tools of all rows.
pub(super) fn tools() -> impl Iterator<Item = &'static Tool> {
    TOOLS.iter()
}

/// Whether a row reads the line.
pub(super) fn reads(text: &str) -> bool {
    COMPILED.iter().any(|format| format.read(text).is_some())
}

/// Made once.
static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let of_tool = |rows: &'static [LineFormat]| {
        let triggers: Vec<&'static str> = rows.iter().map(|row| &*trigger(row.pattern).leak()).collect();
        Tool {
            name: rows[0].tool,
            triggers: triggers.leak(),
            new: |name| Box::new(LineFormats { tool: name }),
        }
    };
    FORMATS.chunk_by(|row, next| row.tool == next.tool).map(of_tool).collect()
});

static COMPILED: LazyLock<Vec<Compiled>> = LazyLock::new(|| FORMATS.iter().map(Compiled::new).collect());

/// A pattern that says the same of whether a line matches, and says it as early as possible: what follows any message
/// need not be walked over.
fn trigger(pattern: &str) -> String {
    match (pattern.strip_suffix(".*)$"), pattern.strip_suffix(".+)$")) {
        (Some(start), _) => format!("{start})"),
        (_, Some(start)) => format!("{start}.)"),
        _ => pattern.to_owned(),
    }
}

struct Compiled {
    format: &'static LineFormat,
    /// Made when a line first asks for it.
    regex: OnceLock<Regex>,
}

impl Compiled {
    fn new(format: &'static LineFormat) -> Self {
        Self { format, regex: OnceLock::new() }
    }

    fn read(&self, text: &str) -> Option<FindingBuilder> {
        let LineFormat { tool, category, pattern, refine, .. } = self.format;
        let regex = self.regex.get_or_init(|| Regex::new(pattern).expect("a literal that tests compile"));
        let groups = regex.captures(text.trim_end())?;
        let group = |name: &str| groups.name(name).map(|group| group.as_str().trim());
        let number_in = |one: &str, other: &str| group(one).or_else(|| group(other)).and_then(number);
        let path = group("path")?;
        if self.format.strength == Strength::Fallback && !is_own(path) {
            return None;
        }
        let mut finding = FindingBuilder::new(tool, *category, group("message")?)
            .at(path, number_in("line", "line2"), number_in("column", "column2"))
            .severity(group("severity").and_then(severity).unwrap_or(self.format.severity));
        finding.code = group("code").map(str::to_owned);
        finding.strength = self.format.strength;
        Some(refine(finding))
    }
}

/// As tools spell it.
fn severity(text: &str) -> Option<Severity> {
    Some(match text.to_ascii_lowercase().as_str() {
        "error" | "e" | "severe" => Severity::Error,
        "warning" | "w" => Severity::Warning,
        "info" | "note" | "style" => Severity::Info,
        _ => return None,
    })
}

/// Reads the lines of one tool's rows.
struct LineFormats {
    tool: &'static str,
}

impl ToolParser for LineFormats {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let mut of_tool = COMPILED.iter().filter(|compiled| compiled.format.tool == self.tool);
        match of_tool.find_map(|compiled| compiled.read(line.text)) {
            Some(finding) => {
                out.bug(finding);
                Response::Consumed(Next::Idle)
            }
            None => Response::Declined(Next::Idle),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn every_row_reads_its_example() {
        for compiled in COMPILED.iter() {
            let LineFormat { name, example, reads: (path, line, column, code, message), .. } =
                compiled.format;
            let finding = compiled.read(example).unwrap_or_else(|| panic!("{name}: {example}"));
            let location = finding.location.unwrap();
            let read = (location.file.as_str(), location.line, location.column);
            assert_eq!(read, (*path, Some(*line), *column), "{name}");
            assert_eq!((finding.code.as_deref(), finding.message.as_str()), (*code, *message), "{name}");
        }
    }

    /// Through everything a log passes: the trigger fires, and no other tool takes the line first.
    #[test]
    fn every_example_in_a_log_is_reported_under_its_tool() {
        for LineFormat { tool, name, example, reads: (_, line, ..), .. } in FORMATS {
            let bugs = diagnose(format!("{example}\n").as_bytes(), &ParseOptions::default()).unwrap().bugs;
            let read: Vec<_> = bugs.iter().map(|bug| (bug.tool.as_str(), bug.line)).collect();
            assert_eq!(read, [(*tool, Some(*line))], "{name}: {example}");
        }
    }

    #[test]
    fn rows_say_what_they_are() {
        for row in FORMATS {
            assert!(!row.name.is_empty() && !row.language.is_empty(), "{}", row.pattern);
            assert!(row.url.starts_with("https://"), "{}", row.name);
            for group in ["(?P<path>", "(?P<line>", "(?P<message>"] {
                assert!(row.pattern.contains(group), "{} has no group {group}", row.name);
            }
            assert!(row.pattern.starts_with('^') && row.pattern.ends_with('$'), "{}", row.name);
        }
        let tools: Vec<_> = tools().map(|tool| tool.name).collect();
        let mut distinct = tools.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), tools.len(), "rows of one tool stand together: {tools:?}");
    }

    #[test]
    fn lines_that_only_look_like_findings_are_not_read() {
        for text in [
            "src/a.py:5: unused",
            "node_modules/a.js: line 1, col 2, bad",
            "f(3): error",
            "PHP Fatal error:  Uncaught Exception: no in /r/a.php:5",
            "docs/a.md:3: a => b",
        ] {
            assert!(!reads(text), "{text}");
        }
    }

    #[test]
    fn a_trigger_ends_where_a_message_begins() {
        for (pattern, want) in [
            (r"^a: (?P<message>\S.*)$", r"^a: (?P<message>\S)"),
            (r"^a: (?P<message>.+)$", r"^a: (?P<message>.)"),
            (r"^a: (?P<message>.*?) \[b\]$", r"^a: (?P<message>.*?) \[b\]$"),
        ] {
            assert_eq!(trigger(pattern), want);
        }
    }
}
