//! Which package of a workspace the lines belong to: what task runners and package managers print before a package's
//! output, or in front of each of its lines. Pure text work: which folder that is, only the repository can say.

use std::collections::BTreeMap;

use super::findings::FindingBuilder;
use super::{paths, re};
use crate::contract::bug::Origin;

/// Headings kept of one log.
const MAX_HEADINGS: usize = 20_000;

/// The headings of a log, by the output stream (`""`: the main one) and the line.
#[derive(Default)]
pub(super) struct Headings {
    of: BTreeMap<(String, u64), Option<String>>,
}

impl Headings {
    pub(super) fn line(&mut self, stream: &str, text: &str, line_number: u64) {
        if self.of.len() < MAX_HEADINGS
            && let Some(package) = heading(text)
        {
            self.of.insert((stream.to_owned(), line_number), package.map(str::to_owned));
        }
    }

    /// The package named last before a line.
    pub(super) fn before(&self, stream: &str, line_number: u64) -> Option<&str> {
        let key = |at| (stream.to_owned(), at);
        self.of.range(key(0)..=key(line_number)).next_back()?.1.as_deref()
    }
}

/// The package whose output begins with this line; `Some(None)` where one ends.
#[allow(
    clippy::option_option,
    reason = "no heading, one that names a package, one that ends a package's output"
)]
fn heading(text: &str) -> Option<Option<&str>> {
    // Most lines are none of these, and are told by their first letter.
    match text.as_bytes().first()? {
        b'>' => of_script(text).map(Some),
        b' ' => of_runner(text).map(Some),
        b'[' => of_maven(text).map(Some),
        b'm' | b'g' => of_make(text),
        _ => None,
    }
}

/// `> @acme/core@1.0.0 test`, `> nx run core:test`, `> Task :core:test`.
fn of_script(text: &str) -> Option<&str> {
    if let Some(task) = text.strip_prefix("> Task ") {
        let path = task.split(' ').next()?;
        return Some(&path[..path.rfind(':')?]);
    }
    if let Some(task) = text.strip_prefix("> nx run ") {
        return task.split(':').next();
    }
    re!(r"^> ((?:@[\w.~-]+/)?[\w.~-]+)@\S+ \S+(?: /.*)?$").captures(text)?.get(1).map(|name| name.as_str())
}

/// Cargo's `     Running unittests src/lib.rs (target/debug/deps/core-0123456789abcdef)` and `   Doc-tests core`,
/// Vitest's ` RUN  v3.2.4 /home/runner/work/shop/shop/packages/core`.
fn of_runner(text: &str) -> Option<&str> {
    let body = text.trim_start();
    if let Some(name) = body.strip_prefix("Doc-tests ") {
        return Some(name);
    }
    if body.starts_with("Running unittests ") {
        let binary = body.strip_suffix(')')?.rsplit('/').next()?;
        return binary.rsplit_once('-').map(|(name, _)| name);
    }
    body.strip_prefix("RUN  v").and_then(|rest| rest.split_once(' ')).map(|(_, folder)| folder.trim())
}

/// `[INFO]   from core/pom.xml`, `[INFO] Building core 1.0`, of older versions.
fn of_maven(text: &str) -> Option<&str> {
    let body = text.strip_prefix("[INFO] ")?;
    if let Some(from) = body.trim_start().strip_prefix("from ") {
        return from.strip_suffix("/pom.xml");
    }
    body.strip_prefix("Building ").and_then(|rest| rest.split(' ').next()).filter(|name| !name.contains(':'))
}

/// `make[1]: Entering directory '/home/runner/work/shop/shop/core'`
fn of_make(text: &str) -> Option<Option<&str>> {
    let name = text.strip_prefix('g').unwrap_or(text);
    if !name.starts_with("make") {
        return None;
    }
    if text.contains(": Leaving directory ") {
        return Some(None);
    }
    let (_, folder) = text.split_once(": Entering directory ")?;
    Some(Some(folder.trim_matches(['\'', '`', '"'])))
}

/// The package or folder that a finding is of: as its tool says, as its lines' prefix says, or as the heading above
/// says where its paths are the package's own.
pub(super) fn package(finding: &FindingBuilder, heading: Option<&str>, roots: &[String]) -> Option<String> {
    if let Some(package) = &finding.package {
        return Some(package.clone());
    }
    if let Some(package) = of_prefix(&finding.stream) {
        return Some(package.to_owned());
    }
    // Where a path is printed in full, the heading above may be another package's.
    let heading = heading.filter(|_| finding.rooted.is_empty())?;
    let inside = paths::relative(&format!("{}/x", heading.trim_start_matches(':')), roots);
    // A folder elsewhere is none of the repository's.
    inside.strip_suffix("/x").filter(|folder| !folder.starts_with('/')).map(str::to_owned)
}

/// `@m/a:build`, `packages/a build`, `web`; what only numbers processes names none.
fn of_prefix(stream: &str) -> Option<&str> {
    let name = stream.split(' ').next()?;
    let name = match name.rsplit_once(':') {
        Some((package, _)) if !package.is_empty() => {
            package.split_once(':').map_or(package, |(first, _)| first)
        }
        _ => name,
    };
    name.bytes().any(|byte| byte.is_ascii_alphabetic()).then_some(name)
}

/// What is known of a finding: its stream's name, the heading above it, and what its own tool says.
pub(super) fn origin(
    stream: &str,
    heading: Option<&str>,
    package: Option<String>,
    rooted: Vec<String>,
) -> Origin {
    let stream = (!stream.is_empty()).then(|| stream.to_owned());
    Origin { packages: package.into_iter().chain(stream).chain(heading.map(str::to_owned)).collect(), rooted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_name_packages() {
        for (prefix, package) in [
            ("@m/a:build", Some("@m/a")),
            ("web:test:unit", Some("web")),
            ("packages/a build", Some("packages/a")),
            ("@m/a", Some("@m/a")),
            ("0", None),
            ("", None),
        ] {
            assert_eq!(of_prefix(prefix), package, "{prefix}");
        }
    }

    #[test]
    fn headings_name_packages() {
        for (text, package) in [
            ("> @acme/core@1.0.0 test", "@acme/core"),
            ("> core@1.0.0 test /home/runner/work/a/a/packages/core", "core"),
            ("> nx run core:test", "core"),
            ("> Task :libs:core:test FAILED", ":libs:core"),
            ("     Running unittests src/lib.rs (target/debug/deps/core-0123456789abcdef)", "core"),
            ("   Doc-tests core", "core"),
            (" RUN  v3.2.4 /home/runner/work/a/a/packages/core", "/home/runner/work/a/a/packages/core"),
            ("[INFO]   from libs/core/pom.xml", "libs/core"),
            ("[INFO] Building core 1.0-SNAPSHOT                      [2/3]", "core"),
            ("make[1]: Entering directory '/home/runner/work/a/a/core'", "/home/runner/work/a/a/core"),
        ] {
            assert_eq!(heading(text), Some(Some(package)), "{text}");
        }
        assert_eq!(heading("make[1]: Leaving directory '/x'"), Some(None));
        for text in
            ["", "> vitest run", "> a > b", "[INFO] BUILD FAILURE", "make: *** [all] Error 1", "  at x"]
        {
            assert_eq!(heading(text), None, "{text}");
        }
    }
}
