//! Jobs that hand something to the one that is planned, and run before it in the same sandbox: those whose artifacts nobody
//! has, and those whose outputs it asks for, which GitHub tells nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::contract::build::PlanStep;

use super::PlanRequest;
use super::artifacts::{self, Made};
use super::assemble::job_scope;
use super::contexts::{Hashes, JobContexts, NeededJob};
use super::jobs::Candidate;
use super::steps::{self, Artifacts, Planned, RealActions};
use super::yaml::Node;

/// Jobs that run before one, those before them included.
const MAX_JOBS: usize = 8;
const MAX_DEPTH: usize = 4;
/// More than a plan has steps.
const INSTANCES: usize = 10_000;

/// The jobs that run first.
pub(super) struct Producers<'a> {
    all: &'a [Candidate],
    request: &'a PlanRequest<'a>,
    hashes: Arc<Hashes>,
    real: RealActions<'a>,
    jobs: Vec<Producer>,
    pub(super) notes: Vec<String>,
}

struct Producer {
    path: Vec<String>,
    name: String,
    planned: Planned,
    tells: NeededJob,
}

/// What a job wants of those it needs, and what of it is there now.
pub(super) struct Given {
    pub(super) made: Vec<Made>,
    pub(super) needs: Option<Arc<Vec<NeededJob>>>,
}

impl<'a> Producers<'a> {
    pub(super) fn new(
        all: &'a [Candidate],
        request: &'a PlanRequest<'a>,
        hashes: Arc<Hashes>,
        real: RealActions<'a>,
    ) -> Self {
        Self { all, request, hashes, real, jobs: Vec::new(), notes: Vec::new() }
    }

    /// Finds those that a job, planned without them, asks for; `None`: none of them gives it anything.
    pub(super) fn give(&mut self, candidate: &Candidate, planned: &Planned, depth: usize) -> Option<Given> {
        let mut asked = planned.asked_outputs.clone();
        let of_job = [&candidate.workflow.env, &candidate.job().env];
        of_job.into_iter().flatten().for_each(|node| steps::asked_outputs(node, &mut asked));
        if (planned.lacking.is_empty() && asked.is_empty()) || depth > MAX_DEPTH {
            return None;
        }
        let all = self.all;
        for other in all.iter().filter(|other| is_needed(candidate, other, all)) {
            let is_asked = is_direct(candidate, other)
                && other.job().outputs.is_some()
                && other.path.last().is_some_and(|id| asked.contains(id));
            self.add(other, is_asked, planned, depth);
        }
        let wants = |made: &Made| {
            let takes = |name: &String| planned.lacking.iter().any(|w| artifacts::takes(w, name));
            made.as_ref().is_none_or(takes)
        };
        let made: Vec<Made> =
            self.jobs.iter().flat_map(|job| &job.planned.made).filter(|made| wants(made)).cloned().collect();
        let tells = self.jobs.iter().filter(|job| {
            job.path.len() == candidate.path.len()
                && job.path.last().is_some_and(|id| asked.contains(id))
                && candidate.needs.contains(&job.path)
        });
        let tells: Vec<NeededJob> = tells.map(|job| job.tells.clone()).collect();
        if made.is_empty() && tells.is_empty() {
            return None;
        }
        Some(Given { made, needs: (!tells.is_empty()).then(|| Arc::new(tells)) })
    }

    /// Plans a job that may give something, and keeps it where it does.
    fn add(&mut self, other: &Candidate, is_asked: bool, wanting: &Planned, depth: usize) {
        let is_known = |job: &Producer| job.path == other.path && (is_asked || job.name == other.name);
        if self.jobs.iter().any(is_known) {
            return;
        }
        let uploads = !wanting.lacking.is_empty() && steps::uploads(&other.job().steps);
        if !is_asked && !uploads {
            return;
        }
        if let Some(why) = why_not(other) {
            self.notes.push(format!("the job `{}` would have to run first, and {why}", other.name));
            return;
        }
        let Some((planned, _)) = self.plan(other, None) else { return };
        let gives = planned.made.iter().any(|made| {
            made.as_ref().is_none_or(|name| wanting.lacking.iter().any(|w| artifacts::takes(w, name)))
        });
        if !is_asked && !gives {
            return;
        }
        let given = self.give(other, &planned, depth + 1);
        let (planned, contexts) = match given {
            Some(given) => match self.plan(other, Some(&given)) {
                Some(planned) => planned,
                None => return,
            },
            None => match self.plan(other, None) {
                Some(planned) => planned,
                None => return,
            },
        };
        if self.jobs.len() >= MAX_JOBS {
            self.notes.push(format!(
                "the job `{}` would have to run first; no more than {MAX_JOBS} do",
                other.name
            ));
            return;
        }
        self.notes.push(format!(
            "the job `{}` runs first, in the same sandbox: what it makes is needed here",
            other.name
        ));
        let outputs = other.job().outputs.as_ref().map_or(&[][..], Node::entries);
        let outputs = outputs.iter().map(|(key, node)| (key.text.clone(), node.clone())).collect();
        let id = other.path.last().cloned().unwrap_or_default();
        let tells = NeededJob { id, contexts, outputs };
        self.jobs.push(Producer { path: other.path.clone(), name: other.name.clone(), planned, tells });
    }

