//! The state of a proof just before a step, kept apart: the workspace's volume copied, the container as an image.
//!
//! A counter-proof starts from it, in a container of its own: what the earlier steps made is there without running them
//! again, and nothing is that the step itself did in the proof. What lies in neither (processes, services, memory) makes
//! it set up anew instead. A copy is used once: whoever ran in it may have left something.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::action_container;
use super::cleanup;
use super::engine::{QUICK, SLOW};
use super::error::ExecutorError;
use super::options::CreateOptions;
use super::run::{ExecutionContext, Executor, Request};
use super::sandbox::{ContainerSpec, Privileges, Sandbox};
use super::set_up::User;
use super::snapshot::Start;
use super::steps::{Abort, ExecutionArgs, Job};
use super::workspace::{self, Attributes, WorkspaceVolume};
use crate::contract::build::{BuildPlan, ImageChoice, PlanStep};
use crate::contract::event::Purpose;
use crate::contract::fix::FileChange;
use crate::contract::settings::Hardening;

/// Running the earlier steps again is quicker than keeping less than this.
const WORTH_A_COPY: Duration = Duration::from_secs(2);
/// How long copying may take however quick the earlier steps were: a busy engine needs that for an empty volume.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);
/// What a process of a step may need to be gone after its step has ended.
const LAST_PROCESSES: Duration = Duration::from_millis(300);
/// The init process, and the one that reads our connection.
const OWN_PROCESSES: usize = 2;

/// Whether anything lies in memory that every process of the container sees.
const IN_MEMORY: &str = r#"test -z "$(ls -A /dev/shm 2>/dev/null)" && for f in shm sem msg; do
    test "$(wc -l </proc/sysvipc/$f)" -le 1 || exit 1; done"#;

/// Copies a volume with all attributes. Not what could fill the disk.
const COPY: &str = r#"
need=$(du -sk /ci-healer-copy/from | cut -f1) || exit 1
df -Pk /ci-healer-copy/to | { read -r _; read -r _ _ _ free _; test "$((need * 4))" -lt "$free"; } || exit 1
exec cp -a /ci-healer-copy/from/. /ci-healer-copy/to/
"#;

