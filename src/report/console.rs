//! Events as they happen, in a terminal and in a workflow's log.
//!
//! In a workflow every stretch of foreign text (scripts, output, diffs) stands in a group and between
//! `::stop-commands::` and its token, so that nothing in it is a command. All of it goes to one stream: the runner
//! reads the two separately, and their order would be lost. What we say ourselves quotes foreign text only as one
//! inert line.

use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::contract::bug::{BugReport, Fingerprint};
use crate::contract::build::{BuildPlan, ExecutionResult};
use crate::contract::ci::{CiResult, Published};
use crate::contract::event::{Event, EventSink, Offer, Purpose, Stream};
use crate::secrets::Masking;

use super::commands::{END_GROUP, Redactor, StopCommands, defuse_legacy, group, inert_line};
use super::{changes, clean, text};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A workflow's log: groups and workflow commands.
    Actions,
    Terminal {
        colour: bool,
    },
}

/// Whether the output of steps is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutput {
    Show,
    /// Of a step only that it runs and for how long; of one that failed its last lines.
    Hide,
}

/// Longest line of output shown; the rest of it is cut.
const LINE_BYTES: usize = 16 * 1024;
/// Bugs listed one by one; the summary has them all.
const BUGS: usize = 20;
/// What is shown of a failed step whose output is hidden.
const LAST_LINES: usize = 10;
/// How often the time of a running step is shown anew.
const REDRAW: Duration = Duration::from_secs(1);

/// Renders events; safe to share between threads. Write errors are ignored: a closed pipe must not stop a heal.
pub struct Console {
    style: Style,
    output: StepOutput,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    open: Option<StopCommands>,
    /// Output of each stream that may be the middle of a secret.
    masking: [Masking; 2],
    /// Output of each stream that has not ended its line yet.
    pending: [Vec<u8>; 2],
    redactor: Redactor,
    /// What the running step printed last.
    last: VecDeque<String>,
    /// The same of the last one that failed.
    last_of_failed: Vec<String>,
    running: Option<RunningStep>,
    /// For naming what a proposal fixes.
    bugs: HashMap<Fingerprint, BugReport>,
}

/// A step whose output is hidden.
struct RunningStep {
    name: String,
    started: Instant,
    /// When its line was drawn; nothing where it does not stand at the cursor.
    drawn: Option<Instant>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Console({:?}, {:?})", self.style, self.output)
    }
}

#[derive(Clone, Copy)]
enum Colour {
    None,
    Red,
    Green,
    Yellow,
    Dim,
    Bold,
}

impl Colour {
    fn code(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Dim => "2",
            Self::Bold => "1",
        }
    }
}

impl Console {
    /// Everything is written to `out`.
    #[must_use]
    pub fn new(style: Style, output: StepOutput, out: Box<dyn Write + Send>) -> Self {
        let state = State {
            out,
            open: None,
            masking: Default::default(),
            pending: Default::default(),
            redactor: Redactor::default(),
            last: VecDeque::new(),
            last_of_failed: Vec::new(),
            running: None,
            bugs: HashMap::new(),
        };
        Self { style, output, state: Mutex::new(state) }
    }

    /// From now on shows none of the secrets that the redactor knows.
    pub fn redact(&self, redactor: Redactor) {
        self.with(|out| out.state.redactor = redactor);
    }

    /// One line of our own; foreign text in it stays text.
    pub fn say(&self, line: &str) {
        self.with(|out| out.line(Colour::None, line));
    }

    /// Several lines, laid out as they are: tables, diffs. For a terminal; nothing in them can act on it.
    pub fn block(&self, text: &str) {
        let text = clean::block(text, 1 << 20);
        self.with(|out| {
            out.close();
            out.state.redactor.redact(&text).lines().for_each(|line| out.raw(line));
        });
    }

    /// Lines of ours that are commands: masks, annotations. Nothing is printed outside of a workflow.
    pub fn commands(&self, commands: &[String]) {
        if self.style == Style::Actions {
            self.with(|out| {
                out.close();
                commands.iter().for_each(|command| out.raw(command));
            });
        }
    }

