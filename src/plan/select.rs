//! Which workflow and which of its jobs: from CI's failed jobs, from what the user names, or CI's (`unasked`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::contract::ci::Conclusion;
use crate::contract::git::RepoPath;

use super::actions;
use super::assemble::assemble;
use super::contexts::Hashes;
use super::expr::Value;
use super::jobs::{Candidate, Finder};
use super::results::{Results, Standing};
use super::runner::Runner;
use super::steps::{Artifacts, RealActions};
use super::unasked::plan_ci;
use super::workflow::{self, StepAction, Workflow};
use super::{FailedJob, PlanError, PlanRequest, Planned, detect};

const FOLDER: &str = ".github/workflows/";

pub(super) fn real_actions<'a>(request: &PlanRequest<'a>) -> RealActions<'a> {
    RealActions {
        mode: request.actions_mode,
        trees: request.actions,
        wanted: request.wanted,
        languages: None,
        artifacts: Artifacts {
            of_the_run: request.artifacts.unwrap_or_default(),
            wanted: request.wanted_artifacts,
            ..Artifacts::default()
        },
        first_instance: 0,
    }
}

pub(super) fn select(request: &PlanRequest<'_>) -> Result<Vec<Planned>, PlanError> {
    if let Some(command) = request.command.map(str::trim).filter(|c| !c.is_empty()) {
        return Ok(vec![detect::command(command, request)]);
    }
    let files = workflow_files(request);
    if let Some(named) = request.workflow.filter(|w| !w.is_empty()) {
        let file = find_file(named, &files, request)?;
        return in_workflow(&load(&file, request)?, request);
    }
    match files.as_slice() {
        [] if request.jobs.is_empty() && request.failed.is_empty() => Ok(vec![detect::detect(request)?]),
        [] => Err(PlanError::Choose {
            problem: format!("there is no workflow in {FOLDER}"),
            options: Vec::new(),
        }),
        [only] => in_workflow(&load(only, request)?, request),
        several => in_one_of(several, request),
    }
}

fn workflow_files(request: &PlanRequest<'_>) -> Vec<String> {
    let is_workflow = |path: &str| {
        path.strip_prefix(FOLDER)
            .is_some_and(|n| !n.contains('/') && (n.ends_with(".yml") || n.ends_with(".yaml")))
    };
    request
        .tree
        .files()
        .iter()
        .map(|f| f.path.as_ref().to_owned())
        .filter(|p: &String| is_workflow(p))
        .collect()
}

/// A path as given, or the name of a file among the workflows.
fn find_file(named: &str, files: &[String], request: &PlanRequest<'_>) -> Result<String, PlanError> {
    // GitHub's own `workflow_ref` form: `owner/repo/.github/workflows/ci.yml@refs/heads/main`.
    let path = named.split('@').next().unwrap_or(named);
    let path = path.find(FOLDER).map_or(path, |at| &path[at..]).trim_start_matches("./");
    let tracked = |path: &str| RepoPath::new(path).ok().filter(|p| request.tree.entry(p).is_some());
    let by_name = || files.iter().find(|f| f[FOLDER.len()..] == *path).cloned();
    tracked(path).map(|p| p.as_ref().to_owned()).or_else(by_name).ok_or_else(|| PlanError::Choose {
        problem: format!("there is no workflow file {named}"),
        options: files.to_vec(),
    })
}

fn load(file: &str, request: &PlanRequest<'_>) -> Result<Arc<Workflow>, PlanError> {
    let invalid =
        |problem: &str| PlanError::Invalid { file: file.to_owned(), line: None, problem: problem.to_owned() };
    let path = RepoPath::new(file).map_err(|_| invalid("is not a path in the repository"))?;
    let bytes = request.tree.read(&path).ok_or_else(|| invalid("cannot be read"))?;
    Ok(Arc::new(workflow::read(file, &bytes, !request.failed.is_empty())?))
}

