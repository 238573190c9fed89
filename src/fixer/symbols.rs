//! Finds files and definitions by name: where a tool's path leads, where a name is defined, which file a test is about,
//! what a test calls. Syntax trees tell; where a file has none, its lines do.

use std::collections::BTreeSet;

use super::language::{Language, block_by_line, code_only, has_word, indent_of};
use crate::contract::git::{FileMode, RepoPath, SourceTree};
use crate::placing::find_file;
use crate::syntax::{
    DefinitionKind, LiteralKind, Outline, ReferenceKind, TestKind, is_generated, is_minified,
};

/// A search reads at most so many files and bytes: localisation must not cost seconds.
const MOST_FILES: usize = 4000;
const MOST_BYTES: usize = 40 << 20;
const LARGEST_FILE: usize = 400_000;
/// Of what may define a name so much is read, the nearest files first.
const MOST_PARSED: usize = 2 << 20;

/// Where a name is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) path: RepoPath,
    /// First and last line of the whole definition.
    pub(crate) lines: (u32, u32),
}

/// Definitions of `names` in files of this language, best match for `from` first.
pub(crate) fn definitions(
    names: &[String],
    from: &RepoPath,
    tree: &dyn SourceTree,
    is_test: impl Fn(&str) -> bool,
) -> Vec<Definition> {
    let language = Language::of(from.as_str());
    if names.is_empty() || language == Language::Other {
        return Vec::new();
    }
    let imports = tree.read_text(from).map(|text| import_words(language, &text)).unwrap_or_default();
    let mut near: Vec<(i32, &RepoPath)> = source_files(language, tree)
        .take(MOST_FILES)
        .filter(|path| *path == from || !is_test(path.as_str()))
        .map(|path| (-closeness(from, path, &imports), path))
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    let mut found: Vec<(usize, i32, Definition)> = Vec::new();
    let (mut bytes, mut parsed) = (0, 0);
    for (distance, path) in near {
        let Some(text) = tree.read_text(path).filter(|t| t.len() <= LARGEST_FILE) else { continue };
        bytes += text.len();
        if bytes > MOST_BYTES {
            break;
        }
        let asked: Vec<(usize, &String)> =
            names.iter().enumerate().filter(|(_, name)| text.contains(name.as_str())).collect();
        if asked.is_empty() || is_minified(path.as_str(), &text) || is_generated(path.as_str(), &text) {
            continue;
        }
        let language = Language::of(path.as_str());
        parsed += text.len();
        if parsed > MOST_PARSED {
            break;
        }
        let outline = language.outline(&text);
        for (rank, name) in asked {
            for lines in places(language, &text, outline.as_deref(), name) {
                let definition = Definition { name: name.clone(), path: path.clone(), lines };
                found.push((rank, distance, definition));
            }
        }
    }
    found.sort_by(|a, b| (a.0, a.1, &a.2.path, a.2.lines).cmp(&(b.0, b.1, &b.2.path, b.2.lines)));
    // Of a name that many files define, the nearest few.
    let mut kept: Vec<Definition> = Vec::new();
    for (_, _, definition) in found {
        if kept.iter().filter(|k| k.name == definition.name).count() < 2 {
            kept.push(definition);
        }
    }
    kept
}

/// First and last lines of what defines `name` in a file.
fn places(language: Language, text: &str, outline: Option<&Outline>, name: &str) -> Vec<(u32, u32)> {
    if let Some(outline) = outline {
        let is_named = |kind| !matches!(kind, DefinitionKind::Field | DefinitionKind::Implementation);
        let places: Vec<(u32, u32)> =
            outline.defined(name).filter(|d| is_named(d.kind)).map(|d| d.lines).collect();
        if outline.is_complete() || !places.is_empty() {
            return places;
        }
    }
    let code = code_only(language, text);
    let defining = (1..).zip(&code).filter(|(_, line)| defines(language, line, name));
    defining.map(|(number, _)| block_at(language, text, number)).collect()
}

/// The block a definition on `line` heads, or the line itself with what hangs on it.
fn block_at(language: Language, text: &str, line: u32) -> (u32, u32) {
    match block_by_line(language, text, line) {
        // A head line is part of its own block; another block around it is not it.
        Some((first, last)) if first <= line && line <= first + 14 => (first, last),
        _ => (line, line),
    }
}

