//! Which of the executed functions is at fault, by Ochiai: `failing / sqrt(all failing * (failing + passing))`.

use std::collections::{BTreeMap, BTreeSet};

use super::lines::in_runs;
use crate::contract::executed::{
    Executed, ExecutedTest, RanLines, TracedFunction, TracedFunctions, TracedTest,
};

/// Lines of one function that are looked at.
const MOST_LINES: usize = 5_000;

/// What the asked tests ran, the most suspicious first; of equal suspicion, the code before the tests' own, and what was
/// called first before what came later.
pub(super) fn rank(executed: &Executed, asked: &[TracedTest]) -> TracedFunctions {
    let (outside, tests): (Vec<_>, Vec<_>) = executed.tests.iter().partition(|test| test.id.is_empty());
    let mut failing: Vec<&ExecutedTest> = Vec::new();
    for asked in asked.iter().map(|test| words(&test.id)) {
        let alike: Vec<usize> = tests.iter().map(|test| likeness(&asked, &words(&test.id))).collect();
        let most = alike.iter().copied().max().filter(|most| *most > 0);
        let named = tests.iter().zip(alike).filter(|(_, alike)| Some(*alike) == most).map(|(test, _)| *test);
        failing.extend(named);
    }
    // Several tests of one name, or one in several processes: those that failed.
    if failing.iter().any(|test| test.failed == Some(true)) {
        failing.retain(|test| test.failed == Some(true));
    } else if failing.is_empty() {
        failing = tests.iter().filter(|test| test.failed == Some(true)).copied().collect();
    }
    let passing: Vec<&ExecutedTest> = tests
        .iter()
        .filter(|test| {
            test.failed != Some(true) && !failing.iter().any(|failing| std::ptr::eq(*failing, **test))
        })
        .copied()
        .collect();
    let outside = outside.iter().flat_map(|test| test.ran.iter().copied());
    let ran: Vec<usize> = if failing.is_empty() {
        let all = executed.tests.iter().flat_map(|test| test.ran.iter().copied());
        let none_by_test = executed.tests.is_empty();
        all.chain((0..executed.functions.len()).filter(|_| none_by_test)).collect()
    } else {
        failing.iter().flat_map(|test| test.ran.iter().copied()).chain(outside.clone()).collect()
    };
    let order = first_places(ran);
    let outside: BTreeSet<usize> = outside.collect();
    let times = |tests: &[&ExecutedTest]| -> BTreeMap<usize, usize> {
        let mut times = BTreeMap::new();
        for index in tests.iter().flat_map(|test| &test.ran) {
            *times.entry(*index).or_default() += 1;
        }
        times
    };
    let (in_failing, in_passing) = (times(&failing), times(&passing));
    let suspicion = |index: usize| {
        // What runs when files are loaded, runs for every test.
        let is_outside = outside.contains(&index) && !in_failing.contains_key(&index);
        let (failed, passed) = if is_outside {
            (failing.len(), passing.len().max(1))
        } else {
            (in_failing.get(&index).copied().unwrap_or(0), in_passing.get(&index).copied().unwrap_or(0))
        };
        (!failing.is_empty()).then(|| ochiai(failed, failing.len(), passed))
    };
    let own: BTreeSet<&str> = asked.iter().filter_map(|test| test.file.as_deref()).collect();
    let kept = order.iter().filter(|(index, _)| is_worth_naming(executed, **index, &order));
    let mut functions: Vec<(u32, TracedFunction)> = kept
        .map(|(&index, &at)| {
            let function = &executed.functions[index];
            let traced = TracedFunction {
                file: function.file.clone(),
                name: function.name.clone(),
                lines: function.lines,
                suspicion: suspicion(index),
                order: executed.in_order.then_some(at),
                ran: lines_that_ran(index, &failing, &passing, suspicion(index)),
            };
            (at, traced)
        })
        .collect();
    functions.sort_by(|(a_at, a), (b_at, b)| {
        let is_test = |function: &TracedFunction| own.contains(function.file.as_str());
        let suspicion = |function: &TracedFunction| function.suspicion.unwrap_or(0.0);
        let group = |function: &TracedFunction| {
            (is_test(function), function.name.is_empty() && function.lines.is_none())
        };
        // A test's own functions are shown in any case.
        is_test(a)
            .cmp(&is_test(b))
            .then_with(|| suspicion(b).total_cmp(&suspicion(a)))
            .then_with(|| group(a).cmp(&group(b)))
            .then_with(|| a_at.cmp(b_at))
    });
    TracedFunctions { functions: functions.into_iter().map(|(_, function)| function).collect() }
}

