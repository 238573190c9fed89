//! Whole heals by the built binary: what they take beside the commands they run and the models they ask.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::sandbox::BASE;
use crate::sizes::BINARY;
use crate::table::{Aim, Table, median};

const GIT_TIMEOUT: Duration = Duration::from_secs(60);
const FILES: usize = 1_000;

const WORKFLOW: &str = "\
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - run: python3 test_all.py
";

pub(crate) fn start_up(table: &mut Table) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for _ in 0..21 {
        let started = Instant::now();
        let status = Command::new(BINARY).arg("version").stdout(Stdio::null()).status()?;
        times.push(started.elapsed());
        ensure!(status.success(), "`ci-healer version`: {status}");
    }
    table.time("start-up (`ci-healer version`, middle of 21)", median(times), Aim::Seconds(0.02));
    Ok(())
}

/// A heal with so many broken files takes so many iterations; the difference is an iteration's price.
pub(crate) async fn overhead(table: &mut Table) -> anyhow::Result<()> {
    let mut ones = Vec::new();
    let mut threes = Vec::new();
    let mut peak = 0;
    let mut share = 0.0;
    for _ in 0..2 {
        for (broken, own) in [(1, &mut ones), (3, &mut threes)] {
            let heal = heal(broken).await?;
            peak = peak.max(heal.peak);
            share = heal.own.as_secs_f64() / heal.total.as_secs_f64();
            own.push((heal.own, heal.reported));
        }
    }
    let least = |of: &[(Duration, Duration)], pick: fn(&(Duration, Duration)) -> Duration| {
        of.iter().map(pick).min().unwrap_or_default()
    };
    for (what, pick) in [
        ("wall less steps and models", (|o| o.0) as fn(&(Duration, Duration)) -> Duration),
        ("`timings.own` of the report", |o| o.1),
    ] {
        let (one, three) = (least(&ones, pick), least(&threes, pick));
        let each = three.saturating_sub(one) / 2;
        table.time(format!("{what}, whole heal of 1 iteration (3 sandboxes)"), one, Aim::Seconds(1.5));
        table.time(format!("{what}, each further iteration"), each, Aim::Seconds(0.5));
    }
    let floor = floor()?;
    let whole = least(&ones, |o| o.0).as_secs_f64() / floor.as_secs_f64();
    table.time("three `docker run --rm`, and 1,000 files written twice", floor, Aim::None);
    table.say("wall less steps and models, beside that", format!("{whole:.1}x"));
    table.say("share of a heal that is our own work", format!("{:.0} %", share * 100.0));
    table.size("peak memory of a heal (VmHWM)", peak, Aim::MebiBytes(64.0));
    Ok(())
}

/// What this machine takes for the least that a heal asks of it: three sandboxes, and the files for the first and the
/// last of them. Engines and disks differ by more than all that is ours.
fn floor() -> anyhow::Result<Duration> {
    let place = tempfile::tempdir()?;
    let started = Instant::now();
    for sandbox in 0..3 {
        let run = ["run", "--rm", BASE, "true"];
        let status = Command::new("docker").args(run).stdout(Stdio::null()).status()?;
        ensure!(status.success(), "docker run: {status}");
        if sandbox == 1 {
            continue;
        }
        for file in 0..FILES {
            std::fs::write(place.path().join(format!("{sandbox}-{file}.py")), b"x = 1\n")?;
        }
    }
    Ok(started.elapsed())
}

struct Heal {
    total: Duration,
    /// The wall clock less what the steps and the models took.
    own: Duration,
    /// What the report itself books as its own.
    reported: Duration,
    peak: u64,
}

async fn heal(broken: usize) -> anyhow::Result<Heal> {
    let place = tempfile::tempdir()?;
    let repository = place.path().join("repository");
    write_sample(&repository, broken)?;
    ci_healer::git::make_repository(
        &repository,
        &place.path().join("remote.git"),
        &ci_healer::scope::Scope::unbounded(),
        GIT_TIMEOUT,
    )
    .await?;
    // As a checkout leaves it: objects in one pack.
    let packed = Command::new("git").arg("-C").arg(&repository).args(["repack", "-adq"]).status()?;
    ensure!(packed.success(), "git repack: {packed}");
    let started = Instant::now();
    let mut child = Command::new(BINARY)
        .args(["heal", "--providers=toolchain", "--flaky-runs=1", "--pull-request=never"])
        .arg("--repo")
        .arg(&repository)
        .env_remove("GITHUB_ACTIONS")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        // The high-water mark only grows: the last look before the end is the figure.
        peak = high_water(&status).unwrap_or(peak);
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let total = started.elapsed();
    let results = std::fs::read(repository.join(".ci-healer/results.json")).context("there is no report")?;
    let results: Value = serde_json::from_slice(&results)?;
    ensure!(
        ended.success() && results["outcome"] == "healed",
        "a sample with {broken} broken files was not healed: {}",
        results["outcome"]
    );
    let iterations = results["iterations"].as_array().map_or(0, Vec::len);
    ensure!(iterations == broken, "{broken} broken files took {iterations} iterations");
    let elsewhere = steps_of(&results["baseline"])
        + results["iterations"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|i| steps_of(&i["execution"]))
            .sum::<f64>()
        + steps_of(&results["final_proof"]["execution"])
        + results["timings"]["llm"].as_f64().unwrap_or_default();
    Ok(Heal {
        total,
        own: total.saturating_sub(Duration::from_secs_f64(elsewhere)),
        reported: Duration::from_secs_f64(results["timings"]["own"].as_f64().unwrap_or_default()),
        peak,
    })
}

/// Seconds that an execution's steps ran.
fn steps_of(execution: &Value) -> f64 {
    let steps = execution["steps"].as_array().into_iter().flatten();
    steps.filter(|s| s["note"].is_null()).filter_map(|s| s["duration"].as_f64()).sum()
}

fn write_sample(repository: &Path, broken: usize) -> anyhow::Result<()> {
    std::fs::create_dir_all(repository.join(".github/workflows"))?;
    std::fs::write(repository.join(".github/workflows/ci.yml"), WORKFLOW)?;
    let mut test = String::new();
    for i in 0..broken {
        // Each stops the import before the next one is seen.
        std::fs::write(repository.join(format!("part{i}.py")), format!("def value()\n    return {i}\n"))?;
        test.push_str(&format!("import part{i}\nassert part{i}.value() == {i}\n"));
    }
    std::fs::write(repository.join("test_all.py"), test)?;
    for i in 0..FILES {
        let folder = repository.join(format!("data/part{:02}", i / 100));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("file{i:04}.txt")), format!("{i}\n").repeat(800))?;
    }
    Ok(())
}

/// `VmHWM` in bytes.
/// The most memory that a process has held.
pub(crate) fn high_water(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10)
}
