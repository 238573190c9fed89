//! `ci-healer drift`: which release broke an untouched repository, by execution alone.
//!
//! Today's world and that of a date are seen first; where only today's is red, the [search](crate::drift::Search) asks for
//! worlds in between, and at the end the release it names is proven.

mod proof;
mod worlds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::contract::bug::Fingerprint;
use crate::contract::drift::DriftReport;
use crate::contract::event::{Event, EventSink as _};
use crate::contract::outcome::Outcome;
use crate::diff;
use crate::drift::{
    self, Answer, Ask, Found, Package, Registries, Release, Search, Suspects, Time, Verdict, World,
};
use crate::executor::Executor;
use crate::git::Workspace;
use crate::plan::Planned;
use crate::scope::Scope;

use super::bundle::Bundle;
use super::heal::{Ending, close};
use super::journal::Journal;
use super::outcome_from::expected_outcome;
use super::setup::{self, Session};
use worlds::{Look, Worlds};

/// What the search works with.
pub(super) struct DriftParts {
    pub(super) workspace: Workspace,
    pub(super) plans: Vec<Planned>,
    pub(super) executor: Executor,
    pub(super) ca: Option<Vec<u8>>,
    pub(super) journal: Arc<Journal>,
    pub(super) scope: Scope,
    /// How often the commands may be run.
    pub(super) runs: u32,
}

/// How a search ended.
enum End {
    Named(Box<DriftReport>),
    /// Nobody is named, and why; with what it says of the run.
    Nobody(String, Outcome),
}

impl End {
    fn no_drift(why: impl Into<String>) -> Self {
        let why = why.into();
        Self::Nobody(why.clone(), Outcome::Exhausted { why })
    }
}

/// Searches since this date, else since the commit's.
pub(super) async fn run(session: Session, since: Option<Time>) -> Ending {
    let parts = match setup::prepare_drift(session).await {
        Ok(parts) => parts,
        Err(outcome) => return outcome.into(),
    };
    let DriftParts { workspace, plans, executor, ca, journal, scope, runs } = parts;
    let now = Time::now();
    let since = since.or_else(|| workspace.base_time().map(Time::from_unix));
    let base = workspace.base().clone();
    let mut worlds = Worlds::new(workspace, executor, journal.clone(), scope.clone(), now);
    let end = match since {
        None => End::no_drift("the commit has no date; name one with --since"),
        Some(since) if since >= now => End::no_drift(format!("{since} is not in the past")),
        Some(since) => match Registries::new(&scope, ca.as_deref()) {
            Ok(registries) => Hunt { worlds: &mut worlds, registries, since, now, runs }.over(&plans).await,
            Err(error) => {
                let outcome = expected_outcome(&error);
                End::Nobody(outcome.reason(), outcome)
            }
        },
    };
    let (mut report, outcome) = match end {
        End::Named(report) => {
            let why = in_words(&report);
            (*report, Outcome::Drift { why })
        }
        End::Nobody(reason, outcome) => {
            (DriftReport { reason: Some(reason), ..DriftReport::default() }, outcome)
        }
    };
    report.executions = worlds.executions;
    report.since = since.map(|since| since.to_string());
    let changes = worlds.workspace.changes();
    let changed: Vec<_> = changes.iter().map(|change| change.path.clone()).collect();
    let before = changes.iter().map(|change| (change.path.clone(), change.before.clone())).collect();
    journal.emit(Event::DriftSought { drift: Box::new(report) });
    journal.emit(Event::VerdictReached { outcome: outcome.clone(), diff: diff::unified(&changes) });
    let (restored, left_out, findings) = (Vec::new(), Vec::new(), Vec::new());
    let bundle = Bundle { base, changed, before, restored, left_out, findings };
    if let Some(what) = close(worlds.executor, &scope).await {
        journal.emit(Event::Warning { what });
    }
    Ending { outcome, clocks: worlds.clocks, bundle: Some(bundle) }
}

fn in_words(report: &DriftReport) -> String {
    let name = report.package.as_deref().unwrap_or_default();
    let to = report.to.as_deref().unwrap_or_default();
    let published =
        report.published.as_deref().and_then(Time::parse).map_or(String::new(), |at| at.for_people());
    let with = match &report.from {
        Some(from) => format!("with {from} the same commands pass"),
        None => "without it the same commands pass".to_owned(),
    };
    format!("{name} {to} (published {published}); {with}")
}

/// What is searched for: why a step of a job is red today.
#[derive(Clone, Copy)]
struct Case<'a> {
    planned: &'a Planned,
    leg: usize,
    /// The failing step.
    target: usize,
    today: &'a Look,
}

