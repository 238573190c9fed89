//! Takes one name out of the imports, or puts one statement in at the right place.

use super::{Lines, Op};
use crate::fixer::language::{Language, indent_of};

/// Removes the import of `name` (as the tool prints it) that stands on `line`.
pub(super) fn remove(language: Language, lines: &Lines<'_>, line: u32, name: &str) -> Option<Op> {
    let name = name.trim().trim_matches(['\'', '"', '`']);
    if name.is_empty() {
        return None;
    }
    match language {
        Language::Go => remove_go(lines, line, name),
        Language::Python => remove_python(language, lines, line, name),
        Language::Java => {
            let content = lines.get(line)?;
            let imported = content
                .trim()
                .strip_prefix("import ")?
                .trim_start_matches("static ")
                .trim_end_matches(';')
                .trim();
            let last = |n: &str| n.rsplit('.').next().unwrap_or(n).to_owned();
            (imported == name || last(imported) == name).then_some(())?;
            Some(Op::new(lines.span(line, line)?, ""))
        }
        Language::Rust => remove_rust(language, lines, line, name),
        Language::JavaScript | Language::TypeScript => remove_script(language, lines, line, name),
        Language::Other => None,
    }
}

fn remove_go(lines: &Lines<'_>, line: u32, name: &str) -> Option<Op> {
    // `fmt`, `"fmt"`, `"a/b" as c`.
    let path = name
        .split("\" as ")
        .next()
        .unwrap_or(name)
        .split(" imported")
        .next()
        .unwrap_or(name)
        .trim_matches('"');
    let content = lines.get(line)?.trim();
    let quoted = content.split('"').nth(1)?;
    if quoted != path && quoted.rsplit('/').next() != Some(path) && !content.starts_with(&format!("{path} "))
    {
        return None;
    }
    if content.starts_with("import ") && !content.contains('(') {
        // The blank line that set it off goes with it.
        let blank_after = lines.get(line + 1).is_some_and(|l| l.trim().is_empty());
        let blank_before = line > 1 && lines.get(line - 1).is_some_and(|l| l.trim().is_empty());
        let last = if blank_after && blank_before { line + 1 } else { line };
        return Some(Op::new(lines.span(line, last)?, ""));
    }
    let open =
        (1..line).rev().find(|n| lines.get(*n).is_some_and(|l| l.trim_start().starts_with("import (")))?;
    let close = (line..=lines.count()).find(|n| lines.get(*n).is_some_and(|l| l.trim() == ")"))?;
    let others = (open + 1..close).any(|n| n != line && lines.get(n).is_some_and(|l| !l.trim().is_empty()));
    if others {
        return Some(Op::new(lines.span(line, line)?, ""));
    }
    let blank_after = lines.get(close + 1).is_some_and(|l| l.trim().is_empty());
    Some(Op::new(lines.span(open, if blank_after { close + 1 } else { close })?, ""))
}

/// First and last line of the import that holds `line`.
fn import_at(language: Language, lines: &Lines<'_>, line: u32) -> Option<(u32, u32)> {
    let outline = language.outline(lines.text)?;
    let mut found = outline.imports.iter().map(|import| import.lines);
    found.find(|(first, last)| (*first..=*last).contains(&line))
}

/// First and last line of the import that holds `line`; where it cannot be read, by its brackets.
fn statement(
    language: Language,
    lines: &Lines<'_>,
    line: u32,
    starts: impl Fn(&str) -> bool,
    open: char,
    close: char,
) -> Option<(u32, u32)> {
    if let Some(known) = import_at(language, lines, line) {
        return Some(known);
    }
    let first = (1..=line).rev().take(60).find(|n| lines.get(*n).is_some_and(|l| starts(l.trim_start())))?;
    let mut depth = 0_i32;
    for n in first..=lines.count() {
        let content = lines.get(n)?;
        depth += content.chars().map(|c| i32::from(c == open) - i32::from(c == close)).sum::<i32>();
        if depth <= 0 && !content.trim_end().ends_with('\\') {
            return (n >= line).then_some((first, n));
        }
    }
    None
}

