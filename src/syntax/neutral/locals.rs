//! A local that nothing uses loses its name; what it called stays.

use super::annotations::is_function;
use super::{NeutralEdit, Pairs, Walk};
use crate::syntax::tree::Grammar;

impl Walk<'_> {
    pub(super) fn local(&mut self, old: usize, new: usize) -> Option<Pairs> {
        let (name, pairs) = match self.grammar() {
            Grammar::Python => self.python_local(old, new),
            Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => self.script_local(old, new),
            Grammar::Go => return self.go_locals(old, new),
            Grammar::Rust => self.rust_local(old, new),
            Grammar::Java => None,
        }?;
        self.is_unused_local(old, &name).then(|| {
            self.edits.push(NeutralEdit::LocalRemoved(name));
            pairs
        })
    }

    /// A finding says so, and nothing else in its function has the name.
    fn is_unused_local(&self, old: usize, name: &str) -> bool {
        let code = self.old;
        let Some(function) = code.ancestors(old).find(|id| is_function(code.nodes[*id].kind)) else {
            return false;
        };
        let words = code.words(function);
        let looks_names_up =
            words.iter().any(|w| matches!(*w, "locals" | "eval" | "exec" | "vars" | "globals" | "arguments"));
        // Macros take names apart as text, too.
        let uses = words.iter().filter(|word| crate::syntax::finding::has_word(word, name)).count();
        uses == 1 && !looks_names_up && self.findings.call_unused(name, self.lines(old).0)
    }

    /// `x = f()` → `f()`, `with f() as x` → `with f()`, `except E as x` → `except E`.
    fn python_local(&self, old: usize, new: usize) -> Option<(String, Pairs)> {
        let code = self.old;
        let name = |id: usize| (code.nodes[id].kind == "identifier").then(|| code.nodes[id].text.clone());
        match code.nodes[old].kind {
            "assignment" if code.nodes[code.parents[old]].kind == "expression_statement" => {
                if code.child(old, "type").is_some() {
                    return None;
                }
                Some((name(code.child(old, "left")?)?, vec![(code.child(old, "right")?, new)]))
            }
            "as_pattern" => {
                let [value, _, target] = code.nodes[old].children[..] else { return None };
                let [target] = code.nodes[target].children[..] else { return None };
                Some((name(target)?, vec![(value, new)]))
            }
            "except_clause" if self.new.nodes[new].kind == "except_clause" => {
                let alias = code.child(old, "alias")?;
                let rest = |id: &usize| *id != alias && code.nodes[*id].kind != "as";
                let kept: Vec<usize> = code.nodes[old].children.iter().copied().filter(rest).collect();
                let others = &self.new.nodes[new].children;
                let pairs = (kept.len() == others.len())
                    .then(|| kept.into_iter().zip(others.iter().copied()).collect());
                Some((name(alias)?, pairs?))
            }
            _ => None,
        }
    }

    /// `const x = f();` → `f();`, `catch (e)` → `catch`.
    fn script_local(&self, old: usize, new: usize) -> Option<(String, Pairs)> {
        let (code, other) = (self.old, &self.new.nodes[new]);
        match code.nodes[old].kind {
            "lexical_declaration" if other.kind == "expression_statement" => {
                let [_, declarator] = code.nodes[old].children[..] else { return None };
                let [name, _, value] = code.nodes[declarator].children[..] else { return None };
                let [kept] = other.children[..] else { return None };
                let name = (code.nodes[name].kind == "identifier").then(|| code.nodes[name].text.clone())?;
                Some((name, vec![(value, kept)]))
            }
            "catch_clause" if other.kind == "catch_clause" => {
                let parameter = code.child(old, "parameter")?;
                let rest = |id: &usize| *id != parameter && !matches!(code.nodes[*id].kind, "(" | ")");
                let kept: Vec<usize> = code.nodes[old].children.iter().copied().filter(rest).collect();
                let pairs: Option<Pairs> = (kept.len() == other.children.len())
                    .then(|| kept.into_iter().zip(other.children.iter().copied()).collect());
                let name = (code.nodes[parameter].kind == "identifier")
                    .then(|| code.nodes[parameter].text.clone())?;
                Some((name, pairs?))
            }
            _ => None,
        }
    }

    /// `x := f()` → `_ = f()` or `f()`; `x, err := f()` → `_, err := f()`.
    fn go_locals(&mut self, old: usize, new: usize) -> Option<Pairs> {
        let (code, other) = (self.old, &self.new.nodes[new]);
        if code.nodes[old].kind != "short_var_declaration" {
            return None;
        }
        let names: Vec<usize> = code.nodes[code.child(old, "left")?].children.clone();
        let names: Vec<usize> = names.into_iter().filter(|n| code.nodes[*n].kind != ",").collect();
        let right = code.child(old, "right")?;
        if other.kind == "expression_statement" {
            let ([name], [value], [kept]) =
                (&names[..], &code.nodes[right].children[..], &other.children[..])
            else {
                return None;
            };
            self.unnamed_in_go(old, *name)?;
            return Some(vec![(*value, *kept)]);
        }
        let (kept, kept_right) = (self.new.child(new, "left")?, self.new.child(new, "right")?);
        let kept: Vec<usize> = self.new.nodes[kept]
            .children
            .iter()
            .copied()
            .filter(|n| self.new.nodes[*n].kind != ",")
            .collect();
        let blank = |id: &usize| self.new.nodes[*id].text == "_";
        let fits = match other.kind {
            "short_var_declaration" => true,
            "assignment_statement" => {
                kept.iter().all(blank) && other.children.iter().any(|c| self.new.nodes[*c].kind == "=")
            }
            _ => false,
        };
        if !fits || names.len() != kept.len() {
            return None;
        }
        for (name, kept) in names.into_iter().zip(kept) {
            if code.nodes[name].text != self.new.nodes[kept].text {
                (self.new.nodes[kept].text == "_").then_some(())?;
                self.unnamed_in_go(old, name)?;
            }
        }
        Some(vec![(right, kept_right)])
    }

    fn unnamed_in_go(&mut self, old: usize, name: usize) -> Option<()> {
        let name = self.old.nodes[name].text.clone();
        self.is_unused_local(old, &name).then(|| self.edits.push(NeutralEdit::LocalRemoved(name)))
    }

    /// `let x` → `let _x`: dropped at the same place.
    fn rust_local(&self, old: usize, new: usize) -> Option<(String, Pairs)> {
        let code = self.old;
        let (before, after) = (&code.nodes[old], &self.new.nodes[new]);
        let holder = code.nodes[code.parents[old]].kind;
        let renamed = before.kind == "identifier"
            && before.field == Some("pattern")
            && holder == "let_declaration"
            && after.kind == "identifier"
            && after.text == format!("_{}", before.text);
        let taken = code.leaves.iter().any(|leaf| code.nodes[leaf.node].text == after.text);
        (renamed && !taken).then(|| (before.text.clone(), Vec::new()))
    }
}