/// No file named: the one that has the jobs asked about, or those that stand for CI.
fn in_one_of(files: &[String], request: &PlanRequest<'_>) -> Result<Vec<Planned>, PlanError> {
    let is_unasked = request.failed.is_empty() && request.jobs.is_empty();
    let mut fits = Vec::new();
    let mut broken = None;
    for file in files {
        let workflow = match load(file, request) {
            Ok(workflow) => workflow,
            Err(error) => {
                broken = broken.or(Some(error));
                continue;
            }
        };
        let fit = if is_unasked {
            true
        } else if request.jobs.is_empty() {
            let all = candidates(&workflow, None, request, &Results::default()).unwrap_or_default();
            request.failed.iter().all(|f| all.iter().any(|c| same_name(&c.name, &f.name)))
        } else {
            request.jobs.iter().all(|j| workflow.jobs.iter().any(|job| is_called(job, j)))
        };
        if fit {
            fits.push(workflow);
        }
    }
    // What cannot be read is nobody's candidate, and may have been meant.
    let note = broken.as_ref().map(|error| format!("a workflow beside it cannot be read: {error}"));
    let noted = |mut plans: Vec<Planned>| {
        if let Some(first) = plans.first_mut() {
            first.plan.notes.extend(note);
        }
        plans
    };
    match (fits.as_slice(), broken) {
        ([], Some(error)) => Err(error),
        _ if is_unasked => plan_ci(&fits, request).map(noted),
        ([only], _) => in_workflow(only, request).map(noted),
        _ => Err(PlanError::Choose {
            problem: "the repository has several workflows: say which one".to_owned(),
            options: if fits.is_empty() {
                files.to_vec()
            } else {
                fits.iter().map(|w| w.file.clone()).collect()
            },
        }),
    }
}

/// It has a command of its own, an action of the repository, or one that wraps a command.
pub(super) fn runs_something(job: &workflow::Job) -> bool {
    fn runs(step: &workflow::Step) -> bool {
        match &step.action {
            StepAction::Run { .. } => true,
            StepAction::Parallel(group) => group.iter().any(runs),
            StepAction::Uses { uses, .. } => uses.starts_with('.') || actions::wraps_a_command(uses),
            StepAction::Wait(_) | StepAction::WaitAll | StepAction::Cancel(_) => false,
        }
    }
    job.uses.is_some() || job.steps.iter().any(runs)
}

fn is_called(job: &workflow::Job, name: &str) -> bool {
    let first = name.split('/').next().unwrap_or(name).trim();
    job.id.eq_ignore_ascii_case(name) || job.id.eq_ignore_ascii_case(first)
}

pub(super) fn candidates(
    workflow: &Arc<Workflow>,
    only: Option<usize>,
    request: &PlanRequest<'_>,
    results: &Results,
) -> Result<Vec<Candidate>, PlanError> {
    let hashes = Hashes::default();
    let finder = Finder {
        tree: request.tree,
        facts: &request.github,
        vars: &request.vars,
        trusted: !request.failed.is_empty(),
        hashes: &hashes,
        results,
    };
    finder.top(workflow, only, &Arc::new(request.secrets.clone()))
}

fn in_workflow(workflow: &Arc<Workflow>, request: &PlanRequest<'_>) -> Result<Vec<Planned>, PlanError> {
    if !request.failed.is_empty() {
        return of_failed(workflow, request);
    }
    if request.jobs.is_empty() {
        return plan_ci(std::slice::from_ref(workflow), request);
    }
    let nothing = Results::default();
    let asked: Vec<Candidate> =
        request.jobs.iter().map(|name| named(workflow, name, request, &nothing)).collect::<Result<_, _>>()?;
    let (gates, mut work): (Vec<_>, Vec<_>) = asked.into_iter().partition(|candidate| candidate.is_gate);
    if work.is_empty() {
        work = needed_by(&gates, candidates(workflow, None, request, &nothing)?);
    }
    // What those that are planned come to decides about the others among them.
    let planned = || Standing { in_ci: None, is_planned: true };
    let results = Results::new(work.iter().map(|candidate| (&candidate.path[..], planned())));
    let all = candidates(workflow, None, request, &results)?;
    let plans = work
        .iter()
        .map(|work| assemble(again(work, &all), None, &all, request))
        .collect::<Result<Vec<_>, _>>()?;
    if plans.is_empty() {
        return Err(nothing_behind(&gates));
    }
    Ok(with_notes(plans, &gates))
}

