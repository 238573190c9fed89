//! `mode: publish`: takes the bundle that a job without rights made, believes none of it, and publishes what holds.
//!
//! Runs no code of the repository. The patch is applied to the base here, every gate is asked again of the result, and
//! the proof must speak of exactly this patch.

use std::path::Path;
use std::time::Instant;

use crate::contract::bug::Fingerprint;
use crate::contract::build::Exit;
use crate::contract::ci::CiVerdict;
use crate::contract::event::{Event, EventSink as _};
use crate::contract::fix::{FileChange, FixProposal, Usage};
use crate::contract::outcome::Outcome;
use crate::contract::policy::Way;
use crate::contract::proof::{PROOF_SCHEMA, Proof, ProtectedCheck};
use crate::contract::report::PartialProof;
use crate::contract::settings::OnPartial;
use crate::diff;
use crate::fixer;
use crate::git::{CommitRequest, Workspace};
use crate::report::pull_request;
use crate::report::results::{PATCH_FILE, PROOF_FILE};

use super::bundle::sha256;
use super::destination::PublisherSetup;
use super::driver::{Clocks, PUBLISH_GRACE};
use super::heal::{Ending, conclude};
use super::outcome_from::{expected_outcome, stopped_outcome};
use super::publisher::{CiOutcome, Publication, Publisher, PushedRevision, RootCause, no_verdict};
use super::same_tests::TestsRan;
use super::setup::{self, Session};
use super::tests_ran;

/// Larger bundles are not ours.
const MAX_FILE: u64 = 16 << 20;

/// Publishes the bundle in `report-dir`.
pub(super) async fn run(session: Session) -> Ending {
    let scope = session.scope.clone();
    let grace = scope.with_grace(PUBLISH_GRACE);
    let Out { publisher, revision, is_partial } = match grace.run("publishing", publish(&session)).await {
        Ok(Ok(published)) => published,
        Ok(Err(outcome)) => return outcome.into(),
        Err(stopped) => return stopped_outcome(stopped).into(),
    };
    let started = Instant::now();
    let watched = if is_partial {
        // CI is red for what is left.
        Ok(Outcome::Partial { why: "the patch fixes only a part of what failed".to_owned() })
    } else {
        scope.run("watching CI", watch(&session, &publisher, &revision)).await
    };
    let clocks = Clocks { ci: started.elapsed(), ..Clocks::default() };
    let outcome = watched.unwrap_or_else(|stopped| match stopped_outcome(stopped) {
        // The heal is proven and out; only what CI says of it is not known.
        Outcome::BudgetSpent { .. } => {
            let result = Box::new(no_verdict(CiVerdict::TimedOut));
            session.journal.emit(Event::Watched { result });
            Outcome::Healed
        }
        outcome => outcome,
    });
    let diff = session.journal.report().diff;
    session.journal.emit(Event::VerdictReached { outcome: outcome.clone(), diff });
    if session.config.wait_for_ci || is_partial {
        conclude(&publisher, Some(&revision), &session.journal, &scope).await;
    }
    Ending { outcome, clocks, bundle: None }
}

/// What went out.
struct Out {
    publisher: Publisher,
    revision: PushedRevision,
    is_partial: bool,
}

async fn publish(session: &Session) -> Result<Out, Outcome> {
    let Session { config, source, journal, .. } = session;
    let dir = source.join(&config.report_dir);
    let patch = read(&dir.join(PATCH_FILE))?;
    let proof: Proof = serde_json::from_slice(&read(&dir.join(PROOF_FILE))?)
        .map_err(|e| refuse(format!("{PROOF_FILE} cannot be read: {e}")))?;
    let trigger = setup::read_trigger(config)?.trigger;
    if let Some(why) = &trigger.diagnose_only {
        return Err(refuse(why.clone()));
    }
    let slug = setup::slug(config, source);
    setup::tell_repository(session, &slug);
    let mut workspace = setup::check_out(session, &slug, &trigger).await?;
    let options = setup::fix_options(config).map_err(|e| expected_outcome(&e))?;
    check_proof(&proof, &patch, &slug.to_string())?;
    if ![&proof.tested, &proof.base].contains(&workspace.base()) {
        let (proven, here) = (proof.tested.short(), workspace.base().short());
        return Err(refuse(format!("the proof does not hold: it is of commit {proven}, and this is {here}")));
    }
    let changes = check_patch(&patch, &proof, &workspace, &options)?;
    workspace.apply(&changes).map_err(|e| refuse(e.to_string()))?;

    let ca = setup::ca_bundle(config)?;
    let client = setup::github_client(config, ca.as_deref(), &session.scope)?;
    let workflow = trigger.workflow_file.clone().or_else(|| setup::own_workflow(config));
    let setup = PublisherSetup {
        config,
        slug: &slug,
        trigger: &trigger,
        source,
        job: proof.job.clone(),
        journal,
        scope: session.scope.with_grace(PUBLISH_GRACE),
    };
    let mut publisher = setup.make(&workspace, workflow, client).await?;
    for way in [Way::Push, Way::Suggest].into_iter().filter(|way| config.policy.kinds(*way).next().is_some())
    {
        let what = format!("policy `{}`: `mode: publish` offers a pull request instead", way.as_str());
        journal.emit(Event::Warning { what });
    }
    if let Some(partial) = &proof.partial {
        if config.on_partial != OnPartial::Publish {
            let on_partial = config.on_partial.as_str();
            return Err(Outcome::Refused {
                why: format!("the patch fixes only a part, and `on-partial` is {on_partial}"),
                remedy: Some("set `on-partial: publish` to have it offered as a pull request".to_owned()),
            });
        }
        publisher.only_offer("a partial heal")?;
        let PartialProof { fixed, left, old } = partial.clone();
        journal.emit(Event::PartiallyProven { fixed, left, old });
    }
    // What the pull request is opened with.
    journal.emit(Event::PublishStarted { diff: diff::unified(&changes), proven: proof.partial.is_none() });
    let message = pull_request::patch_message(&config.commit_prefix, &changes, &proof);
    let publication = Publication {
        commits: &[CommitRequest { message, changes }],
        cause: RootCause::of(proof.before.failures.clone(), publisher.head()),
        previous: None,
    };
    let revision = publisher.publish(&mut workspace, publication, journal).await?;
    Ok(Out { publisher, revision, is_partial: proof.partial.is_some() })
}

