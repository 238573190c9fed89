//! The search for the release: which world to look at next, and what the looks come to. Pure; it knows worlds by their
//! answers only.
//!
//! Worlds as of a date are the ones that users had: they hold what needs each other, in isolated builds and nested
//! installations as well. So the search halves the time between the last green and the first red world over what was
//! published in between, and counts only what the two worlds resolve differently; suspects weigh more.

use std::collections::{BTreeMap, BTreeSet};

use super::Time;
use super::releases::Release;
use super::resolved::{Difference, Package, Resolved};
use super::version;

/// How a world came out for the failure that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Green,
    Red,
    /// Red for another reason, or not the same each time: it says nothing about the failure.
    Unclear,
}

/// A world that was looked at.
#[derive(Debug, Clone)]
pub struct Answer {
    pub verdict: Verdict,
    pub resolved: Resolved,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The world as of this time.
    Look(Time),
    Found(Found),
    /// Nothing more can be asked, and why.
    Lost(String),
}

/// Where the failure begins: the package and its two releases, and what moved with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub package: Package,
    /// `None`: it was not there before.
    pub from: Option<String>,
    pub to: String,
    pub published: Time,
    /// Others that differ between the last green world and the first red one.
    pub with: Vec<Difference>,
    /// The last green world, and the first red one.
    pub between: (Time, Time),
}

/// A release that came between the two worlds.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub at: Time,
    pub package: Package,
    pub version: String,
    weight: f64,
}

/// What makes a package suspect.
#[derive(Debug, Clone, Default)]
pub struct Suspects {
    /// The failing step's log, in small letters.
    pub log: String,
    /// What the failing step runs.
    pub script: String,
}

/// Test runners stand in every log, whatever failed.
const IN_EVERY_LOG: &[&str] =
    &["pytest", "pluggy", "iniconfig", "mocha", "jest", "vitest", "setuptools", "wheel", "packaging"];

impl Suspects {
    /// How much it is suspect; what nothing names has 1.
    #[must_use]
    pub fn weight(&self, package: &Package, world: &Resolved) -> f64 {
        let named = self.weight_by_name(package, world.modules.get(package));
        // A build's log seldom names what it is built with.
        if world.in_builds.contains(package) && a_build_fails(&self.log) { named.max(12.0) } else { named }
    }

    fn weight_by_name(&self, package: &Package, modules: Option<&BTreeSet<String>>) -> f64 {
        let own = package.name.rsplit('/').next().unwrap_or_default().to_lowercase();
        let mut names = BTreeSet::from([own.clone(), own.replace('-', "_")]);
        names.extend(modules.into_iter().flatten().cloned());
        let is_in = |text: &str| names.iter().any(|name| name.len() > 1 && holds_word(text, name));
        let lies_in_frames = || {
            names.iter().any(|name| {
                ["site-packages/", "dist-packages/", "node_modules/"]
                    .iter()
                    .any(|folder| self.log.contains(&format!("{folder}{name}/")))
            })
        };
        match (is_in(&self.script), is_in(&self.log)) {
            (true, true) if !IN_EVERY_LOG.contains(&own.as_str()) => 30.0,
            (_, true) if !IN_EVERY_LOG.contains(&own.as_str()) => {
                if lies_in_frames() {
                    20.0
                } else {
                    12.0
                }
            }
            (true, false) => 4.0,
            (_, true) => 2.0,
            (false, false) => 1.0,
        }
    }
}

/// Whether the log, in small letters, says that a package could not be built from its source.
#[must_use]
pub fn a_build_fails(log: &str) -> bool {
    const SAID: &[&str] = &[
        "failed to build",
        "failed building",
        "requirements to build",
        "metadata-generation-failed",
        "installing build dependencies",
        "build backend",
        "backend subprocess exited",
    ];
    SAID.iter().any(|said| log.contains(said))
}

/// As a word of its own.
fn holds_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(is_part)
            && !text[at + word.len()..].chars().next().is_some_and(is_part)
    })
}

/// The state of a search.
#[derive(Debug)]
pub struct Search {
    green: (Time, Resolved),
    red: (Time, Resolved),
    /// What was asked and said nothing.
    unclear: BTreeSet<Time>,
    suspects: Suspects,
}

impl Search {
    #[must_use]
    pub fn new(green: (Time, Resolved), red: (Time, Resolved), suspects: Suspects) -> Self {
        Self { green, red, unclear: BTreeSet::new(), suspects }
    }

