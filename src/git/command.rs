//! Starts git children, alone in the crate to start any: every one with the same hardening, none with a secret in its
//! arguments, and each ends, with all that it has started, at the latest with its scope.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use tokio::process::Command;

use super::error::GitError;
use crate::process_group::ProcessGroup;
use crate::scope::Scope;

/// Variables a child gets from ours; everything else stays behind.
const PASSED_ON: &[&str] = &[
    "PATH",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "CURL_CA_BUNDLE",
    "TMPDIR",
    "SYSTEMROOT",
];
/// Also needed where the user's own login (ssh agent, credential helper) is what opens the remote.
const PASSED_ON_FOR_LOGIN: &[&str] = &["HOME", "USER", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK"];

/// A git child for `git_dir`. With a token for an `http(s)` remote it sees no configuration but ours; without one the
/// user's own login is used, which lives in the user's configuration.
pub(super) fn create_command(
    git_dir: Option<&Path>,
    url: &str,
    token: Option<&SecretString>,
) -> Result<Command, GitError> {
    #[expect(clippy::disallowed_methods, reason = "every child is made here and run by `run`")]
    let mut command = Command::new("git");
    command.env_clear();
    let passed = |names: &[&str]| -> Vec<(String, OsString)> {
        names.iter().filter_map(|n| Some(((*n).to_owned(), std::env::var_os(n)?))).collect()
    };
    command.envs(passed(PASSED_ON));
    if token.is_none() {
        command.envs(passed(PASSED_ON_FOR_LOGIN));
    } else {
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("HOME", "/nonexistent");
    }
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        // Never ask, on no terminal and through no program.
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "/bin/false")
        .env("SSH_ASKPASS", "/bin/false")
        .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        // Messages are matched in places; keep them in English, and file names in bytes.
        .env("LC_MESSAGES", "C")
        .env("GIT_OPTIONAL_LOCKS", "0")
        // Only the transports we know; `ext::` would run commands.
        .env("GIT_ALLOW_PROTOCOL", "https:http:ssh:git:file");
    let mut config: Vec<(String, String)> = vec![
        ("core.hooksPath".to_owned(), "/dev/null".to_owned()),
        ("core.fsmonitor".to_owned(), "false".to_owned()),
        ("submodule.recurse".to_owned(), "false".to_owned()),
        ("push.gpgSign".to_owned(), "false".to_owned()),
        ("push.followTags".to_owned(), "false".to_owned()),
        ("gc.auto".to_owned(), "0".to_owned()),
        ("maintenance.auto".to_owned(), "false".to_owned()),
        ("safe.directory".to_owned(), "*".to_owned()),
        // Redirects carry our header along: only the first answer may redirect, as git's default allows.
        ("http.followRedirects".to_owned(), "initial".to_owned()),
    ];
    if let (Some(token), Some(origin)) = (token, http_origin(url)) {
        let key = format!("http.{origin}/.extraheader");
        let basic = BASE64_STANDARD.encode(format!("x-access-token:{}", token.expose_secret()));
        config.push(("credential.helper".to_owned(), String::new()));
        // The empty value clears what other configuration set: two headers would be refused.
        config.push((key.clone(), String::new()));
        config.push((key, format!("AUTHORIZATION: basic {basic}")));
    }
    // In the environment, not in the arguments, which every process of the machine can read.
    command.env("GIT_CONFIG_COUNT", config.len().to_string());
    for (index, (key, value)) in config.into_iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
    }
    if let Some(dir) = git_dir {
        command.arg("--git-dir").arg(dir).current_dir(dir);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

/// How long a child may go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<'a> {
    pub(super) scope: &'a Scope,
    /// Its own limit, should the scope last longer.
    pub(super) timeout: Duration,
}

/// Runs a child to its end, or kills its process group at the end of its bounds. `name` is how messages call it.
pub(super) async fn run(
    mut command: Command,
    name: &'static str,
    bounds: Bounds<'_>,
) -> Result<Output, GitError> {
    let Bounds { scope, timeout } = bounds;
    // git's own children (transports, packers) would outlive it.
    command.process_group(0);
    let work = async {
        let child = command.spawn().map_err(|e| GitError::NoGit { why: e.to_string() })?;
        let mut group = ProcessGroup::of(child.id());
        match tokio::time::timeout(timeout, child.wait_with_output()).await {
            Ok(output) => {
                group.has_ended();
                output.map_err(|e| GitError::io(format!("run {name}"), &e))
            }
            Err(_) => Err(GitError::TimedOut { command: name.to_owned(), seconds: timeout.as_secs() }),
        }
    };
    scope.run(name, work).await?
}

/// `https://host:port` of a URL, `None` for other transports.
pub(super) fn http_origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "https" && scheme != "http" {
        return None;
    }
    let host = rest.split('/').next().filter(|h| !h.is_empty())?;
    Some(format!("{scheme}://{host}"))
}

/// Refuses URLs that carry a password or could be read as an option.
pub(super) fn check_url(url: &str) -> Result<(), GitError> {
    let shown = || match url.split_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => url.to_owned(),
    };
    let refuse = |allowed| Err(GitError::BadRemote { url: shown(), allowed });
    if url.is_empty() || url.starts_with('-') || url.contains("::") || url.chars().any(char::is_control) {
        return refuse("an https, ssh or file address, or a path");
    }
    if http_origin(url).is_some_and(|origin| origin.contains('@')) {
        return refuse("an address without user and password");
    }
    Ok(())
}

/// The line that says what went wrong: the last one with `fatal:` or `error:`, else the last.
pub(super) fn last_error_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let fatal = lines.iter().rev().find(|l| l.starts_with("fatal:") || l.starts_with("error:"));
    let line = fatal.or(lines.last()).copied().unwrap_or("no message");
    line.chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(http_origin("https://github.com/o/r.git").as_deref(), Some("https://github.com"));
        assert_eq!(http_origin("http://127.0.0.1:81/o/r").as_deref(), Some("http://127.0.0.1:81"));
        assert_eq!(http_origin("git@github.com:o/r"), None);
        for good in ["https://github.com/o/r.git", "/srv/r.git", "git@github.com:o/r.git", "ssh://git@h/r"] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in ["", "-uhack", "ext::sh -c x", "https://u:p@h/r"] {
            let error = check_url(bad).unwrap_err().to_string();
            assert!(!error.contains("u:p"), "{error}");
        }
    }

    #[test]
    fn the_token_is_in_the_environment_only_and_replaces_other_headers() {
        let token = SecretString::from("canary");
        let command = create_command(Some(Path::new("/tmp")), "https://h/o/r", Some(&token)).unwrap();
        let command = command.as_std();
        assert!(command.get_args().all(|a| !a.to_string_lossy().contains("canary")));
        let values: Vec<String> =
            command.get_envs().filter_map(|(_, v)| Some(v?.to_string_lossy().into_owned())).collect();
        let encoded = BASE64_STANDARD.encode("x-access-token:canary");
        assert!(values.iter().any(|v| v == &format!("AUTHORIZATION: basic {encoded}")));
        assert_eq!(values.iter().filter(|v| *v == "http.https://h/.extraheader").count(), 2);
    }
}
