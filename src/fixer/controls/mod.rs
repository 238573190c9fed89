//! Negative controls: failures that are planted beside a proof, to see whether its judge can still say no.
//!
//! Of a failing test that a fix healed: a test beside it that must fail, the failing test once more with its decisive
//! assertion turned round, and once more as it is under another name. Of what a compiler, a type checker, a linter or a
//! formatter reported: what the fix changed in the source, put back, with everything that tells the checker what to
//! report left as the fix has it; else the same diagnostic once more at another place. All of it is made from syntax and
//! laid over the code that was proven; nothing of it is ever committed.

mod calls;
mod go;
mod instance;
mod java;
mod loading;
mod put_back;
mod python;
mod rust;
mod script;
mod site;
mod suspicion;
#[cfg(test)]
mod tests;
mod variants;
mod verdict;
mod words;

use std::collections::BTreeMap;

use self::site::Site;
use self::words::Words;
use crate::contract::bug::{BugReport, Category};
use crate::contract::control::{Control, ControlKind, Planted};
use crate::contract::fix::FileChange;
use crate::contract::git::{RepoPath, SourceTree};
use crate::fixer::PathRules;
use crate::syntax::Grammar;

pub use verdict::{ControlRun, has_run, judge};

/// Failing tests of one step that get controls of their own.
const MOST_TESTS: usize = 3;

/// What controls are made of.
pub struct ControlRequest<'a> {
    /// What failed in the step and does not any more.
    pub faults: &'a [BugReport],
    /// What the step's fixes change, in the order in which they were kept.
    pub changes: &'a [FileChange],
    /// The code as it was proven.
    pub tree: &'a dyn SourceTree,
    pub paths: &'a PathRules,
    /// The step's script.
    pub script: &'a str,
    /// Nobody else knows it.
    pub seed: [u8; 32],
}

/// The controls of one step; `Err`: why there are none.
pub fn plant(request: &ControlRequest<'_>) -> Result<Planted, String> {
    let mut words = Words::new(request.seed);
    let is_of_a_test = |bug: &&BugReport| {
        bug.test.is_some() && matches!(bug.category, Category::Logic | Category::Runtime | Category::Timeout)
    };
    let tests: Vec<&BugReport> = request.faults.iter().filter(is_of_a_test).collect();
    if !tests.is_empty() {
        return of_tests(request, &tests, &mut words);
    }
    if request.faults.is_empty() {
        return Err("the log does not say what failed".to_owned());
    }
    of_faults(request, &mut words)
}

/// Text that goes into a file behind a place of it.
struct Insertion {
    at: usize,
    text: String,
}

fn of_tests(request: &ControlRequest<'_>, bugs: &[&BugReport], words: &mut Words) -> Result<Planted, String> {
    let mut planted = Planted::default();
    let mut files: BTreeMap<RepoPath, (String, Vec<Insertion>)> = BTreeMap::new();
    let mut sites: Vec<Site> = Vec::new();
    let mut why_not = None;
    for bug in bugs {
        match Site::of(bug, request) {
            Ok(site) if sites.iter().any(|s| s.path == site.path && s.case == site.case) => {}
            Ok(site) if sites.len() < MOST_TESTS => sites.push(site),
            Ok(_) => {}
            Err(why) => why_not = Some(why),
        }
    }
    for site in &sites {
        let file = files.entry(site.path.clone()).or_insert_with(|| (site.text.clone(), Vec::new()));
        // One that must fail for each file.
        let kinds = if file.1.is_empty() {
            &[ControlKind::MustFail, ControlKind::Inverted, ControlKind::Renamed, ControlKind::Variant][..]
        } else {
            &[ControlKind::Inverted, ControlKind::Renamed, ControlKind::Variant]
        };
        for kind in kinds {
            let mark = words.mark();
            let Some(made) = make(site, *kind, &mark, words) else { continue };
            file.1.push(Insertion { at: site.end, text: made.text });
            planted.controls.push(Control {
                kind: *kind,
                path: site.path.clone(),
                mark: Some(mark),
                value: made.value,
                decides: made.decides,
            });
        }
        // Only its own switch makes it stop; other runners may be told to anywhere.
        planted.goes_on = site.grammar == Grammar::Go && !request.script.contains("failfast");
        if let Some(why) = site.left_out_by(request.script) {
            planted.may_be_left_out.get_or_insert(why);
        }
    }
    if !planted.controls.iter().any(|control| control.kind.must_fail()) {
        return Err(why_not.unwrap_or_else(|| "no test that must fail can be made here".to_owned()));
    }
    planted.keeps_answers = suspicion::keeps_answers(request.changes);
    planted.special_case = suspicion::special_case(request.changes);
    planted.changes = files.into_iter().filter(|(_, (_, all))| !all.is_empty()).map(inserted).collect();
    Ok(planted)
}

