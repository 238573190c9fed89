//! The TypeScript compiler, plain (`a.ts(3,5): error TS2304: …`) and pretty (`a.ts:3:5 - error TS2304: …` with the
//! source under it), and the tools that print its diagnostics: vue-tsc, ts-node, Angular, ts-loader.
//!
//! Pretty output adds the marked source, from which hints take the text a column points at.

use std::sync::LazyLock;

use regex::Regex;

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::registry::{Next, Response, ToolParser};
use super::frames;
use super::hints::{self, hint, quoted};
use crate::contract::bug::{Applicability, Category, Hint, Location, Severity, Suggestion};

static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^\s*(?:(?:Error:|ERROR\ in|\[tsl\]\ (?:ERROR|WARNING)\ in)\s+)?
        (?P<path>\S.*?)
        (?:\((?P<l1>\d+),(?P<c1>\d+)\)|:(?P<l2>\d+):(?P<c2>\d+))\s*
        (?::|\ -)\s*(?P<sev>error|warning|message|info)\s+(?P<code>TS\d+)\s*:\s(?P<msg>.*)$",
    )
    .expect("a literal")
});

static GLOBAL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*(?:Error: )?error (?P<code>TS\d+): (?P<msg>.*)$").expect("a literal"));

/// `ERROR in src/a.ts:6:35` of the checker plugins of webpack; the code stands on the next line.
static CHECKER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:ERROR|\[tsl\] ERROR) in (?P<path>\S+?)(?::(?P<l>\d+):(?P<c>\d+)| ?\(?(?P<l2>\d+)[:,](?P<c2>\d+)(?:-[\d:]+)?\)?)$")
        .expect("a literal")
});

static CODE_LINE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*(?P<code>TS\d+): (?P<msg>.*)$").expect("a literal"));

/// Lines that trigger [`Tsc`].
pub(super) const TRIGGERS: &[&str] = &[
    r"^\S+\([0-9]+,[0-9]+\)\s*: (error|warning) TS[0-9]+",
    r"^(Error: |ERROR in )?\S+:[0-9]+:[0-9]+ - (error|warning)\s+TS[0-9]+: ",
    r"^\s*(Error: )?error TS[0-9]+: ",
    r"^\[tsl\] ERROR in ",
    r"^ERROR in \S+:[0-9]+:[0-9]+$",
];

/// One diagnostic, as printed so far.
struct Diagnostic {
    finding: FindingBuilder,
    code: String,
    /// The marked source line and the marked text in it.
    marked: Option<(String, String)>,
    source: Option<String>,
    /// The number of the source line drawn last.
    drawn: Option<u32>,
    /// Related information has begun: what follows is no longer the message.
    related: bool,
}

#[derive(Default)]
pub(super) struct Tsc {
    open: Option<Diagnostic>,
    /// A header of a checker plugin that waits for its code.
    location: Option<(Location, u64)>,
    /// The source and the list of files are only printed in pretty mode.
    pretty: bool,
}

impl ToolParser for Tsc {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(found) = header(text) {
            self.close(out);
            self.pretty = found.pretty;
            self.open = Some(found.open(line.number));
            return Response::Consumed(Next::Active);
        }
        if let Some((location, first)) = self.location.take() {
            if let Some(caps) = CODE_LINE.captures(text) {
                self.open =
                    Some(Diagnostic::new(Some(location), "error", &caps["code"], &caps["msg"], first));
                return Response::Consumed(Next::Active);
            }
            return Response::Declined(Next::Idle);
        }
        if let Some(caps) = CHECKER.captures(text) {
            self.close(out);
            let number = |a, b| caps.name(a).or_else(|| caps.name(b)).and_then(|m| m.as_str().parse().ok());
            if let (Some(l), c) = (number("l", "l2"), number("c", "c2")) {
                self.location = Some((location(frames::clean(&caps["path"]), Some(l), c), line.number));
                return Response::Consumed(Next::Active);
            }
        }
        if let Some(caps) = GLOBAL.captures(text) {
            self.close(out);
            self.open = Some(Diagnostic::new(None, "error", &caps["code"], &caps["msg"], line.number));
            return Response::Consumed(Next::Active);
        }
        if is_summary(text) {
            self.close(out);
            return Response::Consumed(Next::Active);
        }
        let pretty = self.pretty;
        if self.open.as_mut().is_some_and(|open| open.more(text, line.number, pretty)) {
            return Response::Consumed(Next::Active);
        }
        self.close(out);
        // `     8  src/main.ts:1` under `Errors  Files`
        if pretty && is_file_count(text) {
            Response::Consumed(Next::Active)
        } else {
            Response::Declined(Next::Idle)
        }
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

impl Tsc {
    fn close(&mut self, out: &mut Findings) {
        if let Some(open) = self.open.take() {
            out.bug(open.into_finding());
        }
    }
}

/// The first line of a diagnostic.
pub(super) struct Header<'a> {
    path: &'a str,
    line: u32,
    column: u32,
    severity: &'a str,
    code: &'a str,
    message: &'a str,
    pretty: bool,
}

