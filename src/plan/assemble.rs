//! A chosen job → its `BuildPlan`: image, services, steps, and which of the steps are set-up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::contract::build::{BuildPlan, ImageChoice, JobFolders, MULTI_RUNTIME_IMAGE, PlanStep, Service};
use crate::contract::ci::Conclusion;
use crate::contract::git::SourceTree;
use crate::contract::settings::ActionsMode;

use super::contexts::{self, Hashes, JobContexts, SharedContexts, StepContexts};
use super::expr::Value;
use super::hosted::HostedRunner;
use super::image::{self, RequestedToolchain};
use super::installs;
use super::jobs::{self, Candidate};
use super::out_of_reach;
use super::producers::Producers;
use super::select::real_actions;
use super::step_template::{Evaluator, Layer};
use super::steps::{self, Artifacts, JobScope, RealActions};
use super::yaml::{Kind, Node};
use super::{FailedJob, PlanError, PlanRequest, Planned, versions};

/// Plans one candidate. `failed` is what CI says about it.
pub(super) fn assemble(
    candidate: &Candidate,
    failed: Option<&FailedJob>,
    all: &[Candidate],
    request: &PlanRequest<'_>,
) -> Result<Planned, PlanError> {
    let (tree, sandbox_image) = (request.tree, request.sandbox_image);
    let mut real = real_actions(request);
    let job = candidate.job();
    let workflow = &candidate.workflow;
    let hashes = Arc::new(Hashes::default());
    let mut contexts = candidate.contexts.as_ref().clone();
    let mut notes = workflow.notes.clone();
    notes.extend(candidate.notes.iter().cloned());

    let mut services = services(candidate, &hashes, &mut notes)?;
    contexts.job = job_context(&services);
    let is_chosen = sandbox_image.is_some_and(|image| !image.is_empty() && image != "auto");
    let in_container = job.container.as_ref().is_some_and(|container| !container.is_null()) && !is_chosen;
    contexts.set_folders(&JobFolders::new(request.name(), in_container));
    let workspace = contexts.workspace();
    let ci = failed.map_or(&[][..], |f| &f.steps);
    let plan = |contexts: &JobContexts, real| {
        let scope = job_scope(candidate, Arc::new(contexts.clone()));
        steps::plan(&job.steps, scope, tree, ci, hashes.clone(), real)
    };
    let mut planned = plan(&contexts, real)?;
    let lacking;
    if real.mode == ActionsMode::Auto
        && job.container.is_none()
        && sandbox_image.is_none_or(|image| image.is_empty() || image == "auto")
    {
        let (requested, used) = toolchains(&planned, tree);
        let image = image::choose(&requested, &used, planned.needs);
        lacking = image::lacking(&planned.requested);
        if image.reference == MULTI_RUNTIME_IMAGE && !lacking.is_empty() {
            real = RealActions { languages: Some(&lacking), ..real };
            planned = plan(&contexts, real)?;
        }
    }
    if request.with_producers && job.container.is_none() {
        let mut producers = Producers::new(all, request, hashes.clone(), real);
        let given = producers.give(candidate, &planned, 0);
        notes.append(&mut producers.notes);
        if let Some(given) = given {
            contexts.open_needs = given.needs;
            let artifacts = Artifacts { made_before: &given.made, ..real.artifacts };
            planned = producers.before(plan(&contexts, RealActions { artifacts, ..real })?);
        }
    }
    notes.append(&mut planned.notes);

    if !request.sandbox_docker {
        out_of_reach::mark(&mut planned.steps);
    }
    let passed_over = out_of_reach::pass_over(&mut planned, failed);
    if planned.steps.is_empty() {
        return Err(nothing_left(candidate, &planned));
    }
    let image = image(candidate, &planned, tree, sandbox_image, &hashes, &mut notes)?;
    doubts(&planned.steps, &mut notes);
    for step in &mut planned.steps {
        step.installs = if step.lacks.is_some() { None } else { installs::installs(step, tree) };
    }
    mark_setup(&mut planned.steps, &planned.displayed, failed);
    services.sort_by(|a, b| a.name.cmp(&b.name));

    let matrix = candidate.matrix_job.iter().filter_map(|(k, v)| Some((k.clone(), v.to_json()?))).collect();
    let plan = BuildPlan {
        workflow: Some(workflow.file.clone()),
        job: Some(candidate.path_text()),
        matrix,
        image,
        workspace,
        steps: planned.steps.clone(),
        services,
        skipped: planned.skipped,
        passed_over,
        checkout: planned.checkout,
        actions: planned.actions,
        artifacts: planned.artifacts.into_iter().collect(),
        notes: unique(notes),
    };
    let evaluator =
        Evaluator { steps: planned.steps, templates: planned.templates, known: planned.known, hashes };
    Ok(Planned { plan, evaluator, ci_job: failed.map(|f| f.name.clone()) })
}

