//! The files of a run: `results.json`, `proof.json`, the patch and the summary in `report-dir`, and the runner's
//! output and summary files.
//!
//! Code of the repository has run in this workspace, so nothing in it is trusted: a link in the way is refused, files
//! are written beside their name and moved over it (never half-written, never through a link), and they belong to the
//! workspace's owner although we run as root.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::contract::proof::Proof;
use crate::contract::report::{ProposalReport, ProposalVerdict, ReportFiles, RunReport};

use super::commands::{Redactor, file_command};
use super::directory::{Directory, ReportError};
use super::event_log::EVENTS_FILE;
use super::{clean, ends, summary, text, view};

/// The value of `schema` in `results.json`.
const SCHEMA: &str = "ci-healer/results/1";

pub const RESULTS_FILE: &str = "results.json";
pub const PROOF_FILE: &str = "proof.json";
pub const PATCH_FILE: &str = "fix.patch";
pub const SUMMARY_FILE: &str = "summary.md";

/// Where the files of a run will lie, by the report folder that the user named.
#[must_use]
pub fn files(report_dir: &str, has_patch: bool, has_proof: bool) -> ReportFiles {
    let path = |name: &str| format!("{}/{name}", report_dir.trim_end_matches('/'));
    ReportFiles {
        results_file: path(RESULTS_FILE),
        patch_file: has_patch.then(|| path(PATCH_FILE)),
        proof_file: has_proof.then(|| path(PROOF_FILE)),
        summary_file: path(SUMMARY_FILE),
        events_file: path(EVENTS_FILE),
    }
}

/// Writes everything into the report folder.
///
/// `patch` is written as it is, because its hash is part of the proof; the rest passes the redactor.
pub fn write(
    report: &RunReport,
    proof: Option<&Proof>,
    patch: Option<&[u8]>,
    dir: &Directory,
    files: &ReportFiles,
    redactor: &Redactor,
) -> Result<(), ReportError> {
    if let Some(patch) = patch {
        dir.write(PATCH_FILE, patch)?;
    }
    if let Some(proof) = proof {
        dir.write(PROOF_FILE, redactor.redact(&pretty(&serde_json::json!(proof))).as_bytes())?;
    }
    dir.write(RESULTS_FILE, redactor.redact(&text(report)).as_bytes())?;
    let summary = redactor.redact(&summary::markdown(report, Some(files)));
    dir.write(SUMMARY_FILE, summary.as_bytes())
}