/// The same job among others.
fn again<'c>(candidate: &'c Candidate, all: &'c [Candidate]) -> &'c Candidate {
    all.iter().find(|c| c.path == candidate.path && c.name == candidate.name).unwrap_or(candidate)
}

/// The jobs whose results gate jobs look at, also through other gates; of a matrix the one that runs here best.
fn needed_by(gates: &[Candidate], all: Vec<Candidate>) -> Vec<Candidate> {
    let needs = needs_of(gates, &all);
    let behind = all.into_iter().filter(|c| !c.is_gate && is_among(c, &needs)).collect();
    by_path(behind).iter().filter_map(|group| best(group).cloned()).collect()
}

fn needs_of(gates: &[Candidate], all: &[Candidate]) -> BTreeSet<Vec<String>> {
    let mut needs: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut open: Vec<&Candidate> = gates.iter().collect();
    while let Some(gate) = open.pop() {
        for need in &gate.needs {
            if needs.insert(need.clone()) {
                open.extend(all.iter().filter(|c| c.is_gate && c.path.starts_with(need)));
            }
        }
    }
    needs
}

fn is_among(candidate: &Candidate, paths: &BTreeSet<Vec<String>>) -> bool {
    (1..=candidate.path.len()).any(|length| paths.contains(&candidate.path[..length]))
}

/// Gate jobs are told where people look for them: with the plans that stand.
pub(super) fn with_notes(mut plans: Vec<Planned>, gates: &[Candidate]) -> Vec<Planned> {
    if let Some(first) = plans.first_mut() {
        for gate in gates {
            let note = format!(
                "the job `{}` only looks at the results of other jobs; it is judged by CI",
                gate.path_text()
            );
            if !first.plan.notes.contains(&note) {
                first.plan.notes.push(note);
            }
        }
    }
    plans
}

fn nothing_behind(gates: &[Candidate]) -> PlanError {
    let names = gates.iter().map(|gate| format!("`{}`", gate.path_text())).collect::<Vec<_>>().join(", ");
    PlanError::Refused {
        why: format!("{names} only looks at the results of other jobs, and none of those can be run here"),
        remedy: Some("name the job that failed with `job`".to_owned()),
    }
}

/// One plan for each failed job of CI.
fn of_failed(workflow: &Arc<Workflow>, request: &PlanRequest<'_>) -> Result<Vec<Planned>, PlanError> {
    let all = candidates(workflow, None, request, &Results::default())?;
    let requested = |c: &Candidate| {
        request.jobs.is_empty()
            || request
                .jobs
                .iter()
                .any(|j| c.path_text().eq_ignore_ascii_case(j) || c.path[0].eq_ignore_ascii_case(j))
    };
    let found: Vec<(Candidate, &FailedJob)> =
        request.failed.iter().filter_map(|failed| Some((match_failed(&all, failed)?, failed))).collect();
    let gates: Vec<Candidate> =
        found.iter().map(|(c, _)| c).filter(|c| c.is_gate && requested(c)).cloned().collect();
    let mut work: Vec<(Candidate, Option<&FailedJob>)> = found
        .iter()
        .filter(|(c, _)| !c.is_gate && requested(c))
        .map(|(c, failed)| (c.clone(), Some(*failed)))
        .collect();
    if work.is_empty() && !gates.is_empty() {
        let needs = needs_of(&gates, &all);
        let behind = found.iter().filter(|(c, _)| !c.is_gate && is_among(c, &needs));
        work = behind.map(|(c, failed)| (c.clone(), Some(*failed))).collect();
        if work.is_empty() {
            work = needed_by(&gates, all.clone()).into_iter().map(|c| (c, None)).collect();
        }
    }
    let all = candidates(workflow, None, request, &results_in(&all, &found, &work, request))?;
    let mut out = Vec::new();
    let mut refused = None;
    for (candidate, failed) in &work {
        let candidate = match failed {
            Some(failed) => match_failed(&all, failed).unwrap_or_else(|| candidate.clone()),
            None => again(candidate, &all).clone(),
        };
        if let Some(error) = refuse_runner(std::slice::from_ref(&candidate)) {
            refused = Some(error);
            continue;
        }
        match assemble(&candidate, *failed, &all, request) {
            Ok(planned) => out.push(planned),
            Err(error @ PlanError::Refused { .. }) => refused = Some(error),
            Err(error) => return Err(error),
        }
    }
    if !out.is_empty() {
        return Ok(with_notes(out, &gates));
    }
    if !gates.is_empty() {
        return Err(refused.unwrap_or_else(|| nothing_behind(&gates)));
    }
    Err(refused.unwrap_or_else(|| PlanError::Choose {
        problem: format!(
            "none of the failed jobs ({}) is in {}",
            request.failed.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", "),
            workflow.file
        ),
        options: all.iter().map(|c| c.name.clone()).take(50).collect(),
    }))
}