pub(super) fn header(text: &str) -> Option<Header<'_>> {
    if !text.contains("TS") {
        return None;
    }
    let caps = HEADER.captures(text)?;
    let get = |name| caps.name(name).map(|m| m.as_str());
    Some(Header {
        path: get("path")?,
        line: get("l1").or(get("l2"))?.parse().ok()?,
        column: get("c1").or(get("c2"))?.parse().ok()?,
        severity: get("sev")?,
        code: get("code")?,
        message: get("msg")?,
        pretty: get("l2").is_some(),
    })
}

impl Header<'_> {
    fn open(&self, line_number: u64) -> Diagnostic {
        let location = location(frames::clean(self.path), Some(self.line), Some(self.column));
        Diagnostic::new(Some(location), self.severity, self.code, self.message, line_number)
    }

    /// The report of the first line alone, for runners that print diagnostics within their own blocks.
    pub(super) fn finding(&self, line_number: u64) -> FindingBuilder {
        self.open(line_number).into_finding()
    }
}

impl Diagnostic {
    fn new(location: Option<Location>, severity: &str, code: &str, message: &str, line_number: u64) -> Self {
        let severity = if severity == "error" { Severity::Error } else { Severity::Warning };
        let mut finding = FindingBuilder::new("tsc", category(code), message.trim_end())
            .code(code)
            .severity(severity)
            .span(line_number, line_number);
        finding.location = location;
        Self { finding, code: code.to_owned(), marked: None, source: None, drawn: None, related: false }
    }

    fn message_line(&mut self, text: &str, line_number: u64) {
        self.finding.message.push('\n');
        self.finding.message.push_str(text);
        self.finding.log.last = line_number;
    }

    /// Takes what belongs to the diagnostic; whether it did.
    fn more(&mut self, text: &str, line_number: u64, pretty: bool) -> bool {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            // A blank line ends a plain diagnostic; in a pretty one the source follows it.
            return pretty;
        }
        if !pretty {
            if !text.starts_with("  ") || frames::frame(text).is_some() {
                return false;
            }
            self.message_line(text.trim_end(), line_number);
            return true;
        }
        let indented = text.starts_with(' ');
        let numbered =
            text.trim_start().split(' ').next().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
        if trimmed.bytes().all(|b| b == b'~') {
            if !self.related {
                // Each line of a span has its marks; the last one ends it.
                let from = self.finding.location.as_ref().and_then(|at| at.line);
                self.finding.end_line = self.drawn.filter(|line| Some(*line) > from);
            }
            if let (None, false, Some(source)) = (&self.marked, self.related, self.source.take()) {
                let start = text.len() - text.trim_start().len();
                let marked: String = source.chars().skip(start).take(trimmed.len()).collect();
                self.marked = Some((source, marked));
            }
        } else if numbered {
            // `6 const user = …`: the number takes as many columns in the line of marks.
            let width = text.len() - text.trim_start().len() + trimmed.split(' ').next().map_or(0, str::len);
            let blank = " ".repeat(width);
            self.drawn = trimmed.split(' ').next().and_then(number);
            self.source = Some(format!("{blank}{}", &text[width..]));
        } else if trimmed == "..." {
        } else if !indented {
            return false;
        } else if let Some(found) = frames::location(trimmed).filter(|_| !trimmed.contains(' ')) {
            self.finding.related.push(found);
            self.related = true;
        } else if self.source.is_none() && self.marked.is_none() && !self.related {
            self.message_line(text.trim_end(), line_number);
        }
        self.finding.log.last = line_number;
        true
    }

    fn into_finding(mut self) -> FindingBuilder {
        self.finding.hint = hint_of(&self);
        self.finding
    }
}

fn is_summary(text: &str) -> bool {
    let text = text.trim();
    (text.starts_with("Found ") && text.contains(" error"))
        || (text.starts_with("Errors ") && text.ends_with(" Files"))
}

fn is_file_count(text: &str) -> bool {
    let mut words = text.split_whitespace();
    words.next().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
        && words.next().is_some()
        && words.next().is_none()
}

/// What kind of failure a code is. 1xxx are the parser's, 5xxx and 6053 the options', 61xx unused names.
pub(super) fn category(code: &str) -> Category {
    match code.trim_start_matches("TS").parse::<u32>().unwrap_or(0) {
        1192
        | 1259
        | 1261
        | 1286
        | 1295
        | 1471
        | 1479
        | 1541
        | 1542
        | 2305
        | 2306
        | 2307
        | 2459
        | 2460
        | 2497
        | 2595..=2598
        | 2613
        | 2614
        | 2616
        | 2617
        | 2691
        | 2724
        | 2792
        | 2834
        | 2835
        | 2876
        | 2877
        | 5097
        | 7016 => Category::Import,
        1000..=1999 | 17000..=17999 => Category::Syntax,
        2688 | 5000..=5999 | 6046..=6059 | 6064 | 6231 | 6304..=6310 | 6369 | 6370 | 6377 | 18000..=18003 => {
            Category::Configuration
        }
        6133 | 6138 | 6192 | 6196 | 6198 | 6199 | 6205 => Category::Lint,
        _ => Category::Type,
    }
}

