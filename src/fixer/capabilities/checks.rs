//! Checks that a change switches off, lowers, narrows or talks out of a finding: by what it adds and by what it takes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::{Asked, Capability, Gained, Sides, Treatment, annotations};
use crate::contract::bug::Category;
use crate::fixer::language::Language;
use crate::fixer::weakening::FileRole;
use crate::syntax::{How, Promised, Value};

/// Nodes in which a file tells the checker something, and the words that make it say more than the code shows.
struct Claim {
    languages: &'static [Language],
    kinds: &'static [&'static str],
    pattern: &'static str,
    asked: When,
    capability: Capability,
}

/// When a claim is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// Only where a checker complained.
    Checked,
    /// Where no checker complained, nothing is talked away by it.
    ElseLower,
}

const PYTHON: &[Language] = &[Language::Python];
const TYPES: &[Language] = &[Language::TypeScript];
const SCRIPT: &[Language] = &[Language::TypeScript, Language::JavaScript];
const RUST: &[Language] = &[Language::Rust];
const GO: &[Language] = &[Language::Go];

const CLAIMS: &[Claim] = &[
    // What anything may come out of.
    Claim {
        languages: TYPES,
        kinds: &["as_expression", "type_assertion"],
        pattern: r"(?s)\b(as\s+|<\s*)(any|unknown|never|number|string|boolean|bigint|symbol|object|[A-Z])\b\s*(\[\]|>.*)?$",
        asked: When::ElseLower,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: TYPES,
        kinds: &["predefined_type"],
        pattern: ANY,
        asked: When::ElseLower,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: TYPES,
        kinds: &["type_query"],
        pattern: r"typeof\s+(JSON\.parse|eval|Reflect\.get|require|Function|Object)\b",
        asked: When::Always,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: TYPES,
        kinds: &["type_annotation", "type_arguments"],
        pattern: r"\b(Function|Object)\b",
        asked: When::Checked,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: TYPES,
        kinds: &["ambient_declaration", "function_signature"],
        pattern: r"",
        asked: When::Checked,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: TYPES,
        kinds: &["call_expression", "new_expression"],
        pattern: r"^(Reflect\s*\.|JSON\s*\.\s*parse\s*\(\s*JSON|Object\s*\.\s*create\s*\(\s*null|new\s+(Map|Array|Function|Proxy)\s*\(\s*\)|Array\s*\(|eval\b|structuredClone\b|Function\b)",
        asked: When::Checked,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: PYTHON,
        kinds: &["decorator"],
        pattern: r"no_type_check",
        asked: When::Checked,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: PYTHON,
        kinds: &["call"],
        pattern: r"^(\w+\.__getattribute__|globals\s*\(|locals\s*\(|json\.loads\s*\(\s*json|copy\.(deep)?copy\s*\(|warnings\.(filterwarnings|simplefilter)\s*\(\s*['\x22]ignore)",
        asked: When::Checked,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: PYTHON,
        kinds: &["function_definition"],
        pattern: r"^def\s+__getattr(ibute)?__",
        asked: When::Checked,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: GO,
        kinds: &["type_conversion_expression", "call_expression"],
        pattern: r"^(any|interface\s*\{\s*\})\s*\(",
        asked: When::Checked,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: TYPES,
        kinds: &["predefined_type"],
        pattern: r"^never$",
        asked: When::Checked,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: PYTHON,
        kinds: &["aliased_import"],
        pattern: r"\b(Any|cast|TYPE_CHECKING)\s+as\b",
        asked: When::Always,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: SCRIPT,
        kinds: &["member_expression", "subscript_expression"],
        pattern: r"^(globalThis|global|window|self)\b",
        asked: When::Checked,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: SCRIPT,
        kinds: &["variable_declarator"],
        pattern: r"^[\w$]+$",
        asked: When::Checked,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: SCRIPT,
        kinds: &["unary_expression"],
        pattern: r"^typeof\s+[\w$]+$",
        asked: When::Checked,
        capability: Capability::Unchecked,
    },
    Claim {
        languages: SCRIPT,
        kinds: &["call_expression"],
        pattern: r"^(\w+\.)?set(Timeout|Interval|Immediate)\s*\(\s*['\x22`]",
        asked: When::Always,
        capability: Capability::Code,
    },
    Claim {
        languages: &[Language::Java],
        kinds: &["import_declaration"],
        pattern: r"\b(org\.junit|junit\.framework|org\.testng|org\.mockito|org\.hamcrest|org\.assertj)\b",
        asked: When::Always,
        capability: Capability::Runner,
    },
    Claim {
        languages: RUST,
        kinds: &["inner_attribute_item"],
        pattern: r"^#!\[\s*cfg\b",
        asked: When::Always,
        capability: Capability::Build,
    },
    Claim {
        languages: &[Language::Java],
        kinds: &["assert_statement"],
        pattern: r"[^=!<>]=[^=]",
        asked: When::Always,
        capability: Capability::Build,
    },
    // Levels.
    Claim {
        languages: RUST,
        kinds: &["attribute_item", "inner_attribute_item"],
        pattern: r"\b(allow|expect|warn)\s*\(|rustfmt_?::?skip|\bautomatically_derived\b",
        asked: When::Always,
        capability: Capability::Checks,
    },
    // Built otherwise than it will be used.
    Claim {
        languages: RUST,
        kinds: &["attribute_item", "inner_attribute_item", "macro_invocation"],
        pattern: r"^(#!?\[\s*cfg|cfg!).*(\b(test|debug_assertions|doc|doctest|miri|false|FALSE|never|overflow_checks|panic|proc_macro|clippy|rustfmt|dylint_lib)\b|\bany\s*\(\s*\))",
        asked: When::Always,
        capability: Capability::Build,
    },
    Claim {
        languages: RUST,
        kinds: &["attribute_item", "inner_attribute_item"],
        pattern: r"\b(test_runner|reexport_test_harness_main|no_main|custom_test_frameworks|no_mangle|export_name|link_section|global_allocator|panic_handler|ctor|dtor|link_name|used)\b",
        asked: When::Always,
        capability: Capability::Runner,
    },
    Claim {
        languages: RUST,
        kinds: &["macro_definition"],
        pattern: r"^macro_rules!\s*(assert\w*|panic|debug_assert\w*|println|matches)\b",
        asked: When::Always,
        capability: Capability::Runner,
    },
    Claim {
        languages: RUST,
        kinds: &["foreign_mod_item"],
        pattern: r"",
        asked: When::Always,
        capability: Capability::End,
    },
    Claim {
        languages: RUST,
        kinds: &["macro_invocation"],
        pattern: r"^(core::arch::|std::arch::)?(global_)?asm!|^include!",
        asked: When::Always,
        capability: Capability::Code,
    },
    Claim {
        languages: GO,
        kinds: &["function_declaration"],
        pattern: r"^func\s+TestMain\s*\(",
        asked: When::Always,
        capability: Capability::Runner,
    },
    Claim {
        languages: GO,
        kinds: &["import_spec"],
        pattern: r#"^(\.\s*"(os|testing|syscall|runtime)"|"C"|_\s*"unsafe")"#,
        asked: When::Always,
        capability: Capability::Code,
    },
    Claim {
        languages: &[Language::Java],
        kinds: &["class_declaration", "interface_declaration"],
        pattern: r"\b(class|interface)\s+(Assertions?|Assert|Assumptions|Test|Object|String|System|Runtime)\b",
        asked: When::Always,
        capability: Capability::Runner,
    },
    Claim {
        languages: SCRIPT,
        kinds: &["function_declaration", "variable_declarator"],
        pattern: r"^(function\s+)?(expect|require|__awaiter)\b\s*[=(]",
        asked: When::Always,
        capability: Capability::Runner,
    },
    Claim {
        languages: PYTHON,
        kinds: &["function_definition"],
        pattern: r"^def\s+(pytest_\w+|load_tests|setUpModule|tearDownModule)\s*\(",
        asked: When::Always,
        capability: Capability::Runner,
    },
    Claim {
        languages: PYTHON,
        kinds: &["identifier"],
        pattern: r"^(collect_ignore(_glob)?|pytest_plugins|__test__|pytestmark|__unittest|__tracebackhide__)$",
        asked: When::Always,
        capability: Capability::Runner,
    },
];

