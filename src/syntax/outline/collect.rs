//! Runs a language's query over a file and sorts what it captures into the outline's lists.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

use tree_sitter::{
    Node, QueryCursor, QueryCursorOptions, QueryCursorState, QueryMatch, StreamingIterator as _,
};

use super::extents::Extents;
use super::use_trees::use_tree;
use super::{
    Assertion, Attribute, Bytes, Definition, DefinitionKind, Import, ImportKind, ImportedName, Literal,
    LiteralKind, Outline, Reference, TestKind, lines_of, test_names,
};
use crate::syntax::imports::go_package;
use crate::syntax::literals::string_value;
use crate::syntax::queries::{Queries, Role};
use crate::syntax::tree::{Grammar, MAX_TIME, ParseError, recover};

/// More matches than this are not held open at a time; code that people write needs a few dozen.
const MATCH_LIMIT: u32 = 4096;
/// A longer qualifier says less than it costs.
const LONGEST_QUALIFIER: usize = 100;

pub(super) fn collect(grammar: Grammar, text: &str) -> Result<Outline, ParseError> {
    let queries = Queries::of(grammar).ok_or(ParseError::Malformed)?;
    // Once in a process they are compiled, which is not this file's time.
    let deadline = Instant::now() + MAX_TIME;
    let tree = recover(grammar, text, deadline)?;
    let mut starts = vec![0];
    starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1));
    let mut found = Found::new(grammar, text);
    let mut cursor = QueryCursor::new();
    cursor.set_match_limit(MATCH_LIMIT);
    let mut late = false;
    let mut in_time = |_: &QueryCursorState| match Instant::now() < deadline {
        true => ControlFlow::Continue(()),
        false => {
            late = true;
            ControlFlow::Break(())
        }
    };
    let options = QueryCursorOptions::new().progress_callback(&mut in_time);
    let mut matches = cursor.matches_with_options(&queries.query, tree.root_node(), text.as_bytes(), options);
    while let Some(one) = matches.next() {
        found.take(queries, one);
        if found.matches.is_multiple_of(1024) && Instant::now() > deadline {
            return Err(ParseError::TooComplex);
        }
    }
    drop(matches);
    if late || cursor.did_exceed_match_limit() {
        return Err(ParseError::TooComplex);
    }
    found.errors = errors(&tree);
    Ok(found.finish(starts))
}

/// Where the parser could not read on, or takes something for there that is not.
fn errors(tree: &tree_sitter::Tree) -> Vec<Bytes> {
    let mut errors = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if node.is_error() || node.is_missing() {
            errors.push(node.byte_range());
        } else if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return errors;
            }
        }
    }
}

/// A test or suite before its names are put together.
#[derive(Debug)]
pub(super) struct RawTest {
    pub(super) kind: TestKind,
    pub(super) name: String,
    pub(super) modifiers: Vec<String>,
    pub(super) bytes: Bytes,
    pub(super) head: usize,
}

/// The captures of one match.
#[derive(Default)]
struct Parts<'tree> {
    name: Option<Node<'tree>>,
    body: Option<Node<'tree>>,
    container: Option<Node<'tree>>,
    qualifier: Option<Node<'tree>>,
    module: Option<Node<'tree>>,
    member: Option<Node<'tree>>,
    alias: Option<Node<'tree>>,
    default: Option<Node<'tree>>,
    tree: Option<Node<'tree>>,
    wrapped: Option<Node<'tree>>,
    modifiers: Vec<Node<'tree>>,
    wildcard: bool,
}

struct Found<'t> {
    grammar: Grammar,
    text: &'t str,
    matches: usize,
    package: Option<String>,
    definitions: Vec<Definition>,
    /// By what is wrapped.
    wrappers: BTreeMap<(usize, usize), Bytes>,
    leads: Vec<Bytes>,
    references: Vec<Reference>,
    /// By the place of the module's name.
    imports: BTreeMap<(usize, usize), Import>,
    /// Of use trees, which name several modules.
    use_trees: BTreeMap<usize, Vec<Import>>,
    tests: Vec<RawTest>,
    test_attributes: Vec<(usize, TestKind)>,
    assertions: Vec<Bytes>,
    literals: Vec<Literal>,
    comments: Vec<Bytes>,
    attributes: Vec<Attribute>,
    states: Vec<Bytes>,
    errors: Vec<Bytes>,
}