/// What CI says of each job, and which of them get plans of their own.
fn results_in(
    all: &[Candidate],
    found: &[(Candidate, &FailedJob)],
    work: &[(Candidate, Option<&FailedJob>)],
    request: &PlanRequest<'_>,
) -> Results {
    let is_planned = |candidate: &Candidate| {
        candidate.runner.is_reproducible() && work.iter().any(|(work, _)| work.path == candidate.path)
    };
    let failed = found.iter().map(|(candidate, _)| {
        // A gate is as green as what it looks at.
        let is_planned = candidate.is_gate || is_planned(candidate);
        (&candidate.path[..], Standing { in_ci: Some(Conclusion::Failure), is_planned })
    });
    let guessed = work.iter().filter(|(_, failed)| failed.is_none());
    let guessed = guessed.map(|(c, _)| (&c.path[..], Standing { in_ci: None, is_planned: is_planned(c) }));
    let ended = request.ended.iter().filter_map(|job| {
        let candidate = all.iter().find(|c| same_name(&c.name, &job.name))?;
        Some((&candidate.path[..], Standing { in_ci: Some(job.conclusion.clone()), is_planned: false }))
    });
    Results::new(failed.chain(guessed).chain(ended))
}

/// By its name; a matrix job whose values are not known here matches by what stands before the bracket.
fn match_failed(all: &[Candidate], failed: &FailedJob) -> Option<Candidate> {
    if let Some(exact) = all.iter().find(|c| same_name(&c.name, &failed.name)) {
        return Some(exact.clone());
    }
    if let Some(filled) = all.iter().find_map(|c| fill(c, &failed.name)) {
        return Some(filled);
    }
    let stem = |name: &str| name.split(" (").next().unwrap_or(name).trim().to_owned();
    let same: Vec<&Candidate> = all.iter().filter(|c| stem(&c.name) == stem(&failed.name)).collect();
    let open: Vec<&Candidate> =
        all.iter().filter(|c| c.name.contains("${{") && fits_holes(&c.name, &failed.name)).collect();
    match (same.as_slice(), open.as_slice()) {
        ([only], _) | ([], [only]) => Some((*only).clone()),
        _ => None,
    }
}

/// A matrix job whose values come from another job's output: the name that CI shows tells them.
fn fill(candidate: &Candidate, shown: &str) -> Option<Candidate> {
    let unknown = |value: &Value| matches!(value, Value::Unknown(_));
    if !candidate.matrix_job.iter().any(|(_, value)| unknown(value)) {
        return None;
    }
    let (stem, values) = shown.trim().strip_suffix(')')?.rsplit_once(" (")?;
    let values: Vec<&str> = values.split(", ").collect();
    if candidate.name.split(" (").next()? != stem || values.len() != candidate.matrix_job.len() {
        return None;
    }
    let mut filled = candidate.clone();
    for ((_, value), shown) in filled.matrix_job.iter_mut().zip(values) {
        if unknown(value) {
            *value = Value::string(shown);
        } else if value.text().as_deref() != Some(shown) || !value.is_primitive() {
            return None;
        }
    }
    let mut contexts = filled.contexts.as_ref().clone();
    contexts.matrix = Value::object(filled.matrix_job.iter().cloned());
    filled.contexts = Arc::new(contexts);
    shown.clone_into(&mut filled.name);
    Some(filled)
}

