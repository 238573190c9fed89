//! The proof bundle of a run: made from the record, and from nothing a sandbox wrote.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::contract::bug::{BugReport, TestRun};
use crate::contract::build::{BuildPlan, ExecutionResult};
use crate::contract::control::{StepCounterProof, ToldCounterProof};
use crate::contract::git::{CommitSha, RepoPath};
use crate::contract::proof::{
    LeftOut, PROOF_SCHEMA, Proof, ProofSide, ProtectedCheck, ProvenCommand, ProvenJob, ProviderShare,
};
use crate::contract::report::{FinalProof, JobReport, ProposalVerdict, ReportFiles, RunReport};
use crate::report::text;

/// What a run leaves.
#[derive(Debug)]
pub struct Finished {
    pub report: RunReport,
    /// Where its files are to lie.
    pub files: ReportFiles,
    /// The kept changes as a patch file, where there are any.
    pub patch: Option<Vec<u8>>,
    /// Only with a final proof.
    pub proof: Option<Proof>,
    /// What the patch's files held before.
    pub before: Vec<(RepoPath, Option<String>)>,
}

/// What a bundle is made of, beside the report.
pub(super) struct Bundle {
    /// What the patch applies to.
    pub(super) base: CommitSha,
    pub(super) changed: Vec<RepoPath>,
    /// What they held before.
    pub(super) before: Vec<(RepoPath, Option<String>)>,
    /// The protected files among them.
    pub(super) restored: Vec<RepoPath>,
    pub(super) left_out: Vec<LeftOut>,
    /// What the failing check named in the test files among them.
    pub(super) findings: Vec<BugReport>,
}

impl Bundle {
    /// The patch, and its proof where there is one.
    pub(super) fn make(self, report: &RunReport) -> (Option<Vec<u8>>, Option<Proof>) {
        let patch = (!report.diff.is_empty()).then(|| report.diff.clone().into_bytes());
        let proof = patch.as_deref().and_then(|patch| proof(report, patch, self));
        (patch, proof)
    }
}

/// Lower-case hex SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// A short name for `text` that stays the same over runs: enough hex digits that no two of a repository meet.
pub(super) fn short_name(text: &str) -> String {
    sha256(text.as_bytes()).chars().take(16).collect()
}

fn proof(report: &RunReport, patch: &[u8], bundle: Bundle) -> Option<Proof> {
    let Bundle { base, changed, restored, left_out, findings, .. } = bundle;
    let plan = report.plan.as_ref()?;
    let before = report.baseline.as_ref()?;
    let after = report.final_proof.as_ref()?;
    let protected = match (&after.protected, restored.is_empty()) {
        (_, true) | (None, _) => ProtectedCheck::Untouched,
        // Of a part, what is left is red with or without them.
        (Some(run), false) if run.is_green() || report.partial.is_some() => {
            ProtectedCheck::Passed { restored }
        }
        (Some(_), false) => ProtectedCheck::Failed { restored },
    };
    Some(Proof {
        schema: PROOF_SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        repository: report.repository.clone(),
        tested: report.sha.clone()?,
        base,
        reference: report.reference.clone(),
        patch_sha256: sha256(patch),
        plan_sha256: sha256(&serde_json::to_vec(plan).ok()?),
        job: plan.matrix_job(),
        image_ref: after.execution.image_ref.clone(),
        image_id: after.execution.image_id.clone(),
        passed_over: plan.passed_over.clone(),
        commands: commands(plan, Some(&before.execution), Some(&after.execution)),
        before: side(&before.execution, &before.bugs, &before.tests),
        after: side(&after.execution, &after.bugs, &after.tests),
        repeats: after.runs,
        green: after.green,
        protected,
        counter_proofs: told(after),
        changed,
        jobs: report.jobs.iter().filter_map(proven_job).collect(),
        partial: report.partial.clone(),
        left_out,
        findings,
        providers: providers(report),
    })
}

fn side(execution: &ExecutionResult, bugs: &[BugReport], tests: &[TestRun]) -> ProofSide {
    ProofSide {
        exit: execution.exit.clone(),
        failures: bugs.iter().map(|b| b.fingerprint.clone()).collect(),
        tests: tests.to_vec(),
    }
}

fn told(proof: &FinalProof) -> Vec<ToldCounterProof> {
    let told = |shown: &StepCounterProof| ToldCounterProof {
        text: text::counter_proof(&shown.proof),
        shown: shown.clone(),
    };
    proof.counter_proofs.iter().map(told).collect()
}

fn proven_job(job: &JobReport) -> Option<ProvenJob> {
    let JobReport { plan, baseline, final_proof } = job;
    let runs = [baseline.as_ref().map(|b| &b.execution), final_proof.as_ref().map(|p| &p.execution)];
    let any = runs.iter().flatten().next_back()?;
    Some(ProvenJob {
        job: plan.matrix_job(),
        plan_sha256: sha256(&serde_json::to_vec(plan).ok()?),
        image_id: any.image_id.clone(),
        commands: commands(plan, runs[0], runs[1]),
        before: baseline.as_ref().map(|b| side(&b.execution, &b.bugs, &b.tests)),
        after: final_proof.as_ref().map(|p| side(&p.execution, &p.bugs, &p.tests)),
        repeats: final_proof.as_ref().map_or(0, |p| p.runs),
        green: final_proof.as_ref().map_or(0, |p| p.green),
        counter_proofs: final_proof.as_ref().map(told).unwrap_or_default(),
    })
}

fn commands(
    plan: &BuildPlan,
    before: Option<&ExecutionResult>,
    after: Option<&ExecutionResult>,
) -> Vec<ProvenCommand> {
    let exit = |result: Option<&ExecutionResult>, index: usize| {
        result.and_then(|result| result.steps.get(index)?.exit_code)
    };
    plan.steps
        .iter()
        .enumerate()
        .map(|(index, step)| ProvenCommand {
            name: step.name.clone(),
            run: step.run.clone(),
            working_directory: step.working_directory.clone(),
            exit_before: exit(before, index),
            exit_after: exit(after, index),
        })
        .collect()
}

fn providers(report: &RunReport) -> Vec<ProviderShare> {
    let mut shares: BTreeMap<(String, Option<String>), ProviderShare> = BTreeMap::new();
    for proposal in report.iterations.iter().flat_map(|i| &i.proposals) {
        let key = (proposal.offer.provider.clone(), proposal.offer.model.clone());
        let share = shares.entry(key).or_insert_with(|| ProviderShare {
            provider: proposal.offer.provider.clone(),
            model: proposal.offer.model.clone(),
            proposals: 0,
            kept: 0,
            tokens_in: 0,
            tokens_out: 0,
            cost: Some(0.0),
        });
        share.proposals += 1;
        share.kept += u32::from(proposal.verdict == ProposalVerdict::Kept);
        share.tokens_in += proposal.offer.usage.tokens_in;
        share.tokens_out += proposal.offer.usage.tokens_out;
        share.cost = match (share.cost, proposal.offer.usage.cost, proposal.offer.usage.tokens()) {
            (Some(sum), Some(cost), _) => Some(sum + cost),
            (Some(sum), None, 0) => Some(sum),
            _ => None,
        };
    }
    shares.into_values().collect()
}