fn remove_python(language: Language, lines: &Lines<'_>, line: u32, name: &str) -> Option<Op> {
    let (first, last) =
        statement(language, lines, line, |l| l.starts_with("import ") || l.starts_with("from "), '(', ')')?;
    let text: Vec<&str> = (first..=last).filter_map(|n| lines.get(n)).collect();
    let indent = indent_of(text[0]);
    let joined = text.join("\n");
    let head = joined.trim_start();
    let (module, names) = match head.strip_prefix("from ") {
        Some(rest) => {
            let (module, names) = rest.split_once(" import")?;
            (Some(module.trim()), names)
        }
        None => (None, head.strip_prefix("import ")?),
    };
    let (names_text, comment) = match names.split_once('#') {
        // Comments between the names belong to them: not ours to sort out, but for one behind a single line.
        Some((n, c)) if first == last => (n, Some(c)),
        Some(_) => return remove_python_line(lines, first, last, module, name),
        None => (names, None),
    };
    let list: Vec<&str> = names_text
        .trim()
        .trim_start_matches('(')
        .trim_end_matches(')')
        .split(',')
        .map(|n| n.trim().trim_start_matches('\\').trim())
        .filter(|n| !n.is_empty())
        .collect();
    let keep: Vec<&str> = list.iter().copied().filter(|item| !is_python_name(module, item, name)).collect();
    if keep.len() == list.len() {
        return None;
    }
    if keep.is_empty() {
        if super::only_in_block(lines, first, last) {
            return None;
        }
        return Some(Op::new(lines.span(first, last)?, ""));
    }
    if first != last {
        return remove_python_line(lines, first, last, module, name).or_else(|| {
            let start = module.map_or("import ".to_owned(), |m| format!("from {m} import "));
            Some(Op::new(
                lines.span(first, last)?,
                lines.whole([format!("{indent}{start}{}", keep.join(", ")).as_str()]),
            ))
        });
    }
    let parens = names_text.trim().starts_with('(');
    let body = if parens { format!("({})", keep.join(", ")) } else { keep.join(", ") };
    let start = module.map_or("import ".to_owned(), |m| format!("from {m} import "));
    let tail = comment.map_or(String::new(), |c| format!("  #{c}"));
    let at = lines.start(first)?;
    Some(Op::new(at..at + text[0].len(), format!("{indent}{start}{body}{tail}")))
}

/// Where each name has a line of its own, that line goes.
fn remove_python_line(
    lines: &Lines<'_>,
    first: u32,
    last: u32,
    module: Option<&str>,
    name: &str,
) -> Option<Op> {
    let own = (first + 1..=last).find(|n| {
        lines.get(*n).is_some_and(|l| {
            let item = l.split('#').next().unwrap_or(l).trim();
            item.ends_with(',') && is_python_name(module, item.trim_end_matches(',').trim(), name)
        })
    })?;
    Some(Op::new(lines.span(own, own)?, ""))
}

/// Linters print `name`, `module.name`, `name as alias` or `module.name as alias`.
fn is_python_name(module: Option<&str>, item: &str, name: &str) -> bool {
    let (what, alias) = item.split_once(" as ").map_or((item, None), |(w, a)| (w.trim(), Some(a.trim())));
    let full = module.map(|m| format!("{m}.{what}"));
    let plain = [Some(what), full.as_deref()];
    let with_alias = alias.map(|a| plain.map(|p| p.map(|p| format!("{p} as {a}"))));
    plain.contains(&Some(name)) && alias.is_none()
        || alias == Some(name)
        || with_alias.is_some_and(|w| w.iter().flatten().any(|w| w == name))
        || (alias.is_some() && plain.contains(&Some(name)))
}

