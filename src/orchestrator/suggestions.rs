//! What the toolchain offers, in this order: the failing check's own write mode, what a tool's error names to put things
//! right, the edits that the log states. And how any proposal is applied to the clone, or refused.

use std::time::Instant;

use super::driver::Driver;
use super::evidence::Evidence;
use super::progress::Touched;
use super::same_tests::TestsRan;
use super::state::{Answer, AppliedProposal, LoopEvent, State};
use crate::contract::bug::{BugReport, Suggestion};
use crate::contract::build::Exit;
use crate::contract::event::{Event, EventSink as _, Offer, Purpose};
use crate::contract::fix::{FileChange, FixProposal, Rejection, Usage};
use crate::contract::git::SourceTree as _;
use crate::diff::{self, LineDiff};
use crate::executor::{Copies, ExecutorError, Request};
use crate::fixer::{self, GateNotes, Protection, TOOLCHAIN};
use crate::plan::{self, WriteCommand};
use crate::scope::StopReason;

/// What a command changed, and what people should know of it.
#[derive(Default)]
struct Written {
    changes: Vec<FileChange>,
    notes: Vec<String>,
}

impl Driver {
    /// What the toolchain itself suggests: one idea that was not tried yet.
    pub(super) async fn suggest(&mut self, state: &State) -> LoopEvent {
        match self.next_suggestion(state) {
            Some((proposal, write)) => self.offer(state, Some(proposal), write.as_ref()).await,
            None => self.offer(state, None, None).await,
        }
    }

    /// Offers what costs no model: told, and applied where it passes.
    pub(super) async fn offer(
        &mut self,
        state: &State,
        proposal: Option<FixProposal>,
        write: Option<&WriteCommand>,
    ) -> LoopEvent {
        let answer = match proposal {
            None => Answer::Nothing,
            Some(proposal) => {
                self.journal.emit(Event::Proposed { proposal: Box::new(Offer::from(&proposal)) });
                match self.apply(state, proposal, write).await {
                    Ok(answer) => answer,
                    Err(reason) => return LoopEvent::Stopped(reason),
                }
            }
        };
        LoopEvent::Answered { usage: Usage::default(), answer }
    }

    fn next_suggestion(&self, state: &State) -> Option<(FixProposal, Option<WriteCommand>)> {
        let seen = state.current()?;
        // What the policy only diagnoses is nobody's to fix, the tools' included.
        let left = &state.rules.only_diagnosed;
        let (bugs, left_alone): (Vec<BugReport>, Vec<BugReport>) =
            seen.diagnosis.bugs.iter().cloned().partition(|bug| !left.contains(&bug.category));
        let plan = &self.plans[state.leg()].plan;
        // Where only CI's log is known, any step may have written it.
        let steps = seen.observation.failing_step.map_or(0..plan.steps.len(), |step| step..step + 1);
        for write in steps.clone().flat_map(|step| plan::write_commands(plan, step, &self.workspace)) {
            let fixed: Vec<&BugReport> = bugs.iter().filter(|bug| write.may_fix(bug)).collect();
            // A red step whose log says nothing that anybody knows: nothing speaks against its check.
            if (!fixed.is_empty() || bugs.is_empty() && left_alone.is_empty())
                && let Some(proposal) = fixer::command_proposal(&fixed, &write.command, state.history())
            {
                return Some((proposal, Some(write)));
            }
        }
        for bug in &bugs {
            for stated in bug.hint.iter().flat_map(|hint| &hint.suggestions) {
                let Suggestion::Command { run } = stated else { continue };
                let write = steps.clone().find_map(|step| plan::remedy(run, plan, step, &self.workspace));
                if let Some(write) = write
                    && let Some(proposal) = fixer::command_proposal(&[bug], &write.command, state.history())
                {
                    return Some((proposal, Some(write)));
                }
            }
        }
        let edits = fixer::toolchain_proposals(&bugs, &self.workspace, state.history());
        edits.into_iter().next().map(|proposal| (proposal, None))
    }

