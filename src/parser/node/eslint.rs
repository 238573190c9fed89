//! ESLint in its output formats, and the linters that print as it does: stylelint, xo, TSLint, standard, oxlint (unix),
//! the lint steps of Next and Create React App.
//!
//! The stylish format names the file once and then prints rows; the others repeat the path in each line.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::paths::relative;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use super::frames::clean;
use super::hints::{command, hint, quoted, shell_word};
use crate::contract::bug::{Applicability, Category, Hint, Severity, Suggestion};

/// Lines that trigger [`Stylish`]: a path alone, or a row by itself.
pub(super) const STYLISH: &[&str] =
    &[r"^[ ]{0,3}[^\s:(\[<>{}]+(:[0-9]+:[0-9]+)?$", r"^(/|[A-Za-z]:\\).*\.[A-Za-z]+$"];

/// Lines that trigger [`Rows`].
pub(super) const ROWS: &[&str] = &[
    r"^\S.*: line [0-9]+, col [0-9]+, (Error|Warning|Info) - ",
    r"^\S+:[0-9]+:[0-9]+: .* \[([Ee]rror|[Ww]arning|[Ii]nfo)(/.*)?\]$",
    r"^\S+\([0-9]+,[0-9]+\): (error|warning) \S* : ",
    r#"^\[\{"filePath":""#,
    r"^ESLint found too many warnings",
    r"^Oops! Something went wrong! :\(",
];

/// Lines that trigger [`Standard`].
pub(super) const STANDARD: &[&str] = &[r"^(standard|semistandard|ts-standard|standardx): "];
/// TSLint's lines, for [`Rows`].
pub(super) const TSLINT: &[&str] =
    &[r"^((ERROR|WARNING): )?(\(\S+\) )?\S+\[[0-9]+, [0-9]+\]: ", r"^(ERROR|WARNING): \S+:[0-9]+:[0-9]+ - "];

static ROW: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^\s*(?:Line )?(?P<line>\d+):(?P<col>\d+)(?P<range>-\d+:\d+)?:?\s+(?P<sev>error|warning|info|Error|Warning|✖|×|⚠|‼|ℹ)?:?\s*(?P<rest>\S.*)$",
    )
    .expect("a literal")
});

/// What stands before the rows of one file.
struct File {
    path: String,
    /// Rows only count in the line after the path, or after another row.
    next: u64,
}

/// TSLint's stylish rows, the rule first.
static TSLINT_TABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<sev>ERROR|WARNING): (?P<line>\d+):(?P<col>\d+)\s+(?P<rule>[\w/@-]+)\s+(?P<msg>\S.*)$")
        .expect("a literal")
});

/// The stylish table.
#[derive(Default)]
pub(super) struct Stylish {
    file: Option<File>,
    rows: bool,
}

