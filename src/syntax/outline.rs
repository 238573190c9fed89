//! What a file holds, read from its syntax tree by the queries of its language: definitions with their whole extent,
//! imports, calls and other references, tests and suites, assertions, literals, comments and attributes.
//!
//! A file that is broken is read as far as it goes: the parser recovers behind what it cannot read, and definitions
//! around it still come out. `errors` says where that was.

mod collect;
mod extents;
mod test_names;
#[cfg(test)]
mod tests;
mod use_trees;

use std::ops::Range;

use super::tree::{Grammar, ParseError};

/// Bytes of the file's text, as it was handed in.
pub type Bytes = Range<usize>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DefinitionKind {
    Function,
    Method,
    /// Classes, structs, records, unions.
    Class,
    /// Interfaces, traits, annotation types.
    Interface,
    Enum,
    /// Another name for a type.
    Type,
    /// What stands at the top of a file and has a value.
    Constant,
    /// Fields, properties, enum's members.
    Field,
    Module,
    Macro,
    /// Rust's `impl`, by the name of its type.
    Implementation,
}

impl DefinitionKind {
    /// Holds statements that run.
    #[must_use]
    pub fn is_callable(self) -> bool {
        matches!(self, Self::Function | Self::Method)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub name: String,
    pub kind: DefinitionKind,
    /// What it stands in, outermost first, with dots between: `Stack`, `tests.Case`; Go's receivers, `exports`.
    pub container: Option<String>,
    /// The definition it stands in, by its place in the outline's list.
    pub parent: Option<usize>,
    /// Whole: with decorators, attributes, annotations and the comment before it.
    pub bytes: Bytes,
    /// Where it begins without those.
    pub head: usize,
    pub name_bytes: Bytes,
    /// What is between its brackets or below its first line, where it has such.
    pub body: Option<Bytes>,
    /// First and last line of the whole, from 1.
    pub lines: (u32, u32),
    /// The line its name stands on, from 1.
    pub head_line: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImportKind {
    Plain,
    /// Runs the module and binds nothing.
    Effect,
    /// Brings names in that this file passes on.
    Reexport,
    /// Rust's `mod name;`: a file of this name.
    Submodule,
    /// By a call with the name as a string: `import('x')`, `importlib.import_module("x")`, `include!("x")`.
    Dynamic,
    /// Java's `import static`.
    Static,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub kind: ImportKind,
    /// As written, without quotes: `.calc`, `../lib/sum`, `crate::shop`, `example.com/m/pkg`, `org.junit.Test`'s `org.junit`.
    pub module: String,
    /// What it binds; nothing where it is for its effect.
    pub names: Vec<ImportedName>,
    /// Every name of the module, too.
    pub wildcard: bool,
    pub bytes: Bytes,
    pub lines: (u32, u32),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedName {
    /// What it is called in this file.
    pub local: String,
    /// What it is called in the module (`default`: the default export); `None`: it is the module itself.
    pub member: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReferenceKind {
    Call,
    Macro,
    Type,
    /// Read from something: `a.name`, `a::name`.
    Member,
    /// Handed over, compared, returned.
    Value,
    /// Python: a parameter, which may name a fixture.
    Parameter,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub name: String,
    /// What it is called on or read from, where that is short: `shop` of `shop.sum(1)`, `self`, `Stack::<u8>`.
    pub qualifier: Option<String>,
    pub kind: ReferenceKind,
    /// Of the name.
    pub bytes: Bytes,
    pub line: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TestKind {
    Case,
    Suite,
    /// Runs before or after tests, or makes what they use.
    SetUp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    pub kind: TestKind,
    /// Its own name: the function's, or the string it is registered with.
    pub name: String,
    /// The suites (classes, modules, groups, tests) it stands in, outermost first.
    pub suites: Vec<String>,
    /// As its runner writes it, without the file: `TestA::test_x`, `tests::works`, `TestFoo/sub_case`, `p.ATest.adds`,
    /// `adds > two numbers`.
    pub id: String,
    /// Words on its call: `skip`, `only`, `each`, `todo`.
    pub modifiers: Vec<String>,
    /// Whole, as a definition's.
    pub bytes: Bytes,
    pub lines: (u32, u32),
    /// The line its name or its call stands on.
    pub head_line: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The whole statement or expression, with what is called on it.
    pub bytes: Bytes,
    pub lines: (u32, u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LiteralKind {
    String,
    /// Python's strings that are statements.
    Documentation,
    Character,
    /// A regular expression.
    Pattern,
    /// Between the tags of JSX.
    Text,
    Number,
    /// `true`, `None`, `null`, `nil`.
    Word,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    pub kind: LiteralKind,
    /// With its quotes.
    pub bytes: Bytes,
    pub line: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// `pytest.fixture`, `derive`, `Test`.
    pub name: String,
    /// With its arguments.
    pub bytes: Bytes,
    pub line: u32,
}

/// A file, read once. Every list is in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    pub grammar: Grammar,
    /// Go's package, Java's package.
    pub package: Option<String>,
    pub definitions: Vec<Definition>,
    pub imports: Vec<Import>,
    pub references: Vec<Reference>,
    pub tests: Vec<Test>,
    pub assertions: Vec<Assertion>,
    pub literals: Vec<Literal>,
    pub comments: Vec<Bytes>,
    pub attributes: Vec<Attribute>,
    /// What keeps its value from one call to the next: statements, declarations, defaults, types that are made for it.
    pub states: Vec<Bytes>,
    /// What the parser could not read, or what is missing (an empty range).
    pub errors: Vec<Bytes>,
    /// Where each line begins.
    starts: Vec<usize>,
}

/// Reads `text`, also where parts of it do not parse.
pub fn outline(grammar: Grammar, text: &str) -> Result<Outline, ParseError> {
    collect::collect(grammar, text)
}

impl Outline {
    /// The line (from 1) of a byte.
    #[must_use]
    pub fn line(&self, at: usize) -> u32 {
        line_of(&self.starts, at)
    }

    /// The bytes of whole lines, from and to (from 1, both included), without the last line's end.
    #[must_use]
    pub fn bytes_of_lines(&self, (first, last): (u32, u32)) -> Bytes {
        let index = |line: u32| usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
        let start = |line: usize| self.starts.get(line).copied();
        let end = self.starts.last().copied().unwrap_or_default();
        let from = start(index(first)).unwrap_or(end);
        let to = start(index(last).saturating_add(1)).map_or(usize::MAX, |next| next - 1);
        from..to.max(from)
    }

    /// The whole file was understood.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.errors.is_empty()
    }

    /// The definitions that hold this line, outermost first.
    pub fn enclosing(&self, line: u32) -> impl DoubleEndedIterator<Item = &Definition> {
        self.definitions.iter().filter(move |d| d.lines.0 <= line && line <= d.lines.1)
    }

    /// The innermost function, method, class or the like that holds this line.
    #[must_use]
    pub fn innermost(&self, line: u32) -> Option<&Definition> {
        self.enclosing(line)
            .filter(|d| !matches!(d.kind, DefinitionKind::Field | DefinitionKind::Constant))
            .min_by_key(|d| d.bytes.len())
    }

    /// The definitions of this name.
    pub fn defined<'o>(&'o self, name: &'o str) -> impl Iterator<Item = &'o Definition> {
        self.definitions.iter().filter(move |d| d.name == name)
    }

    /// What is referred to within these bytes.
    pub fn references_in(&self, bytes: &Bytes) -> &[Reference] {
        let from = self.references.partition_point(|r| r.bytes.start < bytes.start);
        let to = self.references.partition_point(|r| r.bytes.start < bytes.end);
        &self.references[from..to.max(from)]
    }

    /// Test cases alone.
    pub fn cases(&self) -> impl Iterator<Item = &Test> {
        self.tests.iter().filter(|t| t.kind == TestKind::Case)
    }

    /// Definitions that nothing but a module or a namespace holds: what others can see of the file.
    pub fn top_level(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.iter().filter(|d| {
            let mut parent = d.parent;
            while let Some(id) = parent {
                if self.definitions[id].kind != DefinitionKind::Module {
                    return false;
                }
                parent = self.definitions[id].parent;
            }
            d.kind != DefinitionKind::Implementation
        })
    }
}

fn line_of(starts: &[usize], at: usize) -> u32 {
    u32::try_from(starts.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
}

/// First and last line of a range: an end at a line's start belongs to the line before.
fn lines_of(starts: &[usize], bytes: &Bytes) -> (u32, u32) {
    let last = bytes.end.saturating_sub(1).max(bytes.start);
    (line_of(starts, bytes.start), line_of(starts, last))
}
