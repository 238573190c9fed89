//! Which tests are about what a fix changes, as far as names tell.

use std::collections::BTreeSet;

use super::language::{Language, enclosing_block, has_word};
use super::paths::{PathRules, Protection};
use crate::contract::fix::FileChange;
use crate::contract::git::SourceTree;
use crate::diff::LineDiff;

/// Test files that are read for it, and the longest of them.
const MOST_FILES: usize = 500;
const MOST_BYTES: usize = 256 << 10;

/// The test files that name a function or type which `changes` touch.
#[must_use]
pub fn tests_that_name(changes: &[FileChange], tree: &dyn SourceTree, rules: &PathRules) -> BTreeSet<String> {
    let names: BTreeSet<String> = changes.iter().flat_map(changed_definitions).collect();
    if names.is_empty() {
        return BTreeSet::new();
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let tests = tree.files().iter().filter(|f| rules.protection(f.path.as_str()) == Some(Protection::Test));
    tests
        .take(MOST_FILES)
        .filter(|file| {
            let text = tree.read_text(&file.path).filter(|text| text.len() <= MOST_BYTES);
            text.is_some_and(|text| text.lines().any(|line| has_word(line, &names)))
        })
        .map(|file| file.path.to_string())
        .collect()
}

/// The names of the definitions around the changed lines.
fn changed_definitions(change: &FileChange) -> Vec<String> {
    let Some(after) = &change.after else { return Vec::new() };
    let language = Language::of(change.path.as_str());
    let lines: Vec<&str> = after.lines().collect();
    let mut names = Vec::new();
    for op in LineDiff::of(change).hunks() {
        let line = u32::try_from(op.new_range().start + 1).unwrap_or(u32::MAX);
        if let Some(outline) = language.whole_outline(after) {
            names.extend(outline.innermost(line).map(|d| d.name.clone()).filter(|name| name.len() > 1));
            continue;
        }
        let Some((first, last)) = enclosing_block(language, after, line) else { continue };
        let block = lines.iter().take(last as usize).skip((first as usize).saturating_sub(1));
        names.extend(block.take(12).find_map(|line| defined_name(line)));
    }
    names
}

/// `f` of `def f(x):`, `pub fn f<T>(x: T)`, `func (r *R) f(x int)`, `const f = (x) =>`, `class f:`.
fn defined_name(line: &str) -> Option<String> {
    let line = line.trim();
    let line = match line.strip_prefix("func (") {
        Some(method) => method.split_once(')')?.1,
        None => line,
    };
    let is_attribute = line.starts_with(['#', '@', '/', '*']);
    if is_attribute {
        return None;
    }
    let head = line.split(['(', '{', ':', '<']).next()?;
    let head = head.split_once('=').map_or(head, |(name, _)| name);
    let name = head.trim_end().rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').next()?;
    let keyword = ["if", "for", "while", "else", "match", "switch", "return", "try", "with", "do"];
    (name.len() > 1 && !keyword.contains(&name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;
    use crate::fixer::testing::MemoryTree;

    #[test]
    fn definitions_of_every_language_are_named() {
        for (line, name) in [
            ("def total(items):", "total"),
            ("    async def total(self):", "total"),
            ("pub fn total<T: Copy>(items: &[T]) -> T {", "total"),
            ("func (c *Cart) Total(x int) int {", "Total"),
            ("func Total() int {", "Total"),
            ("export function total(items: number[]): number {", "total"),
            ("const total = (items) => {", "total"),
            ("    public static int total(int[] items) {", "total"),
            ("class Cart:", "Cart"),
        ] {
            assert_eq!(defined_name(line).as_deref(), Some(name), "{line}");
        }
        assert_eq!(defined_name("@pytest.fixture"), None);
    }

    #[test]
    fn tests_that_name_the_changed_function_are_found() {
        let before = "def total(items):\n    return sum(items\n\n\ndef other():\n    return 1\n";
        let tree = MemoryTree::new(&[
            ("cart.py", before),
            (
                "tests/test_cart.py",
                "from cart import total\n\n\ndef test_it():\n    assert total([1]) == 1\n",
            ),
            ("tests/test_other.py", "from cart import other\n"),
        ]);
        let change = FileChange {
            path: RepoPath::new("cart.py").unwrap(),
            before: Some(before.to_owned()),
            after: Some(before.replace("sum(items", "0")),
        };
        let rules = PathRules::new(&[]).unwrap();
        let found = tests_that_name(&[change], &tree, &rules);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["tests/test_cart.py"]);
    }
}
