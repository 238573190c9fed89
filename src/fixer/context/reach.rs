//! What a failing test reaches: its calls, what those call, what a traced run saw and what changed, ranked, each with the
//! reason. The order in which something was found decides only between equals.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::LONG_BLOCK;
use super::code::{Code, Hit, Source, as_written};
use super::leads::Leads;
use crate::contract::git::RepoPath;
use crate::syntax::{Bytes, Definition, DefinitionKind, Grammar, Reference, ReferenceKind};

/// Pieces of code whose names are followed.
const MOST_EXPANDED: usize = 80;
/// A class that is longer is shown by its head and what makes it.
const SHORT_CLASS: u32 = 40;
/// What each step away from the test costs.
const STEP: f64 = 35.0;
/// What ran, and no name led to.
const RAN: f64 = 40.0;
/// What a type does without being named, against the type.
const UNNAMED: f64 = 14.0;
/// A function of so many lines at most passes on what it is given: what it calls is hardly further away.
const PASSES_ON: u32 = 3;
const PASSED_ON: f64 = 20.0;
/// What makes a test, against the test.
const MAKER: f64 = 60.0;
/// The last call before a failure, against the others on the way.
const DEEPEST: f64 = 20.0;
/// What is called on the failing line, and what is called so many lines before it, the less the further.
const FAILING: u32 = 12;
/// What is only named in a string, against what is called.
const AS_TEXT: f64 = 20.0;

/// A definition that may hold the cause.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) path: RepoPath,
    pub(super) name: String,
    /// Ranges of lines, whole.
    pub(super) lines: Vec<(u32, u32)>,
    pub(super) why: String,
    pub(super) score: f64,
    /// Runs when it is called.
    pub(super) callable: bool,
    /// Has a value and nothing more.
    pub(super) constant: bool,
    /// As it was when the build was green.
    pub(super) before: Option<String>,
}

/// Where a search begins.
pub(super) struct Seed {
    pub(super) source: Rc<Source>,
    pub(super) bytes: Bytes,
    /// What is said of what it calls.
    pub(super) name: String,
    /// How far the test is.
    pub(super) distance: u32,
    pub(super) kind: SeedKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SeedKind {
    /// The test and what it stands on, or a call on the way to the failure.
    Ran,
    /// The last call before the failure: what it is given and what it calls is the nearest to the fault.
    Deepest,
    /// It only makes the test.
    Maker,
}

struct Open {
    source: Rc<Source>,
    bytes: Bytes,
    name: String,
    distance: u32,
    score: f64,
}

pub(super) struct Search<'c, 't> {
    pub(super) code: &'c Code<'t>,
    pub(super) leads: &'c Leads<'c>,
    /// Lines at which the failure shows, by file: what is called there comes first.
    pub(super) failing: Vec<(RepoPath, u32)>,
    pub(super) furthest: u32,
    /// Of the failing test, as its runner writes it.
    pub(super) test: &'c str,
    pub(super) is_test: &'c dyn Fn(&RepoPath, u32) -> bool,
}

type Key = (RepoPath, Option<usize>);

impl Search<'_, '_> {
    /// All that is reached, the best first.
    pub(super) fn from(&self, seeds: Vec<Seed>) -> Vec<Candidate> {
        let mut found: BTreeMap<Key, Candidate> = BTreeMap::new();
        let mut expanded: BTreeSet<Key> = BTreeSet::new();
        let mut open: Vec<Open> = seeds
            .into_iter()
            .map(|s| Open {
                source: s.source,
                bytes: s.bytes,
                name: s.name,
                distance: s.distance,
                score: 135.0 - STEP * f64::from(s.distance)
                    + match s.kind {
                        SeedKind::Ran => 0.0,
                        SeedKind::Deepest => DEEPEST,
                        SeedKind::Maker => -MAKER,
                    },
            })
            .collect();
        let mut left = MOST_EXPANDED;
        // The most promising first, so that the bound cuts off the least promising.
        while let Some(at) = best(&open).filter(|_| left > 0) {
            left -= 1;
            let node = open.swap_remove(at);
            for (hit, reached, distance) in self.called_by(&node) {
                let key = (hit.source.path.clone(), hit.definition);
                let score = reached.score;
                let known = found.get(&key).map(|c| c.score);
                if known.is_none_or(|known| known < score) {
                    found.insert(key.clone(), reached);
                }
                if distance >= self.furthest || !expanded.insert(key) {
                    continue;
                }
                open.extend(self.inside(&hit, distance, score));
                for hit in unnamed(&hit) {
                    let of = candidate(&hit, "", format!("of {}", node.name), score - UNNAMED);
                    let key = (hit.source.path.clone(), hit.definition);
                    if found.get(&key).is_none_or(|known| known.score < of.score)
                        && expanded.insert(key.clone())
                    {
                        open.extend(self.inside(&hit, distance, of.score));
                        found.insert(key, of);
                    }
                }
            }
        }
        let mut found: Vec<Candidate> = found.into_values().collect();
        self.add_traced(&mut found);
        for candidate in &mut found {
            self.weigh(candidate);
        }
        found.sort_by(|a, b| {
            b.score.total_cmp(&a.score).then_with(|| (&a.path, &a.lines).cmp(&(&b.path, &b.lines)))
        });
        found
    }

