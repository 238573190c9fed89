//! Where modules come from: the standard library, the repository, its manifests; and what importing one does.

use super::canonical::Canonical;
use super::finding::has_word;
use super::imports::Binding;
use super::tree::{Grammar, parse};
use crate::contract::git::{RepoPath, SourceTree};

/// Python's own modules, which code and its tests import by these names.
const STANDARD_MODULES: &str = "\
    abc aifc argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect builtins bz2 \
    cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall concurrent \
    configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal \
    difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput \
    fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq \
    hmac html http imaplib imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache \
    locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing \
    netrc nis nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb pickle \
    pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile \
    pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched \
    secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 \
    sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau symtable sys \
    sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap threading time timeit tkinter token \
    tokenize tomllib trace traceback tracemalloc tty turtle types typing unicodedata unittest urllib uu uuid venv \
    warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib \
    zoneinfo";

/// Node's own modules.
const NODE_MODULES: &str = "\
    assert assert/strict async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel \
    dns dns/promises domain events fs fs/promises http http2 https inspector module net os path path/posix path/win32 \
    perf_hooks process punycode querystring readline readline/promises repl stream stream/consumers stream/promises \
    stream/web string_decoder sys timers timers/promises tls trace_events tty url util util/types v8 vm wasi \
    worker_threads zlib";

/// Whether this is the name of a module of Python's standard library.
#[must_use]
pub fn is_standard_python_module(name: &str) -> bool {
    STANDARD_MODULES.split_whitespace().any(|module| module == name)
}

/// Whether this is the name of a module that comes with Node.
pub(super) fn is_standard_node_module(name: &str) -> bool {
    NODE_MODULES.split_whitespace().any(|module| module == name)
}

/// Where a module is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Standard,
    /// A file of the repository.
    Repository(RepoPath),
    /// A package of the repository that is no file.
    Package,
    /// Somebody else's, listed in a manifest.
    Listed,
    Unknown,
}

pub(super) fn origin(grammar: Grammar, from: &str, binding: &Binding, tree: &dyn SourceTree) -> Origin {
    match grammar {
        Grammar::Python => python(from, binding, tree),
        Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => script(from, &binding.module, tree),
        Grammar::Go => go(&binding.module, tree),
        Grammar::Rust => rust(binding, tree),
        Grammar::Java => java(binding, tree),
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn existing(path: &str, tree: &dyn SourceTree) -> Option<RepoPath> {
    let path = RepoPath::new(path).ok()?;
    tree.entry(&path).map(|_| path)
}

/// The only file that ends so.
fn only(tail: &str, tree: &dyn SourceTree) -> Option<RepoPath> {
    let inner = format!("/{tail}");
    let mut fits =
        tree.files().iter().filter(|f| f.path.as_str() == tail || f.path.as_str().ends_with(&inner));
    match (fits.next(), fits.next()) {
        (Some(only), None) => Some(only.path.clone()),
        _ => None,
    }
}

fn manifests_name(tree: &dyn SourceTree, is_manifest: impl Fn(&str) -> bool, package: &str) -> bool {
    let folded = |text: &str| text.to_lowercase().replace(['_', '.'], "-");
    let package = folded(package);
    let manifests =
        tree.files().iter().filter(|f| is_manifest(f.path.as_str().rsplit('/').next().unwrap_or_default()));
    manifests.take(50).filter_map(|f| tree.read_text(&f.path)).any(|text| {
        folded(&text)
            .split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '@' || c == '/'))
            .any(|word| word == package)
    })
}

