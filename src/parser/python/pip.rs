//! Installers: pip and uv. What cannot be resolved, found, or built.

use super::traceback::{Trace, is_chain_link};
use crate::contract::bug::{Applicability, Category, Suggestion};
use crate::parser::common::compiler_error;
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

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
    new: |_| Box::new(Pip::default()),
};

pub(super) const UV: Tool = Tool {
    name: "uv",
    triggers: &[
        r"^(error: |  × |× )(No solution found when resolving|Unable to find lockfile|The lockfile at|Failed to (fetch|download|build|prepare|resolve|parse|spawn|read|install|hash)|Distribution not found|No `pyproject|The build backend returned an error|Because |Missing version|Project virtual|No interpreter found|Could not find a suitable)",
    ],
    new: |_| Box::new(Uv::default()),
};

#[derive(Default)]
struct Pip {
    open: Option<FindingBuilder>,
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
        if let Some(finding) = self.open.take() {
            out.bug(finding);
        }
        self.lines = 0;
    }

    fn start(&mut self, line: &Line<'_>, finding: FindingBuilder) -> Response {
        self.open = Some(finding.span(line.number, line.number));
        Response::Consumed(Next::Active)
    }
}

impl ToolParser for Pip {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if self.output
            && let Some(flow) = self.output(line, text, out)
        {
            return flow;
        }
        let Some(message) =
            text.trim_start().strip_prefix("ERROR: ").or_else(|| text.trim_start().strip_prefix("error: "))
        else {
            if text.starts_with("WARNING: Retrying") {
                self.offline = true;
                return Response::Consumed(Next::Idle);
            }
            return self.more(line, text, out);
        };
        // The second of two lines about the same thing.
        if message.starts_with("No matching distribution found for ")
            && let Some(finding) =
                self.open.as_mut().filter(|d| d.message.starts_with("Could not find a version"))
        {
            finding.message = message.to_owned();
            finding.log.last = line.number;
            self.close(out);
            return Response::Consumed(Next::Idle);
        }
        if message.starts_with("ResolutionImpossible") && self.conflict {
            self.close(out);
            return Response::Consumed(Next::Idle);
        }
        self.close(out);
        let mut category = Category::Dependency;
        if self.offline {
            category = Category::Environment;
        }
        if message.starts_with("Could not find a version that") {
            let short = message.split(" (from versions:").next().unwrap_or(message);
            return self.start(line, located(FindingBuilder::new("pip", category, short), message));
        }
        if ["Could not open requirements file", "Directory '", "Invalid requirement", "Double requirement"]
            .iter()
            .any(|w| message.starts_with(w))
        {
            category = Category::Configuration;
        } else if message.starts_with("Could not install packages due to an OSError")
            || message.starts_with("externally-managed-environment")
        {
            category = Category::Environment;
        }
        let finding = located(FindingBuilder::new("pip", category, message), message);
        let consequence = message.starts_with("Failed building wheel")
            || message.starts_with("Failed to build ")
            || message.starts_with("Could not build wheels")
            || message.starts_with("metadata-generation-failed")
            || message.starts_with("Command errored out")
            || message.starts_with("subprocess-exited-with-error");
        if consequence {
            // What the build itself printed is nearer to the cause.
            out.bug(finding.consequence());
            self.output = message.starts_with("subprocess-exited-with-error");
            return if self.output {
                Response::Consumed(Next::Active)
            } else {
                Response::Consumed(Next::Idle)
            };
        }
        self.conflict |= message.starts_with("Cannot install ");
        if message.starts_with("Cannot install ") || message.starts_with("Invalid requirement") {
            return self.start(line, finding);
        }
        out.bug(finding);
        Response::Consumed(Next::Idle)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

impl Pip {
    /// A build's own output, indented between `[6 lines of output]` and `[end of output]`.
    fn output(&mut self, line: &Line<'_>, text: &str, out: &mut Findings) -> Option<Response> {
        let inner = text.trim_start();
        if inner == "[end of output]" || !text.is_empty() && !text.starts_with("  ") {
            self.output = false;
            // A dependency is unpacked into a folder of pip's.
            let own = |trace: &Trace| trace.own().is_some_and(|at| !at.file.contains("pip-install-"));
            if let Some((first, trace)) = self.trace.take().filter(|(_, trace)| own(trace)) {
                out.bug(trace.finding("pip", Category::Dependency).span(first, line.number));
            }
            return (inner == "[end of output]").then_some(Response::Consumed(Next::Idle));
        }
        let text = text.strip_prefix("      ").unwrap_or(inner);
        if text.starts_with("Traceback (most recent call last):") {
            self.trace = Some((line.number, Trace::default()));
        } else if let Some((_, trace)) = &mut self.trace {
            if is_chain_link(text) {
                trace.link();
            } else if trace.raised.is_some() {
                return Some(Response::Declined(Next::Active));
            } else {
                trace.line(text);
            }
        } else if let Some(finding) = compiler_error(text) {
            // What the build of the repository's own extension says, behind pip's margin.
            out.bug(finding.span(line.number, line.number));
        } else {
            return Some(Response::Declined(Next::Active));
        }
        Some(Response::Consumed(Next::Active))
    }

