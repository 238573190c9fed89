//! The JSON that the tracers of Python and Node write.

use serde::Deserialize;

use super::{Collected, Places};

#[derive(Deserialize)]
struct Report {
    in_order: bool,
    /// File, name, first and last line; no lines for a module's own code.
    functions: Vec<Option<(String, String, u32, u32)>>,
    /// Name, whether it failed, and indices into `functions`.
    tests: Vec<(String, Option<bool>, Vec<usize>)>,
}

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
        for (id, failed, ran) in report.tests {
            let ran = ran.into_iter().filter_map(|index| indices.get(index).copied().flatten());
            into.test(&id, failed, ran);
        }
    }
}
