//! How long `plan` takes, for every job of every workflow at hand.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ci_healer::git::DirectoryTree;
use ci_healer::plan::{PlanRequest, plan};

use crate::table::{Aim, Table, median};

/// Each folder in here is a repository; `BENCH_WORKFLOWS` names another such place.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/workflows");

pub(crate) fn measure(table: &mut Table) -> anyhow::Result<()> {
    let place = std::env::var_os("BENCH_WORKFLOWS").map_or_else(|| PathBuf::from(FIXTURES), PathBuf::from);
    let mut repositories: Vec<PathBuf> =
        std::fs::read_dir(&place)?.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.is_dir()).collect();
    repositories.sort();
    let mut all = Vec::new();
    let mut slowest = (Duration::ZERO, String::new());
    for repository in &repositories {
        let name = repository.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Opening the folder is not planning: a heal plans on its clone.
        let tree = DirectoryTree::open(repository)?;
        for (file, jobs) in workflows(repository) {
            let mut worst = Duration::ZERO;
            for job in &jobs {
                let jobs = std::slice::from_ref(job);
                let request = PlanRequest { workflow: Some(&file), jobs, ..PlanRequest::of(&tree) };
                let times = (0..5).map(|_| {
                    let started = Instant::now();
                    // A refusal is an answer as well.
                    let _ = plan(&request);
                    started.elapsed()
                });
                let took = median(times.collect());
                worst = worst.max(took);
                all.push(took);
                if took > slowest.0 {
                    slowest = (took, format!("{name} {file} {job}"));
                }
            }
            if repositories.len() < 20 {
                table.time(format!("plan of {name}/{file}, slowest job"), worst, Aim::Seconds(0.05));
            }
        }
    }
    table.time(format!("plan, middle of {} jobs", all.len()), median(all), Aim::Seconds(0.05));
    table.time(format!("plan, slowest job ({})", slowest.1), slowest.0, Aim::Seconds(0.05));
    Ok(())
}

/// Workflow files by name, with their jobs.
fn workflows(repository: &Path) -> Vec<(String, Vec<String>)> {
    let folder = repository.join(".github/workflows");
    let files = std::fs::read_dir(folder).into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
    let mut found = Vec::new();
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let Ok(value) = serde_yaml::from_str::<serde_yaml::Value>(&text) else { continue };
        let jobs = value.get("jobs").and_then(|j| j.as_mapping()).into_iter().flatten();
        let jobs = jobs.filter_map(|(name, _)| Some(name.as_str()?.to_owned())).collect();
        found.push((file.file_name().unwrap_or_default().to_string_lossy().into_owned(), jobs));
    }
    found.sort();
    found
}
