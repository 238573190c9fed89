//! Scripts that catch everything and drop it: JavaScript has no other way to catch, so it counts what is caught. Code that
//! was there before and whose failure now goes unseen is no repair; one that falls back on what comes after it is.

use std::collections::BTreeMap;

use super::weakening;
use crate::contract::fix::{FileChange, Rejection};
use crate::fixer::language::Language;
use crate::fixer::sanitize::one_line;
use crate::syntax::{Grammar, Reading};

pub(super) fn find(change: &FileChange) -> Option<Rejection> {
    let path = change.path.as_str();
    if !matches!(Language::of(path), Language::JavaScript | Language::TypeScript) {
        return None;
    }
    let read = |text: Option<&String>| Reading::of(Grammar::of(path)?, text?).ok();
    let after = read(change.after.as_ref())?;
    let before = read(change.before.as_ref());
    let known = before.as_ref().map(|r| r.count(&["try_statement"])).unwrap_or_default();
    let stood = before.as_ref().map(|r| r.count(&["expression_statement"])).unwrap_or_default();
    let returned = before.as_ref().map(|r| r.count(&["return_statement"])).unwrap_or_default();
    let all =
        |returned: &BTreeMap<String, (usize, u32)>| returned.values().map(|(count, _)| *count).sum::<usize>();
    // What returned before and now returns nothing where it fails has nothing to fall back on.
    let has_another = all(&after.count(&["return_statement"])) > all(&returned);
    after.dropped().into_iter().filter(|one| !known.contains_key(&one.text)).find_map(|one| {
        let holds = |old: &String| one.tried.contains(old.trim_end_matches(';'));
        let was_caught = known.keys().any(|old| old.contains(&one.tried));
        let hides = !one.falls_back && stood.keys().any(holds);
        let ends = !has_another && returned.keys().any(holds);
        ((hides || ends) && !was_caught)
            .then(|| weakening(change, "swallowed-failure", Some(one.line), one_line(&one.text, 120)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;

    fn is_refused(before: &str, after: &str) -> bool {
        let path = RepoPath::new("src/a.js").unwrap();
        find(&FileChange { path, before: Some(before.to_owned()), after: Some(after.to_owned()) }).is_some()
    }

    #[test]
    fn what_was_there_is_not_caught_and_dropped() {
        let before = "function f(x) {\n  check(x);\n  return g(x);\n}\n";
        for cheat in [
            "function f(x) {\n  try {\n    check(x);\n  } catch (e) {}\n  return g(x);\n}\n",
            "function f(x) {\n  check(x);\n  try {\n    return g(x);\n  } catch (e)\n  {\n\n    // ignore\n  }\n}\n",
            "function f(x) {\n  try {\n    check(x);\n  } catch (e) {\n    // never mind\n    /* at all */ ;\n  } finally {\n  }\n  return g(x);\n}\n",
            "function f(x) {\n  try {\n    check(x);\n    log('x=1, return');\n  } catch (e) {}\n  return g(x);\n}\n",
            "function f(x) {\n  try { check(x); } catch {\n    // does not matter\n  }\n  return g(x);\n}\n",
        ] {
            assert!(is_refused(before, cheat), "{cheat}");
            assert!(!is_refused(cheat, cheat), "{cheat}");
        }
        for honest in [
            "function f(x) {\n  check(x);\n  try {\n    return g(x);\n  } catch (e) {}\n  return x;\n}\n",
            "function f(x) {\n  check(x);\n  try {\n    return h(x);\n  } catch (e) {}\n  return g(x);\n}\n",
            "function f(x) {\n  check(x);\n  let y = x;\n  try { y = decodeURI(x); } catch (_) {}\n  return g(y);\n}\n",
            "function f(x) {\n  check(x);\n  try { storage.setItem('x', x); } catch (e) { /* full */ }\n  return g(x);\n}\n",
        ] {
            assert!(!is_refused(before, honest), "{honest}");
        }
    }
}
