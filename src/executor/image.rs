//! Which image the steps run in: what the plan asks for, by content, once per run; else the multi-runtime image.
//!
//! A registry that answers is asked. Where none does, the multi-runtime image stands in, built once from the Dockerfile
//! compiled into this binary, and the result says which version was asked for and which one ran. A job's own
//! `container:` is never replaced: another image would be another job.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::models::ImageInspect;
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder, CreateImageOptionsBuilder};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};

use super::archive;
use super::engine::{Engine, QUICK};
use super::error::ExecutorError;
use crate::contract::build::{ImageChoice, MULTI_RUNTIME_IMAGE};
use crate::contract::event::{Event, EventSink};
use crate::contract::outcome::STAND_IN;

const DOCKERFILE: &str = include_str!("../../docker/Dockerfile.sandbox");
/// Set when a release is built: the published multi-runtime image by digest.
const RELEASED: Option<&str> = option_env!("CI_HEALER_SANDBOX_IMAGE");
/// What `docker/base-images.sh` provides.
const LOCAL_BASE: &str = "ci-healer/base:trixie";
const OFFICIAL_BASE: &str = "debian:trixie-slim";

const PULL_LIMIT: Duration = Duration::from_secs(15 * 60);
const BUILD_LIMIT: Duration = Duration::from_secs(40 * 60);
/// What a pull is called where a scope ends it.
const PULLING: &str = "pulling an image";
const BUILDING: &str = "building the sandbox image";

/// An image that is in the engine.
#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    /// `sha256:…`
    pub(super) id: String,
    /// As asked for.
    pub(super) reference: String,
    /// `USER`: a name or number, with or without group; empty for root.
    pub(super) user: String,
    pub(super) env: Vec<String>,
    /// Its description declares folders that lie in no layer.
    pub(super) has_volumes: bool,
    /// What the multi-runtime image says it holds.
    pub(super) runtimes: Option<String>,
    pub(super) notes: Vec<String>,
}

impl Image {
    fn new(reference: &str, inspect: ImageInspect) -> Self {
        let config = inspect.config.unwrap_or_default();
        Self {
            id: inspect.id.unwrap_or_default(),
            reference: reference.to_owned(),
            user: config.user.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            has_volumes: config.volumes.is_some_and(|volumes| !volumes.is_empty()),
            runtimes: config.labels.and_then(|mut l| l.remove("ci-healer.runtimes")),
            notes: Vec::new(),
        }
    }

    /// A variable of the image's own environment.
    pub(super) fn env(&self, name: &str) -> Option<&str> {
        self.env.iter().find_map(|e| e.split_once('=').filter(|(k, _)| *k == name).map(|(_, v)| v))
    }
}

/// Images of one run: each reference is resolved once, so that all executions run the same content.
#[derive(Debug, Default)]
pub(super) struct Images {
    known: HashMap<(String, bool), Image>,
}

impl Images {
    pub(super) async fn resolve(
        &mut self,
        engine: &Engine,
        choice: &ImageChoice,
        ca: &[u8],
        sink: &dyn EventSink,
    ) -> Result<Image, ExecutorError> {
        let key = (choice.reference.clone(), choice.from_container);
        if let Some(image) = self.known.get(&key) {
            return Ok(image.clone());
        }
        let image = resolve(engine, choice, ca, sink).await?;
        self.known.insert(key, image.clone());
        Ok(image)
    }
}

async fn resolve(
    engine: &Engine,
    choice: &ImageChoice,
    ca: &[u8],
    sink: &dyn EventSink,
) -> Result<Image, ExecutorError> {
    if choice.reference == MULTI_RUNTIME_IMAGE {
        return multi_runtime(engine, ca, sink).await;
    }
    match obtain(engine, &choice.reference, sink).await {
        Ok(inspect) => Ok(Image::new(&choice.reference, inspect)),
        Err(error) if choice.from_container || error.is_stopped() => Err(error),
        Err(error) => {
            sink.emit(Event::Warning { what: format!("{error}; the multi-runtime image stands in") });
            let mut image = multi_runtime(engine, ca, sink).await?;
            image.notes.push(stand_in_note(choice, &image, &error));
            image.reference.clone_from(&choice.reference);
            Ok(image)
        }
    }
}

