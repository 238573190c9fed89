//! What a heal's sandbox runs cost beside the job itself: a ratio within one run.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::sizes::BINARY;
use crate::table::Table;

const GIT_TIMEOUT: Duration = Duration::from_secs(60);

/// A job that takes a while before its check, as real ones do.
const WORKFLOW: &str = "\
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - run: sleep 6
      - run: sleep 2 && python3 -m unittest
";
const TEST: &str = "import unittest\n\nfrom area import area\n\n\nclass AreaTest(unittest.TestCase):\n    def test_area(self):\n        self.assertAlmostEqual(area(1), 3.14159, places=4)\n";
const NO_COLON: &str = "import math\n\n\ndef area(r)\n    return math.pi * r * r\n";
const NO_IMPORT: &str = "def area(r):\n    return math.pi * r * r\n";

/// With default inputs.
pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let compile = heal(NO_COLON).await?;
    table.say(
        format!("sandbox time of a compile error's heal, {} runs, in jobs", compile.runs),
        format!("{:.1}x (aim 2.5x)", compile.sandbox / compile.job),
    );
    let test = heal(NO_IMPORT).await?;
    let aim = 2.0 + 4.0 * test.step / test.job;
    table.say(
        format!("sandbox time of a failing test's heal, {} runs, in jobs", test.runs),
        format!("{:.1}x (aim {aim:.1}x: 2 jobs and 4 runs of the failing step)", test.sandbox / test.job),
    );
    Ok(())
}

/// Seconds.
struct Cost {
    job: f64,
    step: f64,
    sandbox: f64,
    runs: u64,
}

async fn heal(program: &str) -> anyhow::Result<Cost> {
    let place = tempfile::tempdir()?;
    let repository = place.path().join("repository");
    write(&repository, ".github/workflows/ci.yml", WORKFLOW)?;
    write(&repository, "area.py", program)?;
    write(&repository, "test_area.py", TEST)?;
    let scope = ci_healer::scope::Scope::unbounded();
    ci_healer::git::make_repository(&repository, &place.path().join("remote.git"), &scope, GIT_TIMEOUT)
        .await?;
    let ended = Command::new(BINARY)
        .args(["heal", "--providers=toolchain", "--no-push", "--repo"])
        .arg(&repository)
        .env_remove("GITHUB_ACTIONS")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let results = std::fs::read(repository.join(".ci-healer/results.json")).context("there is no report")?;
    let results: Value = serde_json::from_slice(&results)?;
    ensure!(ended.success() && results["outcome"] == "healed", "not healed: {}", results["outcome"]);
    let baseline = &results["baseline"];
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    Ok(Cost {
        job: number(&baseline["duration"]),
        step: baseline["steps"]
            .as_array()
            .and_then(|steps| steps.last())
            .map_or(0.0, |s| number(&s["duration"])),
        sandbox: number(&results["timings"]["build"]),
        runs: results["executions"].as_u64().unwrap_or_default(),
    })
}

fn write(repository: &Path, path: &str, text: &str) -> anyhow::Result<()> {
    let path = repository.join(path);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(std::fs::write(path, text)?)
}
