//! Removing what runs leave in the engine: our own at the end, dead runs' at the start.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use bollard::models::ContainerSummaryStateEnum;
use bollard::query_parameters::{
    KillContainerOptionsBuilder, ListContainersOptionsBuilder, ListImagesOptionsBuilder,
    ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder, RemoveVolumeOptionsBuilder,
};
use futures_util::future::join_all;

use super::engine::{Engine, Object, QUICK, SLOW};
use super::error::ExecutorError;
use super::identity::{OwnerCheck, ROLE, RUN};

/// How long a start may be at sweeping.
const SWEEP_PATIENCE: Duration = Duration::from_secs(60);
/// How often the engine may refuse to remove what nothing is about to release.
const REFUSALS: u32 = 5;
/// And for a sweep, while containers of dead runs are on their way out.
const REFUSALS_OF_ENDING: u32 = 20;
/// How often is looked for what was asked for and never seen: the engine may still be at it.
const LOOKS_FOR_UNSEEN: u32 = 3;
const LOOK_AGAIN: Duration = Duration::from_millis(300);
const SECOND_LOOK: Duration = Duration::from_millis(20);

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

    fn count(&mut self, object: &Object) {
        *match object {
            Object::Container(_) => &mut self.containers,
            Object::Network(_) => &mut self.networks,
            Object::Volume(_) => &mut self.volumes,
            Object::Image(_) => &mut self.images,
        } += 1;
    }
}

/// What could not be removed in time, as far as is known, by name; images by id. The sweep of a later start removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftovers {
    pub containers: Vec<String>,
    pub networks: Vec<String>,
    pub volumes: Vec<String>,
    pub images: Vec<String>,
    /// What stood in the way last.
    pub cause: Box<ExecutorError>,
}

impl Leftovers {
    fn new(objects: BTreeSet<Object>, cause: ExecutorError) -> Self {
        let mut left = Self {
            containers: Vec::new(),
            networks: Vec::new(),
            volumes: Vec::new(),
            images: Vec::new(),
            cause: Box::new(cause),
        };
        for object in objects {
            match object {
                Object::Container(name) => left.containers.push(name),
                Object::Network(name) => left.networks.push(name),
                Object::Volume(name) => left.volumes.push(name),
                Object::Image(id) => left.images.push(id),
            }
        }
        left
    }
}

impl fmt::Display for Leftovers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("container", &self.containers),
            ("network", &self.networks),
            ("volume", &self.volumes),
            ("image", &self.images),
        ];
        let names = kinds.iter().flat_map(|(kind, names)| names.iter().map(move |n| format!("{kind} {n}")));
        let names: Vec<String> = names.collect();
        if !names.is_empty() {
            write!(f, "{}: ", names.join(", "))?;
        }
        write!(f, "{}", self.cause)
    }
}

impl std::error::Error for Leftovers {}

/// Removes everything labelled with `run`, and says so only when it is gone. Waits up to `patience` for what the engine
/// is at: containers on their way out, volumes of many files.
pub(super) async fn remove_run(engine: &Engine, run: &str, patience: Duration) -> Result<Removed, Leftovers> {
    let removal = remove_all(engine, Target::Run(run), patience).await;
    match removal.trouble {
        // The engine did not say what there is; but nothing was asked of it.
        Some(_) if !removal.has_looked && removal.left.is_empty() => Ok(removal.removed),
        Some(cause) => Err(Leftovers::new(removal.left, cause)),
        None => Ok(removal.removed),
    }
}

/// Removes what dead runs left; never a live run's, never `own_run`'s.
pub(super) async fn sweep(engine: &Engine, own_run: Option<&str>) -> Result<Removed, ExecutorError> {
    let removal = remove_all(engine, Target::DeadRuns { own_run }, SWEEP_PATIENCE).await;
    match removal.trouble {
        Some(error) if !removal.has_looked => Err(error),
        // Another start may be sweeping the same leftovers; what still lies there is the next one's.
        Some(error) => {
            log::info!("sweeping left something behind: {}", Leftovers::new(removal.left, error));
            Ok(removal.removed)
        }
        None => Ok(removal.removed),
    }
}

