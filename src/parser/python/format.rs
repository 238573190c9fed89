//! Formatters that check and do not write: black, isort, `ruff format`. The diff they print is the fix.

use super::diff::Hunks;
use crate::contract::bug::{Applicability, Category, Hint, Suggestion};
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const BLACK: Tool = Tool {
    name: "black",
    triggers: &[
        r"^would reformat ",
        r"^error: cannot format ",
        r"^error: ?\S+\.(py|pyi|ipynb):[0-9]+:[0-9]+: ?cannot format",
        r"^error: cannot parse: ",
        r"^--- .+\.(py|pyi|pyx|ipynb)\t",
        r"^[0-9]+ files? would be reformatted",
    ],
    new: |_| Box::new(Formatter::new("black", "black")),
};

pub(super) const ISORT: Tool = Tool {
    name: "isort",
    triggers: &[r"^ERROR: .+ Imports are incorrectly sorted", r"^--- .+:before\t"],
    new: |_| Box::new(Formatter::new("isort", "isort")),
};

pub(super) const RUFF_FORMAT: Tool = Tool {
    name: "ruff-format",
    triggers: &[r"^Would reformat: ", r"^--- .+\.(py|pyi|pyx|ipynb)$"],
    new: |_| Box::new(Formatter::new("ruff-format", "ruff format")),
};

struct Formatter {
    tool: &'static str,
    command: &'static str,
    file: Option<String>,
    hunks: Option<Hunks>,
    /// Another tool's diffs of the same shape, told by how it marks its sides: its name and command.
    other: Option<(&'static str, &'static str)>,
    first: u64,
    last: u64,
    /// Files already reported.
    reported: Vec<String>,
    /// Files whose diff came first, to be reported when the tool names them.
    held: Vec<(String, Hunks, u64, u64)>,
}

impl Formatter {
    fn new(tool: &'static str, command: &'static str) -> Self {
        Self {
            tool,
            command,
            file: None,
            hunks: None,
            other: None,
            first: 0,
            last: 0,
            reported: Vec::new(),
            held: Vec::new(),
        }
    }

    /// The diff being read has ended.
    fn close(&mut self) {
        if let (Some(file), Some(hunks)) = (self.file.take(), self.hunks.take()) {
            self.held.push((file, hunks, self.first, self.last));
        }
    }

    fn unformatted(&mut self, file: &str, line_number: u64, out: &mut Findings) {
        self.close();
        if self.reported.iter().any(|s| s == file) {
            return;
        }
        self.reported.push(file.to_owned());
        let message =
            if self.tool == "isort" { "imports are not sorted" } else { "the file is not formatted" };
        let finding = FindingBuilder::new(self.tool, Category::Format, message);
        let held = self.held.iter().position(|(f, ..)| f == file).map(|at| self.held.remove(at));
        out.bug(match held {
            Some((_, hunks, first, last)) => {
                self.with_diff(finding, file, hunks).span(first.min(line_number), last.max(line_number))
            }
            None => self.with_command(finding.at(file, None, None), file).span(line_number, line_number),
        });
    }

    fn with_diff(&self, finding: FindingBuilder, file: &str, hunks: Hunks) -> FindingBuilder {
        let (line, changes) = hunks.finish();
        let mut finding = finding.at(file, line, None);
        if changes.is_empty() {
            // Another tool's command is not known.
            return if self.other.is_some() { finding } else { self.with_command(finding, file) };
        }
        finding.hint = Some(Hint {
            text: format!(
                "the change that {} makes",
                self.other.map_or(self.command, |(_, command)| command)
            ),
            applicability: Applicability::MachineApplicable,
            suggestions: changes,
        });
        finding
    }

    fn with_command(&self, finding: FindingBuilder, file: &str) -> FindingBuilder {
        let run = if file.contains([' ', '\'', '"', '$', '`']) {
            format!("{} .", self.command)
        } else {
            format!("{} {}", self.command, crate::parser::paths::relative(file, &[]))
        };
        finding.suggest(
            "the formatter rewrites the file",
            Applicability::MachineApplicable,
            Suggestion::Command { run },
        )
    }

    /// The diff's second side: some name the sides by a folder before the path, `original/` and `fixed/`, `before/` and
    /// `after/`.
    fn name_by(&mut self, text: &str) {
        let old = self.file.as_deref().and_then(|file| file.split_once('/'));
        let new = text.strip_prefix("+++ ").and_then(|new| new.trim_end().split_once('/'));
        if let (Some((first, old)), Some((second, file))) = (old, new)
            && old == file
            && first != second
        {
            self.hunks = Some(Hunks::new(file));
            self.file = Some(file.to_owned());
        }
    }