fn python(from: &str, binding: &Binding, tree: &dyn SourceTree) -> Origin {
    let dots = binding.module.chars().take_while(|c| *c == '.').count();
    let path = binding.module[dots..].replace('.', "/");
    let mut places = Vec::new();
    // `from . import x` is mostly the module x.
    let inner = binding.member.as_ref().map(|member| match path.as_str() {
        "" => member.clone(),
        path => format!("{path}/{member}"),
    });
    for path in inner.iter().chain((!path.is_empty()).then_some(&path)) {
        places.push(format!("{path}.py"));
        places.push(format!("{path}/__init__.py"));
    }
    if dots > 0 {
        let mut base = folder(from);
        for _ in 1..dots {
            base = folder(base);
        }
        let at = |place: &String| if base.is_empty() { place.clone() } else { format!("{base}/{place}") };
        return places
            .iter()
            .find_map(|p| existing(&at(p), tree))
            .map_or(Origin::Unknown, Origin::Repository);
    }
    let first = binding.module.split('.').next().unwrap_or_default();
    if let Some(file) = places.iter().find_map(|place| existing(place, tree).or_else(|| only(place, tree))) {
        // Of the same name as one of the standard library: which of them is meant, only the path tells.
        return if is_standard_python_module(first) { Origin::Unknown } else { Origin::Repository(file) };
    }
    if is_standard_python_module(first) {
        return Origin::Standard;
    }
    let is_manifest = |name: &str| {
        matches!(name, "pyproject.toml" | "setup.cfg" | "setup.py" | "Pipfile")
            || name.starts_with("requirements") && name.ends_with(".txt")
    };
    if manifests_name(tree, is_manifest, first) { Origin::Listed } else { Origin::Unknown }
}

fn script(from: &str, module: &str, tree: &dyn SourceTree) -> Origin {
    if module.starts_with('.') {
        let mut parts: Vec<&str> = folder(from).split('/').filter(|p| !p.is_empty()).collect();
        for part in module.split('/') {
            match part {
                "." | "" => {}
                ".." => {
                    if parts.pop().is_none() {
                        return Origin::Unknown;
                    }
                }
                part => parts.push(part),
            }
        }
        let path = parts.join("/");
        let bare = path.strip_suffix(".js").or_else(|| path.strip_suffix(".mjs")).unwrap_or(&path).to_owned();
        let ends = [
            "",
            ".ts",
            ".tsx",
            ".js",
            ".jsx",
            ".mjs",
            ".cjs",
            ".mts",
            "/index.ts",
            "/index.tsx",
            "/index.js",
        ];
        let places = ends.iter().flat_map(|end| [format!("{path}{end}"), format!("{bare}{end}")]);
        return places
            .into_iter()
            .find_map(|p| existing(&p, tree))
            .map_or(Origin::Unknown, Origin::Repository);
    }
    let own = module.strip_prefix("node:").unwrap_or(module);
    if is_standard_node_module(own) || module.starts_with("node:") {
        return Origin::Standard;
    }
    let parts = if module.starts_with('@') { 2 } else { 1 };
    let package = module.split('/').take(parts).collect::<Vec<_>>().join("/");
    if manifests_name(tree, |name| name == "package.json", &package) {
        Origin::Listed
    } else {
        Origin::Unknown
    }
}

fn go(path: &str, tree: &dyn SourceTree) -> Origin {
    let manifests = tree.files().iter().filter(|f| f.path.as_str().rsplit('/').next() == Some("go.mod"));
    for file in manifests.take(20) {
        for line in tree.read_text(&file.path).unwrap_or_default().lines() {
            let words: Vec<&str> = line.split_whitespace().filter(|w| *w != "require").collect();
            let covers = |module: &str| path == module || path.starts_with(&format!("{module}/"));
            match words[..] {
                ["module", module] if covers(module) => return Origin::Package,
                [module, version, ..] if version.starts_with('v') && covers(module) => return Origin::Listed,
                _ => {}
            }
        }
    }
    let standard = path.split('/').next().is_some_and(|first| !first.is_empty() && !first.contains('.'));
    if standard { Origin::Standard } else { Origin::Unknown }
}

fn rust(binding: &Binding, tree: &dyn SourceTree) -> Origin {
    let krate = binding.module.split("::").next().unwrap_or_default();
    match krate {
        "std" | "core" | "alloc" => Origin::Standard,
        "crate" | "super" | "self" => Origin::Package,
        "" => Origin::Unknown,
        name if manifests_name(tree, |file| file == "Cargo.toml", name) => Origin::Listed,
        _ => Origin::Unknown,
    }
}

fn java(binding: &Binding, tree: &dyn SourceTree) -> Origin {
    if binding.module.starts_with("java.") || binding.module.starts_with("javax.") {
        return Origin::Standard;
    }
    let path = format!("{}/{}.java", binding.module.replace('.', "/"), binding.name);
    only(&path, tree).map_or(Origin::Unknown, Origin::Repository)
}

