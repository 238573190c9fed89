//! Installers: pip and uv. What cannot be resolved, found, or built.

use super::traceback::{Trace, is_chain_link};
use crate::contract::bug::{Applicability, Category, Suggestion};
use crate::parser::findings::{Draft, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Flow, Tool, ToolParser};

/// Lines of an explanation kept.
const MAX_LINES: usize = 20;

pub(super) const PIP: Tool = Tool {
    name: "pip",
    triggers: &[
        r"^ *ERROR: (Could not find a version that|No matching distribution found|Cannot install |ResolutionImpossible|Could not open requirements file|Invalid requirement|Package '|Failed building wheel|Failed to build |Could not install packages|THESE PACKAGES DO NOT|In --require-hashes|Double requirement|Could not build wheels|Command errored out|Error while checking for conflicts|Directory '|Could not detect requirement)",
        r"^ *(error|× |ERROR): ?(subprocess-exited-with-error|metadata-generation-failed|externally-managed-environment)",
        r"^WARNING: Retrying \(Retry\(total=0",
        r"^(note|hint): This error originates from a subprocess",
    ],
    new: || Box::new(Pip::default()),
};

pub(super) const UV: Tool = Tool {
    name: "uv",
    triggers: &[
        r"^(error: |  × |× )(No solution found when resolving|Unable to find lockfile|The lockfile at|Failed to (fetch|download|build|prepare|resolve|parse|spawn|read|install|hash)|Distribution not found|No `pyproject|The build backend returned an error|Because |Missing version|Project virtual|No interpreter found|Could not find a suitable)",
    ],
    new: || Box::new(Uv::default()),
};

#[derive(Default)]
struct Pip {
    open: Option<Draft>,
    lines: usize,
    /// A conflict was told in full; what follows only repeats it.
    conflict: bool,
    /// What a build printed is being read, and in it a traceback: its first line.
    output: bool,
    trace: Option<(u64, Trace)>,
    /// The network is gone: whatever is missing is so for that.
    offline: bool,
}

impl Pip {
    fn close(&mut self, out: &mut Findings) {
        if let Some(draft) = self.open.take() {
            out.bug(draft);
        }
        self.lines = 0;
    }

    fn start(&mut self, line: &Line<'_>, draft: Draft) -> Flow {
        self.open = Some(draft.span(line.no, line.no));
        Flow::Take
    }
}

impl ToolParser for Pip {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text.trim_end();
        if self.output
            && let Some(flow) = self.output(line, text, out)
        {
            return flow;
        }
        let Some(words) =
            text.trim_start().strip_prefix("ERROR: ").or_else(|| text.trim_start().strip_prefix("error: "))
        else {
            if text.starts_with("WARNING: Retrying") {
                self.offline = true;
                return Flow::TakeRest;
            }
            return self.more(line, text, out);
        };
        // The second of two lines about the same thing.
        if words.starts_with("No matching distribution found for ")
            && let Some(draft) =
                self.open.as_mut().filter(|d| d.message.starts_with("Could not find a version"))
        {
            draft.message = words.to_owned();
            draft.log.last = line.no;
            self.close(out);
            return Flow::TakeRest;
        }
        if words.starts_with("ResolutionImpossible") && self.conflict {
            self.close(out);
            return Flow::TakeRest;
        }
        self.close(out);
        let mut category = Category::Dependency;
        if self.offline {
            category = Category::Environment;
        }
        if words.starts_with("Could not find a version that") {
            let short = words.split(" (from versions:").next().unwrap_or(words);
            return self.start(line, located(Draft::new("pip", category, short), words));
        }
        if ["Could not open requirements file", "Directory '", "Invalid requirement", "Double requirement"]
            .iter()
            .any(|w| words.starts_with(w))
        {
            category = Category::Configuration;
        } else if words.starts_with("Could not install packages due to an OSError")
            || words.starts_with("externally-managed-environment")
        {
            category = Category::Environment;
        }
        let draft = located(Draft::new("pip", category, words), words);
        let consequence = words.starts_with("Failed building wheel")
            || words.starts_with("Failed to build ")
            || words.starts_with("Could not build wheels")
            || words.starts_with("metadata-generation-failed")
            || words.starts_with("Command errored out")
            || words.starts_with("subprocess-exited-with-error");
        if consequence {
            // What the build itself printed is nearer to the cause.
            out.bug(draft.consequence());
            self.output = words.starts_with("subprocess-exited-with-error");
            return if self.output { Flow::Take } else { Flow::TakeRest };
        }
        self.conflict |= words.starts_with("Cannot install ");
        if words.starts_with("Cannot install ") || words.starts_with("Invalid requirement") {
            return self.start(line, draft);
        }
        out.bug(draft);
        Flow::TakeRest
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

impl Pip {
    /// A build's own output, indented between `[6 lines of output]` and `[end of output]`.
    fn output(&mut self, line: &Line<'_>, text: &str, out: &mut Findings) -> Option<Flow> {
        let inner = text.trim_start();
        if inner == "[end of output]" || !text.is_empty() && !text.starts_with("  ") {
            self.output = false;
            // A dependency is unpacked into a folder of pip's.
            let own = |trace: &Trace| trace.own().is_some_and(|at| !at.file.contains("pip-install-"));
            if let Some((first, trace)) = self.trace.take().filter(|(_, trace)| own(trace)) {
                out.bug(trace.draft("pip", Category::Dependency).span(first, line.no));
            }
            return (inner == "[end of output]").then_some(Flow::TakeRest);
        }
        let text = text.strip_prefix("      ").unwrap_or(inner);
        if text.starts_with("Traceback (most recent call last):") {
            self.trace = Some((line.no, Trace::default()));
        } else if let Some((_, trace)) = &mut self.trace {
            if is_chain_link(text) {
                trace.link();
            } else if trace.raised.is_some() {
                return Some(Flow::Pass);
            } else {
                trace.line(text);
            }
        } else {
            return Some(Flow::Pass);
        }
        Some(Flow::Take)
    }

