//! A plan for people and for machines: what would run, in what, and why.

use std::io::{self, Write};

use serde::Serialize;

use crate::contract::build::{BuildPlan, PlanStep, Wait};

use super::clean;

/// How to print plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Text,
}

impl Format {
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "text" => Some(Self::Text),
            _ => None,
        }
    }
}

/// A plan under its schema.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    plan: &'a BuildPlan,
}

/// Writes plans: JSON is one object per plan, each on its own.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(plans: &[&BuildPlan], format: Format, out: &mut dyn Write) -> io::Result<()> {
    for (i, plan) in plans.iter().enumerate() {
        match format {
            Format::Json => {
                serde_json::to_writer_pretty(&mut *out, &Document { schema: "ci-healer/plan/1", plan })?;
                writeln!(out)?;
            }
            Format::Text => {
                if i > 0 {
                    writeln!(out)?;
                }
                write!(out, "{}", text(plan))?;
            }
        }
    }
    Ok(())
}

/// A plan as text.
#[must_use]
pub fn text(plan: &BuildPlan) -> String {
    let mut out = String::new();
    let mut say = |line: String| {
        out.push_str(&line);
        out.push('\n');
    };
    let one = |text: &str| clean::line(text, 200);
    match (&plan.workflow, &plan.job) {
        (Some(workflow), Some(job)) => say(format!("job       {} in {}", one(job), one(workflow))),
        _ => say("job       none: not from a workflow".to_owned()),
    }
    if !plan.matrix.is_empty() {
        let values: Vec<String> = plan.matrix.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        say(format!("matrix    {}", one(&values.join(", "))));
    }
    say(format!("image     {}", one(&plan.image.reference)));
    say(format!("          because {}", one(&plan.image.why)));
    for runtime in &plan.image.runtimes {
        say(format!(
            "runtime   {} {}",
            one(&runtime.language),
            one(runtime.version.as_deref().unwrap_or("(any)"))
        ));
    }
    for service in &plan.services {
        let ports = if service.ports.is_empty() {
            String::new()
        } else {
            format!(", ports {}", service.ports.join(", "))
        };
        say(format!("service   {}: {}{}", one(&service.name), one(&service.image), one(&ports)));
    }
    for action in &plan.actions {
        let state = match (&action.commit, &action.problem) {
            (Some(commit), _) => format!("at {}", commit.short()),
            (None, Some(problem)) => format!("not fetched: {problem}"),
            (None, None) => "is fetched by a run, and not by this command".to_owned(),
        };
        say(format!("action    {} {}", one(&action.source.to_string()), one(&state)));
    }
    for (number, step) in plan.steps.iter().enumerate() {
        say(String::new());
        say(format!("step {:<4} {}", number + 1, one(&step.name)));
        for line in details(step) {
            say(format!("          {}", one(&line)));
        }
        for line in clean::block(&step.run, 4_000).lines() {
            say(format!("          | {line}"));
        }
    }
    for step in &plan.passed_over {
        say(format!("not run   {}: {}", one(&step.step), one(&step.why)));
    }
    if !plan.skipped.is_empty() {
        say(String::new());
        for skipped in &plan.skipped {
            say(format!("left out  {}: {}", one(&skipped.step), one(&skipped.why)));
        }
    }
    for note in &plan.notes {
        say(format!("note      {}", clean::line(note, 400)));
    }
    out
}

fn details(step: &PlanStep) -> Vec<String> {
    let mut out = Vec::new();
    let origin = if step.setup { format!("{} (set-up)", step.origin) } else { step.origin.clone() };
    out.push(origin);
    match &step.wait {
        Some(Wait::All) => out.push("waits for all background steps".to_owned()),
        Some(Wait::For(ids)) => out.push(format!("waits for {}", ids.join(", "))),
        Some(Wait::Cancel(id)) => out.push(format!("ends {id}")),
        None => {}
    }
    if step.background {
        out.push("runs in the background".to_owned());
    }
    if let Some(condition) = &step.condition {
        out.push(format!("if {condition}"));
    }
    if let Some(shell) = &step.shell {
        out.push(format!("shell {shell}"));
    }
    if step.working_directory != "." {
        out.push(format!("in {}", step.working_directory));
    }
    if step.continue_on_error {
        out.push("its failure does not count".to_owned());
    }
    if let Some(minutes) = step.timeout_minutes {
        out.push(format!("for at most {minutes} minutes"));
    }
    for (key, value) in &step.env {
        out.push(format!("{key}={value}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::contract::build::{ImageChoice, Service, SkippedStep};

    fn sample() -> BuildPlan {
        BuildPlan {
            workflow: Some(".github/workflows/ci.yml".into()),
            job: Some("test".into()),
            matrix: BTreeMap::from([("python".into(), "3.12".into())]),
            image: ImageChoice {
                reference: "python:3.12-bookworm".into(),
                why: "actions/setup-python with python-version 3.12".into(),
                from_container: false,
                runtimes: Vec::new(),
                env: BTreeMap::new(),
                options: None,
            },
            steps: vec![PlanStep {
                name: "Test\u{202e}".into(),
                run: "pytest -q\n".into(),
                working_directory: ".".into(),
                origin: "run".into(),
                condition: Some("always()".into()),
                ..PlanStep::default()
            }],
            services: vec![Service {
                name: "db".into(),
                image: "postgres:16".into(),
                env: BTreeMap::new(),
                ports: vec!["5432:5432".into()],
                volumes: Vec::new(),
                options: None,
            }],
            skipped: vec![SkippedStep::new("actions/cache@v4", "only saves")],
            passed_over: Vec::new(),
            actions: Vec::new(),
            artifacts: Vec::new(),
            checkout: None,
            notes: vec!["a note".into()],
        }
    }

    #[test]
    fn text_says_everything_and_shows_nothing_invisible() {
        let text = text(&sample());
        for want in [
            "test in .github/workflows/ci.yml",
            "python:3.12-bookworm",
            "because actions/setup-python",
            "db: postgres:16, ports 5432:5432",
            "| pytest -q",
            "if always()",
            "left out  actions/cache@v4: only saves",
            "note      a note",
        ] {
            assert!(text.contains(want), "{want:?} is missing in\n{text}");
        }
        assert!(!text.contains('\u{202e}'));
    }

    #[test]
    fn json_carries_its_schema() {
        let mut out = Vec::new();
        write(&[&sample()], Format::Json, &mut out).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["schema"], "ci-healer/plan/1");
        assert_eq!(json["image"]["ref"], "python:3.12-bookworm");
        assert_eq!(json["steps"][0]["if"], "always()");
        assert_eq!(json["steps"][0]["timeout_minutes"], serde_json::Value::Null);
    }
}
