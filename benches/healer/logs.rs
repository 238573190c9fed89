//! Reading build logs: speed beside that of `wc -l` and `grep -c` on the same file, memory, and growth with length.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::heals::high_water;
use crate::sizes::BINARY;
use crate::table::{Aim, Table, mebi};

/// Unoptimised reading takes an order of magnitude longer.
const SPEED: u64 = if cfg!(debug_assertions) { 32 << 20 } else { 256 << 20 };
const LONGEST: u64 = if cfg!(debug_assertions) { 128 << 20 } else { 1 << 30 };

/// Bytes of the shorter of two logs made of what a tool has printed.
const GROWTH: usize = 1 << 20;

/// What most lines of a log are.
const NOISE: [&str; 12] = [
    "\u{1b}[36;1mnpm\u{1b}[0m http fetch GET 200 https://registry.npmjs.org/lodash 143ms (cache hit)",
    "   \u{1b}[1m\u{1b}[32mCompiling\u{1b}[0m serde_derive v1.0.219",
    "Requirement already satisfied: urllib3<3,>=1.21.1 in /opt/hostedtoolcache/Python/3.12.3/x64/lib (from requests)",
    "[INFO] Downloaded from central: https://repo.maven.apache.org/maven2/org/junit/junit-bom/5.10.2/junit-bom.pom (5.6 kB)",
    "tests/test_models.py::TestInvoice::test_total_with_discount[eur-0.15] \u{1b}[32mPASSED\u{1b}[0m                   [ 41%]",
    "ok  \tgithub.com/acme/widget/internal/store\t0.412s\tcoverage: 81.3% of statements",
    "test parser::tests::reads_nested_lists ... ok",
    "remote: Enumerating objects: 4821, done.",
    "#14 23.91 Setting up libssl3t64:amd64 (3.5.1-1) ...",
    "  \u{1b}[32m✓\u{1b}[39m src/components/__tests__/Button.spec.ts \u{1b}[2m(\u{1b}[22m12 tests\u{1b}[2m)\u{1b}[22m 34ms",
    "2026-01-12 08:14:55,213 DEBUG [pool-1-thread-7] o.h.SQL - select u1_0.id,u1_0.name from users u1_0 where u1_0.id=?",
    "Progress: resolved 812, reused 790, downloaded 22, added 812, done",
];
/// And, rarely, what it is read for.
const FAILURE: &str = "\u{1b}[0m\u{1b}[1m\u{1b}[38;5;9merror[E0425]\u{1b}[0m\u{1b}[0m\u{1b}[1m: cannot find value `count` in this scope\u{1b}[0m\n\u{1b}[0m \u{1b}[1m\u{1b}[38;5;12m--> \u{1b}[0m\u{1b}[0msrc/lib.rs:12:5\u{1b}[0m";

pub(crate) fn measure(table: &mut Table) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut times = Vec::new();
    for share in [4, 2, 1] {
        let log = dir.path().join(format!("{share}.log"));
        write_log(&log, SPEED / share)?;
        times.push(fastest(&mut || diagnose(&log).map(|(took, _)| took))?);
    }
    let log = dir.path().join("1.log");
    let diagnosis = times[2];
    table.rate(
        format!("diagnose, {:.0} MiB of noise with colours and timestamps", mebi(SPEED)),
        rate(SPEED, diagnosis),
        400.0,
    );
    let log_text = log.to_str().context("the temporary folder has no UTF-8 name")?;
    for (what, arguments) in [("wc -l", vec!["-l"]), ("grep -c error", vec!["-c", "error"])] {
        let program = what.split(' ').next().unwrap_or_default();
        let other = fastest(&mut || tool(program, &arguments, log_text))?;
        table.say(
            format!("diagnose takes, in `{what}`s of the same file"),
            format!("{:.1}x", diagnosis.as_secs_f64() / other.as_secs_f64()),
        );
    }
    for (what, less, more) in [("first", 0, 1), ("second", 1, 2)] {
        let grown = times[more].as_secs_f64() / times[less].as_secs_f64();
        table.say(format!("diagnose, {what} doubling of the log"), format!("{grown:.2}x the time"));
    }
    let (worst, whose) = worst_growth(dir.path())?;
    table.say(
        format!("diagnose, four times the log, worst of the recorded ones ({whose})"),
        format!("{worst:.2}x the time"),
    );
    let longest = dir.path().join("longest.log");
    write_log(&longest, LONGEST)?;
    let (took, peak) = diagnose(&longest)?;
    table.time(format!("diagnose, {:.0} MiB", mebi(LONGEST)), took, Aim::None);
    table.size(
        format!("peak memory of diagnose, {:.0} MiB (VmHWM)", mebi(LONGEST)),
        peak,
        Aim::MebiBytes(64.0),
    );
    Ok(())
}

