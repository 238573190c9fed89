//! Tests that stand in files whose names do not say so: inline test modules, cases, examples in documentation, programs
//! that are written with a test framework. By syntax; what a file's tree does not show of it is taken for a test as far
//! as the file goes.

use super::language::{Language, code_only};
use crate::syntax::{Definition, DefinitionKind, LiteralKind, Outline, TestKind};

type Lines = (u32, u32);

/// Lines (from 1) of tests.
pub(crate) fn test_regions(language: Language, text: &str) -> Vec<Lines> {
    match language {
        Language::JavaScript | Language::TypeScript | Language::Java => {
            if is_test_program(language, text) {
                vec![(1, u32::MAX)]
            } else {
                Vec::new()
            }
        }
        Language::Rust | Language::Python => {
            let outline = language.outline(text);
            let mut regions = match &outline {
                Some(outline) if language == Language::Rust => rust_tests(outline, text),
                Some(outline) => unittest_cases(outline),
                None => Vec::new(),
            };
            if outline.is_none_or(|outline| !outline.is_complete()) {
                regions.extend(looks_like_tests(language, text, &regions));
            }
            regions
        }
        Language::Go | Language::Other => Vec::new(),
    }
}

/// What begins like a test where the file could not be read: how far it goes nobody knows.
fn looks_like_tests(language: Language, text: &str, known: &[Lines]) -> Option<Lines> {
    let begins = |line: &str| match language {
        Language::Rust => {
            line.contains("#[cfg(test)")
                || line.contains("#[cfg(all(test")
                || line.contains("#[test]")
                || (line.contains("#[") && line.contains("::test"))
        }
        _ => line.trim_start().starts_with("class ") && line.contains("TestCase"),
    };
    let is_known = |line: u32| known.iter().any(|(first, last)| (*first..=*last).contains(&line));
    let code = code_only(language, text);
    let first = (1..).zip(&code).find(|(number, line)| begins(line) && !is_known(*number));
    first.map(|(number, _)| (number, u32::MAX))
}

/// Tests, and whatever is compiled for tests alone.
fn rust_tests(outline: &Outline, text: &str) -> Vec<Lines> {
    let mut regions: Vec<Lines> = outline.tests.iter().map(|test| test.lines).collect();
    for attribute in outline.attributes.iter().filter(|attribute| attribute.name == "cfg") {
        let Some(written) = text.get(attribute.bytes.clone()) else { continue };
        let plain: String = written.chars().filter(|c| !c.is_whitespace()).collect();
        if !["cfg(test", "cfg(all(test"].iter().any(|condition| plain.contains(condition)) {
            continue;
        }
        if plain.starts_with("#!") {
            // Of the file, or of the module it stands in.
            let is_module = |d: &&Definition| d.kind == DefinitionKind::Module;
            let module = outline.enclosing(attribute.line).rfind(is_module);
            regions.push(module.map_or((1, u32::MAX), |module| module.lines));
            continue;
        }
        let is_known = regions.iter().any(|(first, last)| (*first..=*last).contains(&attribute.line));
        if !is_known {
            // `mod tests;` and `use` are no definitions of this file.
            let behind = outline.imports.iter().find(|import| {
                let between = text.get(attribute.bytes.end..import.bytes.start).unwrap_or("x");
                between.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with("#["))
            });
            let alone = if outline.is_complete() { attribute.line } else { u32::MAX };
            regions.push((attribute.line, behind.map_or(alone, |import| import.lines.1)));
        }
    }
    regions.sort_unstable();
    // Of one within another the outer says it.
    let mut outermost: Vec<Lines> = Vec::new();
    for region in regions {
        if outermost.last().is_none_or(|(_, last)| *last < region.1) {
            outermost.push(region);
        }
    }
    outermost
}

/// Classes made of unittest's cases, wherever they stand.
fn unittest_cases(outline: &Outline) -> Vec<Lines> {
    let is_case = |name: &str| name.ends_with("TestCase");
    let called_so = outline.imports.iter().flat_map(|import| &import.names);
    let aliases: Vec<&str> = called_so
        .filter(|name| name.member.as_deref().is_some_and(is_case))
        .map(|name| name.local.as_str())
        .collect();
    let is_made_of_cases = |class: &&Definition| {
        let head = class.name_bytes.end..class.body.as_ref().map_or(class.bytes.end, |body| body.start);
        let mut bases = outline.references_in(&head).iter();
        class.kind == DefinitionKind::Class
            && bases.any(|base| is_case(&base.name) || aliases.contains(&base.name.as_str()))
    };
    outline.definitions.iter().filter(is_made_of_cases).map(|class| class.lines).collect()
}

