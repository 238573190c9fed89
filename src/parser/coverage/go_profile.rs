//! Profiles of `go test -coverprofile`, and where functions begin, as `go tool cover -func` says.

use std::collections::BTreeMap;

use super::lines::that_ran;
use super::{Collected, Places, test_of};

/// Blocks of a function's file: first line, last line, whether it ran.
type Block = (u32, u32, bool);

pub(super) fn read(files: &[(String, Vec<u8>)], places: &Places<'_>, into: &mut Collected) {
    let begins = files.iter().find(|(name, _)| name == "functions.txt");
    let begins =
        begins.map(|(_, bytes)| functions(&String::from_utf8_lossy(bytes), places)).unwrap_or_default();
    for (name, bytes) in files {
        let Some((test, failed)) = test_of(name).filter(|_| name.ends_with(".out")) else { continue };
        let (mut ran, mut lines_of) = (Vec::new(), Vec::new());
        for (file, blocks) in blocks(&String::from_utf8_lossy(bytes), places) {
            for (begin, name, end) in begins.get(file).map(Vec::as_slice).unwrap_or_default() {
                let inside = |block: &&Block| (*begin..*end).contains(&block.0);
                let own = || blocks.iter().filter(inside);
                if own().any(|block| block.2) {
                    let last = own().map(|block| block.1).max().unwrap_or(*begin).max(*begin);
                    let Some(index) = into.function(file, name, Some((*begin, last))) else { continue };
                    ran.push(index);
                    lines_of.push((index, that_ran(own().copied().collect())));
                }
            }
            if !begins.contains_key(file) && blocks.iter().any(|block| block.2) {
                ran.extend(into.function(file, "", None));
            }
        }
        into.test(test, Some(failed), ran);
        into.lines(test, lines_of);
    }
}

/// `example.com/shop/cart.go:12:\tTotal\t\t100.0%`: by file, where each function begins and the next one does.
fn functions<'t>(text: &str, places: &Places<'t>) -> BTreeMap<&'t str, Vec<(u32, String, u32)>> {
    let mut found: BTreeMap<&str, Vec<(u32, String, u32)>> = BTreeMap::new();
    let mut known: BTreeMap<&str, Option<&'t str>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(place), Some(name)) = (words.next(), words.next()) else { continue };
        let mut parts = place.trim_end_matches(':').rsplitn(2, ':');
        let (Some(Ok(line)), Some(path)) = (parts.next().map(str::parse), parts.next()) else { continue };
        let Some(file) = *known.entry(path).or_insert_with(|| places.alike(path)) else { continue };
        found.entry(file).or_default().push((line, name.to_owned(), u32::MAX));
    }
    for functions in found.values_mut() {
        functions.sort();
        for at in 1..functions.len() {
            functions[at - 1].2 = functions[at].0;
        }
    }
    found
}

/// `example.com/shop/cart.go:12.24,14.2 1 0`
fn blocks<'t>(text: &str, places: &Places<'t>) -> BTreeMap<&'t str, Vec<Block>> {
    let mut found: BTreeMap<&str, Vec<Block>> = BTreeMap::new();
    let mut known: BTreeMap<&str, Option<&'t str>> = BTreeMap::new();
    for line in text.lines() {
        let read = || {
            let (path, rest) = line.rsplit_once(':')?;
            let mut words = rest.split(' ');
            let (from, to) = words.next()?.split_once(',')?;
            let count = words.nth(1)?;
            let line = |place: &str| place.split('.').next()?.parse::<u32>().ok();
            Some((path, (line(from)?, line(to)?, count != "0")))
        };
        let Some((path, block)) = read() else { continue };
        if let Some(file) = *known.entry(path).or_insert_with(|| places.alike(path)) {
            found.entry(file).or_default().push(block);
        }
    }
    found
}
