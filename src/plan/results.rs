//! `needs.<job>.result`: what the jobs that another one needs came to, in CI and once they are healed here.

use std::collections::BTreeMap;

use crate::contract::ci::Conclusion;

/// When a job looks at the jobs it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// As CI ran it.
    Unhealed,
    /// Every job that is planned here is green: a fix is only proven for all of them together.
    Healed,
}

/// What is known of one job, in CI and here.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    pub(super) in_ci: Option<Conclusion>,
    /// It has a plan of its own.
    pub(super) is_planned: bool,
}

/// By the path of a job; one that has a matrix, or calls a workflow, is several.
#[derive(Debug, Default)]
pub(super) struct Results {
    jobs: BTreeMap<Vec<String>, Vec<Standing>>,
}

impl Results {
    /// What is known of jobs, each by its path.
    pub(super) fn new<'a>(known: impl IntoIterator<Item = (&'a [String], Standing)>) -> Self {
        let mut jobs: BTreeMap<Vec<String>, Vec<Standing>> = BTreeMap::new();
        for (path, standing) in known {
            for length in 1..=path.len() {
                jobs.entry(path[..length].to_vec()).or_default().push(standing.clone());
            }
        }
        Self { jobs }
    }

    /// What the job `id` beside those under `path` came to; `None` where nobody knows.
    pub(super) fn of(&self, path: &[String], id: &str, moment: Moment) -> Option<Conclusion> {
        let is_it = |found: &&Vec<String>| {
            found.len() == path.len() + 1
                && found.starts_with(path)
                && found[path.len()].eq_ignore_ascii_case(id)
        };
        let standings = &self.jobs[self.jobs.keys().find(is_it)?];
        let ends = standings.iter().filter_map(|standing| match moment {
            Moment::Healed if standing.is_planned => Some(Conclusion::Success),
            Moment::Healed | Moment::Unhealed => standing.in_ci.clone(),
        });
        together(ends)
    }
}

/// As GitHub puts the jobs of a matrix, or of a called workflow, into one result.
fn together(ends: impl Iterator<Item = Conclusion>) -> Option<Conclusion> {
    let weight = |end: &Conclusion| match end {
        Conclusion::Skipped => 0,
        Conclusion::Success | Conclusion::Neutral => 1,
        Conclusion::Cancelled => 2,
        _ => 3,
    };
    ends.max_by_key(weight).map(|end| match weight(&end) {
        0 => Conclusion::Skipped,
        1 => Conclusion::Success,
        2 => Conclusion::Cancelled,
        _ => Conclusion::Failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_jobs_counts() {
        use Conclusion::{Cancelled, Failure, Skipped, Success, TimedOut};
        for (ends, result) in [
            (vec![], None),
            (vec![Skipped, Skipped], Some(Skipped)),
            (vec![Skipped, Success], Some(Success)),
            (vec![Success, Cancelled], Some(Cancelled)),
            (vec![Failure, Cancelled, Success], Some(Failure)),
            (vec![TimedOut], Some(Failure)),
        ] {
            assert_eq!(together(ends.clone().into_iter()), result, "{ends:?}");
        }
    }
}
