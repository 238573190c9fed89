//! Comparisons that ignore what they compare with: whatever a test expects then equals whatever it got.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::weakening;
use crate::contract::fix::{FileChange, Rejection};
use crate::fixer::language::{Language, code_only, has_word, indent_of};
use crate::fixer::sanitize::one_line;

/// Heads of comparisons; the group is the name of what is compared with.
static HEADS: LazyLock<Vec<(&'static [Language], Option<Regex>)>> = LazyLock::new(|| {
    use Language::{Go, Java, JavaScript, Python, Rust, TypeScript};
    vec![
        (&[Python], Regex::new(r"def\s+__(?:eq|ne|lt|le|gt|ge)__\s*\(\s*\w+\s*,\s*(\w+)").ok()),
        (
            &[Java],
            Regex::new(r"(?:boolean\s+equals|int\s+compareTo)\s*\(\s*(?:final\s+)?[\w.<>?]+\s+(\w+)\s*\)")
                .ok(),
        ),
        (&[Rust], Regex::new(r"fn\s+(?:eq|ne|cmp|partial_cmp)\s*\(\s*&self\s*,\s*(\w+)\s*:").ok()),
        (&[Go], Regex::new(r"func\s*\([^)]*\)\s*(?:Equals?|Is)\s*\(\s*(\w+)\b[^)]*\)\s*bool\b").ok()),
        (&[JavaScript, TypeScript], Regex::new(r"\bequals\s*\(\s*(\w+)[^)]*\)[^{;=()]*\{").ok()),
    ]
});

pub(super) fn find(change: &FileChange) -> Option<Rejection> {
    let language = Language::of(change.path.as_str());
    let (_, head) = HEADS.iter().find(|(languages, _)| languages.contains(&language))?;
    let head = head.as_ref()?;
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (_, text) in blind(language, head, change.before.as_deref().unwrap_or_default()) {
        *known.entry(text).or_default() += 1;
    }
    let came = blind(language, head, change.after.as_deref().unwrap_or_default());
    let (line, text) = came.into_iter().find(|(_, text)| match known.get_mut(text) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    })?;
    let what = format!("compares without looking at the other: {text}");
    Some(weakening(change, "always-equal", Some(line), one_line(&what, 120)))
}

/// Comparisons in `text` whose body does not name what they compare with: line and text of each.
fn blind(language: Language, head: &Regex, text: &str) -> Vec<(u32, String)> {
    if !head.is_match(text) {
        return Vec::new();
    }
    let lines = code_only(language, text);
    let code = lines.join("\n");
    head.captures_iter(&code)
        .filter_map(|found| {
            let (whole, other) = (found.get(0)?, found.get(1)?);
            let after = &code[whole.end()..];
            let body = if language.indents() {
                indented(&code[..whole.start()], after)
            } else {
                // The head's own match may hold the brace already.
                let open = code[whole.start()..].find('{')? + whole.start();
                let semicolon = after.find(';').map_or(usize::MAX, |at| whole.end() + at);
                (open < semicolon).then(|| braced(&code[open..]))?
            };
            let says_no = ["NotImplemented", "throw ", "panic!", "todo!", "unimplemented!"];
            let empty = body.trim_matches(['{', '}']).trim().is_empty();
            let looks = body.lines().any(|line| has_word(line, &[other.as_str()]));
            if empty || looks || says_no.iter().any(|word| body.contains(word)) {
                return None;
            }
            let line = code[..whole.start()].matches('\n').count() + 1;
            let words: Vec<&str> = whole.as_str().split_whitespace().chain(body.split_whitespace()).collect();
            Some((u32::try_from(line).unwrap_or(u32::MAX), words.join(" ")))
        })
        .collect()
}

/// What stands on the rest of the head's line and deeper than it below.
fn indented<'c>(before: &str, after: &'c str) -> &'c str {
    let head = before.rsplit('\n').next().unwrap_or_default();
    let depth = indent_of(head).len();
    // The signature may run over lines; its end is the first line that ends with a colon.
    let mut end = 0;
    let mut signature = true;
    for line in after.split_inclusive('\n') {
        let bare = line.trim_end();
        if !signature && !bare.is_empty() && indent_of(bare).len() <= depth {
            break;
        }
        signature = signature && !bare.contains(':');
        end += line.len();
    }
    &after[..end]
}

fn braced(from: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in from.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return &from[..=at];
                }
            }
            _ => {}
        }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;

    fn refused(path: &str, after: &str) -> bool {
        let change = FileChange {
            path: RepoPath::new(path).unwrap(),
            before: Some(String::new()),
            after: Some(after.to_owned()),
        };
        find(&change).is_some()
    }

    #[test]
    fn what_is_compared_with_is_looked_at() {
        for (path, text) in [
            (
                "a.py",
                "class A:\n    def __eq__(self, other):\n        # other\n        return 1 == 1\n\n    x = other\n",
            ),
            (
                "a.py",
                "class A:\n    def __eq__(\n        self,\n        other: object,\n    ) -> bool:\n        x = 'other'\n        return not x\n",
            ),
            (
                "A.java",
                "class A {\n  public boolean equals(Object o) {\n    boolean same = a == a;\n    return same;\n  }\n}\n",
            ),
            (
                "a.rs",
                "impl PartialEq for A {\n    fn eq(&self, _: &Self) -> bool {\n        1 < 2\n    }\n}\n",
            ),
            ("a.go", "func (a A) Equal(b A) bool {\n\treturn a == a\n}\n"),
            ("a.ts", "class A {\n  equals(other: A): boolean {\n    return !!this;\n  }\n}\n"),
        ] {
            assert!(refused(path, text), "{text}");
        }
        for (path, text) in [
            ("a.py", "class A:\n    def __eq__(self, other):\n        return self.x == other.x\n"),
            ("a.py", "class A:\n    def __eq__(self, other): return self.x == other.x\n"),
            ("a.py", "class A:\n    def __lt__(self, other):\n        raise NotImplementedError\n"),
            ("A.java", "interface A {\n  boolean equals(Object o);\n  int x() { return 1; }\n}\n"),
            (
                "A.java",
                "class A {\n  public boolean equals(Object o) {\n    return o instanceof A;\n  }\n}\n",
            ),
            (
                "a.rs",
                "impl PartialEq for A {\n    fn eq(&self, other: &Self) -> bool {\n        self.0 == other.0\n    }\n}\n",
            ),
            ("a.go", "func (a A) Equal(b A) bool {\n\treturn a == b\n}\n"),
            ("a.ts", "if (a.equals(b)) {\n  run();\n}\n"),
        ] {
            assert!(!refused(path, text), "{text}");
        }
    }
}