/// The fix that a message determines.
fn hint_of(diagnostic: &Diagnostic) -> Option<Hint> {
    let message = diagnostic.finding.message.lines().next()?;
    let number: u32 = diagnostic.code.trim_start_matches("TS").parse().ok()?;
    if let Some(package) = install_command(message) {
        return Some(hint(
            message,
            Applicability::MaybeIncorrect,
            Suggestion::AddDependency { name: package },
        ));
    }
    let location = diagnostic.finding.location.as_ref()?;
    let (file, line, column) = (location.file.clone(), location.line?, location.column);
    match number {
        1005 => {
            let (token, _) = quoted(message, 0)?;
            let certain = matches!(token, ";" | ")");
            let applicability =
                if certain { Applicability::MachineApplicable } else { Applicability::MaybeIncorrect };
            let token = token.to_owned();
            Some(hint(message, applicability, Suggestion::ExpectedToken { file, line, column, token }))
        }
        2307 | 7016 => {
            let (specifier, _) = quoted(message, 0)?;
            if hints::is_builtin(specifier) {
                let name = "@types/node".to_owned();
                return Some(hint(
                    message,
                    Applicability::MaybeIncorrect,
                    Suggestion::AddDependency { name },
                ));
            }
            if number == 7016 {
                return None;
            }
            hints::missing_module(message, specifier)
        }
        6133 => {
            let (name, _) = quoted(message, 0)?;
            // The column of an import whose only name is unused is that of the statement; nothing else that can be
            // unused begins with its name's statement.
            let import = match &diagnostic.marked {
                Some((source, _)) => source.trim_start().starts_with("import "),
                None => column == Some(1),
            };
            let name = name.to_owned();
            import.then(|| {
                hint(message, Applicability::MachineApplicable, Suggestion::RemoveImport { file, line, name })
            })
        }
        6192 => Some(hint(
            message,
            Applicability::MachineApplicable,
            Suggestion::RemoveLine { file, line, name: None },
        )),
        _ => did_you_mean(diagnostic, message, &file, line),
    }
}

/// `Did you mean 'x'?`: what it replaces is named in the message, or is the marked text.
fn did_you_mean(diagnostic: &Diagnostic, message: &str, file: &str, line: u32) -> Option<Hint> {
    let at = message.rfind("Did you mean ")?;
    let (new, new_at) = quoted(message, at)?;
    // `Did you mean to call it?`, `Did you mean 'implements'?` and `… to mark this function as 'async'?` are prose.
    let direct = &message[at + "Did you mean ".len()..new_at - 1];
    if !(direct.is_empty()
        || direct == "to write "
        || direct == "the static member "
        || direct == "the instance member ")
    {
        return None;
    }
    let column = diagnostic.finding.location.as_ref().and_then(|p| p.column);
    let before = &message[..at];
    let marked = diagnostic.marked.as_ref().map(|(_, text)| text.as_str());
    let (old, column) = if message.contains("explicit file extension") {
        // The specifier itself, without quotes: the column is that of the quote.
        let old = new.rsplit_once('.').map(|(stem, _)| stem)?;
        let old = old
            .strip_suffix("/index")
            .filter(|_| marked.is_some_and(|m| !m.contains("/index")))
            .unwrap_or(old);
        (old.to_owned(), column.map(|c| c + 1))
    } else if let Some(name) = misspelt(before) {
        (name.to_owned(), column.filter(|_| marked.is_none_or(|m| m.starts_with(name))))
    } else {
        (marked?.to_owned(), column)
    };
    let suggestion =
        Suggestion::ReplaceText { file: file.to_owned(), line, column, old, new: new.to_owned() };
    Some(hint(message, Applicability::MachineApplicable, suggestion))
}

/// The name that is wrong, from the words around it.
fn misspelt(before: &str) -> Option<&str> {
    for lead in [
        "exported member named ",
        "exported member ",
        "Cannot find name ",
        "Cannot find namespace ",
        "Property ",
        "but ",
        "Type ",
    ] {
        if let Some(at) = before.find(lead)
            && before[at + lead.len()..].starts_with('\'')
        {
            return quoted(before, at + lead.len()).map(|(name, _)| name);
        }
    }
    None
}

/// ``Try `npm i --save-dev @types/node` ``: the package.
fn install_command(message: &str) -> Option<String> {
    let at = message.find("npm i --save-dev @types/")?;
    let name = message[at..].split_whitespace().nth(3)?;
    let name = name.trim_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '@'));
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn a_span_over_several_lines_has_its_end() {
        let log = "\
src/a.ts:3:5 - error TS2345: Argument of type '{ a: number; }' is not assignable to parameter of type 'B'.

3     call({
      ~~~~~~
4       a: 1,
  ~~~~~~~~~~~
5     });
  ~~~~~

src/b.ts:7:3 - error TS2304: Cannot find name 'x'.

7   x();
    ~


Found 2 errors in 2 files.
";
        let found = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap();
        let ends: Vec<_> = found.bugs.iter().map(|bug| (bug.line, bug.end_line)).collect();
        assert_eq!(ends, [(Some(3), Some(5)), (Some(7), None)]);
    }
}