fn source_files(language: Language, tree: &dyn SourceTree) -> impl Iterator<Item = &RepoPath> {
    let plain = |mode| matches!(mode, FileMode::Regular | FileMode::Executable);
    tree.files()
        .iter()
        .filter(move |f| plain(f.mode) && language.is_kin(Language::of(f.path.as_str())))
        .map(|f| &f.path)
}

/// What the imports of a file name, in small letters.
fn import_words(language: Language, text: &str) -> BTreeSet<String> {
    let Some(outline) = language.outline(text) else { return BTreeSet::new() };
    let names = outline.imports.iter().flat_map(|import| {
        let members = import.names.iter().map(|name| name.member.as_ref().unwrap_or(&name.local));
        members.chain([&import.module])
    });
    names
        .flat_map(|name| name.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|word| word.len() > 1)
        .map(str::to_lowercase)
        .collect()
}

fn closeness(from: &RepoPath, path: &RepoPath, imports: &BTreeSet<String>) -> i32 {
    let stem = stem(path).to_lowercase();
    let folder = path.parent().rsplit('/').next().unwrap_or_default().to_lowercase();
    let mut score = 0;
    if path == from {
        score += 6;
    }
    if is_twin(from, path) {
        score += 5;
    }
    if imports.contains(&stem) {
        score += 4;
    }
    if imports.contains(&folder) {
        score += 1;
    }
    if path.parent() == from.parent() {
        score += 2;
    }
    let shared = from.as_str().split('/').zip(path.as_str().split('/')).take_while(|(a, b)| a == b).count();
    score + i32::try_from(shared.min(3)).unwrap_or(0)
}