async fn watch(session: &Session, publisher: &Publisher, revision: &PushedRevision) -> Outcome {
    let journal = &session.journal;
    let tell = |verdict| journal.emit(Event::Watched { result: Box::new(no_verdict(verdict)) });
    if !session.config.wait_for_ci {
        tell(CiVerdict::Skipped { why: "wait-for-ci is false".to_owned() });
        return Outcome::Healed;
    }
    match publisher.watch(revision, journal).await {
        Ok(CiOutcome::Verdict(_)) => Outcome::Healed,
        Ok(CiOutcome::Red(evidence)) => {
            let log = evidence.log_facts();
            let (bugs, tests) = (evidence.diagnosis.bugs, evidence.diagnosis.tests);
            journal.emit(Event::CiDiagnosed { log, bugs, tests });
            Outcome::Exhausted { why: "CI is red on the published heal".to_owned() }
        }
        Err(error) => {
            tell(CiVerdict::NoCi { why: error.to_string(), remedy: error.hint() });
            Outcome::Healed
        }
    }
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
    let failed = |exit: &Exit| *exit != Exit::Exited { code: 0 };
    check(failed(&proof.before.exit), "nothing failed before")?;
    check(proof.repeats > 0, "the patched code was not run from scratch")?;
    match &proof.partial {
        None => check_whole(proof, &failed)?,
        Some(partial) => check_partial(proof, partial)?,
    }
    check(!matches!(proof.protected, ProtectedCheck::Failed { .. }), "it leans on protected files")?;
    if proof.partial.is_some() {
        return Ok(());
    }
    if let Some(why) = tests_ran::missing(&proof.before.tests, &proof.after.tests) {
        return Err(refuse(format!("the proof does not hold: {why}")));
    }
    Ok(())
}

/// Every failed job passes.
fn check_whole(proof: &Proof, failed: &dyn Fn(&Exit) -> bool) -> Result<(), Outcome> {
    let refuse = |what: String| Err(refuse(format!("the proof does not hold: {what}")));
    if failed(&proof.after.exit) {
        return refuse("the patched code does not pass".to_owned());
    }
    if proof.green != proof.repeats {
        return refuse("not every repeat passed".to_owned());
    }
    for job in &proof.jobs {
        let is_green = job.after.as_ref().is_some_and(|after| !failed(&after.exit));
        if !is_green || job.repeats == 0 || job.green != job.repeats {
            return refuse(format!("the job {} does not pass", job.job));
        }
        let sides = job.before.as_ref().zip(job.after.as_ref());
        if let Some(why) = sides.and_then(|(before, after)| tests_ran::missing(&before.tests, &after.tests)) {
            return refuse(why);
        }
    }
    Ok(())
}

/// What it calls fixed failed before and does not fail now, and nothing fails that did not.
fn check_partial(proof: &Proof, partial: &PartialProof) -> Result<(), Outcome> {
    let refuse = |what: &str| Err(refuse(format!("the proof does not hold: {what}")));
    let before: Vec<&Fingerprint> = if proof.jobs.is_empty() {
        proof.before.failures.iter().collect()
    } else {
        proof.jobs.iter().filter_map(|job| job.before.as_ref()).flat_map(|side| &side.failures).collect()
    };
    let after: Vec<&Fingerprint> = if proof.jobs.is_empty() {
        proof.after.failures.iter().collect()
    } else {
        proof.jobs.iter().filter_map(|job| job.after.as_ref()).flat_map(|side| &side.failures).collect()
    };
    if partial.fixed.is_empty() {
        return refuse("nothing of it is fixed");
    }
    if partial.fixed.iter().any(|fixed| after.contains(&fixed)) {
        return refuse("a failure it calls fixed is still there");
    }
    if partial.fixed.iter().all(|fixed| !before.contains(&fixed)) {
        return refuse("nothing it calls fixed failed before");
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
        reverts: None,
        usage: Usage::default(),
    };
    // What the bundle says of findings is read as what anybody might have written: a finding opens neutral edits only,
    // and those are told by the patch itself.
    let scripts = proof.commands.iter().map(|command| command.run.as_str());
    let ran = TestsRan::of(scripts, &proof.before.tests, &proof.after.tests);
    let findings = if ran.lets_neutral_edits_stand() { &proof.findings[..] } else { &[] };
    fixer::gate(&proposal, &changes, (&[], findings), workspace, options, &[]).map_err(rejected)?;
    let mut paths: Vec<_> = changes.iter().map(|c| c.path.clone()).collect();
    let mut proven = proof.changed.clone();
    paths.sort();
    proven.sort();
    if paths != proven {
        return Err(refuse("the patch changes other files than the proof says".to_owned()));
    }
    Ok(changes)
}