    fn with(&self, f: impl FnOnce(&mut Printer<'_>)) {
        // What a panicking thread left half-done here is at worst an open group.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        f(&mut Printer { style: self.style, output: self.output, state: &mut state });
        let _ = state.out.flush();
    }
}

impl EventSink for Console {
    fn emit(&self, event: Event) {
        self.with(|out| out.event(event));
    }
}

struct Printer<'a> {
    style: Style,
    output: StepOutput,
    state: &'a mut State,
}

impl Printer<'_> {
    fn event(&mut self, event: Event) {
        match event {
            Event::Progress { what } => self.line(Colour::Dim, &format!("… {what}")),
            Event::Planned { plan } => self.planned(&plan),
            Event::StepStarted { name, script, .. } => self.step_started(&name, &script),
            Event::Output { stream, bytes } => self.step_output(stream, &bytes),
            Event::StepEnded { exit_code, duration, .. } => self.step_ended(exit_code, duration),
            Event::Executed { purpose, result, bugs, .. } => {
                self.executed(purpose, &result);
                if result.has_verdict() && !result.is_green() && purpose != Purpose::Repeat {
                    self.diagnosed(bugs);
                }
            }
            Event::CiDiagnosed { bugs, .. } => self.diagnosed(bugs),
            Event::Proposed { proposal } => {
                let line = format!("→ {} ({})", self.fix(&proposal), by(&proposal));
                self.line(Colour::None, &line);
            }
            Event::Rejected { reason, .. } => {
                self.line(Colour::Yellow, &format!("⛔ rejected: {}", text::rejection(&reason)));
            }
            Event::NeedsContext { needs, .. } => {
                let reason = crate::contract::fix::Rejection::NeedsContext { needs };
                self.line(Colour::Dim, &format!("… {}", text::rejection(&reason)));
            }
            Event::Applied { diff, .. } => self.applied(&diff),
            Event::Reverted { why, .. } | Event::KeptReverted { why, .. } => {
                self.line(Colour::Yellow, &format!("↩ reverted: {why}"));
            }
            Event::CounterProven { counter_proof, .. } => {
                let is_caught = counter_proof.proof.is_caught();
                let colour = if is_caught { Colour::Green } else { Colour::Yellow };
                self.line(colour, &text::counter_proof(&counter_proof.proof));
            }
            Event::PartiallyProven { fixed, left, .. } => self.line(
                Colour::Yellow,
                &format!(
                    "◐ {} proven, {} left",
                    text::count(fixed.len(), "fixed failure is", "fixed failures are"),
                    text::count(left.len(), "failure is", "failures are")
                ),
            ),
            Event::Kept { improved, .. } => self.line(Colour::Green, &format!("✓ kept: {improved}")),
            Event::ProviderSwitched { from, to, cause } => {
                let to = to.map_or("no provider is left".to_owned(), |to| format!("{to} is next"));
                self.line(Colour::Yellow, &format!("{from} does not answer ({cause}); {to}"));
            }
            event @ (Event::GreenInCi { .. }
            | Event::LastGreenKnown { .. }
            | Event::ChangedSinceGreen { .. }
            | Event::ChangedReached { .. }
            | Event::Traced { .. }) => self.known_beside(&event),
            Event::Published { published } => self.published(&published),
            Event::PullRequestOpened { pull_request } => {
                let address = clean::line(&pull_request.url, 2000);
                self.line(Colour::Green, &format!("offered for review: {address}"));
            }
            Event::Suggested { suggested } => {
                let what = format!("suggested in #{}", suggested.pull_request);
                self.line(Colour::Green, &what);
            }
            Event::Watched { result } => self.watched(&result),
            Event::Warning { what } => self.line(Colour::Yellow, &format!("warning: {what}")),
            Event::RunStarted { .. }
            | Event::RepositoryKnown { .. }
            | Event::FailedRunKnown { .. }
            | Event::ModelServersKnown { .. }
            | Event::DriftSought { .. }
            | Event::CheckedOut { .. }
            | Event::IterationStarted { .. }
            | Event::ProofExpired
            | Event::BudgetChanged { .. }
            | Event::PublishStarted { .. }
            | Event::BranchMoved { .. }
            | Event::VerdictReached { .. }
            | Event::RunFinished { .. }
            | Event::Unknown => {}
        }
    }

    fn planned(&mut self, plan: &BuildPlan) {
        let from = plan.workflow.as_deref().unwrap_or("no workflow");
        let job = plan.job.as_deref().map_or(String::new(), |job| format!(", job {job}"));
        self.line(
            Colour::Bold,
            &format!("plan: {from}{job}, in {} ({})", plan.image.reference, plan.image.why),
        );
        if self.output == StepOutput::Hide {
            let notes = plan.passed_over.len() + plan.notes.len();
            let notes = if notes == 0 {
                String::new()
            } else {
                format!("; {} with -v or in the summary", text::count(notes, "note is", "notes are"))
            };
            let steps = text::count(plan.steps.len(), "step", "steps");
            return self.line(Colour::Dim, &format!("  {steps}{notes}"));
        }
        for (index, step) in plan.steps.iter().enumerate() {
            self.line(Colour::None, &format!("  {}. {}", index + 1, step.name));
        }
        for step in &plan.passed_over {
            self.line(Colour::None, &format!("  not run here: {}: {}", step.step, step.why));
        }
        for note in &plan.notes {
            self.line(Colour::Dim, &format!("  note: {note}"));
        }
    }

    fn step_ended(&mut self, exit_code: Option<i64>, duration: Duration) {
        self.close();
        self.undraw();
        let took = text::duration(duration);
        let running = self.state.running.take();
        let last = std::mem::take(&mut self.state.last);
        // A step that went well is no news.
        if self.output == StepOutput::Hide && exit_code == Some(0) {
            return;
        }
        self.state.last_of_failed = last.into();
        let name = running.map_or(String::new(), |running| format!("{}: ", running.name));
        match exit_code {
            Some(0) => self.line(Colour::Green, &format!("✓ succeeded after {took}")),
            Some(code) => self.line(Colour::Red, &format!("✗ {name}exit code {code} after {took}")),
            None => self.line(Colour::Yellow, &format!("– {name}ended without an exit code after {took}")),
        }
    }

    fn step_started(&mut self, name: &str, script: &str) {
        self.state.last.clear();
        match self.output {
            StepOutput::Show => {
                self.open(&format!("Run {name}"));
                let script = self.state.redactor.redact(&clean::block(script, LINE_BYTES));
                for line in script.lines() {
                    self.foreign(&format!("$ {line}"));
                }
            }
            StepOutput::Hide => {
                self.undraw();
                let name = name.to_owned();
                self.state.running = Some(RunningStep { name, started: Instant::now(), drawn: None });
                self.draw();
            }
        }
    }

    fn step_output(&mut self, stream: Stream, bytes: &[u8]) {
        self.draw();
        if self.state.open.is_none() && self.style == Style::Actions {
            self.open("Output");
        }
        let slot = match stream {
            Stream::Stdout => 0,
            Stream::Stderr => 1,
        };
        let shown = self.state.redactor.push(&mut self.state.masking[slot], bytes);
        self.add(slot, &shown);
    }

    /// Shows the running step with its time, on a line that goes with the next one printed.
    fn draw(&mut self) {
        let Some(running) = &mut self.state.running else { return };
        if running.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        let is_first = running.drawn.is_none();
        running.drawn = Some(Instant::now());
        let (took, name) = (text::duration(running.started.elapsed()), running.name.clone());
        let line = self.state.redactor.redact(&clean::line(&format!("… {name}"), 60));
        let _ = match self.style {
            Style::Terminal { colour: true } => {
                write!(self.state.out, "\r\u{1b}[K\u{1b}[2m{line} ({took})\u{1b}[0m")
            }
            // Nothing can be drawn over: it is told once.
            _ if is_first => writeln!(self.state.out, "{line}"),
            _ => Ok(()),
        };
    }

    /// Takes the line of the running step away.
    fn undraw(&mut self) {
        if self.style != (Style::Terminal { colour: true }) {
            return;
        }
        if self.state.running.as_mut().is_some_and(|running| running.drawn.take().is_some()) {
            let _ = write!(self.state.out, "\r\u{1b}[K");
        }
    }

    /// Prints the lines that end here, and keeps the rest.
    fn add(&mut self, slot: usize, bytes: &[u8]) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            let pending = &mut self.state.pending[slot];
            let room = LINE_BYTES.saturating_sub(pending.len());
            pending.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                self.flush(slot);
            }
        }
    }

    /// Prints the line that a stream has begun.
    fn flush(&mut self, slot: usize) {
        let bytes = std::mem::take(&mut self.state.pending[slot]);
        let text = String::from_utf8_lossy(&bytes);
        // A progress bar redraws its line: what it drew last is what a terminal would show.
        let shown = text.trim_end_matches(['\r', '\n']);
        let shown = shown.rsplit('\r').next().unwrap_or(shown);
        let cleaned = clean::block(shown, LINE_BYTES);
        match self.output {
            StepOutput::Show if cleaned.is_empty() => self.foreign(""),
            StepOutput::Show => cleaned.lines().for_each(|line| self.foreign(line)),
            StepOutput::Hide => {
                self.state.last.extend(cleaned.lines().map(str::to_owned));
                let excess = self.state.last.len().saturating_sub(LAST_LINES);
                self.state.last.drain(..excess);
            }
        }
    }

    /// What is known beside the runs themselves.
    fn known_beside(&mut self, event: &Event) {
        match event {
            Event::GreenInCi { jobs, .. } => {
                let jobs = jobs.iter().map(|job| clean::line(job, 200)).collect::<Vec<_>>().join(", ");
                self.line(Colour::Green, &format!("nothing failed in CI: {jobs}"));
            }
            Event::LastGreenKnown { run } => {
                let url =
                    run.url.as_deref().map_or(String::new(), |url| format!(" ({})", clean::line(url, 2000)));
                self.line(Colour::Dim, &format!("last green at {}{url}", run.commit.short()));
            }
            event => {
                if let Some(line) = changes::line(event) {
                    self.line(Colour::Dim, &line);
                }
            }
        }
    }

    fn executed(&mut self, purpose: Purpose, result: &ExecutionResult) {
        self.close();
        let what = match purpose {
            Purpose::Baseline => "the failing commit",
            Purpose::Repeat => "the failing commit, once more",
            Purpose::Attempt => "with the fix",
            Purpose::FinalProof => "with the fix, from scratch",
            Purpose::ProtectedProof => "with the fix, from scratch, every protected file restored",
            Purpose::RepeatedProof => "with the fix, once more up to the step that failed",
            Purpose::Uncover => "the failing commit, going on behind the failing step",
            Purpose::CounterProof => "with the fix and failures planted beside it",
            Purpose::LastGreen => "the last green commit, up to the step that CI never reached",
        };
        let step = result.failed_step.and_then(|index| result.steps.get(index));
        let step = step.map_or(String::new(), |step| format!(" in step {}", step.name));
        let colour = if result.is_green() { Colour::Green } else { Colour::Red };
        let last = std::mem::take(&mut self.state.last_of_failed);
        let is_shown = !result.is_green() && !matches!(purpose, Purpose::Repeat | Purpose::CounterProof);
        if self.output == StepOutput::Hide && is_shown {
            last.iter().for_each(|line| self.foreign(line));
        }
        let exit = text::ending(result);
        self.line(colour, &format!("{what}: {exit}{step} ({})", text::duration(result.duration)));
        for note in &result.notes {
            self.line(Colour::Dim, &format!("  note: {note}"));
        }
    }

    fn diagnosed(&mut self, bugs: Vec<BugReport>) {
        for bug in bugs.iter().take(BUGS) {
            self.line(Colour::Bold, &format!("• {}", text::bug_with_message(bug)));
        }
        if bugs.len() > BUGS {
            self.line(Colour::Bold, &format!("• and {} more", bugs.len() - BUGS));
        }
        self.state.bugs = bugs.into_iter().map(|bug| (bug.fingerprint.clone(), bug)).collect();
    }

    fn fix(&self, proposal: &Offer) -> String {
        let bugs: Vec<&BugReport> = proposal.bugs.iter().filter_map(|f| self.state.bugs.get(f)).collect();
        text::fix(&bugs, &proposal.fix)
    }

    fn applied(&mut self, diff: &str) {
        self.open("Diff");
        let diff = clean::block(diff, 64 * 1024);
        for line in self.state.redactor.redact(&diff).lines() {
            self.foreign(line);
        }
        self.close();
    }

    fn published(&mut self, published: &Published) {
        let address = published.pull_request.as_ref().map(|pr| &pr.url).or(published.url.as_ref());
        let address = address.map_or(String::new(), |url| format!(": {url}"));
        let (branch, commit) = (published.branch.as_str(), published.commit.short());
        self.line(Colour::Green, &format!("pushed {commit} to {branch}{address}"));
    }

    fn watched(&mut self, result: &CiResult) {
        let run = result.run.as_ref().map_or(String::new(), |run| format!(" ({})", run.url));
        self.line(
            Colour::Bold,
            &format!("CI on the heal branch: {}{run}", text::ci_verdict(&result.verdict)),
        );
    }

    /// Begins a group of foreign text.
    fn open(&mut self, title: &str) {
        self.close();
        if self.style == Style::Actions {
            let stop = StopCommands::new();
            self.raw(&group(&self.state.redactor.redact(title)));
            self.raw(&stop.stop());
            self.state.open = Some(stop);
        } else {
            self.line(Colour::Dim, title);
        }
    }

    /// Ends the group, if one is open.
    fn close(&mut self) {
        for slot in 0..self.state.pending.len() {
            let rest = self.state.redactor.finish(&mut self.state.masking[slot]);
            self.add(slot, &rest);
            if !self.state.pending[slot].is_empty() {
                self.flush(slot);
            }
        }
        if let Some(stop) = self.state.open.take() {
            self.raw(&stop.resume());
            self.raw(END_GROUP);
        }
    }

    /// A line of foreign text inside a group.
    fn foreign(&mut self, line: &str) {
        // Once more: what cleaning took away may have stood in the middle of a secret.
        let line = &self.state.redactor.redact(line);
        match self.style {
            Style::Actions => self.raw(&defuse_legacy(line)),
            Style::Terminal { colour } => {
                let bar = if colour { "\u{1b}[2m│\u{1b}[0m" } else { "│" };
                self.raw(&format!("  {bar} {line}"));
            }
        }
    }

    /// A line of ours. Inside a group the runner reads no commands, so it needs no closing.
    fn line(&mut self, colour: Colour, line: &str) {
        let indent: String = line.chars().take_while(|&c| c == ' ').collect();
        let line = format!("{indent}{}", self.state.redactor.redact(&inert_line(line)));
        let coloured = match self.style {
            Style::Actions => true,
            Style::Terminal { colour } => colour,
        };
        match colour.code() {
            code if coloured && !code.is_empty() => self.raw(&format!("\u{1b}[{code}m{line}\u{1b}[0m")),
            _ => self.raw(&line),
        }
    }

    fn raw(&mut self, line: &str) {
        self.undraw();
        let _ = writeln!(self.state.out, "{line}");
    }
}

