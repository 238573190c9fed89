//! Runs the tools' parsers over the lines: active ones get every line, the others are activated by their triggers.
//!
//! Interleaved output is untangled here: a prefix that marks its process (`web:test: `, `api-1  | `) opens an output
//! stream of its own, in which tools run as if they were alone.

use super::evidence::Evidence;
use super::findings::Findings;
use super::lines::{Block, Line, Mark};
use super::re;
use super::registry::{Next, Tool, ToolParser};
use super::speaker::speaker;
use super::streams::OutputStreams;
use super::triggers::{LineMatches, Scanner};
use super::unread::Unread;

pub(super) struct Engine {
    scanner: Scanner,
    /// Of the line being read.
    found: LineMatches,
    streams: OutputStreams<OutputStream>,
    pub(super) out: Findings,
    evidence: Evidence,
    unread: Unread,
    /// Maven speaks in this step.
    maven: bool,
    /// What the last line said is run: where it is a command, it stands below once more, with those behind it.
    named: String,
    /// Lines of commands that may follow, and those that did.
    shown: u8,
    further: String,
    /// Within a step's heading: commands, shell, environment.
    heading: bool,
}

/// Lines of one step's commands that are read.
const MAX_SHOWN: u8 = 60;

/// The parsers of one process's output.
#[derive(Default)]
pub(super) struct OutputStream {
    /// Latest activated first.
    active: Vec<(usize, Box<dyn ToolParser>)>,
    idle: Vec<(usize, Box<dyn ToolParser>)>,
}

impl Engine {
    pub(super) fn new() -> Self {
        let (streams, out) = (OutputStreams::default(), Findings::default());
        Self {
            scanner: Scanner::new(),
            found: LineMatches::default(),
            streams,
            out,
            evidence: Evidence::new(),
            unread: Unread::default(),
            maven: false,
            named: String::new(),
            shown: 0,
            further: String::new(),
            heading: false,
        }
    }

    pub(super) fn block(&mut self, block: &Block) {
        self.scanner.scan(block);
        for (at, line) in block.lines().enumerate() {
            self.scanner.of(at, &mut self.found);
            self.line(&line);
        }
    }

    /// A line of which is known what it is.
    fn line(&mut self, line: &Line<'_>) {
        self.out.at(line.number);
        match line.mark {
            Mark::Group => {
                // A new CI step: whatever ran before has ended.
                if !line.text.starts_with("Run ") {
                    line.text.clone_into(&mut self.out.group);
                    return;
                }
                self.end_of_step();
                self.heading = true;
            }
            Mark::EndGroup => {
                self.end_of_heading();
                if std::mem::take(&mut self.heading) {
                    self.unread.begin(&self.out);
                }
                return;
            }
            _ => {}
        }
        self.maven |= line.text.starts_with("[INFO] ");
        self.command(line.text);
        let Self { scanner, found, streams, out, evidence, unread, maven, .. } = self;
        let printed = as_printed(line, *maven).or_else(|| behind_mark(line.text, |rest| scanner.any(rest)));
        if let Some(text) = &printed {
            scanner.scan_line(text, found);
        }
        let warned = printed.is_some() && line.text.starts_with("Warning: ");
        let mark = if warned { Mark::Warning } else { line.mark };
        let line = &Line { text: printed.as_deref().unwrap_or(line.text), mark, ..*line };
        let (stream, text, prefix) = streams.of(line.text, |rest| {
            // A whole line that is some tool's has no prefix.
            found.tools.is_empty() && scanner.any(rest)
        });
        if text.len() < line.text.len() {
            scanner.scan_line(text, found);
        }
        if out.stream != prefix {
            prefix.clone_into(&mut out.stream);
        }
        out.headings.line(prefix, text, line.number);
        let in_stream = Line { text, ..*line };
        if stream.offer_to_active(&in_stream, out) {
            return;
        }
        for tool in &found.tools {
            if stream.activate(*tool, Scanner::tool(*tool), &in_stream, out) {
                return;
            }
        }
        if line.mark != Mark::Group {
            evidence.line(&in_stream, found.weight, out);
            if out.speaker.is_some() {
                unread.line(&in_stream);
            }
        }
    }

    /// What the line says of who speaks in this step, and of what makes it fail. Most lines say nothing, and are told by
    /// their first and last letter.
    fn command(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if !self.named.is_empty() {
            if text == self.named {
                self.out.speaker = speaker(text).map(str::to_owned);
                text.clone_into(&mut self.out.spoken);
                self.shown = MAX_SHOWN;
                self.further.clear();
            }
            self.named.clear();
        } else if self.shown > 0 {
            self.further_command(text);
        }
        if bytes.last() == Some(&b'l')
            && (text.ends_with(".yaml") || text.ends_with(".yml"))
            && !text.contains([' ', ':'])
        {
            text.clone_into(&mut self.out.group);
        }
        // As GitHub, a shell with `-x`, npm and yarn show a command.
        if !matches!(bytes.first(), Some(b'R' | b'+' | b'>' | b'$')) {
            return;
        }
        let shown = ["Run ", "+ ", "> ", "$ "].iter().any(|lead| text.starts_with(lead));
        self.out.warnings_count |= shown && denies_warnings(text);
        if let Some(command) = text.strip_prefix("Run ") {
            command.clone_into(&mut self.named);
        }
    }