/// What an execution has to do with copies of a state.
#[derive(Debug, Clone, Copy, Default)]
pub enum Copies<'a> {
    #[default]
    None,
    /// Keep the state just before each of these steps, where that is quicker than running those before it once more.
    Keep(&'a [usize]),
    /// Start with `step` in the state that was kept before it. The tree is that of the run which kept it, but for
    /// `changes`.
    StartFrom { step: usize, changes: &'a [FileChange] },
}

/// One state that was kept.
pub(super) struct StateCopy {
    volume: WorkspaceVolume,
    start: Start,
    made_of: (ImageChoice, Vec<PlanStep>),
}

impl StateCopy {
    /// Whether starting here gives what running the earlier steps would.
    fn fits(&self, plan: &BuildPlan, request: &Request<'_>, changes: &[FileChange]) -> bool {
        let script = |step: &PlanStep| PlanStep { continue_on_error: false, ..step.clone() };
        let delta = self.volume.delta(request.tree);
        let mut differs = delta.upload.iter().map(|file| &file.path).chain(&delta.delete);
        plan.image == self.made_of.0
            && plan.steps.len() > self.start.steps
            && plan.steps.iter().map(script).take(self.start.steps).eq(self.made_of.1.iter().map(script))
            && differs.all(|path| changes.iter().any(|change| change.path == *path))
    }
}

impl Executor {
    /// Whether an execution can start with this step.
    #[must_use]
    pub fn has_copy(&self, leg: usize, step: usize) -> bool {
        matches!(self.copies.get(&(leg, step)), Some(Ok(_)))
    }

    /// What other code makes of the steps is no state of a proof.
    pub(super) fn drop_copies(&mut self, request: &Request<'_>) {
        let is_old = |leg: usize| match request.purpose {
            Purpose::CounterProof => false,
            purpose if purpose.is_proof() => leg == request.leg,
            _ => true,
        };
        let old: Vec<_> = self.copies.keys().copied().filter(|(leg, _)| is_old(*leg)).collect();
        for key in old {
            if let Some(Ok(StateCopy { volume, start, .. })) = self.copies.remove(&key) {
                self.remove_later(Some(volume.name), Some(start.image));
            }
        }
    }

    /// The state that this execution starts from, if there is one; where it was not kept, the notes say why.
    pub(super) fn take_copy(
        &mut self,
        plan: &BuildPlan,
        request: &Request<'_>,
        notes: &mut Vec<String>,
    ) -> Option<(WorkspaceVolume, Start)> {
        let Copies::StartFrom { step, changes } = request.copies else { return None };
        match self.copies.remove(&(request.leg, step))? {
            Ok(copy) if copy.fits(plan, request, changes) => Some((copy.volume, copy.start)),
            Ok(copy) => {
                self.remove_later(Some(copy.volume.name), Some(copy.start.image));
                None
            }
            Err(why) => {
                notes.push(format!("set up anew: {why}"));
                None
            }
        }
    }

    /// Takes away what nobody waits for. [`Executor::close`] sees that it is gone.
    pub(super) fn remove_later(&self, volume: Option<String>, image: Option<String>) {
        let engine = self.engine.within(&self.scope);
        tokio::spawn(async move {
            if let Some(volume) = volume
                && let Err(error) = cleanup::remove_volume(&engine, &volume).await
            {
                ::log::warn!("{error}");
            }
            if let Some(image) = image
                && let Err(error) = cleanup::remove_image(&engine, &image).await
            {
                ::log::warn!("{error}");
            }
        });
    }

    /// Runs the steps `at..to`, and keeps the state before those of them that are asked for.
    pub(super) async fn run_keeping(
        &mut self,
        job: &mut Job<'_>,
        (args, context): (ExecutionArgs<'_>, &ExecutionContext<'_>),
        (sandbox, volume): (&Sandbox, &WorkspaceVolume),
        (mut at, to): (usize, usize),
    ) -> Result<(), Abort> {
        if let Copies::Keep(steps) = args.request.copies {
            let from = at;
            for step in steps.iter().copied().filter(|step| (from..to).contains(step)) {
                job.run(at, step).await?;
                at = step;
                Box::pin(self.keep_state(job, (args, context), (sandbox, volume), step)).await;
            }
        }
        job.run(at, to).await
    }

    /// Never the proof's trouble: where it cannot be kept, whoever asks for it later sets up anew.
    async fn keep_state(
        &mut self,
        job: &mut Job<'_>,
        (args, context): (ExecutionArgs<'_>, &ExecutionContext<'_>),
        (sandbox, volume): (&Sandbox, &WorkspaceVolume),
        step: usize,
    ) {
        let took: Duration = job.records.results.iter().map(|result| result.duration).sum();
        if job.records.failure.is_some() || took < WORTH_A_COPY {
            return;
        }
        let started = Instant::now();
        let kept = match self.lies_elsewhere(job, args.plan, context, sandbox).await {
            Some(why) => Err(why.to_owned()),
            None => self.copy_state(job, context, (sandbox, volume), (step, took)).await,
        };
        // No step's time.
        job.postpone_deadline(started.elapsed());
        if let Err(why) = &kept {
            ::log::debug!("the state before step {step} is not kept: {why}");
        }
        let kept = kept.map(|(volume, start)| {
            let made_of = (args.plan.image.clone(), args.plan.steps[..step].to_vec());
            StateCopy { volume, start, made_of }
        });
        self.copies.insert((args.request.leg, step), kept);
    }

    /// What of the state is neither in the volume nor in the container's files.
    async fn lies_elsewhere(
        &self,
        job: &Job<'_>,
        plan: &BuildPlan,
        context: &ExecutionContext<'_>,
        sandbox: &Sandbox,
    ) -> Option<&'static str> {
        if !plan.services.is_empty() {
            return Some("what earlier steps told a service is in no copy");
        }
        if self.options.docker.is_some() {
            return Some("what the steps' own Docker engine holds is in no copy");
        }
        if !action_container::names(context.name, plan).is_empty() {
            return Some("what a Docker action keeps in its home is in no copy");
        }
        if self.options.hardening == Hardening::Strict {
            return Some("under strict hardening nobody may copy what belongs to others");
        }
        if context.image.has_volumes || !context.create.tmpfs.is_empty() {
            return Some("the container keeps folders where no image of it has them");
        }
        const LEFT_RUNNING: &str = "earlier steps left processes running";
        if !job.is_alone() {
            return Some(LEFT_RUNNING);
        }
        let mut running = sandbox.processes().await;
        if running.as_ref().is_ok_and(|count| *count > OWN_PROCESSES) {
            tokio::time::sleep(LAST_PROCESSES).await;
            running = sandbox.processes().await;
        }
        if !running.is_ok_and(|count| count <= OWN_PROCESSES) {
            return Some(LEFT_RUNNING);
        }
        let in_memory = sandbox.run("0:0", &["sh", "-c", IN_MEMORY], QUICK).await;
        match in_memory {
            Ok((0, _)) => None,
            _ => Some("earlier steps left something in memory"),
        }
    }

    /// Takes no longer than running the earlier steps again would, but for a busy engine's first seconds.
    async fn copy_state(
        &self,
        job: &Job<'_>,
        context: &ExecutionContext<'_>,
        (sandbox, volume): (&Sandbox, &WorkspaceVolume),
        (step, took): (usize, Duration),
    ) -> Result<(WorkspaceVolume, Start), String> {
        let name = format!("{}-before-{step}", context.name);
        let copies = async {
            futures_util::try_join!(
                Start::take(&self.engine, &self.identity, sandbox, job.records, step),
                self.copy_volume(context, volume, &name)
            )
        };
        match tokio::time::timeout(took.max(LEAST_PATIENCE), copies).await {
            Ok(Ok((start, ()))) => Ok((volume.copied_to(name), start)),
            Ok(Err(error)) => {
                self.remove_later(Some(name), None);
                Err(error.to_string())
            }
            Err(_) => {
                self.remove_later(Some(name), None);
                Err("copying takes longer than the earlier steps do".to_owned())
            }
        }
    }

    /// A container that only has the two volumes copies one into the other: no step has run in it.
    async fn copy_volume(
        &self,
        context: &ExecutionContext<'_>,
        from: &WorkspaceVolume,
        to: &str,
    ) -> Result<(), ExecutorError> {
        self.make_volume(to.to_owned(), "workspace").await?;
        let spec = ContainerSpec {
            image: &context.image.id,
            name: format!("{to}-copier"),
            role: "reader",
            env: &BTreeMap::new(),
            mounts: vec![
                (from.name.clone(), "/ci-healer-copy/from".to_owned()),
                (to.to_owned(), "/ci-healer-copy/to".to_owned()),
            ],
            read_only: Vec::new(),
            network: "none",
            create: &CreateOptions::default(),
            strict_user: None,
            privileges: Privileges::Usual,
        };
        let mut copier = Sandbox::create(&self.engine, &self.identity, &self.options, spec).await?;
        copier.start().await?;
        let copied = copier.run("0:0", &["sh", "-c", COPY], SLOW).await;
        // Its end is nobody's to wait for.
        tokio::spawn(async move {
            if let Err(error) = copier.remove().await {
                ::log::warn!("{error}");
            }
        });
        match copied? {
            (0, _) => Ok(()),
            (code, _) => Err(ExecutorError::Workspace {
                what: "copying the workspace".to_owned(),
                cause: format!("exit code {code}; the image needs `cp`, `du` and `df`, and the disk room"),
            }),
        }
    }

    /// Makes a copied volume hold what was planted, and nothing else than before; starts the container.
    pub(super) async fn fill_copy(
        &self,
        sandbox: &mut Sandbox,
        volume: &mut WorkspaceVolume,
        request: &Request<'_>,
        user: &User,
        extra: Vec<u8>,
    ) -> Result<(), ExecutorError> {
        let mut delta = volume.delta(request.tree);
        let attributes = Attributes { owner: user.ids, mtime: volume.next_mtime(self.engine.now_nanos()) };
        volume.last_mtime = Some(attributes.mtime);
        workspace::upload(&self.engine, &sandbox.id, request.tree, &delta, attributes, extra).await?;
        sandbox.start().await?;
        let gone: Vec<String> =
            delta.delete.iter().map(|path| format!("{}/{path}", workspace::ROOT)).collect();
        if !gone.is_empty() {
            let argv: Vec<&str> =
                ["rm", "-rf", "--"].into_iter().chain(gone.iter().map(String::as_str)).collect();
            sandbox.run("0:0", &argv, SLOW).await?;
        }
        if let Some(dir) = request.git_dir {
            // A commit is made of what was planted; what earlier steps configured stays.
            let list = format!("ls {}/.git/objects/pack 2>/dev/null || :", workspace::ROOT);
            let (_, packs) = sandbox.run("0:0", &["sh", "-c", &list], SLOW).await?;
            let packs = String::from_utf8_lossy(&packs).lines().map(str::to_owned).collect();
            delta = workspace::Delta {
                git: volume.git_folder(dir, &packs)?.without_settings(),
                ..Default::default()
            };
            workspace::upload(&self.engine, &sandbox.id, request.tree, &delta, attributes, Vec::new())
                .await?;
            sandbox.run(&user.name, &["sh", "-c", workspace::REFRESH_INDEX], SLOW).await?;
        }
        volume.set_uploaded(request.tree);
        tokio::time::sleep(volume.until_mtime(self.engine.now_nanos())).await;
        volume.synced_at = Some(self.engine.now_nanos());
        Ok(())
    }
}