/// What was asked for and what runs instead.
fn stand_in_note(choice: &ImageChoice, image: &Image, why: &ExecutorError) -> String {
    let ran = image.runtimes.as_deref().unwrap_or("see docker/Dockerfile.sandbox");
    let asked: Vec<String> = choice
        .runtimes
        .iter()
        .map(|r| format!("{} {}", r.language, r.version.as_deref().unwrap_or("(any)")))
        .collect();
    let asked = if asked.is_empty() { String::new() } else { format!(" (asked for: {})", asked.join(", ")) };
    format!("image {} could not be had{asked}; {STAND_IN} ({ran}): {why}", choice.reference)
}

/// The image as it lies in the engine, or pulled.
pub(super) async fn obtain(
    engine: &Engine,
    reference: &str,
    sink: &dyn EventSink,
) -> Result<ImageInspect, ExecutorError> {
    if let Some(inspect) = inspect(engine, reference).await? {
        return Ok(inspect);
    }
    pull(engine, reference, sink).await?;
    inspect(engine, reference).await?.ok_or_else(|| ExecutorError::Image {
        image: reference.to_owned(),
        cause: "pulled, and yet it is not there".to_owned(),
        hint: "see whether another process removes images on this engine".to_owned(),
    })
}

async fn inspect(engine: &Engine, reference: &str) -> Result<Option<ImageInspect>, ExecutorError> {
    match engine.ask("inspecting an image", QUICK, |d| d.inspect_image(reference)).await {
        Ok(inspect) => Ok(Some(inspect)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error.with_what(format!("inspecting image {reference}"))),
    }
}

async fn pull(engine: &Engine, reference: &str, sink: &dyn EventSink) -> Result<(), ExecutorError> {
    sink.emit(Event::Progress { what: format!("pulling image {reference}") });
    // Without a tag the engine would fetch every tag there is.
    let (name, tag) = if reference.contains('@') {
        (reference, "")
    } else {
        match reference.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (reference, "latest"),
        }
    };
    let fail = |cause: String| {
        let hint = pull_hint(&cause);
        ExecutorError::Image { image: reference.to_owned(), cause, hint }
    };
    let mut last = String::new();
    // As the runner does it: three tries.
    for attempt in 0..3u64 {
        engine.sleep(PULLING, Duration::from_secs(attempt)).await?;
        match tokio::time::timeout(PULL_LIMIT, pull_once(engine, reference, (name, tag), sink)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) if error.is_stopped() => return Err(error),
            Ok(Err(error)) if is_final(&error.cause()) => return Err(fail(error.cause())),
            Ok(Err(error)) => last = error.cause(),
            Err(_) => return Err(fail(format!("the pull took longer than {} s", PULL_LIMIT.as_secs()))),
        }
    }
    Err(fail(last))
}

async fn pull_once(
    engine: &Engine,
    reference: &str,
    (name, tag): (&str, &str),
    sink: &dyn EventSink,
) -> Result<(), ExecutorError> {
    let options = CreateImageOptionsBuilder::new().from_image(name).tag(tag).build();
    let mut stream = engine.stream(PULLING, |d| d.create_image(Some(options), None, None));
    let mut told = Instant::now();
    while let Some(item) = stream.next().await {
        let info = item?;
        if told.elapsed() > Duration::from_secs(5) {
            told = Instant::now();
            let status = info.status.unwrap_or_default();
            sink.emit(Event::Progress { what: format!("pulling image {reference}: {status}") });
        }
    }
    Ok(())
}

