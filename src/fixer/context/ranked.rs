//! What is reached, shown by rank inside the level's room. What does not fit leaves its place to what does, and is named.

use std::collections::{BTreeMap, BTreeSet};

use super::reach::Candidate;
use super::trimmed::{without_documentation, without_types};
use super::{Before, Builder, CodeLocation, LINE_CAP, Picked, number};
use crate::contract::bug::BugReport;
use crate::contract::git::RepoPath;

/// Of one definition, by level: what is longer is shown by its first lines.
const DEFINITION_LINES: [u32; 5] = [0, 60, 90, 150, 150];
/// A definition is not cut to less for the sake of others.
const SHORTEST_CUT: u32 = 16;
/// Of one that is longer than that, at level 1, as long as others are to be shown.
const LONG_CUT: u32 = 20;
/// Of code at level 1, where every token counts: where the report or a traced run points at a few functions, and where
/// nothing does.
const SURE_CHARACTERS: usize = 1_700;
const CODE_CHARACTERS: usize = 3_300;
const LEAST_CHARACTERS: usize = 600;
/// What it takes to say where lines stand and why they are shown.
const REASON_CHARACTERS: usize = 40;
/// Of what tests compare with.
const DATA_LINES: u32 = 8;
/// So many functions at most are as suspicious as the most suspicious one.
const FEW: usize = 8;
/// A rank so far behind the best one is nothing for level 1.
const FURTHEST_BEHIND: f64 = 115.0;
/// From this level on, what earlier levels did not show comes first, behind the very best.
const OTHERS_FIRST: u8 = 3;
/// Of a definition that is cut these are shown in any case: they say what it is.
const HEAD_LINES: usize = 2;
/// So few lines between two that are shown are shown, too.
const SMALL_GAP: u32 = 2;
/// Of what was before.
const BEFORE_LINES: usize = 40;

type Lines = Vec<(u32, u32)>;