const ANY: &str = r"^any$";

/// What keeps a check strict, in code; it may not become less.
const STRICT: &str = r#"\b(deny|forbid)\s*\(|@ts-check\b|['"]use strict['"]|#\s*(mypy|pyright|ruff|pylint):\s*(strict|enable|disallow|warn)|\bRUSTFLAGS\b|-D\s*warnings|-Werror\b|#\[\s*must_use|@(NonNull|Nonnull|CheckReturnValue)\b|\bfinal\b\s+class|typing\.Final\b"#;

static COMPILED: LazyLock<Vec<(&'static Claim, Regex)>> = LazyLock::new(|| {
    // The table is constant and a test compiles every row.
    CLAIMS.iter().filter_map(|claim| Some((claim, Regex::new(claim.pattern).ok()?))).collect()
});

static STRICTNESS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(STRICT).ok());

pub(super) fn gained(one: &Sides<'_>, asked: &Asked<'_>) -> Vec<Gained> {
    let mut found = claims(one, asked);
    found.extend(no_longer_strict(one));
    found.extend(promises(one));
    found.extend(never_expanded(one));
    if one.language == Language::Python && is_checked(asked) {
        found.extend(annotations::gained(one, asked));
    }
    found.extend(out_of_sight(one, asked));
    found.extend(stubs(one, asked));
    found
}

