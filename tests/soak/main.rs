//! `make soak`: many heals in one process, in sequence and side by side, over the sample repositories.
//!
//! Every verdict must be the sample's own, and nothing may stay: no container, volume, network or image of ours in the
//! engine, no file in the temporary folder, no open socket, no memory that grows from heal to heal.
//!
//! `SOAK_HEALS` (200) in sequence, `SOAK_TOGETHER` (8) at once, `SOAK_ONLY` a part of the samples' names.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, that reports")]
#![allow(clippy::disallowed_methods, reason = "starts programs to look at them, bound to no run")]

mod watch;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ci_healer::config::{Config, Flags};
use ci_healer::contract::event::{Event, EventSink};
use ci_healer::demo::{self, Case};
use ci_healer::git;
use ci_healer::orchestrator::heal::{self, Heal, Push};
use ci_healer::orchestrator::run_dir::RunDir;
use ci_healer::scope::Scope;

use watch::State;

const GIT_TIMEOUT: Duration = Duration::from_secs(60);
/// Allocators keep some of what they had; a leak of this much per heal is one.
const GROWTH_KIB_PER_HEAL: f64 = 256.0;
/// Fewer heals than these give no slope.
const FEWEST: usize = 8;

struct Silent;

impl EventSink for Silent {
    fn emit(&self, _: Event) {}
}

fn main() -> ExitCode {
    match tokio::runtime::Runtime::new().context("cannot start").and_then(|rt| rt.block_on(run())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn number(name: &str, default: usize) -> anyhow::Result<usize> {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => {
            text.parse().with_context(|| format!("{name} is no number: {text:?}"))
        }
        _ => Ok(default),
    }
}

async fn run() -> anyhow::Result<bool> {
    let (heals, together) = (number("SOAK_HEALS", 200)?, number("SOAK_TOGETHER", 8)?);
    let only = std::env::var("SOAK_ONLY").unwrap_or_default();
    let cases: Vec<Case> = demo::cases()?.into_iter().filter(|c| c.name.contains(&only)).collect();
    anyhow::ensure!(!cases.is_empty(), "no sample's name contains {only:?}");
    let place = tempfile::tempdir()?;
    let mut wrong = Vec::new();
    let mut memory = Vec::new();

    let before = State::now()?;
    let began = Instant::now();
    for number in 0..heals {
        let case = &cases[number % cases.len()];
        let started = Instant::now();
        wrong.extend(heal_one(case, place.path(), number).await);
        memory.push(watch::resident_kib()?);
        eprintln!(
            "{:>4} of {heals}  {:<28} {:>5.1} s  {} KiB",
            number + 1,
            case.name,
            started.elapsed().as_secs_f64(),
            memory.last().copied().unwrap_or_default()
        );
    }
    let in_sequence = began.elapsed();
    let after_sequence = State::now()?;

    let began = Instant::now();
    let side_by_side = (0..together).map(|i| heal_one(&cases[i % cases.len()], place.path(), heals + i));
    for problem in futures_util::future::join_all(side_by_side).await {
        wrong.extend(problem);
    }
    let at_once = began.elapsed();
    // Connections in their last moments are no leak.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = State::now()?;

    // Each sample's first heal fills what is filled once: patterns, caches, arenas of threads.
    let settled = cases.len().max(memory.len() / 2).min(memory.len());
    let growth = slope(&memory[settled..]);
    println!(
        "{heals} heals in sequence: {:.0} s; {together} at once: {:.0} s",
        in_sequence.as_secs_f64(),
        at_once.as_secs_f64()
    );
    println!("wrong verdicts: {}", wrong.len());
    for problem in &wrong {
        println!("  {problem}");
    }
    let mut leaks = before.left_in(&after_sequence);
    leaks.extend(before.left_in(&after));
    leaks.sort();
    leaks.dedup();
    println!("leaks: {}", leaks.len());
    for leak in &leaks {
        println!("  {leak}");
    }
    match growth {
        Some(growth) => println!(
            "memory: {growth:.0} KiB more per heal over the last {} (allowed: {GROWTH_KIB_PER_HEAL})",
            memory.len() - settled
        ),
        None => println!("memory: no slope from so few heals; {} are needed", cases.len() + FEWEST),
    }
    Ok(wrong.is_empty() && leaks.is_empty() && growth.is_none_or(|kib| kib <= GROWTH_KIB_PER_HEAL))
}

/// A heal of a sample; what is wrong with its end.
async fn heal_one(case: &Case, place: &Path, number: usize) -> Option<String> {
    let folder = place.join(number.to_string());
    let ended = heal_in(case, &folder).await;
    let cleared = std::fs::remove_dir_all(&folder);
    match ended {
        Ok(outcome) if outcome == case.outcome => cleared.err().map(|e| format!("{}: {e}", case.name)),
        Ok(outcome) => Some(format!("{}: {outcome} instead of {}", case.name, case.outcome)),
        Err(error) => Some(format!("{}: {error:#}", case.name)),
    }
}

async fn heal_in(case: &Case, folder: &Path) -> anyhow::Result<String> {
    let repository = folder.join("repository");
    std::fs::create_dir_all(&repository)?;
    demo::unpack(&case.name, &repository)?;
    git::make_repository(
        &repository,
        &folder.join("remote.git"),
        &ci_healer::scope::Scope::unbounded(),
        GIT_TIMEOUT,
    )
    .await?;
    let flags: Flags = [
        ("providers", "toolchain"),
        ("commit-mode", "git"),
        ("pull-request", "never"),
        ("wait-for-ci", "false"),
        ("flaky-runs", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    // What the demo takes from its surroundings, and nothing else.
    let variables: BTreeMap<String, String> = ["PATH", "HOME", "DOCKER_HOST", "SSL_CERT_FILE"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
        .collect();
    let finished = heal::run(Heal {
        base: heal::Base::Event,
        config: Config::load(&flags, &variables)?,
        started: Instant::now(),
        source: repository,
        run_dir: RunDir::new()?,
        push: Push::Yes,
        events: Arc::new(Silent),
        event_log: None,
        scope: Scope::unbounded(),
        variables,
    })
    .await;
    Ok(finished.report.outcome.as_str().to_owned())
}

/// KiB per heal, by least squares; `None` for too few of them.
#[expect(clippy::cast_precision_loss, reason = "a few thousand heals of a few million KiB")]
fn slope(memory: &[u64]) -> Option<f64> {
    if memory.len() < FEWEST {
        return None;
    }
    let count = memory.len() as f64;
    let middle = (count - 1.0) / 2.0;
    let mean = memory.iter().sum::<u64>() as f64 / count;
    let (mut over, mut under) = (0.0, 0.0);
    for (at, kib) in memory.iter().enumerate() {
        over += (at as f64 - middle) * (*kib as f64 - mean);
        under += (at as f64 - middle).powi(2);
    }
    Some(over / under)
}