/// The lines of a function that failing tests ran: those that passing tests ran too are less suspicious.
fn lines_that_ran(
    index: usize,
    failing: &[&ExecutedTest],
    passing: &[&ExecutedTest],
    of_function: Option<f64>,
) -> Vec<RanLines> {
    let times = |tests: &[&ExecutedTest]| {
        let mut times: BTreeMap<u32, usize> = BTreeMap::new();
        for test in tests {
            let own = test.lines.iter().filter(|(of, _)| *of == index).flat_map(|(_, lines)| lines);
            let lines: BTreeSet<u32> =
                own.flat_map(|(first, last)| *first..=*last).take(MOST_LINES).collect();
            lines.into_iter().for_each(|line| *times.entry(line).or_default() += 1);
        }
        times
    };
    let (failed, passed) = (times(failing), times(passing));
    let suspicion = |line: u32| -> f64 {
        let (failed, passed) = (failed.get(&line).copied(), passed.get(&line).copied());
        match of_function {
            Some(_) => ochiai(failed.unwrap_or(0), failing.len(), passed.unwrap_or(0)),
            None => 0.0,
        }
    };
    let mut ran: Vec<RanLines> = Vec::new();
    for (first, last) in in_runs(failed.keys().copied()) {
        for line in first..=last {
            let here = suspicion(line);
            match ran.last_mut() {
                Some(RanLines { lines, suspicion })
                    if lines.1.checked_add(1) == Some(line) && (*suspicion - here).abs() < 1e-9 =>
                {
                    lines.1 = line;
                }
                _ => ran.push(RanLines { lines: (line, line), suspicion: here }),
            }
        }
    }
    ran
}

/// The how-manieth each index is, without repeats.
fn first_places(ran: impl IntoIterator<Item = usize>) -> BTreeMap<usize, u32> {
    let mut places = BTreeMap::new();
    for index in ran {
        let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
        places.entry(index).or_insert(next);
    }
    places
}

/// A nameless function inside one that has a name says nothing more than that.
fn is_worth_naming(executed: &Executed, index: usize, ran: &BTreeMap<usize, u32>) -> bool {
    let function = &executed.functions[index];
    let Some((first, last)) = function.lines.filter(|_| function.name.is_empty()) else { return true };
    !ran.keys().any(|other| {
        let other = &executed.functions[*other];
        let holds = |(from, to): (u32, u32)| from <= first && last <= to;
        !other.name.is_empty() && other.file == function.file && other.lines.is_some_and(holds)
    })
}

#[expect(clippy::cast_precision_loss, reason = "numbers of tests")]
fn ochiai(failed: usize, all_failed: usize, passed: usize) -> f64 {
    if failed == 0 {
        return 0.0;
    }
    failed as f64 / (all_failed as f64 * (failed + passed) as f64).sqrt()
}

/// A log and a tracer print the same names with other signs between, and more or less of the way to a test.
fn words(id: &str) -> Vec<String> {
    let is_sign = |c: char| !(c.is_alphanumeric() || c == '_');
    id.split(is_sign).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// How many words two names share, where one ends with the other; the same name is more than any end.
fn likeness(a: &[String], b: &[String]) -> usize {
    match a.len().min(b.len()) {
        _ if a == b => usize::MAX,
        shared if a.ends_with(b) || b.ends_with(a) => shared,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