/// Code that only says it is not there; a method that is new and left to others is abstract.
fn stubs(one: &Sides<'_>, asked: &Asked<'_>) -> Vec<Gained> {
    if one.language != Language::Python
        || one.role != FileRole::Source
        || asked.failing.contains("NotImplementedError")
    {
        return Vec::new();
    }
    let known = one.before.as_ref().map(|r| r.count(&["raise_statement"])).unwrap_or_default();
    let outline = |text: &str| one.language.outline(text);
    let before = one.change.before.as_deref().and_then(outline);
    let after = one.change.after.as_deref().and_then(outline);
    let is_abstract = |line: u32| {
        let method = after.as_ref().and_then(|outline| outline.innermost(line));
        method.is_some_and(|method| {
            let same =
                |d: &crate::syntax::Definition| d.name == method.name && d.container == method.container;
            method.container.is_some() && before.as_ref().is_none_or(|b| !b.definitions.iter().any(same))
        })
    };
    let raised = one.after.count(&["raise_statement"]);
    let come = raised.iter().filter(|(text, (n, _))| {
        text.starts_with("raise NotImplementedError") && known.get(*text).is_none_or(|(was, _)| was < n)
    });
    come.filter(|(_, (_, line))| !is_abstract(*line))
        .map(|(text, (_, line))| Gained::new(Capability::Stub, one.change.path.as_str(), *line, text))
        .collect()
}

fn is_checked(asked: &Asked<'_>) -> bool {
    asked.bugs.iter().any(|bug| matches!(bug.category, Category::Type | Category::Lint))
}

fn claims(one: &Sides<'_>, asked: &Asked<'_>) -> Vec<Gained> {
    let path = one.change.path.as_str();
    let mut found = Vec::new();
    let checked = is_checked(asked);
    for (claim, pattern) in COMPILED.iter() {
        let applies = claim.languages.contains(&one.language)
            && (claim.asked != When::Checked || checked)
            && !(claim.kinds.contains(&"ambient_declaration") && path.ends_with(".d.ts"))
            && (one.role == FileRole::Source || claim.capability != Capability::Build);
        if !applies {
            continue;
        }
        let known = one.before.as_ref().map(|r| r.count(claim.kinds)).unwrap_or_default();
        // One that only says more than it did, in its place.
        let matching = |all: &BTreeMap<String, (usize, u32)>| {
            all.iter().filter(|(text, _)| pattern.is_match(text)).map(|(_, (n, _))| n).sum::<usize>()
        };
        let come = one.after.count(claim.kinds);
        if matching(&come) <= matching(&known) && claim.capability != Capability::Build {
            continue;
        }
        let is_any = claim.pattern == ANY;
        if is_any && only_bounds(one, matching(&come) - matching(&known)) {
            continue;
        }
        let is_new = |text: &String, n: usize| known.get(text).is_none_or(|(was, _)| *was < n);
        // A module of tests is one.
        let tests =
            |text: &String| claim.capability == Capability::Build && text.replace(' ', "") == "#[cfg(test)]";
        // Only of what the finding is about.
        let about = |text: &String| {
            !matches!(claim.kinds, ["variable_declarator" | "unary_expression"])
                || claim.asked != When::Checked
                || text.split_whitespace().last().is_some_and(|name| {
                    asked.bugs.iter().any(|bug| crate::fixer::language::has_word(&bug.message, &[name]))
                })
        };
        let come: BTreeMap<String, (usize, u32)> = come.into_iter().filter(|(text, _)| about(text)).collect();
        let new =
            come.iter().filter(|(text, (n, _))| pattern.is_match(text) && is_new(text, *n) && !tests(text));
        let is_asked = !checked || is_any && is_about_any(asked);
        let mild = is_asked && claim.asked == When::ElseLower && !gives_types_up(one);
        found.extend(new.map(|(text, (_, line))| {
            let gained = Gained::new(claim.capability, path, *line, text);
            if mild { gained.with(Treatment::Lower) } else { gained }
        }));
    }
    found
}

