//! The connection to the Docker engine. Every request has a limit: an engine that hangs is reported, not waited for.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::Docker;

use super::error::{ExecutorError, cause_of};

/// Docker 20.10, the oldest that distributions still ship.
const MINIMUM_API: (usize, usize, &str) = (1, 41, "1.41");

/// Questions that any healthy engine answers at once.
pub(super) const QUICK: Duration = Duration::from_secs(30);
/// Creating, starting, committing and removing: slow on a loaded disk.
pub(super) const SLOW: Duration = Duration::from_secs(120);

/// A live engine.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    /// Where it answers, to find it again.
    pub(super) address: String,
    pub(super) docker: Docker,
    /// The engine's clock less ours: file times must be true on its side, or incremental builds miss changes.
    skew_nanos: i128,
}

impl Engine {
    /// `DOCKER_HOST`, or the default socket.
    pub(super) fn default_address() -> String {
        let address = std::env::var("DOCKER_HOST").ok().filter(|h| !h.is_empty());
        address.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned())
    }

    pub(super) async fn connect_to(address: &str) -> Result<Self, ExecutorError> {
        let none = |cause: String| ExecutorError::NoEngine { address: address.to_owned(), cause };
        let docker = Docker::connect_with_host(address).map_err(|e| none(cause_of(&e)))?;
        let limit = Duration::from_secs(10);
        let docker = match tokio::time::timeout(limit, docker.negotiate_version()).await {
            Ok(Ok(docker)) => docker,
            Ok(Err(error)) => return Err(none(cause_of(&error))),
            Err(_) => return Err(none(format!("no answer within {} s", limit.as_secs()))),
        };
        let version = docker.client_version();
        if (version.major_version, version.minor_version) < (MINIMUM_API.0, MINIMUM_API.1) {
            return Err(ExecutorError::TooOld {
                address: address.to_owned(),
                version: format!("{}.{}", version.major_version, version.minor_version),
                minimum: MINIMUM_API.2,
            });
        }
        let mut engine = Self { address: address.to_owned(), docker, skew_nanos: 0 };
        let info = engine.ask("asking for its facts", QUICK, engine.docker.info()).await?;
        engine.skew_nanos =
            info.system_time.as_deref().and_then(nanos_of).map_or(0, |theirs| theirs - now_nanos());
        Ok(engine)
    }

    /// Runs one request within `limit`; `what` says what it was for.
    pub(super) async fn ask<T>(
        &self,
        what: &str,
        limit: Duration,
        request: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T, ExecutorError> {
        match tokio::time::timeout(limit, request).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(ExecutorError::engine(what, &error)),
            Err(_) => Err(ExecutorError::NoAnswer { what: what.to_owned(), limit }),
        }
    }

    /// The time on the engine's clock, in nanoseconds since 1970.
    pub(super) fn now_nanos(&self) -> i128 {
        now_nanos() + self.skew_nanos
    }
}

fn now_nanos() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i128::try_from(d.as_nanos()).unwrap_or(0))
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

    #[tokio::test]
    async fn an_absent_engine_is_a_typed_error_with_a_hint() {
        let error = Engine::connect_to("unix:///nowhere/docker.sock").await.unwrap_err();
        assert!(matches!(error, ExecutorError::NoEngine { .. }), "{error}");
        assert!(error.to_string().contains("/nowhere/docker.sock"));
        assert!(error.hint().unwrap().contains("engine.sh"));
        let error = Engine::connect_to("ssh://x").await.unwrap_err();
        assert!(matches!(error, ExecutorError::NoEngine { .. }), "{error}");
    }
}
