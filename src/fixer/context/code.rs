//! What the repository's code says: files read by their syntax, and where the names in them are defined.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use crate::contract::git::{RepoPath, SourceTree};
use crate::syntax::{
    Bytes, Definition, DefinitionKind, Grammar, Import, ImportKind, LiteralKind, Outline, Place, Reference,
    ReferenceKind, Resolution, Resolver, is_generated, is_minified, shared_outline,
};

/// Files and bytes that are parsed for one request: what is shown must not cost seconds.
const MOST_FILES: usize = 200;
const MOST_BYTES: usize = 3 << 20;
/// A larger file is generated, mostly.
const LARGEST_FILE: usize = 400_000;
/// Names that are passed on are followed so far.
const MAX_CHAIN: usize = 6;
/// Places that are searched: files that pass on all of each other have no end.
const MOST_SEARCHES: usize = 5_000;
/// Of one of several modules that may be meant.
const MOST_DEFINED: usize = 6;
/// Strings of one piece of code that may name modules.
const MOST_STRINGS: usize = 40;
/// Searches within searches: a class that derives from its own members has no end either.
const MAX_DEPTH: usize = 24;

pub(super) struct Source {
    pub(super) path: RepoPath,
    pub(super) text: String,
    pub(super) outline: Arc<Outline>,
}

/// Where a name leads.
#[derive(Clone)]
pub(super) struct Hit {
    pub(super) source: Rc<Source>,
    /// The definition, by its place in the outline; `None`: the file itself.
    pub(super) definition: Option<usize>,
}

impl Hit {
    pub(super) fn definition(&self) -> Option<&Definition> {
        self.source.outline.definitions.get(self.definition?)
    }
}

pub(super) struct Code<'t> {
    tree: &'t dyn SourceTree,
    resolver: Resolver<'t>,
    read: RefCell<HashMap<RepoPath, Option<Rc<Source>>>>,
    bytes_left: Cell<usize>,
    brought: RefCell<HashMap<RepoPath, Rc<[RepoPath]>>>,
    searches_left: Cell<usize>,
    depth: Cell<usize>,
}

impl<'t> Code<'t> {
    pub(super) fn new(tree: &'t dyn SourceTree) -> Self {
        Self {
            tree,
            resolver: Resolver::new(tree),
            read: RefCell::default(),
            bytes_left: Cell::new(MOST_BYTES),
            brought: RefCell::default(),
            searches_left: Cell::new(MOST_SEARCHES),
            depth: Cell::new(0),
        }
    }

    /// A file by its syntax; never one that is generated, minified, or in another language.
    pub(super) fn source(&self, path: &RepoPath) -> Option<Rc<Source>> {
        if let Some(known) = self.read.borrow().get(path) {
            return known.clone();
        }
        let parsed = self.parse(path).map(Rc::new);
        self.read.borrow_mut().insert(path.clone(), parsed.clone());
        parsed
    }

    /// The same, where the name stands in it at all: looking for words is cheaper than parsing.
    fn source_with(&self, path: &RepoPath, name: &str) -> Option<Rc<Source>> {
        let known = self.read.borrow().contains_key(path);
        if !known && !self.tree.read_text(path).is_some_and(|text| text.contains(name)) {
            return None;
        }
        self.source(path).filter(|source| source.text.contains(name))
    }

    fn parse(&self, path: &RepoPath) -> Option<Source> {
        let grammar = Grammar::of(path.as_str())?;
        if self.read.borrow().len() >= MOST_FILES {
            return None;
        }
        let text =
            self.tree.read_text(path).filter(|t| t.len() <= LARGEST_FILE.min(self.bytes_left.get()))?;
        if is_generated(path.as_str(), &text) || is_minified(path.as_str(), &text) {
            return None;
        }
        self.bytes_left.set(self.bytes_left.get() - text.len());
        let outline = shared_outline(grammar, &text).ok()?;
        Some(Source { path: path.clone(), text, outline })
    }