    /// Diffs that nothing named: the tool ran with `--diff` alone.
    fn report_held(&mut self, certain: bool, out: &mut Findings) {
        self.close();
        for (file, hunks, first, last) in std::mem::take(&mut self.held) {
            if self.reported.contains(&file) {
                // The diff came behind the line that named the file.
                let (line, changes) = hunks.finish();
                if let Some(finding) =
                    out.last_of(self.tool).filter(|d| d.location.as_ref().is_some_and(|p| p.file == file))
                {
                    if let Some(location) = &mut finding.location {
                        location.line = line;
                    }
                    finding.log.last = finding.log.last.max(last);
                    if !changes.is_empty() {
                        finding.hint = Some(Hint {
                            text: format!("the change that {} makes", self.command),
                            applicability: Applicability::MachineApplicable,
                            suggestions: changes,
                        });
                    }
                }
                continue;
            }
            let (tool, _) = self.other.unwrap_or((self.tool, self.command));
            let finding = FindingBuilder::new(tool, Category::Format, "the file is not formatted");
            let finding = self.with_diff(finding, &file, hunks).span(first, last);
            self.reported.push(file);
            // A diff alone may be anybody's: what failed is for others to say.
            out.bug(if certain || self.other.is_some() { finding } else { finding.fallback() });
        }
    }
}

/// Whose diff of the same shape it is, as the first side's name says.
fn other_printer(side: &str) -> Option<(&'static str, &'static str)> {
    match side.split_once('\t') {
        Some((_, "(original)")) => Some(("yapf", "yapf --in-place")),
        None if side.starts_with("original/") => Some(("autopep8", "autopep8 --in-place")),
        _ => None,
    }
}

/// black could not read a file.
fn cannot_parse(text: &str) -> Option<FindingBuilder> {
    let found = re!(
        r"^error: ?(?:cannot format (?P<a>.+?): (?:Cannot parse[^:]*: (?P<al>\d+):(?P<ac>\d+): )?(?P<am>.*)|(?:cannot parse: )?(?P<b>\S.*?\.(?:pyi?|ipynb)):(?P<bl>\d+):(?P<bc>\d+)(?:: ?(?P<bm>.*))?)$"
    )
    .captures(text)?;
    let file = found.name("a").or_else(|| found.name("b")).map_or("", |m| m.as_str());
    let at = found.name("al").or_else(|| found.name("bl")).and_then(|m| number(m.as_str()));
    let column = found.name("ac").or_else(|| found.name("bc")).and_then(|m| number(m.as_str()));
    let message = found.name("am").or_else(|| found.name("bm")).map_or("", |m| m.as_str());
    let message = if message.is_empty() {
        "cannot parse the file".to_owned()
    } else {
        format!("cannot parse: {message}")
    };
    let category = if at.is_some() { Category::Syntax } else { Category::Format };
    Some(FindingBuilder::new("black", category, message).at(file, at, column))
}

impl ToolParser for Formatter {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(hunks) = &mut self.hunks {
            if self.tool == "ruff-format" && line.number <= self.first + 3 && text.trim().is_empty() {
                // flynt prints the sides with a blank line behind each.
                return Response::Consumed(Next::Active);
            }
            if text.starts_with("+++ ") && self.last == self.first {
                self.last = line.number;
                if text.trim_end() == "+++" {
                    // flynt leaves the second name out.
                    self.other = Some(("flynt", "flynt"));
                }
                self.name_by(text);
                return Response::Consumed(Next::Active);
            }
            if hunks.line(text) {
                self.last = line.number;
                return Response::Consumed(Next::Active);
            }
            self.close();
            if self.tool == "isort" {
                self.report_held(false, out);
            }
        }
        if let Some(rest) = text.strip_prefix("--- ") {
            // isort marks its sides, black dates them, ruff does neither.
            let printer = match rest.split_once('\t') {
                Some((file, _)) if file.ends_with(":before") => "isort",
                Some(_) => "black",
                None => "ruff-format",
            };
            if printer != self.tool {
                return Response::Declined(Next::Idle);
            }
            self.other = other_printer(rest);
            let file = rest.split('\t').next().unwrap_or(rest).trim_end();
            let file = file.strip_suffix(":before").unwrap_or(file);
            self.file = Some(file.to_owned());
            self.hunks = Some(Hunks::new(file));
            (self.first, self.last) = (line.number, line.number);
            return Response::Consumed(Next::Active);
        }
        if let Some(file) =
            text.strip_prefix("would reformat ").or_else(|| text.strip_prefix("Would reformat: "))
        {
            if file.ends_with(".go") {
                return Response::Declined(Next::Idle);
            }
            self.unformatted(file.trim(), line.number, out);
            return Response::Consumed(Next::Active);
        }
        if let Some(rest) = text.strip_prefix("ERROR: ")
            && let Some((file, _)) = rest.split_once(" Imports are incorrectly sorted")
        {
            self.unformatted(file, line.number, out);
            return Response::Consumed(Next::Active);
        }
        if self.tool == "black"
            && let Some(finding) = cannot_parse(text)
        {
            self.close();
            out.bug(finding);
            return Response::Consumed(Next::Active);
        }
        let summary = text.contains("would be reformatted")
            || text.contains("already formatted")
            || text.starts_with("All done!")
            || text.starts_with("Would fix ") && text.contains(" error")
            || text.contains("would be left unchanged");
        if summary || text.starts_with("Oh no!") {
            self.report_held(true, out);
            return Response::Consumed(Next::Idle);
        }
        if self.hunks.is_none() && self.held.is_empty() {
            Response::Declined(Next::Idle)
        } else {
            Response::Declined(Next::Active)
        }
    }

    fn finish(&mut self, out: &mut Findings) {
        self.report_held(false, out);
    }
}
