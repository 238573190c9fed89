//! What a change makes a Python type checker believe, place by place: a type that goes or becomes `Any` is judged by what
//! stood there before, and by whether the finding asks for a type.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::{Asked, Capability, Gained, Sides, Treatment};
use crate::fixer::language::{Language, has_word};
use crate::syntax::{Slot, SlotKind};

/// A finding that wants a type written where none is, or a generic's own, or of what was found out of a first entry.
static WANTS_TYPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // The pattern is constant; a test would fail without it.
    Regex::new(r"(?i)\b(no-untyped-def|no-untyped-call|type-arg|var-annotated|ANN\d+|reportMissing\w+|reportUnknown\w+)\b|missing (a )?(return )?type|missing type (parameter|argument)|untyped|need type annotation|Dict entry|List item|indexed assignment").ok()
});

/// A finding about a value of which no type is known.
static OF_UNKNOWN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"\bno-any-return\b|\bAny\b|"object"|\bTypeVar\b|is a type variable|expression has type "\w"|\bUnknown\b"#).ok()
});

static GETATTR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^getattr\s*\(\s*[\w.]+\s*,\s*["'](\w+)["']\s*,\s*(None|True|False|"[^"]*"|'[^']*'|\(\)|\[\]|\{\}|\d+|[\w.]+)\s*\)$"#).ok()
});

fn says(asked: &Asked<'_>, pattern: &LazyLock<Option<Regex>>) -> bool {
    let Some(pattern) = pattern.as_ref() else { return false };
    asked.bugs.iter().any(|bug| {
        pattern.is_match(&bug.message) || bug.code.as_deref().is_some_and(|code| pattern.is_match(code))
    })
}

/// Whether a cast may be what the finding asks for: what it is about has no type that says anything.
pub(super) fn is_about_unknown(asked: &Asked<'_>) -> bool {
    says(asked, &OF_UNKNOWN)
}

pub(super) fn gained(one: &Sides<'_>, asked: &Asked<'_>) -> Vec<Gained> {
    let mut found = Vec::new();
    let known = one.before.as_ref().map(|reading| reading.slots()).unwrap_or_default();
    let path = one.change.path.as_str();
    for slot in one.after.slots() {
        let is_it = |old: &&Slot| old.owner == slot.owner && old.name == slot.name && old.kind == slot.kind;
        // Of the forms in which a function may be called, one that says no less.
        let says_any = |old: &&&Slot| old.annotation.as_deref().is_some_and(|text| has_word(text, &["Any"]));
        let all: Vec<&Slot> = known.iter().filter(is_it).collect();
        let before = all.iter().find(says_any).or(all.first()).copied();
        let add = |capability, what: String, treatment| {
            Gained::new(capability, path, slot.line, &what).with(treatment)
        };
        match judge(&slot, before, asked) {
            Some((Some(capability), treatment)) => found.push(add(capability, told(&slot), treatment)),
            Some((None, treatment)) => {
                found.push(add(Capability::Checks, "a type annotation goes".to_owned(), treatment));
            }
            None => {}
        }
    }
    found.extend(attributes(one, asked));
    found
}

fn told(slot: &Slot) -> String {
    let annotation = slot.annotation.as_deref().unwrap_or_default();
    match slot.kind {
        SlotKind::Answer => format!("`{}` -> {annotation}", slot.owner),
        _ => format!("{}: {annotation}", slot.name),
    }
}

/// The capability (none: it loses its type) and what is done about it.
fn judge(slot: &Slot, before: Option<&Slot>, asked: &Asked<'_>) -> Option<(Option<Capability>, Treatment)> {
    let old = before.and_then(|old| old.annotation.as_deref());
    let Some(new) = slot.annotation.as_deref() else {
        // What a variable is, a checker finds out.
        return (old.is_some() && slot.kind != SlotKind::Variable).then_some((None, Treatment::Refuse));
    };
    let anything = |text: &str| has_word(text, &["Any"]);
    if anything(new) && !old.is_some_and(anything) {
        let treatment = match (before, old) {
            // A generic that says what it holds.
            (_, Some(old)) if is_filled(old, new) => Treatment::Lower,
            // What it is stays said; what it holds, the finding asks for.
            (_, Some(old)) if is_same_container(old, new) && says(asked, &WANTS_TYPES) => Treatment::Lower,
            (_, Some(_)) => Treatment::Refuse,
            // Nobody looked at it before either.
            (Some(_), None) => Treatment::Lower,
            (None, None) if says(asked, &WANTS_TYPES) => Treatment::Lower,
            (None, None) => Treatment::Refuse,
        };
        return Some((Some(Capability::Unchecked), treatment));
    }
    // Whoever takes anything has to look at it; whoever gives anything leaves that to others.
    if matches!(new, "object" | "builtins.object")
        && let Some(old) = old
        && old != new
    {
        let treatment = if slot.kind == SlotKind::Parameter { Treatment::Lower } else { Treatment::Refuse };
        return Some((Some(Capability::Unchecked), treatment));
    }
    None
}

/// `dict` becomes `dict[str, Any]`.
fn is_filled(old: &str, new: &str) -> bool {
    let bare = |text: &str| text.rsplit('.').next().unwrap_or_default().to_lowercase();
    !old.contains('[') && new.split_once('[').is_some_and(|(head, _)| bare(head) == bare(old))
}

