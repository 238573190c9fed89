//! Text that a compiler reads otherwise than people do.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization as _;

use crate::contract::fix::FileChange;
use crate::fixer::language::Language;
use crate::syntax::{Grammar, Reading};

/// Why a change would be read otherwise than it looks.
pub(crate) fn misread(change: &FileChange) -> Option<String> {
    let after = change.after.as_deref()?;
    let before = change.before.as_deref().unwrap_or_default();
    // Line ends to some, blanks to others.
    let breaks = |text: &str| {
        let lone = text.matches('\r').count() - text.matches("\r\n").count();
        lone + text
            .matches(['\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'])
            .count()
    };
    if breaks(after) > breaks(before) {
        return Some("gains line ends of an unusual kind".to_owned());
    }
    let language = Language::of(change.path.as_str());
    if language == Language::Python
        && declared(after) != declared(before)
        && declared(after).is_some_and(|e| !is_utf8(&e))
    {
        return Some("declares another encoding than UTF-8".to_owned());
    }
    // Java reads them before anything else, in comments and strings too.
    if language == Language::Java && java_escapes(after) > java_escapes(before) {
        return Some("gains a Unicode escape that Java reads before comments and strings".to_owned());
    }
    odd_name(change)
}

/// Escapes that change how Java reads on: those of characters that mean something to it.
fn java_escapes(text: &str) -> usize {
    static ESCAPE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\\u+([0-9a-fA-F]{4})").ok());
    let Some(escape) = ESCAPE.as_ref() else { return 0 };
    text.lines()
        .flat_map(|line| escape.captures_iter(line).map(move |c| (line, c)))
        .filter(|(line, found)| {
            let ascii = u32::from_str_radix(&found[1], 16).is_ok_and(|code| code < 0x80);
            // Outside of quotes any of them is a way to hide.
            let at = found.get(0).map_or(0, |m| m.start());
            let quoted =
                line[..at].matches('"').count() % 2 == 1 || line[..at].matches('\'').count() % 2 == 1;
            ascii || !quoted
        })
        .count()
}

fn declared(text: &str) -> Option<String> {
    static COOKIE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[ \t\x0c]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)").ok());
    let cookie = COOKIE.as_ref()?;
    text.lines().take(2).find_map(|line| cookie.captures(line).map(|c| c[1].to_lowercase()))
}

fn is_utf8(encoding: &str) -> bool {
    let plain: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect();
    matches!(plain.as_str(), "utf8" | "ascii" | "usascii" | "utf8sig" | "u8")
}

/// A name that is new and looks like another.
fn odd_name(change: &FileChange) -> Option<String> {
    let grammar = Grammar::of(change.path.as_str())?;
    let after = Reading::of(grammar, change.after.as_deref()?).ok()?;
    let before = change.before.as_deref().and_then(|text| Reading::of(grammar, text).ok());
    let known = before.as_ref().map(Reading::identifiers).unwrap_or_default();
    let odd = after.identifiers().into_iter().find(|name| !known.contains(name) && is_odd(name))?;
    Some(format!(
        "gains a name that looks like another: {}",
        odd.escape_unicode().collect::<String>().replace("\\u{", "U+").replace('}', " ")
    ))
}

fn is_odd(name: &str) -> bool {
    if name.contains("\\u") {
        return true;
    }
    if name.is_ascii() {
        return false;
    }
    let composed: String = name.nfc().collect();
    let compatible: String = name.nfkc().collect();
    let latin = name.chars().any(|c| c.is_ascii_alphabetic());
    let foreign = name.chars().any(|c| {
        matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}' | '\u{530}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{2c80}'..='\u{2cff}' | '\u{a4d0}'..='\u{a4ff}')
    });
    // All of it in letters that look like ours.
    let lookalike =
        foreign && !name.chars().any(|c| "бвгджзийлпфцчшщъыьэюяαβγδεζθλμξπσφψωΔΘΛΞΠΣΦΨΩ".contains(c));
    composed != compatible || latin && foreign || lookalike
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;

    fn why(path: &str, before: &str, after: &str) -> Option<String> {
        let path = RepoPath::new(path).unwrap();
        misread(&FileChange { path, before: Some(before.to_owned()), after: Some(after.to_owned()) })
    }

    #[test]
    fn what_reads_otherwise_is_told() {
        for (path, after) in [
            ("a.py", "# coding: utf-7\nx = 1\n"),
            ("a.py", "#!/usr/bin/python\n# -*- coding: rot13 -*-\nx = 1\n"),
            ("a.py", "x = 1  # a\ry = 2\n"),
            ("a.py", "os._\u{ff45}xit(0)\n"),
            ("a.py", "\u{440}\u{430}ss = 1\n"),
            ("a.js", "// a\u{2028}process.exit(0)\n"),
            ("a.js", "process.\\u0065xit(0)\n"),
            ("A.java", "class A { int x = 1; // \\u000a int y;\n}\n"),
            ("A.java", "class A { String x = \"\\u0022; int y = 1; //\"; }\n"),
            ("a.go", "package a\n\nvar \u{435}rr = 1\n"),
            ("a.rs", "fn \u{3bf}() {}\n"),
        ] {
            assert!(why(path, "", after).is_some(), "{after}");
            assert_eq!(why(path, after, after), None, "{after}");
        }
        for (path, after) in [
            ("a.py", "# -*- coding: utf-8 -*-\nna\u{ef}ve = 1\n"),
            ("a.py", "x = '\u{ff45}\u{440}\\u0065'\n"),
            ("a.js", "const stra\u{df}e = '\\u0065';\n"),
            ("A.java", "class A { String x = \"\\u00e9\"; }\n"),
            ("a.rs", "fn \u{3b1}\u{3b2}() {}\n"),
            ("a.py", "x = 1\r\ny = 2\r\n"),
        ] {
            assert_eq!(why(path, "", after), None, "{after}");
        }
    }
}
