//! Tests that stand in documentation: the code between the fences of a Rust comment.

use std::rc::Rc;

use super::code::Source;
use crate::contract::git::{RepoPath, SourceTree};
use crate::syntax::{Grammar, shared_outline};

/// Longer ones are no examples.
const MOST_LINES: usize = 200;

/// A test's code by itself, and the lines it stands on.
pub(super) struct DocTest {
    pub(super) code: Rc<Source>,
    pub(super) lines: (u32, u32),
}

/// The test that this line of a file is in, or begins.
pub(super) fn doc_test(tree: &dyn SourceTree, path: &RepoPath, line: u32) -> Option<DocTest> {
    Grammar::of(path.as_str()).filter(|g| *g == Grammar::Rust)?;
    let text = tree.read_text(path)?;
    let lines: Vec<Option<&str>> = text.lines().map(documentation).collect();
    let at = usize::try_from(line).ok()?.checked_sub(1)?;
    lines.get(at).copied().flatten()?;
    let is_fence =
        |index: usize| lines.get(index).copied().flatten().is_some_and(|l| l.trim_start().starts_with("```"));
    let from_top = (0..=at).rev().take_while(|i| lines[*i].is_some()).last()?;
    // Fences open and close in turn.
    let fences: Vec<usize> =
        (from_top..lines.len()).take_while(|i| lines[*i].is_some()).filter(|i| is_fence(*i)).collect();
    let (open, close) = fences.chunks(2).find_map(|pair| match pair {
        [open, close] if (*open..*close).contains(&at) && close - open <= MOST_LINES => Some((*open, *close)),
        _ => None,
    })?;
    let code: Vec<&str> = lines[open + 1..close]
        .iter()
        .map(|line| line.unwrap_or_default())
        // What is hidden from readers runs as well.
        .map(|line| line.trim_start().strip_prefix("# ").unwrap_or(line))
        .collect();
    let code = format!("fn documentation() {{\n{}\n}}\n", code.join("\n"));
    let outline = shared_outline(Grammar::Rust, &code).ok()?;
    // It sees the crate from outside, as an integration test does.
    let root = path.as_str().rfind("src/").map_or("", |at| &path.as_str()[..at]);
    let outside = RepoPath::new(&format!("{root}tests/documentation.rs")).ok()?;
    let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
    Some(DocTest {
        code: Rc::new(Source { path: outside, text: code, outline }),
        lines: (number(open), number(close)),
    })
}

/// What a line of documentation says.
fn documentation(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))
}