impl ToolParser for Stylish {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(file) = &mut self.file
            && line.number <= file.next
            && let Some(caps) = TSLINT_TABLE.captures(text)
        {
            file.next = line.number + 1;
            let mut finding = one(&caps, "tslint");
            finding.location = Some(location(&file.path, number(&caps["line"]), number(&caps["col"])));
            out.bug(finding);
            return Response::Consumed(Next::Active);
        }
        if let Some(file) = &mut self.file
            && line.number <= file.next + u64::from(self.rows)
            && let Some(caps) = ROW.captures(text)
            && is_row(text, &caps)
        {
            file.next = line.number + 1;
            self.rows = true;
            let (message, rule) = split_rule(&caps["rest"]);
            let mark = caps.name("sev").map_or("", |m| m.as_str());
            // yamllint prints the same table, the rule in brackets behind the message.
            let bracketed = rule.and_then(|rule| rule.strip_prefix('(')?.strip_suffix(')'));
            let yaml = file.path.ends_with(".yml") || file.path.ends_with(".yaml");
            let broken =
                message.strip_suffix(" (syntax)").filter(|said| yaml && said.starts_with("syntax error"));
            let message = broken.unwrap_or(message);
            let (tool, rule) = match bracketed.filter(|_| yaml) {
                None if broken.is_some() => ("yamllint", None),
                Some(rule) => ("yamllint", Some(rule)),
                None if is_style_sheet(&file.path) => ("stylelint", rule),
                None => ("eslint", rule),
            };
            let (tool, message, rule) = match other_table(&file.path, message) {
                Some((tool, message, rule)) => (tool, message, Some(rule)),
                None => (tool, message, rule),
            };
            let found = Found {
                tool,
                path: &file.path,
                line: number(&caps["line"]),
                column: number(&caps["col"]),
                severity: severity(mark),
                message,
                rule,
            };
            let mut finding = found.finding();
            if broken.is_some() {
                finding.category = Category::Syntax;
            }
            out.bug(finding);
            return Response::Consumed(Next::Active);
        }
        if text.trim().is_empty() {
            // Next prints a blank line between the path and nothing else; xo one between rows.
            return if self.file.is_some() {
                Response::Declined(Next::Active)
            } else {
                Response::Declined(Next::Idle)
            };
        }
        let was_rows = std::mem::take(&mut self.rows);
        self.file = path_alone(text).map(|path| File { path, next: line.number + 1 });
        match &self.file {
            Some(_) => Response::Declined(Next::Active),
            None if was_rows && is_summary(text) => Response::Consumed(Next::Idle),
            None => Response::Declined(Next::Idle),
        }
    }
}

/// Tables of the same kind: Spectral's has the rule in front and what it is about behind, remark's names the rule and its
/// source.
fn other_table<'t>(path: &str, message: &'t str) -> Option<(&'static str, &'t str, &'t str)> {
    if path.ends_with(".md") || path.ends_with(".mdx") {
        let c = re!(r"^(.*?)\s+([a-z][a-z0-9-]*) remark-[a-z-]+$").captures(message)?;
        let (said, rule) = (c.get(1)?.as_str(), c.get(2)?.as_str());
        return Some(("remark", said, rule));
    }
    let data = [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end));
    let (first, rest) = message.split_once("  ")?;
    let named = re!(r"^[a-z][a-z0-9]*(?:-[a-z0-9]+)+$").is_match(first);
    (data && named).then(|| ("spectral", rest.trim_start(), first))
}

/// A line that holds a path and nothing else (`xo` adds the first place in it).
fn path_alone(text: &str) -> Option<String> {
    let path = text.trim();
    let path = match super::frames::location(path) {
        Some(location) => return is_path(&location.file).then_some(location.file),
        None => path,
    };
    is_path(path).then(|| clean(path).to_owned())
}