/// Whether `line` defines `name`.
fn defines(language: Language, line: &str, name: &str) -> bool {
    let t = line.trim_start();
    if !has_word(t, &[name]) {
        return false;
    }
    let after_word = |words: &[&str]| {
        words.iter().any(|w| {
            t.match_indices(w).any(|(at, _)| {
                let before = t[..at].chars().next_back();
                let rest = t[at + w.len()..].trim_start();
                let whole = rest
                    .strip_prefix(name)
                    .is_some_and(|r| !r.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
                whole && before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
            })
        })
    };
    let top = t.len() == line.len();
    match language {
        Language::Python => {
            after_word(&["def ", "class "])
                || (top
                    && t.strip_prefix(name).is_some_and(|r| {
                        r.trim_start().starts_with(['=', ':']) && !r.trim_start().starts_with("==")
                    }))
        }
        Language::Rust => after_word(&[
            "fn ",
            "struct ",
            "enum ",
            "trait ",
            "type ",
            "const ",
            "static ",
            "mod ",
            "union ",
            "macro_rules! ",
        ]),
        Language::Go => {
            after_word(&["func ", "type ", "var ", "const "])
                || (t.starts_with("func (")
                    && t.split_once(')').is_some_and(|(_, rest)| {
                        rest.trim_start().starts_with(&format!("{name}("))
                            || rest.trim_start().starts_with(&format!("{name}["))
                    }))
        }
        Language::Java => {
            after_word(&["class ", "interface ", "enum ", "record ", "@interface "])
                || (t.contains(&format!("{name}("))
                    && !t.contains(&format!(".{name}("))
                    && !t.contains(&format!("new {name}("))
                    && !t.trim_end().ends_with(';')
                    && !has_word(t, &["return", "if", "while", "for", "throw", "assert"]))
        }
        Language::JavaScript | Language::TypeScript => {
            after_word(&[
                "function ",
                "function* ",
                "class ",
                "const ",
                "let ",
                "var ",
                "interface ",
                "type ",
                "enum ",
            ]) || t.starts_with(&format!("exports.{name} ="))
                || t.starts_with(&format!("module.exports.{name} ="))
                || (t.trim_end().ends_with('{')
                    && ["", "async ", "static ", "get ", "set ", "public ", "private "]
                        .iter()
                        .any(|p| t.starts_with(&format!("{p}{name}("))))
                || t.starts_with(&format!("{name}: function"))
                || t.starts_with(&format!("{name} = ("))
                || t.starts_with(&format!("{name}: ("))
        }
        Language::Other => false,
    }
}

fn stem(path: &RepoPath) -> &str {
    let name = path.file_name();
    name.split_once('.').map_or(name, |(stem, _)| stem)
}

/// `test_x.py` and `x.py`, `XTest.java` and `X.java`, `x.spec.ts` and `x.ts`, `x_test.go` and `x.go`.
pub(crate) fn is_twin(test: &RepoPath, path: &RepoPath) -> bool {
    let (a, b) = (stem(test), stem(path));
    if test == path || b.is_empty() || !Language::of(test.as_str()).is_kin(Language::of(path.as_str())) {
        return false;
    }
    // With a separator in any capitals; without one by its own: `AuditIT` is one of `Audit`, `audit` is of none.
    const SEPARATED: &[&str] = &["test", "tests", "spec", "it"];
    const CAPITALS: &[&str] = &["TestCase", "TestSuite", "Tests", "Test", "ITCase", "IT", "Spec"];
    let parted = |text: &'_ str| SEPARATED.iter().any(|word| text.eq_ignore_ascii_case(word));
    let subject = match (a.split_once(['_', '-']), a.rsplit_once(['_', '-'])) {
        (Some((first, rest)), _) if parted(first) => rest,
        (_, Some((rest, last))) if parted(last) => rest,
        _ => CAPITALS
            .iter()
            .find_map(|suffix| a.strip_suffix(suffix).filter(|rest| !rest.is_empty()))
            .or_else(|| a.strip_prefix("Test"))
            .unwrap_or(a),
    };
    subject.eq_ignore_ascii_case(b)
}

/// The files a test is about by name, nearest first.
pub(crate) fn twins(test: &RepoPath, tree: &dyn SourceTree, is_test: impl Fn(&str) -> bool) -> Vec<RepoPath> {
    let language = Language::of(test.as_str());
    let mut found: Vec<&RepoPath> =
        source_files(language, tree).filter(|p| is_twin(test, p) && !is_test(p.as_str())).collect();
    found.sort_by_key(|p| -closeness(test, p, &BTreeSet::new()));
    found.into_iter().take(3).cloned().collect()
}

/// Names that are called or are types, in the order they come; then those that are read from something or handed over.
pub(crate) fn used_names(language: Language, code: &str) -> Vec<String> {
    // A part of a file stands by itself once it begins at the left.
    let depth = code.lines().filter(|l| !l.trim().is_empty()).map(|l| indent_of(l).len()).min().unwrap_or(0);
    let part: String = code.lines().flat_map(|line| [line.get(depth..).unwrap_or_default(), "\n"]).collect();
    let Some(outline) = language.outline(&part) else { return Vec::new() };
    let is_first = |kind| matches!(kind, ReferenceKind::Call | ReferenceKind::Macro | ReferenceKind::Type);
    let (first, others): (Vec<_>, Vec<_>) = outline
        .references
        .iter()
        .filter(|r| r.kind != ReferenceKind::Parameter && !is_common(&r.name))
        .partition(|r| is_first(r.kind));
    // `x` and `i` name nothing that is defined elsewhere.
    let others = others.into_iter().filter(|r| r.name.len() > 2);
    let mut seen = BTreeSet::new();
    first.into_iter().chain(others).map(|r| r.name.clone()).filter(|name| seen.insert(name.clone())).collect()
}

/// Words of the languages and of their test frameworks.
#[expect(clippy::too_many_lines, reason = "it is a list of words")]
fn is_common(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "if",
        "for",
        "while",
        "switch",
        "catch",
        "return",
        "match",
        "fn",
        "func",
        "def",
        "function",
        "new",
        "await",
        "assert",
        "assert_eq",
        "assert_ne",
        "debug_assert",
        "panic",
        "println",
        "print",
        "printf",
        "format",
        "vec",
        "expect",
        "it",
        "test",
        "describe",
        "beforeEach",
        "afterEach",
        "beforeAll",
        "afterAll",
        "require",
        "import",
        "toBe",
        "toEqual",
        "toStrictEqual",
        "toThrow",
        "toHaveLength",
        "toContain",
        "toMatch",
        "toBeNull",
        "Some",
        "None",
        "Ok",
        "Err",
        "Box",
        "String",
        "Vec",
        "Self",
        "self",
        "super",
        "unwrap",
        "to_string",
        "into",
        "iter",
        "collect",
        "len",
        "str",
        "int",
        "float",
        "list",
        "dict",
        "set",
        "tuple",
        "range",
        "isinstance",
        "append",
        "push",
        "get",
        "map",
        "filter",
        "join",
        "keys",
        "values",
        "items",
        "sorted",
        "sum",
        "min",
        "max",
        "raises",
        "pytest",
        "unittest",
        "TestCase",
        "mark",
        "parametrize",
        "fixture",
        "assertEqual",
        "assertTrue",
        "assertFalse",
        "assertRaises",
        "assertEquals",
        "assertThrows",
        "assertNull",
        "assertNotNull",
        "assertThat",
        "Errorf",
        "Fatalf",
        "Error",
        "Fatal",
        "Run",
        "Helper",
        "Parallel",
        "Equal",
        "NoError",
        "Sprintf",
        "make",
        "Test",
        "Override",
        "Object",
        "Integer",
        "Double",
        "Long",
        "Boolean",
        "List",
        "Map",
        "Set",
        "Array",
        "Arrays",
        "ArrayList",
        "HashMap",
        "Exception",
        "System",
        "Math",
        "JSON",
        "Promise",
        "Number",
        "True",
        "False",
        "any",
        "all",
        "zip",
        "enumerate",
        "open",
        "type",
        "super",
        "clone",
        "derive",
        "cfg",
        "deepEqual",
        "strictEqual",
    ];
    WORDS.contains(&word)
}