    /// What differs between the two worlds now.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        self.green.1.differences(&self.red.1)
    }

    /// Takes what a world came to.
    pub fn take(&mut self, at: Time, answer: Answer) {
        match answer.verdict {
            Verdict::Green => self.green = (at, answer.resolved),
            Verdict::Red => self.red = (at, answer.resolved),
            Verdict::Unclear => {
                self.unclear.insert(at);
            }
        }
    }

    /// What to look at next. `releases` has those of what differs, as far as they are known.
    #[must_use]
    pub fn next(&self, releases: &BTreeMap<Package, Vec<Release>>) -> Ask {
        let differences = self.differences();
        if differences.is_empty() {
            return Ask::Lost("the last green world and the first red one hold the same packages".to_owned());
        }
        let events = self.events(&differences, releases);
        let times: BTreeSet<Time> = events.iter().map(|event| event.at).collect();
        if times.len() > 1
            && let Some(at) = self.cut(&events, &times)
        {
            return Ask::Look(at);
        }
        if times.len() > 1 {
            return Ask::Lost(format!(
                "the worlds between {} and {} fail for another reason, so that {} cannot be told apart",
                self.green.0,
                self.red.0,
                names(&events)
            ));
        }
        match events.iter().max_by(|a, b| a.weight.total_cmp(&b.weight)) {
            Some(event) => Ask::Found(self.found(event, differences)),
            None => Ask::Lost(format!(
                "{} differ, and the registry tells of no release of them in between",
                differences.iter().map(|d| d.package.name.as_str()).collect::<Vec<_>>().join(", ")
            )),
        }
    }

    /// The releases in between that the two worlds may resolve differently.
    fn events(&self, differences: &[Difference], releases: &BTreeMap<Package, Vec<Release>>) -> Vec<Event> {
        let mut events = Vec::new();
        for difference in differences {
            let package = &difference.package;
            let Some(releases) = releases.get(package) else { continue };
            // One that has only gone came with something else.
            let Some(highest) = difference.after.iter().max_by(|a, b| version::compare(a, b)) else {
                continue;
            };
            let lowest = difference.before.iter().min_by(|a, b| version::compare(a, b));
            // What only the red world has is there for another's sake.
            let of_package =
                self.suspects.weight(package, &self.red.1) * if lowest.is_none() { 0.25 } else { 1.0 };
            let mut previous = lowest.cloned();
            for release in releases {
                let is_between = release.published >= self.green.0 && release.published < self.red.0;
                let is_named = difference.after.contains(&release.version);
                let is_fit = !release.is_withdrawn
                    && !version::is_prerelease(&release.version)
                    && version::compare(&release.version, highest).is_le()
                    && lowest.is_none_or(|lowest| version::compare(&release.version, lowest).is_gt());
                if !is_between || !(is_fit || is_named) {
                    continue;
                }
                let is_major = previous.as_ref().is_some_and(|p| version::is_major(p, &release.version));
                let weight = of_package * if is_major { 3.0 } else { 1.0 };
                events.push(Event {
                    at: release.published,
                    package: package.clone(),
                    version: release.version.clone(),
                    weight,
                });
                previous = Some(release.version.clone());
            }
        }
        // A package with many releases is no more suspect for that.
        let mut counts: BTreeMap<Package, f64> = BTreeMap::new();
        for event in &events {
            *counts.entry(event.package.clone()).or_default() += 1.0;
        }
        for event in &mut events {
            event.weight /= counts[&event.package].sqrt();
        }
        events
    }

    /// The time that parts the events into two of most equal weight, among those that are not known to say nothing.
    fn cut(&self, events: &[Event], times: &BTreeSet<Time>) -> Option<Time> {
        let total: f64 = events.iter().map(|event| event.weight).sum();
        times
            .iter()
            .skip(1)
            // By then all files of the one before are there.
            .filter(|at| !self.unclear.contains(at) && **at > self.green.0 && **at < self.red.0)
            .map(|at| {
                let before: f64 = events.iter().filter(|e| e.at < *at).map(|e| e.weight).sum();
                (*at, (total / 2.0 - before).abs())
            })
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(at, _)| at)
    }

    fn found(&self, event: &Event, differences: Vec<Difference>) -> Found {
        let highest =
            |versions: &BTreeSet<String>| versions.iter().max_by(|a, b| version::compare(a, b)).cloned();
        let own = differences.iter().find(|d| d.package == event.package);
        let from = own
            .and_then(|d| highest(&d.before))
            .or_else(|| self.green.1.of(&event.package).and_then(highest));
        let to = own.and_then(|d| highest(&d.after)).unwrap_or_else(|| event.version.clone());
        let with = differences.into_iter().filter(|d| d.package != event.package).collect();
        let package = event.package.clone();
        Found { package, from, to, published: event.at, with, between: (self.green.0, self.red.0) }
    }
}

fn names(events: &[Event]) -> String {
    let names: BTreeSet<String> = events.iter().map(|e| format!("{} {}", e.package, e.version)).collect();
    let mut names: Vec<String> = names.into_iter().collect();
    let more = names.len().saturating_sub(5);
    names.truncate(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    names.join(", ") + &more
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