fn is_path(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let rooted = path.starts_with('/') || path.get(1..3) == Some(":\\");
    let one_word = rooted || !path.contains(' ');
    one_word
        && !path.contains("://")
        && !stem.is_empty()
        && (1..=12).contains(&extension.len())
        && extension.bytes().all(|b| b.is_ascii_alphanumeric())
        && extension.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Rows start with blanks, but for those of Next, which name the severity with a colon.
fn is_row(text: &str, caps: &Captures<'_>) -> bool {
    let mark = caps.name("sev").map(|m| m.as_str());
    let next = mark.is_some_and(|m| m.starts_with(['E', 'W'])) || text.trim_start().starts_with("Line ");
    // remark's rows stand at the margin, with the end of what they are about.
    let ranged = caps.name("range").is_some() && mark.is_some();
    if ranged {
        return true;
    }
    if text.starts_with(' ') { mark.is_some() || next } else { next && mark.is_some() }
}

fn is_style_sheet(path: &str) -> bool {
    [".css", ".scss", ".sass", ".less", ".pcss", ".styl"].iter().any(|end| path.ends_with(end))
}

fn is_summary(text: &str) -> bool {
    let text = text.trim_start_matches(['✖', '×', ' ']);
    let counts = text.starts_with(|c: char| c.is_ascii_digit());
    counts && (text.contains(" problem") || text.contains(" error")) || text.contains("potentially fixable")
}

/// `message  rule`: the rule stands in a column of its own.
fn split_rule(rest: &str) -> (&str, Option<&str>) {
    let rest = rest.trim_end();
    match rest.rsplit_once("  ") {
        Some((message, rule)) if !rule.is_empty() && !rule.contains(' ') => (message.trim_end(), Some(rule)),
        _ => (rest, None),
    }
}

fn severity(mark: &str) -> Severity {
    match mark {
        "warning" | "Warning" | "WARNING" | "⚠" | "‼" | "1" => Severity::Warning,
        "info" | "Info" | "ℹ" => Severity::Info,
        _ => Severity::Error,
    }
}

/// The formats that print one finding per line, and JSON.
#[derive(Default)]
pub(super) struct Rows {
    /// ESLint itself broke; its error follows.
    broke: bool,
}

static COMPACT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<path>\S.*?): line (?P<line>\d+), col (?P<col>\d+), (?P<sev>Error|Warning|Info) - (?P<msg>.*?)(?: \((?P<rule>[^() ]+)\))?$")
        .expect("a literal")
});
static UNIX: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<path>\S.*?):(?P<line>\d+):(?P<col>\d+): (?P<msg>.*?)(?: \((?P<name>[\w/-]+)\))? \[(?P<sev>[Ee]rror|[Ww]arning|[Ii]nfo)(?:/(?P<rule>.*))?\]$")
        .expect("a literal")
});
static VISUAL_STUDIO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<path>\S.*?)\((?P<line>\d+),(?P<col>\d+)\): (?P<sev>error|warning) (?P<rule>\S*) : (?P<msg>.*)$")
        .expect("a literal")
});
static TSLINT_ROW: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:(?P<sev>ERROR|WARNING): )?(?:\((?P<rule>\S+)\) )?(?P<path>\S+?)(?:\[(?P<line>\d+), (?P<col>\d+)\]:|:(?P<line2>\d+):(?P<col2>\d+) -) (?P<msg>.*)$")
        .expect("a literal")
});
static STANDARD_ROW: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s+(?P<path>\S.*?):(?P<line>\d+):(?P<col>\d+): (?P<msg>.*?)(?: \((?P<rule>[\w@/-]+)\))?(?: \((?P<sev>warning)\))?$")
        .expect("a literal")
});

impl ToolParser for Rows {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if text.starts_with("Oops! Something went wrong!") {
            self.broke = true;
            return Response::Consumed(Next::Active);
        }
        if self.broke {
            if text.is_empty() || text.starts_with("ESLint: ") {
                return Response::Consumed(Next::Active);
            }
            self.broke = false;
            out.bug(FindingBuilder::new("eslint", Category::Configuration, text));
            return Response::Consumed(Next::Idle);
        }
        if text.starts_with("[{") {
            return if json(text, out) {
                Response::Consumed(Next::Idle)
            } else {
                Response::Declined(Next::Idle)
            };
        }
        for (form, tool) in
            [(&COMPACT, "eslint"), (&UNIX, "eslint"), (&VISUAL_STUDIO, "eslint"), (&TSLINT_ROW, "tslint")]
        {
            if let Some(caps) = form.captures(text) {
                // oxlint names the plugin: `eslint(no-unused-vars)`.
                let oxlint = caps.name("rule").is_some_and(|r| r.as_str().ends_with(')'));
                let tool = if oxlint {
                    "oxlint"
                } else if is_style_sheet(&caps["path"]) {
                    "stylelint"
                } else {
                    tool
                };
                out.bug(one(&caps, tool));
                return Response::Consumed(Next::Idle);
            }
        }
        Response::Declined(Next::Idle)
    }
}

/// `standard`: a header, then indented rows.
#[derive(Default)]
pub(super) struct Standard;

impl ToolParser for Standard {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        if let Some(caps) = STANDARD_ROW.captures(line.text) {
            out.bug(one(&caps, "standard"));
            return Response::Consumed(Next::Active);
        }
        let header = line
            .text
            .split_once(": ")
            .is_some_and(|(name, _)| name.ends_with("standard") || name == "standardx");
        if header { Response::Consumed(Next::Active) } else { Response::Declined(Next::Idle) }
    }
}