impl Builder<'_> {
    /// What the levels before this one showed of the same failure.
    pub(super) fn shown_earlier(&self, bug: &BugReport, level: u8) -> Vec<Picked> {
        let mut earlier = Vec::new();
        for level in OTHERS_FIRST - 1..level.max(OTHERS_FIRST - 1) {
            let mut before = Builder {
                asked_of: Vec::new(),
                cap: LINE_CAP[usize::from(level)],
                code: self.code.clone(),
                picked: Vec::new(),
                listings: Vec::new(),
                before: Vec::new(),
                left_out: None,
                ..*self
            };
            before.test_beside(bug, level, &earlier);
            earlier.append(&mut before.picked);
        }
        earlier
    }

    /// Shows the best as far as there is room. Gives what is shown, and what is left out. `points`: the report itself
    /// points into the code, which says more beside a traced run.
    pub(super) fn ranked(
        &mut self,
        reached: &[Candidate],
        earlier: &[Picked],
        level: u8,
        points: bool,
    ) -> (Vec<Candidate>, Vec<(RepoPath, String)>) {
        let mut shown = vec![false; reached.len()];
        let best = reached.first().map_or(0.0, |c| c.score);
        let mut room = match level {
            1 => {
                let most = if points && self.leads.traced.is_some() || self.is_sure() {
                    SURE_CHARACTERS
                } else {
                    CODE_CHARACTERS
                };
                let used: usize =
                    self.picked.iter().map(|p| self.characters(&p.path, &[(p.first, p.last)])).sum();
                most.saturating_sub(used / 2).max(LEAST_CHARACTERS)
            }
            _ => usize::MAX,
        };
        if level >= OTHERS_FIRST {
            let core = self.cap - self.cap / 4;
            for (candidate, shown) in reached.iter().zip(&mut shown) {
                if self.cap <= core {
                    break;
                }
                *shown = self.show(candidate, self.worth(candidate, level), level, u32::MAX, &mut room);
            }
            for (candidate, shown) in reached.iter().zip(&mut shown) {
                let fresh = fresh(&candidate.path, &self.worth(candidate, level), earlier);
                if !fresh.is_empty() {
                    *shown |= self.show(candidate, fresh, level, u32::MAX, &mut room);
                }
            }
        }
        // A long one is cut, and where room is left it is shown further.
        let cuts: &[u32] = if level == 1 { &[LONG_CUT, DEFINITION_LINES[1]] } else { &[u32::MAX] };
        for cut in cuts {
            // What stands behind one that was cut leaves it some of the room.
            let mut kept = 0;
            for (candidate, shown) in reached.iter().zip(&mut shown) {
                if level > 1 || candidate.score >= best - FURTHEST_BEHIND {
                    let worth = self.worth(candidate, level);
                    let mut left = room.saturating_sub(kept);
                    let had = left;
                    *shown |= self.show(candidate, worth.clone(), level, *cut, &mut left);
                    room -= had - left;
                    if *cut == LONG_CUT && kept == 0 && *shown {
                        let rest =
                            self.characters(&candidate.path, &fresh(&candidate.path, &worth, &self.picked));
                        kept = rest.min(room / 2);
                    }
                }
            }
        }
        let (shown, left_out): (Vec<_>, Vec<_>) = reached.iter().zip(shown).partition(|(_, shown)| *shown);
        let left_out = left_out.into_iter().map(|(c, _)| (c.path.clone(), c.name.clone())).collect();
        (shown.into_iter().map(|(c, _)| c.clone()).collect(), left_out)
    }

    /// A traced run tells a few functions from the others: what is right is likely among the first.
    fn is_sure(&self) -> bool {
        let Some(traced) = self.leads.traced else { return false };
        let suspicions = || traced.functions.iter().filter_map(|f| f.suspicion);
        let most = suspicions().fold(0.0, f64::max);
        let near = suspicions().filter(|s| *s >= most * 0.9).count();
        most > 0.0 && near <= FEW
    }

    /// Lines of a candidate, cut to the room there is; false where that is too little.
    fn show(
        &mut self,
        candidate: &Candidate,
        mut lines: Lines,
        level: u8,
        long_cut: u32,
        room: &mut usize,
    ) -> bool {
        let whole = count(&lines);
        let mut longest = DEFINITION_LINES[usize::from(level)];
        let is_data =
            candidate.constant && lines.first().is_some_and(|(first, _)| self.is_of_tests(candidate, *first));
        if level == 1 && is_data {
            longest = DATA_LINES;
        }
        if whole > longest {
            // One that has to be cut leaves room for the others.
            if candidate.callable
                && let Some(source) = self.code.source(&candidate.path)
            {
                lines = without_types(&source, &lines);
            }
            let half = (self.cap / 2).max(SHORTEST_CUT);
            // What is left when all have had their turn goes to those that were cut.
            let is_last_turn = level == 1 && long_cut > LONG_CUT;
            let known = count(&lines).saturating_sub(count(&fresh(&candidate.path, &lines, &self.picked)));
            let room = if is_last_turn { half.max(self.cap + known) } else { half };
            longest = longest.min(room).min(long_cut);
        }
        let ran = self.ran(candidate);
        let cut_to = |most: u32| telling_lines(&lines, &ran, most);
        let mut cut = cut_to(longest);
        let taken = |cut: &Lines| {
            let fresh = fresh(&candidate.path, cut, &self.picked);
            self.characters(&candidate.path, &fresh) + fresh.len() * REASON_CHARACTERS
        };
        if taken(&cut) > *room {
            // More lines hardly ever take less room.
            let (mut fits, mut exceeds) = (SHORTEST_CUT.saturating_sub(1), count(&cut));
            while fits + 1 < exceeds {
                let middle = fits.midpoint(exceeds);
                if taken(&cut_to(middle)) <= *room { fits = middle } else { exceeds = middle }
            }
            if fits < SHORTEST_CUT {
                return false;
            }
            cut = cut_to(fits);
        }
        if count(&fresh(&candidate.path, &cut, &self.picked)) > self.cap {
            return false;
        }
        *room = room.saturating_sub(taken(&cut));
        for (first, last) in cut {
            self.add(&candidate.path, first, last, &candidate.why);
        }
        if let Some(before) = &candidate.before {
            self.as_before(candidate, before);
        }
        true
    }

    fn is_of_tests(&self, candidate: &Candidate, line: u32) -> bool {
        self.is_test_place(&CodeLocation { path: candidate.path.clone(), line: Some(line) })
    }

    /// Which of its lines a traced run saw, and how suspicious each is.
    fn ran(&self, candidate: &Candidate) -> BTreeMap<u32, f64> {
        let mut ran: BTreeMap<u32, f64> = BTreeMap::new();
        let functions = self.leads.traced.iter().flat_map(|traced| &traced.functions);
        let inside = |line: u32| candidate.lines.iter().any(|(first, last)| (*first..=*last).contains(&line));
        for lines in functions.filter(|f| f.file == candidate.path.as_str()).flat_map(|f| &f.ran) {
            let ends = (candidate.lines.first(), candidate.lines.last());
            let (Some((from, _)), Some((_, to))) = ends else { continue };
            for line in lines.lines.0.max(*from)..=lines.lines.1.min(*to) {
                if inside(line) {
                    let known = ran.entry(line).or_insert(lines.suspicion);
                    *known = known.max(lines.suspicion);
                }
            }
        }
        ran
    }

    /// Its lines, without what says nothing about a fault.
    fn worth(&self, candidate: &Candidate, level: u8) -> Lines {
        let Some(source) = self.code.source(&candidate.path) else { return candidate.lines.clone() };
        let worth = |lines: &(u32, u32)| without_documentation(&source, *lines, level == 1);
        candidate.lines.iter().flat_map(worth).collect()
    }

    fn characters(&self, path: &RepoPath, lines: &[(u32, u32)]) -> usize {
        let Some(source) = self.code.source(path) else { return 40 * count(lines) as usize };
        let end = source.text.len();
        let of = |lines: &(u32, u32)| {
            let bytes = source.outline.bytes_of_lines(*lines);
            bytes.end.min(end).saturating_sub(bytes.start)
        };
        lines.iter().map(of).sum()
    }

    /// The lines as they were, within the same room.
    fn as_before(&mut self, candidate: &Candidate, text: &str) {
        if self.before.iter().any(|b| b.path == candidate.path && b.name == candidate.name) {
            return;
        }
        let lines: Vec<&str> = text.lines().take(BEFORE_LINES).collect();
        let Some(left) = self.cap.checked_sub(number(lines.len())) else { return };
        self.cap = left;
        self.before.push(Before {
            path: candidate.path.clone(),
            name: candidate.name.clone(),
            text: lines.join("\n"),
        });
    }
}

