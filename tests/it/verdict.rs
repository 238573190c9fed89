//! A verdict is not one number: exits that the code under test forges, and honest repositories whose green output names
//! failures. Through the real engine, with the real runners.

mod forged;
mod honest;

use crate::heal::{Ended, Story};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

/// A workflow of one job with these steps.
fn ci(steps: &[&str]) -> String {
    let mut text = "\
name: CI
on: [push, workflow_dispatch]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
"
    .to_owned();
    for step in steps {
        text.push_str("      - ");
        text.push_str(&step.replace('\n', "\n        "));
        text.push('\n');
    }
    text
}

/// Heals a repository with the answers of a model.
async fn heal(steps: &[&str], files: &[(&str, &str)], answers: Vec<Answer>) -> Ended {
    heal_with("0", steps, files, answers).await
}

/// As [`heal`], where what is mended runs again so often.
async fn heal_with(flaky_runs: &str, steps: &[&str], files: &[(&str, &str)], answers: Vec<Answer>) -> Ended {
    let ci = ci(steps);
    let files: Vec<(&str, &str)> =
        std::iter::once((".github/workflows/ci.yml", ci.as_str())).chain(files.iter().copied()).collect();
    let gemini = ScriptedLlm::new(Speaks::Gemini, answers).await;
    Story::new(&files).flag("flaky-runs", flaky_runs).with_gemini(&gemini).heal().await
}

/// What became of the proposals that ran.
fn tried(ended: &Ended) -> Vec<String> {
    ended.verdicts().into_iter().filter(|verdict| verdict != "rejected").collect()
}