fn remove_rust(language: Language, lines: &Lines<'_>, line: u32, name: &str) -> Option<Op> {
    let starts =
        |l: &str| l.starts_with("use ") || l.starts_with("pub use ") || l.starts_with("pub(crate) use ");
    let (first, last) = statement(language, lines, line, starts, '{', '}')?;
    let text: String = (first..=last).filter_map(|n| lines.get(n)).collect::<Vec<_>>().join("\n");
    let wanted = name.rsplit("::").next().unwrap_or(name).trim();
    let path = text.trim().trim_end_matches(';');
    let Some((head, rest)) = path.split_once('{') else {
        let (_, full) = path.split_once("use ")?;
        let full = full.trim();
        let fits = full == name
            || full.rsplit("::").next().is_some_and(|l| l == wanted || l.ends_with(&format!(" as {wanted}")));
        return fits.then(|| lines.span(first, last).map(|span| Op::new(span, "")))?;
    };
    // One level of braces: deeper ones come with a suggestion of the compiler's own.
    let inner = rest.strip_suffix('}').filter(|inner| !inner.contains(['{', '/']))?;
    let list: Vec<&str> = inner.split(',').map(str::trim).filter(|n| !n.is_empty()).collect();
    let is = |item: &&str| {
        *item == wanted
            || *item == name
            || item.ends_with(&format!(" as {wanted}"))
            || name.ends_with(&format!("::{item}"))
    };
    let keep: Vec<&str> = list.iter().copied().filter(|item| !is(item)).collect();
    if keep.len() == list.len() {
        return None;
    }
    if keep.is_empty() {
        return Some(Op::new(lines.span(first, last)?, ""));
    }
    let indent = indent_of(lines.get(first)?);
    let head = head.trim_end();
    let new = match keep.as_slice() {
        [one] if *one != "self" => format!("{indent}{head}{one};"),
        _ => format!("{indent}{head}{{{}}};", keep.join(", ")),
    };
    Some(Op::new(lines.span(first, last)?, lines.whole([new.as_str()])))
}

fn remove_script(language: Language, lines: &Lines<'_>, line: u32, name: &str) -> Option<Op> {
    let starts = |l: &str| {
        l.starts_with("import ")
            || l.starts_with("import{")
            || (l.contains("require(") && l.starts_with("const "))
    };
    let (first, last) = statement(language, lines, line, starts, '{', '}')?;
    let text: String = (first..=last).filter_map(|n| lines.get(n)).collect::<Vec<_>>().join("\n");
    let whole = || lines.span(first, last).map(|span| Op::new(span, ""));
    let Some(rest) = text.trim_start().strip_prefix("import") else {
        let (bound, _) = text.trim_start().strip_prefix("const ")?.split_once('=')?;
        return (bound.trim() == name).then(whole)?;
    };
    let (clause, from) = rest.rsplit_once(" from ").or_else(|| rest.rsplit_once("}from "))?;
    let clause = if rest.contains("}from ") { format!("{clause}}}") } else { clause.to_owned() };
    let clause = clause.trim();
    let (type_word, clause) = match clause.strip_prefix("type ") {
        Some(rest) if !rest.trim_start().starts_with(',') => ("type ", rest.trim()),
        _ => ("", clause),
    };
    let (default, braces) = match clause.split_once('{') {
        Some((d, b)) => (d.trim().trim_end_matches(',').trim(), Some(b.trim_end().strip_suffix('}')?)),
        None => (clause, None),
    };
    let bound =
        |item: &str| item.rsplit(" as ").next().unwrap_or(item).trim().trim_start_matches("type ").to_owned();
    let named: Vec<&str> =
        braces.map_or(Vec::new(), |b| b.split(',').map(str::trim).filter(|n| !n.is_empty()).collect());
    if named.iter().any(|n| n.contains("//") || n.contains("/*")) {
        return None;
    }
    let keep: Vec<&str> = named.iter().copied().filter(|n| bound(n) != name).collect();
    // `default` may be `d`, `* as ns`, or `d, * as ns`.
    let defaults: Vec<&str> = default.split(',').map(str::trim).filter(|d| !d.is_empty()).collect();
    let keep_default: Vec<&str> = defaults.iter().copied().filter(|d| bound(d) != name).collect();
    if keep.len() == named.len() && keep_default.len() == defaults.len() {
        return None;
    }
    if keep.is_empty() && keep_default.is_empty() {
        return whole();
    }
    let braces = (!keep.is_empty()).then(|| format!("{{ {} }}", keep.join(", ")));
    let clause: Vec<String> = keep_default.iter().map(|d| (*d).to_owned()).chain(braces).collect();
    let indent = indent_of(lines.get(first)?);
    let new = format!("{indent}import {type_word}{} from {}", clause.join(", "), from.trim());
    Some(Op::new(lines.span(first, last)?, lines.whole([new.as_str()])))
}

