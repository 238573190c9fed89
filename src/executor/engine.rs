//! The only door to the Docker engine. Every request and every stream is bounded by a scope: when that ends, whoever
//! waits goes on at once, whatever the engine does. An engine that hangs is reported, not waited for.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::models::SystemInfo;
use futures_util::Stream;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::error::{ExecutorError, cause_of};
use crate::scope::{Scope, Stopped};

/// Docker 20.10, the oldest that distributions still ship.
const MINIMUM_API: (usize, usize, &str) = (1, 41, "1.41");

/// Questions that any healthy engine answers at once.
pub(super) const QUICK: Duration = Duration::from_secs(30);
/// Creating, starting, committing and removing: slow on a loaded disk.
pub(super) const SLOW: Duration = Duration::from_secs(120);
/// To find the engine at all.
const CONNECT: Duration = Duration::from_secs(10);

/// The API's client, which waits for ever where nobody stops it.
#[expect(clippy::disallowed_types, reason = "this is the one module that has the client")]
pub(super) type Client = bollard::Docker;

/// A live engine, as far as a scope lets us wait for it.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    /// Where it answers, to find it again.
    pub(super) address: String,
    docker: Client,
    scope: Scope,
    /// The engine's clock less ours: file times must be true on its side, or incremental builds miss changes.
    skew_nanos: i128,
    /// Limits that it would not hold a container to, as our inputs name them.
    pub(super) unheld: Vec<&'static str>,
    /// What we have asked it to make and have not seen gone. Shared by all clones.
    made: Arc<Mutex<BTreeSet<Object>>>,
}

/// What the engine keeps for us, by name; an image by its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    Container(String),
    Network(String),
    Volume(String),
    Image(String),
}

impl Engine {
    /// `DOCKER_HOST`, or the default socket.
    pub(super) fn default_address() -> String {
        let address = std::env::var("DOCKER_HOST").ok().filter(|h| !h.is_empty());
        address.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned())
    }

    pub(super) async fn connect_to(address: &str, scope: &Scope) -> Result<Self, ExecutorError> {
        const DURING: &str = "connecting to the Docker engine";
        let none = |cause: String| ExecutorError::NoEngine { address: address.to_owned(), cause };
        #[expect(clippy::disallowed_methods, reason = "this is the one place that makes the client")]
        let docker = Client::connect_with_host(address).map_err(|e| none(cause_of(&e)))?;
        let negotiated = tokio::time::timeout(CONNECT, docker.negotiate_version());
        let docker = match scope.run(DURING, negotiated).await? {
            Ok(Ok(docker)) => docker,
            Ok(Err(error)) => return Err(none(cause_of(&error))),
            Err(_) => return Err(none(format!("no answer within {} s", CONNECT.as_secs()))),
        };
        let version = docker.client_version();
        if (version.major_version, version.minor_version) < (MINIMUM_API.0, MINIMUM_API.1) {
            return Err(ExecutorError::TooOld {
                address: address.to_owned(),
                version: format!("{}.{}", version.major_version, version.minor_version),
                minimum: MINIMUM_API.2,
            });
        }
        let mut engine = Self {
            address: address.to_owned(),
            docker,
            scope: scope.clone(),
            skew_nanos: 0,
            unheld: Vec::new(),
            made: Arc::default(),
        };
        let info = engine.ask("asking for its facts", QUICK, Client::info).await?;
        engine.unheld = unheld(&info);
        engine.skew_nanos =
            info.system_time.as_deref().and_then(nanos_of).map_or(0, |theirs| theirs - now_nanos());
        Ok(engine)
    }

    /// The same engine, in other bounds.
    pub(super) fn within(&self, scope: &Scope) -> Self {
        Self { scope: scope.clone(), ..self.clone() }
    }

    /// The same engine, for so long at most.
    pub(super) fn for_at_most(&self, limit: Duration) -> Self {
        self.within(&self.scope.child(limit))
    }

    /// Makes one request and waits for its answer, `limit` at most and never longer than the scope lasts; `during` says
    /// what it is for.
    pub(super) async fn ask<'e, T, F>(
        &'e self,
        during: &'static str,
        limit: Duration,
        request: impl FnOnce(&'e Client) -> F,
    ) -> Result<T, ExecutorError>
    where
        F: Future<Output = Result<T, bollard::errors::Error>>,
    {
        match tokio::time::timeout(limit, self.ask_without_limit(during, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(ExecutorError::NoAnswer { what: during.to_owned(), limit }),
        }
    }

    /// The same without a limit of its own, for what takes as long as it is large.
    pub(super) async fn ask_without_limit<'e, T, F>(
        &'e self,
        during: &'static str,
        request: impl FnOnce(&'e Client) -> F,
    ) -> Result<T, ExecutorError>
    where
        F: Future<Output = Result<T, bollard::errors::Error>>,
    {
        let answer = self.scope.run(during, async { request(&self.docker).await }).await?;
        answer.map_err(|error| ExecutorError::engine(during, &error))
    }

    /// Makes a request whose answer comes in pieces. Its last piece is an error where it broke off or the scope ended.
    pub(super) fn stream<'e, T: 'e, S>(
        &'e self,
        during: &'static str,
        request: impl FnOnce(&'e Client) -> S,
    ) -> BoxStream<'e, Result<T, ExecutorError>>
    where
        S: Stream<Item = Result<T, bollard::errors::Error>> + Send + 'e,
    {
        self.bound_stream(during, request(&self.docker))
    }

    /// A stream of the client's that lasts no longer than the scope.
    pub(super) fn bound_stream<'s, T: 's>(
        &self,
        during: &'static str,
        stream: impl Stream<Item = Result<T, bollard::errors::Error>> + Send + 's,
    ) -> BoxStream<'s, Result<T, ExecutorError>> {
        let scope = self.scope.clone();
        let mut ended = Box::pin(async move { scope.ended().await });
        let mut stream: Pin<Box<dyn Stream<Item = _> + Send + 's>> = Box::pin(stream);
        let mut is_over = false;
        let bounded = futures_util::stream::poll_fn(move |cx| {
            if is_over {
                return Poll::Ready(None);
            }
            if let Poll::Ready(reason) = ended.as_mut().poll(cx) {
                is_over = true;
                return Poll::Ready(Some(Err(ExecutorError::Stopped(Stopped { reason, during }))));
            }
            let item = stream.as_mut().poll_next(cx);
            item.map_err(|error| ExecutorError::engine(during, &error))
        });
        bounded.boxed()
    }

    /// Waits a moment, no longer than the scope lasts.
    pub(super) async fn sleep(&self, during: &'static str, time: Duration) -> Result<(), ExecutorError> {
        Ok(self.scope.run(during, tokio::time::sleep(time)).await?)
    }

    /// Asks for something that stays in the engine until it is removed. It is taken for made as soon as it is asked for:
    /// the answer may not reach us.
    pub(super) async fn make<'e, T, F>(
        &'e self,
        object: Object,
        during: &'static str,
        request: impl FnOnce(&'e Client) -> F,
    ) -> Result<T, ExecutorError>
    where
        F: Future<Output = Result<T, bollard::errors::Error>>,
    {
        self.record_made(object.clone());
        let answer = self.ask(during, SLOW, request).await;
        if let Err(ExecutorError::Engine { status: Some(_), .. }) = &answer
            && answer.as_ref().is_err_and(|error| !error.is_conflict())
        {
            self.record_gone(&object);
        }
        answer
    }

    pub(super) fn record_made(&self, object: Object) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(object);
    }

    /// It has been seen that it is gone.
    pub(super) fn record_gone(&self, object: &Object) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).remove(object);
    }

    /// What we have asked for and have not seen gone.
    pub(super) fn not_seen_gone(&self) -> BTreeSet<Object> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time on the engine's clock, in nanoseconds since 1970.
    pub(super) fn now_nanos(&self) -> i128 {
        now_nanos() + self.skew_nanos
    }
}

