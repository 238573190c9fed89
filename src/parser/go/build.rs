//! `path.go:line:column: message`, as go build, vet, staticcheck, golangci-lint, golint and revive print it; they
//! differ in the header before and the code behind it.

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use super::modules;
use crate::contract::bug::{Applicability, Category, Suggestion};

pub(super) const TOOL: Tool = Tool {
    name: "go-build",
    triggers: &[
        r"^(?:vet: )?(?:[A-Za-z]:)?[^\s:]+\.(?:go|s):[0-9]+(?::[0-9]+)?(?:-[0-9]+)?: ",
        r"^# (?:\[[^\s\]]+\]|[^\s]+/[^\s]+|command-line-arguments|[a-z][\w.-]*(?: \[[^\s\]]+\])?)$",
    ],
    new: |_| Box::new(Build::default()),
};

#[derive(Default)]
pub(super) struct Build {
    /// Below a `# package` header; and whether vet wrote it.
    header: Option<bool>,
    finding: Option<(FindingBuilder, u64, u64)>,
    /// Lines that belong to the finding.
    more: usize,
}

impl ToolParser for Build {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(rest) = text.strip_prefix("# ") {
            self.flush(out);
            self.header = Some(rest.starts_with('['));
            return Response::Consumed(Next::Active);
        }
        if let Some(c) =
            re!(r"^(vet: )?((?:[A-Za-z]:)?[^\s:]+\.(?:go|s)):(\d+)(?::(\d+))?(?:-\d+)?: (.*)$").captures(text)
        {
            self.flush(out);
            let message = c[5].trim();
            if message == "too many errors" {
                return Response::Consumed(Next::Active);
            }
            let vet = c.get(1).is_some() || self.header == Some(true) || is_vet(message);
            let column = c.get(4).and_then(|m| number(m.as_str()));
            let finding = read(&c[2], number(&c[3]), column, message, vet, self.header.is_some());
            self.finding = Some((finding, line.number, line.number));
            self.more = 0;
            return Response::Consumed(Next::Active);
        }
        let Some((finding, _, last)) = &mut self.finding else {
            return if self.header.is_some() && !text.trim().is_empty() && !text.starts_with(['\t', ' ']) {
                self.header = None;
                Response::Declined(Next::Idle)
            } else {
                Response::Declined(Next::Active)
            };
        };
        if text.starts_with('\t') || (text.starts_with("    ") && self.more < 30) {
            *last = line.number;
            self.more += 1;
            more(finding, text);
            return Response::Consumed(Next::Active);
        }
        self.flush(out);
        Response::Declined(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.flush(out);
    }
}

impl Build {
    fn flush(&mut self, out: &mut Findings) {
        if let Some((finding, first, last)) = self.finding.take() {
            out.bug(finding.span(first, last));
        }
    }
}

fn read(
    file: &str,
    line: Option<u32>,
    column: Option<u32>,
    message: &str,
    vet: bool,
    headed: bool,
) -> FindingBuilder {
    let linted = re!(r"^(?:([A-Z]+\d{3,4}): )?(.*?) \((?:([a-z][\w-]*(?:, [a-z][\w-]*)*)|([A-Z]+\d{4}))\)$")
        .captures(message);
    let (tool, category, code, message) = match &linted {
        Some(c) if c.get(4).is_some() => {
            ("staticcheck", Category::Lint, Some(c[4].to_owned()), c[2].to_owned())
        }
        // What the compiler says, in staticcheck's words.
        Some(c) if &c[3] == "compile" => ("staticcheck", category(&c[2]), None, c[2].to_owned()),
        Some(c) if !headed && !vet => {
            let linter = &c[3];
            let category = match linter {
                "typecheck" => category(message),
                "gofmt" | "gofumpt" | "goimports" | "gci" | "golines" => Category::Format,
                _ => Category::Lint,
            };
            let code = c.get(1).map_or_else(|| linter.to_owned(), |m| m.as_str().to_owned());
            ("golangci-lint", category, Some(code), c[2].to_owned())
        }
        _ if vet => ("go-vet", Category::Lint, None, message.to_owned()),
        _ if headed => ("go-build", category(message), None, message.to_owned()),
        _ if is_compiler(message) => ("go-build", category(message), None, message.to_owned()),
        _ => ("go-lint", Category::Lint, None, message.to_owned()),
    };
    let tool = if category == Category::Dependency { "go-modules" } else { tool };
    let message = message.strip_prefix("Error: ").unwrap_or(&message).to_owned();
    let mut finding = FindingBuilder::new(tool, category, message.clone()).at(file, line, column);
    finding.code = code;
    with_hint(finding, file, line, column, &message)
}