/// A search on one repository.
struct Hunt<'a> {
    worlds: &'a mut Worlds,
    registries: Registries,
    since: Time,
    now: Time,
    runs: u32,
}

impl Hunt<'_> {
    /// The first job that is red today.
    async fn over(mut self, plans: &[Planned]) -> End {
        for (leg, planned) in plans.iter().enumerate() {
            let steps = planned.plan.steps.iter().map(|s| s.run.as_str()).collect::<Vec<_>>().join("\n");
            let today = self.worlds.look(planned, leg, &World::default(), None).await;
            match (&today.verdict, &today.trouble) {
                (_, Some(trouble)) => return End::Nobody(trouble.reason(), trouble.clone()),
                (Verdict::Unclear, _) => {
                    let why =
                        "flaky: with the same packages of today the failing step passed once and failed once";
                    return End::Nobody(why.to_owned(), Outcome::Flaky { failed: 1, runs: 2 });
                }
                (Verdict::Green, _) => continue,
                (Verdict::Red, _) => {}
            }
            if let Some(why) = drift::travels(&steps) {
                return End::no_drift(format!("not possible with this tool: {why}"));
            }
            return self.on(planned, leg, today).await;
        }
        End::Nobody("every step is green with today's packages".to_owned(), Outcome::AlreadyGreen)
    }

    async fn on(&mut self, planned: &Planned, leg: usize, today: Look) -> End {
        let Some(target) = today.failed_step else { return End::no_drift("no step of ours failed") };
        let Some(resolved_today) = today.resolved.clone() else {
            return End::no_drift("not possible here: what was installed could not be read back");
        };
        let mut then = self.worlds.look(planned, leg, &self.world(self.since), Some(target)).await;
        if let Some(by_times) = self.needs_times(&then, &resolved_today).await {
            self.worlds.by_times = Some(by_times);
            let world = self.world(self.since);
            then = self.worlds.look(planned, leg, &world, Some(target)).await;
        }
        if let Some(end) = self.no_drift(&today, &then, target, planned) {
            return end;
        }
        let Some(resolved_then) = then.resolved.clone() else {
            return End::no_drift("not possible here: what was installed could not be read back");
        };
        let suspects =
            Suspects { log: today.log.to_lowercase(), script: planned.plan.steps[target].run.to_lowercase() };
        let mut search = Search::new((self.since, resolved_then), (self.now, resolved_today), suspects);
        if let Some(why) = self.cannot_be_told(&search).await {
            return End::no_drift(why);
        }
        let case = Case { planned, leg, target, today: &today };
        match self.search(&mut search, case).await {
            Ok(found) => self.proven(&found, case).await,
            Err(end) => end,
        }
    }

    async fn look(&mut self, case: Case<'_>, world: &World) -> Look {
        self.worlds.look(case.planned, case.leg, world, Some(case.target)).await
    }

    /// How often the commands may still be run.
    fn left(&self) -> u32 {
        self.runs.saturating_sub(self.worlds.executions)
    }

    /// The world as of a time; where a package manager knows no cut-off, by bounds worked out from publish times.
    fn world(&self, until: Time) -> World {
        let mut held = BTreeMap::new();
        for package in self.worlds.by_times.iter().flatten() {
            let Ok(releases) = self.registries.of(package) else { continue };
            if let Some(version) = drift::latest(releases, until) {
                held.insert(package.clone(), format!("<={version}"));
            }
        }
        World { until: Some(until), held }
    }

    /// Packages that are newer in the travelled world than its date: their installer knows no cut-off.
    async fn needs_times(&mut self, then: &Look, today: &drift::Resolved) -> Option<BTreeSet<Package>> {
        let resolved = then.resolved.as_ref()?;
        let of_python = |package: &&Package| package.ecosystem == "python";
        let installed: Vec<Package> = resolved.versions.keys().filter(of_python).cloned().collect();
        let differing: Vec<Package> = resolved.differences(today).into_iter().map(|d| d.package).collect();
        self.registries.ask(&differing).await;
        let is_ignored = resolved.differences(today).is_empty() && !installed.is_empty();
        if is_ignored {
            self.registries.ask(&installed).await;
        }
        let newer = resolved.versions.iter().filter(|(package, versions)| {
            let of_registry = self.registries.of(package).ok();
            let is_newer = |version: &String| {
                of_registry
                    .is_some_and(|r| r.iter().any(|r| r.version == *version && r.published >= self.since))
            };
            // What the image brings is no answer of the installer's.
            package.ecosystem == "python" && versions.iter().any(is_newer)
        });
        let newer: BTreeSet<Package> = newer.map(|(package, _)| package.clone()).collect();
        (!newer.is_empty()).then(|| {
            let all = installed.into_iter().chain(differing).filter(|p| p.ecosystem == "python");
            all.filter(|p| !matches!(p.name.as_str(), "pip" | "uv")).collect()
        })
    }

    /// Why the two worlds are no drift.
    fn no_drift(&self, today: &Look, then: &Look, target: usize, planned: &Planned) -> Option<End> {
        if let Some(trouble) = &then.trouble {
            return Some(End::Nobody(trouble.reason(), trouble.clone()));
        }
        let since = self.since;
        match then.verdict {
            Verdict::Green => None,
            Verdict::Red if shares(&today.failures, &then.failures) => Some(End::no_drift(format!(
                "no drift: the same commands fail in the same way with the packages of {since}"
            ))),
            Verdict::Red => Some(End::no_drift(format!(
                "no proof of drift: with the packages of {since} the same step fails as well"
            ))),
            Verdict::Unclear => Some(match then.failed_step {
                Some(step) if step == target => {
                    let why = format!(
                        "flaky: with the packages of {since} the failing step passed once and failed once"
                    );
                    End::Nobody(why, Outcome::Flaky { failed: 1, runs: 2 })
                }
                Some(step) => End::no_drift(format!(
                    "not possible with this tool: with the packages of {since} an earlier step fails ({}), for another reason",
                    planned.plan.steps.get(step).map_or("", |s| s.name.as_str())
                )),
                None => {
                    let why = format!(
                        "flaky: with the packages of {since} the step did not come out the same twice"
                    );
                    End::Nobody(why, Outcome::Flaky { failed: 1, runs: 2 })
                }
            }),
        }
    }

    /// Why no publish times can tell what differs.
    async fn cannot_be_told(&mut self, search: &Search) -> Option<String> {
        let differing: Vec<Package> = search.differences().into_iter().map(|d| d.package).collect();
        if differing.is_empty() {
            return Some(format!(
                "no drift: the packages of {} and of today are the same, so none of them broke it",
                self.since
            ));
        }
        self.registries.ask(&differing).await;
        let unknown: Vec<String> = differing
            .iter()
            .filter_map(|p| self.registries.of(p).err().map(|why| format!("{p}: {why}")))
            .collect();
        (unknown.len() == differing.len()).then(|| format!("not possible here: {}", unknown.join("; ")))
    }

    async fn search(&mut self, search: &mut Search, case: Case<'_>) -> Result<Found, End> {
        loop {
            let differing: Vec<Package> = search.differences().into_iter().map(|d| d.package).collect();
            self.registries.ask(&differing).await;
            if let Some(known) = &mut self.worlds.by_times {
                known.extend(differing.iter().filter(|p| p.ecosystem == "python").cloned());
            }
            let known: BTreeMap<Package, Vec<Release>> = differing
                .iter()
                .filter_map(|p| Some((p.clone(), self.registries.of(p).ok()?.clone())))
                .collect();
            for (package, releases) in &known {
                if package.ecosystem == "npm"
                    && let Some((old, new)) = drift::out_of_order(releases, (self.since, self.now))
                {
                    self.worlds.warn(format!(
                        "{package}: the registry dates {old} after {new}; its times may not be those of publication"
                    ));
                }
            }
            match search.next(&known) {
                Ask::Found(found) => return Ok(found),
                Ask::Lost(why) => return Err(End::no_drift(format!("the release was not found: {why}"))),
                // Two are kept for the proof.
                Ask::Look(_) if self.left() < 3 => {
                    let left: Vec<String> =
                        search.differences().into_iter().map(|d| d.package.name).collect();
                    return Err(End::no_drift(format!(
                        "the release was not found in {} runs (drift-runs); left are {}",
                        self.worlds.executions,
                        left.join(", ")
                    )));
                }
                Ask::Look(at) => {
                    let look = self.look(case, &self.world(at)).await;
                    if let Some(trouble) = look.trouble {
                        return Err(End::Nobody(trouble.reason(), trouble));
                    }
                    let verdict =
                        if look.resolved.is_some() { look.verdict_for(case.today) } else { Verdict::Unclear };
                    search.take(at, Answer { verdict, resolved: look.resolved.unwrap_or_default() });
                }
            }
        }
    }
}

/// Where both are known, one failure of the one is in the other.
fn shares(one: &BTreeSet<Fingerprint>, other: &BTreeSet<Fingerprint>) -> bool {
    one.is_empty() && other.is_empty() || one.intersection(other).next().is_some()
}