/// A program that brings a test framework in and uses it.
fn is_test_program(language: Language, text: &str) -> bool {
    let frameworks: &[&str] = match language {
        Language::Java => &["org.junit", "org.testng", "junit.framework"],
        _ => &[
            "node:test",
            "vitest",
            "@jest/globals",
            "mocha",
            "chai",
            "ava",
            "tape",
            "tap",
            "uvu",
            "node:assert",
            "assert",
            "@playwright/test",
        ],
    };
    let Some(outline) = language.outline(text) else {
        // As far as anybody can tell.
        return frameworks.iter().any(|framework| text.contains(framework));
    };
    let of_framework = |module: &str| {
        let is_part = |f: &&str| language == Language::Java && module.starts_with(*f);
        frameworks.iter().any(|f| module == *f || is_part(f))
    };
    let brings = outline.imports.iter().any(|import| of_framework(&import.module));
    let has_tests = outline.tests.iter().any(|test| test.kind != TestKind::SetUp);
    if language == Language::Java {
        let broken = || !outline.is_complete() && outline.attributes.iter().any(|a| a.name.ends_with("Test"));
        return brings && (has_tests || broken());
    }
    let expects = || outline.references.iter().any(|reference| reference.name == "expect");
    has_tests && (brings || expects())
}

/// Lines (from 1) of examples in documentation that doctest or rustdoc runs.
pub(crate) fn examples(language: Language, text: &str) -> Vec<Lines> {
    let mark = match language {
        Language::Rust => "```",
        Language::Python => ">>> ",
        _ => return Vec::new(),
    };
    match language.outline(text) {
        _ if !text.contains(mark) => Vec::new(),
        Some(outline) if language == Language::Rust => fenced(&outline, text),
        Some(outline) => sessions(&outline, text),
        None => vec![(1, u32::MAX)],
    }
}

/// Fenced blocks of documentation comments.
fn fenced(outline: &Outline, text: &str) -> Vec<Lines> {
    let mut regions = Vec::new();
    let mut open: Option<u32> = None;
    let mut next = 0;
    for comment in &outline.comments {
        let Some(written) = text.get(comment.clone()) else { continue };
        let is_block = ["/**", "/*!"].iter().any(|mark| written.starts_with(mark));
        let is_line = ["///", "//!"].iter().any(|mark| written.starts_with(mark));
        let first = outline.line(comment.start);
        // Each block is a text of its own; so are lines that others part.
        if !is_line || first != next {
            open = None;
        }
        for (number, line) in (first..).zip(written.lines()).filter(|_| is_block || is_line) {
            let line = line.trim_start();
            let line =
                ["///", "//!", "/**", "/*!", "*"].iter().find_map(|m| line.strip_prefix(m)).unwrap_or(line);
            if line.trim_start().starts_with("```") {
                match open.take() {
                    Some(first) => regions.push((first, number)),
                    None => open = Some(number),
                }
            }
            next = number + 1;
        }
    }
    regions
}

