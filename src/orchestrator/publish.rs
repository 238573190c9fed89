//! `mode: publish`: takes the bundle that a job without rights made, believes none of it, and publishes what holds.
//!
//! Runs no code of the repository. The patch is applied to the base here, every gate is asked again of the result, and
//! the proof must speak of exactly this patch.

use std::path::Path;
use std::time::Instant;

use crate::contract::ci::CiVerdict;
use crate::contract::event::Event;
use crate::contract::fix::{FileChange, FixProposal, Usage};
use crate::contract::outcome::Outcome;
use crate::contract::proof::{PROOF_SCHEMA, Proof, ProtectedCheck};
use crate::contract::report::RunReport;
use crate::diff;
use crate::fixer;
use crate::git::{CommitRequest, Workspace};
use crate::report::pull_request;
use crate::report::results::{PATCH_FILE, PROOF_FILE};

use super::bundle::{Finished, sha256};
use super::destination::PublisherSetup;
use super::heal::{self, Heal};
use super::publisher::{Publisher, Seen, no_verdict};
use super::record::Record;

/// Larger bundles are not ours.
const MAX_FILE: u64 = 16 << 20;

/// Publishes the bundle in `report-dir`.
pub async fn run(heal: Heal) -> Finished {
    let started = Instant::now();
    let mut record = Record::new(RunReport::begun("publish"), started);
    let cancel = heal.cancel.clone();
    let outcome = tokio::select! {
        outcome = publish(&heal, &mut record) => outcome.unwrap_or_else(|outcome| outcome),
        _ = cancel.ended() => Outcome::Cancelled,
    };
    record.report.outcome = outcome;
    record.stop_clocks();
    Finished::without_proof(record.report)
}

async fn publish(heal: &Heal, record: &mut Record) -> Result<Outcome, Outcome> {
    let dir = heal.source.join(&heal.config.report_dir);
    let patch = read(&dir.join(PATCH_FILE))?;
    let proof: Proof = serde_json::from_slice(&read(&dir.join(PROOF_FILE))?)
        .map_err(|e| refuse(format!("{PROOF_FILE} cannot be read: {e}")))?;
    let trigger = heal::read_trigger(&heal.config)?;
    if let Some(why) = &trigger.diagnose_only {
        return Err(refuse(why.clone()));
    }
    let slug = heal::slug(&heal.config, &heal.source);
    record.report.repository = Some(slug.to_string());
    record.report.sha = Some(proof.tested.clone());
    record.report.reference.clone_from(&heal.config.workflow_run.git_ref);
    let mut workspace =
        heal::private_clone(heal.source.clone(), heal.work_dir.clone(), &slug, &trigger).await?;
    let options = heal::fix_options(&heal.config).map_err(|e| refuse(e.to_string()))?;
    check_proof(&proof, &patch, &slug.to_string())?;
    if ![&proof.tested, &proof.base].contains(&workspace.base()) {
        let (proven, here) = (proof.tested.short(), workspace.base().short());
        return Err(refuse(format!("the proof does not hold: it is of commit {proven}, and this is {here}")));
    }
    let changes = check_patch(&patch, &proof, &workspace, &options)?;
    workspace.apply(&changes).map_err(|e| refuse(e.to_string()))?;
    record.report.diff = diff::unified(&changes);

    let ca = heal::ca_bundle(&heal.config)?;
    let client = heal::github_client(&heal.config, ca.as_deref())?;
    let workflow = trigger.workflow_file.clone().or_else(|| heal::own_workflow(&heal.config));
    let setup = PublisherSetup {
        config: &heal.config,
        slug: &slug,
        trigger: &trigger,
        source: &heal.source,
        leg: proof.job.clone(),
    };
    let mut publisher: Publisher =
        setup.make(&workspace, workflow, client, record, heal.events.as_ref()).await?;
    publisher.be_about(proof.before.failures.clone());
    // What the pull request is opened with.
    record.report.outcome = Outcome::Patched;
    let message = pull_request::patch_message(&heal.config.commit_prefix, &changes, &proof);
    let request = CommitRequest { message, changes };
    publisher.publish(&mut workspace, &[request], &mut record.report, heal.events.as_ref()).await?;
    if !heal.config.wait_for_ci {
        record.report.ci = Some(no_verdict(CiVerdict::Skipped { why: "wait-for-ci is false".to_owned() }));
        return Ok(Outcome::Healed);
    }
    let waiting = Instant::now();
    let seen = publisher.watch(heal.events.as_ref()).await;
    record.waited_for(waiting.elapsed());
    let outcome = match seen {
        Ok(Seen::Verdict(result)) => {
            record.report.ci = Some(result);
            Outcome::Healed
        }
        Ok(Seen::Red(result, diagnosis, _)) => {
            record.report.ci = Some(result);
            heal.events.emit(Event::Diagnosed { bugs: diagnosis.bugs, tests: diagnosis.tests });
            Outcome::Exhausted { why: "CI is red on the published heal".to_owned() }
        }
        Err(error) => {
            let verdict = CiVerdict::NoCi { why: error.to_string(), remedy: error.hint() };
            record.report.ci = Some(no_verdict(verdict));
            Outcome::Healed
        }
    };
    record.report.outcome = outcome.clone();
    record.stop_clocks();
    publisher.conclude(&mut record.report, heal.events.as_ref()).await;
    Ok(outcome)
}

