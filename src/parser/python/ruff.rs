//! ruff's check in every text format: full (old and new), concise, grouped, pylint, GitHub's commands.

use super::flake8::category;
use crate::contract::bug::{Applicability, Category, Suggestion};
use crate::parser::drawing::Drawing;
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const RUFF: Tool = Tool {
    name: "ruff",
    triggers: &[
        // Full: the rule, then the place; formats call their findings `unformatted`.
        r"^(error\[)?([A-Z]{1,6}[0-9]{2,5}|invalid-syntax|unformatted|syntax-error)\]?:? (\[\*\] |\[-\] )?\S",
        // The same by the rules' names, as of 0.15.
        r"^([a-z][a-z0-9]*(-[a-z0-9]+)+|assert|print|debugger): (\[\*\] |\[-\] )?[A-Z`]",
        r"^[^ :\t][^:\t]*\.(py|pyi|ipynb|toml):(cell [0-9]+:)?[0-9]+:[0-9]+: ([a-z][a-z0-9]*(-[a-z0-9]+)+|assert|print|debugger): (\[\*\] |\[-\] )?[A-Z`]",
        r"^[^ :\t][^:\t]*\.(py|pyi):[0-9]+: \[([a-z][a-z0-9]*(-[a-z0-9]+)+|assert|print|debugger)\] [A-Z`]",
        r"^ruff failed$",
        // Concise, and full before 0.13: messages start like sentences, flake8's do not.
        r"^[^ :\t][^:\t]*\.(py|pyi|ipynb|toml):(cell [0-9]+:)?[0-9]+:[0-9]+: ([A-Z]{1,6}[0-9]{2,5} (\[\*\] |\[-\] )?[A-Z`]|invalid-syntax|SyntaxError: |syntax-error)",
        r"^[^ :\t][^:\t]*\.(py|pyi|ipynb|toml):(cell [0-9]+:)?[0-9]+:[0-9]+: [A-Z]{1,6}[0-9]{2,5} \[\*\] ",
        r"^[^ :\t][^:\t]*\.py:$",
        r"^[^ :\t][^:\t]*\.pyi:$",
        r"^[^ :\t][^:\t]*\.ipynb:$",
        r"^::(error|warning) title=[Rr]uff",
        r"^error: Failed to parse [^ :]+:[0-9]+",
        r"^[^ :\t][^:\t]*\.(py|pyi):[0-9]+: \[(invalid-syntax|[A-Z]{1,6}[0-9]{2,5}\] ([A-Z`][a-z`]))",
    ],
    new: |_| Box::new(Ruff::default()),
};

#[derive(Default)]
struct Ruff {
    /// `F401 [*] …`, waiting for its place.
    head: Option<(String, bool, String, u64)>,
    /// The file of the rows of the grouped format.
    grouped: Option<String>,
    /// A finding in the full format, its fix still being read.
    open: Option<Open>,
    /// Why ruff could not begin: the causes below `ruff failed`, and where that stands.
    causes: Option<(Vec<String>, u64)>,
}

struct Open {
    finding: FindingBuilder,
    file: String,
    fixable: bool,
    help: Option<String>,
    unsafe_fix: bool,
    /// Lines of the fix's diff: number, sign, text.
    diff: Vec<(Option<u32>, char, String)>,
    gaps: Vec<usize>,
    drawing: Drawing,
    last: u64,
}

impl Open {
    fn new(finding: FindingBuilder, file: &str, fixable: bool, last: u64) -> Self {
        let file = file.to_owned();
        let (diff, gaps) = (Vec::new(), Vec::new());
        let drawing = Drawing::default();
        Self { finding, file, fixable, help: None, unsafe_fix: false, diff, gaps, drawing, last }
    }
}

impl Ruff {
    /// A line below `ruff failed`; false where it is none of it.
    fn cause(&mut self, text: &str) -> bool {
        let Some((causes, _)) = &mut self.causes else { return false };
        if let Some(cause) = text.strip_prefix("  Cause: ") {
            causes.push(cause.to_owned());
            return true;
        }
        let drawn = causes.last().is_some_and(|last| last.starts_with("TOML parse error"));
        if drawn && (re!(r"^\s*\d* *\|").is_match(text) || causes.len() < 4 && !text.is_empty()) {
            if !text.contains('|') {
                causes.push(text.to_owned());
            }
            return true;
        }
        false
    }