/// Trying again changes nothing about these.
fn is_final(cause: &str) -> bool {
    const FINAL: [&str; 9] = [
        "manifest unknown",
        "not found",
        "access denied",
        "unauthorized",
        "denied:",
        "invalid reference",
        "no such host",
        "no matching manifest",
        "no space left",
    ];
    let cause = cause.to_ascii_lowercase();
    FINAL.iter().any(|f| cause.contains(f))
}

fn pull_hint(cause: &str) -> String {
    let cause = cause.to_ascii_lowercase();
    if cause.contains("no space left") {
        "free disk space where the engine keeps its data (`docker system df`)".to_owned()
    } else if ["manifest unknown", "not found", "access denied", "unauthorized"]
        .iter()
        .any(|c| cause.contains(c))
        && !cause.contains("no such host")
    {
        "check the image's name and tag; a private image has to be pulled before ci-healer runs".to_owned()
    } else {
        "the registry cannot be reached from the Docker engine: check its network, proxy and DNS, or pull the image before"
            .to_owned()
    }
}

/// The tag under which the image built from the compiled-in Dockerfile is kept.
fn built_tag() -> String {
    let hash = Sha256::digest(DOCKERFILE.as_bytes());
    let hex: String = hash.iter().take(6).map(|b| format!("{b:02x}")).collect();
    format!("{MULTI_RUNTIME_IMAGE}:{hex}")
}

/// The released image where a registry has it, else the one built here.
pub(super) async fn multi_runtime(
    engine: &Engine,
    ca: &[u8],
    sink: &dyn EventSink,
) -> Result<Image, ExecutorError> {
    let tag = built_tag();
    if let Some(inspect) = inspect(engine, &tag).await? {
        return Ok(Image::new(MULTI_RUNTIME_IMAGE, inspect));
    }
    if let Some(released) = RELEASED {
        match obtain(engine, released, sink).await {
            Ok(inspect) => return Ok(Image::new(MULTI_RUNTIME_IMAGE, inspect)),
            Err(error) if error.is_stopped() => return Err(error),
            Err(error) => sink.emit(Event::Warning { what: format!("{error}; building the image instead") }),
        }
    }
    build(engine, &tag, ca, sink).await?;
    let inspect = inspect(engine, &tag).await?.ok_or_else(|| ExecutorError::Image {
        image: tag.clone(),
        cause: "built, and yet it is not there".to_owned(),
        hint: "see whether another process removes images on this engine".to_owned(),
    })?;
    Ok(Image::new(MULTI_RUNTIME_IMAGE, inspect))
}

async fn build(engine: &Engine, tag: &str, ca: &[u8], sink: &dyn EventSink) -> Result<(), ExecutorError> {
    // Runs side by side would each build for minutes; the first one builds, the others find its image.
    let lock = build_lock(engine, sink).await?;
    if inspect(engine, tag).await?.is_some() {
        return Ok(());
    }
    let base = base_image(engine, sink).await?;
    let what = format!("building the sandbox image {tag} (once, a few minutes)");
    sink.emit(Event::Progress { what });
    let context = archive::of_files(&[("Dockerfile", DOCKERFILE.as_bytes()), ("ca.pem", ca)]);
    let mut args = HashMap::from([("BASE".to_owned(), base)]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"] {
        args.extend(std::env::var(name).ok().filter(|v| !v.is_empty()).map(|v| (name.to_owned(), v)));
    }
    let options = BuildImageOptionsBuilder::new()
        .dockerfile("Dockerfile")
        .t(tag)
        .rm(true)
        .forcerm(true)
        .buildargs(&args)
        .build();
    let fail = |cause: String| {
        ExecutorError::Image {
        image: tag.to_owned(),
        cause,
        hint: "the build needs the package registries of Debian, npm and PyPI; a network that re-signs TLS needs `ca-bundle`"
            .to_owned(),
    }
    };
    let mut last_lines: Vec<String> = Vec::new();
    let built =
        tokio::time::timeout(BUILD_LIMIT, build_once(engine, options, context, sink, &mut last_lines));
    let built = built.await.unwrap_or_else(|_| {
        Err(ExecutorError::unexpected(
            BUILDING,
            format!("the build took longer than {} s", BUILD_LIMIT.as_secs()),
        ))
    });
    drop(lock);
    built.map_err(|error| {
        if error.is_stopped() {
            return error;
        }
        let tail = last_lines.split_off(last_lines.len().saturating_sub(8)).join("\n");
        let short: String = error.cause().chars().take(400).collect();
        fail(format!("the build failed: {short}\n{tail}"))
    })
}

