//! `options:` of a job's container or a service: the part of `docker create`'s flags that changes what the steps see.
//!
//! Flags that would open the sandbox (privileges, host paths, host networks) are refused by omission: they are named in
//! the notes and not passed on.

use std::time::Duration;

use super::shell::split_words;

/// What was understood, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CreateOptions {
    pub(super) user: Option<String>,
    pub(super) env: Vec<String>,
    pub(super) hostname: Option<String>,
    pub(super) shm_bytes: Option<i64>,
    pub(super) add_hosts: Vec<String>,
    pub(super) tmpfs: Vec<(String, String)>,
    pub(super) entrypoint: Option<String>,
    pub(super) health: Health,
    pub(super) notes: Vec<String>,
}

/// `--health-*`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Health {
    pub(super) command: Option<String>,
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    pub(super) start_period: Option<Duration>,
    pub(super) retries: Option<i64>,
    pub(super) disabled: bool,
}

pub(super) fn parse(text: &str) -> CreateOptions {
    let mut options = CreateOptions::default();
    let words = match split_words(text) {
        Ok(words) => words,
        Err(error) => {
            options.notes.push(format!("options not read: {error}"));
            return options;
        }
    };
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let (flag, inline) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
            _ => (word, None),
        };
        match flag.as_str() {
            "--no-healthcheck" => options.health.disabled = true,
            // The sandbox always has an init process.
            "--init" | "-i" | "-t" | "-it" | "--interactive" | "--tty" | "--rm" | "-d" | "--detach" => {}
            "--privileged" | "-P" | "--publish-all" | "--read-only" => {
                options.notes.push(format!("container option {flag} is not supported and was left out"));
            }
            flag if flag.starts_with('-') => match inline.or_else(|| words.next()) {
                Some(value) => options.set(flag, value),
                None => options.notes.push(format!("container option {flag} has no value and was left out")),
            },
            other => {
                options.notes.push(format!("container option {other:?} was not understood and was left out"));
            }
        }
    }
    options
}

impl CreateOptions {
    fn set(&mut self, flag: &str, value: String) {
        let understood = match flag {
            "--user" | "-u" => {
                self.user = Some(value);
                true
            }
            "--env" | "-e" => {
                self.env.push(value);
                true
            }
            "--hostname" | "-h" => {
                self.hostname = Some(value);
                true
            }
            "--add-host" => {
                self.add_hosts.push(value);
                true
            }
            "--tmpfs" => {
                let (path, options) = value.split_once(':').unwrap_or((&value, ""));
                self.tmpfs.push((path.to_owned(), options.to_owned()));
                true
            }
            "--entrypoint" => {
                self.entrypoint = Some(value);
                true
            }
            "--shm-size" => {
                self.shm_bytes = bytes(&value);
                self.shm_bytes.is_some()
            }
            "--health-cmd" => {
                self.health.command = Some(value);
                true
            }
            "--health-interval" => {
                self.health.interval = duration(&value);
                self.health.interval.is_some()
            }
            "--health-timeout" => {
                self.health.timeout = duration(&value);
                self.health.timeout.is_some()
            }
            "--health-start-period" => {
                self.health.start_period = duration(&value);
                self.health.start_period.is_some()
            }
            "--health-retries" => {
                self.health.retries = value.parse().ok();
                self.health.retries.is_some()
            }
            // Names are ours to give; labels and platforms change nothing that steps see.
            "--name" | "--label" | "-l" | "--platform" | "--restart" | "--log-driver" | "--log-opt" => true,
            _ => false,
        };
        if !understood {
            self.notes.push(format!("container option {flag} is not supported and was left out"));
        }
    }
}

/// `64m`, `1gb`, `1024`
fn bytes(text: &str) -> Option<i64> {
    let lower = text.trim().to_ascii_lowercase();
    let at = lower.find(|c: char| !c.is_ascii_digit()).unwrap_or(lower.len());
    let factor = match &lower[at..] {
        "" | "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1i64 << 30,
        _ => return None,
    };
    lower[..at].parse::<i64>().ok()?.checked_mul(factor)
}

/// Go's durations: `10s`, `1m30s`, `500ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit_end = rest[number..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |i| number + i);
        let factor = match &rest[number..unit_end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += rest[..number].parse::<f64>().ok()? * factor;
        rest = &rest[unit_end..];
    }
    Duration::try_from_secs_f64(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_checks_as_workflows_write_them() {
        let got = parse(
            "--health-cmd \"pg_isready -U x\" --health-interval 10s --health-timeout=5s --health-retries 5",
        );
        assert_eq!(got.health.command.as_deref(), Some("pg_isready -U x"));
        assert_eq!(got.health.interval, Some(Duration::from_secs(10)));
        assert_eq!(got.health.timeout, Some(Duration::from_secs(5)));
        assert_eq!(got.health.retries, Some(5));
        assert!(got.notes.is_empty());
    }

    #[test]
    fn what_opens_the_sandbox_is_left_out_and_said() {
        let got = parse(
            "--privileged -v /:/host --network host --cap-add SYS_ADMIN --user 1000:1000 --shm-size 1g",
        );
        assert_eq!(got.user.as_deref(), Some("1000:1000"));
        assert_eq!(got.shm_bytes, Some(1 << 30));
        assert_eq!(got.notes.len(), 4, "{:?}", got.notes);
    }

    #[test]
    fn durations_are_go_s() {
        assert_eq!(duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!((duration("10"), duration(""), duration("x")), (None, None, None));
    }
}
