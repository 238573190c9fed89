//! Rows of a table within the failing test: parameters of pytest, `it.each`, a table of Go's, `@CsvSource`. Two literals a
//! row that follow one law give a further row; which of both is handed in does not matter to it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::{FEWEST_CASES, Literal, Variant, number_between, text_between};
use crate::fixer::controls::words::Words;
use crate::syntax::Bytes;

/// What a test with rows of its own says.
const TABLES: [&str; 6] = ["parametrize", ".each(", "range ", "CsvSource", "parameterized.expand", " of ["];

/// A row of two literals: in brackets of any kind, with a name before them, or each with its field's; or within quotes.
static ROW: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // The pattern is constant; a test would fail without it.
    let word = r#"(?:(\d{1,9})|["']([A-Za-z]{2,40})["']|["']([^"'\\{}%$\n\d][^"'\\{}%$\n]{1,80})["'])"#;
    let name = r#"(?:(?:name:\s*)?"[^"\\\n\d][^"\\\n]{0,60}",\s*)?"#;
    let field = r"(?:\w+:\s*)?";
    let plain = format!(r"[(\[{{]\s*{name}{field}{word},\s*{field}{word}\s*,?\s*[)\]}}]");
    Regex::new(&format!(r#"{plain}|"(\d{{1,9}})\s*,\s*(\d{{1,9}})""#)).ok()
});

/// The first row of a test's table, with another input and what it comes to.
pub(super) fn of_rows(text: &str, at: usize, words: &mut Words) -> Option<Variant> {
    if !TABLES.iter().any(|word| text.contains(word)) {
        return None;
    }
    let rows: Vec<[(Bytes, Literal); 2]> =
        ROW.as_ref()?.captures_iter(text).filter_map(|row| literals(&row)).collect();
    let mut known = BTreeMap::new();
    for [(_, given), (_, wanted)] in &rows {
        // The same input with two answers has no law.
        if known.insert(given.clone(), wanted.clone()).is_some_and(|before| before != *wanted) {
            return None;
        }
    }
    if known.len() < FEWEST_CASES {
        return None;
    }
    let (given, wanted) = number_between(&known, words).or_else(|| text_between(&known, words))?;
    let [(first, _), (second, _)] = rows.into_iter().next()?;
    let moved = |bytes: Bytes| at + bytes.start..at + bytes.end;
    Some(Variant { parts: vec![(moved(first), given), (moved(second), wanted)] })
}

fn literals(row: &regex::Captures<'_>) -> Option<[(Bytes, Literal); 2]> {
    let mut found = row.iter().enumerate().skip(1).filter_map(|(group, found)| {
        let found = found?;
        let literal = match group {
            1 | 4 | 7 | 8 => Literal::Number(found.as_str().parse().ok()?),
            _ => Literal::Text(found.as_str().to_owned()),
        };
        Some((found.range(), literal))
    });
    Some([found.next()?, found.next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        let made = of_rows(text, 0, &mut Words::new([3; 32]))?;
        let mut parts = made.parts;
        parts.sort_by_key(|(bytes, _)| bytes.start);
        let mut text = text.to_owned();
        for (bytes, new) in parts.into_iter().rev() {
            text.replace_range(bytes, &new);
        }
        Some(text)
    }

    #[test]
    fn a_table_gives_a_further_row() {
        for (test, row) in [
            (
                "@pytest.mark.parametrize('n, want', [(2, 4), (4, 8), (8, 16)])\ndef test_f(n, want):\n    assert f(n) == want\n",
                "[(6, 12), (4, 8)",
            ),
            (
                "test.each([[2, 4], [4, 8], [8, 16]])('f(%i)', (n, want) => {\n  expect(f(n)).toBe(want);\n});\n",
                "[[6, 12], [4, 8]",
            ),
            ("for _, tc := range []struct{ in, want int }{{2, 4}, {4, 8}, {8, 16}} {\n", "{{6, 12}, {4, 8}"),
            (
                "for _, tc := range cases{\n\t{name: \"two\", in: 2, want: 4},\n\t{name: \"four\", in: 4, want: 8},\n\t{name: \"x\", in: 8, want: 16},\n}",
                "name: \"two\", in: 6, want: 12",
            ),
            (
                "@ParameterizedTest\n@CsvSource({\"2, 4\", \"4, 8\", \"8, 16\"})\nvoid doubles(int n, int want) {}\n",
                "\"6, 12\", \"4, 8\"",
            ),
        ] {
            assert!(of(test).is_some_and(|made| made.contains(row)), "{test}: {:?}", of(test));
        }
        let words = "@pytest.mark.parametrize('a, b', [('Ada', 'Hello, Ada!'), ('Bob', 'Hello, Bob!'), ('Eve', 'Hello, Eve!')])\n";
        assert!(of(words).is_some_and(|made| made != words && made.matches("Hello, ").count() == 3));
    }

    #[test]
    fn where_no_law_shows_there_is_none() {
        for test in [
            "@pytest.mark.parametrize('n, want', [(2, 4), (8, 16)])\ndef test_f(n, want): pass\n",
            "@pytest.mark.parametrize('n, want', [(2, 4), (3, 9), (5, 25)])\ndef test_f(n, want): pass\n",
            "@pytest.mark.parametrize('a, b, want', [(1, 2, 3), (2, 4, 6), (5, 9, 14)])\ndef test_f(a, b, want): pass\n",
            "@pytest.mark.parametrize('n, want', [(2, 4), (2, 5), (8, 16), (9, 18)])\ndef test_f(n, want): pass\n",
            "assert f((2, 4), (4, 8), (8, 16))\n",
        ] {
            assert_eq!(of(test), None, "{test}");
        }
    }
}