    /// What a piece of code names, with its rank.
    fn called_by(&self, node: &Open) -> Vec<(Hit, Candidate, u32)> {
        let references: Vec<Reference> = node
            .source
            .outline
            .references_in(&node.bytes)
            .iter()
            .map(|reference| as_written(&node.source, reference))
            .collect();
        let types = self.types_in(&node.source, &references);
        let mut seen: BTreeSet<(&str, Option<&str>)> = BTreeSet::new();
        let mut found = Vec::new();
        let mut order = 0.0;
        for reference in &references {
            let nearness = self.nearness(&node.source.path, reference.line);
            let is_failing = nearness == FAILING;
            if !seen.insert((&reference.name, reference.qualifier.as_deref())) && !is_failing {
                continue;
            }
            let hits = self.code.meant(&node.source, reference, &types);
            order += 1.0_f64;
            for (index, hit) in hits.into_iter().take(3).enumerate() {
                let here = hit.source.path == node.source.path
                    && hit
                        .definition()
                        .is_some_and(|d| d.bytes.start <= node.bytes.start && node.bytes.end <= d.bytes.end);
                if here {
                    continue;
                }
                let line = hit.definition().map_or(1, |d| d.head_line);
                let is_field = hit.definition().is_some_and(|d| d.kind == DefinitionKind::Field);
                // What helps tests is no step towards the code.
                let of_tests = (self.is_test)(&hit.source.path, line);
                if of_tests && is_field {
                    continue;
                }
                let distance = node.distance + u32::from(!of_tests);
                let mut score = node.score - if of_tests { 5.0 } else { STEP };
                score -= order.min(30.0) * 0.4 + if index > 0 { 6.0 } else { 0.0 };
                score -= match reference.kind {
                    ReferenceKind::Call | ReferenceKind::Macro | ReferenceKind::Parameter => 0.0,
                    ReferenceKind::Member | ReferenceKind::Value => 6.0,
                    ReferenceKind::Type => 12.0,
                };
                score += f64::from(nearness);
                let verb = match reference.kind {
                    ReferenceKind::Call | ReferenceKind::Macro => "called by",
                    _ => "used by",
                };
                let why = format!("{verb} {}", node.name);
                let candidate = candidate(&hit, &reference.name, why, score);
                found.push((hit, candidate, distance));
            }
        }
        // What is required without a name is passed on as it is.
        let passed = node.source.outline.imports.iter().filter(|i| {
            i.names.is_empty()
                && !i.wildcard
                && node.bytes.start <= i.bytes.start
                && i.bytes.end <= node.bytes.end
        });
        for hit in passed.flat_map(|import| self.code.of_import(&node.source, import, &[])) {
            let why = format!("passed on by {}", node.name);
            let candidate = candidate(&hit, "", why, node.score - 3.0);
            found.push((hit, candidate, node.distance));
        }
        for hit in self.code.named_as_text(&node.source, &node.bytes) {
            let names = [Some(stem(&hit.source.path)), hit.definition().map(|d| d.name.as_str())];
            let is_asked_for =
                names.into_iter().flatten().any(|name| name.len() > 2 && self.test.contains(name));
            // What the test's own name holds is what it is about, however far the way there is.
            let (score, distance) = match is_asked_for {
                true => (node.score.max(RAN) + 10.0, node.distance.min(1)),
                false => (node.score - STEP - AS_TEXT, node.distance + 1),
            };
            let candidate = candidate(&hit, "", format!("named in a string of {}", node.name), score);
            found.push((hit, candidate, distance));
        }
        found
    }