/// GitHub cuts long names at 100 characters.
fn same_name(ours: &str, theirs: &str) -> bool {
    let (ours, theirs) = (ours.trim(), theirs.trim());
    ours == theirs
        || theirs.strip_suffix("...").is_some_and(|cut| theirs.chars().count() >= 97 && ours.starts_with(cut))
}

fn fits_holes(pattern: &str, name: &str) -> bool {
    let mut rest = name;
    let mut first = true;
    for piece in pattern.split("${{").map(|p| p.split_once("}}").map_or(p, |(_, after)| after)) {
        match rest.find(piece) {
            Some(at) if !first || at == 0 => rest = &rest[at + piece.len()..],
            _ => return false,
        }
        first = false;
    }
    true
}

/// Windows and macOS cannot stand in a Linux container.
pub(super) fn refuse_runner(candidates: &[Candidate]) -> Option<PlanError> {
    if candidates.iter().any(|c| c.runner.is_reproducible()) {
        return None;
    }
    let first = candidates.first()?;
    let system = if first.runner == Runner::Windows { "Windows" } else { "macOS" };
    let labels = first.labels.as_deref().unwrap_or_default().join(", ");
    Some(PlanError::Refused {
        why: format!(
            "the job `{}` runs on {labels}: a {system} runner is not supported, since the sandbox is a Linux container",
            first.path_text()
        ),
        remedy: Some(
            "choose a job that runs on Linux, or give the commands to reproduce as `command`".to_owned(),
        ),
    })
}

/// Candidates of the same job stand together; the best runner of each is what a plan is made for.
pub(super) fn by_path(all: Vec<Candidate>) -> Vec<Vec<Candidate>> {
    let mut groups: Vec<Vec<Candidate>> = Vec::new();
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    for candidate in all {
        let at = *index.entry(candidate.path_text()).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push(candidate);
    }
    groups
}

pub(super) fn best(group: &[Candidate]) -> Option<&Candidate> {
    [Runner::LinuxX64, Runner::Unclear, Runner::LinuxArm]
        .into_iter()
        .find_map(|runner| group.iter().find(|c| c.runner == runner))
}

fn named(
    workflow: &Arc<Workflow>,
    name: &str,
    request: &PlanRequest<'_>,
    results: &Results,
) -> Result<Candidate, PlanError> {
    let missing = |options: Vec<String>| PlanError::Choose {
        problem: format!("{} has no job `{name}`", workflow.file),
        options,
    };
    let Some(index) = workflow
        .jobs
        .iter()
        .position(|j| j.id.eq_ignore_ascii_case(name))
        .or_else(|| workflow.jobs.iter().position(|j| name.contains('/') && is_called(j, name)))
    else {
        // Perhaps the name that GitHub shows.
        let all = candidates(workflow, None, request, results).unwrap_or_default();
        let shown = all.into_iter().find(|c| same_name(&c.name, name) && c.runner.is_reproducible());
        return shown.ok_or_else(|| missing(workflow.jobs.iter().map(|j| j.id.clone()).take(100).collect()));
    };
    let mut groups = by_path(candidates(workflow, Some(index), request, results)?);
    if name.contains('/') {
        let normal = name.split('/').map(str::trim).collect::<Vec<_>>().join("/");
        let paths: Vec<String> = groups.iter().map(|g| g[0].path_text()).collect();
        groups.retain(|g| g[0].path_text().eq_ignore_ascii_case(&normal));
        if groups.is_empty() {
            return Err(missing(paths));
        }
    }
    if groups.len() > 1 {
        let possible: Vec<&Vec<Candidate>> = groups.iter().filter(|g| best(g).is_some()).collect();
        if let [only] = possible.as_slice()
            && let Some(candidate) = best(only)
        {
            return Ok(candidate.clone());
        }
        return Err(PlanError::Choose {
            problem: format!("the job `{name}` calls a reusable workflow of several jobs: say which one"),
            options: groups.iter().map(|g| g[0].path_text()).collect(),
        });
    }
    let group = groups.pop().unwrap_or_default();
    if let Some(error) = refuse_runner(&group) {
        return Err(error);
    }
    best(&group).cloned().ok_or_else(|| missing(Vec::new()))
}
