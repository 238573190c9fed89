//! What `parser`, `plan` and `scan` offer to the rest of the program is written down in `tests/fixtures/public-api.txt`,
//! so that it changes only where that is meant.
//!
//! After a change that is meant: `UPDATE_PUBLIC_API=1 cargo test --test it public_api`, and read the diff.

use std::path::{Path, PathBuf};

/// The `pub` items of a source file outside its tests, each as its code says it up to the body. Nothing here is `pub`
/// that cannot be reached from outside: the compiler warns of such items (`unreachable_pub`).
fn public_items(source: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut lines = source.lines();
    // The variants of an enumeration are as public as itself.
    let mut in_enum = false;
    while let Some(line) = lines.next() {
        let text = line.trim();
        if text == "#[cfg(test)]" {
            break;
        }
        in_enum &= line != "}";
        let variant = in_enum && line.starts_with("    ") && !line.starts_with("     ");
        if !(text.starts_with("pub ") || variant && text.starts_with(|c: char| c.is_ascii_uppercase())) {
            continue;
        }
        in_enum |= text.starts_with("pub enum ");
        let mut item = text.to_owned();
        let is_open = |item: &str| {
            let of = |mark: char| item.matches(mark).count();
            // A variant's fields are offered with it.
            !item.ends_with(['{', ';', ',', '}']) || of('(') > of(')') || variant && of('{') > of('}')
        };
        while is_open(&item) {
            let Some(more) = lines.next() else { break };
            if !more.trim().starts_with("//") {
                item = format!("{item} {}", more.trim());
            }
        }
        // A constant's value is no part of what is offered; nor is a body on the same line.
        let end = item.find(" = ").filter(|_| item.starts_with("pub const")).unwrap_or(item.len());
        items.push(item[..end].trim_end_matches(['{', ';', ',', ' ']).to_owned());
    }
    items
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = ignore::Walk::new(folder)
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect();
    files.sort();
    files
}

#[test]
fn the_public_api_is_as_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut api = String::new();
    for folder in ["src/parser", "src/plan", "src/scan"] {
        for file in rust_files(&root.join(folder)) {
            let items = public_items(&std::fs::read_to_string(&file).unwrap());
            if !items.is_empty() {
                let name = file.strip_prefix(root).unwrap().display();
                api.push_str(&format!("{name}\n    {}\n", items.join("\n    ")));
            }
        }
    }
    let recorded = root.join("tests/fixtures/public-api.txt");
    if std::env::var_os("UPDATE_PUBLIC_API").is_some() {
        std::fs::write(&recorded, &api).unwrap();
    }
    let wanted = std::fs::read_to_string(&recorded).unwrap_or_default();
    assert!(
        api == wanted,
        "the public API is not as tests/fixtures/public-api.txt says; where that is meant: \
         UPDATE_PUBLIC_API=1 cargo test --test it public_api\n{api}"
    );
}

#[test]
fn public_items_are_found() {
    let source = "\
/// A type.
pub struct A {
    pub b: u8,
    c: u8,
    pub(super) d: u8,
}
pub enum E {
    /// One.
    One,
    Two {
        /// A field.
        x: u8,
    },
}
impl A {
    pub fn long(
        &self,
        x: u8,
    ) -> u8 {
        x
    }
}
pub const N: usize = 1;
#[cfg(test)]
mod tests {
    pub fn hidden() {}
}
";
    let wanted = [
        "pub struct A",
        "pub b: u8",
        "pub enum E",
        "One",
        "Two { x: u8, }",
        "pub fn long( &self, x: u8, ) -> u8",
        "pub const N: usize",
    ];
    assert_eq!(public_items(source), wanted);
}
