//! Hints for reports whose tool states none, where the report and the repository leave one candidate: a name that
//! nothing brings in, and one place it can come from.

use std::collections::BTreeSet;

use crate::contract::bug::{Applicability, BugReport, Hint, Suggestion};
use crate::contract::git::{RepoPath, SourceTree};
use crate::fixer::language::Language;
use crate::placing::find_file;

/// Modules of Python's standard library that code uses as `module.name`.
const PYTHON_MODULES: &[&str] = &[
    "abc",
    "argparse",
    "array",
    "ast",
    "asyncio",
    "base64",
    "bisect",
    "calendar",
    "collections",
    "concurrent",
    "configparser",
    "contextlib",
    "copy",
    "csv",
    "ctypes",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "email",
    "enum",
    "errno",
    "fnmatch",
    "fractions",
    "functools",
    "gc",
    "getpass",
    "glob",
    "gzip",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "http",
    "importlib",
    "inspect",
    "io",
    "ipaddress",
    "itertools",
    "json",
    "logging",
    "math",
    "mimetypes",
    "multiprocessing",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "platform",
    "pprint",
    "queue",
    "random",
    "re",
    "secrets",
    "shlex",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "ssl",
    "statistics",
    "string",
    "struct",
    "subprocess",
    "sys",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "timeit",
    "traceback",
    "types",
    "typing",
    "unittest",
    "urllib",
    "uuid",
    "warnings",
    "weakref",
    "xml",
    "zipfile",
    "zlib",
    "zoneinfo",
];

/// Names with one home in Python's standard library.
const PYTHON_NAMES: &[(&str, &str)] = &[
    ("Path", "pathlib"),
    ("defaultdict", "collections"),
    ("OrderedDict", "collections"),
    ("namedtuple", "collections"),
    ("deque", "collections"),
    ("dataclass", "dataclasses"),
    ("Decimal", "decimal"),
    ("Fraction", "fractions"),
    ("Enum", "enum"),
    ("partial", "functools"),
    ("lru_cache", "functools"),
    ("wraps", "functools"),
    ("reduce", "functools"),
    ("chain", "itertools"),
    ("contextmanager", "contextlib"),
    ("timedelta", "datetime"),
    ("Any", "typing"),
    ("Callable", "typing"),
    ("Dict", "typing"),
    ("Iterable", "typing"),
    ("Iterator", "typing"),
    ("List", "typing"),
    ("NamedTuple", "typing"),
    ("Optional", "typing"),
    ("Protocol", "typing"),
    ("Sequence", "typing"),
    ("Tuple", "typing"),
    ("TypeVar", "typing"),
    ("Union", "typing"),
];

/// Classes of the JDK that are meant nearly always when they are named without a package.
const JAVA_CLASSES: &[(&str, &str)] = &[
    (
        "java.util",
        "ArrayDeque ArrayList Arrays Collection Collections Comparator Deque EnumMap EnumSet HashMap HashSet Iterator LinkedHashMap LinkedHashSet LinkedList List Locale Map NoSuchElementException Objects Optional OptionalInt PriorityQueue Properties Queue Random Scanner Set SortedMap StringJoiner TreeMap TreeSet UUID",
    ),
    (
        "java.util.function",
        "BiConsumer BiFunction BinaryOperator Consumer Function IntFunction Predicate Supplier UnaryOperator",
    ),
    ("java.util.stream", "Collectors IntStream LongStream Stream StreamSupport"),
    (
        "java.util.concurrent",
        "Callable CompletableFuture ConcurrentHashMap CountDownLatch ExecutorService Executors Future ThreadLocalRandom TimeUnit",
    ),
    ("java.util.concurrent.atomic", "AtomicBoolean AtomicInteger AtomicLong AtomicReference"),
    ("java.util.regex", "Matcher Pattern"),
    (
        "java.io",
        "BufferedReader BufferedWriter ByteArrayInputStream ByteArrayOutputStream File FileNotFoundException FileReader FileWriter IOException InputStream InputStreamReader OutputStream PrintStream PrintWriter Serializable StringReader StringWriter UncheckedIOException",
    ),
    ("java.nio.file", "Files Path Paths"),
    ("java.nio.charset", "Charset StandardCharsets"),
    ("java.math", "BigDecimal BigInteger RoundingMode"),
    ("java.time", "Duration Instant LocalDate LocalDateTime LocalTime ZoneId ZonedDateTime"),
    ("java.net", "URI URISyntaxException URL"),
];

