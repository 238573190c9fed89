//! Formatters that check and do not write: black, isort, `ruff format`. The diff they print is the fix.

use super::diff::Hunks;
use crate::contract::bug::{Applicability, Category, Hint, Suggestion};
use crate::parser::findings::{Draft, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Flow, Tool, ToolParser};

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
    new: || Box::new(Formatter::new("black", "black")),
};

pub(super) const ISORT: Tool = Tool {
    name: "isort",
    triggers: &[r"^ERROR: .+ Imports are incorrectly sorted", r"^--- .+:before\t"],
    new: || Box::new(Formatter::new("isort", "isort")),
};

pub(super) const RUFF_FORMAT: Tool = Tool {
    name: "ruff-format",
    triggers: &[r"^Would reformat: ", r"^--- .+\.(py|pyi|pyx|ipynb)$"],
    new: || Box::new(Formatter::new("ruff-format", "ruff format")),
};

struct Formatter {
    tool: &'static str,
    command: &'static str,
    file: Option<String>,
    hunks: Option<Hunks>,
    first: u64,
    last: u64,
    /// Files already reported.
    said: Vec<String>,
    /// Files whose diff came first, to be reported when the tool names them.
    held: Vec<(String, Hunks, u64, u64)>,
}

impl Formatter {
    fn new(tool: &'static str, command: &'static str) -> Self {
        Self { tool, command, file: None, hunks: None, first: 0, last: 0, said: Vec::new(), held: Vec::new() }
    }

    /// The diff being read has ended.
    fn close(&mut self) {
        if let (Some(file), Some(hunks)) = (self.file.take(), self.hunks.take()) {
            self.held.push((file, hunks, self.first, self.last));
        }
    }

    fn unformatted(&mut self, file: &str, no: u64, out: &mut Findings) {
        self.close();
        if self.said.iter().any(|s| s == file) {
            return;
        }
        self.said.push(file.to_owned());
        let message =
            if self.tool == "isort" { "imports are not sorted" } else { "the file is not formatted" };
        let draft = Draft::new(self.tool, Category::Format, message);
        let held = self.held.iter().position(|(f, ..)| f == file).map(|at| self.held.remove(at));
        out.bug(match held {
            Some((_, hunks, first, last)) => {
                self.with_diff(draft, file, hunks).span(first.min(no), last.max(no))
            }
            None => self.with_command(draft.at(file, None, None), file).span(no, no),
        });
    }

    fn with_diff(&self, draft: Draft, file: &str, hunks: Hunks) -> Draft {
        let (line, changes) = hunks.finish();
        let mut draft = draft.at(file, line, None);
        if changes.is_empty() {
            return self.with_command(draft, file);
        }
        draft.hint = Some(Hint {
            text: format!("the change that {} makes", self.command),
            applicability: Applicability::MachineApplicable,
            suggestions: changes,
        });
        draft
    }

    fn with_command(&self, draft: Draft, file: &str) -> Draft {
        let run = if file.contains([' ', '\'', '"', '$', '`']) {
            format!("{} .", self.command)
        } else {
            format!("{} {}", self.command, crate::parser::paths::relative(file, &[]))
        };
        draft.suggest(
            "the formatter rewrites the file",
            Applicability::MachineApplicable,
            Suggestion::Command { run },
        )
    }

    /// Diffs that nothing named: the tool ran with `--diff` alone.
    fn say_held(&mut self, certain: bool, out: &mut Findings) {
        self.close();
        for (file, hunks, first, last) in std::mem::take(&mut self.held) {
            if self.said.contains(&file) {
                // The diff came behind the line that named the file.
                let (line, changes) = hunks.finish();
                if let Some(draft) =
                    out.last_of(self.tool).filter(|d| d.place.as_ref().is_some_and(|p| p.file == file))
                {
                    if let Some(place) = &mut draft.place {
                        place.line = line;
                    }
                    draft.log.last = draft.log.last.max(last);
                    if !changes.is_empty() {
                        draft.hint = Some(Hint {
                            text: format!("the change that {} makes", self.command),
                            applicability: Applicability::MachineApplicable,
                            suggestions: changes,
                        });
                    }
                }
                continue;
            }
            let draft = Draft::new(self.tool, Category::Format, "the file is not formatted");
            let draft = self.with_diff(draft, &file, hunks).span(first, last);
            self.said.push(file);
            // A diff alone may be anybody's: what failed is for others to say.
            out.bug(if certain { draft } else { draft.fallback() });
        }
    }
}

