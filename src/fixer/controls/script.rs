//! Controls in JavaScript and TypeScript, for what registers tests by `test` and `it`: node:test, jest, vitest, mocha,
//! jasmine.

use super::calls::{arguments, other_literal};
use super::rust::replaced;
use super::site::Site;
use super::words::Computed;
use crate::syntax::Grammar;

/// Modules whose functions compare with `strictEqual`.
const ASSERTING: [&str; 5] = ["assert", "node:assert", "assert/strict", "node:assert/strict", "chai"];

pub(super) fn must_fail(site: &Site, mark: &str, computed: &Computed) -> Option<String> {
    let Computed { letters, factor, wrong, .. } = computed;
    let registered = registered_with(site)?;
    let quotes = ['\'', '"', '`', '\\', '$', '\n'];
    let name =
        if site.case.name.contains(quotes) { mark.to_owned() } else { format!("{} {mark}", site.case.name) };
    let made = format!("'{letters}'.split('').reduce((sum, c) => sum + c.charCodeAt(0), 0) * {factor}");
    let check = check(site, *wrong);
    Some(format!("\n{registered}('{name}', () => {{\n\tconst value = {made};\n\t{check}\n}});"))
}

/// `test`, `it.only`: what a test beside this one is registered with.
fn registered_with(site: &Site) -> Option<String> {
    let word: String = site.test().chars().take_while(|c| c.is_alphanumeric()).collect();
    if !matches!(word.as_str(), "test" | "it" | "specify" | "fit") {
        return None;
    }
    let is_alone = site.case.modifiers.iter().any(|modifier| modifier == "only");
    Some(if is_alone { format!("{word}.only") } else { word })
}

fn check(site: &Site, wrong: u32) -> String {
    let test = site.test();
    if test.contains("expect(") {
        let matcher = if test.contains(").to.") { "to.equal" } else { "toBe" };
        return format!("expect(value).{matcher}({wrong});");
    }
    let modules = site.outline.imports.iter().filter(|import| ASSERTING.contains(&import.module.as_str()));
    let called = modules.flat_map(|import| &import.names).find_map(|name| match name.member.as_deref() {
        None | Some("default" | "strict" | "assert") => Some(format!("{}.strictEqual", name.local)),
        Some("strictEqual" | "equal" | "deepStrictEqual" | "deepEqual") => Some(name.local.clone()),
        Some(_) => None,
    });
    match called.or_else(|| test.contains("assert.").then(|| "assert.strictEqual".to_owned())) {
        Some(called) => format!("{called}(value, {wrong});"),
        None => format!("if (value !== {wrong}) throw new Error(value + ' is not {wrong}');"),
    }
}

pub(super) fn inverted(assertion: &str, delta: u32, mark: &str) -> Option<String> {
    let open = assertion.find('(')?;
    let (called, (parts, close)) = (&assertion[..open], arguments(Grammar::TypeScript, assertion, open)?);
    let literal = |range: &std::ops::Range<usize>| other_literal(&assertion[range.clone()], delta, mark);
    if called == "expect" {
        return expected(assertion, close, delta, mark);
    }
    let (object, name) =
        called.rsplit_once('.').map_or((None, called), |(object, name)| (Some(object), name));
    match name {
        "strictEqual" | "equal" | "deepEqual" | "deepStrictEqual" => {
            let (first, second) = (parts.first()?, parts.get(1)?);
            match [second, first].into_iter().find_map(|range| Some((range.clone(), literal(range)?))) {
                Some((range, other)) => Some(replaced(assertion, range, &other)),
                None => {
                    let (first, rest) = name.split_at(1);
                    Some(format!("{}.not{}{rest}{}", object?, first.to_uppercase(), &assertion[open..]))
                }
            }
        }
        "ok" | "assert" => {
            let range = parts.first()?.clone();
            let other = format!("!({})", &assertion[range.clone()]);
            Some(replaced(assertion, range, &other))
        }
        _ => None,
    }
}

/// `expect(…)` closes at `close`: what is called on it is turned round.
fn expected(assertion: &str, close: usize, delta: u32, mark: &str) -> Option<String> {
    let (before, chain) = assertion.split_at(close + 1);
    let matcher = chain.split('(').next()?.rsplit('.').next()?;
    let is_equality =
        matches!(matcher, "toBe" | "toEqual" | "toStrictEqual" | "equal" | "eql" | "equals" | "eq");
    if let Some(open) = chain.find('(').filter(|_| is_equality && !chain.contains(".not.")) {
        let (parts, _) = arguments(Grammar::TypeScript, assertion, close + 1 + open)?;
        let range = parts.first()?.clone();
        if let Some(other) = other_literal(&assertion[range.clone()], delta, mark) {
            return Some(replaced(assertion, range, &other));
        }
    }
    if chain.contains(".not.") {
        return Some(format!("{before}{}", chain.replacen(".not.", ".", 1)));
    }
    for lead in [".to.", ".resolves.", ".rejects."] {
        if let Some(rest) = chain.strip_prefix(lead) {
            return Some(format!("{before}{lead}not.{rest}"));
        }
    }
    chain.strip_prefix('.').map(|rest| format!("{before}.not.{rest}"))
}