/// Whether a file of the repository defines `name` for others.
pub(super) fn defines(grammar: Grammar, path: &RepoPath, name: &str, tree: &dyn SourceTree) -> bool {
    let Some(text) = tree.read_text(path) else { return false };
    let Ok(parsed) = parse(Grammar::of(path.as_str()).unwrap_or(grammar), &text) else { return false };
    let code = Canonical::of(&parsed);
    top_level(&code).into_iter().any(|statement| {
        let defined = code.child(statement, "name").or_else(|| code.child(statement, "left"));
        defined.is_some_and(|n| code.nodes[n].text == name)
            || code.nodes[statement].kind.contains("lexical_declaration")
                && code.nodes[statement]
                    .children
                    .iter()
                    .any(|c| code.child(*c, "name").is_some_and(|n| code.nodes[n].text == name))
    })
}

/// The statements of a file, without what wraps them.
fn top_level(code: &Canonical<'_>) -> Vec<usize> {
    let mut found = Vec::new();
    let mut open: Vec<usize> = code.nodes[code.root].children.iter().rev().copied().collect();
    while let Some(id) = open.pop() {
        match code.nodes[id].kind {
            "export_statement" | "decorated_definition" | "expression_statement" => {
                open.extend(code.nodes[id].children.iter().rev());
            }
            _ => found.push(id),
        }
    }
    found
}

/// Whether importing this file of the repository does nothing but define: nothing is called or set outside functions,
/// nothing is registered, and nothing it imports is there for its effect.
pub(super) fn only_defines(grammar: Grammar, path: &RepoPath, tree: &dyn SourceTree) -> bool {
    let Some(text) = tree.read_text(path) else { return false };
    let Ok(parsed) = parse(Grammar::of(path.as_str()).unwrap_or(grammar), &text) else { return false };
    let code = Canonical::of(&parsed);
    let mut open = vec![code.root];
    while let Some(id) = open.pop() {
        let node = &code.nodes[id];
        let acts = match node.kind {
            // Bodies run when they are called.
            "function_definition"
            | "function_declaration"
            | "generator_function_declaration"
            | "arrow_function"
            | "function_expression"
            | "method_definition"
            | "lambda" => continue,
            "call"
            | "call_expression"
            | "new_expression"
            | "await"
            | "await_expression"
            | "decorator"
            | "augmented_assignment"
            | "augmented_assignment_expression"
            | "delete_statement"
            | "wildcard_import"
            | "for_statement"
            | "while_statement"
            | "with_statement"
            | "raise_statement"
            | "throw_statement"
            | "assert_statement"
            | "update_expression"
            | "class_static_block"
            | "template_string" => true,
            "assignment" | "assignment_expression" => {
                code.child(id, "left").is_none_or(|left| code.nodes[left].kind != "identifier")
            }
            // A base class may keep a list of who derives from it.
            "class_definition" => code.child(id, "superclasses").is_some(),
            "import_statement" => {
                matches!(super::imports::read(&code, id), None | Some(super::imports::Import::Effect(_)))
            }
            _ => false,
        };
        if acts {
            return false;
        }
        open.extend(&node.children);
    }
    true
}

/// Whether a file of the repository makes `name` a fixture or a test.
pub(super) fn is_collected(path: &RepoPath, name: &str, tree: &dyn SourceTree) -> bool {
    let Some(text) = tree.read_text(path) else { return true };
    let Ok(parsed) = parse(Grammar::Python, &text) else { return true };
    let code = Canonical::of(&parsed);
    let mut found = false;
    for id in code.nodes[code.root].children.iter().copied() {
        let (definition, decorated) = match code.nodes[id].kind {
            "decorated_definition" => (code.child(id, "definition").unwrap_or(id), true),
            _ => (id, false),
        };
        let Some(named) = code.child(definition, "name") else { continue };
        if code.nodes[named].text == name {
            found = true;
            let tests = code
                .child(definition, "superclasses")
                .is_some_and(|s| code.words(s).iter().any(|w| w.contains("Test") || w.contains("Case")));
            if decorated || tests {
                return true;
            }
        }
    }
    // Assigned or imported there from elsewhere: who knows.
    !found && has_word(&text, "fixture")
}