    /// Applies a proposal that passes the gates; `write` makes the changes of one that has a command.
    pub(super) async fn apply(
        &mut self,
        state: &State,
        mut proposal: FixProposal,
        write: Option<&WriteCommand>,
    ) -> Result<Answer, StopReason> {
        let reject = |proposal: FixProposal, patch: Option<String>, diff: String, reason: Rejection| {
            Ok(Answer::Rejected { proposal: Box::new(proposal), patch, diff, reason })
        };
        let written = match write {
            Some(write) => match self.run_write(state.leg(), write).await? {
                Ok(written) => written,
                Err(why) => {
                    let reason = Rejection::NotApplicable { path: write.command.clone(), why };
                    return reject(proposal, None, String::new(), reason);
                }
            },
            None => match fixer::apply(&proposal.edits, &proposal.window, &self.workspace) {
                Ok(changes) => Written { changes, ..Written::default() },
                Err(reason) => return reject(proposal, None, String::new(), reason),
            },
        };
        let Written { mut changes, notes: mut said } = written;
        let verdict = self.judge(state, &mut proposal, &mut changes, write, &mut said);
        let diff = diff::unified(&changes);
        let patch = Some(fixer::patch_fingerprint(&changes));
        for what in said {
            self.journal.emit(Event::Warning { what });
        }
        let notes = match verdict {
            Ok(notes) => notes,
            Err(reason @ Rejection::OutsideWindow { .. }) => {
                let bugs: Vec<BugReport> = state
                    .current()
                    .map(|seen| seen.bugs(&proposal.bugs).cloned().collect())
                    .unwrap_or_default();
                let (tree, options) = (&self.workspace, &self.fix_options);
                return match fixer::widen(&proposal, &changes, &bugs, tree, options) {
                    None => reject(proposal, patch, diff, reason),
                    Some((wider, needs)) => {
                        Ok(Answer::NeedsContext { proposal: Box::new(wider), diff, needs })
                    }
                };
            }
            Err(reason) => return reject(proposal, patch, diff, reason),
        };
        if let Err(error) = self.workspace.apply(&changes) {
            let reason = Rejection::NotApplicable { path: String::new(), why: error.to_string() };
            return reject(proposal, patch, diff, reason);
        }
        for what in notes.notes {
            self.journal.emit(Event::Warning { what });
        }
        let touched = touched(&changes);
        // Whether the same tests will have run is not known before they ran; that a job runs none is.
        let scripts = self.plans[state.leg()].plan.steps.iter().map(|step| step.run.as_str());
        let tests = TestsRan::of(scripts, &[], &[]);
        let protected = !self.protected_changes_with(tests).restored.is_empty();
        let (classes, needs_counter_proof) = (notes.classes, notes.needs_counter_proof);
        let tested_by = fixer::tests_that_name(&changes, &self.workspace, &self.fix_options.paths);
        let offer = AppliedProposal {
            proposal,
            changes,
            touched,
            classes,
            protected,
            tested_by,
            needs_counter_proof,
        };
        Ok(Answer::Applied(Box::new(offer)))
    }

    /// Judges a proposal whose window holds now what its edits need.
    pub(super) async fn reconsider(&mut self, state: &State, proposal: FixProposal) -> LoopEvent {
        match self.apply(state, proposal, None).await {
            Ok(answer) => LoopEvent::Answered { usage: Usage::default(), answer },
            Err(reason) => LoopEvent::Stopped(reason),
        }
    }

    /// Holds the changes against the gates. Of what a command wrote, files that no fix may touch are left out, and named;
    /// of what is too much for one proposal of the toolchain, as many files stay as one may change: the rest is the
    /// next proposal's.
    fn judge(
        &self,
        state: &State,
        proposal: &mut FixProposal,
        changes: &mut Vec<FileChange>,
        write: Option<&WriteCommand>,
        said: &mut Vec<String>,
    ) -> Result<GateNotes, Rejection> {
        // A command may touch whatever it likes: all failures are asked whether it pleases them.
        let about = |seen: &Evidence| match write {
            Some(_) => seen.diagnosis.bugs.clone(),
            None => seen.bugs(&proposal.bugs).cloned().collect(),
        };
        let bugs: Vec<BugReport> = state.current().map(about).unwrap_or_default();
        let findings = state.current().map_or(&[][..], |seen| &seen.diagnosis.bugs);
        let options = &self.fix_options;
        let gate = |proposal: &FixProposal, changes: &[FileChange]| {
            fixer::gate(proposal, changes, (&bugs, findings), &self.workspace, options, state.history())
        };
        loop {
            let locked = write.filter(|write| !write.may_write_locks).and_then(|_| {
                let is_lock =
                    |c: &&FileChange| options.paths.protection(c.path.as_str()) == Some(Protection::Lock);
                let why = Protection::Lock.why().to_owned();
                changes.iter().find(is_lock).map(|c| Rejection::Path { path: c.path.to_string(), why })
            });
            let reason = match locked.map_or_else(|| gate(proposal, changes), Err) {
                Ok(notes) => return Ok(notes),
                Err(reason) => reason,
            };
            match (&reason, write) {
                (
                    Rejection::Path { path, .. }
                    | Rejection::TestEdit { path }
                    | Rejection::Content { path, .. },
                    Some(write),
                ) if changes.len() > 1 => {
                    said.push(format!(
                        "`{}` also changes {path}, which no fix may touch: left as it was",
                        write.command
                    ));
                    changes.retain(|change| change.path.as_str() != path);
                }
                (Rejection::TooManyFiles { .. } | Rejection::TooManyLines { .. }, _)
                    if proposal.provider == TOOLCHAIN =>
                {
                    let mut fitting: Vec<FileChange> = Vec::new();
                    for change in changes.iter() {
                        fitting.push(change.clone());
                        if gate(proposal, &fitting).is_err() {
                            fitting.pop();
                        }
                    }
                    if fitting.is_empty() {
                        return Err(reason);
                    }
                    proposal.edits.retain(|edit| fitting.iter().any(|change| change.path == edit.path));
                    *changes = fitting;
                }
                _ => return Err(reason),
            }
        }
    }

