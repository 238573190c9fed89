//! When registries published what, asked of them as anybody may.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value;

use super::Time;
use super::resolved::{CARGO, PYTHON, Package};
use super::version;
use crate::error::ExpectedError;
use crate::http::{Client, Redirects, Url};
use crate::scope::Scope;

/// One release of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub version: String,
    /// When the first file of it came.
    pub published: Time,
    /// Yanked: nobody gets it who does not name it.
    pub is_withdrawn: bool,
}

/// The releases of a package, by publication.
pub type Releases = Vec<Release>;

/// Why the times of a package are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error("the public registry does not have it: it comes from a private index")]
    NotThere,
    #[error("the registry gives no times for it")]
    NoTimes,
    #[error("the registry did not answer: {0}")]
    NoAnswer(String),
}

const PATIENCE: Duration = Duration::from_secs(60);
/// The longest answers of npm's registry have 100 MB and more; nobody waits for those.
const LONGEST: usize = 96 << 20;

/// The registries' answers of this run.
pub struct Registries {
    client: Client,
    known: HashMap<Package, Result<Releases, Unknown>>,
}

impl Registries {
    pub fn new(scope: &Scope, ca: Option<&[u8]>) -> Result<Self, ExpectedError> {
        Ok(Self { client: Client::new(scope, ca, Redirects::Follow)?, known: HashMap::new() })
    }

    /// Asks for what is not known yet, several at once.
    pub async fn ask(&mut self, packages: &[Package]) {
        const AT_ONCE: usize = 8;
        let missing: Vec<&Package> = packages.iter().filter(|p| !self.known.contains_key(*p)).collect();
        for some in missing.chunks(AT_ONCE) {
            let client = &self.client;
            let answers =
                futures_util::future::join_all(some.iter().map(|package| fetch(client, package))).await;
            for (package, answer) in some.iter().zip(answers) {
                self.known.insert((*package).clone(), answer);
            }
        }
    }

    /// What is known of a package that was asked for.
    pub fn of(&self, package: &Package) -> Result<&Releases, Unknown> {
        match self.known.get(package) {
            Some(Ok(releases)) => Ok(releases),
            Some(Err(unknown)) => Err(unknown.clone()),
            None => Err(Unknown::NoTimes),
        }
    }
}

async fn fetch(client: &Client, package: &Package) -> Result<Releases, Unknown> {
    let no_answer = |what: String| Unknown::NoAnswer(what);
    let address = if package.ecosystem == PYTHON {
        format!("https://pypi.org/pypi/{}/json", package.name)
    } else if package.ecosystem == CARGO {
        format!("https://index.crates.io/{}", in_index(&package.name))
    } else {
        format!("https://registry.npmjs.org/{}", package.name.replace('/', "%2f"))
    };
    let url = Url::parse(&address).map_err(|e| no_answer(e.to_string()))?;
    let mut response = client
        .get(url)
        .timeout(PATIENCE)
        .send("asking a registry for publish times")
        .await
        .map_err(|e| no_answer(e.to_string()))?;
    match response.status().as_u16() {
        200 => {}
        401 | 403 | 404 | 410 | 451 => return Err(Unknown::NotThere),
        other => return Err(no_answer(format!("HTTP {other}"))),
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| no_answer(e.to_string()))? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err(no_answer("the answer is too long".to_owned()));
        }
    }
    let releases = if package.ecosystem == CARGO {
        of_index(&String::from_utf8_lossy(&body))
    } else {
        let value: Value = serde_json::from_slice(&body).map_err(|e| no_answer(e.to_string()))?;
        if package.ecosystem == PYTHON { of_pypi(&value) } else { of_npm(&value) }
    };
    if releases.is_empty() { Err(Unknown::NoTimes) } else { Ok(releases) }
}