    /// The definitions a reference means, the surest first. `types`: of what kinds the values around may be.
    pub(super) fn meant(&self, from: &Rc<Source>, reference: &Reference, types: &[Hit]) -> Vec<Hit> {
        let name = reference.name.as_str();
        match reference.qualifier.as_deref() {
            None => self.unqualified(from, name, reference.kind),
            Some("self" | "this" | "cls" | "Self" | "super()") => {
                let own = definitions_of(from, name, |d| d.parent.is_some());
                let own = if own.is_empty() { self.of_bases(from, reference.line, name) } else { own };
                // `self::f` of Rust.
                if own.is_empty() { self.unqualified(from, name, reference.kind) } else { own }
            }
            Some(_) if is_method(from, reference) => self.of_value(from, name, types),
            Some(qualifier) => self.qualified(from, qualifier, name, types),
        }
    }

    fn unqualified(&self, from: &Rc<Source>, name: &str, kind: ReferenceKind) -> Vec<Hit> {
        let is_method = |d: &Definition| matches!(d.kind, DefinitionKind::Method | DefinitionKind::Field);
        // `const app = require('..')` defines a name, and means what it imports.
        let binds = from.outline.imports.iter().flat_map(|i| &i.names).any(|n| n.local == name);
        let own = definitions_of(from, name, |d| !is_method(d) || from.outline.grammar == Grammar::Java);
        if !own.is_empty() && !binds {
            return own;
        }
        let imported = self.imported(from, name, &[]);
        if !imported.is_empty() {
            return imported;
        }
        if !own.is_empty() {
            return own;
        }
        let mut found = Vec::new();
        // A fixture has its name only in a parameter, and a package's names need no import.
        if kind == ReferenceKind::Parameter || from.outline.grammar != Grammar::Python {
            let mut neighbours = self.resolver.neighbours(&from.path).to_vec();
            neighbours.sort_by_key(|p| p.file_name().split('.').next() != Some(name));
            for path in neighbours {
                let Some(source) = self.source_with(&path, name) else { continue };
                found.extend(definitions_of(&source, name, |d| !is_method(d)));
                if !found.is_empty() {
                    break;
                }
            }
        }
        found
    }

    fn qualified(&self, from: &Rc<Source>, qualifier: &str, name: &str, types: &[Hit]) -> Vec<Hit> {
        let parts: Vec<&str> =
            qualifier.split(['.', ':']).map(plain_part).filter(|part| !part.is_empty()).collect();
        let Some((first, rest)) = parts.split_first() else { return Vec::new() };
        let mut below: Vec<&str> = rest.to_vec();
        below.push(name);
        let imported = self.imported(from, first, &below);
        if !imported.is_empty() {
            return imported;
        }
        // `Stack::new`, `Cart.empty()` of a type right here or of the package.
        let in_types: Vec<Hit> = self
            .unqualified(from, parts[parts.len() - 1], ReferenceKind::Type)
            .iter()
            .flat_map(|hit| self.member(hit, name, MAX_CHAIN))
            .collect();
        if !in_types.is_empty() {
            return in_types;
        }
        if from.outline.grammar == Grammar::Rust && qualifier.contains("::") || is_rust_path(from, first) {
            let module = parts.join("::");
            if let Resolution::Repository(place) = self.resolver.resolve(&from.path, &module, &[name]) {
                let found = self.find(&place, MAX_CHAIN);
                if !found.is_empty() {
                    return found;
                }
            }
        }
        self.of_value(from, name, types)
    }

    /// A method of a value: of one of the types around it, else of whatever has it nearby.
    fn of_value(&self, from: &Rc<Source>, name: &str, types: &[Hit]) -> Vec<Hit> {
        let of_types: Vec<Hit> = types.iter().flat_map(|hit| self.member(hit, name, 2)).collect();
        if !of_types.is_empty() {
            return unique(of_types);
        }
        self.method_nearby(from, name)
    }