/// The hint a report without one still allows.
pub(super) fn hint(bug: &BugReport, tree: &dyn SourceTree) -> Option<Hint> {
    let file = bug.file.as_deref()?;
    if let Some(hint) = extension(&bug.message, file, tree) {
        return Some(hint);
    }
    let name = missing_name(&bug.message)?;
    let statement = match Language::of(file) {
        Language::Python => python(name, file, tree),
        Language::Java => java(name, file, tree),
        _ => None,
    }?;
    Some(Hint {
        text: format!("`{name}` is not brought in: {statement}"),
        applicability: Applicability::MaybeIncorrect,
        suggestions: vec![Suggestion::AddImport { file: file.to_owned(), statement }],
    })
}

/// `name 'x' is not defined`, `undefined name 'x'`, `symbol: class X`.
fn missing_name(message: &str) -> Option<&str> {
    let name =
        |text: &str| -> usize { text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len()) };
    const BEFORE: &[&str] = &["name '", "name \"", "name `", "Undefined variable '", "undefined-variable) '"];
    let python = BEFORE.iter().find_map(|before| {
        let rest = &message[message.find(before)? + before.len()..];
        let found = &rest[..name(rest)];
        let said = message.contains("not defined") || message.to_lowercase().contains("undefined");
        (said && !found.is_empty()).then_some(found)
    });
    python.or_else(|| {
        let rest = &message[message.find("symbol:")? + "symbol:".len()..];
        let rest = rest.trim_start();
        let rest = rest.strip_prefix("class ").or_else(|| rest.strip_prefix("variable "))?.trim_start();
        let found = &rest[..name(rest)];
        found.starts_with(char::is_uppercase).then_some(found)
    })
}

/// ECMAScript modules name the whole file: `./words` where `./words.js` is there.
fn extension(message: &str, file: &str, tree: &dyn SourceTree) -> Option<Hint> {
    let missing = message.split("Cannot find module '").nth(1)?.split('\'').next()?;
    if !message.contains("imported from") || !Language::of(file).is_kin(Language::JavaScript) {
        return None;
    }
    let path = find_file(file, tree)?;
    let text = tree.read_text(&path)?;
    let name = missing.rsplit('/').next().filter(|n| !n.is_empty())?;
    for (number, line) in (1..).zip(text.lines()) {
        for quote in ['\'', '"'] {
            // `./words'`, `../a/words"`: a relative specifier that ends with the name.
            let Some(at) = line.find(&format!("/{name}{quote}")) else { continue };
            let Some(start) = line[..at].rfind(quote) else { continue };
            let specifier = &line[start + 1..at + 1 + name.len()];
            let Some(target) = resolve(path.parent(), specifier) else { continue };
            let mut there = ["js", "mjs", "cjs"]
                .iter()
                .map(|ext| format!(".{ext}"))
                .chain(["/index.js".to_owned()])
                .filter(|end| {
                    RepoPath::new(&format!("{target}{end}")).is_ok_and(|path| tree.entry(&path).is_some())
                });
            let (Some(end), None) = (there.next(), there.next()) else { continue };
            let old = format!("{quote}{specifier}{quote}");
            let new = format!("{quote}{specifier}{end}{quote}");
            return Some(Hint {
                text: format!("the module is {specifier}{end}"),
                applicability: Applicability::MaybeIncorrect,
                suggestions: vec![Suggestion::ReplaceText {
                    file: file.to_owned(),
                    line: number,
                    column: None,
                    old,
                    new,
                }],
            });
        }
    }
    None
}

