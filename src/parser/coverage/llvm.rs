//! `llvm-cov export`: of every function its file and regions.

use serde::Deserialize;

use super::lines::{Region, that_ran};
use super::{Collected, Places, test_of};

#[derive(Deserialize)]
struct Export {
    data: Vec<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    functions: Vec<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    count: u64,
    filenames: Vec<String>,
    /// First line and column, last line and column, how often it ran, its file, another file, its kind.
    regions: Vec<Vec<u64>>,
}

pub(super) fn read(files: &[(String, Vec<u8>)], places: &Places<'_>, into: &mut Collected) {
    for (name, bytes) in files {
        let Some((test, failed)) = test_of(name).filter(|_| name.ends_with(".json")) else { continue };
        let Ok(export) = serde_json::from_slice::<Export>(bytes) else { continue };
        let (mut ran, mut lines_of) = (Vec::new(), Vec::new());
        for function in export.data.iter().flat_map(|data| &data.functions).filter(|f| f.count > 0) {
            let Some(file) = function.filenames.first().and_then(|name| places.exact(name)) else { continue };
            // What a macro of another file brings in has that file's lines.
            let own = || function.regions.iter().filter(|region| region.get(5).is_none_or(|file| *file == 0));
            let line = |at: usize| own().filter_map(move |region| region.get(at)).copied();
            let (Some(first), Some(last)) = (line(0).min(), line(2).max()) else { continue };
            let lines = u32::try_from(first).ok().zip(u32::try_from(last).ok()).filter(|(f, l)| f <= l);
            let Some(index) = into.function(file, &path_of(&function.name), lines) else { continue };
            ran.push(index);
            lines_of.push((index, that_ran(function.regions.iter().filter_map(|r| region(r)).collect())));
        }
        into.test(test, Some(failed), ran);
        into.lines(test, lines_of);
    }
}

/// Code of the function's own file; what is made by a macro elsewhere is none.
fn region(region: &[u64]) -> Option<Region> {
    let &[first, _, last, _, count, file, ..] = region else { return None };
    let is_code = region.get(7).is_none_or(|kind| *kind == 0);
    (file == 0 && is_code).then_some(())?;
    Some((u32::try_from(first).ok()?, u32::try_from(last).ok()?, count > 0))
}

/// The path in a mangled name, roughly: `_RNvMs_Cs1_4shopNtB4_4Cart5total` → `shop::Cart::total`.
fn path_of(mangled: &str) -> String {
    let own = mangled.rsplit_once(':').map_or(mangled, |(_, name)| name);
    let Some(mut rest) = own.strip_prefix("_R") else { return own.to_owned() };
    let mut parts: Vec<&str> = Vec::new();
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_digit() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (length, after) = rest.split_at(digits);
            let after = after.strip_prefix('_').unwrap_or(after);
            let Some(part) = length.parse().ok().and_then(|length: usize| after.get(..length)) else { break };
            if !part.is_empty() {
                parts.push(part);
            }
            rest = &after[part.len()..];
        } else if matches!(first, 's' | 'B') {
            // A number in base 62, and what it repeats: a path that was there before.
            rest = rest.split_once('_').map_or("", |(_, after)| after);
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    parts.join("::")
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn mangled_names_become_paths() {
        for (mangled, path) in [
            ("_RNvCs1abc_4shop3sum", "shop::sum"),
            ("_RNvMs_Cs4Zv_4shopNtB4_4Cart5total", "shop::Cart::total"),
            ("_RNCNvNtCs6_4shop5tests4adds0B5_", "shop::tests::adds"),
            ("src/lib.rs:_RNvCs1_4shop3sum", "shop::sum"),
            ("main", "main"),
            ("_R99x", ""),
        ] {
            assert_eq!(path_of(mangled), path, "{mangled}");
        }
    }
}
