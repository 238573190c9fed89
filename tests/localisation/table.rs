//! The tables, and whether what they show is as good as it should be.

use crate::look::{Kind, LEVELS, Seen, Shown};

const MOST_LINES: usize = 400;
/// In the middle, on the first level: in and out.
const MOST_TOKENS: (usize, usize) = (1_500, 300);
/// Of the real packages, in percent: on the first level, and on all together.
const AIMS: (usize, usize) = (80, 98);

fn middle(mut all: Vec<usize>) -> usize {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or(0)
}

/// The small repositories. Compile errors on level 1 in nine of ten, everything on level 3, failing tests within the
/// lines.
pub(crate) fn judge(seen: &[Seen]) -> bool {
    let mut good = true;
    println!();
    for kind in [Kind::Compile, Kind::Test] {
        let of_kind: Vec<&Seen> = seen.iter().filter(|s| s.kind == kind).collect();
        for level in 1..=LEVELS {
            let shown = of_kind.iter().filter(|s| s.plain.all[..level].contains(&true)).count();
            let lines: Vec<usize> = of_kind.iter().map(|s| s.plain.lines[level - 1]).collect();
            let most = lines.iter().max().copied().unwrap_or(0);
            let missed = match (kind, level) {
                (Kind::Compile, 1) => shown * 10 < of_kind.len() * 9,
                (_, 3) => shown < of_kind.len(),
                (Kind::Test, LEVELS) => most > MOST_LINES,
                _ => false,
            };
            good &= !missed;
            println!(
                "{:8} up to level {level}: {shown} of {} faults shown, {} lines in the middle, {most} at most{}",
                format!("{kind:?}").to_lowercase(),
                of_kind.len(),
                middle(lines),
                if missed { "  MISSED" } else { "" }
            );
        }
    }
    for level in 0..LEVELS {
        let tokens = middle(seen.iter().map(|s| s.plain.tokens[level]).collect());
        println!("tokens of a question on level {}: {tokens} in the middle", level + 1);
    }
    let (first, reply) = (
        middle(seen.iter().map(|s| s.plain.tokens[0]).collect()),
        middle(seen.iter().map(|s| s.reply).collect()),
    );
    println!("tokens of a reply that fixes it: {reply} in the middle");
    if first > MOST_TOKENS.0 || reply > MOST_TOKENS.1 {
        println!("MISSED: at most {MOST_TOKENS:?} in and out");
        good = false;
    }
    let first = seen.iter().filter(|s| s.plain.all[0]).count();
    println!("all      on level 1: {first} of {} (aim: nine of ten)\n", seen.len());
    good & (first * 10 >= seen.len() * 9)
}

/// One way of asking, of some packages.
fn row(name: &str, way: &str, seen: &[&Shown]) {
    let cell = |level: usize| {
        let shown = seen.iter().filter(|s| s.all[..=level].contains(&true)).count();
        let of = |what: fn(&Shown, usize) -> usize| middle(seen.iter().map(|s| what(s, level)).collect());
        let (lines, tokens) = (of(|s, level| s.lines[level]), of(|s, level| s.tokens[level]));
        let most = seen.iter().map(|s| s.lines[level]).max().unwrap_or(0);
        let percent = shown * 100 / seen.len().max(1);
        format!("{shown:>2}/{} {percent:>3}% {lines:>3}/{most:<3} {tokens:>5}", seen.len())
    };
    let cells: Vec<String> = (0..LEVELS).map(cell).collect();
    println!("{name:8} {way:8} {}", cells.join(" | "));
}

/// The real packages: the aims are of the request as it is sent, so with the traced run where there is one.
pub(crate) fn judge_packages(seen: &[Seen], failed: usize) -> bool {
    if seen.is_empty() {
        println!("no package was looked at, {failed} failed");
        return failed == 0;
    }
    println!(
        "\nfaults shown up to each level, lines in the middle/at most, tokens of the question in the middle"
    );
    let mut groups: Vec<&str> = seen.iter().map(|s| s.group).collect();
    groups.sort_unstable();
    groups.dedup();
    groups.push("all");
    for group in groups {
        let of_group = || seen.iter().filter(|s| group == "all" || s.group == group);
        row(group, "plain", &of_group().map(|s| &s.plain).collect::<Vec<_>>());
        row(group, "traced", &of_group().map(|s| s.traced.as_ref().unwrap_or(&s.plain)).collect::<Vec<_>>());
    }
    let as_sent: Vec<&Shown> = seen.iter().map(|s| s.traced.as_ref().unwrap_or(&s.plain)).collect();
    let up_to = |level: usize| as_sent.iter().filter(|s| s.all[..level].contains(&true)).count() * 100;
    let most = as_sent.iter().flat_map(|s| s.lines).max().unwrap_or(0);
    let tokens = middle(as_sent.iter().map(|s| s.tokens[0]).collect());
    let traces = seen.iter().filter(|s| s.traced.is_some()).count();
    println!("{} packages, {traces} with a traced run, {failed} failed", seen.len());
    let mut good = failed == 0;
    for (aim, is_met) in [
        (format!("level 1: {} %", AIMS.0), up_to(1) >= AIMS.0 * seen.len()),
        (format!("level {LEVELS}: {} %", AIMS.1), up_to(LEVELS) >= AIMS.1 * seen.len()),
        (format!("at most {MOST_LINES} lines"), most <= MOST_LINES),
        (format!("at most {} tokens in the middle, on level 1", MOST_TOKENS.0), tokens <= MOST_TOKENS.0),
    ] {
        println!("{}  {aim}", if is_met { "met   " } else { "MISSED" });
        good &= is_met;
    }
    good
}
