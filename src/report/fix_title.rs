//! What a fix does, in a few words in the imperative: for titles, which are to say the fix and not the problem.
//!
//! Models and tools explain as they like. Where their words are no instruction, a change of one line says it better.

/// Words that begin an instruction.
const VERBS: &[&str] = &[
    "add",
    "adjust",
    "allow",
    "annotate",
    "apply",
    "assign",
    "await",
    "bind",
    "borrow",
    "bump",
    "call",
    "cast",
    "change",
    "check",
    "clone",
    "close",
    "compare",
    "convert",
    "copy",
    "correct",
    "count",
    "create",
    "declare",
    "define",
    "delete",
    "derive",
    "drop",
    "encode",
    "escape",
    "export",
    "fix",
    "format",
    "guard",
    "handle",
    "implement",
    "import",
    "indent",
    "initialise",
    "initialize",
    "inline",
    "insert",
    "install",
    "keep",
    "let",
    "make",
    "mark",
    "match",
    "merge",
    "move",
    "narrow",
    "open",
    "pass",
    "pin",
    "prefix",
    "put",
    "quote",
    "raise",
    "read",
    "reformat",
    "remove",
    "rename",
    "reorder",
    "replace",
    "require",
    "reset",
    "restore",
    "return",
    "revert",
    "round",
    "set",
    "skip",
    "sort",
    "spell",
    "split",
    "start",
    "stop",
    "strip",
    "subtract",
    "swap",
    "take",
    "trim",
    "turn",
    "unwrap",
    "update",
    "upgrade",
    "use",
    "validate",
    "wait",
    "wrap",
    "write",
];
/// Characters of a line of code in a title.
const CODE: usize = 40;

/// `reason` and `command` as they were offered; `diff` is what it came to.
pub(super) fn of(reason: &str, command: Option<&str>, diff: &str) -> String {
    let reason = reason.trim().trim_end_matches('.');
    if let Some(command) = command {
        return one_line_changed(diff).unwrap_or_else(|| format!("apply the fixes of {command}"));
    }
    instruction(reason).or_else(|| one_line_changed(diff)).unwrap_or_else(|| reason.to_owned())
}

/// ``Removes the unused import: `json` `` → `remove the unused import json`
fn instruction(reason: &str) -> Option<String> {
    let (first, rest) = reason.split_once(' ')?;
    let lower = first.to_ascii_lowercase();
    let is_verb = |word: &str| VERBS.contains(&word);
    let ends: [(&str, &str); 7] =
        [("", ""), ("s", ""), ("es", ""), ("ies", "y"), ("ied", "y"), ("ed", ""), ("d", "")];
    let verb = ends.iter().find_map(|(end, base)| {
        let word = format!("{}{base}", lower.strip_suffix(end)?);
        is_verb(&word).then_some(word)
    })?;
    Some(format!("{verb} {rest}").replace(": `", " ").replace('`', ""))
}

/// `replace a - b by a + b`; `None` where more than one line changes, or the lines are long.
fn one_line_changed(diff: &str) -> Option<String> {
    let lines = |sign: char, header: &'static str| {
        let changed = diff.lines().filter(move |line| line.starts_with(sign) && !line.starts_with(header));
        changed.map(|line| line[1..].trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    let is_short = |line: &str| line.chars().count() <= CODE;
    match (lines('-', "--- ").as_slice(), lines('+', "+++ ").as_slice()) {
        ([old], [new]) if is_short(old) && is_short(new) && old != new => {
            Some(format!("replace {old} by {new}"))
        }
        ([old], []) if is_short(old) => Some(format!("remove {old}")),
        ([], [new]) if is_short(new) => Some(format!("add {new}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDS: &str =
        "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n";
    const LEAVES: &str = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1 @@\n-import json\n x\n";

    #[test]
    fn titles_say_the_fix() {
        for (reason, command, diff, title) in [
            ("Remove unused import: `json`", None, LEAVES, "remove unused import json"),
            ("Imports the missing name.", None, ADDS, "import the missing name"),
            ("Applied the missing import", None, ADDS, "apply the missing import"),
            ("The function subtracts instead of adding.", None, ADDS, "replace return a - b by return a + b"),
            ("`json` imported but unused", None, LEAVES, "remove import json"),
            ("run `ruff check --fix`", Some("ruff check --fix"), LEAVES, "remove import json"),
            ("run `cargo fmt`", Some("cargo fmt"), "-a\n-b\n+c\n", "apply the fixes of cargo fmt"),
            ("a word that is missing", None, "", "a word that is missing"),
            ("", None, "", ""),
        ] {
            assert_eq!(of(reason, command, diff), title, "{reason}");
        }
    }
}
