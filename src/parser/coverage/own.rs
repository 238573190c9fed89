//! The JSON that the tracers of Python and Node write.

use serde::Deserialize;

use super::{Collected, Places};

#[derive(Deserialize)]
struct Report {
    in_order: bool,
    /// File, name, first and last line; no lines for a module's own code.
    functions: Vec<Option<(String, String, u32, u32)>>,
    tests: Vec<Test>,
}

/// Name, whether it failed, indices into `functions`, and of some of those the lines that ran.
#[derive(Deserialize)]
struct Test(String, Option<bool>, Vec<usize>, #[serde(default)] Vec<(usize, Vec<(u32, u32)>)>);

pub(super) fn read(files: &[(String, Vec<u8>)], places: &Places<'_>, into: &mut Collected) {
    for (_, bytes) in files.iter().filter(|(name, _)| name.ends_with(".json")) {
        let Ok(report) = serde_json::from_slice::<Report>(bytes) else { continue };
        into.out.in_order &= report.in_order;
        let indices: Vec<Option<usize>> = report
            .functions
            .iter()
            .map(|function| {
                let (file, name, first, last) = function.as_ref()?;
                let file = places.exact(file)?;
                // Scopes that only the engine knows.
                if name.rsplit('.').next().is_some_and(|own| own.starts_with('<')) {
                    return None;
                }
                let lines = (*first > 0 && last >= first).then_some((*first, *last));
                into.function(file, name, lines)
            })
            .collect();
        for Test(id, failed, ran, lines) in report.tests {
            let known = |index: usize| indices.get(index).copied().flatten();
            into.test(&id, failed, ran.into_iter().filter_map(known));
            let is_range = |(first, last): &(u32, u32)| 0 < *first && first <= last;
            let lines = lines.into_iter().filter_map(|(index, lines)| {
                Some((known(index)?, lines.into_iter().filter(is_range).collect()))
            });
            into.lines(&id, lines);
        }
    }
}