/// The line on which a test stands, by the id its runner prints.
pub(crate) fn find_test(
    id: &str,
    hint: Option<&RepoPath>,
    tree: &dyn SourceTree,
    is_test: impl Fn(&str) -> bool,
) -> Option<(RepoPath, u32)> {
    let (file, rest) = match id.split_once("::") {
        Some((file, rest)) if file.contains('.') => (find_file(file, tree), rest),
        _ => (None, id),
    };
    let plain = rest.split(['[', '(']).next().unwrap_or(rest).trim();
    let last = plain
        .rsplit(
            ["::", "#", " > ", " › ", " » "].iter().find(|s| plain.contains(**s)).copied().unwrap_or("\u{0}"),
        )
        .next()
        .unwrap_or(plain);
    // Go's sub-tests and Java's packages.
    let names: Vec<&str> =
        [last, last.split('/').next().unwrap_or(last), last.rsplit('.').next().unwrap_or(last)]
            .into_iter()
            .filter(|n| n.len() > 2)
            .collect();
    let stands = |path: &RepoPath| -> Option<(RepoPath, u32)> {
        let text = tree.read_text(path).filter(|t| t.len() <= LARGEST_FILE)?;
        let language = Language::of(path.as_str());
        if !names.iter().any(|name| text.contains(name)) {
            return None;
        }
        let outline = language.outline(&text)?;
        let line = line_of_test(&outline, plain, &names)
            .or_else(|| names.iter().find_map(|name| line_of_name(&outline, &text, name)));
        let by_word = || {
            let code = code_only(language, &text);
            names.iter().find_map(|name| {
                let line = (1..).zip(&code).find(|(_, line)| defines(language, line, name));
                line.map(|(number, _)| number)
            })
        };
        let line = line.or_else(|| if outline.is_complete() { None } else { by_word() });
        line.map(|line| (path.clone(), line))
    };
    let first = file.as_ref().or(hint);
    if let Some(found) = first.and_then(stands) {
        return Some(found);
    }
    tree.files()
        .iter()
        .map(|f| &f.path)
        .filter(|p| is_test(p.as_str()) || Language::of(p.as_str()) == Language::Rust)
        .filter(|p| Language::of(p.as_str()) != Language::Other)
        .take(MOST_FILES / 4)
        .find_map(stands)
}

/// Where the test stands that a runner calls `id`: whose own id ends so, else whose name is one of `names`.
fn line_of_test(outline: &Outline, id: &str, names: &[&str]) -> Option<u32> {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let wanted = letters(id);
    let ends = |id: &str| wanted.ends_with(id) || id.ends_with(&wanted);
    // Of a suite and a case of one name the case is meant.
    let cases = || outline.tests.iter().filter(|test| test.kind == TestKind::Case);
    let by_id = cases()
        .filter(|test| names.contains(&test.name.as_str()) || test.id.ends_with(id))
        .find(|test| !wanted.is_empty() && ends(&letters(&test.id)));
    let by_name = || names.iter().find_map(|name| cases().find(|test| test.name == **name));
    by_id.or_else(by_name).map(|test| test.head_line)
}

