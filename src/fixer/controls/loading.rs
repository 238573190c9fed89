//! Controls for tests that could not even be loaded: in languages that are read when they run, what stood in the way was a
//! compiler's finding, and the judge is a test runner.

use super::site::Site;
use super::words::Words;
use super::{ControlRequest, Insertion, inserted, make};
use crate::contract::bug::{BugReport, Category};
use crate::contract::control::{Control, ControlKind, Planted};
use crate::contract::git::RepoPath;
use crate::fixer::Protection;
use crate::fixer::language::has_word;
use crate::placing::find_file;
use crate::syntax::Grammar;

/// A test that must fail, in a file that could not be loaded; `None` where no runner of tests was in it.
pub(super) fn of_loading(request: &ControlRequest<'_>, words: &mut Words) -> Option<Planted> {
    let (path, is_named) =
        request.faults.iter().filter(|bug| is_of_loading(bug)).find_map(|bug| file(bug, request))?;
    let site = Site::first_of(path, request.tree).ok()?;
    let mark = words.mark();
    let made = make(&site, ControlKind::MustFail, &mark, words)?;
    let change =
        inserted((site.path.clone(), (site.text.clone(), vec![Insertion { at: site.end, text: made.text }])));
    let control = Control {
        kind: ControlKind::MustFail,
        path: site.path.clone(),
        mark: Some(mark),
        value: made.value,
        decides: is_named,
    };
    let may_be_left_out = site.left_out_by(request.script);
    Some(Planted { controls: vec![control], changes: vec![change], may_be_left_out, ..Planted::default() })
}

fn is_of_loading(bug: &BugReport) -> bool {
    matches!(bug.category, Category::Syntax | Category::Indentation | Category::Import | Category::Runtime)
        && (bug.test.is_some()
            || matches!(bug.tool.as_str(), "pytest" | "unittest" | "jest" | "vitest" | "mocha" | "node-test"))
}

/// The test file, and whether the report names it.
fn file(bug: &BugReport, request: &ControlRequest<'_>) -> Option<(RepoPath, bool)> {
    let ControlRequest { tree, paths, .. } = *request;
    let is_test = |path: &RepoPath| {
        let reads_as_it_runs = Grammar::of(path.as_str())
            .is_some_and(|grammar| grammar == Grammar::Python || grammar.is_script());
        reads_as_it_runs && paths.protection(path.as_str()) == Some(Protection::Test)
    };
    let places = bug.file.iter().chain(bug.related.iter().map(|place| &place.file));
    if let Some(path) = places.filter_map(|file| find_file(file, tree)).find(is_test) {
        return Some((path, true));
    }
    let stem = |path: &RepoPath| path.file_name().split('.').next().unwrap_or_default().to_owned();
    let tests = || tree.files().iter().map(|file| &file.path).filter(|path| is_test(path));
    if let Some(id) = &bug.test
        && let Some(path) = tests().find(|path| id.contains(path.as_str()) || has_word(id, &[&stem(path)]))
    {
        return Some((path.clone(), true));
    }
    // One that names what was repaired was in its way, most likely.
    let repaired: Vec<String> = request.changes.iter().map(|change| stem(&change.path)).collect();
    let names = |path: &&RepoPath| {
        let text = tree.read_text(path).unwrap_or_default();
        repaired.iter().any(|stem| text.lines().any(|line| has_word(line, &[stem.as_str()])))
    };
    tests().find(names).map(|path| (path.clone(), false))
}