/// Adds an import statement after those that are there, else where the language puts the first one.
pub(super) fn add(language: Language, lines: &Lines<'_>, statement: &str) -> Option<Op> {
    let statement = statement.trim();
    let one_line = !statement.is_empty() && !statement.contains('\n');
    if !one_line || lines.lines.iter().any(|l| l.1.trim() == statement) {
        return None;
    }
    if language == Language::Go {
        return add_go(lines, statement);
    }
    let outline = language.whole_outline(lines.text);
    // Where all can be read, a line of a text that only looks like an import is none.
    let is_import = |n: u32, content: &str| match &outline {
        Some(outline) => outline.imports.iter().any(|import| import.lines.0 == n),
        None => language.is_import(content),
    };
    let mut last_import = None;
    let mut n = 1;
    let mut header = 0;
    let mut in_header = true;
    while let Some(content) = lines.get(n) {
        let top = !content.starts_with([' ', '\t']);
        if top && is_import(n, content) && !is_module_declaration(language, content) {
            let (open, close) = if language == Language::Python { ('(', ')') } else { ('{', '}') };
            let end = self::statement(language, lines, n, |_| true, open, close).map_or(n, |(_, last)| last);
            if last_import.is_none_or(|l| n <= l + 12 || !matches!(language, Language::Python)) {
                last_import = Some(end);
            }
            n = end + 1;
            in_header = false;
            continue;
        }
        if in_header {
            match header_end(language, lines, n) {
                Some(end) => {
                    header = end;
                    n = end + 1;
                    continue;
                }
                None => in_header = false,
            }
        }
        // Inner modules have imports of their own; functions begin the code.
        if top
            && language == Language::Rust
            && (content.starts_with("mod ") && content.contains('{') || content.starts_with("#[cfg(test)"))
        {
            break;
        }
        n += 1;
    }
    let after = last_import.unwrap_or(header);
    let blank = |n: u32| lines.get(n).is_none_or(|l| l.trim().is_empty());
    let mut content = lines.whole([statement]);
    if last_import.is_none() {
        if !blank(after + 1) {
            content.push_str(lines.ending);
        }
        if after > 0 && !blank(after) {
            content.insert_str(0, lines.ending);
        }
    }
    lines.insert_before(after + 1, &content)
}

/// Java's `package` and Rust's `mod` are no imports, though they stand among them.
fn is_module_declaration(language: Language, line: &str) -> bool {
    match language {
        Language::Java => line.starts_with("package "),
        Language::Rust => line.starts_with("mod ") || line.starts_with("pub mod "),
        _ => false,
    }
}

/// The last line of the piece of header that begins on `n`: comments, docstring, shebang, attributes, `package`.
fn header_end(language: Language, lines: &Lines<'_>, n: u32) -> Option<u32> {
    let content = lines.get(n)?.trim();
    let until = |mark: &str| (n..=lines.count()).find(|m| lines.get(*m).is_some_and(|l| l.contains(mark)));
    match language {
        Language::Python => {
            let quote =
                ["\"\"\"", "'''"].into_iter().find(|q| content.trim_start_matches(['r', 'R']).starts_with(q));
            if let Some(quote) = quote {
                if content.matches(quote).count() >= 2 {
                    return Some(n);
                }
                return (n + 1..=lines.count()).find(|m| lines.get(*m).is_some_and(|l| l.contains(quote)));
            }
            content.starts_with('#').then_some(n)
        }
        Language::Rust => {
            (content.starts_with("//!") || content.starts_with("#![") || content.starts_with("//"))
                .then_some(n)
        }
        Language::Java => {
            if content.starts_with("/*") && n == 1 {
                return until("*/");
            }
            (content.starts_with("package ") || content.starts_with("//")).then_some(n)
        }
        Language::JavaScript | Language::TypeScript => {
            if content.starts_with("/*") && n == 1 {
                return until("*/");
            }
            let strict = content.starts_with("'use ") || content.starts_with("\"use ");
            (content.starts_with("#!") || strict).then_some(n)
        }
        _ => None,
    }
    .or_else(|| {
        // A blank line between two pieces of header is header.
        (content.is_empty() && n < lines.count() && header_end(language, lines, n + 1).is_some()).then_some(n)
    })
}

