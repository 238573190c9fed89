//! The proof of what the search named: today's packages with the release before it are green and with it red, or the same
//! where only that release differs. The search itself proves nothing: breaks heal and come back.

use super::manifests::scripts;
use super::{Case, End, Hunt};
use crate::contract::drift::DriftReport;
use crate::drift::{self, Found, Hold, Package, Verdict, World};

/// One that is held to be the cause.
struct Accused {
    package: Package,
    from: Option<String>,
    to: String,
}

impl Accused {
    fn at<'a>(&'a self, version: &'a str, until: Option<drift::Time>) -> Held<'a> {
        Held { package: &self.package, version, until }
    }
}

/// A package at a version, in today's world or that of a time.
struct Held<'a> {
    package: &'a Package,
    version: &'a str,
    until: Option<drift::Time>,
}

impl Hunt<'_, '_> {
    pub(super) async fn proven(&mut self, found: &Found, case: Case<'_>) -> End {
        let mut named = None;
        for accused in accused(found) {
            if let Some(pinned_in) = self.accuse(&accused, found, case).await {
                named = Some((accused, pinned_in));
                break;
            }
        }
        if named.is_none() && self.is_border(found, case).await {
            let Found { package, from, to, .. } = found.clone();
            named = Some((Accused { package, from, to }, None));
        }
        let Some((accused, pinned_in)) = named else {
            return End::no_drift(self.unproven(found));
        };
        let published = self
            .registries
            .of(&accused.package)
            .ok()
            .and_then(|releases| releases.iter().find(|r| r.version == accused.to).map(|r| r.published));
        End::Named(Box::new(DriftReport {
            ecosystem: Some(accused.package.ecosystem.clone()),
            published: Some(published.unwrap_or(found.published).to_string()),
            with: found
                .with
                .iter()
                .map(|d| d.package.name.clone())
                .filter(|n| *n != accused.package.name)
                .collect(),
            package: Some(accused.package.name),
            from: accused.from,
            to: Some(accused.to),
            proven: true,
            pinned_in,
            ..DriftReport::default()
        }))
    }

    /// The last green world and the first red one differ in nothing but the release, and are what they were once more, from
    /// scratch: one run of each would accuse somebody of a flaky test.
    async fn is_border(&mut self, found: &Found, case: Case<'_>) -> bool {
        let (green, red) = found.between;
        if !found.with.is_empty() || self.left() < 2 {
            return false;
        }
        let before = self.look(case, &self.world(green)).await;
        if before.verdict != Verdict::Green {
            return false;
        }
        let after = self.look(case, &self.world(red)).await;
        let (Some(set), Some(later)) = (&before.resolved, &after.resolved) else { return false };
        let differences = set.differences(later);
        let is_alone = differences.iter().all(|d| d.package == found.package) && !differences.is_empty();
        after.verdict_for(case.today) == Verdict::Red && is_alone
    }

    fn unproven(&self, found: &Found) -> String {
        let suspected = format!("{} {} is suspected and not proven", found.package, found.to);
        let with: Vec<&str> = found.with.iter().map(|d| d.package.name.as_str()).collect();
        if self.left() == 0 {
            format!("{suspected} within {} runs (drift-runs)", self.runs)
        } else if with.is_empty() {
            format!("{suspected}: holding it back does not make the commands pass each time")
        } else {
            format!("{suspected}: {} differ with it", with.join(", "))
        }
    }

    /// `None`: not proven. The file of the pin where that was proven, which then stays in the workspace.
    async fn accuse(&mut self, accused: &Accused, found: &Found, case: Case<'_>) -> Option<Option<String>> {
        let from = accused.from.as_ref()?;
        let is_todays = case
            .today
            .resolved
            .as_ref()
            .and_then(|r| r.of(&accused.package))
            .is_some_and(|v| v.contains(&accused.to));
        let is_red_today = is_todays
            || self.left() > 1 && self.held_at(accused.at(&accused.to, None), case).await == Verdict::Red;
        if is_red_today && self.left() > 0 {
            if let Some(path) = self.pinned(accused, from, case).await {
                return Some(Some(path));
            }
            if self.left() > 0 && self.held_at(accused.at(from, None), case).await == Verdict::Green {
                return Some(None);
            }
        }
        // The first red world is red once more, and green without it.
        let until = Some(found.between.1);
        let is_shown = self.left() > 1
            && self.held_at(accused.at(from, until), case).await == Verdict::Green
            && self.held_at(accused.at(&accused.to, until), case).await == Verdict::Red;
        is_shown.then_some(None)
    }

    /// With the pin that a person would write; it is left in the workspace where it makes the commands pass, but
    /// for what it changes in workflows.
    async fn pinned(&mut self, accused: &Accused, from: &str, case: Case<'_>) -> Option<String> {
        let files = self.texts();
        let package = &accused.package;
        let is_of_build = case.today.resolved.as_ref().is_some_and(|r| r.in_builds.contains(package));
        let log = case.today.log.as_str();
        let build = (is_of_build && drift::a_build_fails(&log.to_lowercase())).then_some(log);
        let hold = Hold { package, below: &accused.to, at: from, build };
        let pin = drift::pin(&files, &scripts(case.planned), hold)?;
        // The steps run what a workflow would say; its file is for people to change.
        let (of_workflows, changes): (Vec<_>, Vec<_>) = self
            .changes(&files, &pin)?
            .into_iter()
            .partition(|change| change.path.as_str().starts_with(".github/"));
        self.worlds.workspace.apply(&changes).ok()?;
        self.worlds.scripts.clone_from(&pin.scripts);
        let look = self.look(case, &World::default()).await;
        self.worlds.scripts.clear();
        let holds = look
            .resolved
            .as_ref()
            .and_then(|r| r.of(&accused.package))
            .is_none_or(|versions| !versions.contains(&accused.to));
        if look.verdict == Verdict::Green && holds {
            self.worlds.of_workflows = of_workflows;
            return Some(pin.path);
        }
        self.worlds.workspace.revert(&changes).ok()?;
        None
    }

    /// A world with the package held at a version, by what its package manager offers.
    async fn held_at(&mut self, held: Held<'_>, case: Case<'_>) -> Verdict {
        let mut world = held.until.map_or_else(World::default, |until| self.world(until));
        world.held.insert(held.package.clone(), held.version.to_owned());
        let look = self.look(case, &world).await;
        let is_there =
            look.resolved.as_ref().and_then(|r| r.of(held.package)).is_some_and(|v| v.contains(held.version));
        if is_there { look.verdict_for(case.today) } else { Verdict::Unclear }
    }
}

/// What the search named first, then what moved with it.
fn accused(found: &Found) -> Vec<Accused> {
    let mut all =
        vec![Accused { package: found.package.clone(), from: found.from.clone(), to: found.to.clone() }];
    for other in &found.with {
        if let (Some(from), Some(to)) = (other.before.iter().next_back(), other.after.iter().next_back()) {
            all.push(Accused { package: other.package.clone(), from: Some(from.clone()), to: to.clone() });
        }
    }
    all
}