    /// ruff could not begin: what its last cause says, in the file that any of them names.
    fn failed(&mut self, out: &mut Findings) {
        let Some((causes, first)) = self.causes.take().filter(|(causes, _)| !causes.is_empty()) else {
            return;
        };
        let all = causes.join("\n");
        let mut finding =
            FindingBuilder::new("ruff", Category::Configuration, all.as_str()).span(first, out.now());
        if let Some(file) = re!(r"(?:parse |from `)(\S+?\.toml)\b").captures(&all) {
            let at = re!(r"at line (\d+), column (\d+)").captures(&all);
            let (line, column) = at.map_or((None, None), |at| (number(&at[1]), number(&at[2])));
            finding = finding.at(&file[1], line, column);
        }
        out.bug(finding);
    }

    fn close(&mut self, out: &mut Findings) {
        let Some(open) = self.open.take() else { return };
        let Open { mut finding, file, fixable, help, unsafe_fix, diff, gaps, drawing, last } = open;
        finding.log.last = last;
        finding.end_line = finding.end_line.or(drawing.end());
        let message = help.unwrap_or_else(|| "the tool fixes it".to_owned());
        let sure = if unsafe_fix || !fixable && finding.category != Category::Format {
            Applicability::MaybeIncorrect
        } else {
            Applicability::MachineApplicable
        };
        let changes = changes(&file, &diff, &gaps);
        if changes.is_empty() {
            finding = hint_of_message(finding, &file, fixable);
        } else {
            finding.hint = None;
            for change in changes {
                finding = finding.suggest(&message, sure, change);
            }
        }
        out.bug(finding);
    }

    fn location(&mut self, line: &Line<'_>, out: &mut Findings) -> bool {
        let Some(found) = re!(r"^ *--> (.+?):(?:cell \d+:)?(\d+):(\d+)$").captures(line.text) else {
            return false;
        };
        let Some((code, fixable, message, first)) = self.head.take() else { return false };
        self.close(out);
        let finding = read_finding(&code, &message, &found[1], &found[2], &found[3]).span(first, line.number);
        self.open = Some(Open::new(finding, &found[1], fixable, line.number));
        true
    }

    /// A line drawn under a finding: source, help, the fix as a diff.
    fn drawing(&mut self, line: &Line<'_>) -> bool {
        let Some(open) = &mut self.open else { return false };
        let text = line.text;
        let body = text.trim_start();
        open.drawing.line(text, open.finding.location.as_ref().and_then(|at| at.line));
        if let Some(help) = body.strip_prefix("help: ").or_else(|| body.strip_prefix("= help: ")) {
            open.help = Some(help.to_owned());
        } else if body.starts_with("note: This is an unsafe fix") || body.starts_with("= note: ") {
            open.unsafe_fix |= body.contains("unsafe");
        } else if body.starts_with("----") || body == "..." {
            open.gaps.push(open.diff.len());
        } else if let Some(found) = re!(r"^ *(\d+)? +([-+|]) ?(.*)$").captures(text) {
            let sign = found[2].chars().next().unwrap_or('|');
            if open.help.is_some() || open.finding.code.as_deref() == Some("unformatted") {
                let line_number = found.get(1).and_then(|m| number(m.as_str()));
                // `|` without a number only opens and closes the picture.
                if line_number.is_some() || sign == '-' {
                    open.diff.push((line_number, sign, found[3].to_owned()));
                }
            }
        } else if !(body.is_empty() || body == "|" || body.starts_with("| ") || body.starts_with("note: ")) {
            return false;
        }
        if !body.is_empty() {
            open.last = line.number;
        }
        true
    }
}