fn of_pypi(value: &Value) -> Releases {
    let mut releases = Releases::new();
    for (version, files) in value["releases"].as_object().into_iter().flatten() {
        let files = files.as_array().map_or(&[][..], Vec::as_slice);
        let time = |file: &Value| Time::parse(file["upload_time_iso_8601"].as_str()?);
        let Some(published) = files.iter().filter_map(time).min() else { continue };
        let is_withdrawn = files.iter().all(|file| file["yanked"] == true);
        releases.push(Release { version: version.clone(), published, is_withdrawn });
    }
    sorted(releases)
}

/// Where the sparse index of crates.io keeps a crate.
fn in_index(name: &str) -> String {
    let name = name.to_lowercase();
    match name.len() {
        0..=2 => format!("{}/{name}", name.len()),
        3 => format!("3/{}/{name}", name.get(..1).unwrap_or_default()),
        _ => {
            let part = |from: usize| name.get(from..from + 2).unwrap_or_default();
            format!("{}/{}/{name}", part(0), part(2))
        }
    }
}

/// A line of JSON for each version.
fn of_index(text: &str) -> Releases {
    let release = |line: &str| {
        let value: Value = serde_json::from_str(line).ok()?;
        Some(Release {
            version: value["vers"].as_str()?.to_owned(),
            published: Time::parse(value["pubtime"].as_str()?)?,
            is_withdrawn: value["yanked"] == true,
        })
    };
    sorted(text.lines().filter_map(release).collect())
}

fn of_npm(value: &Value) -> Releases {
    let mut releases = Releases::new();
    let versions = value["versions"].as_object();
    for (version, time) in value["time"].as_object().into_iter().flatten() {
        // A deprecated one is taken all the same where a range has no other.
        if versions.is_none_or(|versions| !versions.contains_key(version)) {
            continue;
        }
        let Some(published) = time.as_str().and_then(Time::parse) else { continue };
        releases.push(Release { version: version.clone(), published, is_withdrawn: false });
    }
    sorted(releases)
}

fn sorted(mut releases: Releases) -> Releases {
    releases
        .sort_by(|a, b| a.published.cmp(&b.published).then_with(|| version::compare(&a.version, &b.version)));
    releases
}

/// What a range takes of the releases before a time, and up to the version that it takes today.
#[must_use]
pub fn latest<'a>(releases: &'a [Release], until: Time, highest: Option<&str>) -> Option<&'a str> {
    let fit = |r: &&Release| {
        r.published < until
            && !r.is_withdrawn
            && !version::is_prerelease(&r.version)
            && highest.is_none_or(|highest| version::compare(&r.version, highest).is_le())
    };
    let versions = releases.iter().filter(fit).map(|r| r.version.as_str());
    versions.max_by(|a, b| version::compare(a, b))
}

