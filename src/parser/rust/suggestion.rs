//! The fixes rustc and clippy print, read back from the rendering into data.
//!
//! Shapes: whole lines with `-`, `+` or `~` in the gutter; a line with `+++`, `~~~` or `---` below what changes; and a
//! label `help: …: ` with the new text in backquotes, under the span it replaces. Each alternative ends at a bare gutter.

use std::collections::BTreeMap;

use super::super::findings::number;
use super::super::re;
use crate::contract::bug::{Applicability, Hint, Suggestion};

/// The fix in a diagnostic's lines; `file` is the primary span's.
pub(super) fn read(lines: &[String], file: &str) -> Option<Hint> {
    let help = lines.iter().position(|l| l.starts_with("help: ")).unwrap_or(lines.len());
    let shown = Shown::read(
        &lines[..lines
            .iter()
            .skip(1)
            .position(|l| re!(r"^(?:note|help): ").is_match(l))
            .map_or(lines.len(), |at| at + 1)],
    );
    if let Some(hint) = shown.as_ref().and_then(|s| inline(s, file)) {
        return Some(hint);
    }
    let known = shown.map(|s| s.known).unwrap_or_default();
    let mut hint: Option<Hint> = None;
    let mut blocks = 0;
    let mut at = help;
    while at < lines.len() {
        let end = (at + 1..lines.len())
            .find(|i| re!(r"^(?:note|help): ").is_match(&lines[*i]))
            .unwrap_or(lines.len());
        if let Some(text) = lines[at].strip_prefix("help: ") {
            let (suggestions, alternatives) = block(&lines[at + 1..end], file, &known);
            if !suggestions.is_empty() {
                blocks += 1;
                if hint.is_none() {
                    let open = alternatives > 1
                        || text.contains("one of these")
                        || suggestions.iter().any(has_placeholder);
                    let applicability =
                        if open { Applicability::MaybeIncorrect } else { Applicability::MachineApplicable };
                    hint = Some(Hint { text: text.to_owned(), applicability, suggestions });
                }
            }
        }
        at = end;
    }
    if blocks > 1
        && let Some(hint) = &mut hint
    {
        // Several helps are several ways out.
        hint.applicability = Applicability::MaybeIncorrect;
    }
    hint
}

/// The source lines a diagnostic shows, and the marks under them.
struct Shown {
    known: BTreeMap<u32, String>,
    /// Line number, source text, mark lines below it.
    rows: Vec<(u32, String, Vec<String>)>,
    /// Column of the primary span as printed behind `-->`.
    primary: Option<(u32, u32)>,
}

impl Shown {
    /// Spans over several lines are drawn into a margin: it is cut off the text, and marks below are not read. `None`
    /// where such spans lie in each other.
    fn read(lines: &[String]) -> Option<Self> {
        let mut shown = Self { known: BTreeMap::new(), rows: Vec::new(), primary: None };
        let is_drawn = |text: &&String| {
            re!(r"^\s*\d*\s*\| ?(?:[/|] |\s*_+[\^-])").is_match(text) && !re!(r"^\s*\|$").is_match(text)
        };
        let own = lines.iter().skip(1).take_while(|text| !re!(r"^\s*::: ").is_match(text));
        let drawn = own.clone().any(|text| is_drawn(&text));
        for text in lines.iter().skip(1) {
            if let Some(c) = re!(r"^\s*--> .+?:(\d+):(\d+)$").captures(text) {
                shown.primary = shown.primary.or(number(&c[1]).zip(number(&c[2])));
            } else if re!(r"^\s*::: ").is_match(text) {
                break;
            } else if let Some(c) = re!(r"^\s*(\d+)\s+\| ?(.*)$").captures(text) {
                let line_number = number(&c[1])?;
                if drawn {
                    let code = c[2].get(2..).unwrap_or_default();
                    if re!(r"^[/|] ").is_match(code) {
                        return None;
                    }
                    shown.known.insert(line_number, code.to_owned());
                    continue;
                }
                shown.known.insert(line_number, c[2].to_owned());
                shown.rows.push((line_number, c[2].to_owned(), Vec::new()));
            } else if let Some(c) = re!(r"^\s*\| ?(.*)$").captures(text)
                && let Some((.., marks)) = shown.rows.last_mut()
            {
                marks.push(c[1].to_owned());
            }
        }
        Some(shown)
    }

