//! `ci-healer drift`: which release broke an untouched repository, by execution alone.
//!
//! Today's world and that of a date are seen first; where only today's is red, the [search](crate::drift::Search) asks for
//! worlds in between, and at the end the release it names is proven.

mod manifests;
mod partial;
mod proof;
mod suspected;
mod worlds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::contract::drift::DriftReport;
use crate::contract::event::{Event, EventSink as _};
use crate::contract::fix::FileChange;
use crate::contract::outcome::Outcome;
use crate::diff;
use crate::drift::{
    self, Answer, Ask, Found, Package, Registries, Release, Resolved, Search, Suspects, Time, Verdict, World,
};
use crate::executor::Executor;
use crate::git::Workspace;
use crate::plan::Planned;
use crate::scope::Scope;

use super::bundle::Bundle;
use super::driver::Clocks;
use super::heal::{Ending, close};
use super::journal::Journal;
use super::outcome_from::expected_outcome;
use super::setup::{self, Session};
pub(super) use suspected::DriftWatch;
use worlds::{AGAIN, AGAIN_WITHIN, Look, Worlds};

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

/// How often the world of the date is made with more bounds.
const MOST_BOUNDED: u32 = 3;

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
    let DriftParts { mut workspace, plans, mut executor, ca, journal, scope, runs } = parts;
    let base = workspace.base().clone();
    let limits = Limits { since, runs, ca: ca.as_deref() };
    let ground = Ground {
        workspace: &mut workspace,
        executor: &mut executor,
        journal: &journal,
        scope: &scope,
        tells_runs: true,
    };
    let plans: Vec<(usize, &Planned)> = plans.iter().enumerate().collect();
    let Sought { outcome, clocks, of_workflows, .. } = seek(ground, &plans, &limits).await;
    let changes = workspace.changes();
    let changed: Vec<_> = changes.iter().map(|change| change.path.clone()).collect();
    let before = changes.iter().map(|change| (change.path.clone(), change.before.clone())).collect();
    let patch: Vec<FileChange> = changes.into_iter().chain(of_workflows).collect();
    journal.emit(Event::VerdictReached { outcome: outcome.clone(), diff: diff::unified(&patch) });
    let (restored, left_out, findings) = (Vec::new(), Vec::new(), Vec::new());
    let bundle = Bundle { base, changed, before, restored, left_out, findings };
    if let Some(what) = close(executor, &scope).await {
        journal.emit(Event::Warning { what });
    }
    Ending { outcome, clocks, bundle: Some(bundle) }
}

/// Where worlds are run.
pub(super) struct Ground<'a> {
    pub(super) workspace: &'a mut Workspace,
    pub(super) executor: &'a mut Executor,
    pub(super) journal: &'a Arc<Journal>,
    pub(super) scope: &'a Scope,
    /// Today's run is the report's first run.
    pub(super) tells_runs: bool,
}

/// How far a search may go.
pub(super) struct Limits<'a> {
    /// `None`: the commit's own date.
    pub(super) since: Option<Time>,
    pub(super) runs: u32,
    pub(super) ca: Option<&'a [u8]>,
}

/// What a search came to; the pin that was proven stays in the workspace.
pub(super) struct Sought {
    pub(super) report: DriftReport,
    pub(super) outcome: Outcome,
    pub(super) clocks: Clocks,
    /// The pin, where it was proven.
    pub(super) pin: Vec<FileChange>,
    /// What of it lies in workflows, and so in no workspace: a patch for people.
    pub(super) of_workflows: Vec<FileChange>,
    /// What a green world warned of.
    pub(super) deprecations: String,
}