fn one(caps: &Captures<'_>, tool: &'static str) -> FindingBuilder {
    let get = |name: &str| caps.name(name).map(|m| m.as_str());
    Found {
        tool,
        path: get("path").unwrap_or_default(),
        line: get("line").or_else(|| get("line2")).and_then(number),
        column: get("col").or_else(|| get("col2")).and_then(number),
        severity: severity(get("sev").unwrap_or_default()),
        message: get("msg").unwrap_or_default(),
        rule: get("rule").or_else(|| get("name")).filter(|r| !r.is_empty()),
    }
    .finding()
}

/// ESLint's own JSON on one line.
fn json(text: &str, out: &mut Findings) -> bool {
    let Ok(serde_json::Value::Array(files)) = serde_json::from_str(text) else { return false };
    for file in &files {
        let path = file["filePath"].as_str().unwrap_or_default();
        for message in file["messages"].as_array().into_iter().flatten() {
            let location =
                |name: &str| message[name].as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
            let found = Found {
                tool: "eslint",
                path,
                line: location("line"),
                column: location("column"),
                severity: if message["severity"] == 1 { Severity::Warning } else { Severity::Error },
                message: message["message"].as_str().unwrap_or_default(),
                rule: message["ruleId"].as_str(),
            };
            out.bug(found.finding());
        }
    }
    true
}

struct Found<'a> {
    tool: &'static str,
    path: &'a str,
    line: Option<u32>,
    column: Option<u32>,
    severity: Severity,
    message: &'a str,
    rule: Option<&'a str>,
}

impl Found<'_> {
    fn finding(&self) -> FindingBuilder {
        let message = if self.message.is_empty() { self.rule.unwrap_or("problem") } else { self.message };
        let mut finding = FindingBuilder::new(self.tool, self.category(), message)
            .severity(self.severity)
            .at(clean(self.path), self.line, self.column);
        finding.code = self.rule.map(str::to_owned);
        finding.hint = self.hint();
        finding
    }

    fn category(&self) -> Category {
        let rule = self.rule.unwrap_or_default();
        if self.message.starts_with("Parsing error") || rule == "CssSyntaxError" {
            Category::Syntax
        } else if rule == "prettier/prettier" {
            Category::Format
        } else if matches!(
            rule,
            "import/no-unresolved"
                | "n/no-missing-import"
                | "node/no-missing-require"
                | "n/no-missing-require"
        ) {
            Category::Import
        } else {
            Category::Lint
        }
    }

    fn hint(&self) -> Option<Hint> {
        let rule = self.rule?;
        if rule.ends_with("unused-imports/no-unused-imports")
            || rule.ends_with("unused-imports/no-unused-imports-ts")
        {
            let (name, _) = quoted(self.message, 0)?;
            let remove = Suggestion::RemoveImport {
                file: clean(self.path).to_owned(),
                line: self.line?,
                name: name.to_owned(),
            };
            return Some(hint(self.message, Applicability::MachineApplicable, remove));
        }
        if self.rule == Some("import/no-unresolved") {
            return super::hints::missing_module(self.message, quoted(self.message, 0)?.0);
        }
        let file = shell_word(&relative(clean(self.path), &[]));
        let run = match self.tool {
            "stylelint" => is_fixable_style(rule).then(|| format!("npx stylelint --fix {file}")),
            "standard" => is_fixable(rule).then(|| format!("npx standard --fix {file}")),
            "eslint" => is_fixable(rule).then(|| format!("npx eslint --fix {file}")),
            _ => None,
        };
        run.map(|run| command(self.message, Applicability::MachineApplicable, run))
    }
}

