//! The queries of each language, compiled when the language is first met.
//!
//! One folder per language; JavaScript and TypeScript share a third. All files of a language make one query, so that one
//! walk over the tree answers everything.

use std::sync::LazyLock;

use tree_sitter::Query;

use super::tree::Grammar;

macro_rules! folder {
    ($folder:literal: $($file:literal),+) => {
        &[$(include_str!(concat!("queries/", $folder, "/", $file, ".scm"))),+]
    };
}

const PYTHON: &[&str] = folder!("python": "definitions", "references", "imports", "tests", "assertions", "literals", "attributes", "state");
const SCRIPT: &[&str] = folder!("script": "definitions", "references", "imports", "tests", "assertions", "literals", "attributes", "state");
const JAVASCRIPT: &[&str] = folder!("javascript": "definitions", "references", "literals", "state");
const TYPESCRIPT: &[&str] = folder!("typescript": "definitions", "references", "imports", "state");
const TSX: &[&str] = folder!("typescript": "tsx");
const GO: &[&str] = folder!("go": "definitions", "references", "imports", "tests", "assertions", "literals", "attributes", "state");
const RUST: &[&str] = folder!("rust": "definitions", "references", "imports", "tests", "assertions", "literals", "attributes", "state");
const JAVA: &[&str] = folder!("java": "definitions", "references", "imports", "tests", "assertions", "literals", "attributes", "state");

/// What a capture of the queries stands for; those that begin with `_` are for the queries' own conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Definition(super::outline::DefinitionKind),
    /// Widens the definition that is wrapped in it.
    Wrapper,
    Wrapped,
    /// Widens the definition that it stands before.
    Lead,
    Reference(super::outline::ReferenceKind),
    Import(super::outline::ImportKind),
    Test(super::outline::TestKind),
    /// Makes what it stands before a test.
    TestAttribute(super::outline::TestKind),
    Assertion,
    Literal(super::outline::LiteralKind),
    Comment,
    Attribute,
    State,
    Package,
    Name,
    Body,
    Container,
    Qualifier,
    Module,
    Member,
    Alias,
    /// A name for a module's default export.
    Default,
    Wildcard,
    /// A tree of names that is taken apart in code.
    Tree,
    Modifier,
    Condition,
}

impl Role {
    fn of(capture: &str) -> Option<Self> {
        use super::outline::{
            DefinitionKind as D, ImportKind as I, LiteralKind as L, ReferenceKind as R, TestKind as T,
        };
        Some(match capture {
            "definition.function" => Self::Definition(D::Function),
            "definition.method" => Self::Definition(D::Method),
            "definition.class" => Self::Definition(D::Class),
            "definition.interface" => Self::Definition(D::Interface),
            "definition.enum" => Self::Definition(D::Enum),
            "definition.type" => Self::Definition(D::Type),
            "definition.constant" => Self::Definition(D::Constant),
            "definition.field" => Self::Definition(D::Field),
            "definition.module" => Self::Definition(D::Module),
            "definition.macro" => Self::Definition(D::Macro),
            "definition.implementation" => Self::Definition(D::Implementation),
            "wrapper" => Self::Wrapper,
            "wrapped" => Self::Wrapped,
            "lead" => Self::Lead,
            "reference.call" => Self::Reference(R::Call),
            "reference.macro" => Self::Reference(R::Macro),
            "reference.type" => Self::Reference(R::Type),
            "reference.member" => Self::Reference(R::Member),
            "reference.value" => Self::Reference(R::Value),
            "reference.parameter" => Self::Reference(R::Parameter),
            "import" => Self::Import(I::Plain),
            "import.effect" => Self::Import(I::Effect),
            "import.reexport" => Self::Import(I::Reexport),
            "import.submodule" => Self::Import(I::Submodule),
            "import.dynamic" => Self::Import(I::Dynamic),
            "import.static" => Self::Import(I::Static),
            "test" => Self::Test(T::Case),
            "suite" => Self::Test(T::Suite),
            "setup" => Self::Test(T::SetUp),
            "test.attribute" => Self::TestAttribute(T::Case),
            "suite.attribute" => Self::TestAttribute(T::Suite),
            "setup.attribute" => Self::TestAttribute(T::SetUp),
            "assertion" => Self::Assertion,
            "literal.string" => Self::Literal(L::String),
            "literal.documentation" => Self::Literal(L::Documentation),
            "literal.character" => Self::Literal(L::Character),
            "literal.pattern" => Self::Literal(L::Pattern),
            "literal.text" => Self::Literal(L::Text),
            "literal.number" => Self::Literal(L::Number),
            "literal.word" => Self::Literal(L::Word),
            "comment" => Self::Comment,
            "attribute" => Self::Attribute,
            "state" => Self::State,
            "package" => Self::Package,
            "name" => Self::Name,
            "body" => Self::Body,
            "container" => Self::Container,
            "qualifier" => Self::Qualifier,
            "module" => Self::Module,
            "member" => Self::Member,
            "alias" => Self::Alias,
            "default" => Self::Default,
            "wildcard" => Self::Wildcard,
            "tree" => Self::Tree,
            "modifier" => Self::Modifier,
            _ if capture.starts_with('_') => Self::Condition,
            _ => return None,
        })
    }
}

