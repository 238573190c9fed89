//! Linters that have no parser of their own and no row in `line_formats`, read by the format most of them share: `path:line:column: message`.
//!
//! The format is common and so are lines that only look like it, so what is read here counts only where no tool that
//! knows better reported an error.

use super::findings::{FindingBuilder, Findings, number};
use super::line_formats;
use super::lines::{Line, Mark};
use super::paths::is_own;
use super::re;
use super::registry::{Next, Response, Tool, ToolParser, read_by_another};
use super::{rust, unread};
use crate::contract::bug::{Category, Severity};

mod behave;
mod commitlint;
mod exunit;
pub(super) mod headed;
mod paired_lines;
mod redocly;
mod robot;
pub(super) mod sentences;
mod suites;

/// The last in order of precedence.
pub(super) const TOOLS: &[Tool] = &[
    suites::RSPEC,
    behave::TOOL,
    exunit::TOOL,
    commitlint::TOOL,
    redocly::TOOL,
    robot::TOOL,
    headed::DJLINT,
    headed::HTMLHINT,
    headed::PYDOCLINT,
    headed::RUBOCOP_SIMPLE,
    headed::SQLFLUFF,
    read_by_another("minitest"),
    read_by_another("phpunit"),
    read_by_another("bats"),
    read_by_another("crystal"),
    read_by_another("gfortran"),
    read_by_another("cfn-lint"),
    read_by_another("deno-lint"),
    read_by_another("ty"),
    read_by_another("typos"),
    read_by_another("zizmor"),
    LINT,
];

const LINT: Tool = Tool {
    name: "lint",
    triggers: &[
        r"^ {0,8}[A-Za-z0-9_@./+-]*[A-Za-z0-9_+-]\.[A-Za-z][A-Za-z0-9]*:[0-9]+([:,][0-9]+)?:?\s\S",
        r#"^File "[^"]+\.ml[ily]?", lines? [0-9]+"#,
        r"^(?:PHP )?Fatal error: +Uncaught ",
        r"^\s*#\s+Failed test ",
        // The first of two lines.
        r"^\s*\((?:from function .* )?in (?:test )?file [^ ]+, line [0-9]+\)$",
        r"^In [^ ]+\.cr:[0-9]+:[0-9]+$",
        r"^<internal:[^>]+>:[0-9]+:in .*\([A-Z][A-Za-z:]*Error\)$",
        r"^[A-Za-z0-9_@./+-]+\.(?:f|F|for|FOR|f[0-9]{2}|F[0-9]{2}):[0-9]+:[0-9]+:$",
        r"^>> Issue: \[B[0-9]+:",
        r"^In [^ ]+ line [0-9]+:$",
        r"^[EWI][0-9]{4} [A-Z']",
        r"^[a-z]+(?:-[a-z]+)*\[[a-z._-]+\](?:\[/\])?: [A-Z]",
        r"^[0-9]+:[0-9]+ (\[[a-z-]+\] \S|syntax error: )",
        r"^(?:\S+: )?while (?:parsing|scanning) (?:an?|for) ",
        r"^ *\[?(?:Error|ERROR|error)\]?: \S",
        r"^[0-9]+\. ERROR in .+ \(at line [0-9]+\)$",
        r"^Error -+ [^ ]+:[0-9]+:[0-9]+$",
        r"^[A-Za-z0-9_@./+()\[\]-]+\.(?:[jt]sx?|svelte|vue|astro|mdx?|s?css):[0-9]+:[0-9]+$",
    ],
    new: |_| Box::new(Lint::default()),
};

#[derive(Default)]
struct Lint {
    open: Option<paired_lines::Open>,
}

impl ToolParser for Lint {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let was_open = self.open.is_some();
        if let Some(open) = self.open.take() {
            match open.line(line.text, line.number) {
                paired_lines::Continuation::Done(finding) => out.bug(*finding),
                paired_lines::Continuation::More(finding, open) => {
                    out.bug(*finding);
                    self.open = Some(*open);
                }
                paired_lines::Continuation::Wait(open) => self.open = Some(*open),
                paired_lines::Continuation::Not => {}
            }
        }
        if let Some(open) = paired_lines::Open::start(line.text, line.number) {
            self.open = Some(open);
        } else if let Some(finding) =
            read_finding(line.text).filter(|_| !was_open || !line_formats::reads(line.text))
        {
            out.bug(if line.mark == Mark::Warning { finding.severity(Severity::Warning) } else { finding });
        } else if let Some(finding) = in_group(line, &out.group) {
            out.bug(finding);
        }
        if self.open.is_some() { Response::Declined(Next::Active) } else { Response::Declined(Next::Idle) }
    }
}

/// yamllint's in a step of GitHub's: a group for each file, and the marked findings in it.
fn in_group(line: &Line<'_>, group: &str) -> Option<FindingBuilder> {
    if !group.ends_with(".yaml") && !group.ends_with(".yml") {
        return None;
    }
    let c = re!(r"^(\d+):(\d+) (?:\[([a-z-]+)\] (\S.*)|(syntax error: .*?)(?: \(syntax\))?)$")
        .captures(line.text)?;
    let (rule, category) = match c.get(3) {
        Some(rule) => (Some(rule.as_str().to_owned()), Category::Lint),
        None => (None, Category::Syntax),
    };
    let message = c.get(4).or_else(|| c.get(5)).map_or("", |m| m.as_str());
    let mut finding =
        FindingBuilder::new("yamllint", category, message).at(group, number(&c[1]), number(&c[2]));
    finding.code = rule;
    if line.mark == Mark::Warning {
        finding = finding.severity(Severity::Warning);
    }
    Some(finding)
}

