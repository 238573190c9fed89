//! Lists of statements with imports in them: runs of imports are compared by what they bind, all else pairwise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::{NeutralEdit, Pairs, Walk};
use crate::syntax::canonical::Canonical;
use crate::syntax::imports::{Binding, Import, read};
use crate::syntax::modules::{self, Origin};
use crate::syntax::tree::Grammar;

/// Imports by the number of other statements before them.
type Runs = BTreeMap<usize, Vec<Import>>;

impl Walk<'_> {
    pub(super) fn has_imports(&self, old: usize, new: usize) -> bool {
        let any = |code: &Canonical<'_>, id: usize| {
            code.nodes[id].children.iter().any(|c| read(code, *c).is_some())
        };
        self.old.nodes[old].kind == self.new.nodes[new].kind && (any(self.old, old) || any(self.new, new))
    }

    pub(super) fn imports(&mut self, old: usize, new: usize) -> Option<Pairs> {
        let (had, before) = split(self.old, old);
        let (has, after) = split(self.new, new);
        if before.len() != after.len() {
            return None;
        }
        let whole_file = old == self.old.root && new == self.new.root;
        let places: BTreeSet<usize> = had.keys().chain(has.keys()).copied().collect();
        for place in places {
            let none = Vec::new();
            self.run(had.get(&place).unwrap_or(&none), has.get(&place).unwrap_or(&none), whole_file)?;
        }
        Some(before.into_iter().zip(after).collect())
    }

    /// One run of imports against what it has become.
    fn run(&mut self, had: &[Import], has: &[Import], whole_file: bool) -> Option<()> {
        if had == has {
            return Some(());
        }
        let (had_parts, had_effects) = segments(had);
        let (has_parts, has_effects) = segments(has);
        // What is imported for its effect stays, and stays in its place among the others.
        if had_effects != has_effects {
            return None;
        }
        for (had, has) in had_parts.iter().zip(&has_parts) {
            let (before, after): (Vec<&Binding>, Vec<&Binding>) =
                (had.iter().flatten().collect(), has.iter().flatten().collect());
            if !is_clear(&before) || !is_clear(&after) {
                return None;
            }
            let gone: Vec<&Binding> = before.iter().copied().filter(|b| !after.contains(b)).collect();
            let come: Vec<&Binding> = after.iter().copied().filter(|b| !before.contains(b)).collect();
            if (!gone.is_empty() || !come.is_empty()) && !whole_file && self.grammar() != Grammar::Rust {
                return None;
            }
            // To be bound to something else is no removal.
            if come.iter().any(|c| before.iter().any(|b| b.name == c.name)) {
                return None;
            }
            for binding in gone {
                self.is_needless(binding)?;
                self.edits.push(NeutralEdit::ImportRemoved(binding.name.clone()));
            }
            for binding in &come {
                self.is_missing(binding)?;
                self.edits.push(NeutralEdit::ImportAdded(binding.name.clone()));
            }
            let kept = |lists: &[Vec<Binding>], others: &[&Binding]| -> Vec<Vec<Binding>> {
                let kept = lists.iter().map(|l| l.iter().filter(|b| others.contains(b)).cloned().collect());
                kept.filter(|list: &Vec<Binding>| !list.is_empty()).collect()
            };
            if kept(had, &after) != kept(has, &before) {
                if !self.findings.want_import_order() {
                    return None;
                }
                self.edits.push(NeutralEdit::ImportsReordered);
            }
        }
        Some(())
    }

    /// A finding calls it unused, nothing in the file has the name, and nothing else is lost with it.
    fn is_needless(&self, binding: &Binding) -> Option<()> {
        let name = binding.name.as_str();
        let unused = self.findings.call_unused(name, 0) || self.says_whole_statement(name);
        if !unused || uses(self.old, name) || uses(self.new, name) {
            return None;
        }
        match self.grammar() {
            // Compilers refuse what is not used, or leave it out.
            Grammar::Go | Grammar::Rust | Grammar::Java => Some(()),
            Grammar::Python => {
                let kept_for_others = self.path.ends_with("__init__.py");
                let collected = name.to_lowercase().starts_with("test");
                (!kept_for_others && !collected).then_some(())?;
                self.has_no_effect(binding)
            }
            Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => self.has_no_effect(binding),
        }
    }

    /// All names of one statement are unused, says a finding of its line.
    fn says_whole_statement(&self, name: &str) -> bool {
        let statement = self.old.nodes[self.old.root].children.iter().copied().find(|id| {
            matches!(read(self.old, *id), Some(Import::Binds(all)) if all.iter().any(|b| b.name == name))
        });
        statement.is_some_and(|id| {
            let (first, last) = self.lines(id);
            (first..=last).any(|line| self.findings.call_unused(name, line))
        })
    }

    /// Its module runs nothing by being imported, or still is imported.
    fn has_no_effect(&self, binding: &Binding) -> Option<()> {
        static SPEAKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new(
                r"(?i)test|plugin|fixture|setup|register|polyfill|jest|jasmine|chai|matcher|patch|mock|dotenv|instrument|extend|monkey|hook|shim|metadata|dom$|signals?$|autouse|site$",
            )
            .ok()
        });
        let origin = |b: &Binding| modules::origin(self.grammar(), self.path, b, self.tree);
        match origin(binding) {
            Origin::Standard => Some(()),
            Origin::Repository(file) => {
                if self.grammar() == Grammar::Python && modules::is_collected(&file, &binding.name, self.tree)
                {
                    return None;
                }
                let stays =
                    all_bindings(self.new).iter().any(|b| origin(b) == Origin::Repository(file.clone()));
                (stays || modules::only_defines(self.grammar(), &file, self.tree)).then_some(())
            }
            Origin::Listed => {
                let speaks =
                    SPEAKS.as_ref().is_none_or(|s| s.is_match(&binding.module) || s.is_match(&binding.name));
                (!speaks).then_some(())
            }
            Origin::Package | Origin::Unknown => None,
        }
    }

    /// A finding misses exactly this name, and it is where the import says.
    fn is_missing(&self, binding: &Binding) -> Option<()> {
        if !self.findings.miss(&binding.name) {
            return None;
        }
        let origin = modules::origin(self.grammar(), self.path, binding, self.tree);
        let own_name = is_own_name(self.grammar(), binding);
        match origin {
            Origin::Unknown => None,
            Origin::Standard | Origin::Listed | Origin::Package => own_name.then_some(()),
            Origin::Repository(file) => {
                let whole = binding.member.as_deref().is_none_or(|m| {
                    file.as_str().rsplit('/').next().is_some_and(|f| f.split('.').next() == Some(m))
                });
                let there =
                    whole || modules::defines(self.grammar(), &file, binding.member.as_deref()?, self.tree);
                (own_name && there).then_some(())
            }
        }
    }
}

