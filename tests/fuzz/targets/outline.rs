//! A file's outline stays within the file, whatever stands in it, in every language.
#![no_main]

use ci_healer::syntax::{Grammar, outline};

libfuzzer_sys::fuzz_target!(|input: (u8, &str)| {
    let (which, text) = input;
    let grammars = [
        Grammar::Python,
        Grammar::JavaScript,
        Grammar::TypeScript,
        Grammar::Tsx,
        Grammar::Go,
        Grammar::Rust,
        Grammar::Java,
    ];
    let grammar = grammars[usize::from(which) % grammars.len()];
    let Ok(outline) = outline(grammar, text) else { return };
    for definition in &outline.definitions {
        assert!(text.get(definition.bytes.clone()).is_some_and(|whole| whole.contains(&text[definition.name_bytes.clone()])));
        assert!(definition.lines.0 <= definition.lines.1);
        let outer = definition.parent.map(|parent| &outline.definitions[parent].bytes);
        assert!(outer.is_none_or(|o| o.start <= definition.bytes.start));
    }
    for reference in &outline.references {
        assert_eq!(text.get(reference.bytes.clone()), Some(reference.name.as_str()));
    }
    let literals = outline.literals.iter().map(|l| &l.bytes);
    for bytes in outline.comments.iter().chain(&outline.states).chain(literals) {
        assert!(text.get(bytes.clone()).is_some());
    }
    for line in [1, 2, u32::MAX] {
        let _ = outline.innermost(line);
        let _ = text.get(outline.bytes_of_lines((line, line)));
    }
});