    /// A line behind a step's first command: another one, where the shell is named below.
    fn further_command(&mut self, text: &str) {
        if text.starts_with("shell: ") {
            self.end_of_heading();
            return;
        }
        self.shown -= 1;
        self.further.push('\n');
        self.further.push_str(text);
    }

    /// What stands behind a step's first command is known to be commands, too.
    fn end_of_heading(&mut self) {
        if std::mem::take(&mut self.shown) == 0 {
            return;
        }
        let Findings { spoken, speaker: known, warnings_count, .. } = &mut self.out;
        if !self.further.is_empty() {
            *warnings_count |= denies_warnings(&self.further);
            spoken.push_str(&self.further);
            *known = speaker(spoken).map(str::to_owned);
        }
        self.unread.begin(&self.out);
    }

    pub(super) fn finish(mut self) -> (Findings, Evidence) {
        self.end_of_step();
        (self.out, self.evidence)
    }

    fn end_of_step(&mut self) {
        for (prefix, stream) in self.streams.drain() {
            self.out.stream = prefix;
            stream.finish(&mut self.out);
        }
        if let Some(program) = self.out.speaker.clone().filter(|_| self.out.step_failed) {
            self.unread.tell(&program, &mut self.out);
        }
        self.unread.begin(&self.out);
        self.maven = false;
        self.out.step_failed = false;
        self.out.warnings_count = false;
        self.out.speaker = None;
        self.out.spoken.clear();
        self.shown = 0;
        // Where the step's make died, it did not say that it left its folders.
        self.out.folders.clear();
    }
}

/// Whether the command has warnings fail it.
fn denies_warnings(command: &str) -> bool {
    re!(r"--(?:max-warnings[= ]0|deny-warnings|fail-on-warnings|warnings-as-errors|frail)\b")
        .is_match(command)
}

/// Maven's line as it printed it: GitHub keeps its `[ERROR]` as a mark of its own, and shows that as `Error: `.
fn as_printed(line: &Line<'_>, maven: bool) -> Option<String> {
    let rest = if line.mark == Mark::Error { line.text } else { line.text.strip_prefix("Error:")? };
    let rest = if line.mark == Mark::Error { rest } else { rest.strip_prefix(' ').unwrap_or(rest) };
    let certain = || {
        re!(r"^ +(?:/\S+\.(?:java|kt|groovy|scala):\[\d|COMPILATION ERROR|Tests run: \d|Failed to execute goal |\S.*<<< (?:FAILURE|ERROR)!)")
            .is_match(rest)
    };
    let blank = rest.is_empty() && line.mark != Mark::Error;
    ((rest.starts_with(' ') || blank) && (maven || certain())).then(|| format!("[ERROR]{rest}"))
}

/// A tool's line behind the `Error: ` or `Warning: ` by which GitHub's page shows that it is marked.
fn behind_mark(text: &str, mut known: impl FnMut(&str) -> bool) -> Option<String> {
    if !matches!(text.as_bytes().first(), Some(b'E' | b'W')) {
        return None;
    }
    let rest = text.strip_prefix("Error: ").or_else(|| text.strip_prefix("Warning: "))?;
    // A row of ESLint's or yamllint's table: the file's name stands above.
    if re!(r"^ +\d+:\d+ +(?:error|warning) |^\d+:\d+ (?:\[[a-z-]+\] \S|syntax error: )").is_match(rest) {
        return Some(rest.to_owned());
    }
    if rest.starts_with("Process completed with exit code ") {
        return Some(rest.to_owned());
    }
    let placed = re!(r"^(?:[A-Za-z]:)?[^\s:(][^:(]*\.\w+(?::\d+(?::\d+)?|\(\d+,\d+\)): \S").is_match(rest);
    (placed && known(rest)).then(|| rest.to_owned())
}

impl OutputStream {
    /// Whether an active parser consumed the line.
    fn offer_to_active(&mut self, line: &Line<'_>, out: &mut Findings) -> bool {
        let mut at = 0;
        while at < self.active.len() {
            let response = self.active[at].1.line(line, out);
            match response.next() {
                Next::Active => at += 1,
                Next::Idle => {
                    let parser = self.active.remove(at);
                    self.idle.push(parser);
                }
                Next::Finished => {
                    let (_, mut parser) = self.active.remove(at);
                    parser.finish(out);
                }
            }
            if response.is_consumed() {
                return true;
            }
        }
        false
    }

