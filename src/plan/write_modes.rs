//! The write mode of a check that failed: the plan's own step, with only the command line of this check rewritten.
//!
//! Flags, paths, versions and environment are the step's; the table says which flags make a check write. A log may be
//! forged, so what it states as a command only chooses what is rebuilt here, and is never run as given.

mod python_tasks;
pub(super) mod script;
mod table;
mod workspaces;
pub(super) mod wrappers;

use script::{Command, Word};
use table::{LAUNCHERS, REMEDIES, ROWS, Row};

use super::Evaluator;
use crate::contract::bug::BugReport;
use crate::contract::build::{BuildPlan, JobState, PlanStep, PreparedStep, StepEvaluator};
use crate::contract::git::SourceTree;

/// How deep package scripts and targets may call each other.
const MAX_DEPTH: u8 = 5;

/// Which findings a write mode may fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Findings {
    /// Of these tools, as the parser names them.
    tools: &'static [&'static str],
    /// Of any tool, where the message holds one of these words.
    says: &'static [&'static str],
    /// None whose code begins so; empty: any.
    not: &'static str,
}

impl Findings {
    fn hold(self, bug: &BugReport) -> bool {
        /// What the parser says where it knows no tool: nothing speaks against the check that was run.
        const NO_TOOL: &[&str] = &["unknown", "shell", "make", "github-actions"];
        let tool = bug.tool.as_str();
        let code = bug.code.as_deref().unwrap_or_default();
        let message = bug.message.to_lowercase();
        let named = self.tools.contains(&tool) && (self.not.is_empty() || !code.starts_with(self.not));
        named || NO_TOOL.contains(&tool) || self.says.iter().any(|word| message.contains(word))
    }
}

/// A step that runs a check in its write mode, or what a tool's error names to put things right.
///
/// [`write_commands`] has an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteCommand {
    /// What runs, in a line.
    pub command: String,
    /// It may renew lock files.
    pub may_write_locks: bool,
    script: String,
    step: usize,
    fixes: Findings,
    /// In how many more packages the same check runs.
    also: usize,
}

/// The end of a script that runs in several packages.
const EXIT: &str = "\nexit $failed";

impl WriteCommand {
    /// Whether it may fix this.
    #[must_use]
    pub fn may_fix(&self, bug: &BugReport) -> bool {
        self.fixes.hold(bug)
    }

    /// The plan up to the step of the check, with the write mode in that step's place.
    #[must_use]
    pub fn plan(&self, plan: &BuildPlan) -> BuildPlan {
        let mut fixing = plan.clone();
        fixing.steps.truncate(self.step + 1);
        if let Some(step) = fixing.steps.last_mut() {
            step.id = None;
            step.name = format!("Fix: {}", self.command);
            step.continue_on_error = false;
            step.setup = false;
            step.background = false;
        }
        fixing
    }

    /// Completes the steps of [`WriteCommand::plan`] as `evaluator` does those of `plan`.
    #[must_use]
    pub fn evaluator<'a>(&'a self, plan: &'a BuildPlan, evaluator: &'a Evaluator) -> WriteEvaluator<'a> {
        WriteEvaluator { write: self, original: plan.steps.get(self.step), evaluator }
    }

    /// Runs the same check in another package as well, whatever became of it in the first.
    fn also(&mut self, other: &Self) {
        if self.also == 0 {
            self.script = format!("failed=0\n(\n{}\n) || failed=$?", self.script);
        } else {
            self.script.truncate(self.script.len() - EXIT.len());
        }
        self.also += 1;
        self.script.push_str(&format!("\n(\n{}\n) || failed=$?{EXIT}", other.script));
        self.command = format!("{}; {}", self.command, other.command);
        self.may_write_locks |= other.may_write_locks;
    }

    /// The index of the step that writes.
    #[must_use]
    pub fn step(&self) -> usize {
        self.step
    }
}

/// Condition, environment and folder are the original step's; only the script is another one.
#[derive(Debug)]
pub struct WriteEvaluator<'a> {
    write: &'a WriteCommand,
    original: Option<&'a PlanStep>,
    evaluator: &'a Evaluator,
}

impl StepEvaluator for WriteEvaluator<'_> {
    fn prepare(&self, step: &PlanStep, state: &JobState) -> PreparedStep {
        match self.original.filter(|_| state.steps.len() == self.write.step + 1) {
            None => self.evaluator.prepare(step, state),
            Some(original) => match self.evaluator.prepare(original, state) {
                PreparedStep::Run { env, working_directory, .. } => {
                    PreparedStep::Run { script: self.write.script.clone(), env, working_directory }
                }
                other => other,
            },
        }
    }
}