/// `Mapping[str, str]` becomes `Mapping[str, Any]`; what may be something else is no container.
fn is_same_container(old: &str, new: &str) -> bool {
    const NONE: &[&str] = &["Optional", "Union", "Annotated", "Final", "ClassVar", "Awaitable", "Coroutine"];
    let head = |text: &str| {
        let (head, _) = text.split_once('[')?;
        Some(head.rsplit('.').next().unwrap_or_default().to_owned())
    };
    head(old).is_some_and(|own| !NONE.contains(&own.as_str()) && head(new) == Some(own))
}

/// Whether what is said of new overloads fits together: two or more that answer otherwise, in front of a function that
/// keeps the answer it had and says it, so that the checker holds them against it, and that looks at what they differ by.
pub(super) fn overloads_agree(one: &Sides<'_>) -> bool {
    let known = forms(one.before.as_ref().map(|reading| reading.slots()).unwrap_or_default());
    let code = one.change.after.as_deref().unwrap_or_default();
    let is_stub = one.change.path.as_str().ends_with(".pyi");
    let more = forms(one.after.slots()).into_iter().filter(|(owner, all)| {
        all.len() > 1 && known.get(owner).is_none_or(|before| before.len() < all.len())
    });
    more.into_iter().all(|(owner, mut all)| {
        // There is no other function in a stub; all of it is said and nothing of it done.
        if is_stub {
            return all.iter().all(|form| form.answer.is_some());
        }
        let Some(own) = all.pop() else { return false };
        let before = known.get(&owner).and_then(|before| before.last()).and_then(|form| form.answer.clone());
        let distinct: BTreeSet<&str> = all.iter().filter_map(|form| form.answer.as_deref()).collect();
        let written = own.answer.is_some() && all.iter().all(|form| form.answer.is_some());
        // Who answers what it did before is only asked otherwise.
        if written && own.answer == before && all.iter().all(|form| form.answer == before) {
            return true;
        }
        // A property's getter and setter are one name, too.
        written
            && distinct.len() > 1
            && (before.is_none() || own.answer == before)
            && looks_at_difference(&owner, &all, code)
    })
}

/// One of the forms in which a function may be called.
#[derive(Default)]
struct CallForm {
    answer: Option<String>,
    parameters: BTreeMap<String, Option<String>>,
}

fn forms(slots: Vec<Slot>) -> BTreeMap<String, Vec<CallForm>> {
    let mut found: BTreeMap<String, Vec<CallForm>> = BTreeMap::new();
    for slot in slots {
        match slot.kind {
            SlotKind::Answer => {
                let form = CallForm { answer: slot.annotation, ..CallForm::default() };
                found.entry(slot.owner).or_default().push(form);
            }
            SlotKind::Parameter => {
                if let Some(form) = found.get_mut(&slot.owner).and_then(|all| all.last_mut()) {
                    form.parameters.insert(slot.name, slot.annotation);
                }
            }
            SlotKind::Variable => {}
        }
    }
    found
}

/// Whether a function's own code asks about a parameter that its forms tell apart, gives it back, or hands it on beside
/// another (`get(key, default)`): else its answer does not hang on which form was meant.
fn looks_at_difference(owner: &str, forms: &[CallForm], code: &str) -> bool {
    let names: BTreeSet<&String> = forms.iter().flat_map(|form| form.parameters.keys()).collect();
    let differs = |name: &&&String| {
        let said: BTreeSet<Option<&Option<String>>> =
            forms.iter().map(|form| form.parameters.get(**name)).collect();
        said.len() > 1
    };
    let name = owner.rsplit('.').next().unwrap_or_default();
    let body = Language::Python.outline(code).and_then(|outline| {
        let own = outline.definitions.iter().rfind(|d| d.name == name)?;
        own.body.clone().and_then(|body| code.get(body)).map(str::to_owned)
    });
    let Some(body) = body else { return false };
    const ASKS: &[&str] =
        &["if", "elif", "while", "is", "isinstance", "callable", "match", "or", "and", "not"];
    names.iter().filter(differs).any(|name| {
        let word = regex::escape(name);
        let handed =
            Regex::new(&format!(r"\breturn\s+{word}\s*$|,\s*(\w+\s*=\s*)?{word}\b|\b\w+={word}\b")).ok();
        let asks = |line: &str| has_word(line, &[name.as_str()]) && has_word(line, ASKS);
        body.lines().any(|line| asks(line) || line.contains("==") && has_word(line, &[name.as_str()]))
            || body.lines().any(|line| handed.as_ref().is_some_and(|r| r.is_match(line)))
    })
}

/// `getattr` where a checker complains: with a plain name and something in its stead it asks for what may be missing,
/// unless that very name is what the checker misses.
fn attributes(one: &Sides<'_>, asked: &Asked<'_>) -> Vec<Gained> {
    let known = one.before.as_ref().map(|r| r.count(&["call"])).unwrap_or_default();
    let come = one.after.count(&["call"]).into_iter().filter(|(text, (n, _))| {
        text.starts_with("getattr") && known.get(text).is_none_or(|(was, _)| was < n)
    });
    come.map(|(text, (_, line))| {
        let name = GETATTR.as_ref().and_then(|r| r.captures(&text)).map(|c| c[1].to_owned());
        let is_missed = |name: &String| asked.bugs.iter().any(|bug| has_word(&bug.message, &[name.as_str()]));
        let gained = Gained::new(Capability::Unchecked, one.change.path.as_str(), line, &text);
        if name.is_some_and(|name| !is_missed(&name)) { gained.with(Treatment::Lower) } else { gained }
    })
    .collect()
}