    /// Runs a write mode in its step's place, and reads back what this step changed.
    async fn run_write(
        &mut self,
        leg: usize,
        write: &WriteCommand,
    ) -> Result<Result<Written, String>, StopReason> {
        let planned = &self.plans[leg];
        let git_dir = match self.workspace.sandbox_git_dir(planned.plan.checkout.as_ref(), &[]) {
            Ok(git_dir) => git_dir,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let plan = write.plan(&planned.plan);
        let evaluator = write.evaluator(&planned.plan, &planned.evaluator);
        let started = Instant::now();
        let request = Request {
            purpose: Purpose::Attempt,
            leg,
            tree: &self.workspace,
            git_dir: git_dir.as_deref(),
            fresh: false,
            from_snapshot: true,
            copies: Copies::None,
            probes: &[],
            repeats: None,
            watched: Some(write.step()),
            tracer: None,
        };
        let journal = self.journal.as_ref();
        let result = self.executor.execute(&plan, &evaluator, &request, journal, &self.scope).await;
        self.clocks.build += started.elapsed();
        if let Some(reason) = self.scope.stopped().filter(|_| result.exit == Exit::Cancelled) {
            return Err(reason);
        }
        let code = result.steps.get(write.step()).and_then(|step| step.exit_code);
        let code = match (result.exit, code) {
            // Most write modes fail where something is left that they cannot fix.
            (Exit::Exited { .. }, Some(code)) => code,
            (Exit::Exited { .. }, None) => return Ok(Err("a step before it failed".to_owned())),
            (Exit::Infrastructure { what }, _) => return Ok(Err(what)),
            (exit, _) => return Ok(Err(format!("the command did not end: {exit:?}"))),
        };
        let changed = match self.executor.changed_files(&self.workspace, &self.scope).await {
            Err(ExecutorError::Stopped(stopped)) => return Err(stopped.reason),
            Err(error) => return Ok(Err(error.to_string())),
            Ok(changed) => changed,
        };
        let mut written = Written::default();
        for (path, content) in changed {
            match content.map(String::from_utf8).transpose() {
                Ok(after) => {
                    let before = self.workspace.read_text(&path);
                    written.changes.push(FileChange { path, before, after });
                }
                Err(_) => {
                    written.notes.push(format!("`{}` also changes {path}, which is no text", write.command));
                }
            }
        }
        Ok(if written.changes.is_empty() && code != 0 {
            Err(format!("the command changed nothing and failed with exit code {code}"))
        } else {
            Ok(written)
        })
    }
}

/// Where the changes lie, in lines of the new files.
fn touched(changes: &[FileChange]) -> Vec<Touched> {
    let mut found = Vec::new();
    for change in changes {
        for op in LineDiff::of(change).hunks() {
            let lines = op.new_range();
            let first = u32::try_from(lines.start + 1).unwrap_or(u32::MAX);
            let last = u32::try_from(lines.end.max(lines.start + 1)).unwrap_or(u32::MAX);
            found.push(Touched { file: change.path.to_string(), first, last });
        }
    }
    found
}