impl ToolParser for Ruff {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if self.cause(text) {
            return Response::Consumed(Next::Active);
        }
        self.failed(out);
        if text == "ruff failed" {
            self.close(out);
            self.causes = Some((Vec::new(), line.number));
            return Response::Consumed(Next::Active);
        }
        if self.location(line, out) {
            return Response::Consumed(Next::Active);
        }
        self.head = None;
        if let Some(file) = &self.grouped {
            if let Some(found) = re!(r"^ +(\d+):(\d+) +(\S+?):? (\[[*-]\] )?(.+)$").captures(text) {
                let fixable = found.get(4).is_some_and(|m| m.as_str().contains('*'));
                let finding = read_finding(&found[3], &found[5], file, &found[1], &found[2])
                    .span(line.number, line.number);
                out.bug(hint_of_message(finding, file, fixable));
                return Response::Consumed(Next::Active);
            }
            if re!(r"^ +cell \d+:\d+").is_match(text) {
                return Response::Consumed(Next::Active);
            }
            self.grouped = None;
        }
        if let Some(row) = row(text) {
            self.close(out);
            let (finding, file, fixable) = row;
            let finding = finding.span(line.number, line.number);
            self.open = Some(Open::new(finding, &file, fixable, line.number));
            return Response::Consumed(Next::Active);
        }
        if let Some(finding) = command(text) {
            self.close(out);
            out.bug(finding);
            return Response::Consumed(Next::Idle);
        }
        if let Some(found) = re!(r"^error: Failed to parse (.+?):(\d+):(\d+): (.*)$").captures(text) {
            self.close(out);
            out.bug(read_finding("invalid-syntax", &found[4], &found[1], &found[2], &found[3]));
            return Response::Consumed(Next::Idle);
        }
        let head = re!(
            r"^(?:(?:error\[)?([A-Z]{1,6}\d{2,5}|invalid-syntax|unformatted|syntax-error)\]?:?|([a-z][a-z0-9]*(?:-[a-z0-9]+)+|assert|print|debugger):) (\[[*-]\] )?(.+)$"
        );
        if let Some(found) = head.captures(text) {
            self.close(out);
            let fixable = found.get(3).is_some_and(|m| m.as_str().contains('*'));
            let code = found.get(1).or_else(|| found.get(2)).map_or("", |m| m.as_str());
            self.head = Some((code.to_owned(), fixable, found[4].to_owned(), line.number));
            // Only the place on the next line proves that it is ruff's.
            return Response::Declined(Next::Active);
        }
        if text.ends_with(':') && re!(r"^[^ :\t][^:\t]*\.(py|pyi|ipynb):$").is_match(text) {
            self.close(out);
            self.grouped = Some(text[..text.len() - 1].to_owned());
            return Response::Declined(Next::Active);
        }
        if self.drawing(line) {
            return Response::Consumed(Next::Active);
        }
        self.close(out);
        Response::Declined(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.failed(out);
        self.close(out);
    }
}

fn read_finding(code: &str, message: &str, file: &str, line: &str, column: &str) -> FindingBuilder {
    let kind = match code {
        "unformatted" => Category::Format,
        "invalid-syntax" | "syntax-error" if message.to_lowercase().contains("indent") => {
            Category::Indentation
        }
        "invalid-syntax" | "syntax-error" => Category::Syntax,
        "no-indented-block" | "unexpected-indentation" => Category::Indentation,
        _ => category(Some(code), message),
    };
    // Linters that are built as ruff is print as it does, of other languages' files.
    let python = re!(r"\.(?:pyi?|pyw|ipynb|toml|md|rst)$").is_match(file);
    let tool = match code {
        "unformatted" => "ruff-format",
        _ if python || file.is_empty() => "ruff",
        _ => "lint",
    };
    FindingBuilder::new(tool, kind, message).code(code).at(file, number(line), number(column))
}

/// Concise, pylint's, and the head of the older full format.
fn row(text: &str) -> Option<(FindingBuilder, String, bool)> {
    let row = re!(
        r"^((?:[A-Za-z]:)?[^:]+\.(?:py|pyi|ipynb|toml)):(?:cell \d+:)?(\d+):(\d+): (?:([A-Z]{1,6}\d{2,5}|invalid-syntax|SyntaxError|syntax-error):? |([a-z][a-z0-9]*(?:-[a-z0-9]+)+|assert|print|debugger): )(\[[*-]\] )?(.+)$"
    );
    if let Some(found) = row.captures(text) {
        let fixable = found.get(6).is_some_and(|m| m.as_str().contains('*'));
        let code = found.get(4).or_else(|| found.get(5)).map_or("", |m| m.as_str());
        let like_ruff = fixable || found[7].starts_with(|c: char| c.is_uppercase() || c == '`');
        // flake8 says `E999 SyntaxError: …` and `D100 Missing …` alike; the first is never ruff's.
        if !like_ruff || code == "E999" || code == "E902" && found[7].contains("Error: ") {
            return None;
        }
        let code = if code == "SyntaxError" { "invalid-syntax" } else { code };
        return Some((
            read_finding(code, &found[7], &found[1], &found[2], &found[3]),
            found[1].to_owned(),
            fixable,
        ));
    }
    let pylint = re!(
        r"^((?:[A-Za-z]:)?[^:]+\.pyi?):(\d+): \[([A-Z]{1,6}\d{2,5}|invalid-syntax|[a-z][a-z0-9]*(?:-[a-z0-9]+)+|assert|print|debugger)\] (.+)$"
    );
    let found = pylint.captures(text)?;
    let sentence =
        found[4].starts_with(|c: char| c.is_uppercase() || c == '`') && !found[4].starts_with("SyntaxError");
    sentence
        .then(|| (read_finding(&found[3], &found[4], &found[1], &found[2], "0"), found[1].to_owned(), false))
}