/// A finding that a value has no type that anybody wrote.
fn is_about_any(asked: &Asked<'_>) -> bool {
    static UNTYPED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        // The pattern is constant; a test would fail without it.
        Regex::new(r"\bimplicitly (has|have)\b.*\bany\b|\bTS7\d{3}\b|\bnoImplicitAny\b|\btype 'any'").ok()
    });
    let Some(untyped) = UNTYPED.as_ref() else { return false };
    asked.bugs.iter().any(|bug| {
        untyped.is_match(&bug.message) || bug.code.as_deref().is_some_and(|code| untyped.is_match(code))
    })
}

/// Whether all that is new of `any` bounds a generic's parameter: `T extends Schema<any>` takes nothing out of sight.
fn only_bounds(one: &Sides<'_>, more: usize) -> bool {
    static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bany\b").ok());
    let Some(word) = WORD.as_ref() else { return false };
    let held = |reading: Option<&crate::syntax::Reading>| {
        let bounds = reading.map(|r| r.count(&["constraint"])).unwrap_or_default();
        bounds.iter().map(|(text, (n, _))| word.find_iter(text).count() * n).sum::<usize>()
    };
    held(Some(&one.after)) >= held(one.before.as_ref()) + more
}

/// Whether a type that was written becomes one that says nothing.
fn gives_types_up(one: &Sides<'_>) -> bool {
    const KINDS: &[&str] = &["type_annotation"];
    let known = one.before.as_ref().map(|r| r.count(KINDS)).unwrap_or_default();
    let come = one.after.count(KINDS);
    let fewer = |a: &BTreeMap<String, (usize, u32)>, b: &BTreeMap<String, (usize, u32)>, of_any: bool| {
        a.iter().any(|(text, (n, _))| {
            crate::fixer::language::has_word(text, &["any"]) == of_any
                && b.get(text).is_none_or(|(other, _)| other < n)
        })
    };
    fewer(&known, &come, false) && fewer(&come, &known, true)
}

fn no_longer_strict(one: &Sides<'_>) -> Option<Gained> {
    let strict = STRICTNESS.as_ref()?;
    let count = |text: &str| strict.find_iter(text).count();
    let before = one.change.before.as_deref()?;
    let after = one.change.after.as_deref()?;
    // Deleted with the code that it was for.
    let shorter = before.lines().count() > after.lines().count() + 10;
    let gone = before.lines().find(|line| strict.is_match(line) && !after.contains(line.trim()))?;
    (count(after) < count(before) && !shorter).then(|| {
        Gained::new(Capability::Checks, one.change.path.as_str(), 1, &format!("`{}` goes", gone.trim()))
    })
}

/// Functions that promise a type and do nothing for it; one of that name that promised as much before is none.
fn promises(one: &Sides<'_>) -> Vec<Gained> {
    if one.language != Language::TypeScript {
        return Vec::new();
    }
    let known = one.before.as_ref().map(|reading| reading.promised()).unwrap_or_default();
    let is_new = |come: &Promised| {
        !known.iter().any(|old| {
            old.text == come.text || !old.name.is_empty() && (&old.name, old.kind) == (&come.name, come.kind)
        })
    };
    let come = one.after.promised().into_iter().filter(is_new);
    come.map(|p| Gained::new(Capability::Unchecked, one.change.path.as_str(), p.line, &p.head)).collect()
}