fn nothing_left(candidate: &Candidate, planned: &steps::Planned) -> PlanError {
    let left_out = planned.skipped.iter().map(|s| s.step.as_str()).collect::<Vec<_>>().join(", ");
    PlanError::Refused {
        why: format!(
            "the job `{}` has no step that can be run here{}",
            candidate.path_text(),
            if left_out.is_empty() { String::new() } else { format!(" (left out: {left_out})") }
        ),
        remedy: Some("give the commands to reproduce as `command`".to_owned()),
    }
}

/// What a job gives its steps.
pub(super) fn job_scope(candidate: &Candidate, contexts: SharedContexts) -> JobScope {
    let layers = jobs::layers(candidate);
    JobScope {
        file: candidate.workflow.file.clone(),
        layers: layers.into_iter().map(|l| Layer { contexts: contexts.clone(), ..l }).collect(),
        contexts,
        workflow_defaults: candidate.workflow.defaults.clone(),
        job_defaults: candidate.job().defaults.clone(),
    }
}

fn unique(notes: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    notes.into_iter().filter(|n| seen.insert(n.clone())).collect()
}

fn fault(candidate: &Candidate, line: u32, problem: impl Into<String>) -> PlanError {
    PlanError::Invalid { file: candidate.workflow.file.clone(), line: Some(line), problem: problem.into() }
}

/// The toolchains that the steps ask for, and the languages whose tools they use without asking.
fn toolchains(
    planned: &steps::Planned,
    tree: &dyn SourceTree,
) -> (Vec<RequestedToolchain>, BTreeSet<&'static str>) {
    let mut used = planned.used.clone();
    let mut requested = planned.requested.clone();
    // rustup obeys the toolchain file whoever installed it.
    if used.contains("rust")
        && !requested.iter().any(|w| w.language == "rust")
        && let Some((version, path)) = versions::rust_of(tree)
    {
        requested.push(RequestedToolchain {
            language: "rust",
            version: Some(version.clone()),
            from: format!("{path}: {version}"),
        });
    }
    if requested.iter().any(|w| w.language == "node") {
        used.remove("node");
    }
    // A script that only calls Python for a moment should not cost the image its version.
    if requested.iter().any(|w| w.language != "python") && used.contains("python") && requested.len() == 1 {
        let tests_python = planned.steps.iter().any(|s| {
            s.run.lines().any(|l| {
                ["pytest", "tox", "pip ", "pip3 ", "nox", "poetry"]
                    .iter()
                    .any(|t| l.trim_start().starts_with(t))
            })
        });
        if !tests_python && requested[0].language != "java" && requested[0].language != "go" {
            // The official node and rust images have Python 3 as well.
            used.remove("python");
        }
    }
    (requested, used)
}

/// `container:` as it is, else what the set-up steps ask for.
fn image(
    candidate: &Candidate,
    planned: &steps::Planned,
    tree: &dyn SourceTree,
    sandbox_image: Option<&str>,
    hashes: &Hashes,
    notes: &mut Vec<String>,
) -> Result<ImageChoice, PlanError> {
    let (mut requested, used) = toolchains(planned, tree);
    let hosted = candidate.labels.as_deref().and_then(HostedRunner::of);
    let hosted = hosted.filter(|_| candidate.job().container.is_none());
    if let Some(hosted) = hosted {
        hosted.toolchains(&mut requested, &used, notes);
    }
    let mut by_steps = image::choose(&requested, &used, planned.needs);
    by_steps.env.extend(hosted.map(|hosted| ("ImageOS".to_owned(), hosted.image_os.to_owned())));
    if let Some(reference) = sandbox_image.filter(|i| !i.is_empty() && *i != "auto") {
        return Ok(ImageChoice {
            reference: reference.to_owned(),
            why: "sandbox-image says so".to_owned(),
            ..by_steps
        });
    }
    let Some(node) = &candidate.job().container else { return Ok(by_steps) };
    let view = StepContexts::of_job(&candidate.contexts, hashes);
    let at = |(line, problem)| fault(candidate, line, problem);
    let text = |node: Option<&Node>| -> Result<Option<String>, PlanError> {
        node.filter(|n| !n.is_null())
            .map(|n| {
                contexts::text(n, &view).map(|r| r.text).map_err(|e| fault(candidate, n.line, e.to_string()))
            })
            .transpose()
    };
    let (reference, env, options) = if matches!(node.kind, Kind::Map(_)) {
        let env = match node.get("env") {
            Some(env) => {
                contexts::texts(env, &view).map_err(at)?.into_iter().map(|(k, v)| (k, v.text)).collect()
            }
            None => BTreeMap::new(),
        };
        if node.get("credentials").is_some() {
            notes.push("the container's registry credentials are not passed on".to_owned());
        }
        (text(node.get("image"))?.unwrap_or_default(), env, text(node.get("options"))?)
    } else {
        match contexts::value(node, &view).map_err(at)? {
            Value::Object(object) => {
                let get = |key: &str| object.get(key).text().filter(|t| !t.is_empty());
                (get("image").unwrap_or_default(), BTreeMap::new(), get("options"))
            }
            Value::Unknown(unknown) => {
                notes.push(format!(
                    "the container's image comes from {}, which is not known here",
                    unknown.what
                ));
                (String::new(), BTreeMap::new(), None)
            }
            other => (other.text().unwrap_or_default(), BTreeMap::new(), None),
        }
    };
    let reference = reference.trim().trim_start_matches("docker://").to_owned();
    if reference.is_empty() || reference.contains("${{") {
        return Ok(by_steps);
    }
    let mut why = "the job's own container".to_owned();
    for requested in &requested {
        why.push_str(&format!("; {} is taken to be in it", requested.from));
    }
    Ok(ImageChoice { reference, why, from_container: true, env, options, ..by_steps })
}