/// `results.json`, before secrets are taken out of it.
#[must_use]
pub fn text(report: &RunReport) -> String {
    pretty(&document(report))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// `results.json`: the record, with the one-line text forms added.
#[must_use]
pub fn document(report: &RunReport) -> Value {
    let mut value = serde_json::json!(report);
    value["schema"] = SCHEMA.into();
    value["text"] = ends::sentence(report).into();
    let add_bugs = |bugs: &mut Value, reports: &[crate::contract::bug::BugReport]| {
        for (index, bug) in reports.iter().enumerate() {
            bugs[index]["text"] = text::bug_with_message(bug).into();
        }
    };
    if let Some(baseline) = &report.baseline {
        add_bugs(&mut value["baseline"]["bugs"], &baseline.bugs);
    }
    if let Some(proof) = &report.final_proof {
        add_bugs(&mut value["final_proof"]["bugs"], &proof.bugs);
    }
    for (index, job) in report.jobs.iter().enumerate() {
        let entry = &mut value["jobs"][index];
        if let Some(baseline) = &job.baseline {
            add_bugs(&mut entry["baseline"]["bugs"], &baseline.bugs);
        }
        if let Some(proof) = &job.final_proof {
            add_bugs(&mut entry["final_proof"]["bugs"], &proof.bugs);
        }
    }
    for (index, iteration) in report.iterations.iter().enumerate() {
        let entry = &mut value["iterations"][index];
        add_bugs(&mut entry["bugs"], &iteration.bugs);
        for (index, proposal) in iteration.proposals.iter().enumerate() {
            let entry = &mut entry["proposals"][index];
            entry["text"] = proposal_text(report, proposal).into();
            entry["reason"] = match &proposal.verdict {
                ProposalVerdict::Kept => Value::Null,
                ProposalVerdict::Reverted { why, .. } => why.as_str().into(),
                ProposalVerdict::Rejected { rejection } => text::rejection(rejection).into(),
            };
        }
    }
    value
}

/// `IMPORT error in src/app.py line 3 → Fix: import the missing name`
pub(super) fn proposal_text(report: &RunReport, proposal: &ProposalReport) -> String {
    text::fix(&view::bugs_of(report, proposal), &proposal.offer.fix)
}

/// The step's outputs, in the order of the documentation.
#[must_use]
pub fn outputs(report: &RunReport, written: Option<&ReportFiles>) -> Vec<(&'static str, String)> {
    let push = report.push.as_ref();
    let commit = push.map(|p| &p.commit).or_else(|| report.commits.last().map(|c| &c.sha));
    let run = report.ci.as_ref().and_then(|ci| ci.run.as_ref());
    let healed = matches!(report.outcome, crate::contract::outcome::Outcome::Healed);
    vec![
        ("outcome", report.outcome.as_str().to_owned()),
        ("healed", healed.to_string()),
        ("bugs", view::all_bugs(report).len().to_string()),
        ("attempts", report.budget.attempts.spent.to_string()),
        ("branch", push.map_or(String::new(), |p| p.branch.as_str().to_owned())),
        ("commit", commit.map_or(String::new(), |sha| sha.as_str().to_owned())),
        ("patch-file", written.and_then(|w| w.patch_file.clone()).unwrap_or_default()),
        ("results-file", written.map_or(String::new(), |w| w.results_file.clone())),
        (
            "pull-request-url",
            push.and_then(|p| p.pull_request.as_ref()).map_or(String::new(), |pr| clean::line(&pr.url, 2000)),
        ),
        ("run-url", run.map_or(String::new(), |run| clean::line(&run.url, 2000))),
        ("ci-verdict", report.ci.as_ref().map_or("skipped", |ci| ci.verdict.as_str()).to_owned()),
        ("tokens", report.budget.tokens.spent.to_string()),
        ("cost", format!("{:.6}", report.budget.cost.spent)),
    ]
}

/// Appends the outputs to the runner's `GITHUB_OUTPUT` file.
pub fn write_outputs(path: &Path, outputs: &[(&str, String)]) -> Result<(), ReportError> {
    append(path, &outputs.iter().map(|(name, value)| file_command(name, value)).collect::<String>())
}

/// Appends the summary to the runner's `GITHUB_STEP_SUMMARY` file.
pub fn write_summary(
    path: &Path,
    report: &RunReport,
    written: Option<&ReportFiles>,
    redactor: &Redactor,
) -> Result<(), ReportError> {
    append(path, &redactor.redact(&summary::markdown(report, written)))
}

/// The runner reads these files with its own user after we end, so they are added to, never replaced.
fn append(path: &Path, text: &str) -> Result<(), ReportError> {
    let io = |source| ReportError::Io { path: path.display().to_string(), source };
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).map_err(io)?;
    file.write_all(text.as_bytes()).map_err(io)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use secrecy::SecretString;

    use super::*;
    use crate::contract::outcome::Outcome;
    use crate::report::sample;

    #[test]
    fn results_hold_to_their_schema() {
        let value = document(&sample::healed());
        sample::assert_valid("results-1", &value);
        assert_eq!(value["outcome"], "healed");
        assert_eq!(
            value["iterations"][0]["proposals"][0]["text"],
            "IMPORT error in src/app.py line 3 → Fix: import the missing name"
        );
        let rejected = &value["iterations"][1]["proposals"][0];
        assert_eq!(rejected["verdict"], "rejected");
        assert_eq!(
            rejected["reason"],
            "weakens the checks in tests/test_calc.py:4 (skipped test): adds `@pytest.mark.skip`"
        );
        let mut report = RunReport::begun("patch");
        for outcome in [
            Outcome::Flaky { failed: 1, runs: 3 },
            Outcome::BudgetSpent { which: crate::contract::outcome::BudgetKind::Cost },
            Outcome::Refused { why: "x".to_owned(), remedy: None },
        ] {
            report.outcome = outcome;
            sample::assert_valid("results-1", &document(&report));
        }
    }

    #[test]
    fn proofs_and_plans_hold_to_their_schemas() {
        sample::assert_valid("proof-1", &serde_json::json!(sample::proof()));
        let mut plan = serde_json::json!(sample::plan());
        plan["schema"] = "ci-healer/plan/1".into();
        sample::assert_valid("plan-1", &plan);
    }

    #[test]
    fn the_record_reads_back() {
        let report = sample::healed();
        let text = serde_json::to_string(&report).unwrap();
        let mut expected = report.clone();
        expected.baseline.iter_mut().for_each(|b| b.execution.log.clear());
        expected.iterations.iter_mut().filter_map(|i| i.execution.as_mut()).for_each(|e| e.log.clear());
        expected.final_proof.iter_mut().for_each(|p| p.execution.log.clear());
        assert_eq!(serde_json::from_str::<RunReport>(&text).unwrap(), expected);
    }

    #[test]
    fn files_are_whole_ignored_and_without_secrets() {
        let workspace = tempfile::tempdir().unwrap();
        let mut report = sample::healed();
        report.warnings = vec!["the key is s3cret-key".to_owned()];
        let redactor = Redactor::new(&[SecretString::from("s3cret-key".to_owned())]);
        let files = files(".ci-healer/", true, true);
        let dir = Directory::open(workspace.path(), ".ci-healer").unwrap();
        dir.check_room().unwrap();
        write(&report, Some(&sample::proof()), Some(b"patch s3cret-key"), &dir, &files, &redactor).unwrap();
        assert_eq!(files.results_file, ".ci-healer/results.json");
        assert_eq!(files.patch_file.as_deref(), Some(".ci-healer/fix.patch"));
        let read = |name: &str| fs::read_to_string(workspace.path().join(".ci-healer").join(name)).unwrap();
        assert_eq!(read(".gitignore"), "*\n");
        assert_eq!(serde_json::from_str::<Proof>(&read("proof.json")).unwrap(), sample::proof());
        assert_eq!(read("fix.patch"), "patch s3cret-key", "the patch is what its hash says");
        for name in ["results.json", "summary.md"] {
            assert!(!read(name).contains("s3cret-key"), "{name} holds the secret");
            assert!(read(name).contains("the key is ***"), "{name}");
        }
        let names = fs::read_dir(workspace.path().join(".ci-healer")).unwrap().count();
        assert_eq!(names, 5, "temporary files are left");
    }

    #[test]
    fn links_in_the_way_are_refused_or_replaced_never_followed() {
        let workspace = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let redactor = Redactor::default();
        let report = RunReport::begun("heal");
        let go = |name: &str| {
            let dir = Directory::open(workspace.path(), name)?;
            write(&report, None, None, &dir, &files(name, false, false), &redactor)
        };
        symlink(outside.path(), workspace.path().join("linked")).unwrap();
        assert!(matches!(go("linked"), Err(ReportError::InTheWay { what: "a link", .. })));
        assert!(matches!(go("linked/deeper"), Err(ReportError::InTheWay { .. })));
        for bad in ["../x", "/tmp/x", "", ".git/x"] {
            assert!(matches!(go(bad), Err(ReportError::NotInside(_))), "{bad:?}");
        }
        fs::create_dir(workspace.path().join("own")).unwrap();
        fs::write(outside.path().join("victim"), "as it was").unwrap();
        symlink(outside.path().join("victim"), workspace.path().join("own/results.json")).unwrap();
        go("own").unwrap();
        assert_eq!(fs::read_to_string(outside.path().join("victim")).unwrap(), "as it was");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_documented_output_is_there() {
        let outputs = outputs(&sample::healed(), None);
        let get = |name: &str| &outputs.iter().find(|(n, _)| *n == name).unwrap().1;
        assert_eq!(get("outcome"), "healed");
        assert_eq!(get("healed"), "true");
        assert_eq!(get("bugs"), "2");
        assert_eq!(get("branch"), "heal/main-aaaaaaa");
        assert_eq!(get("ci-verdict"), "passed");
        assert_eq!(get("cost"), "0.003690");
        let none = super::outputs(&RunReport::begun("heal"), None);
        assert_eq!(none.iter().find(|(n, _)| *n == "healed").unwrap().1, "false");
    }
}