fn refuse(why: String) -> Outcome {
    Outcome::Refused {
        why,
        remedy: Some("run `mode: patch` again and hand its report-dir over unchanged".to_owned()),
    }
}

/// Reads a plain file of a sane size; links are not followed out of the folder.
fn read(path: &Path) -> Result<Vec<u8>, Outcome> {
    let what = |why: String| refuse(format!("{} cannot be read: {why}", path.display()));
    let meta = std::fs::symlink_metadata(path).map_err(|e| what(e.to_string()))?;
    if !meta.is_file() {
        return Err(what("it is no plain file".to_owned()));
    }
    if meta.len() > MAX_FILE {
        return Err(what(format!("it is larger than {} MiB", MAX_FILE >> 20)));
    }
    std::fs::read(path).map_err(|e| what(e.to_string()))
}

/// The proof speaks of this patch and this repository, and says that the fix holds.
fn check_proof(proof: &Proof, patch: &[u8], repository: &str) -> Result<(), Outcome> {
    let check = |holds: bool, why: &str| {
        if holds { Ok(()) } else { Err(refuse(format!("the proof does not hold: {why}"))) }
    };
    check(proof.schema == PROOF_SCHEMA, "it is of another schema")?;
    check(
        proof.repository.as_deref().is_some_and(|r| r.eq_ignore_ascii_case(repository)),
        "it is of another repository",
    )?;
    check(proof.patch_sha256 == sha256(patch), "the patch is not the one that was proven")?;
    let failed =
        |exit: &crate::contract::build::Exit| *exit != crate::contract::build::Exit::Exited { code: 0 };
    check(failed(&proof.before.exit), "nothing failed before")?;
    check(!failed(&proof.after.exit), "the patched code does not pass")?;
    check(proof.repeats > 0 && proof.green == proof.repeats, "not every repeat passed")?;
    check(!matches!(proof.protected, ProtectedCheck::Failed { .. }), "it leans on protected files")?;
    if let Some(shrunk) = fixer::executed_tests_shrunk(&proof.before.tests, &proof.after.tests) {
        let why = format!("{} executed {} tests, {} before", shrunk.runner, shrunk.after, shrunk.before);
        return Err(refuse(format!("the proof does not hold: {why}")));
    }
    Ok(())
}

/// Applies the patch to the base and asks every gate that needs no run.
fn check_patch(
    patch: &[u8],
    proof: &Proof,
    workspace: &Workspace,
    options: &fixer::FixOptions,
) -> Result<Vec<FileChange>, Outcome> {
    let text = std::str::from_utf8(patch).map_err(|_| refuse(format!("{PATCH_FILE} is not text")))?;
    let rejected = |rejection| refuse(crate::report::text::rejection(&rejection));
    let changes = fixer::read_patch(text, workspace).map_err(rejected)?;
    let proposal = FixProposal {
        provider: "patch".to_owned(),
        model: None,
        bugs: Vec::new(),
        context_level: 0,
        // What a provider thought of its own fix is settled by the proof.
        confidence: 1.0,
        reason: String::new(),
        edits: Vec::new(),
        command: None,
        window: Vec::new(),
        usage: Usage::default(),
    };
    fixer::gate(&proposal, &changes, &[], workspace, options, &[]).map_err(rejected)?;
    let mut paths: Vec<_> = changes.iter().map(|c| c.path.clone()).collect();
    let mut proven = proof.changed.clone();
    paths.sort();
    proven.sort();
    if paths != proven {
        return Err(refuse("the patch changes other files than the proof says".to_owned()));
    }
    Ok(changes)
}