fn with_hint(
    finding: FindingBuilder,
    file: &str,
    line: Option<u32>,
    column: Option<u32>,
    message: &str,
) -> FindingBuilder {
    let file = file.to_owned();
    let Some(line) = line else { return finding };
    if let Some(c) = re!(r#"^"([^"]+)" imported(?: as \S+)? and not used|^imported and not used: "([^"]+)""#)
        .captures(message)
        && let Some(name) = c.get(1).or_else(|| c.get(2))
    {
        let name = name.as_str().to_owned();
        return finding.suggest(
            message,
            Applicability::MachineApplicable,
            Suggestion::RemoveImport { file, line, name },
        );
    }
    if let Some(c) = re!(r"^(?:syntax error: )?.*\bexpected? '?([;,:)\]}({]|:=)'?$").captures(message)
        && !message.contains("or ")
    {
        let token = c[1].to_owned();
        return finding.suggest(
            message,
            Applicability::MaybeIncorrect,
            Suggestion::ExpectedToken { file, line, column, token },
        );
    }
    if let Some(c) = re!(r"^undefined: (\w+)$").captures(message)
        && let Some(path) = standard_package(&c[1])
    {
        let statement = format!("import \"{path}\"");
        return finding.suggest(
            message,
            Applicability::MaybeIncorrect,
            Suggestion::AddImport { file, statement },
        );
    }
    if let Some(c) = re!(r"\(type .+ has no field or method (\w+), but does have (?:method |field )?(\w+)\)")
        .captures(message)
        .or_else(|| {
            re!(r"undefined \(.*has no field or method (\w+), but does have (?:method |field )?(\w+)\)")
                .captures(message)
        })
    {
        let (old, new) = (c[1].to_owned(), c[2].to_owned());
        return finding.suggest(
            message,
            Applicability::MachineApplicable,
            Suggestion::ReplaceText { file, line, column: None, old, new },
        );
    }
    modules::with_hint(finding, message)
}

/// Packages of the standard library whose name says which is meant.
fn standard_package(name: &str) -> Option<&'static str> {
    Some(match name {
        "fmt" => "fmt",
        "os" => "os",
        "errors" => "errors",
        "strings" => "strings",
        "strconv" => "strconv",
        "time" => "time",
        "sync" => "sync",
        "context" => "context",
        "bytes" => "bytes",
        "bufio" => "bufio",
        "sort" => "sort",
        "math" => "math",
        "regexp" => "regexp",
        "reflect" => "reflect",
        "log" => "log",
        "io" => "io",
        "http" => "net/http",
        "url" => "net/url",
        "json" => "encoding/json",
        "filepath" => "path/filepath",
        "exec" => "os/exec",
        "atomic" => "sync/atomic",
        "testing" => "testing",
        _ => return None,
    })
}

/// Without its own header vet's words tell it from the compiler.
fn is_vet(message: &str) -> bool {
    re!(
        r"^self-assignment of|format %|Printf|Println|^composite literal uses unkeyed|^unreachable code|passes lock by value|copies lock|^possible (?:misuse|formatting|malformed)|^result of .* call not used|^struct field |should have signature|^loop variable|^direct assignment to atomic|build (?:constraint|comment)|^(?:redundant|suspect) or:|the cancel function|^nil dereference|^method \w+\(.*\) .*should have"
    )
    .is_match(message)
}

fn is_compiler(message: &str) -> bool {
    re!(
        r"^(?:undefined: |syntax error|expected |cannot |undeclared name|(?:[\w.]+ )?declared (?:and|but) not used|imported and not used|missing return|invalid |no required module|missing go\.sum|package .* is not in|no required|too many |not enough |assignment mismatch|could not import|import cycle|[\w.]+ redeclared|cannot find |label |non-name |illegal |string literal|rune literal|found packages|no Go files|use of internal|duplicate |unknown field|unreachable|mismatched types|impossible |multiple-value|first argument|unexpected |method |pattern |relocation|\x22)"
    )
    .is_match(message)
}

fn category(message: &str) -> Category {
    if re!(r"^(?:syntax error|expected |illegal |string literal not|rune literal not|newline in|invalid character|unexpected )").is_match(message) {
        Category::Syntax
    } else if re!(r"^(?:no required module|missing go\.sum|updates to go|cannot find module)").is_match(message) {
        Category::Dependency
    } else if re!(r"imported(?: as \S+)? and not used|^(?:could not import|cannot find package|package \S+ is not in|import cycle|use of internal|found packages)|imported but not used")
        .is_match(message)
    {
        Category::Import
    } else {
        Category::Type
    }
}

/// An indented line below a diagnostic.
fn more(finding: &mut FindingBuilder, text: &str) {
    let text = text.trim();
    if let Some(c) = re!(r"^([^\s:]+\.go):(\d+):(\d+): (.*)$").captures(text) {
        finding.related.push(location(&c[1], number(&c[2]), number(&c[3])));
    }
    // A linter shows the line and marks the column.
    if matches!(finding.tool, "golangci-lint") {
        return;
    }
    let command = re!(r"^go (?:get|mod) [\w./@ =-]+$").is_match(text);
    if command {
        let joined = format!("{}\n{text}", finding.message);
        *finding = modules::with_hint(finding.clone(), &joined);
    }
    if finding.message.len() < 2000 {
        finding.message.push('\n');
        finding.message.push_str(text);
    }
}