/// Where what makes a test of this name may stand: a definition, or a string that is handed to what registers it.
fn line_of_name(outline: &Outline, text: &str, name: &str) -> Option<u32> {
    let defined = outline.defined(name).map(|definition| definition.head_line);
    let is_name = |raw: &str| {
        raw.trim_start_matches(['"', '\'', '`'])
            .strip_prefix(name)
            .is_some_and(|end| end.trim_end_matches(['"', '\'', '`']).is_empty() && !end.is_empty())
    };
    let strings = outline.literals.iter().filter(|literal| {
        literal.kind == LiteralKind::String && text.get(literal.bytes.clone()).is_some_and(is_name)
    });
    defined.chain(strings.map(|literal| literal.line)).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixer::testing::MemoryTree;

    fn path(p: &str) -> RepoPath {
        RepoPath::new(p).unwrap()
    }

    #[test]
    fn definitions_are_found_near_the_test() {
        let tree = MemoryTree::new(&[
            ("calc/ops.py", "def add(a, b):\n    return a - b\n\n\ndef sub(a, b):\n    return a - b\n"),
            ("other/ops2.py", "def add(a):\n    pass\n"),
            ("tests/test_ops.py", "from calc.ops import add\n\ndef test_add():\n    assert add(1, 2) == 3\n"),
        ]);
        let found =
            definitions(&["add".to_owned()], &path("tests/test_ops.py"), &tree, |p| p.starts_with("tests/"));
        assert_eq!((found[0].path.as_str(), found[0].lines), ("calc/ops.py", (1, 2)));
    }

    #[test]
    fn what_only_looks_like_a_definition_is_none() {
        let tree = MemoryTree::new(&[
            ("src/a.js", "const text = `\nfunction push(x) {\n}`;\n// function push() {}\n"),
            (
                "src/b.js",
                "export class Stack {\n  /** Adds. */\n  async push(x) {\n    this.x = x;\n  }\n}\n",
            ),
            ("lib/min.min.js", "function push(){}\n"),
            ("test/a.test.js", "push(1);\n"),
        ]);
        let found =
            definitions(&["push".to_owned()], &path("test/a.test.js"), &tree, |p| p.starts_with("test/"));
        let found: Vec<_> = found.iter().map(|d| (d.path.as_str(), d.lines)).collect();
        assert_eq!(found, [("src/b.js", (2, 5))]);
    }

    #[test]
    fn a_broken_file_is_read_as_far_as_it_goes() {
        let tree = MemoryTree::new(&[
            ("src/a.rs", "const HELP: &str = r#\"\npub fn push() {}\n\"#;\nfn broken( {\n"),
            ("src/b.rs", "pub fn push(x: u8) {\n    let a = \"}\";\n}\n\nfn broken() -> {\n    let x = ;\n"),
            ("tests/a.rs", "use b::push;\n"),
        ]);
        let found =
            definitions(&["push".to_owned()], &path("tests/a.rs"), &tree, |p| p.starts_with("tests/"));
        let found: Vec<_> = found.iter().map(|d| (d.path.as_str(), d.lines)).collect();
        assert_eq!(found, [("src/b.rs", (1, 3))]);
    }

    #[test]
    fn imports_of_the_file_alone_say_what_is_near() {
        let words = |language, text| import_words(language, text).into_iter().collect::<Vec<_>>();
        let text = "'''\nimport nothing\n'''\nfrom a.shop import (\n    cart as c,\n)\n\n\ndef f():\n    import late\n";
        assert_eq!(words(Language::Python, text), ["cart", "late", "shop"]);
        let text = "package a\n\nimport (\n\t\"example.com/m/shop\"\n)\n\nconst x = `\n\"other\"\n`\n";
        assert_eq!(words(Language::Go, text), ["com", "example", "shop"]);
    }

    #[test]
    fn each_language_s_definitions() {
        for (language, line, name) in [
            (Language::Rust, "pub async fn run(x: u8) {", "run"),
            (Language::Rust, "pub(crate) struct Run {", "Run"),
            (Language::Go, "func (s *Stack[T]) Pop() T {", "Pop"),
            (Language::Go, "func Pop() {", "Pop"),
            (Language::Java, "    public static int add(int a, int b) {", "add"),
            (Language::Java, "public final class Calc {", "Calc"),
            (Language::TypeScript, "export const add = (a: number) => a;", "add"),
            (Language::TypeScript, "  add(a: number): number {", "add"),
            (Language::JavaScript, "exports.add = function () {", "add"),
            (Language::Python, "    async def add(self):", "add"),
            (Language::Python, "LIMIT = 3", "LIMIT"),
        ] {
            assert!(defines(language, line, name), "{line}");
        }
        for (language, line, name) in [
            (Language::Rust, "    run(1);", "run"),
            (Language::Java, "    int c = add(1, 2);", "add"),
            (Language::Java, "    return add(1, 2)", "add"),
            (Language::Python, "x = add(1)", "add"),
            (Language::Python, "def adder():", "add"),
            (Language::JavaScript, "  add(1, 2);", "add"),
        ] {
            assert!(!defines(language, line, name), "{line}");
        }
    }

    #[test]
    fn twins_by_name() {
        for (test, source) in [
            ("tests/test_x.py", "src/x.py"),
            ("src/test/java/XTest.java", "src/main/java/X.java"),
            ("x_test.go", "x.go"),
            ("src/x.spec.ts", "src/x.ts"),
            ("test/x.test.js", "lib/x.js"),
            ("src/test/java/SOME_SORT_TEST.java", "src/main/java/SOME_SORT.java"),
            ("src/test/java/OrderITCase.java", "src/main/java/Order.java"),
            ("spec/x_spec.js", "lib/x.js"),
            ("test/test-x.js", "lib/x.js"),
        ] {
            assert!(is_twin(&path(test), &path(source)), "{test} {source}");
        }
        assert!(!is_twin(&path("tests/test_x.py"), &path("src/y.py")));
        assert!(!is_twin(&path("src/Latest.java"), &path("src/La.java")));
    }

    #[test]
    fn tests_are_found_by_their_ids() {
        let tree = MemoryTree::new(&[
            ("tests/test_a.py", "class TestA:\n    def test_x(self):\n        pass\n"),
            (
                "tests/test_b.py",
                "class TestA:\n    def test_x(self):\n        pass\n\nclass TestB:\n    # test_x\n    def test_x(self):\n        pass\n",
            ),
            ("a_test.go", "package a\n\nfunc TestFoo(t *testing.T) {\n}\n"),
            ("src/lib.rs", "#[cfg(test)]\nmod tests {\n    #[test]\n    fn works() {}\n}\n"),
            ("src/test/java/ATest.java", "class ATest {\n    @Test\n    void adds() {\n    }\n}\n"),
            ("web/a.test.ts", "describe('a', () => {\n  it('adds two numbers', () => {\n  });\n});\n"),
            (
                "web/b.test.js",
                "// 'subtracts'\nconst rows = `\n'subtracts'\n`;\nmyCase('subtracts', () => {});\n",
            ),
        ]);
        let is_test = |p: &str| p.contains("test");
        for (id, want) in [
            ("tests/test_b.py::TestB::test_x", ("tests/test_b.py", 7)),
            ("tests/test_a.py::TestA::test_x[1-2]", ("tests/test_a.py", 2)),
            ("TestFoo/sub", ("a_test.go", 3)),
            ("tests::works", ("src/lib.rs", 4)),
            ("p.ATest.adds", ("src/test/java/ATest.java", 3)),
            ("a > adds two numbers", ("web/a.test.ts", 2)),
            ("subtracts", ("web/b.test.js", 5)),
        ] {
            let (file, line) = find_test(id, None, &tree, is_test).unwrap_or_else(|| panic!("{id}"));
            assert_eq!((file.as_str(), line), want, "{id}");
        }
    }

    #[test]
    fn names_used_in_a_test() {
        let code = "def test_a():\n    c = Calculator()\n    assert c.add(1, 'f(x)') == 3\n";
        assert_eq!(used_names(Language::Python, code), ["Calculator", "add"]);
        let code = "assert list(map(tidied, names)) == settings.limit\nx = y\n";
        assert_eq!(used_names(Language::Python, code), ["tidied", "names", "limit"]);
        assert_eq!(used_names(Language::JavaScript, "return list.map(double);"), ["double"]);
        // What is broken, and what only stands in a string or a remark.
        let code = "assert!(cart.total( == 3, \"{}\", \"discount(1)\"); // tax(2)";
        let names = used_names(Language::Rust, code);
        assert!(names.contains(&"total".to_owned()), "{names:?}");
        assert!(!names.iter().any(|name| ["discount", "tax"].contains(&name.as_str())), "{names:?}");
    }
}