/// `::error title=ruff (F401),file=…,line=1,col=8,endLine=1,endColumn=10::a.py:1:8: F401 …`
fn command(text: &str) -> Option<FindingBuilder> {
    let found = re!(r"^::(?:error|warning) title=[Rr]uff \(([^)]+)\),([^:]*?(?:[A-Za-z]:[^:]*?)?)::(.*)$")
        .captures(text)?;
    let field = |name: &str| {
        found[2]
            .split(',')
            .find_map(|f| f.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
            .to_owned()
    };
    let message = found[3].replace("%0A", "\n").replace("%0D", "").replace("%25", "%");
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default();
    // The message repeats place and rule, and knows the column where the properties leave it out.
    let inner = re!(r"^(.+?):(?:cell \d+:)?(\d+):(\d+): (?:(?:[A-Z]\S*|\S+:) )?(.*)$").captures(first);
    let message = inner.as_ref().map_or(first, |m| m.get(4).map_or("", |w| w.as_str()));
    let mut column = field("col");
    if column.is_empty() {
        column = inner.as_ref().map_or(String::new(), |m| m[3].to_owned());
    }
    let mut finding = read_finding(&found[1], message, &field("file"), &field("line"), &column);
    finding.end_line = number(&field("endLine"));
    finding.end_column = number(&field("endColumn"));
    let file = field("file");
    Some(hint_of_message(finding, &file, lines.any(|l| l.contains("help: "))))
}

/// The fix that the words of a finding name, where no diff is printed.
fn hint_of_message(finding: FindingBuilder, file: &str, fixable: bool) -> FindingBuilder {
    let line = finding.location.as_ref().and_then(|p| p.line);
    let code = finding.code.clone().unwrap_or_default();
    if let (Some(name), Some(line)) = (unused_import(&finding.message), line) {
        let name = name.to_owned();
        let text = finding.message.clone();
        let unused = Suggestion::RemoveImport { file: file.to_owned(), line, name };
        return finding.suggest(&text, Applicability::MachineApplicable, unused);
    }
    if !fixable
        || file.is_empty()
        || file.contains([' ', '\'', '"', '$', '`'])
        || !code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    {
        return finding;
    }
    let file = crate::parser::paths::relative(file, &[]);
    // Whether rules are selected by their names depends on ruff's version.
    let run = if code.contains('-') {
        format!("ruff check --fix {file}")
    } else {
        format!("ruff check --select {code} --fix {file}")
    };
    finding.suggest("the tool fixes it", Applicability::MachineApplicable, Suggestion::Command { run })
}

fn unused_import(message: &str) -> Option<&str> {
    message.strip_prefix('`')?.split_once("` imported but unused").map(|(name, _)| name)
}

/// Replacements from the printed diff. Its numbers are the new file's.
fn changes(file: &str, diff: &[(Option<u32>, char, String)], gaps: &[usize]) -> Vec<Suggestion> {
    let mut done = Vec::new();
    let mut shift: i64 = 0;
    let mut start = 0;
    let ends = gaps.iter().copied().chain([diff.len()]);
    for end in ends.filter(|e| *e <= diff.len()) {
        let part = &diff[start.min(end)..end];
        start = end;
        let Some(first) = part.iter().find_map(|(line_number, ..)| *line_number) else {
            // Nothing but removals: no number says where.
            continue;
        };
        let mut at = i64::from(first) - shift;
        let mut change: Option<(i64, Vec<String>, Vec<String>)> = None;
        for (_, sign, text) in part {
            match sign {
                '-' => {
                    change.get_or_insert((at, Vec::new(), Vec::new())).1.push(text.clone());
                    at += 1;
                    shift -= 1;
                }
                '+' => {
                    change.get_or_insert((at, Vec::new(), Vec::new())).2.push(text.clone());
                    shift += 1;
                }
                _ => {
                    push_change(file, change.take(), &mut done);
                    at += 1;
                }
            }
        }
        push_change(file, change.take(), &mut done);
    }
    done
}

fn push_change(file: &str, change: Option<(i64, Vec<String>, Vec<String>)>, done: &mut Vec<Suggestion>) {
    if let Some((at, old, new)) = change
        && let Ok(line) = u32::try_from(at)
        && line > 0
    {
        done.push(Suggestion::ReplaceLines { file: file.to_owned(), line, old, new });
    }
}
