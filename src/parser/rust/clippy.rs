//! Lints in rustc's rendering: which one it is. clippy's diagnostics have rustc's shape and are read by `rustc`.

use super::super::re;
use super::super::registry::{Tool, read_by_another};

pub(super) const TOOL: Tool = read_by_another("clippy");

/// The lint a note names: `#[warn(unused_imports)]`, `-D clippy::len-zero`, clippy's page.
pub(super) fn lint_name(note: &str) -> Option<String> {
    if !note.contains("= note: ") && !note.contains("= help: ") && !note.contains("lint level is defined") {
        return None;
    }
    if let Some(c) = re!(r"rust-clippy/\S*?(?:index\.html)?#/?(\w+)").captures(note) {
        return Some(format!("clippy::{}", &c[1]));
    }
    let c = re!(r"= note: (?:requested on the command line with )?`(?:#\[(?:warn|deny|forbid)\(([\w:]+)\)\]|-[DFW] ([\w:-]+))`")
        .captures(note)?;
    let name = c.get(1).or_else(|| c.get(2))?.as_str().replace('-', "_");
    (name != "warnings").then_some(name)
}