    fn plan(&mut self, other: &Candidate, given: Option<&Given>) -> Option<(Planned, Arc<JobContexts>)> {
        let number = self.jobs.len() + 1;
        let contexts = Arc::new(JobContexts {
            prefix: format!("__job{number}."),
            open_needs: given.and_then(|given| given.needs.clone()),
            ..other.contexts.as_ref().clone()
        });
        let real = RealActions {
            artifacts: Artifacts {
                made_before: given.map_or(&[], |given| &given.made),
                is_producer: true,
                ..self.real.artifacts
            },
            first_instance: number * INSTANCES,
            ..self.real
        };
        let scope = job_scope(other, contexts.clone());
        let planned =
            steps::plan(&other.job().steps, scope, self.request.tree, &[], self.hashes.clone(), real);
        match planned {
            Ok(planned) => Some((planned, contexts)),
            Err(error) => {
                self.notes
                    .push(format!("the job `{}` would have to run first, and cannot: {error}", other.name));
                None
            }
        }
    }

    /// The steps of the jobs that run first, then the job's own.
    pub(super) fn before(self, mut last: Planned) -> Planned {
        let mut whole: Option<Planned> = None;
        for job in self.jobs {
            let mut planned = job.planned;
            for (step, displayed) in planned.steps.iter_mut().zip(&mut planned.displayed) {
                step.name = format!("{} / {}", job.name, step.name);
                *displayed = format!("{} / {displayed}", job.name);
            }
            let name = format!("{} / Leave its workspace", job.name);
            planned.steps.push(PlanStep {
                name: name.clone(),
                run: artifacts::END_OF_JOB.to_owned(),
                working_directory: ".".to_owned(),
                origin: format!("emulates the end of the job {}", job.name),
                begins_job: true,
                ..PlanStep::default()
            });
            planned.templates.push(None);
            planned.displayed.push(name);
            planned.notes.clear();
            whole = Some(match whole {
                Some(before) => join(before, planned),
                None => planned,
            });
        }
        if let Some(before) = whole {
            let checkout = last.checkout.take().or_else(|| before.checkout.clone());
            last = Planned { checkout, ..join(before, last) };
        }
        last
    }
}

/// Two plans as one, in this order.
fn join(mut first: Planned, mut then: Planned) -> Planned {
    let count = first.steps.len();
    for skipped in &mut then.skipped {
        skipped.needed_from = skipped.needed_from.map(|from| from + count);
    }
    then.passed_over.iter_mut().for_each(|(at, _)| *at += count);
    first.steps.append(&mut then.steps);
    first.templates.append(&mut then.templates);
    first.displayed.append(&mut then.displayed);
    first.skipped.append(&mut then.skipped);
    first.passed_over.append(&mut then.passed_over);
    first.notes.append(&mut then.notes);
    first.known.append(&mut then.known);
    first.requested.append(&mut then.requested);
    first.used.append(&mut then.used);
    first.needs.maven |= then.needs.maven;
    first.needs.gradle |= then.needs.gradle;
    for used in then.actions {
        if !first.actions.contains(&used) {
            first.actions.push(used);
        }
    }
    first.artifacts.append(&mut then.artifacts);
    Planned { checkout: then.checkout, ..first }
}

/// Whether the job can run beside another in one sandbox.
fn why_not(other: &Candidate) -> Option<&'static str> {
    let job = other.job();
    if !other.runner.is_reproducible() {
        return Some("it runs on another system");
    }
    if job.container.is_some() || job.services.is_some() {
        return Some("it has a container or services of its own");
    }
    other.is_switched_off.then_some("its own condition is false here")
}

fn is_direct(candidate: &Candidate, other: &Candidate) -> bool {
    candidate.needs.contains(&other.path)
}

/// Whether the job waits for the other one, also through others.
fn is_needed(candidate: &Candidate, other: &Candidate, all: &[Candidate]) -> bool {
    let mut needs: BTreeSet<&[String]> = BTreeSet::new();
    let mut open: Vec<&Candidate> = vec![candidate];
    while let Some(job) = open.pop() {
        for need in &job.needs {
            if needs.insert(need) {
                open.extend(all.iter().filter(|c| c.path.starts_with(need)));
            }
        }
    }
    other.path != candidate.path && (1..=other.path.len()).any(|length| needs.contains(&other.path[..length]))
}

#[cfg(test)]
mod tests;