/// A relative specifier from a folder of the repository, without leaving it.
fn resolve(folder: &str, specifier: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    if !specifier.starts_with('.') {
        return None;
    }
    for part in specifier.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

fn python(name: &str, file: &str, tree: &dyn SourceTree) -> Option<String> {
    let path = find_file(file, tree)?;
    let text = tree.read_text(&path)?;
    if PYTHON_MODULES.contains(&name) {
        // Used as a module, and no file of the project goes by that name.
        let used = text.match_indices(&format!("{name}.")).next().is_some();
        let own = format!("{name}.py");
        let shadowed = tree.files().iter().any(|f| f.path.file_name() == own);
        return (used && !shadowed).then(|| format!("import {name}"));
    }
    if let Some((_, module)) = PYTHON_NAMES.iter().find(|(known, _)| *known == name) {
        return Some(format!("from {module} import {name}"));
    }
    // As the rest of the project brings it in, if it does so in one way only.
    let mut ways = BTreeSet::new();
    for other in tree.files().iter().filter(|f| f.path != path && f.path.extension() == Some("py")).take(2000)
    {
        let Some(text) = tree.read_text(&other.path) else { continue };
        for line in text.lines() {
            if let Some((module, names)) = line.strip_prefix("from ").and_then(|r| r.split_once(" import "))
                && !module.starts_with('.')
                && names.split(',').any(|n| n.trim() == name)
            {
                ways.insert(format!("from {module} import {name}"));
            }
        }
    }
    only(ways)
}

fn java(name: &str, file: &str, tree: &dyn SourceTree) -> Option<String> {
    let path = find_file(file, tree)?;
    let own = package_of(&tree.read_text(&path)?);
    let mut ways = BTreeSet::new();
    let wanted = format!("{name}.java");
    for other in tree.files().iter().filter(|f| f.path.file_name() == wanted) {
        let package = package_of(&tree.read_text(&other.path)?)?;
        if Some(&package) != own.as_ref() {
            ways.insert(format!("import {package}.{name};"));
        }
    }
    if ways.is_empty() {
        for (package, names) in JAVA_CLASSES {
            if names.split(' ').any(|known| known == name) {
                ways.insert(format!("import {package}.{name};"));
            }
        }
    }
    only(ways)
}

fn package_of(text: &str) -> Option<String> {
    let line = text.lines().find_map(|l| l.trim().strip_prefix("package "))?;
    Some(line.trim_end_matches(';').trim().to_owned())
}

fn only(ways: BTreeSet<String>) -> Option<String> {
    let mut ways = ways.into_iter();
    ways.next().filter(|_| ways.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::bug::Category;
    use crate::fixer::testing::{MemoryTree, bug};

    fn statement(files: &[(&str, &str)], file: &str, message: &str) -> Option<String> {
        let tree = MemoryTree::new(files);
        let hint = hint(&bug("x", Category::Import, file, 1, message), &tree)?;
        match &hint.suggestions[..] {
            [Suggestion::AddImport { statement, .. }] => Some(statement.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_candidate_is_a_hint() {
        let py = |text: &str, message: &str| statement(&[("a.py", text)], "a.py", message);
        assert_eq!(py("math.pi\n", "NameError: name 'math' is not defined").unwrap(), "import math");
        assert_eq!(py("Path('x')\n", "undefined name 'Path'").unwrap(), "from pathlib import Path");
        assert_eq!(py("math\n", "name 'math' is not defined"), None, "not used as a module");
        assert_eq!(py("foo()\n", "name 'foo' is not defined"), None);
        let java = |message: &str| {
            statement(
                &[("p/A.java", "package p;\nclass A {}\n"), ("q/Own.java", "package q;\nclass Own {}\n")],
                "p/A.java",
                message,
            )
        };
        assert_eq!(
            java("cannot find symbol\n  symbol:   class HashMap\n  location: class A").unwrap(),
            "import java.util.HashMap;"
        );
        assert_eq!(java("cannot find symbol\nsymbol: class Own").unwrap(), "import q.Own;");
        assert_eq!(java("cannot find symbol\nsymbol: method foo()"), None);
    }

    #[test]
    fn modules_are_named_with_their_extension() {
        let tree = MemoryTree::new(&[
            ("src/slug.js", "import a from './a.js';\nimport { words } from '../lib/words';\n"),
            ("lib/words.js", ""),
        ]);
        let message =
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/w/lib/words' imported from /w/src/slug.js";
        let found = hint(&bug("node", Category::Import, "src/slug.js", 2, message), &tree).unwrap();
        assert_eq!(
            found.suggestions,
            [Suggestion::ReplaceText {
                file: "src/slug.js".to_owned(),
                line: 2,
                column: None,
                old: "'../lib/words'".to_owned(),
                new: "'../lib/words.js'".to_owned(),
            }]
        );
        let gone = message.replace("words'", "other'");
        assert!(hint(&bug("node", Category::Import, "src/slug.js", 2, &gone), &tree).is_none());
    }

    #[test]
    fn the_project_s_own_way_counts_if_it_is_one() {
        let files = [
            ("a.py", "total()\n"),
            ("b.py", "from shop.cart import total\n"),
            ("c.py", "from shop.cart import count, total\n"),
        ];
        assert_eq!(
            statement(&files, "a.py", "name 'total' is not defined").unwrap(),
            "from shop.cart import total"
        );
        let two =
            [("a.py", "total()\n"), ("b.py", "from x import total\n"), ("c.py", "from y import total\n")];
        assert_eq!(statement(&two, "a.py", "name 'total' is not defined"), None);
    }
}