    /// Whether printed columns are the file's columns (no tabs widened before them).
    fn columns_true(&self) -> bool {
        let Some((line, column)) = self.primary else { return false };
        self.rows.iter().find(|(line_number, ..)| *line_number == line).is_some_and(|(_, _, marks)| {
            marks.first().is_some_and(|m| m.chars().nth(column as usize - 1) == Some('^'))
        })
    }
}

/// A label `help: …` under a span.
fn inline(shown: &Shown, file: &str) -> Option<Hint> {
    for (line, source, marks) in &shown.rows {
        for (at, mark) in marks.iter().enumerate() {
            let Some(c) = re!(r"(?:^|\s)help: (.+)$").captures(mark) else { continue };
            let whole = c.get(0)?;
            let before: Vec<char> = mark[..whole.start()].chars().collect();
            let (start, end) = if matches!(before.last(), Some('^' | '-')) {
                // On the mark's own line: the run that ends here. What replaces more than the primary span is drawn
                // around it (`--^^--`).
                let sign = *before.last()?;
                let around = before.iter().rev().take_while(|c| matches!(c, '^' | '-')).count();
                let run = if before[before.len() - around] == '-' {
                    around
                } else {
                    before.iter().rev().take_while(|c| **c == sign).count()
                };
                (before.len() - run, before.len())
            } else {
                let start = mark[..whole.start() + whole.as_str().find("help:")?].chars().count();
                let first: Vec<char> = marks[..at].first()?.chars().collect();
                let sign = *first.get(start)?;
                let run = first[start..].iter().take_while(|c| **c == sign).count();
                matches!(sign, '^' | '-').then_some((start, start + run))?
            };
            let chars: Vec<char> = source.chars().collect();
            let column = shown.columns_true().then(|| u32::try_from(start + 1).ok()).flatten();
            // An insertion has no width; rustc draws one mark for it, right behind the marked expression.
            let first: Vec<char> = marks.first().map(|m| m.chars().collect()).unwrap_or_default();
            let is_insertion = end == start + 1
                && first.get(start) == Some(&'-')
                && start > 0
                && first.get(start - 1) == Some(&'^')
                && first.get(end) != Some(&'^');
            let end = if is_insertion { start } else { end };
            let old: String =
                chars.get(start..end.min(chars.len()).max(start)).unwrap_or(&[]).iter().collect();
            let text = c[1].to_owned();
            let (file, line) = (file.to_owned(), *line);
            let suggestion =
                if let Some(token) = re!(r"^(?:add|insert|try adding) `([^`]+)` here$").captures(&text) {
                    Suggestion::ExpectedToken { file, line, column, token: token[1].to_owned() }
                } else if let Some(new) = re!(r": `(.+)`$").captures(&text) {
                    Suggestion::ReplaceText { file, line, column, old, new: new[1].to_owned() }
                } else if let Some(c) =
                    re!(r"^replace `(.+)` with `(.+)`$").captures(&text).filter(|c| c[1] == old)
                {
                    Suggestion::ReplaceText { file, line, column, new: c[2].to_owned(), old }
                } else if let Some(c) =
                    re!(r"^use `([^`]+)`(?: for .*)?$").captures(&text).filter(|_| !old.is_empty())
                {
                    Suggestion::ReplaceText { file, line, column, old, new: c[1].to_owned() }
                } else if re!(r"^(?:consider removing|remove|elide)\b").is_match(&text) && !old.is_empty() {
                    Suggestion::ReplaceText { file, line, column, old, new: String::new() }
                } else {
                    continue;
                };
            let open = has_placeholder(&suggestion)
                || matches!(&suggestion, Suggestion::ReplaceText { old, .. } if old.is_empty() && column.is_none());
            let applicability =
                if open { Applicability::MaybeIncorrect } else { Applicability::MachineApplicable };
            return Some(Hint { text, applicability, suggestions: vec![suggestion] });
        }
    }
    None
}

fn has_placeholder(suggestion: &Suggestion) -> bool {
    let open = |text: &str| {
        re!(r"/\* .* \*/|<\.\.\.>|\btodo!|\(\.\.\.\)|^\.\.\.|\.\.\.$|…|(?:^|[\s(,&|])<[a-z][\w -]*>(?:$|[\s),;])")
            .is_match(text)
    };
    match suggestion {
        Suggestion::ReplaceText { new, .. } => open(new),
        Suggestion::ReplaceLines { new, .. } => new.iter().any(|n| open(n)),
        _ => false,
    }
}

