//! CPython's tracebacks: plain, chained, exception groups, syntax errors that have no traceback, faulthandler's.
//!
//! [`Trace`] reads one traceback line by line and is shared with the test runners; [`Python`] is the machine for
//! those that stand alone. An exception somebody logged looks exactly like one that ended the program, so a lone
//! traceback counts only where no runner or linter knows better.

use super::exception::Raised;
use crate::contract::bug::{Applicability, Category, Location, Suggestion};
use crate::parser::findings::{FindingBuilder, Findings, location, number};
use crate::parser::lines::Line;
use crate::parser::paths::is_own;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

/// Frames kept of one stack, from each end: enough for any recursion.
const MAX_FRAMES: usize = 200;
/// Lines of a message that are waited through for the next exception of a chain.
const MAX_MESSAGE_LINES: u32 = 60;

pub(super) const PYTHON: Tool = Tool {
    name: "python",
    triggers: &[
        r"^[ |]*(\+ Exception Group )?Traceback \(most recent call last\):",
        r#"^(\*\*\* )?  File "[^"]+", line [0-9]+$"#,
        r"^\*\*\* Error compiling '",
        r"^Fatal Python error: ",
        r"^\S*python[0-9.]*(\.exe)?: (can't open file|No module named|Error while finding module|can't find '__main__')",
        r"^ModuleNotFoundError: No module named ",
    ],
    new: |_| Box::new(Python::default()),
};

/// File, line and function of `  File "a.py", line 3, in f`; faulthandler writes it without the second comma.
pub(super) fn frame(text: &str) -> Option<(&str, u32, Option<&str>)> {
    if !text.trim_start().starts_with("File \"") {
        return None;
    }
    let found = re!(r#"^\s*File "([^"]+)", line (\d+)(?:,? in (.+))?\s*$"#).captures(text)?;
    let line = number(found.get(2)?.as_str())?;
    Some((found.get(1)?.as_str(), line, found.get(3).map(|m| m.as_str().trim())))
}

/// Takes away the frame that exception groups are drawn with: `    | `, `  + `, `+-+---- 1 ----`.
fn undraw(text: &str) -> &str {
    let inner = text.trim_start();
    inner
        .strip_prefix("| ")
        .or_else(|| inner.strip_prefix("+ "))
        .or_else(|| (inner == "|").then_some(""))
        .unwrap_or(text)
}

pub(super) fn is_chain_link(text: &str) -> bool {
    let text = text.trim();
    text == "The above exception was the direct cause of the following exception:"
        || text == "During handling of the above exception, another exception occurred:"
}

/// One traceback, chained exceptions included.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// Outermost call first.
    pub(super) frames: Vec<Location>,
    /// Functions of `frames`.
    pub(super) functions: Vec<Option<String>>,
    /// Frames of the exceptions that led to this one.
    pub(super) before: Vec<Location>,
    pub(super) raised: Option<Raised>,
    source: Option<String>,
    caret: Option<(usize, usize)>,
}

impl Trace {
    /// Reads a line between `Traceback` and the exception. False where it cannot belong to a traceback.
    /// After the exception's line `raised` is set.
    pub(super) fn line(&mut self, text: &str) -> bool {
        if let Some((file, line, function)) = frame(text) {
            self.push(file, line, function);
            (self.source, self.caret) = (None, None);
            return true;
        }
        let indented = text.starts_with("    ") || text.starts_with("   ");
        if indented || text.starts_with("  [Previous line repeated") {
            self.detail(text);
            return true;
        }
        if text.trim().is_empty() {
            return true;
        }
        if let Some(mut raised) = Raised::read(text.trim_start()) {
            self.mark(&mut raised);
            self.raised = Some(raised);
            return true;
        }
        false
    }