/// Passes on what the build says; keeps its last lines.
async fn build_once(
    engine: &Engine,
    options: BuildImageOptions,
    context: Vec<u8>,
    sink: &dyn EventSink,
    last_lines: &mut Vec<String>,
) -> Result<(), ExecutorError> {
    let context = bollard::body_full(context.into());
    let mut stream = engine.stream(BUILDING, |d| d.build_image(options, None, Some(context)));
    let mut told = Instant::now();
    while let Some(item) = stream.next().await {
        let info = item?;
        if let Some(error) = info.error_detail.and_then(|e| e.message) {
            return Err(ExecutorError::unexpected(BUILDING, error));
        }
        for line in info.stream.as_deref().unwrap_or_default().lines().filter(|l| !l.trim().is_empty()) {
            let line: String = line.chars().take(200).collect();
            if line.starts_with("Step ") || told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                sink.emit(Event::Progress { what: format!("building the sandbox image: {line}") });
            }
            last_lines.push(line);
            if last_lines.len() > 40 {
                last_lines.remove(0);
            }
        }
    }
    Ok(())
}

async fn base_image(engine: &Engine, sink: &dyn EventSink) -> Result<String, ExecutorError> {
    for name in [LOCAL_BASE, OFFICIAL_BASE] {
        if inspect(engine, name).await?.is_some() {
            return Ok(name.to_owned());
        }
    }
    match pull(engine, OFFICIAL_BASE, sink).await {
        Ok(()) => Ok(OFFICIAL_BASE.to_owned()),
        Err(error) if error.is_stopped() => Err(error),
        Err(error) => Err(ExecutorError::Image {
            image: OFFICIAL_BASE.to_owned(),
            cause: error.to_string(),
            hint: "run docker/base-images.sh of ci-healer's source: it makes the base image from Debian's packages"
                .to_owned(),
        }),
    }
}

/// Held by the one process of this machine that builds.
async fn build_lock(engine: &Engine, sink: &dyn EventSink) -> Result<std::fs::File, ExecutorError> {
    let path = std::env::temp_dir().join("ci-healer-sandbox-build.lock");
    let fail = |cause: std::io::Error| ExecutorError::Workspace {
        what: format!("locking {}", path.display()),
        cause: cause.to_string(),
    };
    let file = std::fs::File::options().create(true).append(true).open(&path).map_err(fail)?;
    let mut waited = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => {
                if !waited {
                    sink.emit(Event::Progress { what: "waiting for another run's image build".to_owned() });
                }
                waited = true;
                engine.sleep(BUILDING, Duration::from_millis(500)).await?;
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(fail(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_follows_the_dockerfile() {
        let tag = built_tag();
        assert!(
            tag.starts_with("ci-healer/sandbox:") && tag.len() == "ci-healer/sandbox:".len() + 12,
            "{tag}"
        );
    }

    #[test]
    fn hints_tell_a_missing_image_from_a_missing_registry() {
        assert!(pull_hint("manifest for x:y not found: manifest unknown").contains("name and tag"));
        assert!(pull_hint("dial tcp: lookup registry-1.docker.io: no such host").contains("registry"));
        assert!(is_final("no such host") && !is_final("TLS handshake timeout"));
    }
}