    /// Lines behind an open report: the packages that conflict.
    fn more(&mut self, line: &Line<'_>, text: &str, out: &mut Findings) -> Flow {
        let Some(draft) = &mut self.open else { return Flow::Rest };
        let part =
            text.is_empty() || text.starts_with("The conflict is caused by") || text.starts_with("    ");
        if !part || self.lines > MAX_LINES {
            self.close(out);
            return Flow::Rest;
        }
        self.lines += 1;
        if !text.is_empty() {
            draft.message.push('\n');
            draft.message.push_str(text.trim_end());
            draft.log.last = line.no;
        }
        Flow::Take
    }
}

/// `(from -r requirements.txt (line 3))`, `(from line 3 of requirements.txt)`
fn located(draft: Draft, words: &str) -> Draft {
    if let Some(found) = re!(r"\(from -r (\S+) \(line (\d+)\)\)").captures(words) {
        return draft.at(&found[1], number(&found[2]), None);
    }
    match re!(r"\(from line (\d+) of ([^)]+)\)").captures(words) {
        Some(found) => draft.at(&found[2], number(&found[1]), None),
        None => draft,
    }
}

#[derive(Default)]
struct Uv {
    open: Option<Draft>,
    lines: usize,
}

impl Uv {
    fn close(&mut self, out: &mut Findings) {
        let Some(mut draft) = self.open.take() else { return };
        self.lines = 0;
        let words = draft.message.clone();
        let offline =
            ["error sending request", "dns error", "Connection refused", "timed out", "Network connectivity"];
        if offline.iter().any(|w| words.contains(w)) {
            draft.category = Category::Environment;
        } else if words.contains("lockfile") {
            draft.category = Category::Configuration;
            let lock = Suggestion::Command { run: "uv lock".to_owned() };
            draft = draft.suggest("run `uv lock`", Applicability::MachineApplicable, lock);
        } else if words.starts_with("Failed to spawn")
            || words.starts_with("Failed to parse")
            || words.starts_with("No `pyproject")
        {
            draft.category = Category::Configuration;
        }
        out.bug(draft);
    }
}

impl ToolParser for Uv {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text.trim_end();
        let head = text.strip_prefix("error: ").or_else(|| text.trim_start().strip_prefix("× "));
        if let Some(words) = head {
            self.close(out);
            self.open = Some(
                Draft::new("uv", Category::Dependency, words.trim_end_matches(':')).span(line.no, line.no),
            );
            return Flow::Take;
        }
        let Some(draft) = &mut self.open else { return Flow::Rest };
        if !text.starts_with("  ") || self.lines >= MAX_LINES {
            self.close(out);
            return Flow::Rest;
        }
        self.lines += 1;
        let more = text.trim_start().trim_start_matches(['╰', '─', '▶', '├', '│', ' ']);
        if !more.is_empty() {
            draft.message.push('\n');
            draft.message.push_str(more);
            draft.log.last = line.no;
        }
        Flow::Take
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}
