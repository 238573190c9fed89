//! Removing what runs leave in the engine: our own at the end, dead runs' at the start.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bollard::models::ContainerSummaryStateEnum;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder,
    RemoveVolumeOptionsBuilder,
};

use super::engine::{Engine, QUICK, SLOW};
use super::error::{ExecutorError, status_of};
use super::identity::{Judge, ROLE, RUN};

/// How many things were removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    pub containers: usize,
    pub networks: usize,
    pub volumes: usize,
    pub images: usize,
}

impl Removed {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, other: Self) {
        self.containers += other.containers;
        self.networks += other.networks;
        self.volumes += other.volumes;
        self.images += other.images;
    }
}

/// Removes everything labelled with `run`, and says so only when it is gone.
pub(super) async fn remove_run(engine: &Engine, run: &str) -> Result<Removed, ExecutorError> {
    let mut removed = Removed::default();
    let mut last = Ok(());
    // A second and third look: a container being removed holds its volume and network for a moment.
    for attempt in 0..5u32 {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(200 * u64::from(attempt))).await;
        }
        let things = Things::with_label(engine, &format!("{RUN}={run}")).await?;
        if things.is_empty() {
            return Ok(removed);
        }
        let (round, result) = things.remove(engine).await;
        removed.add(round);
        last = result;
        if last.is_ok() {
            return Ok(removed);
        }
    }
    last.map(|()| removed)
}

/// Removes what dead runs left; never a live run's, never `own_run`'s.
pub(super) async fn sweep(engine: &Engine, own_run: Option<&str>) -> Result<Removed, ExecutorError> {
    let mut removed = Removed::default();
    // What just died may still be ending: its container is on its way out and holds the network for a moment.
    for attempt in 0..SWEEPS_OF_ENDING {
        let all = Things::with_label(engine, RUN).await?;
        let tries = if all.ending { SWEEPS_OF_ENDING } else { SWEEPS };
        let mut judge = Judge::new(engine, own_run, all.at_work.clone());
        let (round, result) = all.dead(&mut judge).await.remove(engine).await;
        removed.add(round);
        match result {
            Ok(()) => break,
            Err(_) if attempt + 1 < tries => tokio::time::sleep(Duration::from_millis(300)).await,
            // Another start may be sweeping the same leftovers; what still lies there is the next one's.
            Err(error) => {
                log::info!("sweeping left something behind: {error}");
                break;
            }
        }
    }
    Ok(removed)
}

/// How often what is being removed is looked at again.
const SWEEPS: u32 = 4;
/// And while a container is on its way out, which an engine with much to do takes seconds for.
const SWEEPS_OF_ENDING: u32 = 20;

type Labelled = (String, HashMap<String, String>);

/// Ids or names, with their labels.
#[derive(Debug, Default)]
struct Things {
    containers: Vec<Labelled>,
    networks: Vec<Labelled>,
    volumes: Vec<Labelled>,
    images: Vec<Labelled>,
    /// A container is being removed already.
    ending: bool,
    /// Runs with a running container that ends with its owner: services would outlive it.
    at_work: HashSet<String>,
}

impl Things {
    fn is_empty(&self) -> bool {
        self.containers.is_empty()
            && self.networks.is_empty()
            && self.volumes.is_empty()
            && self.images.is_empty()
    }

    async fn with_label(engine: &Engine, label: &str) -> Result<Self, ExecutorError> {
        let docker = &engine.docker;
        let filter = HashMap::from([("label", vec![label])]);
        let containers = ListContainersOptionsBuilder::new().all(true).filters(&filter).build();
        let containers =
            engine.ask("listing containers", QUICK, docker.list_containers(Some(containers))).await?;
        let networks = ListNetworksOptionsBuilder::new().filters(&filter).build();
        let networks = engine.ask("listing networks", QUICK, docker.list_networks(Some(networks))).await?;
        let volumes = ListVolumesOptionsBuilder::new().filters(&filter).build();
        let volumes = engine.ask("listing volumes", QUICK, docker.list_volumes(Some(volumes))).await?;
        let images = ListImagesOptionsBuilder::new().filters(&filter).build();
        let images = engine.ask("listing images", QUICK, docker.list_images(Some(images))).await?;
        let at_work = containers.iter().filter(|c| c.state == Some(ContainerSummaryStateEnum::RUNNING));
        let at_work = at_work
            .filter_map(|c| c.labels.as_ref())
            .filter(|l| l.get(ROLE).is_some_and(|role| role != "service"))
            .filter_map(|l| l.get(RUN).cloned())
            .collect();
        let ending = containers.iter().any(|c| c.state == Some(ContainerSummaryStateEnum::REMOVING));
        Ok(Self {
            ending,
            at_work,
            containers: containers
                .into_iter()
                .filter(|c| c.state != Some(ContainerSummaryStateEnum::REMOVING))
                .filter_map(|c| Some((c.id?, c.labels.unwrap_or_default())))
                .collect(),
            networks: networks
                .into_iter()
                .filter_map(|n| Some((n.id?, n.labels.unwrap_or_default())))
                .collect(),
            volumes: volumes.volumes.unwrap_or_default().into_iter().map(|v| (v.name, v.labels)).collect(),
            images: images.into_iter().map(|i| (i.id, i.labels)).collect(),
        })
    }