    /// Where a name that `from` imports leads, with the names below it. Under conditions it may be imported several times.
    fn imported(&self, from: &Rc<Source>, local: &str, below: &[&str]) -> Vec<Hit> {
        let mut found: Vec<Hit> = Vec::new();
        let mut is_sure = false;
        for import in &from.outline.imports {
            let before = found.len();
            for bound in import.names.iter().filter(|n| n.local == local) {
                let mut path: Vec<&str> = bound.member.as_deref().into_iter().collect();
                path.extend(below);
                found.extend(self.of_import(from, import, &path));
            }
            // `import a.b.c` is used as `a.b.c.f`.
            let is_path = from.outline.grammar == Grammar::Python
                && import.names.iter().all(|n| n.member.is_none())
                && import.module.split('.').next() == Some(local)
                && import.module != local;
            if is_path {
                found.extend(self.of_place(self.resolver.resolve(&from.path, local, below), MAX_CHAIN));
            }
            is_sure |= found.len() > before && !is_conditional(from, import);
        }
        if is_sure {
            return unique(found);
        }
        let mut path = vec![local];
        path.extend(below);
        for import in from.outline.imports.iter().filter(|i| i.wildcard) {
            let wide = self.of_import(from, import, &path).into_iter();
            let before = found.len();
            found.extend(wide.filter(|h| h.definition.is_some()));
            if found.len() > before {
                break;
            }
        }
        unique(found)
    }

    pub(super) fn of_import(&self, from: &Rc<Source>, import: &Import, path: &[&str]) -> Vec<Hit> {
        self.of_place(self.resolver.resolve(&from.path, &import.module, path), MAX_CHAIN)
    }

    /// What the strings of a piece of code name in the repository: `'shop.plugins.table'`, `"./plugins/table"`, and of
    /// `f"shop.plugins.{name}"` each module that it may be.
    pub(super) fn named_as_text(&self, from: &Rc<Source>, bytes: &Bytes) -> Vec<Hit> {
        let literals = &from.outline.literals;
        let first = literals.partition_point(|l| l.bytes.start < bytes.start);
        let inside = literals[first..].iter().take_while(|l| l.bytes.end <= bytes.end);
        let is_plain = |import: &&Import| import.kind != ImportKind::Dynamic;
        let imports = || from.outline.imports.iter().filter(is_plain).map(|import| &import.bytes);
        let strings = inside
            .filter(|l| l.kind == LiteralKind::String)
            .filter(|l| !imports().any(|import| import.start <= l.bytes.start && l.bytes.end <= import.end))
            .filter_map(|l| from.text.get(l.bytes.clone()));
        let mut found = Vec::new();
        for text in strings.take(MOST_STRINGS) {
            let text =
                text.trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_matches(['"', '\'', '`']);
            match from.outline.grammar {
                Grammar::Python if is_module_path(text) => {
                    let hits = self.of_place(self.resolver.resolve(&from.path, text, &[]), MAX_CHAIN);
                    found.extend(hits.into_iter().filter(|hit| hit.source.path != from.path));
                }
                Grammar::Python => {
                    let folder = text.split_once(".{").map(|(folder, _)| folder);
                    let package = folder.filter(|f| is_module_path(f) || is_word(f));
                    found.extend(package.into_iter().flat_map(|package| self.modules_of(from, package)));
                }
                Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx
                    if text.starts_with("./") || text.starts_with("../") =>
                {
                    found.extend(self.of_place(self.resolver.resolve(&from.path, text, &[]), MAX_CHAIN));
                }
                _ => {}
            }
        }
        unique(found)
    }

    /// What the modules of a Python package define.
    fn modules_of(&self, from: &Rc<Source>, package: &str) -> Vec<Hit> {
        let Some(place) = self.resolver.resolve(&from.path, package, &[]).place() else { return Vec::new() };
        let Some(init) = place.files.first().filter(|f| is_package(f) && place.rest.is_empty()) else {
            return Vec::new();
        };
        let own = |path: &&RepoPath| path.parent() == init.parent() && path.extension() == Some("py");
        let modules =
            self.tree.files().iter().map(|file| &file.path).filter(own).filter(|path| *path != init);
        let sources = modules.take(MOST_STRINGS).filter_map(|path| self.source(path));
        let defined = |source: Rc<Source>| -> Vec<Hit> {
            let all = source.outline.definitions.iter().enumerate();
            let top = all.filter(|(_, d)| d.parent.is_none() && d.body.is_some()).take(MOST_DEFINED);
            top.map(|(at, _)| Hit { source: source.clone(), definition: Some(at) }).collect()
        };
        sources.flat_map(defined).collect()
    }