/// The write modes of all checks in a step, in the step's order.
///
/// ```
/// use ci_healer::contract::git::{RepoPath, SourceTree, TreeFile};
/// use ci_healer::plan::{PlanRequest, plan, write_commands};
///
/// struct Empty;
///
/// impl SourceTree for Empty {
///     fn files(&self) -> &[TreeFile] {
///         &[]
///     }
///
///     fn read(&self, _: &RepoPath) -> Option<Vec<u8>> {
///         None
///     }
/// }
///
/// let command = Some("cd app && ruff check --output-format=github --select I src");
/// let planned = plan(&PlanRequest { command, ..PlanRequest::of(&Empty) }).unwrap();
/// let steps = &planned[0].plan.steps;
/// let write = write_commands(&planned[0].plan, steps.len() - 1, &Empty);
/// assert_eq!(write[0].command, "cd app && ruff check --fix --select I src");
/// assert!(!write[0].may_write_locks);
/// ```
#[must_use]
pub fn write_commands(plan: &BuildPlan, step: usize, tree: &dyn SourceTree) -> Vec<WriteCommand> {
    let mut found: Vec<(usize, WriteCommand)> = Vec::new();
    for command in step_commands(plan, step, tree) {
        let Some(write) = write_command(&command, step) else { continue };
        let same = |(group, known): &&mut (usize, WriteCommand)| {
            command.group > 0 && *group == command.group && known.fixes == write.fixes
        };
        if let Some((_, known)) = found.iter_mut().find(same) {
            known.also(&write);
        } else if !found.iter().any(|(_, known)| *known == write) {
            found.push((command.group, write));
        }
    }
    found.into_iter().map(|(_, write)| write).collect()
}

/// What a tool's error names to put things right, where that takes nothing from the log; it runs where the step runs
/// the same program.
#[must_use]
pub fn remedy(stated: &str, plan: &BuildPlan, step: usize, tree: &dyn SourceTree) -> Option<WriteCommand> {
    let remedy = REMEDIES.iter().find(|remedy| begins_with(stated, remedy.stated))?;
    let text = &plan.steps.get(step).filter(|step| is_shell(step) && !step.run.contains("${{"))?.run;
    let by = |command: &Command| {
        program(&command.words).is_some_and(|at| program_name(&command.words[at]) == remedy.program)
    };
    // An install is set-up itself, and may be what failed.
    let all = script::commands(&format!("{text}\n:")).pop().map(|last| last.setup).unwrap_or_default();
    let setup = match all.iter().position(|line| begins_with(line, remedy.program)) {
        Some(at) => all[..at].to_vec(),
        None => step_commands(plan, step, tree).into_iter().find(by).map(|c| c.setup).unwrap_or_default(),
    };
    let mut write = command_of(&setup, remedy.runs.to_owned(), step);
    write.may_write_locks = true;
    Some(write)
}

/// Whether a command that a log states leads to something that is run: a row of the table, or a remedy.
///
/// ```
/// use ci_healer::plan::is_known_command;
///
/// assert!(is_known_command("ruff check --select I001 --fix src/a.py"));
/// assert!(!is_known_command("npm install left-pad"));
/// ```
#[must_use]
pub fn is_known_command(stated: &str) -> bool {
    let is_row = |command: &Command| {
        let at = program(&command.words);
        at.is_some_and(|at| ROWS.iter().any(|row| arguments(row, &command.words, at, true).is_some()))
    };
    REMEDIES.iter().any(|remedy| begins_with(stated, remedy.stated))
        || script::commands(stated).iter().any(is_row)
}

/// The checks that have a write mode, and whether a test runs it with the real tool.
///
/// ```
/// assert!(ci_healer::plan::write_modes().any(|(check, ran)| check == "cargo fmt" && ran));
/// ```
pub fn write_modes() -> impl Iterator<Item = (String, bool)> {
    ROWS.iter().map(|row| {
        let own = match row.command {
            table::Command::Words(own) | table::Command::Becomes(own, _) => own.join(" "),
            table::Command::Task(_, task) => task.to_owned(),
        };
        (format!("{} {own}", row.program).trim_end().to_owned(), row.tested == table::Tested::Run)
    })
}

