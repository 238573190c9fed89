//! Where the world of the date cannot be built here (another Python, a source that compiles no more), today's packages are
//! taken, with those that are suspected as of the date: what is proven in the end is a pair of today's worlds anyway.

use std::collections::BTreeSet;

use super::worlds::Look;
use super::{Case, Hunt};
use crate::drift::{self, Package, Resolved, Suspects, Verdict};

/// How many worlds this may cost, and how many packages are taken together.
const TRIES: usize = 4;
const TOGETHER: usize = 6;
/// What the log or the command names.
const NAMED: f64 = 2.0;
/// For the search after it, and the proof.
const LEFT_FOR_MORE: u32 = 6;

impl Hunt<'_, '_> {
    /// The first such world that is green; the worlds after it are made in the same way.
    pub(super) async fn partly(
        &mut self,
        case: Case<'_>,
        today: &Resolved,
        suspects: &Suspects,
    ) -> Option<Look> {
        let known_by_times = self.worlds.by_times.take();
        self.worlds.is_partial = true;
        for set in self.suspected(today, suspects).await {
            if self.left() < LEFT_FOR_MORE {
                break;
            }
            self.worlds.by_times = Some(set);
            let look = self.look(case, &self.world(self.since)).await;
            if look.verdict == Verdict::Green && look.resolved.is_some() {
                self.worlds.warn(format!(
                    "the packages of {} cannot be installed together here; today's were taken, with suspects as of then",
                    self.since
                ));
                return Some(look);
            }
            if look.trouble.is_some() {
                break;
            }
        }
        self.worlds.is_partial = false;
        self.worlds.by_times = known_by_times;
        None
    }

    /// Sets of packages that have newer releases than the date's, the most suspect first.
    async fn suspected(&mut self, today: &Resolved, suspects: &Suspects) -> Vec<BTreeSet<Package>> {
        let mut weighed: Vec<(f64, Package)> = today
            .versions
            .keys()
            .map(|package| (suspects.weight(package, today), package.clone()))
            .filter(|(weight, _)| *weight >= NAMED)
            .collect();
        weighed.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let names: Vec<Package> = weighed.into_iter().map(|(_, package)| package).collect();
        self.registries.ask(&names).await;
        let is_older = |package: &Package| {
            let releases = self.registries.of(package).ok()?;
            let highest = today.highest(package)?;
            Some(drift::latest(releases, self.since, Some(highest))? != highest)
        };
        let mut moved: Vec<Package> = names.into_iter().filter(|p| is_older(p) == Some(true)).collect();
        moved.truncate(TOGETHER);
        let mut sets: Vec<BTreeSet<Package>> = Vec::new();
        if moved.len() > 1 {
            sets.push(moved.iter().cloned().collect());
        }
        sets.extend(moved.into_iter().map(|package| BTreeSet::from([package])));
        sets.truncate(TRIES);
        sets
    }
}
