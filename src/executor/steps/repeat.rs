//! A step once more, at once and in the same container: does what it came to come by chance?
//!
//! What a repeat does is told beside the run and never changes its verdict. The step finds what its last run left, unlike
//! in a container of its own; so a repeat that agrees is worth a run, and one that does not is only a reason to ask again
//! from scratch.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Abort, Job, LogBuffer, StepRecords, probe};
use crate::contract::build::{PlanStep, RepeatedStep, ReportVariable};
use crate::contract::event::{Event, EventSink};

/// How much longer than the step's last run a repeat may take, beside that time again.
const SPARE: Duration = Duration::from_secs(20);

/// The repeat is no step of the plan: its output is nobody's.
struct Quiet;

impl EventSink for Quiet {
    fn emit(&self, _: Event) {}
}

/// What a step was run with.
pub(super) struct Ran<'a> {
    pub(super) script: &'a str,
    pub(super) env: &'a BTreeMap<String, String>,
    pub(super) working_directory: &'a str,
    /// What the steps had come to just before it.
    pub(super) before: StepRecords,
}

impl Job<'_> {
    /// Runs a step that has just ended again, as often as is wanted.
    pub(super) async fn repeat(&mut self, index: usize, step: &PlanStep, ran: Ran<'_>) -> Result<(), Abort> {
        let Some(repeats) = self.args.request.repeats else { return Ok(()) };
        // Beside a background step, whose output and end would be taken for the repeat's, nothing is repeated.
        let alone = self.running.is_empty();
        let (Some(exit_code), Some((start, _))) =
            (self.records.results[index].exit_code.filter(|_| alone), self.records.spans[index])
        else {
            return Ok(());
        };
        let wanted = repeats.after(index, exit_code, &self.log.since(start));
        let limit = self.records.results[index].duration * 2 + SPARE;
        let limited = PlanStep { timeout_minutes: Some(limit.as_secs_f64() / 60.0), ..step.clone() };
        for number in 1..=wanted {
            // The run's own time is not for repeats.
            if tokio::time::Instant::now() + limit + SPARE > self.deadline {
                break;
            }
            let what = format!(
                "running step {:?} again ({number} of {wanted}): its result may come by chance",
                step.name
            );
            self.args.sink.emit(Event::Progress { what });
            let file = probe::unknown_name();
            let env =
                repeats.report(index).filter(|_| number == wanted).map(|v| self.with_report(&ran, v, &file));
            match self.once_more(index, &limited, &ran, env.as_ref().unwrap_or(ran.env)).await? {
                Some((exit_code, took)) if took < limit => {
                    self.repeats.push(RepeatedStep { step: index, exit_code });
                    if env.is_some() {
                        let sandbox = self.context.sandbox;
                        self.answers.extend(probe::report_of_repeat(sandbox, index, &file, exit_code).await);
                    }
                }
                // Without a result of its own it tells nothing.
                _ => break,
            }
        }
        Ok(())
    }

    /// The step's environment with a report asked for by its runner's own variable.
    fn with_report(&self, ran: &Ran<'_>, variable: &ReportVariable, file: &str) -> BTreeMap<String, String> {
        let mut env = ran.env.clone();
        let of_job = [&ran.before.state.env, &self.context.passed_on];
        let held = env.get(&variable.name).or_else(|| of_job.iter().find_map(|env| env.get(&variable.name)));
        let value = format!("{} {}{file}", held.map_or("", String::as_str), variable.option);
        env.insert(variable.name.clone(), value.trim_start().to_owned());
        env
    }

    /// The exit code, and how long it took. Everything but the sandbox is afterwards as it was.
    async fn once_more(
        &mut self,
        index: usize,
        step: &PlanStep,
        ran: &Ran<'_>,
        env: &BTreeMap<String, String>,
    ) -> Result<Option<(i64, Duration)>, Abort> {
        let records = std::mem::replace(self.records, ran.before.clone());
        let log = std::mem::replace(self.log, LogBuffer::new(self.log.limits()));
        let sink = std::mem::replace(&mut self.args.sink, &Quiet);
        let in_line_of = self.in_line_of.take();
        let probed = self.probed.len();
        let outcome = match self.begin(index, step, ran.script, env.clone(), ran.working_directory).await {
            Ok(true) => self.until_done(|running, _| running == index).await,
            begun => begun.map(|_| ()),
        };
        self.probed.truncate(probed);
        self.args.sink = sink;
        *self.log = log;
        self.in_line_of = in_line_of;
        let repeated = std::mem::replace(self.records, records);
        outcome?;
        let result = &repeated.results[index];
        Ok(result.exit_code.map(|code| (code, result.duration)))
    }
}
