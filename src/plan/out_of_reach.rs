//! Steps that cannot run here: scripts that call Docker, since the sandbox has no engine, and actions that are not known or
//! need what is not here. One rule for all: passed over where CI's record shows that they passed; where it shows that one
//! failed, or nothing shows what became of a script that calls Docker, the run ends there and says what is missing. To go
//! on would judge the code by what was never there. An action of which nothing is known may be needed by what comes after
//! it, or by nothing: it is left out, and what fails behind it decides.

use crate::contract::build::{PlanStep, SkippedStep};
use crate::contract::ci::Conclusion;

use super::FailedJob;
use super::step_template::InCi;
use super::steps::Planned;

/// What is missing, and what helps.
const DOCKER: &str = "it needs a Docker engine, which the sandbox does not have, and nothing shows that it passed in CI, \
    so what comes behind it was not reached; start what it brings as `services:` of the job, or give the commands that fail as `command`, \
    or, with `mode: patch`, let steps have an engine of their own by `sandbox-docker: on`, which makes them root on this machine";

/// What helps where CI's record shows that an action failed.
const BY_COMMAND: &str = "give the commands that fail as `command`";

/// What becomes of an action that is not run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LeftOut {
    /// In CI it passed.
    PassedOver(SkippedStep),
    /// It failed in CI: the run ends at it.
    Lacks(String),
    /// Nobody knows whether it matters.
    Unknown(SkippedStep),
}

/// What is known of an action that is not run here. `index` is that of the plan's next step, `of_job` says that the step is
/// the job's own and not one inside another, and `after_failure` that it comes behind what failed in CI.
pub(super) fn leave_out(
    name: &str,
    uses: &str,
    why: &str,
    in_ci: Option<InCi>,
    index: usize,
    of_job: bool,
    after_failure: bool,
) -> LeftOut {
    let skipped = SkippedStep::new(uses, why);
    match in_ci {
        _ if after_failure => LeftOut::Unknown(skipped),
        Some(InCi::Passed) => {
            LeftOut::PassedOver(SkippedStep::new(name, format!("{uses} {why}; in CI it passed")))
        }
        Some(InCi::Failed) if of_job => {
            LeftOut::Lacks(format!("{uses} {why}, and in CI it failed; {BY_COMMAND}"))
        }
        Some(InCi::Skipped) => LeftOut::Unknown(skipped),
        _ => LeftOut::Unknown(SkippedStep { needed_from: Some(index), ..skipped }),
    }
}

/// Marks steps that need a Docker engine.
pub(super) fn mark(steps: &mut [PlanStep]) {
    for step in steps.iter_mut().filter(|s| calls_docker(&s.run)) {
        step.lacks = Some(DOCKER.to_owned());
    }
}

fn calls_docker(script: &str) -> bool {
    let calls = |line: &str| {
        let line = line.trim_start().trim_start_matches("sudo ").trim_start();
        let word = line.split([' ', '\t']).next().unwrap_or_default();
        matches!(word, "docker" | "docker-compose" | "podman") && line.len() > word.len()
    };
    script.lines().any(calls)
}

/// Takes those out that passed in CI.
pub(super) fn pass_over(planned: &mut Planned, failed: Option<&FailedJob>) -> Vec<SkippedStep> {
    let mut passed_over = Vec::new();
    for at in (0..planned.steps.len()).rev() {
        let displayed = planned.displayed[at].trim();
        let mut of_ci =
            failed.into_iter().flat_map(|f| &f.steps).filter(|s| s.name.trim() == displayed).peekable();
        let passed = of_ci.peek().is_some() && of_ci.all(|s| s.conclusion == Some(Conclusion::Success));
        if planned.steps[at].lacks.is_some() && passed {
            let step = planned.steps.remove(at);
            planned.templates.remove(at);
            planned.displayed.remove(at);
            let why = "it needs a Docker engine, which the sandbox does not have; in CI it passed";
            passed_over.push((at, SkippedStep::new(step.name, why)));
            for skipped in &mut planned.skipped {
                skipped.needed_from = skipped.needed_from.map(|from| from - usize::from(from > at));
            }
        }
    }
    passed_over.reverse();
    // In the job's order: an action stands before the step whose index it has.
    let actions = std::mem::take(&mut planned.passed_over).into_iter();
    let mut all: Vec<(usize, SkippedStep)> = actions.chain(passed_over).collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, step)| step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_is_seen_where_it_is_called() {
        for (script, want) in [
            ("docker run -d --name pg postgres:16", true),
            ("cd x\n  sudo docker compose up -d\n", true),
            ("echo docker run", false),
            ("command -v docker", false),
            ("dockerize x", false),
        ] {
            assert_eq!(calls_docker(script), want, "{script}");
        }
    }
}