fn services(
    candidate: &Candidate,
    hashes: &Hashes,
    notes: &mut Vec<String>,
) -> Result<Vec<Service>, PlanError> {
    let Some(node) = &candidate.job().services else { return Ok(Vec::new()) };
    let view = StepContexts::of_job(&candidate.contexts, hashes);
    let mut out = Vec::new();
    for (key, spec) in node.entries() {
        let text = |node: &Node| {
            contexts::text(node, &view)
                .map(|r| r.text)
                .map_err(|e| fault(candidate, node.line, e.to_string()))
        };
        let list = |name: &str| -> Result<Vec<String>, PlanError> {
            match spec.get(name).map(|n| &n.kind) {
                Some(Kind::List(items)) => items.iter().map(&text).collect(),
                Some(Kind::Null) | None => Ok(Vec::new()),
                Some(_) => Err(fault(
                    candidate,
                    spec.line,
                    format!("`{name}` of the service `{}` must be a list", key.text),
                )),
            }
        };
        let image = match (&spec.kind, spec.get("image")) {
            (Kind::Map(_), Some(image)) if !image.is_null() => text(image)?,
            (Kind::String { .. }, _) => text(spec)?,
            _ => {
                return Err(fault(candidate, key.line, format!("the service `{}` has no `image`", key.text)));
            }
        };
        let image = image.trim().trim_start_matches("docker://").to_owned();
        if image.is_empty() {
            // GitHub starts no service whose image is empty.
            notes.push(format!("the service `{}` has an empty image, so it is not started", key.text));
            continue;
        }
        let env = match spec.get("env") {
            Some(env) => contexts::texts(env, &view)
                .map_err(|(line, e)| fault(candidate, line, e))?
                .into_iter()
                .map(|(k, v)| (k, v.text))
                .collect(),
            None => BTreeMap::new(),
        };
        let options = spec.get("options").filter(|n| !n.is_null()).map(text).transpose()?;
        out.push(Service {
            name: key.text.clone(),
            image,
            env,
            ports: list("ports")?,
            volumes: list("volumes")?,
            options,
        });
    }
    if !node.entries().is_empty() && out.iter().any(|s| s.image.contains("${{")) {
        notes.push("a service's image is not known here".to_owned());
    }
    Ok(out)
}

/// `job.services.<name>.ports['5432']`: the host port, which in the sandbox is the one asked for.
fn job_context(services: &[Service]) -> Value {
    let services = services.iter().map(|service| {
        let ports = service.ports.iter().map(|port| {
            let port = port.split('/').next().unwrap_or(port);
            let mut parts = port.rsplit(':');
            let inside = parts.next().unwrap_or_default().to_owned();
            let outside = parts.next().unwrap_or(&inside).to_owned();
            (inside, Value::string(outside))
        });
        (service.name.clone(), Value::object([("ports", Value::object(ports.collect::<Vec<_>>()))]))
    });
    Value::object([("services", Value::object(services.collect::<Vec<_>>()))])
}

fn doubts(steps: &[PlanStep], notes: &mut Vec<String>) {
    for step in steps {
        if step.lacks.is_some() {
            notes.push(format!("`{}` cannot run here: a run that comes to it ends there", step.name));
        }
        if matches!(step.shell.as_deref(), Some("cmd" | "powershell")) {
            notes.push(format!(
                "`{}` asks for the shell {}, which Linux does not have",
                step.name,
                step.shell.as_deref().unwrap_or_default()
            ));
        }
        if step.shell.as_deref() == Some("pwsh") {
            notes.push(format!("`{}` needs PowerShell in the image", step.name));
        }
    }
}

/// Set-up is what comes before the step that failed in CI; where CI was not asked, the installing steps at the start.
fn mark_setup(steps: &mut [PlanStep], displayed: &[String], failed: Option<&FailedJob>) {
    let failing = failed
        .and_then(|f| f.steps.iter().find(|s| s.conclusion.as_ref().is_some_and(Conclusion::is_failure)));
    let first = failing.and_then(|f| displayed.iter().position(|d| d.trim() == f.name.trim()));
    let first = first.unwrap_or_else(|| steps.iter().position(|s| s.installs.is_none()).unwrap_or(0));
    for step in &mut steps[..first] {
        step.setup = true;
    }
}