/// What the tools print when they fail, over and over: how much longer four times as much of it takes.
fn worst_growth(dir: &Path) -> anyhow::Result<(f64, String)> {
    let mut worst = (0.0, String::new());
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs");
    for tool in std::fs::read_dir(&recorded)? {
        let tool = tool?;
        if !tool.file_type()?.is_dir() {
            continue;
        }
        for log in std::fs::read_dir(tool.path())? {
            let log = log?.path();
            if log.extension().is_none_or(|extension| extension != "log") {
                continue;
            }
            let text = std::fs::read(&log)?;
            let mut took = [Duration::ZERO; 2];
            for (took, size) in took.iter_mut().zip([GROWTH, 4 * GROWTH]) {
                let path = dir.join("repeated.log");
                std::fs::write(&path, text.repeat(size / text.len().max(1)))?;
                *took = fastest(&mut || diagnose(&path).map(|(took, _)| took))?;
            }
            let growth = took[1].as_secs_f64() / took[0].as_secs_f64();
            if growth > worst.0 {
                worst = (growth, log.strip_prefix(&recorded)?.display().to_string());
            }
        }
    }
    Ok(worst)
}

fn write_log(path: &Path, size: u64) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let (mut written, mut line) = (0, 0usize);
    while written < size {
        // Neither in order nor at random: the same file in every run.
        let text = if line % 50_000 == 49_999 { FAILURE } else { NOISE[line * 7 % 12] };
        let text = format!("2026-01-12T08:14:{:02}.{:07}Z {text}\n", line / 1000 % 60, line * 37 % 9_999_991);
        file.write_all(text.as_bytes())?;
        written += text.len() as u64;
        line += 1;
    }
    Ok(file.flush()?)
}

/// How long reading takes, and the most memory it holds.
fn diagnose(log: &Path) -> anyhow::Result<(Duration, u64)> {
    let started = Instant::now();
    let mut child = Command::new(BINARY)
        .args(["diagnose", "--format", "json"])
        .arg(log)
        .env_remove("GITHUB_ACTIONS")
        .stdout(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        peak = high_water(&status).unwrap_or(peak);
        if let Some(ended) = child.try_wait()? {
            ensure!(ended.code().is_some_and(|code| code < 2), "diagnose: {ended}");
            return Ok((started.elapsed(), peak));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn tool(program: &str, arguments: &[&str], log: &str) -> anyhow::Result<Duration> {
    let started = Instant::now();
    // Into a pipe: GNU grep stops at the first match where it prints to `/dev/null`.
    let ended = Command::new(program).args(arguments).arg(log).env("LC_ALL", "C").output()?;
    let took = started.elapsed();
    ensure!(ended.status.success(), "{program}: {}", ended.status);
    Ok(took)
}

/// Of three: the others waited for the machine.
fn fastest(run: &mut dyn FnMut() -> anyhow::Result<Duration>) -> anyhow::Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        best = best.min(run()?);
    }
    Ok(best)
}

#[expect(clippy::cast_precision_loss, reason = "sizes for people")]
fn rate(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / 1e6 / took.as_secs_f64()
}