fn add_go(lines: &Lines<'_>, statement: &str) -> Option<Op> {
    let spec = statement.strip_prefix("import ").unwrap_or(statement).trim();
    if !spec.ends_with('"') {
        return None;
    }
    let has = |l: &(usize, &str)| l.1.trim() == spec || l.1.trim() == format!("import {spec}");
    if lines.lines.iter().any(has) {
        return None;
    }
    let find =
        |start: &str| (1..=lines.count()).find(|n| lines.get(*n).is_some_and(|l| l.starts_with(start)));
    if let Some(open) = find("import (") {
        // Sorted among its group, as gofmt wants it.
        let path = |l: &str| l.split('"').nth(1).map(str::to_owned);
        let mine = path(spec)?;
        let mut at = open + 1;
        while let Some(other) = lines.get(at).filter(|l| l.trim() != ")" && !l.trim().is_empty()) {
            if path(other).is_some_and(|o| o > mine) {
                break;
            }
            at += 1;
        }
        return lines.insert_before(at, &lines.whole([format!("\t{spec}").as_str()]));
    }
    if let Some(single) = find("import ") {
        return lines.insert_before(single + 1, &lines.whole([format!("import {spec}").as_str()]));
    }
    let package = find("package ")?;
    let content = lines.whole(["", format!("import {spec}").as_str()]);
    lines.insert_before(package + 1, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(path: &str, text: &str, op: impl Fn(&Lines<'_>, Language) -> Option<Op>) -> Option<String> {
        let lines = Lines::of(text);
        let op = op(&lines, Language::of(path))?;
        let mut out = text.to_owned();
        out.replace_range(op.start..op.end, &op.text);
        Some(out)
    }

    fn without(path: &str, text: &str, line: u32, name: &str) -> Option<String> {
        run(path, text, |lines, language| remove(language, lines, line, name))
    }

    fn with(path: &str, text: &str, statement: &str) -> Option<String> {
        run(path, text, |lines, language| add(language, lines, statement))
    }

    #[test]
    fn one_name_is_removed() {
        for (path, text, line, name, want) in [
            ("a.go", "package a\n\nimport \"os\"\n\nfunc f() {}\n", 3, "os", "package a\n\nfunc f() {}\n"),
            ("a.go", "import (\n\t\"fmt\"\n\t\"os\"\n)\n", 3, "\"os\"", "import (\n\t\"fmt\"\n)\n"),
            (
                "a.go",
                "package a\n\nimport (\n\t\"os\"\n)\n\nfunc f() {}\n",
                4,
                "os",
                "package a\n\nfunc f() {}\n",
            ),
            ("a.go", "import (\n\t\"fmt\"\n\t\"net/http\"\n)\n", 3, "net/http", "import (\n\t\"fmt\"\n)\n"),
            ("a.py", "import os\nimport sys\n", 1, "os", "import sys\n"),
            ("a.py", "import os, sys\n", 1, "sys", "import os\n"),
            ("a.py", "import numpy as np\nx\n", 1, "numpy as np", "x\n"),
            ("a.py", "from typing import List, Dict\n", 1, "typing.List", "from typing import Dict\n"),
            ("a.py", "from typing import List, Dict  # x\n", 1, "List", "from typing import Dict  # x\n"),
            ("a.py", "from a import (\n    b,\n    c,\n)\n", 1, "a.b", "from a import (\n    c,\n)\n"),
            ("a.py", "from a import (\n    b,\n    c,\n)\n", 3, "c", "from a import (\n    b,\n)\n"),
            ("a.py", "from a import (b, c)\n", 1, "c", "from a import (b)\n"),
            ("a.py", "from a import b as c\nx\n", 1, "a.b as c", "x\n"),
            ("A.java", "import a.B;\nimport a.C;\n", 1, "a.B", "import a.C;\n"),
            ("a.rs", "use a::b;\nuse c::d;\n", 1, "a::b", "use c::d;\n"),
            ("a.rs", "use a::{b, c};\n", 1, "b", "use a::c;\n"),
            ("a.rs", "use a::{\n    b,\n    c,\n    d,\n};\n", 3, "a::c", "use a::{b, d};\n"),
            ("a.ts", "import { a, b } from 'm';\n", 1, "a", "import { b } from 'm';\n"),
            ("a.ts", "import d, { a } from 'm';\n", 1, "a", "import d from 'm';\n"),
            ("a.ts", "import d, { a } from 'm';\n", 1, "d", "import { a } from 'm';\n"),
            ("a.ts", "import * as n from 'm';\nx;\n", 1, "n", "x;\n"),
            ("a.ts", "import {\n  a,\n  b as c,\n} from 'm';\n", 3, "c", "import { a } from 'm';\n"),
            ("a.js", "const fs = require('fs');\nx;\n", 1, "fs", "x;\n"),
        ] {
            assert_eq!(without(path, text, line, name).as_deref(), Some(want), "{path}: {name} in {text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_left() {
        for (path, text, line, name) in [
            ("a.go", "import \"os\"\n", 1, "fmt"),
            ("a.py", "import os\n", 1, "sys"),
            ("a.py", "try:\n    import os\nexcept ImportError:\n    os = None\n", 2, "os"),
            ("a.rs", "use a::{b::{c, d}, e};\n", 1, "c"),
            ("a.ts", "let a = 1;\n", 1, "a"),
            ("A.java", "int x;\n", 1, "x"),
        ] {
            assert_eq!(without(path, text, line, name), None, "{path}: {name}");
        }
    }

    #[test]
    fn statements_go_where_the_language_wants_them() {
        for (path, text, statement, want) in [
            ("a.py", "import os\n\nx = 1\n", "import re", "import os\nimport re\n\nx = 1\n"),
            ("a.py", "\"\"\"Doc.\"\"\"\n\nx = 1\n", "import re", "\"\"\"Doc.\"\"\"\n\nimport re\n\nx = 1\n"),
            (
                "a.py",
                "#!/usr/bin/env python\nx = 1\n",
                "import re",
                "#!/usr/bin/env python\n\nimport re\n\nx = 1\n",
            ),
            ("a.py", "x = 1\n", "import re", "import re\n\nx = 1\n"),
            (
                "a.py",
                "from a import (\n    b,\n)\nx = 1\n",
                "import re",
                "from a import (\n    b,\n)\nimport re\nx = 1\n",
            ),
            (
                "a.rs",
                "//! Doc.\n\nuse a::b;\n\nfn f() {}\n",
                "use c::d;",
                "//! Doc.\n\nuse a::b;\nuse c::d;\n\nfn f() {}\n",
            ),
            ("a.rs", "fn f() {}\n", "use c::d;", "use c::d;\n\nfn f() {}\n"),
            (
                "A.java",
                "package p;\n\nclass A {}\n",
                "import java.util.List;",
                "package p;\n\nimport java.util.List;\n\nclass A {}\n",
            ),
            (
                "A.java",
                "package p;\n\nimport a.B;\n\nclass A {}\n",
                "import java.util.List;",
                "package p;\n\nimport a.B;\nimport java.util.List;\n\nclass A {}\n",
            ),
            (
                "a.go",
                "package a\n\nfunc f() {}\n",
                "import \"os\"",
                "package a\n\nimport \"os\"\n\nfunc f() {}\n",
            ),
            (
                "a.go",
                "package a\n\nimport (\n\t\"fmt\"\n\t\"time\"\n)\n",
                "import \"os\"",
                "package a\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"time\"\n)\n",
            ),
            (
                "a.ts",
                "import { a } from 'a';\n\nf();\n",
                "import { b } from './b';",
                "import { a } from 'a';\nimport { b } from './b';\n\nf();\n",
            ),
            (
                "a.js",
                "'use strict';\n\nf();\n",
                "const fs = require('fs');",
                "'use strict';\n\nconst fs = require('fs');\n\nf();\n",
            ),
        ] {
            assert_eq!(with(path, text, statement).as_deref(), Some(want), "{path}: {statement}");
        }
        assert_eq!(with("a.py", "import re\n", "import re"), None, "it is there");
    }

    #[test]
    fn what_only_looks_like_an_import_is_none() {
        let text = "import os\n\nHELP = \"\"\"\nimport this\n\"\"\"\nx = 1\n";
        let want = "import os\nimport re\n\nHELP = \"\"\"\nimport this\n\"\"\"\nx = 1\n";
        assert_eq!(with("a.py", text, "import re").as_deref(), Some(want));
        let text = "import { a } from 'a';\nconst t = `\nimport { c } from 'c';\n`;\n";
        let want =
            "import { a } from 'a';\nimport { b } from 'b';\nconst t = `\nimport { c } from 'c';\n`;\n";
        assert_eq!(with("a.ts", text, "import { b } from 'b';").as_deref(), Some(want));
        // A bracket in a remark closes nothing.
        let text = "from a import (  # the (first\n    b,\n    c,\n)\nx = 1\n";
        let want = "from a import (  # the (first\n    b,\n    c,\n)\nimport re\nx = 1\n";
        assert_eq!(with("a.py", text, "import re").as_deref(), Some(want));
    }
}