    fn of_place(&self, resolution: Resolution, left: usize) -> Vec<Hit> {
        resolution.place().map(|place| self.find(&place, left)).unwrap_or_default()
    }

    /// What is left of a place's names, in its files and in what those pass on.
    fn find(&self, place: &Place, left: usize) -> Vec<Hit> {
        let depth = self.depth.get();
        let Some(searches) = self.searches_left.get().checked_sub(1).filter(|_| depth < MAX_DEPTH) else {
            return Vec::new();
        };
        self.searches_left.set(searches);
        self.depth.set(depth + 1);
        let found = self.find_here(place, left);
        self.depth.set(depth);
        found
    }

    fn find_here(&self, place: &Place, left: usize) -> Vec<Hit> {
        let sources: Vec<Rc<Source>> = place.files.iter().take(60).filter_map(|p| self.source(p)).collect();
        let Some((first, below)) = place.rest.split_first() else {
            return sources
                .first()
                .map(|s| Hit { source: s.clone(), definition: None })
                .into_iter()
                .collect();
        };
        let below: Vec<&str> = below.iter().map(String::as_str).collect();
        for source in &sources {
            let mut own = definitions_of(source, first, |d| d.kind != DefinitionKind::Field);
            // What a file exports by that name, before what it calls so inside.
            own.sort_by_key(|hit| {
                hit.definition().map(|d| {
                    let exported = d.container.as_deref().is_some_and(|c| c.ends_with("exports"));
                    (d.parent.is_some(), !exported)
                })
            });
            if let Some(hit) = own.first() {
                return match below.last() {
                    None => own,
                    Some(name) => {
                        let members = self.member(hit, name, left);
                        if members.is_empty() { own } else { members }
                    }
                };
            }
        }
        if left == 0 {
            return Vec::new();
        }
        for source in &sources {
            let found = self.passed_on(source, first, &below, left - 1);
            if !found.is_empty() {
                return found;
            }
        }
        // The module's value itself, or what it exports under a name that syntax does not tell.
        let is_script = sources.first().is_some_and(|s| {
            matches!(s.outline.grammar, Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx)
        });
        let whole = sources.first().filter(|_| is_script || sources.len() == 1 && first == "default");
        whole.map(|s| Hit { source: s.clone(), definition: None }).into_iter().collect()
    }

    /// What a file exports that it has from elsewhere.
    fn passed_on(&self, source: &Rc<Source>, name: &str, below: &[&str], left: usize) -> Vec<Hit> {
        let mut wide: Vec<(&Import, Vec<&str>)> = Vec::new();
        for import in &source.outline.imports {
            let mut path: Vec<&str> = Vec::new();
            if let Some(bound) = import.names.iter().find(|n| n.local == name) {
                path.extend(bound.member.as_deref());
                path.extend(below);
                let found = self.of_place(self.resolver.resolve(&source.path, &import.module, &path), left);
                if !found.is_empty() {
                    return found;
                }
            } else if import.wildcard || import.names.is_empty() {
                path.push(name);
                path.extend(below);
                wide.push((import, path));
            }
        }
        for (import, path) in wide {
            let found = self.of_place(self.resolver.resolve(&source.path, &import.module, &path), left);
            if found.iter().any(|hit| hit.definition.is_some()) {
                return found;
            }
        }
        Vec::new()
    }