/// A finding, where the line has a column or says how severe it is; a path and a line alone are no more than a place.
fn read_finding(text: &str) -> Option<FindingBuilder> {
    let caps = re!(
        r"^ {0,8}(?P<path>[\w@./+-]+\.[A-Za-z]\w*):(?P<line>\d+)(?:[:,](?P<col>\d+))?:? (?:\[?(?P<sev>(?i:error|warning|fatal|info|note))\]?(?:\[(?P<code>[a-z][a-z0-9-]*)\])?:? )?(?P<msg>\S.*)$"
    )
    .captures(text)?;
    let get = |name| caps.name(name).map(|m| m.as_str());
    let (path, severity) = (get("path")?, get("sev").map(str::to_ascii_lowercase));
    let placed = get("col").is_some() || severity.is_some();
    let name = path.rsplit('/').next()?;
    let host =
        name.rsplit('.').next().is_some_and(|end| matches!(end, "com" | "org" | "net" | "io" | "local"));
    if !placed || host || !is_own(path) || get("msg")?.bytes().all(|b| !b.is_ascii_alphabetic()) {
        return None;
    }
    let severity = match severity.as_deref() {
        Some("warning") => Severity::Warning,
        Some("info" | "note") => Severity::Info,
        _ => Severity::Error,
    };
    if let Some(c) = re!(r"^(MD\d{3})(?:/\S+)? (.*)$").captures(get("msg")?) {
        let finding =
            FindingBuilder::new("markdownlint", Category::Lint, &c[2]).severity(severity).code(&c[1]);
        return Some(finding.at(path, get("line").and_then(number), get("col").and_then(number)));
    }
    // ty's rules stand behind the severity.
    let (rule, message) = unread::rule(get("msg")?.trim_end_matches(" [*]"));
    let (tool, category) = match get("code") {
        Some(rule) if path.ends_with(".py") || path.ends_with(".pyi") => ("ty", rust::ty_category(rule)),
        _ if re!(r"^MD\d{3}$").is_match(rule.unwrap_or_default()) => ("markdownlint", Category::Lint),
        _ => ("lint", Category::Lint),
    };
    let mut finding = FindingBuilder::new(tool, category, message).severity(severity);
    finding.code = get("code").or(rule).map(str::to_owned);
    Some(finding.at(path, get("line").and_then(number), get("col").and_then(number)).fallback())
}

#[cfg(test)]
mod tests {
    use super::read_finding;
    use crate::contract::bug::Severity;

    #[test]
    fn a_rule_stands_before_or_behind_the_message() {
        for (text, code, message) in [
            ("src/a.x:3:7: [X12] too long [*]", Some("X12"), "too long"),
            ("src/a.x:3:7: X12 too long", Some("X12"), "too long"),
            ("src/a.x:3:7: frob/long-line: too long", Some("frob/long-line"), "too long"),
            ("src/a.x:3:7: too long (long-line)", Some("long-line"), "too long"),
            ("src/a.x:3,7: too long", None, "too long"),
            ("src/a.x:3:7: see f(a) and (b)", None, "see f(a) and (b)"),
        ] {
            let finding = read_finding(text).unwrap();
            assert_eq!((finding.code.as_deref(), finding.message.as_str()), (code, message), "{text}");
            assert_eq!(finding.location.and_then(|at| at.column), Some(7), "{text}");
        }
        let heading = read_finding("a.md:3:1: [MD001] Heading levels [*]").unwrap();
        assert_eq!((heading.tool, heading.code.as_deref()), ("markdownlint", Some("MD001")));
    }

    #[test]
    fn the_severity_may_carry_the_rule() {
        let warning = read_finding("src/a.py:40:5: warning[unused-awaitable] Object is not awaited").unwrap();
        assert_eq!(
            (warning.severity, warning.code.as_deref()),
            (Severity::Warning, Some("unused-awaitable"))
        );
        assert_eq!(warning.message, "Object is not awaited");
    }

    #[test]
    fn a_place_needs_a_column_or_a_severity() {
        let at = |text| read_finding(text).and_then(|d| d.location).map(|p| (p.file, p.line, p.column));
        assert_eq!(at("src/a.css:3:5: bad colour"), Some(("src/a.css".into(), Some(3), Some(5))));
        assert_eq!(at("    a.lua:1:7: unused x"), Some(("a.lua".into(), Some(1), Some(7))));
        assert_eq!(at("README.md:6 error MD001/x Heading"), Some(("README.md".into(), Some(6), None)));
        for text in [
            "http://localhost:3000:80 is up",
            "12:30:45 started",
            "a_test.go:12: logged",
            "example.com:80:1: up",
            "node_modules/a/b.js:1:2: bad",
            "src/a.js:1:2: 3",
            "    a_test.go:12: logged",
            "          src/a.c:1:2: too deep",
            "localhost:3000: x",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