    /// Lines behind an open report: the packages that conflict.
    fn more(&mut self, line: &Line<'_>, text: &str, out: &mut Findings) -> Response {
        let Some(finding) = &mut self.open else { return Response::Declined(Next::Idle) };
        let part =
            text.is_empty() || text.starts_with("The conflict is caused by") || text.starts_with("    ");
        if !part || self.lines > MAX_LINES {
            self.close(out);
            return Response::Declined(Next::Idle);
        }
        self.lines += 1;
        if !text.is_empty() {
            finding.message.push('\n');
            finding.message.push_str(text.trim_end());
            finding.log.last = line.number;
        }
        Response::Consumed(Next::Active)
    }
}

/// `(from -r requirements.txt (line 3))`, `(from line 3 of requirements.txt)`
fn located(finding: FindingBuilder, message: &str) -> FindingBuilder {
    if let Some(found) = re!(r"\(from -r (\S+) \(line (\d+)\)\)").captures(message) {
        return finding.at(&found[1], number(&found[2]), None);
    }
    match re!(r"\(from line (\d+) of ([^)]+)\)").captures(message) {
        Some(found) => finding.at(&found[2], number(&found[1]), None),
        None => finding,
    }
}

#[derive(Default)]
struct Uv {
    open: Option<FindingBuilder>,
    lines: usize,
}

impl Uv {
    fn close(&mut self, out: &mut Findings) {
        let Some(mut finding) = self.open.take() else { return };
        self.lines = 0;
        let message = finding.message.clone();
        let offline =
            ["error sending request", "dns error", "Connection refused", "timed out", "Network connectivity"];
        if offline.iter().any(|w| message.contains(w)) {
            finding.category = Category::Environment;
        } else if message.contains("lockfile") {
            finding.category = Category::Configuration;
            let lock = Suggestion::Command { run: "uv lock".to_owned() };
            finding = finding.suggest("run `uv lock`", Applicability::MachineApplicable, lock);
        } else if message.starts_with("Failed to spawn")
            || message.starts_with("Failed to parse")
            || message.starts_with("No `pyproject")
        {
            finding.category = Category::Configuration;
        }
        if let Some(c) =
            re!(r"(?s)^Failed to parse: `?([\w./-]+)`?\n.*?\bat line (\d+), column (\d+)").captures(&message)
        {
            finding = finding.at(&c[1], number(&c[2]), number(&c[3]));
        }
        out.bug(finding);
    }
}

impl ToolParser for Uv {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        let head = text.strip_prefix("error: ").or_else(|| text.trim_start().strip_prefix("× "));
        // pip's own last word.
        if let Some(message) = head.filter(|message| !message.contains("installable wheels")) {
            self.close(out);
            self.open = Some(
                FindingBuilder::new("uv", Category::Dependency, message.trim_end_matches(':'))
                    .span(line.number, line.number),
            );
            return Response::Consumed(Next::Active);
        }
        let Some(finding) = &mut self.open else { return Response::Declined(Next::Idle) };
        if !text.starts_with("  ") || self.lines >= MAX_LINES {
            self.close(out);
            return Response::Declined(Next::Idle);
        }
        self.lines += 1;
        let more = text.trim_start().trim_start_matches(['╰', '─', '▶', '├', '│', ' ']);
        if !more.is_empty() {
            finding.message.push('\n');
            finding.message.push_str(more);
            finding.log.last = line.number;
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}