    /// The member `name` of a type, of what it derives from, or of a file.
    pub(super) fn member(&self, hit: &Hit, name: &str, left: usize) -> Vec<Hit> {
        let Some(of) = hit.definition() else {
            let place = Place { files: vec![hit.source.path.clone()], rest: vec![name.to_owned()] };
            return if left == 0 { Vec::new() } else { self.find(&place, left - 1) };
        };
        let holds = |d: &Definition| {
            d.container
                .as_deref()
                .is_some_and(|c| c.rsplit('.').next().map(plain_part) == Some(of.name.as_str()))
        };
        let mut own = definitions_of(&hit.source, name, holds);
        let is_declared =
            |hit: &Hit| hit.definition().is_some_and(|d| d.body.is_none() && d.kind.is_callable());
        if hit.source.outline.grammar == Grammar::Rust && own.iter().all(is_declared) && !own.is_empty() {
            // A trait's promise: what keeps it beside the trait comes first.
            let kept = definitions_of(&hit.source, name, |d| d.body.is_some() && d.kind.is_callable());
            own.splice(0..0, kept);
        }
        if !own.is_empty() || left == 0 {
            return unique(own);
        }
        // Go spreads a type's methods over the package's files, Rust over the module's.
        if matches!(hit.source.outline.grammar, Grammar::Go | Grammar::Rust) {
            for path in self.resolver.neighbours(&hit.source.path).iter() {
                let Some(source) = self.source(path) else { continue };
                let found = definitions_of(&source, name, holds);
                if !found.is_empty() {
                    return found;
                }
            }
        }
        self.bases(&hit.source, of).iter().flat_map(|base| self.member(base, name, left - 1)).collect()
    }

    fn bases(&self, source: &Rc<Source>, of: &Definition) -> Vec<Hit> {
        let Some(body) = of.body.clone().filter(|_| !of.kind.is_callable()) else { return Vec::new() };
        let head: Bytes = of.head..body.start.max(of.head);
        let named = source.outline.references_in(&head).iter().filter(|r| r.name != of.name).take(6);
        named
            .flat_map(|r| match r.qualifier.as_deref() {
                None => self.unqualified(source, &r.name, r.kind),
                Some(qualifier) => {
                    let first = qualifier.split(['.', ':']).next().unwrap_or(qualifier);
                    self.imported(source, first, &[r.name.as_str()])
                }
            })
            .filter(|hit| hit.definition().is_some_and(|d| !d.kind.is_callable()))
            .collect()
    }

    fn of_bases(&self, source: &Rc<Source>, line: u32, name: &str) -> Vec<Hit> {
        let around = source.outline.enclosing(line).filter(|d| d.kind == DefinitionKind::Class);
        around
            .flat_map(|class| self.bases(source, class))
            .flat_map(|base| self.member(&base, name, 3))
            .collect()
    }

    /// Methods of this name in the file, in the files it imports, and in those of its package.
    fn method_nearby(&self, from: &Rc<Source>, name: &str) -> Vec<Hit> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for path in std::iter::once(from.path.clone()).chain(self.brought_in(from).iter().cloned()) {
            if !seen.insert(path.clone()) {
                continue;
            }
            let Some(source) = self.source_with(&path, name) else { continue };
            found.extend(definitions_of(&source, name, |d| d.parent.is_some() || d.container.is_some()));
            if found.len() > 2 {
                break;
            }
        }
        found.truncate(3);
        found
    }

    /// The files whose names a file sees: what it imports (and what that passes on), and its neighbours.
    pub(super) fn brought_in(&self, from: &Rc<Source>) -> Rc<[RepoPath]> {
        if let Some(known) = self.brought.borrow().get(&from.path) {
            return known.clone();
        }
        let found: Rc<[RepoPath]> = self.all_brought_in(from).into();
        self.brought.borrow_mut().insert(from.path.clone(), found.clone());
        found
    }

    fn all_brought_in(&self, from: &Rc<Source>) -> Vec<RepoPath> {
        let mut found: Vec<RepoPath> = Vec::new();
        let mut open = vec![(from.clone(), 2_usize)];
        while let Some((source, left)) = open.pop() {
            for import in &source.outline.imports {
                let passes = left == 2
                    || matches!(import.kind, ImportKind::Reexport)
                    || import.wildcard
                    || is_package(&source.path);
                if !passes {
                    continue;
                }
                let mut targets: Vec<Vec<&str>> =
                    import.names.iter().map(|n| n.member.as_deref().into_iter().collect()).collect();
                if targets.is_empty() {
                    targets.push(if import.wildcard && source.outline.grammar == Grammar::Java {
                        vec!["*"]
                    } else {
                        Vec::new()
                    });
                }
                for target in targets {
                    let place = self.resolver.resolve(&source.path, &import.module, &target).place();
                    for file in place.into_iter().flat_map(|p| p.files).take(40) {
                        if found.contains(&file) || file == from.path {
                            continue;
                        }
                        if left > 0
                            && let Some(next) = self.source(&file)
                        {
                            open.push((next, left - 1));
                        }
                        found.push(file);
                    }
                }
            }
        }
        for path in self.resolver.neighbours(&from.path).iter() {
            if !found.contains(path) {
                found.push(path.clone());
            }
        }
        found
    }

    /// Packages that the repository does not have, of those a file imports.
    pub(super) fn dependency(&self, from: &RepoPath, module: &str) -> Option<String> {
        match self.resolver.resolve(from, module, &[]) {
            Resolution::Dependency(name) => Some(name),
            _ => None,
        }
    }
}