/// Lines being gathered into one `ReplaceLines`.
#[derive(Default)]
struct Run {
    line: Option<u32>,
    old: Vec<String>,
    new: Vec<String>,
}

impl Run {
    fn flush(&mut self, file: &str, shift: &mut i64, out: &mut Vec<Suggestion>) {
        let run = std::mem::take(self);
        let Some(line) = run.line else { return };
        *shift += run.new.len() as i64 - run.old.len() as i64;
        if run.old != run.new {
            out.push(Suggestion::ReplaceLines { file: file.to_owned(), line, old: run.old, new: run.new });
        }
    }
}

/// The first alternative of a `help:` block, and how many there are.
fn block(lines: &[String], file: &str, known: &BTreeMap<u32, String>) -> (Vec<Suggestion>, usize) {
    let mut file = file.to_owned();
    let mut found: Vec<Suggestion> = Vec::new();
    let mut alternatives = 0;
    let mut current: Vec<Suggestion> = Vec::new();
    let mut run = Run::default();
    // New lines so far less old ones: the numbers printed beside `+`, `~` and `|` are those after the change.
    let mut shift = 0i64;
    let before =
        |line_number: u32, shift: i64| u32::try_from(i64::from(line_number) - shift).unwrap_or(line_number);
    let mut at = 0;
    while at < lines.len() {
        let text = &lines[at];
        at += 1;
        if let Some(c) = re!(r"^\s*--> (.+?):\d+:\d+$").captures(text) {
            file = c[1].to_owned();
        } else if let Some(c) = re!(r"^\s*(\d+)\s+([-+~|])(?: (.*))?$").captures(text) {
            let Some(line_number) = number(&c[1]) else { continue };
            let code = c.get(3).map_or("", |m| m.as_str()).to_owned();
            match &c[2] {
                "-" => {
                    if !run.new.is_empty() {
                        run.flush(&file, &mut shift, &mut current);
                    }
                    run.line.get_or_insert(line_number);
                    run.old.push(code);
                }
                "+" => {
                    if run.line.is_none() {
                        run.line = Some(before(line_number, shift));
                    }
                    run.new.push(code);
                }
                "~" => {
                    run.flush(&file, &mut shift, &mut current);
                    let line = before(line_number, shift);
                    let Some(old) = known.get(&line) else { return (Vec::new(), 0) };
                    run = Run { line: Some(line), old: vec![old.clone()], new: vec![code] };
                }
                _ => {
                    run.flush(&file, &mut shift, &mut current);
                    let marks =
                        lines.get(at).and_then(|l| re!(r"^\s*\| ?([ +~-]*[+~-][ +~-]*)$").captures(l));
                    if let Some(marks) = marks {
                        at += 1;
                        let line = before(line_number, shift);
                        let Some(old) = unmarked(&code, &marks[1], known.get(&line)) else {
                            return (Vec::new(), 0);
                        };
                        let new = if marks[1].contains('-') { removed(&code, &marks[1]) } else { code };
                        run = Run { line: Some(line), old: vec![old], new: vec![new] };
                        run.flush(&file, &mut shift, &mut current);
                    }
                }
            }
        } else if re!(r"^\s*\|\s*$").is_match(text) {
            run.flush(&file, &mut shift, &mut current);
            if !current.is_empty() {
                alternatives += 1;
                if found.is_empty() {
                    found = std::mem::take(&mut current);
                }
                current.clear();
                shift = 0;
            }
        } else if text.starts_with("...") {
            run.flush(&file, &mut shift, &mut current);
        }
    }
    run.flush(&file, &mut shift, &mut current);
    if !current.is_empty() {
        alternatives += 1;
        if found.is_empty() {
            found = current;
        }
    }
    (found, alternatives)
}