fn begins_with(text: &str, words: &str) -> bool {
    text.trim().strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

pub(super) fn is_shell(step: &PlanStep) -> bool {
    let program =
        step.shell.as_deref().unwrap_or("bash").split_whitespace().next().unwrap_or("bash").to_owned();
    matches!(program.rsplit('/').next(), Some("bash" | "sh"))
}

/// All commands of a step that can be run on their own, those behind package scripts and targets among them.
fn step_commands(plan: &BuildPlan, step: usize, tree: &dyn SourceTree) -> Vec<Command> {
    plan.steps.get(step).map(|step| commands_of(step, tree)).unwrap_or_default()
}

/// See [`step_commands`].
pub(super) fn commands_of(step: &PlanStep, tree: &dyn SourceTree) -> Vec<Command> {
    if step.wait.is_some() || !is_shell(step) {
        return Vec::new();
    }
    // What only the run knows may be any words.
    if step.run.contains("${{") {
        return Vec::new();
    }
    let folder = wrappers::enter("", &step.working_directory);
    let mut found = Vec::new();
    unwrap(script::commands(&step.run), folder.as_deref(), tree, 0, &mut found);
    found
}

fn unwrap(
    commands: Vec<Command>,
    folder: Option<&str>,
    tree: &dyn SourceTree,
    depth: u8,
    found: &mut Vec<Command>,
) {
    for command in commands {
        let here = folder.and_then(|folder| folder_after(folder, &command.setup));
        let wrapped = here.filter(|_| depth < MAX_DEPTH).map(|at| wrappers::wrapped(&command, &at, tree));
        match wrapped {
            Some(wrapped) if !wrapped.is_empty() => {
                let before = found.len();
                for one in &wrapped {
                    // Setup lines hold the whole way from the step's folder.
                    unwrap(wrappers::inner(one, &command), folder, tree, depth + 1, found);
                }
                if wrapped.len() > 1 {
                    found[before..].iter_mut().for_each(|command| command.group = before + 1);
                }
            }
            _ => found.push(command),
        }
    }
}

/// Where the set-up lines lead; `None` where that is not known.
pub(super) fn folder_after(folder: &str, setup: &[String]) -> Option<String> {
    let mut at = folder.to_owned();
    for line in setup {
        match line.split_once(' ') {
            Some(("cd", to)) => {
                let read = script::commands(&format!("x {to}"));
                let word = read.first()?.words.get(1)?.literal.clone()?;
                at = wrappers::enter(&at, &word)?;
            }
            Some(("pushd", _)) => return None,
            _ if line == "cd" || line.starts_with("popd") => return None,
            _ => {}
        }
    }
    Some(at)
}

fn write_command(command: &Command, step: usize) -> Option<WriteCommand> {
    let at = program(&command.words)?;
    let (row, arguments) = ROWS
        .iter()
        .find_map(|row| arguments(row, &command.words, at, false).map(|arguments| (row, arguments)))?;
    let words: Vec<&str> = command.words[..=at]
        .iter()
        .map(|w| w.raw.as_str())
        .chain(arguments.iter().map(String::as_str))
        .collect();
    let mut write = command_of(&command.setup, format!("{}{}", command.piped, words.join(" ")), step);
    (write.fixes, write.may_write_locks) = (row.fixes, row.locks);
    Some(write)
}

fn command_of(setup: &[String], line: String, step: usize) -> WriteCommand {
    let places = setup.iter().filter(|s| s.starts_with("cd ") || s.starts_with("pushd "));
    let command = places.cloned().chain([line.clone()]).collect::<Vec<_>>().join(" && ");
    let script = setup.iter().cloned().chain([line]).collect::<Vec<_>>().join("\n");
    let fixes = Findings { tools: &[], says: &[], not: "" };
    WriteCommand { command, may_write_locks: false, script, step, fixes, also: 0 }
}

/// Where the program stands that does the work, behind those that only start it.
pub(super) fn program(words: &[Word]) -> Option<usize> {
    let mut at = words.iter().take_while(|w| w.is_assignment()).count();
    for _ in 0..6 {
        let rest = words.get(at..)?;
        // The longest first: `uv tool run` and not a tool named `tool`.
        let launcher = LAUNCHERS
            .iter()
            .filter(|(own, _)| {
                rest.len() > own.len() && own.iter().zip(rest).all(|(text, word)| word.is(text))
            })
            .max_by_key(|(own, _)| own.len());
        let (own, valued) = match launcher {
            Some((own, valued)) => (own.len(), *valued),
            None => match manager_words(rest) {
                Some(count) => (count, &[][..]),
                None => break,
            },
        };
        at += own;
        while let Some(word) = words.get(at) {
            let text = word.literal.as_deref().unwrap_or_default();
            if valued.contains(&text) {
                at += 2;
            } else if text.starts_with('-') || word.is_assignment() {
                at += 1;
            } else {
                break;
            }
        }
    }
    words.get(at)?.literal.is_some().then_some(at)
}

/// The words of a package manager before a package's program: `pnpm --filter web exec`, `yarn workspace web`, and for
/// yarn and pnpm their names alone.
fn manager_words(words: &[Word]) -> Option<usize> {
    const VALUED: &[&str] = &["--filter", "-F", "--prefix", "-C", "--dir", "--cwd", "--workspace"];
    let manager = words.first()?.literal.as_deref()?;
    if !matches!(manager, "npm" | "pnpm" | "yarn" | "bun") {
        return None;
    }
    let mut at = 1;
    while let Some(word) = words.get(at) {
        let text = word.literal.as_deref()?;
        match text {
            "exec" | "x" => {
                let flags = words[at + 1..].iter().take_while(|w| w.raw.starts_with('-')).count();
                return Some(at + 1 + flags);
            }
            "workspace" if manager == "yarn" => at += 2,
            "-w" if manager == "npm" => at += 2,
            "recursive" if manager == "pnpm" => at += 1,
            "workspaces" | "foreach" | "run" if manager == "yarn" => at += 1,
            _ if VALUED.contains(&text) => at += 2,
            _ if text.starts_with('-') => at += 1,
            _ => break,
        }
    }
    (matches!(manager, "yarn" | "pnpm") && is_node_program(words.get(at))).then_some(at)
}

fn is_node_program(word: Option<&Word>) -> bool {
    word.and_then(|w| w.literal.as_deref()).is_some_and(|w| table::NODE_PROGRAMS.contains(&w))
}

/// Without folder, version and the name of a wrapper that a project brings along.
pub(super) fn program_name(word: &Word) -> &str {
    let text = word.literal.as_deref().unwrap_or_default();
    let version = text.char_indices().skip(1).find(|(_, c)| *c == '@').map_or(text.len(), |(at, _)| at);
    let name = text[..version].rsplit('/').next().unwrap_or_default();
    match name {
        _ if text[..version] == *"@taplo/cli" => "taplo",
        "mvnw" => "mvn",
        "gradlew" => "gradle",
        name => name,
    }
}

/// The words behind the program in the row's write mode; `None` where the row does not speak of this command.
/// `stated`: as a log states it, already in its write mode.
fn arguments(row: &Row, words: &[Word], at: usize, stated: bool) -> Option<Vec<String>> {
    if program_name(words.get(at)?) != row.program {
        return None;
    }
    let words = &words[at + 1..];
    let has = |flag: &&str| words.iter().any(|w| w.is(flag) || w.raw.starts_with(&format!("{flag}=")));
    let checks = row.needs.is_empty() || row.needs.iter().any(&has);
    if row.never.iter().any(has) || !(checks || stated) {
        return None;
    }
    let is_option = |w: &Word| w.raw.starts_with(['-', '+']);
    let (head, rest) = match row.command {
        table::Command::Words(own) => (own, behind(words, own)?),
        table::Command::Becomes(own, other) => (other, behind(words, own)?),
        table::Command::Task(any, task) => {
            let names = |w: &Word| any.iter().any(|t| w.literal.as_deref().is_some_and(|w| w.ends_with(t)));
            if !words.iter().any(|w| names(w) || w.is(task)) {
                return None;
            }
            let options = words.iter().filter(|w| is_option(w)).map(|w| w.raw.clone());
            return Some(options.chain([task.to_owned()]).collect());
        }
    };
    // `cargo +nightly fmt`, `go -C sub mod tidy`: options of the program itself stay before.
    let before = words.len() - rest.len() - own_length(row);
    let mut found: Vec<String> = words[..before].iter().map(|w| w.raw.clone()).collect();
    found.extend(head.iter().map(|w| (*w).to_owned()));
    found.extend(row.add.iter().filter(|flag| !rest.iter().any(|w| w.is(flag))).map(|w| (*w).to_owned()));
    let mut skip = false;
    for word in rest {
        if std::mem::take(&mut skip) {
            continue;
        }
        let flag = word.raw.split_once('=').map_or(word.raw.as_str(), |(flag, _)| flag);
        if row.drop_valued.contains(&flag) {
            skip = !word.raw.contains('=');
        } else if !row.drop.iter().any(|d| word.is(d) || *d == flag && flag.starts_with("--")) {
            found.push(word.raw.clone());
        }
    }
    // `cargo fmt -- --check` leaves the dashes.
    if found.last().is_some_and(|w| w == "--") {
        found.pop();
    }
    Some(found)
}

fn own_length(row: &Row) -> usize {
    match row.command {
        table::Command::Words(own) | table::Command::Becomes(own, _) => own.len(),
        table::Command::Task(..) => 0,
    }
}

/// What follows `own`, which may stand behind options of the program itself.
fn behind<'w>(words: &'w [Word], own: &[&str]) -> Option<&'w [Word]> {
    let stands = |at: usize| {
        words.len() >= at + own.len() && own.iter().zip(&words[at..]).all(|(text, word)| word.is(text))
    };
    if own.is_empty() {
        return Some(words);
    }
    let leading = words.iter().take_while(|w| w.raw.starts_with(['-', '+'])).count();
    // The last of the options may have a value.
    [leading, leading + 1].into_iter().find(|at| stands(*at)).map(|at| &words[at + own.len()..])
}

#[cfg(test)]
mod tests;
