//! Which lines of a function ran, of tools that tell regions.

/// A longer function's lines are not kept.
const LONGEST: u32 = 5_000;

/// First line, last line, and whether it ran. Of regions that nest the inner one has the last word; on a line that
/// several share, one that ran is enough.
pub(super) type Region = (u32, u32, bool);

pub(super) fn that_ran(mut regions: Vec<Region>) -> Vec<(u32, u32)> {
    regions.retain(|(from, to, _)| from <= to);
    let (Some(first), Some(last)) = (regions.iter().map(|r| r.0).min(), regions.iter().map(|r| r.1).max())
    else {
        return Vec::new();
    };
    if last.saturating_sub(first) > LONGEST {
        return Vec::new();
    }
    regions.sort_by_key(|(from, to, _)| (*from, std::cmp::Reverse(*to)));
    let mut lines = vec![false; (last - first + 1) as usize];
    for (from, to, ran) in regions {
        for line in from..=to {
            let Some(known) = lines.get_mut((line - first) as usize) else { continue };
            let is_edge = line == from || line == to;
            *known = ran || is_edge && *known;
        }
    }
    in_runs((first..).zip(lines).filter(|(_, ran)| *ran).map(|(line, _)| line))
}

/// Lines in order → first and last of each run.
pub(super) fn in_runs(lines: impl IntoIterator<Item = u32>) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(line) => *last = line,
            _ => runs.push((line, line)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_region_has_the_last_word() {
        let function = (10, 20, true);
        assert_eq!(that_ran(vec![function]), [(10, 20)]);
        assert_eq!(that_ran(vec![(12, 16, false), function]), [(10, 12), (16, 20)]);
        assert_eq!(that_ran(vec![function, (12, 18, false), (14, 15, true)]), [(10, 12), (14, 15), (18, 20)]);
        assert_eq!(that_ran(vec![(1, 3, true), (3, 5, false), (7, 7, true)]), [(1, 3), (7, 7)]);
        assert!(that_ran(vec![(1, u32::MAX, true)]).is_empty() && that_ran(Vec::new()).is_empty());
        assert!(that_ran(vec![(5, 4, true)]).is_empty());
    }
}
