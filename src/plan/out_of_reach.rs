//! Steps that no sandbox can run, since it has no Docker engine: passed over where CI's record shows that they passed, else
//! the run ends at them and says what is missing. To go on would judge the code by what was never there.

use crate::contract::build::{PlanStep, SkippedStep};
use crate::contract::ci::Conclusion;

use super::FailedJob;
use super::steps::Planned;

/// What is missing, and what helps.
const DOCKER: &str = "it needs a Docker engine, which the sandbox does not have, and nothing shows that it passed in CI; \
    start what it brings as `services:` of the job, or give the commands that fail as `command`";

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
            let why = "it needs a Docker engine, which the sandbox does not have; in CI it passed".to_owned();
            passed_over.push(SkippedStep { step: step.name, why });
        }
    }
    passed_over.reverse();
    passed_over
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