fn now_nanos() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i128::try_from(d.as_nanos()).unwrap_or(0))
}

/// What the engine says that it cannot limit here: kernels and rootless engines differ.
fn unheld(info: &SystemInfo) -> Vec<&'static str> {
    let said = [
        ("sandbox-memory", info.memory_limit),
        ("sandbox-cpus", info.cpu_cfs_quota),
        ("sandbox-pids", info.pids_limit),
    ];
    said.into_iter().filter(|(_, is_held)| *is_held == Some(false)).map(|(input, _)| input).collect()
}

/// Reads the engine's RFC 3339 time (`2026-11-22T09:00:00.123456789Z` or with an offset).
fn nanos_of(text: &str) -> Option<i128> {
    let (date, rest) = text.split_once('T')?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (clock, zone) = rest.split_at(zone_at);
    let (seconds_part, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = seconds_part.split(':').map(str::parse::<i64>);
    let (h, m, s) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let nanos: i128 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let offset = match zone {
        "Z" => 0,
        _ => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let value = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
            if zone.starts_with('-') { -value } else { value }
        }
    };
    // Days since 1970 in the proleptic Gregorian calendar, counted in 400-year eras that begin in March.
    let (y, shifted) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let seconds = days * 86_400 + h * 3600 + m * 60 + s - offset;
    Some(i128::from(seconds) * 1_000_000_000 + nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_s_clock_is_read() {
        assert_eq!(nanos_of("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(nanos_of("2000-02-29T12:00:00.5Z"), Some(951_825_600_500_000_000));
        assert_eq!(nanos_of("2026-11-23T00:00:00.000000001+01:00"), Some(1_795_388_400_000_000_001));
        assert_eq!(nanos_of("nonsense"), None);
    }

    #[test]
    fn limits_that_an_engine_does_not_hold_are_known() {
        let info = SystemInfo { memory_limit: Some(true), pids_limit: Some(false), ..SystemInfo::default() };
        assert_eq!(unheld(&info), ["sandbox-pids"]);
        assert!(unheld(&SystemInfo::default()).is_empty(), "what is not said is not held against it");
    }

    #[tokio::test]
    async fn an_absent_engine_is_a_typed_error_with_a_hint() {
        let error = Engine::connect_to("unix:///nowhere/docker.sock", &Scope::unbounded()).await.unwrap_err();
        assert!(matches!(error, ExecutorError::NoEngine { .. }), "{error}");
        assert!(error.to_string().contains("/nowhere/docker.sock"));
        assert!(error.hint().unwrap().contains("engine.sh"));
        let error = Engine::connect_to("ssh://x", &Scope::unbounded()).await.unwrap_err();
        assert!(matches!(error, ExecutorError::NoEngine { .. }), "{error}");
    }
}