    /// How near a line is before one at which the failure shows: what is held against something was made there.
    fn nearness(&self, path: &RepoPath, line: u32) -> u32 {
        let shows = self.failing.iter().filter(|(file, at)| file == path && line <= *at).map(|(_, at)| *at);
        shows.map(|at| FAILING.saturating_sub(at - line)).max().unwrap_or(0)
    }

    /// Of what types the values here may be: those that are named, and those that what is called gives back.
    fn types_in(&self, source: &Rc<Source>, references: &[Reference]) -> Vec<Hit> {
        let mut found: Vec<Hit> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut add = |hit: Hit| {
            let is_type =
                hit.definition().is_some_and(|d| !d.kind.is_callable() && d.kind != DefinitionKind::Field);
            if is_type && seen.insert((hit.source.path.clone(), hit.definition)) {
                found.push(hit);
            }
        };
        for reference in references.iter().take(200) {
            if let Some(qualifier) = &reference.qualifier {
                let parts: Vec<&str> = qualifier.split([':', '.']).filter(|p| !p.is_empty()).collect();
                let Some((last, before)) = parts.split_last() else { continue };
                let last = last.split(['<', '(']).next().unwrap_or(last);
                if last.starts_with(char::is_uppercase) {
                    let qualifier = (!before.is_empty())
                        .then(|| before.join(if qualifier.contains("::") { "::" } else { "." }));
                    let as_type = Reference {
                        name: last.to_owned(),
                        qualifier,
                        kind: ReferenceKind::Type,
                        ..reference.clone()
                    };
                    self.code.meant(source, &as_type, &[]).into_iter().for_each(&mut add);
                }
                if !reference.name.starts_with(char::is_uppercase) && reference.kind != ReferenceKind::Call {
                    continue;
                }
            }
            for hit in self.code.meant(source, reference, &[]).into_iter().take(4) {
                if let Some(function) = hit.definition().filter(|d| d.kind.is_callable()) {
                    let head = function.head..function.body.as_ref().map_or(function.bytes.end, |b| b.start);
                    let given = hit
                        .source
                        .outline
                        .references_in(&head)
                        .iter()
                        .filter(|r| r.kind == ReferenceKind::Type);
                    for result in given.take(4) {
                        self.code.meant(&hit.source, result, &[]).into_iter().for_each(&mut add);
                    }
                }
                add(hit);
            }
        }
        found
    }

    /// The code of what was reached.
    fn inside(&self, hit: &Hit, distance: u32, score: f64) -> Vec<Open> {
        let open =
            |bytes: Bytes, name: String| Open { source: hit.source.clone(), bytes, name, distance, score };
        let Some(of) = hit.definition() else {
            // A module's value: what it passes on.
            return exported(&hit.source)
                .into_iter()
                .map(|bytes| open(bytes, format!("`{}`", hit.source.path)))
                .collect();
        };
        let name = format!("`{}`", of.name);
        let holds_code =
            of.kind.is_callable() || of.kind == DefinitionKind::Constant || of.kind == DefinitionKind::Macro;
        if holds_code {
            let passes_on = of.kind.is_callable() && of.lines.1 - of.lines.0 < PASSES_ON && distance > 0;
            let code = open(of.bytes.clone(), name);
            return vec![if passes_on {
                Open { distance: distance - 1, score: score + PASSED_ON, ..code }
            } else {
                code
            }];
        }
        constructors(&hit.source, of).into_iter().map(|d| open(d.bytes.clone(), name.clone())).collect()
    }