/// Rules whose every report carries a fix, from ESLint's rule index and those of its common plugins. Rules that fix
/// only some of what they report are left out: the command would change nothing.
const FIXABLE: &[&str] = &[
    "array-bracket-newline",
    "array-bracket-spacing",
    "array-element-newline",
    "arrow-body-style",
    "arrow-parens",
    "arrow-spacing",
    "block-spacing",
    "brace-style",
    "comma-dangle",
    "comma-spacing",
    "comma-style",
    "computed-property-spacing",
    "curly",
    "dot-location",
    "dot-notation",
    "eol-last",
    "func-call-spacing",
    "function-call-argument-newline",
    "function-paren-newline",
    "generator-star-spacing",
    "implicit-arrow-linebreak",
    "indent",
    "jsx-quotes",
    "key-spacing",
    "keyword-spacing",
    "linebreak-style",
    "lines-around-comment",
    "lines-between-class-members",
    "multiline-ternary",
    "new-parens",
    "newline-per-chained-call",
    "no-extra-boolean-cast",
    "no-extra-parens",
    "no-extra-semi",
    "no-floating-decimal",
    "no-multi-spaces",
    "no-multiple-empty-lines",
    "no-regex-spaces",
    "no-tabs",
    "no-trailing-spaces",
    "no-undef-init",
    "no-unneeded-ternary",
    "no-useless-rename",
    "no-var",
    "no-whitespace-before-property",
    "nonblock-statement-body-position",
    "object-curly-newline",
    "object-curly-spacing",
    "object-property-newline",
    "object-shorthand",
    "one-var-declaration-per-line",
    "operator-assignment",
    "operator-linebreak",
    "padded-blocks",
    "padding-line-between-statements",
    "prefer-const",
    "prefer-template",
    "quote-props",
    "quotes",
    "rest-spread-spacing",
    "semi",
    "semi-spacing",
    "semi-style",
    "sort-vars",
    "space-before-blocks",
    "space-before-function-paren",
    "space-in-parens",
    "space-infix-ops",
    "space-unary-ops",
    "spaced-comment",
    "switch-colon-spacing",
    "template-curly-spacing",
    "template-tag-spacing",
    "unicode-bom",
    "wrap-iife",
    "wrap-regex",
    "yield-star-spacing",
    "yoda",
];

/// As [`FIXABLE`], of plugins.
const FIXABLE_OF_PLUGINS: &[&str] = &[
    "prettier/prettier",
    "import/order",
    "import/first",
    "import/newline-after-import",
    "simple-import-sort/imports",
    "simple-import-sort/exports",
    "@typescript-eslint/consistent-type-imports",
    "@typescript-eslint/array-type",
    "react/self-closing-comp",
    "react/jsx-boolean-value",
    "tailwindcss/classnames-order",
    "perfectionist/sort-imports",
];

/// Whether every report of the rule carries a fix.
fn is_fixable(rule: &str) -> bool {
    let plain =
        rule.strip_prefix("@stylistic/").or_else(|| rule.strip_prefix("@typescript-eslint/")).unwrap_or(rule);
    let plain = plain.strip_prefix("ts/").or_else(|| plain.strip_prefix("js/")).unwrap_or(plain);
    FIXABLE.contains(&plain) || FIXABLE_OF_PLUGINS.contains(&rule)
}

/// Rules of stylelint's standard configuration that always fix.
fn is_fixable_style(rule: &str) -> bool {
    const RULES: &[&str] = &[
        "alpha-value-notation",
        "at-rule-empty-line-before",
        "color-function-notation",
        "color-hex-length",
        "comment-empty-line-before",
        "comment-whitespace-inside",
        "custom-property-empty-line-before",
        "declaration-block-no-redundant-longhand-properties",
        "declaration-empty-line-before",
        "font-family-name-quotes",
        "function-name-case",
        "function-url-quotes",
        "hue-degree-notation",
        "import-notation",
        "keyframe-selector-notation",
        "length-zero-no-unit",
        "rule-empty-line-before",
        "selector-attribute-quotes",
        "selector-not-notation",
        "selector-pseudo-element-colon-notation",
        "selector-type-case",
        "shorthand-property-no-redundant-values",
        "unit-no-unknown-case",
        "value-keyword-case",
        "value-no-vendor-prefix",
    ];
    RULES.contains(&rule)
}