    /// Gives a line that triggers `tool` to its parser, and says whether that consumed it.
    fn activate(&mut self, index: usize, tool: &Tool, line: &Line<'_>, out: &mut Findings) -> bool {
        // Active parsers have seen the line and declined it.
        if self.active.iter().any(|(at, _)| *at == index) {
            return false;
        }
        let idle = self.idle.iter().position(|(at, _)| *at == index);
        let mut parser = idle.map_or_else(|| (tool.new)(tool.name), |at| self.idle.swap_remove(at).1);
        let response = parser.line(line, out);
        match response.next() {
            Next::Active => self.active.insert(0, (index, parser)),
            Next::Idle => self.idle.push((index, parser)),
            Next::Finished => parser.finish(out),
        }
        response.is_consumed()
    }

    fn finish(mut self, out: &mut Findings) {
        let mut left: Vec<_> = self.active.drain(..).chain(self.idle.drain(..)).collect();
        left.sort_by_key(|(at, _)| *at);
        for (_, mut parser) in left {
            parser.finish(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn each_form_of_a_marked_line_is_read_alike() {
        let maven = "[INFO] Compiling 2 source files\n[ERROR] COMPILATION ERROR : \n\
            [ERROR] /home/runner/work/shop/shop/src/main/java/Cart.java:[3,5] cannot find symbol\n\
            [INFO] Running CartTest\n\
            [ERROR] Tests run: 1, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.01 s <<< FAILURE! -- in CartTest\n\
            [ERROR] CartTest.adds -- Time elapsed: 0.002 s <<< FAILURE!\n\
            java.lang.AssertionError: expected:<3> but was:<2>\n\tat CartTest.adds(CartTest.java:9)\n\n\
            [ERROR] Failures: \n[ERROR]   CartTest.adds:9 expected:<3> but was:<2>\n[INFO] BUILD FAILURE\n";
        let compilers = [
            "src/Cart.java:3: error: ';' expected\n",
            "src/a.ts(1,7): error TS2322: Type 'number' is not assignable to type 'string'.\n",
        ];
        let read = |log: &str| {
            let found = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap();
            found
                .bugs
                .into_iter()
                .map(|bug| (bug.tool, bug.category, bug.file, bug.line, bug.message, bug.test))
                .collect::<Vec<_>>()
        };
        let plain = read(maven);
        assert_eq!(plain.len(), 2, "{plain:?}");
        for form in ["##[error]", "Error: "] {
            assert_eq!(read(&maven.replace("[ERROR]", form)), plain, "{form}");
        }
        for compiler in compilers {
            let plain = read(compiler);
            assert_eq!(plain.len(), 1, "{plain:?}");
            for form in ["##[error]", "Error: "] {
                assert_eq!(read(&format!("{form}{compiler}")), plain, "{form}");
            }
        }
    }

    #[test]
    fn a_step_says_who_speaks_and_what_makes_it_fail() {
        let read = |log: &str| {
            let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
            bugs.into_iter().map(|bug| (bug.tool, bug.file, bug.line)).collect::<Vec<_>>()
        };
        let at = |tool: &str, file: &str, line| (tool.to_owned(), Some(file.to_owned()), Some(line));
        let placed = "conf/a.toml:3:7: the port is taken twice\n";
        for (step, tool) in [
            ("##[group]Run npx vale-like conf\nnpx vale-like conf\n##[endgroup]\n", "vale-like"),
            ("Run vale-like conf\nvale-like conf\n", "vale-like"),
            // A name is no command.
            ("##[group]Run the build\n", "lint"),
            ("", "lint"),
        ] {
            assert_eq!(read(&format!("{step}{placed}")), [at(tool, "conf/a.toml", 3)], "{step}");
        }
        let oxlint = "a.js:1:1: `debugger` is not allowed\nWarning: b.js:1:5: `x` is never used\n";
        let both = [at("oxlint", "a.js", 1), at("oxlint", "b.js", 1)];
        let step = |flag: &str| format!("Run oxlint{flag} .\noxlint{flag} .\n{oxlint}");
        assert_eq!(read(&step(" --deny-warnings")), both);
        assert_eq!(read(&step("")), both[..1]);
        let yamllint = "##[group]a.yaml\n##[error]3:1 [key-duplicates] duplication of key\n##[endgroup]\n";
        let page = "a.yaml\nError: 3:1 [key-duplicates] duplication of key\n";
        for form in [yamllint, page] {
            assert_eq!(read(form), [at("yamllint", "a.yaml", 3)]);
        }
    }

    #[test]
    fn what_a_program_says_behind_error_stays_its_own() {
        let log = "Error: Cannot find module './b'\nRequire stack:\n- /home/runner/work/app/app/a.js\n    at x (node:internal:1:1)\n";
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        assert!(bugs.iter().all(|bug| bug.tool != "maven"), "{bugs:?}");
    }
}