    /// What ran and no name led to.
    fn add_traced(&self, found: &mut Vec<Candidate>) {
        let Some(traced) = self.leads.traced else { return };
        for function in traced.functions.iter().take(200) {
            let Ok(path) = RepoPath::new(&function.file) else { continue };
            let Some((first, last)) = function.lines else { continue };
            // A function within a long one is looked at by itself.
            let is_part = |c: &Candidate| {
                let inside = |(from, to): &(u32, u32)| {
                    to - from >= LONG_BLOCK && *from < first && last <= *to && last - first < LONG_BLOCK
                };
                !function.name.is_empty() && c.lines.iter().any(inside)
            };
            let is_known =
                found.iter().any(|c| c.path == path && overlaps(&c.lines, (first, last)) && !is_part(c));
            if is_known || (self.is_test)(&path, first) {
                continue;
            }
            let lines = self
                .code
                .source(&path)
                .and_then(|s| {
                    let mut inside =
                        s.outline.enclosing(first.midpoint(last)).filter(|d| d.kind.is_callable());
                    inside.next_back().map(|d| d.lines)
                })
                .unwrap_or((first, last));
            found.push(Candidate {
                path,
                name: function.name.clone(),
                lines: vec![lines],
                why: "the failing test ran it".to_owned(),
                score: RAN,
                callable: true,
                constant: false,
                before: None,
            });
        }
    }

    /// What a traced run and the last green commit say of it.
    fn weigh(&self, candidate: &mut Candidate) {
        if let Some(traced) = self.leads.traced.filter(|t| !t.is_empty()) {
            let of_file = traced.functions.iter().filter(|f| f.file == candidate.path.as_str());
            let ran = of_file.filter(|f| f.lines.is_none_or(|lines| overlaps(&candidate.lines, lines)));
            let suspicion = ran.map(|f| f.suspicion.unwrap_or(0.5)).max_by(f64::total_cmp);
            match suspicion {
                Some(suspicion) => {
                    // A name that leads to it from far away takes nothing from what was seen to run.
                    candidate.score = candidate.score.max(RAN) + 10.0 + 50.0 * suspicion;
                    if !candidate.why.contains("ran it") {
                        candidate.why.push_str("; it ran");
                    }
                }
                // Types and constants do not run.
                None if candidate.callable => candidate.score -= 40.0,
                None => {}
            }
        }
        let changed = self.leads.changed.iter();
        let mut changed = changed.filter(|c| c.path == candidate.path && overlaps(&candidate.lines, c.lines));
        if let Some(changed) = changed.next() {
            candidate.score += 100.0;
            candidate.why = format!("changed since the build was green; {}", candidate.why);
            candidate.before.clone_from(&changed.before);
        }
    }
}

fn stem(path: &RepoPath) -> &str {
    path.file_name().split('.').next().unwrap_or_default()
}

fn best(open: &[Open]) -> Option<usize> {
    // Of equals, the first.
    (0..open.len()).max_by(|a, b| open[*a].score.total_cmp(&open[*b].score).then(b.cmp(a)))
}

pub(super) fn overlaps(lines: &[(u32, u32)], (first, last): (u32, u32)) -> bool {
    lines.iter().any(|(from, to)| *from <= last && first <= *to)
}

fn candidate(hit: &Hit, name: &str, why: String, score: f64) -> Candidate {
    let path = hit.source.path.clone();
    let name = hit.definition().map_or(name, |d| d.name.as_str()).to_owned();
    let lines = match hit.definition() {
        Some(of) => extent(&hit.source, of),
        None => of_module(&hit.source),
    };
    let why = if hit.definition().is_some() { format!("`{name}`, {why}") } else { why };
    let callable = hit.definition().is_some_and(|d| d.kind.is_callable());
    let constant = hit.definition().is_some_and(|d| d.kind == DefinitionKind::Constant);
    Candidate { path, name, lines, why, score, callable, constant, before: None }
}

/// The whole of a function or of a short type; of a long one its head and what makes its values.
fn extent(source: &Source, of: &Definition) -> Vec<(u32, u32)> {
    let (first, last) = of.lines;
    if of.kind.is_callable() || last - first < SHORT_CLASS {
        return vec![(first, last)];
    }
    let id = source.outline.definitions.iter().position(|d| d.bytes == of.bytes && d.name == of.name);
    let inner = source.outline.definitions.iter().filter(|d| d.parent == id && d.kind.is_callable());
    let head = inner.map(|d| d.lines.0).min().map_or(first + 9, |line| line.saturating_sub(1));
    let mut lines = vec![(first, head.clamp(first, first + 14))];
    lines.extend(constructors(source, of).iter().map(|d| d.lines));
    lines
}

/// What runs of a type without being called by name: how it compares, prints, iterates.
fn unnamed(hit: &Hit) -> Vec<Hit> {
    const MOST: usize = 6;
    let Some(of) = hit.definition().filter(|d| !d.kind.is_callable()) else { return Vec::new() };
    let definitions = &hit.source.outline.definitions;
    let belongs = |d: &Definition| {
        let holder = d.parent.and_then(|id| definitions.get(id));
        let of_type = holder.is_some_and(|h| h.name == of.name);
        match hit.source.outline.grammar {
            // What implements a trait.
            Grammar::Rust => {
                let head = |h: &Definition| {
                    let to = h.body.as_ref().map_or(h.bytes.end, |b| b.start);
                    hit.source.text.get(h.head..to).is_some_and(|head| head.contains(" for "))
                };
                of_type && holder.is_some_and(|h| h.kind == DefinitionKind::Implementation && head(h))
            }
            Grammar::Python => of_type && d.name.starts_with("__") && d.name.ends_with("__"),
            Grammar::Java => {
                of_type
                    && matches!(
                        d.name.as_str(),
                        "toString" | "equals" | "hashCode" | "compareTo" | "iterator"
                    )
            }
            Grammar::Go => {
                d.container.as_deref().is_some_and(|c| c.trim_start_matches('*') == of.name)
                    && matches!(d.name.as_str(), "String" | "Error" | "Less" | "Len" | "Swap" | "Unwrap")
            }
            Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => {
                of_type && matches!(d.name.as_str(), "toString" | "toJSON" | "valueOf")
            }
        }
    };
    let ids =
        (0..definitions.len()).filter(|id| definitions[*id].kind.is_callable() && belongs(&definitions[*id]));
    let constructs = constructors(&hit.source, of);
    ids.filter(|id| !constructs.iter().any(|d| d.bytes == definitions[*id].bytes))
        .take(MOST)
        .map(|id| Hit { source: hit.source.clone(), definition: Some(id) })
        .collect()
}

fn constructors<'s>(source: &'s Source, of: &Definition) -> Vec<&'s Definition> {
    let id = source.outline.definitions.iter().position(|d| d.bytes == of.bytes && d.name == of.name);
    let makes = |d: &&Definition| {
        d.parent == id
            && id.is_some()
            && (matches!(d.name.as_str(), "__init__" | "__new__" | "__post_init__" | "constructor")
                || d.name == of.name)
    };
    source.outline.definitions.iter().filter(makes).take(3).collect()
}

