//! The user that steps run as where the image itself has none but root: `runner`, 1001, as on hosted runners, with a home,
//! with the right to install tools for everyone, and with `sudo` where it can be had.
//!
//! A job's own `container:` is left as GitHub leaves it. Under strict hardening nothing here runs as root: the account is
//! there, the right to install and `sudo` are not.

use std::time::Duration;

use super::archive::{self, Entry, Kind};
use super::engine::{Engine, Object, SLOW};
use super::error::ExecutorError;
use super::identity::Identity;
use super::image::Image;
use super::sandbox::Sandbox;
use crate::contract::build::BuildPlan;

pub(super) const RUNNER: &str = "runner";
const HOME: &str = "/home/runner";
const IDS: (u32, u32) = (1001, 1001);
/// Installing one package, lists of packages included.
const INSTALL_LIMIT: Duration = Duration::from_secs(180);

/// Where tools are installed for everyone, folders alone: whoever may write into a folder may replace what is in it, and
/// giving away every file would copy it. Homes of root's are given away where the image's own environment names them.
const GIVE_FOLDERS: &str = r#"
mkdir -p /opt/hostedtoolcache
folders="/usr/local /opt"
if env | grep -q "=.*/root\(/\|:\|$\)"; then folders="$folders /root"; fi
find $folders -xdev -path /usr/local/go -prune -o -type d ! -user 1001 ! -perm -0002 -exec chown 1001 {} +
"#;

const INSTALL_SUDO: &str = "command -v sudo >/dev/null 2>&1 && exit 0\n\
    export DEBIAN_FRONTEND=noninteractive\n\
    if command -v apt-get; then apt-get update -q && apt-get install -yq --no-install-recommends sudo\n\
    elif command -v apk; then apk add sudo\n\
    elif command -v microdnf; then microdnf install -y sudo\n\
    elif command -v dnf; then dnf install -yq sudo\n\
    elif command -v yum; then yum install -yq sudo\n\
    else exit 1; fi && command -v sudo";

/// Whether `USER` of an image means root.
pub(super) fn is_root(user: &str) -> bool {
    matches!(user.split(':').next().unwrap_or_default(), "" | "0" | "root")
}

/// The user that steps run as: as the job's container says, else the image's own, else `runner`.
pub(super) fn wanted(plan: &BuildPlan, image: &Image, asked: Option<&str>) -> String {
    match asked {
        Some(user) => user.to_owned(),
        None if !is_root(&image.user) => image.user.clone(),
        None if plan.image.from_container => "0:0".to_owned(),
        None => RUNNER.to_owned(),
    }
}

/// Adds the hosted runner's folders for the user's own tools.
pub(super) fn path(path: &str) -> String {
    format!("{HOME}/.local/bin:{HOME}/.cargo/bin:{path}")
}

/// The account as the image has it or as it is made: its numbers, and archive entries below `/` that make it.
pub(super) async fn entries(sandbox: &Sandbox) -> Result<((u32, u32), Vec<u8>), ExecutorError> {
    let text = async |path| -> Result<String, ExecutorError> {
        let bytes = sandbox.get_file(path, 1 << 20).await?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let (passwd, group) = (text("/etc/passwd").await?, text("/etc/group").await?);
    let mut out = Vec::new();
    let mut file = |path: &str, mode: u32, text: &str| {
        let kind = Kind::File(text.len() as u64);
        archive::push(&mut out, &Entry { path, kind, mode, owner: (0, 0), mtime: 0 }, text.as_bytes());
    };
    let ids = match numbers(&passwd) {
        Some(ids) => ids,
        None => {
            // A field that is no `x`: there is no password to look up elsewhere.
            let line = format!("{RUNNER}:*:{}:{}::{HOME}:/bin/sh", IDS.0, IDS.1);
            let passwd = if passwd.is_empty() { "root:*:0:0:root:/root:/bin/sh\n" } else { &*passwd };
            file("etc/passwd", 0o644, &with_line(passwd, &line));
            if !group.lines().any(|l| l.starts_with("runner:")) {
                file("etc/group", 0o644, &with_line(&group, &format!("{RUNNER}:x:{}:", IDS.1)));
            }
            IDS
        }
    };
    file("etc/sudoers.d/runner", 0o440, "runner ALL=(ALL) NOPASSWD:ALL\n");
    let home = Entry { path: "home/runner/", kind: Kind::Directory, mode: 0o755, owner: ids, mtime: 0 };
    archive::push(&mut out, &home, b"");
    Ok((ids, out))
}

fn numbers(passwd: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|l| l.starts_with("runner:"))?;
    let fields: Vec<&str> = line.split(':').collect();
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

fn with_line(text: &str, line: &str) -> String {
    let text = text.trim_end_matches('\n');
    if text.is_empty() { format!("{line}\n") } else { format!("{text}\n{line}\n") }
}

/// Lets the user install tools where the image keeps them.
pub(super) async fn give_folders(sandbox: &Sandbox) -> Result<(), ExecutorError> {
    let given = sandbox.run("0:0", &["sh", "-c", GIVE_FOLDERS], SLOW).await?;
    if given.0 != 0 {
        ::log::debug!("tools cannot be installed for everyone: exit {}", given.0);
    }
    Ok(())
}

/// A step calls `sudo`, by the look of its script.
pub(super) fn calls_sudo(plan: &BuildPlan) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    plan.steps.iter().any(|s| s.run.split(|c: char| !is_word(c)).any(|word| word == "sudo"))
}

/// Puts `sudo` into a started container of an image without it and keeps the result as an image of this run; `None` where
/// it cannot be had. Nothing of the repository has run in it.
pub(super) async fn with_sudo(
    engine: &Engine,
    identity: &Identity,
    sandbox: &Sandbox,
) -> Result<Option<String>, ExecutorError> {
    let installed = sandbox.run("0:0", &["sh", "-c", INSTALL_SUDO], INSTALL_LIMIT).await;
    match installed {
        Ok((0, _)) => {}
        Ok(_) | Err(ExecutorError::NoAnswer { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    let image = sandbox.commit(identity, "putting sudo into the image").await?;
    engine.record_made(Object::Image(image.clone()));
    Ok(Some(image))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_by_name_and_number() {
        for (user, want) in [("", true), ("0:0", true), ("root:root", true), ("node", false), ("1000", false)]
        {
            assert_eq!(is_root(user), want, "{user:?}");
        }
    }

    #[test]
    fn an_account_that_is_there_is_taken() {
        assert_eq!(
            numbers("root:x:0:0::/root:/bin/sh\nrunner:x:1002:118::/home/runner:/bin/sh"),
            Some((1002, 118))
        );
        assert_eq!(numbers("root:x:0:0::/root:/bin/sh\nrunnerx:x:1:1::/:"), None);
        assert_eq!(with_line("a\n\n", "b"), "a\nb\n");
    }
}