/// What is typed at a prompt in a long string, with what it prints.
fn sessions(outline: &Outline, text: &str) -> Vec<Lines> {
    let mut regions = Vec::new();
    let is_text = |kind| matches!(kind, LiteralKind::String | LiteralKind::Documentation);
    for literal in outline.literals.iter().filter(|literal| is_text(literal.kind)) {
        let Some(written) = text.get(literal.bytes.clone()).filter(|text| text.contains(">>> ")) else {
            continue;
        };
        let mut open: Option<u32> = None;
        let mut end = literal.line;
        for (number, line) in (literal.line..).zip(written.lines()) {
            let line = line.trim();
            let quoted = line.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            let begins = quoted.trim_start_matches(['"', '\'']).starts_with(">>> ");
            match open {
                None if begins => open = Some(number),
                Some(first) if line.is_empty() || line.starts_with("\"\"\"") || line.starts_with("'''") => {
                    regions.push((first, number - 1));
                    open = None;
                }
                _ => {}
            }
            end = number;
        }
        regions.extend(open.map(|first| (first, end)));
    }
    regions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_tests_of_rust() {
        for (text, want) in [
            (
                "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { assert!(true); }\n}\nfn b() {}\n",
                vec![(3, 7)],
            ),
            ("#[cfg(test)]\nmod tests;\nfn a() {}\n", vec![(1, 2)]),
            ("#[cfg(test)]\n#[allow(unused)]\nuse a::{\n    b,\n};\nfn a() {}\n", vec![(1, 5)]),
            // Braces in strings and comments are none.
            (
                "#[cfg(test)]\nmod tests {\n    const A: &str = r#\"\"}\"}\"#;\n    /* /* } */ } */\n    #[test]\n    fn t() {}\n}\nfn b() {}\n",
                vec![(1, 7)],
            ),
            ("const A: &str = r##\"\n#[test]\nfn t() {}\n\"##;\nfn b() {}\n", vec![]),
            ("// #[test]\nfn b() {}\n", vec![]),
            ("#[rstest]\n#[case(1)]\nfn t(#[case] x: u8) {}\nfn b() {}\n", vec![(1, 3)]),
            ("#[inline] #[cfg(test)] fn helper() {}\nfn b() {}\n", vec![(1, 1)]),
            ("#[cfg( test )]\nimpl A {\n    fn x() {}\n}\nfn b() {}\n", vec![(1, 4)]),
            ("#![cfg(test)]\nfn b() {}\n", vec![(1, u32::MAX)]),
            ("#[cfg(not(test))]\nfn b() {}\n", vec![]),
            // Of what cannot be read, all.
            ("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn t() { let = ; {\n", vec![(2, u32::MAX)]),
        ] {
            assert_eq!(test_regions(Language::Rust, text), want, "{text}");
        }
    }

    #[test]
    fn cases_of_unittest() {
        for (text, want) in [
            (
                "class A(unittest.TestCase):\n    def test_a(self):\n        x = '''\ny'''\n\n    b = 1\nx = 1\n",
                vec![(1, 6)],
            ),
            ("@slow\nclass A(\n    Mixin,\n    TestCase,\n):\n    pass\n", vec![(1, 6)]),
            ("from unittest import TestCase as Base\nclass A(Base):\n    pass\n", vec![(2, 3)]),
            ("class A:  # no TestCase\n    pass\n", vec![]),
            ("TEXT = '''\nclass A(TestCase):\n    pass\n'''\n", vec![]),
        ] {
            assert_eq!(test_regions(Language::Python, text), want, "{text}");
        }
    }

    #[test]
    fn programs_of_tests() {
        for (language, text, want) in [
            (Language::JavaScript, "const test = require('node:test');\ntest('a', () => {});\n", true),
            (
                Language::TypeScript,
                "describe('a', () => { it('b', () => { expect(1).toBe(1); }); });\n",
                true,
            ),
            (Language::JavaScript, "const help = `\ntest('a', f)\nexpect(1)\n`;\n", false),
            (Language::JavaScript, "// import test from 'ava';\nexport const x = 1;\n", false),
            (Language::Java, "import org.junit.Test;\nclass A {\n  @Test public void a() {}\n}\n", true),
            (Language::Java, "import org.junit.runner.Runner;\nclass A {}\n", false),
        ] {
            assert_eq!(!test_regions(language, text).is_empty(), want, "{text}");
        }
    }

    #[test]
    fn examples_stand_in_documentation() {
        for (language, text, want) in [
            (Language::Rust, "/// Adds.\n///\n/// ```\n/// f();\n/// ```\nfn f() {}\n", vec![(3, 5)]),
            (Language::Rust, "/**\n * ```\n * f();\n * ```\n */\nfn f() {}\n", vec![(2, 4)]),
            (Language::Rust, "const A: &str = \"\n/// ```\n/// f();\n/// ```\n\";\n", vec![]),
            (Language::Rust, "// ```\n// f();\n// ```\nfn f() {}\n", vec![]),
            (Language::Python, "def f():\n    \"\"\"Adds.\n\n    >>> f()\n    1\n    \"\"\"\n", vec![(4, 5)]),
            (Language::Python, "def f():\n    \"\"\">>> f()\n    1\n\n    More.\"\"\"\n", vec![(2, 3)]),
            (Language::Python, "# >>> f()\nx = 1\n", vec![]),
        ] {
            assert_eq!(examples(language, text), want, "{text}");
        }
    }
}