/// Whose things to remove.
#[derive(Debug, Clone, Copy)]
enum Target<'a> {
    Run(&'a str),
    DeadRuns { own_run: Option<&'a str> },
}

/// How far a removal came.
#[derive(Debug, Default)]
struct Removal {
    removed: Removed,
    left: BTreeSet<Object>,
    /// Why it went no further; `None`: nothing is left.
    trouble: Option<ExecutorError>,
    /// The engine has said at least once what there is.
    has_looked: bool,
}

/// Looks and removes until nothing is left, `patience` is over, or the engine keeps refusing without a reason to wait.
async fn remove_all(engine: &Engine, target: Target<'_>, patience: Duration) -> Removal {
    let engine = engine.for_at_most(patience);
    // Until the engine says what there is: what it was asked to make.
    let made = if matches!(target, Target::Run(_)) { engine.not_seen_gone() } else { BTreeSet::new() };
    let mut removal = Removal { left: made, ..Removal::default() };
    let is_own = matches!(target, Target::Run(_));
    let (mut refusals, mut unseen_looks, mut saw_containers) = (0, 0, false);
    loop {
        let round = match FoundObjects::of(&engine, target).await {
            Ok(things) => {
                removal.has_looked = true;
                removal.left = things.objects();
                saw_containers |= !things.containers.is_empty();
                things.remove(&engine, &mut removal).await
            }
            Err(error) => Err(error),
        };
        match round {
            // A second look: what goes may bring back what it held.
            Ok(removed) if removed > 0 => {}
            Ok(_) if is_own && unseen_looks < LOOKS_FOR_UNSEEN && !engine.not_seen_gone().is_empty() => {
                unseen_looks += 1;
            }
            Ok(_) => {
                removal.trouble = None;
                return removal;
            }
            Err(error) => {
                // What a container on its way out still holds is released when that is gone.
                refusals += u32::from(!(is_own && error.is_conflict()));
                let most = if saw_containers && !is_own { REFUSALS_OF_ENDING } else { REFUSALS };
                let is_over = error.is_stopped() || refusals >= most;
                removal.trouble = Some(error);
                if is_over {
                    return removal;
                }
            }
        }
        let pause = if removal.trouble.is_none() && unseen_looks == 0 { SECOND_LOOK } else { LOOK_AGAIN };
        if let Err(error) = engine.sleep("removing what the run made", pause).await {
            removal.trouble.get_or_insert(error);
            return removal;
        }
    }
}

/// One thing in the engine.
#[derive(Debug)]
struct FoundObject {
    object: Object,
    id: String,
    labels: HashMap<String, String>,
}

/// What a look found.
#[derive(Debug, Default)]
struct FoundObjects {
    containers: Vec<FoundObject>,
    networks: Vec<FoundObject>,
    volumes: Vec<FoundObject>,
    images: Vec<FoundObject>,
    /// Runs with a running container that ends with its owner: services would outlive it.
    at_work: HashSet<String>,
}

impl FoundObjects {
    async fn of(engine: &Engine, target: Target<'_>) -> Result<Self, ExecutorError> {
        match target {
            Target::Run(run) => Self::with_label(engine, &format!("{RUN}={run}")).await,
            Target::DeadRuns { own_run } => {
                let mut all = Self::with_label(engine, RUN).await?;
                let at_work = std::mem::take(&mut all.at_work);
                Ok(all.dead(&mut OwnerCheck::new(engine, own_run, at_work)).await)
            }
        }
    }

    async fn with_label(engine: &Engine, label: &str) -> Result<Self, ExecutorError> {
        let filter = HashMap::from([("label", vec![label])]);
        let containers = ListContainersOptionsBuilder::new().all(true).filters(&filter).build();
        let containers =
            engine.ask("listing containers", QUICK, |d| d.list_containers(Some(containers))).await?;
        let networks = ListNetworksOptionsBuilder::new().filters(&filter).build();
        let networks = engine.ask("listing networks", QUICK, |d| d.list_networks(Some(networks))).await?;
        let volumes = ListVolumesOptionsBuilder::new().filters(&filter).build();
        let volumes = engine.ask("listing volumes", QUICK, |d| d.list_volumes(Some(volumes))).await?;
        let images = ListImagesOptionsBuilder::new().filters(&filter).build();
        let images = engine.ask("listing images", QUICK, |d| d.list_images(Some(images))).await?;
        let at_work = containers.iter().filter(|c| c.state == Some(ContainerSummaryStateEnum::RUNNING));
        let at_work = at_work
            .filter_map(|c| c.labels.as_ref())
            .filter(|l| l.get(ROLE).is_some_and(|role| role != "service"))
            .filter_map(|l| l.get(RUN).cloned())
            .collect();
        let container = |c: bollard::models::ContainerSummary| {
            let id = c.id?;
            // On its way out a container has lost its name already.
            let name = c.names.and_then(|names| names.into_iter().next());
            let name = name.map_or_else(|| id.clone(), |name| name.trim_start_matches('/').to_owned());
            Some(FoundObject { object: Object::Container(name), id, labels: c.labels.unwrap_or_default() })
        };
        let network = |n: bollard::models::Network| {
            let (id, name) = (n.id?, n.name?);
            Some(FoundObject { object: Object::Network(name), id, labels: n.labels.unwrap_or_default() })
        };
        let volume = |v: bollard::models::Volume| FoundObject {
            object: Object::Volume(v.name.clone()),
            id: v.name,
            labels: v.labels,
        };
        let image = |i: bollard::models::ImageSummary| FoundObject {
            object: Object::Image(i.id.clone()),
            id: i.id,
            labels: i.labels,
        };
        Ok(Self {
            at_work,
            containers: containers.into_iter().filter_map(container).collect(),
            networks: networks.into_iter().filter_map(network).collect(),
            volumes: volumes.volumes.unwrap_or_default().into_iter().map(volume).collect(),
            images: images.into_iter().map(image).collect(),
        })
    }

    async fn dead(self, check: &mut OwnerCheck<'_>) -> Self {
        let mut dead = Self::default();
        for (from, to) in [
            (self.containers, &mut dead.containers),
            (self.networks, &mut dead.networks),
            (self.volumes, &mut dead.volumes),
            (self.images, &mut dead.images),
        ] {
            for thing in from {
                if check.is_dead(&thing.labels).await {
                    to.push(thing);
                }
            }
        }
        dead
    }

    fn objects(&self) -> BTreeSet<Object> {
        let all = [&self.containers, &self.networks, &self.volumes, &self.images];
        all.into_iter().flatten().map(|thing| thing.object.clone()).collect()
    }

    /// Containers first, since they hold the rest. Goes on after a failure, and tells the last one; else how many it was.
    async fn remove(self, engine: &Engine, removal: &mut Removal) -> Result<usize, ExecutorError> {
        let mut result = Ok(());
        // Each takes the engine a quarter of a second, or many; side by side they do not add up.
        let containers = self.containers.iter().map(|thing| remove_container(engine, &thing.id));
        let gone = join_all(containers).await;
        removal.note(engine, &self.containers, gone, &mut result);
        let networks = self.networks.iter().map(|thing| remove_network(engine, &thing.id));
        let volumes = self.volumes.iter().map(|thing| remove_volume(engine, &thing.id));
        let images = self.images.iter().map(|thing| remove_image(engine, &thing.id));
        let (networks, volumes, images) =
            futures_util::join!(join_all(networks), join_all(volumes), join_all(images));
        removal.note(engine, &self.networks, networks, &mut result);
        removal.note(engine, &self.volumes, volumes, &mut result);
        removal.note(engine, &self.images, images, &mut result);
        let all = [&self.containers, &self.networks, &self.volumes, &self.images];
        result.map(|()| all.iter().map(|things| things.len()).sum())
    }
}

impl Removal {
    /// Takes over what became of `things`, one outcome for each.
    fn note(
        &mut self,
        engine: &Engine,
        things: &[FoundObject],
        outcomes: Vec<Result<(), ExecutorError>>,
        result: &mut Result<(), ExecutorError>,
    ) {
        for (thing, outcome) in things.iter().zip(outcomes) {
            match outcome {
                Ok(()) => {
                    if self.left.remove(&thing.object) {
                        self.removed.count(&thing.object);
                    }
                    engine.record_gone(&thing.object);
                }
                // One that says more of what to wait for stays.
                Err(error) if error.is_stopped() && result.is_err() => {}
                Err(error) => *result = Err(error),
            }
        }
    }
}

async fn remove_network(engine: &Engine, id: &str) -> Result<(), ExecutorError> {
    absent_is_fine(engine.ask("removing a network", SLOW, |d| d.remove_network(id)).await)
}

pub(super) async fn remove_volume(engine: &Engine, name: &str) -> Result<(), ExecutorError> {
    let options = RemoveVolumeOptionsBuilder::new().force(true).build();
    let removed = engine.ask("removing a volume", SLOW, |d| d.remove_volume(name, Some(options))).await;
    absent_is_fine(removed)?;
    engine.record_gone(&Object::Volume(name.to_owned()));
    Ok(())
}

pub(super) async fn remove_image(engine: &Engine, id: &str) -> Result<(), ExecutorError> {
    let options = RemoveImageOptionsBuilder::new().force(true).build();
    let removed = engine.ask("removing an image", SLOW, |d| d.remove_image(id, Some(options), None)).await;
    absent_is_fine(removed.map(|_| ()))?;
    engine.record_gone(&Object::Image(id.to_owned()));
    Ok(())
}

/// Kills and removes a container with its anonymous volumes; returns when it is gone.
pub(super) async fn remove_container(engine: &Engine, id: &str) -> Result<(), ExecutorError> {
    const DURING: &str = "removing a container";
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let removed = engine.ask(DURING, SLOW, |d| d.remove_container(id, Some(options))).await;
    absent_is_fine(removed)?;
    // The engine may be at it already (it removes the container itself when its first process ends).
    let asked = std::time::Instant::now();
    while asked.elapsed() < QUICK {
        match engine.ask(DURING, QUICK, |d| d.inspect_container(id, None)).await {
            Err(error) if error.is_absent() => return Ok(()),
            Err(error) if error.is_stopped() => return Err(error),
            _ => engine.sleep(DURING, Duration::from_millis(50)).await?,
        }
    }
    Err(ExecutorError::unexpected(
        DURING,
        format!("container {id} is still there after {} s", QUICK.as_secs()),
    ))
}

/// Ends a container's processes where it has any, and waits for no more than the engine's answer.
pub(super) async fn kill_container(engine: &Engine, id: &str) {
    let options = KillContainerOptionsBuilder::new().signal("KILL").build();
    if let Err(error) = engine.ask("ending a container", QUICK, |d| d.kill_container(id, Some(options))).await
    {
        log::debug!("{error}");
    }
}

/// What is gone already, or going, needs no removing.
fn absent_is_fine(answer: Result<(), ExecutorError>) -> Result<(), ExecutorError> {
    match answer {
        Err(error) if error.is_absent() => Ok(()),
        Err(error) if error.is_conflict() && error.to_string().contains("already in progress") => Ok(()),
        other => other,
    }
}