    async fn dead(self, judge: &mut Judge<'_>) -> Self {
        let mut dead = Self::default();
        for (from, to) in [
            (self.containers, &mut dead.containers),
            (self.networks, &mut dead.networks),
            (self.volumes, &mut dead.volumes),
            (self.images, &mut dead.images),
        ] {
            for (id, labels) in from {
                if judge.is_dead(&labels).await {
                    to.push((id, labels));
                }
            }
        }
        dead
    }

    /// Containers first, since they hold the rest. Goes on after a failure, and tells the last one.
    async fn remove(self, engine: &Engine) -> (Removed, Result<(), ExecutorError>) {
        let docker = &engine.docker;
        let mut removed = Removed::default();
        let mut result = Ok(());
        // Each takes the engine a quarter of a second; side by side they do not add up.
        let containers = self.containers.iter().map(|(id, _)| remove_container(engine, id));
        for outcome in futures_util::future::join_all(containers).await {
            match outcome {
                Ok(()) => removed.containers += 1,
                Err(error) => result = Err(error),
            }
        }
        for (id, _) in &self.networks {
            match engine.ask("removing a network", SLOW, absent_is_fine(docker.remove_network(id))).await {
                Ok(()) => removed.networks += 1,
                Err(error) => result = Err(error),
            }
        }
        for (name, _) in &self.volumes {
            match remove_volume(engine, name).await {
                Ok(()) => removed.volumes += 1,
                Err(error) => result = Err(error),
            }
        }
        let images: HashSet<&String> = self.images.iter().map(|(id, _)| id).collect();
        for id in images {
            let options = RemoveImageOptionsBuilder::new().force(true).build();
            let request = async { docker.remove_image(id, Some(options), None).await.map(|_| ()) };
            match engine.ask("removing an image", SLOW, absent_is_fine(request)).await {
                Ok(()) => removed.images += 1,
                Err(error) => result = Err(error),
            }
        }
        (removed, result)
    }
}

pub(super) async fn remove_volume(engine: &Engine, name: &str) -> Result<(), ExecutorError> {
    let options = RemoveVolumeOptionsBuilder::new().force(true).build();
    engine
        .ask("removing a volume", SLOW, absent_is_fine(engine.docker.remove_volume(name, Some(options))))
        .await
}

/// Kills and removes a container with its anonymous volumes; returns when it is gone.
pub(super) async fn remove_container(engine: &Engine, id: &str) -> Result<(), ExecutorError> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let request = engine.docker.remove_container(id, Some(options));
    engine.ask("removing a container", SLOW, absent_is_fine(request)).await?;
    // The engine may be at it already (it removes the container itself when its first process ends).
    for _ in 0..100 {
        let still = engine.docker.inspect_container(id, None).await;
        if still.is_err_and(|e| status_of(&e) == Some(404)) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(ExecutorError::Engine {
        what: "removing a container".to_owned(),
        cause: format!("container {id} is still there after 5 s"),
    })
}

/// What is gone already, or going, needs no removing.
async fn absent_is_fine(
    request: impl Future<Output = Result<(), bollard::errors::Error>>,
) -> Result<(), bollard::errors::Error> {
    match request.await {
        Err(error) if status_of(&error) == Some(404) => Ok(()),
        Err(error) if status_of(&error) == Some(409) && error.to_string().contains("already in progress") => {
            Ok(())
        }
        other => other,
    }
}