/// A module that is used as a whole: all of a short one, else what it exports.
fn of_module(source: &Source) -> Vec<(u32, u32)> {
    let count = u32::try_from(source.text.lines().count()).unwrap_or(u32::MAX).max(1);
    if count <= SHORT_CLASS {
        return vec![(1, count)];
    }
    let exports: Vec<(u32, u32)> = exported(source)
        .iter()
        .map(|bytes| {
            (
                source.outline.line(bytes.start),
                source.outline.line(bytes.end.saturating_sub(1).max(bytes.start)),
            )
        })
        .collect();
    if exports.is_empty() { vec![(1, SHORT_CLASS)] } else { exports }
}

/// What `module.exports = f` and `export default f` give, and the statement itself.
fn exported(source: &Source) -> Vec<Bytes> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in source.text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let plain = line.trim_start();
        let value = plain
            .strip_prefix("module.exports")
            .or_else(|| plain.strip_prefix("exports"))
            .and_then(|rest| rest.trim_start().strip_prefix('='))
            .or_else(|| plain.strip_prefix("export default"));
        let Some(value) = value else { continue };
        // `exports = module.exports = f`
        let value = value.rsplit('=').next().unwrap_or(value);
        let mut words = value.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
        let name = words.find(|w| !matches!(*w, "" | "async" | "function" | "class" | "new"));
        let named = name.and_then(|name| source.outline.defined(name).next());
        let held =
            || source.outline.definitions.iter().find(|d| d.bytes.start >= start && d.bytes.start < at);
        found.push(named.or_else(held).map_or(start..at, |d| d.bytes.clone()));
    }
    found.truncate(3);
    found
}