/// Whether the times cannot be those of publication: a release that is older than a higher one of its own minor line, and
/// is dated after it by more than a day. A registry that copies another dates what it copied late.
#[must_use]
pub fn out_of_order(releases: &[Release], between: (Time, Time)) -> Option<(String, String)> {
    const DAY: i64 = 86_400;
    let line = |version: &str| -> Option<String> {
        let mut parts = version.split('.');
        Some(format!("{}.{}", parts.next()?, parts.next()?))
    };
    let mut highest: BTreeMap<String, &Release> = BTreeMap::new();
    for release in releases {
        let Some(line) = line(&release.version).filter(|_| !version::is_prerelease(&release.version)) else {
            continue;
        };
        match highest.get(&line) {
            Some(high) if version::compare(&release.version, &high.version).is_lt() => {
                let is_within = release.published >= between.0 && release.published <= between.1;
                if is_within && release.published.unix() - high.published.unix() > DAY {
                    return Some((release.version.clone(), high.version.clone()));
                }
            }
            _ => {
                highest.insert(line, release);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_registries_are_read() {
        let pypi = serde_json::json!({"releases": {
            "2.0": [{"upload_time_iso_8601": "2025-01-02T00:10:00Z", "yanked": false},
                    {"upload_time_iso_8601": "2025-01-02T00:00:00Z", "yanked": false}],
            "1.9": [{"upload_time_iso_8601": "2025-01-01T00:00:00Z", "yanked": true}],
            "1.8": []}});
        let read: Vec<_> = of_pypi(&pypi)
            .into_iter()
            .map(|r| (r.version, r.published.to_string(), r.is_withdrawn))
            .collect();
        assert_eq!(
            read,
            [
                ("1.9".to_owned(), "2025-01-01T00:00:00Z".to_owned(), true),
                ("2.0".to_owned(), "2025-01-02T00:00:00Z".to_owned(), false),
            ]
        );
        let npm = serde_json::json!({"time": {"created": "2020-01-01T00:00:00Z", "1.0.0": "2025-01-01T00:00:00.000Z", "1.0.1": "2025-02-01T00:00:00Z"},
            "versions": {"1.0.0": {"deprecated": "no more"}}});
        let read: Vec<_> = of_npm(&npm).into_iter().map(|r| (r.version, r.is_withdrawn)).collect();
        assert_eq!(read, [("1.0.0".to_owned(), false)], "an unpublished one is gone");
    }

    #[test]
    fn the_index_of_crates_is_read() {
        let places = ["a", "ab", "abc", "Home", "windows-sys"].map(in_index);
        assert_eq!(places, ["1/a", "2/ab", "3/a/abc", "ho/me/home", "wi/nd/windows-sys"]);
        let read: Vec<_> = of_index(
            "{\"name\":\"home\",\"vers\":\"0.5.12\",\"yanked\":false,\"pubtime\":\"2025-10-23T23:56:32Z\"}\n\
             {\"vers\":\"0.5.11\",\"yanked\":true,\"pubtime\":\"2024-12-16T15:41:39Z\"}\n{\"vers\":\"0.5.10\"}\n",
        )
        .into_iter()
        .map(|r| (r.version, r.is_withdrawn))
        .collect();
        assert_eq!(read, [("0.5.11".to_owned(), true), ("0.5.12".to_owned(), false)]);
    }

    #[test]
    fn a_range_takes_the_highest_of_its_time_that_is_not_withdrawn() {
        let release = |version: &str, day: i64, is_withdrawn: bool| Release {
            version: version.to_owned(),
            published: Time::from_unix(day * 86_400),
            is_withdrawn,
        };
        let all = [
            release("1.0", 1, false),
            release("1.1", 2, true),
            release("2.0rc1", 3, false),
            release("1.0.1", 4, false),
            release("2.0", 5, false),
        ];
        let of = |day: i64, highest: Option<&str>| {
            latest(&all, Time::from_unix(day * 86_400), highest).unwrap_or("none").to_owned()
        };
        assert_eq!([of(1, None), of(4, None), of(5, None)], ["none", "1.0", "1.0.1"]);
        assert_eq!([of(9, None), of(9, Some("1.9"))], ["2.0", "1.0.1"]);
    }

    #[test]
    fn what_is_not_known_is_said_without_an_address() {
        for unknown in [Unknown::NotThere, Unknown::NoTimes, Unknown::NoAnswer("HTTP 500".to_owned())] {
            let said = unknown.to_string();
            assert!(!said.contains("://") && said.contains("registry"), "{said}");
        }
        let empty = serde_json::json!({"releases": {"1.0": [{"yanked": false}]}, "time": {"1.0.0": "soon"}});
        assert!(of_pypi(&empty).is_empty() && of_npm(&empty).is_empty(), "no times");
    }

    #[test]
    fn times_that_cannot_be_true_are_seen() {
        let release = |version: &str, day: i64| Release {
            version: version.to_owned(),
            published: Time::from_unix(day * 86_400),
            is_withdrawn: false,
        };
        let all = (Time::from_unix(0), Time::from_unix(i64::MAX));
        let copied = [release("1.2.9", 10), release("1.2.3", 20)];
        assert_eq!(out_of_order(&copied, all), Some(("1.2.3".to_owned(), "1.2.9".to_owned())));
        let backport = [release("2.0.0", 10), release("1.9.1", 20)];
        assert_eq!(out_of_order(&backport, all), None);
    }
}