    /// A source line or the carets under it.
    pub(super) fn detail(&mut self, text: &str) {
        let body = text.trim();
        if !body.is_empty() && body.bytes().all(|b| matches!(b, b'^' | b'~' | b' ')) && body.contains('^') {
            if let Some(source) = &self.source {
                // `source` is kept with its indentation until the carets are known.
                let indent = source.chars().take_while(|c| c.is_whitespace()).count();
                let start = text.chars().take_while(|c| c.is_whitespace()).count().saturating_sub(indent);
                self.caret = Some((start, start + body.chars().count()));
                self.source = Some(source.trim().to_owned());
            }
        } else if self.source.is_none() || self.caret.is_none() {
            self.source = Some(text.trim_end().to_owned());
        }
    }

    pub(super) fn push(&mut self, file: &str, line: u32, function: Option<&str>) {
        if self.frames.len() >= MAX_FRAMES {
            self.frames.remove(MAX_FRAMES / 2);
            self.functions.remove(MAX_FRAMES / 2);
        }
        self.frames.push(location(file, Some(line), None));
        self.functions.push(function.map(str::to_owned));
    }

    /// Hands the last source line and carets to an exception that was read elsewhere.
    pub(super) fn mark(&mut self, raised: &mut Raised) {
        raised.source = self.source.take().map(|s| s.trim().to_owned());
        raised.caret = self.caret.take();
    }

    /// The next exception of the chain begins.
    pub(super) fn link(&mut self) {
        self.before.append(&mut self.frames);
        self.before.truncate(MAX_FRAMES);
        self.functions.clear();
        self.raised = None;
        (self.source, self.caret) = (None, None);
    }

    /// The deepest frame that is no library's.
    pub(super) fn own(&self) -> Option<&Location> {
        self.frames.iter().rev().find(|f| is_own(&f.file))
    }

    /// A finding of what was raised: deepest frames first, the chain's earlier ones beside it.
    pub(super) fn finding(&self, tool: &'static str, otherwise: Category) -> FindingBuilder {
        let raised = self.raised.clone().unwrap_or_default();
        let message =
            if raised.kind.is_empty() { "the program crashed".to_owned() } else { raised.message() };
        let mut finding = FindingBuilder::new(tool, raised.category(otherwise), message);
        if !raised.kind.is_empty() {
            finding = finding.code(raised.kind.clone());
        }
        finding.frames = self.frames.iter().rev().chain(self.before.iter().rev()).cloned().collect();
        // The words of an exception are about the line that raised it; a library's line is not ours to fix.
        if let (Some(own), Some(last)) = (self.own(), self.frames.last())
            && (own == last || raised.category(Category::Unknown) == Category::Import)
            && let Some(line) = own.line
        {
            finding = raised.hint(finding, &own.file, line);
        }
        finding
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    /// Between `Traceback` and the exception.
    Stack,
    /// Behind the exception: another one of the chain may follow.
    Raised { lines: u32, blank: bool },
    /// `Current thread …`: deepest call first.
    Fault,
    /// Behind `*** Error compiling 'x'...`.
    Compiling,
}

#[derive(Default)]
struct Python {
    state: State,
    trace: Trace,
    first: u64,
    last: u64,
    /// A traceback had its head line: without it, only a syntax error is one.
    headed: bool,
    /// It stands in an exception group's frame; else code may begin as that frame does.
    drawn: bool,
    /// Blanks before its head line, and so before the others.
    indent: usize,
    /// Frames of the exception group whose parts are being read.
    group: Option<Vec<Location>>,
    /// The group as a finding of its own, should no part have a place.
    pending_group: Option<FindingBuilder>,
    compiling: Option<String>,
}

impl Python {
    fn start(&mut self, line: &Line<'_>, headed: bool) {
        self.trace = Trace::default();
        self.first = line.number;
        self.last = line.number;
        self.headed = headed;
        self.drawn = undraw(line.text) != line.text;
        let blanks = line.text.len() - line.text.trim_start_matches(' ').len();
        self.indent = if headed && !self.drawn { blanks } else { 0 };
        self.state = State::Stack;
    }