/// Code of the file that a new macro holds and nobody calls: no compiler looks at it any more.
fn never_expanded(one: &Sides<'_>) -> Option<Gained> {
    if one.language != Language::Rust {
        return None;
    }
    let known = one.before.as_ref().map(|r| r.count(&["macro_definition"])).unwrap_or_default();
    let after = one.change.after.as_deref().unwrap_or_default();
    one.after.count(&["macro_definition"]).into_iter().find_map(|(text, (_, line))| {
        let name = text.strip_prefix("macro_rules!")?.split(['{', '(', '[']).next()?.trim().to_owned();
        let was_there = known.keys().any(|old| old.split_whitespace().nth(1) == Some(name.as_str()));
        let is_called = after.contains(&format!("{name}!"));
        // One that others may call is theirs to check, but for code of this file that it takes in.
        let is_theirs = || is_exported(&name, after) && !takes_in(&text, one);
        (!was_there && !is_called && !is_theirs()).then(|| {
            Gained::new(
                Capability::Build,
                one.change.path.as_str(),
                line,
                &format!("`{name}!` is never called"),
            )
        })
    })
}

/// Whether the attribute stands before this very macro.
fn is_exported(name: &str, code: &str) -> bool {
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let is_head = |line: &&str| {
        line.strip_prefix("macro_rules!").is_some_and(|rest| crate::fixer::language::has_word(rest, &[name]))
    };
    let Some(at) = lines.iter().position(is_head) else { return false };
    let is_above = |line: &&&str| line.starts_with("#[") || line.starts_with("//");
    lines[..at].iter().rev().take_while(is_above).any(|line| line.starts_with("#[macro_export"))
}

/// Whether a macro holds a line of code that stood in the file before and stands nowhere else in it now.
fn takes_in(text: &str, one: &Sides<'_>) -> bool {
    let before = one.change.before.as_deref().unwrap_or_default();
    let after = one.change.after.as_deref().unwrap_or_default();
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (held, whole) = (plain(text), plain(after));
    before.lines().map(plain).filter(|line| line.len() > 8 && !line.starts_with("//")).any(|line| {
        let inside = held.matches(line.as_str()).count();
        inside > 0 && whole.matches(line.as_str()).count() <= inside
    })
}

/// A checked call by another name, or with its checked argument elsewhere.
fn out_of_sight(one: &Sides<'_>, asked: &Asked<'_>) -> Vec<Gained> {
    if !asked.bugs.iter().any(|bug| bug.category == Category::Lint) || one.language != Language::Go {
        return Vec::new();
    }
    let path = one.change.path.as_str();
    let prints = |path: &str| ["fmt.", "log.", "errors."].iter().any(|p| path.starts_with(p));
    let uses = |reading: Option<&crate::syntax::Reading>| {
        reading
            .map(|r| r.uses())
            .unwrap_or_default()
            .into_iter()
            .filter(|u| prints(&u.path))
            .collect::<Vec<_>>()
    };
    let (before, after) = (uses(one.before.as_ref()), uses(Some(&one.after)));
    let literal = |u: &&crate::syntax::Use| u.arguments.iter().flatten().any(|v| matches!(v, Value::Text(_)));
    let (had, has) = (before.iter().filter(literal).count(), after.iter().filter(literal).count());
    let handed = after
        .iter()
        .find(|u| u.how == How::Read && !before.iter().any(|b| b.path == u.path && b.how == How::Read));
    let hidden = (has < had).then(|| after.iter().find(|u| u.how == How::Call && !literal(u))).flatten();
    let spread = after.iter().find(|u| u.text.contains("...)") && !before.iter().any(|b| b.text == u.text));
    handed
        .or(hidden)
        .or(spread)
        .map(|u| Gained::new(Capability::Checks, path, u.line, &u.text))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_compiles() {
        assert_eq!(COMPILED.len(), CLAIMS.len());
        assert!(STRICTNESS.is_some());
    }
}