fn count(lines: &[(u32, u32)]) -> u32 {
    lines.iter().map(|(first, last)| last - first + 1).sum()
}

/// The first `most` lines of all.
fn first_lines(lines: &[(u32, u32)], most: u32) -> Lines {
    let mut left = most;
    let mut cut = Vec::new();
    for (first, last) in lines {
        if left == 0 {
            break;
        }
        let last = (*last).min(first + left - 1);
        left -= last - first + 1;
        cut.push((*first, last));
    }
    cut
}

/// The `most` lines that tell most of what went wrong: the head, and what ran, with the lines beside it. What the failing
/// test alone ran comes before what others ran too; without a trace, the first lines.
fn telling_lines(lines: &[(u32, u32)], ran: &BTreeMap<u32, f64>, most: u32) -> Lines {
    if ran.is_empty() || count(lines) <= most {
        return first_lines(lines, most);
    }
    let all: BTreeSet<u32> = lines.iter().flat_map(|(first, last)| *first..=*last).collect();
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut kept: BTreeSet<u32> = all.iter().take(HEAD_LINES.min(most)).copied().collect();
    let mut by_suspicion: Vec<(u32, f64)> = ran.iter().map(|(line, suspicion)| (*line, *suspicion)).collect();
    by_suspicion.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    for (line, _) in by_suspicion {
        for near in [line, line + 1, line.saturating_sub(1)] {
            if kept.len() < most && all.contains(&near) {
                kept.insert(near);
            }
        }
    }
    // What stands between two that are shown, then what comes first.
    let between = |kept: &BTreeSet<u32>, line: u32| {
        let above = kept.range(..line).next_back().is_some_and(|other| line - other <= SMALL_GAP);
        above && kept.range(line..).next().is_some_and(|other| other - line <= SMALL_GAP)
    };
    let gaps: Vec<u32> = all.iter().filter(|line| between(&kept, **line)).copied().collect();
    for line in gaps.into_iter().chain(all) {
        if kept.len() < most {
            kept.insert(line);
        }
    }
    let mut cut = Lines::new();
    for line in kept {
        match cut.last_mut() {
            Some((_, last)) if *last + 1 == line => *last = line,
            _ => cut.push((line, line)),
        }
    }
    cut
}

/// What of these lines was not shown, with the line that says what they are of.
fn fresh(path: &RepoPath, lines: &[(u32, u32)], earlier: &[Picked]) -> Lines {
    let of_file: Vec<&Picked> = earlier.iter().filter(|p| p.path == *path).collect();
    let is_shown = |line: u32| of_file.iter().any(|p| (p.first..=p.last).contains(&line));
    let mut found: Lines = Vec::new();
    for line in lines.iter().flat_map(|(first, last)| *first..=*last).filter(|line| !is_shown(*line)) {
        match found.last_mut() {
            Some((_, end)) if *end + 1 == line => *end = line,
            _ => found.push((line, line)),
        }
    }
    match (lines.first(), found.first()) {
        (Some((head, _)), Some((first, _))) if first > head => found.insert(0, (*head, *head)),
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_function_is_cut_to_what_ran() {
        let ran = |lines: &[(u32, u32, f64)]| -> BTreeMap<u32, f64> {
            lines.iter().flat_map(|(first, last, s)| (*first..=*last).map(|line| (line, *s))).collect()
        };
        let whole = [(1, 100)];
        assert_eq!(telling_lines(&whole, &BTreeMap::new(), 10), [(1, 10)]);
        assert_eq!(telling_lines(&whole, &ran(&[(50, 52, 1.0)]), 8), [(1, 3), (49, 53)]);
        // What others ran too comes behind.
        let both = ran(&[(3, 40, 0.3), (80, 82, 1.0)]);
        assert_eq!(telling_lines(&whole, &both, 10), [(1, 5), (79, 83)]);
        assert_eq!(telling_lines(&[(1, 4)], &both, 10), [(1, 4)]);
        // Lines that were left out stay out.
        let parts = [(1, 2), (10, 60)];
        assert_eq!(telling_lines(&parts, &ran(&[(9, 11, 1.0), (13, 13, 1.0)]), 7), [(1, 2), (10, 14)]);
        assert_eq!(telling_lines(&whole, &ran(&[(50, 52, 1.0)]), 1), [(1, 1)]);
    }
}