    fn report(&mut self, out: &mut Findings) {
        self.state = State::Idle;
        let trace = std::mem::take(&mut self.trace);
        let Some(raised) = &trace.raised else { return };
        if raised.kind == "KeyboardInterrupt" || raised.kind == "SystemExit" {
            return;
        }
        let syntax = matches!(raised.category(Category::Unknown), Category::Syntax | Category::Indentation);
        let mut finding = trace.finding("python", Category::Runtime).span(self.first, self.last);
        if !syntax {
            finding = finding.fallback();
        }
        match &mut self.group {
            // The group itself: its parts follow.
            Some(frames) if frames.is_empty() && self.pending_group.is_none() => {
                *frames = trace.frames;
                self.pending_group = Some(finding);
            }
            Some(frames) => {
                if !trace.frames.is_empty() {
                    self.pending_group = None;
                    finding.related.extend(frames.iter().cloned());
                    out.bug(finding);
                }
            }
            None => out.bug(finding),
        }
    }

    fn close_group(&mut self, out: &mut Findings) {
        self.group = None;
        if let Some(finding) = self.pending_group.take() {
            out.bug(finding);
        }
    }

    fn idle(&mut self, line: &Line<'_>, text: &str, out: &mut Findings) -> Response {
        if text.contains("Traceback (most recent call last):") {
            if text.contains("Exception Group Traceback")
                || line.text.trim_start().starts_with("+ Exception Group")
            {
                self.close_group(out);
                self.group = Some(Vec::new());
            } else if self.group.is_some() && !line.text.trim_start().starts_with('|') {
                self.close_group(out);
            }
            self.start(line, true);
            return Response::Consumed(Next::Active);
        }
        if frame(text).is_some() {
            self.start(line, false);
            self.trace.line(text);
            return Response::Consumed(Next::Active);
        }
        if let Some(rest) = text.strip_prefix("*** Error compiling '") {
            self.compiling = rest.split('\'').next().map(str::to_owned);
            self.first = line.number;
            self.state = State::Compiling;
            return Response::Consumed(Next::Active);
        }
        if let Some(message) = text.strip_prefix("Fatal Python error: ") {
            self.start(line, true);
            self.state = State::Fault;
            self.trace.raised =
                Some(Raised { kind: "Fatal".into(), text: message.into(), ..Raised::default() });
            return Response::Consumed(Next::Active);
        }
        if self.group.is_some() && text.trim_start().starts_with("+-") {
            if !text.contains("---- ") {
                self.close_group(out);
                return Response::Consumed(Next::Idle);
            }
            return Response::Consumed(Next::Active);
        }
        if let Some((_, rest)) = text.split_once(": ").filter(|(head, _)| head.contains("python")) {
            if let Some(name) = rest.strip_prefix("No module named ") {
                let name = name.trim_matches(['\'', '"']);
                let finding =
                    FindingBuilder::new("python", Category::Import, format!("no module named {name}"));
                let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
                let wanted = Suggestion::AddDependency { name: name.to_owned() };
                let finding = finding.code("ModuleNotFoundError");
                out.bug(if plain {
                    finding.suggest(rest, Applicability::MaybeIncorrect, wanted)
                } else {
                    finding
                });
                return Response::Consumed(Next::Idle);
            }
            out.bug(FindingBuilder::new("python", Category::Configuration, rest));
            return Response::Consumed(Next::Idle);
        }
        if let Some(raised) = Raised::read(text).filter(|r| r.kind == "ModuleNotFoundError") {
            // What printed it swallowed the stack.
            let finding = FindingBuilder::new("python", Category::Import, raised.message())
                .code("ModuleNotFoundError")
                .fallback();
            out.bug(raised.hint(finding, "", 0));
            return Response::Consumed(Next::Idle);
        }
        Response::Declined(Next::Idle)
    }