/// `gemini gemini-3.5-flash, confidence 0.92`
fn by(proposal: &Offer) -> String {
    let model = proposal.model.as_deref().map_or(String::new(), |model| format!(" {model}"));
    format!("{}{model}, confidence {:.2}", proposal.provider, proposal.confidence)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::contract::event::LogFacts;
    use crate::report::sample;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn render(style: Style, events: Vec<Event>) -> String {
        let shared = Shared::default();
        let console = Console::new(style, StepOutput::Show, Box::new(shared.clone()));
        events.into_iter().for_each(|event| console.emit(event));
        let bytes = shared.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn output(stream: Stream, text: &str) -> Event {
        Event::Output { stream, bytes: text.as_bytes().to_vec() }
    }

    fn story() -> Vec<Event> {
        vec![
            Event::Planned { plan: Box::new(sample::plan()) },
            Event::StepStarted { index: 1, name: "Test".to_owned(), script: "pytest -q".to_owned() },
            output(Stream::Stdout, "collect"),
            output(Stream::Stderr, "a warning\n"),
            output(Stream::Stdout, "ing\n 10%\r 50%\r100%\nno end of line"),
            Event::StepEnded { index: 1, exit_code: Some(1), duration: Duration::from_secs(4) },
            Event::Executed {
                purpose: Purpose::Baseline,
                job: 0,
                result: Box::new(sample::execution(1)),
                log: LogFacts::default(),
                bugs: sample::diagnosis().bugs,
                tests: Vec::new(),
            },
        ]
    }

    #[test]
    fn a_terminal_shows_the_story() {
        insta::assert_snapshot!(render(Style::Terminal { colour: false }, story()), @r"
        plan: .github/workflows/ci.yml, job test, in python:3.12-bookworm (actions/setup-python with python-version 3.12)
          1. Install
          2. Test
        Run Test
          │ $ pytest -q
          │ a warning
          │ collecting
          │ 100%
          │ no end of line
        ✗ exit code 1 after 4.0 s
        the failing commit: exit code 1 in step Test (13 s)
        • IMPORT error in src/app.py line 3: cannot import name 'foo'
        • LOGIC error in src/calc.py line 8 (test tests/test_calc.py::test_add): assert 3 == 4
        ");
    }

    #[test]
    fn of_steps_whose_output_is_hidden_their_time_and_last_lines_are_shown() {
        let shown = |colour: bool| {
            let shared = Shared::default();
            let console =
                Console::new(Style::Terminal { colour }, StepOutput::Hide, Box::new(shared.clone()));
            story().into_iter().for_each(|event| console.emit(event));
            let bytes = shared.0.lock().unwrap().clone();
            String::from_utf8(bytes).unwrap()
        };
        insta::assert_snapshot!(shown(false), @r"
        plan: .github/workflows/ci.yml, job test, in python:3.12-bookworm (actions/setup-python with python-version 3.12)
          2 steps
        … Test
        ✗ Test: exit code 1 after 4.0 s
          │ a warning
          │ collecting
          │ 100%
          │ no end of line
        the failing commit: exit code 1 in step Test (13 s)
        • IMPORT error in src/app.py line 3: cannot import name 'foo'
        • LOGIC error in src/calc.py line 8 (test tests/test_calc.py::test_add): assert 3 == 4
        ");
        let drawn = shown(true);
        let (line, rest) = drawn.split_once("… Test (0.0 s)\u{1b}[0m").expect(&drawn);
        assert!(line.ends_with("\r\u{1b}[K\u{1b}[2m"), "{line:?}");
        assert!(rest.starts_with("\r\u{1b}[K\u{1b}[31m✗ Test: exit code 1"), "{rest:?}");
    }

    #[test]
    fn no_secret_is_shown_wherever_the_output_is_cut() {
        const KEY: &str = "gsk_groq-Canary-2c7f41aa";
        let text = format!(
            "one {KEY}\ntwo {KEY} three\nfour gsk_groq\n-Canary-2c7f41aa five\n\u{1b}[1mgsk_groq-\u{1b}[31mCanary-2c7f41aa\u{1b}[0m\nlast gsk_groq"
        );
        for style in [Style::Terminal { colour: false }, Style::Actions] {
            for size in 1..text.len() {
                let shared = Shared::default();
                let console = Console::new(style, StepOutput::Show, Box::new(shared.clone()));
                console.redact(Redactor::new(&[KEY.into()]));
                console.emit(Event::StepStarted {
                    index: 0,
                    name: format!("echo {KEY}"),
                    script: format!("echo {KEY}"),
                });
                for piece in text.as_bytes().chunks(size) {
                    console.emit(Event::Output { stream: Stream::Stdout, bytes: piece.to_vec() });
                }
                console.emit(Event::StepEnded { index: 0, exit_code: Some(0), duration: Duration::ZERO });
                console.emit(Event::Warning { what: format!("about {KEY}") });
                console.say(KEY);
                console.block(&format!("a\n{KEY}"));
                let bytes = shared.0.lock().unwrap().clone();
                let shown = String::from_utf8(bytes).unwrap();
                assert!(!shown.contains("Canary"), "{shown}");
                let lines: Vec<&str> = shown
                    .lines()
                    .map(|l| l.trim_start_matches([' ', '│']))
                    .skip_while(|l| !l.starts_with("one"))
                    .take(6)
                    .collect();
                assert_eq!(lines, ["one ***", "two *** three", "four ***", "five", "***", "last gsk_groq"]);
                assert!(shown.contains("about ***"), "{shown}");
            }
        }
    }

    /// Reads a log as the runner does: the commands it would carry out.
    fn commands_in(log: &str) -> Vec<String> {
        let mut stopped: Option<String> = None;
        let mut found = Vec::new();
        for line in log.split(['\n', '\r']) {
            let line = line.trim_start();
            if let Some(token) = &stopped {
                if line.to_lowercase().starts_with(&format!("::{token}::")) {
                    stopped = None;
                }
                continue;
            }
            if let Some(token) = line.strip_prefix("::stop-commands::") {
                stopped = Some(token.to_lowercase());
            } else if line.starts_with("::") || line.contains("##[") {
                found.push(line.to_owned());
            }
        }
        assert!(stopped.is_none(), "commands stay switched off");
        found
    }

    #[test]
    fn a_workflow_log_has_groups_and_no_other_commands() {
        let log = render(Style::Actions, story());
        assert_eq!(commands_in(&log), ["::group::Run Test", "::endgroup::"]);
    }

    proptest! {
        #[test]
        fn hostile_output_is_never_a_command(
            parts in prop::collection::vec("(::|##\\[|error|\\]|\n|\r|stop-commands|set-env name=x| |\\PC){0,12}", 1..12),
        ) {
            let text = parts.concat();
            let mut events = vec![Event::StepStarted { index: 0, name: text.clone(), script: text.clone() }];
            for (index, part) in parts.iter().enumerate() {
                let stream = if index % 2 == 0 { Stream::Stdout } else { Stream::Stderr };
                events.push(output(stream, part));
            }
            let mut bug = sample::bug("a.py", 1);
            bug.message = text.clone();
            bug.file = Some(text.clone());
            events.extend([
                Event::Warning { what: text.clone() },
                Event::StepEnded { index: 0, exit_code: None, duration: Duration::ZERO },
                Event::CiDiagnosed { log: LogFacts::default(), bugs: vec![bug], tests: Vec::new() },
                Event::Progress { what: text.clone() },
                Event::Applied { proposal: Box::new(sample::offer(&text)), diff: format!("-{text}\n+x\n") },
                Event::Proposed { proposal: Box::new(sample::offer(&text)) },
                Event::Reverted { why: text, progress: None },
            ]);
            let commands = commands_in(&render(Style::Actions, events));
            for command in &commands {
                prop_assert!(command.starts_with("::group::") || command == "::endgroup::", "{command:?}");
                prop_assert!(!command.contains("##["), "{command:?}");
            }
            prop_assert_eq!(commands.len(), 4);
        }
    }
}