impl ToolParser for Formatter {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text;
        if let Some(hunks) = &mut self.hunks {
            if text.starts_with("+++ ") && self.last == self.first {
                self.last = line.no;
                // autopep8 names the sides by a folder before the path.
                if let Some(fixed) = text.strip_prefix("+++ fixed/")
                    && self.file.as_deref().and_then(|f| f.strip_prefix("original/")) == Some(fixed)
                {
                    self.file = Some(fixed.to_owned());
                    self.hunks = Some(Hunks::new(fixed));
                }
                return Flow::Take;
            }
            if hunks.line(text) {
                self.last = line.no;
                return Flow::Take;
            }
            self.close();
            if self.tool == "isort" {
                self.say_held(false, out);
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
                return Flow::Rest;
            }
            let file = rest.split('\t').next().unwrap_or(rest).trim_end();
            let file = file.strip_suffix(":before").unwrap_or(file);
            self.file = Some(file.to_owned());
            self.hunks = Some(Hunks::new(file));
            (self.first, self.last) = (line.no, line.no);
            return Flow::Take;
        }
        if let Some(file) =
            text.strip_prefix("would reformat ").or_else(|| text.strip_prefix("Would reformat: "))
        {
            if file.ends_with(".go") {
                return Flow::Rest;
            }
            self.unformatted(file.trim(), line.no, out);
            return Flow::Take;
        }
        if let Some(rest) = text.strip_prefix("ERROR: ")
            && let Some((file, _)) = rest.split_once(" Imports are incorrectly sorted")
        {
            self.unformatted(file, line.no, out);
            return Flow::Take;
        }
        if self.tool == "black"
            && let Some(found) = re!(
            r"^error: ?(?:cannot format (?P<a>.+?): (?:Cannot parse[^:]*: (?P<al>\d+):(?P<ac>\d+): )?(?P<am>.*)|(?:cannot parse: )?(?P<b>\S.*?\.(?:pyi?|ipynb)):(?P<bl>\d+):(?P<bc>\d+)(?:: ?(?P<bm>.*))?)$"
        ).captures(text)
        {
            let file = found.name("a").or_else(|| found.name("b")).map_or("", |m| m.as_str());
            let at = found.name("al").or_else(|| found.name("bl")).and_then(|m| number(m.as_str()));
            let column = found.name("ac").or_else(|| found.name("bc")).and_then(|m| number(m.as_str()));
            let words = found.name("am").or_else(|| found.name("bm")).map_or("", |m| m.as_str());
            let words = if words.is_empty() { "cannot parse the file".to_owned() } else { format!("cannot parse: {words}") };
            let category = if at.is_some() { Category::Syntax } else { Category::Format };
            self.close();
            out.bug(Draft::new("black", category, words).at(file, at, column));
            return Flow::Take;
        }
        let summary = text.contains("would be reformatted")
            || text.contains("already formatted")
            || text.starts_with("All done!")
            || text.starts_with("Would fix ") && text.contains(" error")
            || text.contains("would be left unchanged");
        if summary || text.starts_with("Oh no!") {
            self.say_held(true, out);
            return Flow::TakeRest;
        }
        if self.hunks.is_none() && self.held.is_empty() { Flow::Rest } else { Flow::Pass }
    }

    fn finish(&mut self, out: &mut Findings) {
        self.say_held(false, out);
    }
}