/// The line before the change, from the line shown and the marks under it.
fn unmarked(code: &str, marks: &str, known: Option<&String>) -> Option<String> {
    if marks.contains('~') {
        return known.cloned();
    }
    if marks.contains('-') {
        return Some(code.to_owned());
    }
    let mut old = String::new();
    let mut after_new = false;
    for (c, mark) in code.chars().zip(marks.chars().chain(std::iter::repeat(' '))) {
        // A new word's own blank is not marked.
        let is_its_blank = after_new && c == ' ' && old.ends_with([' ', '(']);
        after_new = mark == '+';
        if !after_new && !is_its_blank {
            old.push(c);
        }
    }
    match known {
        Some(known) => known.split_whitespace().eq(old.split_whitespace()).then(|| known.clone()),
        None => Some(old),
    }
}

fn removed(code: &str, marks: &str) -> String {
    code.chars()
        .zip(marks.chars().chain(std::iter::repeat(' ')))
        .filter(|(_, m)| *m != '-')
        .map(|(c, _)| c)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(text: &str) -> Hint {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        read(&lines, "src/main.rs").unwrap()
    }

    fn lines(line: u32, old: &[&str], new: &[&str]) -> Suggestion {
        let own = |l: &[&str]| l.iter().map(|s| (*s).to_owned()).collect();
        Suggestion::ReplaceLines { file: "src/main.rs".into(), line, old: own(old), new: own(new) }
    }

    #[test]
    fn a_new_line() {
        let h = hint(
            "error[E0433]: x\n --> src/main.rs:7:9\n  |\n7 |     let y = HashMap::new();\n  |             ^^^^^^^\n  |\nhelp: consider importing this struct\n  |\n1 + use std::collections::HashMap;\n  |",
        );
        assert_eq!(h.suggestions, [lines(1, &[], &["use std::collections::HashMap;"])]);
        assert_eq!(h.applicability, Applicability::MachineApplicable);
    }

    #[test]
    fn text_put_in_between() {
        let h = hint(
            "error[E0308]: mismatched types\n --> src/main.rs:9:11\n  |\n9 |     takes(s);\n  |     ----- ^ expected\n  |     |\n  |     arguments\n  |\nhelp: consider borrowing here\n  |\n9 |     takes(&s);\n  |           +",
        );
        assert_eq!(h.suggestions, [lines(9, &["    takes(s);"], &["    takes(&s);"])]);
    }

    #[test]
    fn a_line_for_a_line() {
        let h = hint(
            "error[E0599]: x\n  --> src/main.rs:15:7\n   |\n15 |     v.pussh(1);\n   |       ^^^^^\n   |\nhelp: there is a method\n   |\n15 -     v.pussh(1);\n15 +     v.push(1);\n   |",
        );
        assert_eq!(h.suggestions, [lines(15, &["    v.pussh(1);"], &["    v.push(1);"])]);
    }

    #[test]
    fn a_mark_behind_the_expression_is_an_insertion() {
        let lines = [
            "error[E0308]: mismatched types",
            " --> src/lib.rs:5:24",
            "  |",
            "5 |     let loud: String = word;",
            "  |               ------   ^^^^- help: try using a conversion method: `.to_string()`",
            "  |               |        |",
            "  |               |        expected `String`, found `&str`",
            "  |               expected due to this",
        ];
        let h = hint(&lines.join("\n"));
        let [Suggestion::ReplaceText { column, old, new, .. }] = h.suggestions.as_slice() else {
            panic!("{:?}", h.suggestions)
        };
        assert_eq!((*column, old.as_str(), new.as_str()), (Some(28), "", ".to_string()"));
    }

    #[test]
    fn text_marked_with_tildes_takes_the_old_line_from_the_snippet() {
        let h = hint(
            "error[E0252]: x\n --> src/main.rs:4:5\n  |\n4 | use bar::baz;\n  |     ^^^^^^^^ again\n  |\nhelp: use `as`\n  |\n4 | use bar::baz as other;\n  |     ~~~~~~~~~~~~~~~~~",
        );
        assert_eq!(h.suggestions, [lines(4, &["use bar::baz;"], &["use bar::baz as other;"])]);
    }

    #[test]
    fn a_label_with_the_new_text() {
        let h = hint(
            "error: length\n --> src/main.rs:3:21\n  |\n3 |   let v=vec![1]; if v.len() == 0 { }\n  |                     ^^^^^^^^^^^^ help: using `is_empty` is clearer: `v.is_empty()`\n  |",
        );
        let want = Suggestion::ReplaceText {
            file: "src/main.rs".into(),
            line: 3,
            column: Some(21),
            old: "v.len() == 0".into(),
            new: "v.is_empty()".into(),
        };
        assert_eq!(h.suggestions, [want]);
    }

    #[test]
    fn a_label_that_says_remove() {
        let h = hint(
            "error: mut\n --> src/main.rs:2:9\n  |\n2 |     let mut a = 1;\n  |         ----^\n  |         |\n  |         help: remove this `mut`\n  |",
        );
        assert!(
            matches!(&h.suggestions[..], [Suggestion::ReplaceText { old, new, .. }] if old == "mut " && new.is_empty()),
            "{h:?}"
        );
    }

    #[test]
    fn a_missing_token() {
        let h = hint(
            "error: expected `;`, found keyword `let`\n --> src/main.rs:2:14\n  |\n2 |     let a = 1\n  |              ^ help: add `;` here\n3 |     let b = 2;\n  |     --- unexpected token\n",
        );
        let want = Suggestion::ExpectedToken {
            file: "src/main.rs".into(),
            line: 2,
            column: Some(14),
            token: ";".into(),
        };
        assert_eq!(h.suggestions, [want]);
    }

    #[test]
    fn a_place_to_be_filled_in_is_no_certain_fix() {
        for (old, new) in [
            ("for i in 0..v.len() {", "for <item> in &v {"),
            ("for i in 0..v.len() {", "for (i, <item>) in v.iter().enumerate() {"),
            ("f()", "f(…)"),
        ] {
            let h = hint(&format!(
                "error: x\n --> src/main.rs:3:1\n  |\n3 | {old}\n  | ^\nhelp: consider\n  |\n3 - {old}\n3 + {new}\n  |"
            ));
            assert_eq!(h.applicability, Applicability::MaybeIncorrect, "{new}");
        }
        let h = hint(
            "error: x\n --> src/main.rs:3:1\n  |\n3 | f(a)\n  | ^\nhelp: consider\n  |\n3 - f(a)\n3 + f::<u8>(<a as B>::c())\n  |",
        );
        assert_eq!(h.applicability, Applicability::MachineApplicable);
    }

    #[test]
    fn alternatives_are_no_certain_fix() {
        let h = hint(
            "error: x\n --> src/main.rs:7:9\n  |\n7 | a\n  | ^\nhelp: consider importing one of these\n  |\n1 + use a::B;\n  |\n1 + use c::B;\n  |",
        );
        assert_eq!(h.suggestions, [lines(1, &[], &["use a::B;"])]);
        assert_eq!(h.applicability, Applicability::MaybeIncorrect);
    }

    #[test]
    fn a_new_word_brings_its_blank_along() {
        let hint = hint(
            "error[E0596]: cannot borrow `v` as mutable\n --> src/main.rs:1:14\n  |\n1 | let v = x(); v.push(1);\n  |              ^ cannot\n  |\nhelp: consider changing this to be mutable\n  |\n1 | let mut v = x(); v.push(1);\n  |     +++\n  |",
        );
        let (old, new) = ("let v = x(); v.push(1);", "let mut v = x(); v.push(1);");
        assert_eq!(hint.suggestions, [lines(1, &[old], &[new])]);
    }

    #[test]
    fn what_is_replaced_may_lie_around_the_primary_span() {
        let hint = hint(
            "error: lifetime parameter `'a` never used\n --> src/main.rs:1:6\n  |\n1 | fn f<'a>(x: u32) {}\n  |     -^^- help: elide the unused lifetime\n  |",
        );
        let [Suggestion::ReplaceText { old, new, .. }] = &hint.suggestions[..] else { panic!("{hint:?}") };
        assert_eq!((old.as_str(), new.as_str()), ("<'a>", ""));
    }

    #[test]
    fn a_fix_in_words_names_what_stands_there_afterwards() {
        let hint = hint(
            "error: struct fields are separated by `,`\n --> src/main.rs:1:20\n  |\n1 | struct P { x: i32; y: i32 }\n  |        -         ^ help: replace `;` with `,`\n  |",
        );
        let [Suggestion::ReplaceText { old, new, .. }] = &hint.suggestions[..] else { panic!("{hint:?}") };
        assert_eq!((old.as_str(), new.as_str()), (";", ","));
    }
}