/// The reference with what stands before it, where the parser sees tokens alone: in the arguments of Rust's macros.
pub(super) fn as_written(source: &Source, reference: &Reference) -> Reference {
    let mut reference = reference.clone();
    if source.outline.grammar != Grammar::Rust || reference.qualifier.is_some() {
        return reference;
    }
    let before = source.text.get(..reference.bytes.start).unwrap_or_default();
    let word = |text: &str| -> String {
        let from = text.rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').map_or(0, |at| at + 1);
        // Where that is no single byte, the text stays out.
        text.get(from..).unwrap_or_default().trim_matches(':').to_owned()
    };
    if let Some(path) = before.strip_suffix("::") {
        reference.qualifier = Some(word(path)).filter(|q| !q.is_empty());
    } else if let Some(value) = before.strip_suffix('.') {
        let name = word(value);
        reference.qualifier = Some(if name.is_empty() { "value".to_owned() } else { name });
    }
    reference
}

/// Behind a `#[cfg(…)]` of Rust.
fn is_conditional(from: &Source, import: &Import) -> bool {
    from.outline.grammar == Grammar::Rust
        && from.text.get(..import.bytes.start).is_some_and(|before| {
            before.trim_end().rsplit('\n').next().unwrap_or_default().trim_start().starts_with("#[cfg")
        })
}

/// `value.method` of Rust, whose modules and types are followed by colons: what else has the value's name says nothing.
fn is_method(from: &Source, reference: &Reference) -> bool {
    let before = from.text.get(..reference.bytes.start).unwrap_or_default();
    from.outline.grammar == Grammar::Rust && before.trim_end().ends_with('.')
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// `shop.plugins.table`: a single word may be anything.
fn is_module_path(text: &str) -> bool {
    text.len() <= 200 && text.contains('.') && text.split('.').all(is_word)
}

/// Files that stand for their folder pass on what they import.
fn is_package(path: &RepoPath) -> bool {
    let name = path.file_name();
    name == "__init__.py" || name == "lib.rs" || name == "mod.rs" || name.starts_with("index.")
}

fn is_rust_path(from: &Rc<Source>, first: &str) -> bool {
    from.outline.grammar == Grammar::Rust && first.starts_with(|c: char| c.is_lowercase())
}

/// A name without its type's arguments, brackets and calls.
fn plain_part(part: &str) -> &str {
    part.split(['<', '(', '[', '{'])
        .next()
        .unwrap_or(part)
        .trim_matches(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
}

fn definitions_of(source: &Rc<Source>, name: &str, fits: impl Fn(&Definition) -> bool) -> Vec<Hit> {
    let all = source.outline.definitions.iter().enumerate();
    let is_named =
        |d: &Definition| !matches!(d.kind, DefinitionKind::Module | DefinitionKind::Implementation);
    all.filter(|(_, d)| d.name == name && is_named(d) && fits(d))
        .map(|(at, _)| Hit { source: source.clone(), definition: Some(at) })
        .collect()
}

fn unique(hits: Vec<Hit>) -> Vec<Hit> {
    let mut seen = BTreeSet::new();
    hits.into_iter().filter(|hit| seen.insert((hit.source.path.clone(), hit.definition))).collect()
}
