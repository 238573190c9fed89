//! The same diagnostic once more: a small piece of code at a file's end that a checker reports under the same code.

use crate::contract::bug::{BugReport, Category};
use crate::contract::fix::FileChange;
use crate::contract::git::SourceTree;
use crate::placing::find_file;
use crate::syntax::Grammar;

/// By language and code, or a part of the message where there is no code; `MARK` is a name that stands nowhere else.
const INSTANCES: &[(&[Grammar], &str, &str)] = &[
    (&[Grammar::Python], "F401", "import colorsys as MARK"),
    (&[Grammar::Python], "F821", "def MARK():\n    return MARK_missing"),
    (&[Grammar::Python], "F841", "def MARK():\n    MARK_unused = 1"),
    (&[Grammar::Python], "E711", "def MARK(value):\n    return value == None"),
    (&[Grammar::Python], "assignment", "MARK: int = \"text\""),
    (&[Grammar::Python], "return-value", "def MARK() -> int:\n    return \"text\""),
    (&[Grammar::Python], "arg-type", "def MARK(value: int) -> None:\n    MARK(\"text\")"),
    (&[Grammar::Python], "name-defined", "def MARK() -> int:\n    return MARK_missing"),
    (&[Grammar::Python], "attr-defined", "def MARK(value: int) -> None:\n    value.MARK_missing()"),
    (SCRIPT, "no-undef", "function MARK() { return MARK_missing; }\nMARK();"),
    (SCRIPT, "no-unused-vars", "const MARK = 1;"),
    (SCRIPT, "@typescript-eslint/no-unused-vars", "const MARK = 1;"),
    (SCRIPT, "prefer-const", "let MARK = 1;\nvoid MARK;"),
    (SCRIPT, "eqeqeq", "void ((MARK) => MARK == 1);"),
    (TYPED, "TS2322", "export const MARK: number = 'text';"),
    (TYPED, "TS2304", "void MARK_missing;"),
    (TYPED, "TS2339", "void ({} as { a: number }).MARK;"),
    (TYPED, "TS2345", "export function MARK(value: number): void { MARK('text'); void value; }"),
    (TYPED, "TS2531", "export function MARK(value: string | null): number { return value.length; }"),
    (TYPED, "TS18047", "export function MARK(value: string | null): number { return value.length; }"),
    (TYPED, "TS18048", "export function MARK(value: string | undefined): number { return value.length; }"),
    (TYPED, "TS2532", "export function MARK(value: { a: number }[]): number { return value[0].a; }"),
    (TYPED, "TS6133", "function MARK() { return 1; }"),
    (TYPED, "TS7006", "export function MARK(value) { return value; }"),
    (&[Grammar::Rust], "E0308", "#[allow(dead_code)]\nfn MARK() -> i32 {\n    \"text\"\n}"),
    (&[Grammar::Rust], "E0425", "#[allow(dead_code)]\nfn MARK() -> i32 {\n    MARK_missing\n}"),
    (&[Grammar::Rust], "dead_code", "fn MARK() {}"),
    (&[Grammar::Rust], "unused_imports", "use std::collections::BTreeMap as MARK;"),
    (&[Grammar::Rust], "unused_variables", "pub fn MARK() {\n    let value = 1;\n}"),
    (&[Grammar::Rust], "unused_mut", "pub fn MARK() -> i32 {\n    let mut value = 1;\n    value\n}"),
    (&[Grammar::Rust], "unused_must_use", "pub fn MARK() {\n    \"1\".parse::<i32>();\n}"),
    (&[Grammar::Rust], "clippy::needless_return", "pub fn MARK() -> i32 {\n    return 1;\n}"),
    (&[Grammar::Rust], "that must be used", "pub fn MARK() {\n    \"1\".parse::<i32>();\n}"),
    (&[Grammar::Rust], "unused import", "use std::collections::BTreeMap as MARK;"),
    (&[Grammar::Rust], "unused variable", "pub fn MARK() {\n    let value = 1;\n}"),
    (&[Grammar::Rust], "is never used", "fn MARK() {}"),
    (&[Grammar::Go], "format %", "func MARK() string {\n\treturn fmt.Sprintf(\"%d\", \"text\")\n}"),
];
const SCRIPT: &[Grammar] = &[Grammar::JavaScript, Grammar::TypeScript, Grammar::Tsx];
const TYPED: &[Grammar] = &[Grammar::TypeScript, Grammar::Tsx];

/// What no formatter leaves as it is.
const UNFORMATTED: &[(&[Grammar], &str)] = &[
    (&[Grammar::Python], "MARK   =   [  1,2  ]"),
    (SCRIPT, "export   const MARK   =   [  1,2  ]  ;"),
    (&[Grammar::Rust], "pub fn   MARK( )   -> [u8;2]   { [  1,2  ] }"),
    (&[Grammar::Go], "var   MARK   =   [ ]int{  1,2  }"),
];

/// Of what only a compiler says and nothing lowers, one error is as good as another.
const ERRORS: &[(Grammar, &str)] = &[
    (Grammar::Go, "func MARK() int {\n\treturn \"text\"\n}"),
    (Grammar::Java, "class MARK {\n    int value = \"text\";\n}"),
    (Grammar::Rust, "#[allow(dead_code)]\nfn MARK() -> i32 {\n    \"text\"\n}"),
];

/// The file of `bug` with a second failure of its kind; `None` where none is known.
pub(super) fn instance(bug: &BugReport, tree: &dyn SourceTree, mark: &str) -> Option<FileChange> {
    let path = find_file(bug.file.as_deref()?, tree)?;
    let grammar = Grammar::of(path.as_str())?;
    let text = tree.read_text(&path)?;
    let code = bug.code.as_deref().unwrap_or_default();
    let says = |known: &str| code == known || (code.is_empty() && bug.message.contains(known));
    let known = INSTANCES.iter().find(|(of, known, _)| of.contains(&grammar) && says(known));
    let is_error = matches!(bug.category, Category::Type | Category::Syntax | Category::Import)
        && (code.is_empty() || code.starts_with('E'));
    let error = || ERRORS.iter().find(|(of, _)| is_error && *of == grammar).map(|(_, made)| *made);
    let unformatted = || {
        let is_format = bug.category == Category::Format;
        UNFORMATTED.iter().find(|(of, _)| is_format && of.contains(&grammar)).map(|(_, made)| *made)
    };
    let made = known.map(|(_, _, made)| *made).or_else(unformatted).or_else(error)?;
    let made = made.replace("MARK", mark);
    let gap = if text.ends_with('\n') || text.is_empty() { "\n" } else { "\n\n" };
    let after = Some(format!("{text}{gap}{made}\n"));
    Some(FileChange { path, before: Some(text), after })
}