/// A language's query, and what each of its captures is.
pub(super) struct Queries {
    pub(super) query: Query,
    pub(super) roles: Vec<Role>,
}

impl Queries {
    /// `None` where the files do not fit the grammar, which a test rules out.
    pub(super) fn of(grammar: Grammar) -> Option<&'static Self> {
        static ALL: [LazyLock<Option<Queries>>; 7] = [
            LazyLock::new(|| Queries::compile(Grammar::Python, &[PYTHON]).ok()),
            LazyLock::new(|| Queries::compile(Grammar::JavaScript, &[SCRIPT, JAVASCRIPT]).ok()),
            LazyLock::new(|| Queries::compile(Grammar::TypeScript, &[SCRIPT, TYPESCRIPT]).ok()),
            LazyLock::new(|| Queries::compile(Grammar::Tsx, &[SCRIPT, TYPESCRIPT, TSX]).ok()),
            LazyLock::new(|| Queries::compile(Grammar::Go, &[GO]).ok()),
            LazyLock::new(|| Queries::compile(Grammar::Rust, &[RUST]).ok()),
            LazyLock::new(|| Queries::compile(Grammar::Java, &[JAVA]).ok()),
        ];
        let index = match grammar {
            Grammar::Python => 0,
            Grammar::JavaScript => 1,
            Grammar::TypeScript => 2,
            Grammar::Tsx => 3,
            Grammar::Go => 4,
            Grammar::Rust => 5,
            Grammar::Java => 6,
        };
        ALL[index].as_ref()
    }

    fn compile(grammar: Grammar, folders: &[&[&str]]) -> Result<Self, String> {
        let text = folders.concat().join("\n");
        let query = Query::new(grammar.language(), &text).map_err(|error| error.to_string())?;
        let roles = query
            .capture_names()
            .iter()
            .map(|name| Role::of(name).ok_or_else(|| format!("`@{name}` is no capture that is read")))
            .collect::<Result<_, _>>()?;
        Ok(Self { query, roles })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_fits_its_grammar() {
        for (grammar, folders) in [
            (Grammar::Python, vec![PYTHON]),
            (Grammar::JavaScript, vec![SCRIPT, JAVASCRIPT]),
            (Grammar::TypeScript, vec![SCRIPT, TYPESCRIPT]),
            (Grammar::Tsx, vec![SCRIPT, TYPESCRIPT, TSX]),
            (Grammar::Go, vec![GO]),
            (Grammar::Rust, vec![RUST]),
            (Grammar::Java, vec![JAVA]),
        ] {
            // Of one file the error's line is the file's.
            let wrong = folders.concat().into_iter().filter_map(|f| Query::new(grammar.language(), f).err());
            let wrong: Vec<String> = wrong.map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{grammar:?}: {}", wrong.join("\n"));
            Queries::compile(grammar, &folders).map(|_| ()).unwrap();
            assert!(Queries::of(grammar).is_some(), "{grammar:?}");
        }
    }
}