impl<'t> Found<'t> {
    fn new(grammar: Grammar, text: &'t str) -> Self {
        Self {
            grammar,
            text,
            matches: 0,
            package: None,
            definitions: Vec::new(),
            wrappers: BTreeMap::new(),
            leads: Vec::new(),
            references: Vec::new(),
            imports: BTreeMap::new(),
            use_trees: BTreeMap::new(),
            tests: Vec::new(),
            test_attributes: Vec::new(),
            assertions: Vec::new(),
            literals: Vec::new(),
            comments: Vec::new(),
            attributes: Vec::new(),
            states: Vec::new(),
            errors: Vec::new(),
        }
    }

    fn text_of(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn owned(&self, node: Node<'_>) -> String {
        self.text_of(node).to_owned()
    }

    fn take(&mut self, queries: &Queries, found: &QueryMatch<'_, '_>) {
        self.matches += 1;
        let mut parts = Parts::default();
        let mut main = None;
        for capture in found.captures() {
            let Some(role) = usize::try_from(capture.index).ok().and_then(|i| queries.roles.get(i)) else {
                continue;
            };
            let node = capture.node;
            match role {
                Role::Name => parts.name = Some(node),
                Role::Body => parts.body = Some(node),
                Role::Container => parts.container = Some(node),
                Role::Qualifier => parts.qualifier = Some(node),
                Role::Module => parts.module = Some(node),
                Role::Member => parts.member = Some(node),
                Role::Alias => parts.alias = Some(node),
                Role::Default => parts.default = Some(node),
                Role::Tree => parts.tree = Some(node),
                Role::Wrapped => parts.wrapped = Some(node),
                Role::Modifier => parts.modifiers.push(node),
                Role::Wildcard => parts.wildcard = true,
                Role::Condition => {}
                role => main = Some((*role, node)),
            }
        }
        if let Some((role, node)) = main {
            self.sort_in(role, node, &parts);
        }
    }

    fn sort_in(&mut self, role: Role, node: Node<'_>, parts: &Parts<'_>) {
        let bytes = node.byte_range();
        match role {
            Role::Definition(kind) => self.definition(kind, node, parts),
            Role::Wrapper => {
                let Some(wrapped) = parts.wrapped.map(|w| w.byte_range()) else { return };
                self.wrappers.insert((wrapped.start, wrapped.end), bytes);
            }
            Role::Lead => self.leads.push(bytes),
            Role::Reference(kind) => {
                let Some(name) = parts.name else { return };
                let qualifier = parts.qualifier.filter(|q| q.byte_range().len() <= LONGEST_QUALIFIER);
                self.references.push(Reference {
                    name: self.owned(name),
                    qualifier: qualifier.map(|q| self.owned(q)),
                    kind,
                    bytes: name.byte_range(),
                    line: 0,
                });
            }
            Role::Import(kind) => self.import(kind, node, parts),
            Role::Test(kind) => {
                let Some(name) = parts.name else { return };
                self.tests.push(RawTest {
                    kind,
                    name: unquoted(self.text_of(name)),
                    modifiers: parts.modifiers.iter().map(|m| self.owned(*m)).collect(),
                    head: bytes.start,
                    bytes,
                });
            }
            Role::TestAttribute(kind) => self.test_attributes.push((bytes.start, kind)),
            Role::Assertion => self.assertions.push(whole_statement(node)),
            Role::Literal(kind) => self.literals.push(Literal { kind, bytes, line: 0 }),
            Role::Comment => self.comments.push(self.without_line_end(bytes)),
            Role::Attribute => {
                let name = parts.name.map(|n| self.owned(n)).unwrap_or_default();
                self.attributes.push(Attribute { name, bytes, line: 0 });
            }
            Role::State => self.states.push(bytes),
            Role::Package => self.package = Some(self.owned(node)),
            _ => {}
        }
    }

    /// Some grammars' comments end behind their line.
    fn without_line_end(&self, bytes: Bytes) -> Bytes {
        let text = self.text.get(bytes.clone()).unwrap_or_default();
        bytes.start..bytes.start + text.trim_end_matches(['\r', '\n']).len()
    }

    fn definition(&mut self, kind: DefinitionKind, node: Node<'_>, parts: &Parts<'_>) {
        let Some(name) = parts.name else { return };
        let bytes = node.byte_range();
        self.definitions.push(Definition {
            name: unquoted(self.text_of(name)),
            kind,
            container: parts.container.map(|c| self.owned(c)),
            parent: None,
            head: bytes.start,
            bytes,
            name_bytes: name.byte_range(),
            body: parts.body.map(|b| b.byte_range()),
            lines: (0, 0),
            head_line: 0,
        });
    }

    fn import(&mut self, kind: ImportKind, node: Node<'_>, parts: &Parts<'_>) {
        let bytes = node.byte_range();
        if let Some(tree) = parts.tree {
            let taken = use_tree(self.text, tree, &bytes, kind);
            let known = self.use_trees.entry(bytes.start).or_default();
            // A visible one is matched twice.
            if known.is_empty() || kind == ImportKind::Reexport {
                *known = taken;
            }
            return;
        }
        let place = parts.module.map_or_else(|| bytes.clone(), |m| m.byte_range());
        let module = parts.module.map_or_else(|| "__future__".to_owned(), |m| unquoted(self.text_of(m)));
        let name = self.imported(&module, kind, parts);
        let import = self.imports.entry((place.start, place.end)).or_insert_with(|| Import {
            kind,
            module,
            names: Vec::new(),
            wildcard: false,
            bytes: bytes.clone(),
            lines: (0, 0),
        });
        import.kind = import.kind.max(kind);
        import.wildcard |= parts.wildcard;
        import.bytes = import.bytes.start.min(bytes.start)..import.bytes.end.max(bytes.end);
        if let Some(name) = name.filter(|name| !import.names.contains(name)) {
            // One that is said to be called otherwise replaces the plain one.
            import.names.retain(|known| known.member.is_some() || name.member.is_some());
            import.names.push(name);
        }
    }

    fn imported(&self, module: &str, kind: ImportKind, parts: &Parts<'_>) -> Option<ImportedName> {
        let named = |local: &str, member: Option<&str>| {
            Some(ImportedName { local: local.to_owned(), member: member.map(str::to_owned) })
        };
        if let Some(default) = parts.default {
            return named(self.text_of(default), Some("default"));
        }
        let member = parts.member.map(|m| unquoted(self.text_of(m)));
        let alias = parts.alias.map(|a| unquoted(self.text_of(a)));
        match (alias, member) {
            (Some(alias), member) => named(&alias, member.as_deref()),
            (None, Some(member)) => named(&member, Some(&member)),
            (None, None) if parts.wildcard || kind != ImportKind::Plain => None,
            (None, None) => match self.grammar {
                Grammar::Python => named(module.split('.').next().unwrap_or(module), None),
                Grammar::Go => named(go_package(module), None),
                Grammar::Rust => named(module, None),
                _ => None,
            },
        }
    }

    fn finish(mut self, starts: Vec<usize>) -> Outline {
        let extents = Extents::new(self.text, self.wrappers, &self.leads, &self.comments);
        let definitions = extents.definitions(self.definitions, &starts);
        let tests = test_names::tests(
            self.grammar,
            self.package.as_deref(),
            &definitions,
            self.tests,
            &self.test_attributes,
            &extents,
            &starts,
        );
        let line = |at: usize| super::line_of(&starts, at);
        let names: std::collections::BTreeSet<usize> =
            definitions.iter().map(|d| d.name_bytes.start).collect();
        self.references.retain(|r| !names.contains(&r.bytes.start));
        self.references.sort_by_key(|r| (r.bytes.start, r.kind, r.qualifier.is_none()));
        self.references.dedup_by_key(|r| r.bytes.start);
        self.references.iter_mut().for_each(|r| r.line = line(r.bytes.start));
        let mut imports: Vec<Import> = self.imports.into_values().collect();
        for import in &mut imports {
            let binds_nothing = import.names.is_empty() && !import.wildcard;
            // A dot or a blank in place of the name binds none.
            if self.grammar == Grammar::Go && (import.wildcard || import.kind == ImportKind::Effect) {
                import.names.clear();
            }
            if self.grammar.is_script() && import.kind == ImportKind::Plain && binds_nothing {
                import.kind = ImportKind::Effect;
            }
        }
        imports.extend(self.use_trees.into_values().flatten());
        imports.iter_mut().for_each(|i| i.lines = lines_of(&starts, &i.bytes));
        imports.sort_by_key(|i| i.bytes.start);
        // What is documentation is a string as well.
        self.literals.sort_by_key(|l| (l.bytes.start, l.kind != LiteralKind::Documentation, l.bytes.end));
        self.literals.dedup_by_key(|l| l.bytes.start);
        self.literals.iter_mut().for_each(|l| l.line = line(l.bytes.start));
        self.attributes.sort_by_key(|a| a.bytes.start);
        self.attributes.dedup_by_key(|a| a.bytes.start);
        self.attributes.iter_mut().for_each(|a| a.line = line(a.bytes.start));
        self.comments.sort_by_key(|c| c.start);
        let assertions = outermost(self.assertions)
            .into_iter()
            .map(|bytes| Assertion { lines: lines_of(&starts, &bytes), bytes })
            .collect();
        let states = outermost(self.states);
        Outline {
            grammar: self.grammar,
            package: self.package,
            definitions,
            imports,
            references: self.references,
            tests,
            assertions,
            literals: self.literals,
            comments: self.comments,
            attributes: self.attributes,
            states,
            errors: self.errors,
            starts,
        }
    }
}

/// An assertion with what is called on it and what waits for it, up to the statement.
fn whole_statement(node: Node<'_>) -> Bytes {
    let mut whole = node;
    while let Some(parent) = whole.parent() {
        match parent.kind() {
            "member_expression"
            | "call_expression"
            | "method_invocation"
            | "selector_expression"
            | "attribute"
            | "call"
            | "await_expression"
            | "await"
            | "field_access"
            | "with_item" => {
                whole = parent;
            }
            "expression_statement" => return parent.byte_range(),
            _ => break,
        }
    }
    whole.byte_range()
}

/// Each range once, and none that begins where a longer one does or that is within another of the same start.
fn outermost(mut ranges: Vec<Bytes>) -> Vec<Bytes> {
    ranges.sort_by_key(|r| (r.start, std::cmp::Reverse(r.end)));
    ranges.dedup_by_key(|r| r.start);
    ranges
}

/// What a literal says, without prefix and quotes; anything else as it is.
pub(super) fn unquoted(text: &str) -> String {
    let Some(open) = text
        .find(['"', '\'', '`'])
        .filter(|at| text[..*at].chars().all(|c| c.is_ascii_alphabetic() || c == '#') && *at <= 4)
    else {
        return text.to_owned();
    };
    let raw = text[open..].trim_end_matches('#');
    let quote = &raw[..1];
    let long = quote.repeat(3);
    let width = if raw.len() >= 6 && raw.starts_with(&long) && raw.ends_with(&long) { 3 } else { 1 };
    let inner = raw.get(width..raw.len().saturating_sub(width)).unwrap_or_default();
    // A value where every escape is known, else as it is written.
    let inner = inner.to_owned();
    if inner.contains('\\') { string_value(&inner).unwrap_or(inner) } else { inner }
}