    /// `Sorry: IndentationError: unexpected indent (a.py, line 3)`.
    fn sorry(&mut self, text: &str, out: &mut Findings) -> bool {
        let Some(rest) = text.strip_prefix("Sorry: ") else { return false };
        let Some((message, at)) = rest.rsplit_once(" (") else { return false };
        let line = at.trim_end_matches(')').rsplit_once("line ").and_then(|(_, n)| number(n));
        let (Some(raised), Some(line), Some(file)) = (Raised::read(message), line, self.compiling.take())
        else {
            return false;
        };
        self.trace = Trace { raised: Some(raised), ..Trace::default() };
        self.trace.push(&file, line, None);
        self.report(out);
        true
    }
}

impl ToolParser for Python {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        // compileall marks the place of what it cannot compile.
        let text = line.text.strip_prefix("*** ").filter(|rest| frame(rest).is_some());
        let is_plain = self.state == State::Stack && !self.drawn;
        let text = text.unwrap_or_else(|| if is_plain { line.text } else { undraw(line.text) });
        match &mut self.state {
            State::Idle => self.idle(line, text, out),
            State::Compiling => {
                if self.sorry(text, out) {
                    return Response::Consumed(Next::Idle);
                }
                self.state = State::Idle;
                if frame(text).is_some() {
                    self.idle(line, text, out)
                } else {
                    Response::Declined(Next::Idle)
                }
            }
            State::Stack => {
                // What prints others' tracebacks may indent them whole.
                let inner = text.split_at_checked(self.indent).filter(|(blanks, _)| blanks.trim().is_empty());
                let text = inner.map_or(text, |(_, inner)| inner);
                if text.contains("Traceback (most recent call last):") {
                    return self.idle(line, text, out);
                }
                // Doctest and loggers indent whole tracebacks.
                if !self.trace.line(text) {
                    self.state = State::Idle;
                    self.trace = Trace::default();
                    return Response::Declined(Next::Idle);
                }
                self.last = line.number;
                let Some(raised) = &self.trace.raised else { return Response::Consumed(Next::Active) };
                let syntax =
                    matches!(raised.category(Category::Unknown), Category::Syntax | Category::Indentation);
                if !self.headed && !syntax {
                    self.state = State::Idle;
                    self.trace = Trace::default();
                    return Response::Declined(Next::Idle);
                }
                self.state = State::Raised { lines: 0, blank: false };
                Response::Consumed(Next::Active)
            }
            State::Raised { lines, blank } => {
                if is_chain_link(text) {
                    self.trace.link();
                    self.state = State::Stack;
                    return Response::Consumed(Next::Active);
                }
                if text.trim().is_empty() {
                    *blank = true;
                    return Response::Declined(Next::Active);
                }
                *lines += 1;
                let part_of_group = self.group.is_some() && line.text.trim_start().starts_with(['|', '+']);
                let new_stack = text.contains("Traceback (most recent call last):") || frame(text).is_some();
                let over = *blank || *lines > MAX_MESSAGE_LINES || part_of_group || new_stack;
                // A message of several lines may be followed by a blank line and the next of the chain.
                if !over {
                    return Response::Declined(Next::Active);
                }
                self.report(out);
                self.idle(line, text, out)
            }
            State::Fault => {
                if let Some((file, at, function)) = frame(text) {
                    // Deepest first here, outermost first in `Trace`.
                    self.trace.frames.insert(0, location(file, Some(at), None));
                    self.trace.functions.insert(0, function.map(str::to_owned));
                    self.trace.frames.truncate(MAX_FRAMES);
                    self.last = line.number;
                    return Response::Consumed(Next::Active);
                }
                if text.trim().is_empty() && self.trace.frames.is_empty()
                    || text.starts_with("Current thread ")
                    || text.starts_with("Python runtime state")
                {
                    return Response::Consumed(Next::Active);
                }
                self.report(out);
                Response::Declined(Next::Idle)
            }
        }
    }

    fn finish(&mut self, out: &mut Findings) {
        if matches!(self.state, State::Raised { .. } | State::Fault) {
            self.report(out);
        }
        self.close_group(out);
    }
}