/// Searches, and tells what it came to.
pub(super) async fn seek(ground: Ground<'_>, plans: &[(usize, &Planned)], limits: &Limits<'_>) -> Sought {
    let Ground { workspace, executor, journal, scope, tells_runs } = ground;
    let (now, runs) = (Time::now(), limits.runs);
    let since = limits.since.or_else(|| workspace.base_time().map(Time::from_unix));
    let mut worlds = Worlds::new(workspace, executor, journal.clone(), scope.clone());
    worlds.tells_runs = tells_runs;
    let end = match since {
        None => End::no_drift("the commit has no date; name one with --since"),
        Some(since) if since >= now => End::no_drift(format!("{since} is not in the past")),
        Some(since) => match Registries::new(scope, limits.ca) {
            Ok(registries) => {
                Hunt { worlds: &mut worlds, registries, since, now, runs, resolved_today: None }
                    .over(plans)
                    .await
            }
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
    let (clocks, deprecations) = (worlds.clocks, std::mem::take(&mut worlds.deprecations));
    let of_workflows = std::mem::take(&mut worlds.of_workflows);
    journal.emit(Event::DriftSought { drift: Box::new(report.clone()) });
    Sought { report, outcome, clocks, pin: Vec::new(), of_workflows, deprecations }
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
struct Hunt<'a, 'w> {
    worlds: &'a mut Worlds<'w>,
    registries: Registries,
    since: Time,
    now: Time,
    runs: u32,
    resolved_today: Option<Resolved>,
}

impl Hunt<'_, '_> {
    /// The first job that is red today.
    async fn over(mut self, plans: &[(usize, &Planned)]) -> End {
        for &(leg, planned) in plans {
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
        self.resolved_today = Some(resolved_today.clone());
        let case = Case { planned, leg, target, today: &today };
        let suspects =
            Suspects { log: today.log.to_lowercase(), script: planned.plan.steps[target].run.to_lowercase() };
        let mut then = self.look(case, &self.world(self.since)).await;
        // An older release may ask for others that today's world has not.
        for _ in 0..MOST_BOUNDED {
            let Some(by_times) = self.needs_times(&then, &resolved_today).await else { break };
            let known = self.worlds.by_times.take().unwrap_or_default();
            let is_more = !by_times.is_subset(&known);
            self.worlds.by_times = Some(known.into_iter().chain(by_times).collect());
            if !is_more || self.left() == 0 {
                break;
            }
            then = self.look(case, &self.world(self.since)).await;
        }
        if let Some(why) = self.is_not_of_the_date(&then, &resolved_today).await {
            return End::no_drift(format!("not possible with this tool: {why}"));
        }
        if let Some(end) = self.no_drift(case, &then) {
            let is_other = then.trouble.is_none() && matches!(end, End::Nobody(_, Outcome::Exhausted { .. }));
            if !is_other || is_the_same(&today, &then) {
                return end;
            }
            match self.partly(case, &resolved_today, &suspects).await {
                Some(green) => then = green,
                None => return end,
            }
        }
        let Some(resolved_then) = then.resolved.clone() else {
            return End::no_drift("not possible here: what was installed could not be read back");
        };
        let mut search = Search::new((self.since, resolved_then), (self.now, resolved_today), suspects);
        if let Some(why) = self.cannot_be_told(&search).await {
            return End::no_drift(why);
        }
        match self.search(&mut search, case).await {
            Ok(found) => self.proven(&found, case).await,
            Err(end) => end,
        }
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
            if let Some(version) = drift::latest(releases, until, self.highest_today(package)) {
                held.insert(package.clone(), format!("<={version}"));
            }
        }
        World { until: (!self.worlds.is_partial).then_some(until), held }
    }

    /// What its range takes today: an older world has nothing above.
    fn highest_today(&self, package: &Package) -> Option<&str> {
        self.resolved_today.as_ref()?.highest(package)
    }

    /// Packages that are newer in the travelled world than its date: their installer knows no cut-off.
    async fn needs_times(&mut self, then: &Look, today: &drift::Resolved) -> Option<BTreeSet<Package>> {
        let resolved = then.resolved.as_ref()?;
        let installed: Vec<Package> =
            resolved.versions.keys().filter(|p| p.can_be_bounded()).cloned().collect();
        let differing: Vec<Package> = resolved.differences(today).into_iter().map(|d| d.package).collect();
        self.registries.ask(&differing).await;
        // An environment that a tool makes (tox, `python -m venv`) brings a pip of its own, which takes what is newest today:
        // what does not differ is asked for as well.
        self.registries.ask(&installed).await;
        let newer = resolved.versions.iter().filter(|(package, versions)| {
            let of_registry = self.registries.of(package).ok();
            let is_newer = |version: &String| {
                of_registry
                    .is_some_and(|r| r.iter().any(|r| r.version == *version && r.published >= self.since))
            };
            // What the image brings is no answer of the installer's.
            package.can_be_bounded() && versions.iter().any(is_newer)
        });
        let newer: BTreeSet<Package> = newer.map(|(package, _)| package.clone()).collect();
        (!newer.is_empty()).then(|| {
            let all = installed.into_iter().chain(differing).filter(Package::can_be_bounded);
            all.filter(|p| !matches!(p.name.as_str(), "pip" | "uv")).collect()
        })
    }

    /// A travelled world counts only with what was published before its date: an installer may know no cut-off, nor bounds
    /// of the environment.
    async fn is_not_of_the_date(&mut self, then: &Look, today: &Resolved) -> Option<String> {
        const MOST: usize = 60;
        let resolved = then.resolved.as_ref()?;
        let differing: Vec<Package> = resolved.differences(today).into_iter().map(|d| d.package).collect();
        let all = resolved.versions.keys().filter(|_| differing.is_empty()).take(MOST);
        let asked: Vec<Package> = differing.iter().chain(all).cloned().collect();
        self.registries.ask(&asked).await;
        asked.iter().find_map(|package| {
            let releases = self.registries.of(package).ok()?;
            let versions = resolved.of(package)?;
            let newer =
                releases.iter().find(|r| versions.contains(&r.version) && r.published >= self.since)?;
            Some(format!("it took {package} {}, which is newer than {}", newer.version, self.since))
        })
    }

    /// Why the two worlds are no drift.
    fn no_drift(&self, case: Case<'_>, then: &Look) -> Option<End> {
        let Case { planned, target, today, .. } = case;
        if let Some(trouble) = &then.trouble {
            return Some(End::Nobody(trouble.reason(), trouble.clone()));
        }
        let since = self.since;
        match then.verdict {
            Verdict::Green => None,
            Verdict::Red if is_the_same(today, then) => Some(End::no_drift(format!(
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
        let is_known = differing.iter().any(|package| self.registries.of(package).is_ok());
        (!is_known).then(|| format!("not possible here: {}", self.unknown(&differing)))
    }

    /// Of which of these no publish times are known, and why; names of packages, and no addresses.
    fn unknown(&self, packages: &[Package]) -> String {
        let why = |package: &Package| Some(format!("{package}: {}", self.registries.of(package).err()?));
        packages.iter().filter_map(why).collect::<Vec<_>>().join("; ")
    }

    /// A registry that copies another dates what it copied late.
    fn warn_of_odd_times(&mut self, packages: &[Package]) {
        let odd = |package: &Package| {
            let releases = self.registries.of(package).ok().filter(|_| package.ecosystem == "npm")?;
            let (old, new) = drift::out_of_order(releases, (self.since, self.now))?;
            Some(format!("{package}: the registry dates {old} after {new}"))
        };
        let odd: Vec<String> = packages.iter().filter_map(odd).collect();
        let Some(first) = odd.first() else { return };
        let others =
            if odd.len() > 1 { format!(", and so of {} others", odd.len() - 1) } else { String::new() };
        self.worlds.warn(format!("{first}{others}; its times may not be those of publication"));
    }

    async fn search(&mut self, search: &mut Search, case: Case<'_>) -> Result<Found, End> {
        let differing: Vec<Package> = search.differences().into_iter().map(|d| d.package).collect();
        self.registries.ask(&differing).await;
        self.warn_of_odd_times(&differing);
        loop {
            let differing: Vec<Package> = search.differences().into_iter().map(|d| d.package).collect();
            self.registries.ask(&differing).await;
            let is_partial = self.worlds.is_partial;
            if let Some(known) = self.worlds.by_times.as_mut().filter(|_| !is_partial) {
                known.extend(differing.iter().filter(|p| p.can_be_bounded()).cloned());
            }
            let known: BTreeMap<Package, Vec<Release>> = differing
                .iter()
                .filter_map(|p| Some((p.clone(), self.registries.of(p).ok()?.clone())))
                .collect();
            match search.next(&known) {
                Ask::Found(found) => return Ok(found),
                Ask::Lost(why) => {
                    let unknown = self.unknown(&differing);
                    let unknown = if unknown.is_empty() { unknown } else { format!("; {unknown}") };
                    return Err(End::no_drift(format!("the release was not found: {why}{unknown}")));
                }
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
                    self.worlds.again = AGAIN_WITHIN;
                    let look = self.look(case, &self.world(at)).await;
                    self.worlds.again = AGAIN;
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

/// One failure of today's is one of the date's, too; where neither tells any, the step is all that is known.
fn is_the_same(today: &Look, then: &Look) -> bool {
    let (one, other) = (&today.failures, &then.failures);
    let both_fail = then.verdict == Verdict::Red && today.verdict == Verdict::Red;
    let shares_a_test = today.tests.intersection(&then.tests).next().is_some();
    both_fail
        && (one.is_empty() && other.is_empty() || one.intersection(other).next().is_some() || shares_a_test)
}