fn inserted((path, (text, mut all)): (RepoPath, (String, Vec<Insertion>))) -> FileChange {
    let mut after = text.clone();
    // From the end, so that the places before stay where they are; of one place the first comes first.
    all.sort_by_key(|insertion| insertion.at);
    for Insertion { at, text } in all.into_iter().rev() {
        after.insert_str(at, &text);
    }
    FileChange { path, before: Some(text), after: Some(after) }
}

/// A planted test.
struct Made {
    text: String,
    value: Option<String>,
    decides: bool,
}

fn make(site: &Site, kind: ControlKind, mark: &str, words: &mut Words) -> Option<Made> {
    match kind {
        ControlKind::MustFail => {
            let computed = words::Computed::new(words);
            let text = match site.grammar {
                Grammar::Python => python::must_fail(site, mark, &computed),
                Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => {
                    script::must_fail(site, mark, &computed)
                }
                Grammar::Go => go::must_fail(site, mark, &computed),
                Grammar::Rust => rust::must_fail(site, mark, &computed),
                Grammar::Java => java::must_fail(site, mark, &computed),
            }?;
            let text = format!("\n{}\n", site.indented(&text));
            Some(Made { text, value: Some(computed.value.to_string()), decides: true })
        }
        ControlKind::Inverted => {
            let (bytes, decides) = site.decisive_assertion()?;
            let (assertion, delta) = (&site.text[bytes.clone()], words.number(1, 8));
            let mark_in_value = words.letters();
            let turned = match site.grammar {
                Grammar::Python => python::inverted(assertion, delta, &mark_in_value).map(|t| (bytes, t)),
                Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => {
                    script::inverted(assertion, delta, &mark_in_value).map(|t| (bytes, t))
                }
                Grammar::Go => go::inverted(site, bytes, delta, &mark_in_value),
                Grammar::Rust => rust::inverted(assertion, delta, &mark_in_value).map(|t| (bytes, t)),
                Grammar::Java => {
                    java::inverted(&site.text, assertion, delta, &mark_in_value).map(|t| (bytes, t))
                }
            };
            let (bytes, turned) = turned?;
            let text = site.renamed(mark, Some((bytes, turned)))?;
            Some(Made { text, value: None, decides })
        }
        ControlKind::Renamed => {
            let text = site.renamed(mark, None)?;
            Some(Made { text, value: None, decides: false })
        }
        ControlKind::Variant => {
            let parts = match variants::variant(site, words) {
                Some(variant) => variant.parts,
                // It makes inputs of its own, under each name others.
                None if variants::is_property(site.test()) => Vec::new(),
                None => return None,
            };
            let text = site.renamed(mark, parts)?;
            Some(Made { text, value: None, decides: false })
        }
        ControlKind::FaultPutBack | ControlKind::FreshInstance => None,
    }
}

fn of_faults(request: &ControlRequest<'_>, words: &mut Words) -> Result<Planted, String> {
    let are_all =
        |categories: &[Category]| request.faults.iter().all(|bug| categories.contains(&bug.category));
    if are_all(&[Category::Dependency]) {
        return Err("what was missing is a dependency".to_owned());
    }
    // Tests that could not be loaded: now that they can, they can fail.
    if let Some(planted) = loading::of_loading(request, words) {
        return Ok(planted);
    }
    if are_all(&[
        Category::Logic,
        Category::Runtime,
        Category::Timeout,
        Category::Environment,
        Category::Unknown,
    ]) {
        return Err("what failed is neither a test that its runner names nor a checker's finding".to_owned());
    }
    let put_back = put_back::put_back(request.changes, request.tree, request.faults);
    let decides = !put_back::touches_manifest(request.changes);
    let control = |kind, path| Control { kind, path, mark: None, value: None, decides };
    if !put_back.is_empty() {
        let controls = vec![control(ControlKind::FaultPutBack, put_back[0].path.clone())];
        return Ok(Planted { controls, changes: put_back, ..Planted::default() });
    }
    let fresh = request.faults.iter().find_map(|bug| instance::instance(bug, request.tree, &words.mark()));
    match fresh {
        Some(change) => {
            let controls = vec![control(ControlKind::FreshInstance, change.path.clone())];
            Ok(Planted { controls, changes: vec![change], ..Planted::default() })
        }
        None => Err("the fix changes no source, and no second failure of its kind can be made".to_owned()),
    }
}