/// The imports by place, and the other statements in order.
fn split(code: &Canonical<'_>, list: usize) -> (Runs, Vec<usize>) {
    let (mut runs, mut others): (Runs, Vec<usize>) = (Runs::new(), Vec::new());
    for id in code.nodes[list].children.iter().copied() {
        // An attribute belongs to what follows.
        let has_attribute = others.last().is_some_and(|last| {
            code.nodes[*last].kind == "attribute_item" && !runs.contains_key(&others.len())
        });
        match read(code, id).filter(|_| !has_attribute) {
            Some(import) => runs.entry(others.len()).or_default().push(import),
            None => others.push(id),
        }
    }
    (runs, others)
}

/// What is bound between the imports that are there for their effect, and those.
fn segments(run: &[Import]) -> (Vec<Vec<Vec<Binding>>>, Vec<&str>) {
    let (mut parts, mut effects) = (vec![Vec::new()], Vec::new());
    for import in run {
        match import {
            Import::Effect(words) => {
                effects.push(words.as_str());
                parts.push(Vec::new());
            }
            Import::Binds(all) => {
                if let Some(last) = parts.last_mut() {
                    last.push(all.clone());
                }
            }
        }
    }
    (parts, effects)
}

/// No name is bound to two things.
fn is_clear(bindings: &[&Binding]) -> bool {
    bindings
        .iter()
        .all(|one| bindings.iter().all(|other| one.name != other.name || one == other || shares(one, other)))
}

/// `import a.b` and `import a.c` bind the same `a`.
fn shares(one: &Binding, other: &Binding) -> bool {
    one.member.is_none()
        && other.member.is_none()
        && one.how.is_empty()
        && other.how.is_empty()
        && one.module.contains('.')
}

fn all_bindings(code: &Canonical<'_>) -> Vec<Binding> {
    let imports = code.nodes[code.root].children.iter().filter_map(|id| read(code, *id));
    imports.flat_map(|import| if let Import::Binds(all) = import { all } else { Vec::new() }).collect()
}

/// Whether anything but an import has this name: code, a string that is no prose, a comment that is read.
fn uses(code: &Canonical<'_>, name: &str) -> bool {
    let has_jsx = code.nodes.iter().any(|n| n.kind.starts_with("jsx_"));
    if has_jsx && matches!(name, "React" | "h" | "Fragment" | "jsx" | "preact") {
        return true;
    }
    let mut open = vec![code.root];
    while let Some(id) = open.pop() {
        if read(code, id).is_some() {
            continue;
        }
        let node = &code.nodes[id];
        open.extend(&node.children);
        if !node.children.is_empty() || is_member(code, id) {
            continue;
        }
        let is_prose = node.text.contains(char::is_whitespace);
        if node.text == name || !is_prose && crate::syntax::finding::has_word(&node.text, name) {
            return true;
        }
    }
    code.comments.iter().any(|c| c.is_read && crate::syntax::finding::has_word(&c.text, name))
}

/// A name behind a dot, or that of an argument: of something else.
fn is_member(code: &Canonical<'_>, id: usize) -> bool {
    let node = &code.nodes[id];
    let parent = code.nodes[code.parents[id]].kind;
    match node.kind {
        "property_identifier" | "field_identifier" => true,
        _ => matches!(
            (parent, node.field),
            ("attribute", Some("attribute"))
                | ("keyword_argument", Some("name"))
                | ("field_access", Some("field"))
        ),
    }
}

/// The name is what the thing is called where it comes from.
fn is_own_name(grammar: Grammar, binding: &Binding) -> bool {
    const USUAL: &[(&str, &str)] = &[("np", "numpy"), ("pd", "pandas"), ("plt", "matplotlib.pyplot")];
    let (name, module) = (binding.name.as_str(), binding.module.as_str());
    let folded = |text: &str| text.to_lowercase().replace(['-', '_', '.'], "");
    let last = module.rsplit(['/', ':']).next().unwrap_or(module);
    match (grammar, binding.member.as_deref()) {
        (Grammar::Python, None) => module.split('.').next() == Some(name) || USUAL.contains(&(name, module)),
        (Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx, None | Some("default")) => {
            folded(last) == folded(name)
        }
        (_, None) => binding.how.is_empty(),
        (_, Some(member)) => member == name,
    }
}
