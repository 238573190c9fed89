//! Parses a file into a tree of its own, in one bounded walk: no recursion, and nothing of the parser outlives it.

use std::ops::{ControlFlow, Range};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tree_sitter::{Language, ParseOptions, ParseState, Parser};

/// Larger files are not parsed.
pub const MAX_SOURCE_BYTES: usize = 1 << 20;
/// Nor are those that nest deeper, or hold more nodes: no code that people write does.
const MAX_DEPTH: usize = 1000;
const MAX_NODES: usize = 1 << 20;
/// How long one file may take.
pub(super) const MAX_TIME: Duration = Duration::from_secs(3);

/// The languages that can be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grammar {
    Python,
    JavaScript,
    TypeScript,
    Tsx,
    Go,
    Rust,
    Java,
}

impl Grammar {
    /// By the file name's extension; `None` where no grammar is for it.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        Some(match path.rsplit('/').next()?.rsplit_once('.')?.1 {
            "py" | "pyi" => Self::Python,
            "js" | "jsx" | "mjs" | "cjs" => Self::JavaScript,
            "ts" | "mts" | "cts" => Self::TypeScript,
            "tsx" => Self::Tsx,
            "go" => Self::Go,
            "rs" => Self::Rust,
            "java" => Self::Java,
            _ => return None,
        })
    }

    /// JavaScript with or without types.
    #[must_use]
    pub fn is_script(self) -> bool {
        matches!(self, Self::JavaScript | Self::TypeScript | Self::Tsx)
    }

    /// Made once, so that the names in it are there to stay.
    pub(super) fn language(self) -> &'static Language {
        static PYTHON: LazyLock<Language> = LazyLock::new(|| tree_sitter_python::LANGUAGE.into());
        static JAVASCRIPT: LazyLock<Language> = LazyLock::new(|| tree_sitter_javascript::LANGUAGE.into());
        static TYPESCRIPT: LazyLock<Language> =
            LazyLock::new(|| tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into());
        static TSX: LazyLock<Language> = LazyLock::new(|| tree_sitter_typescript::LANGUAGE_TSX.into());
        static GO: LazyLock<Language> = LazyLock::new(|| tree_sitter_go::LANGUAGE.into());
        static RUST: LazyLock<Language> = LazyLock::new(|| tree_sitter_rust::LANGUAGE.into());
        static JAVA: LazyLock<Language> = LazyLock::new(|| tree_sitter_java::LANGUAGE.into());
        match self {
            Self::Python => &PYTHON,
            Self::JavaScript => &JAVASCRIPT,
            Self::TypeScript => &TYPESCRIPT,
            Self::Tsx => &TSX,
            Self::Go => &GO,
            Self::Rust => &RUST,
            Self::Java => &JAVA,
        }
    }
}

/// Why there is no tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseError {
    /// More than [`MAX_SOURCE_BYTES`].
    TooLarge,
    /// It nests too deep, holds too much, or took too long.
    TooComplex,
    /// It is not correct in this language.
    Malformed,
}

/// One node; children come after their parent.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: &'static str,
    pub(super) named: bool,
    /// Its role in its parent.
    pub(super) field: Option<&'static str>,
    pub(super) bytes: Range<usize>,
    pub(super) parent: usize,
    pub(super) children: Vec<usize>,
}

/// A parsed file. Line ends are line feeds, whatever they were.
#[derive(Debug)]
pub struct SyntaxTree {
    pub(super) grammar: Grammar,
    pub(super) text: String,
    /// The first is the root.
    pub(super) nodes: Vec<Node>,
}

impl SyntaxTree {
    pub(super) fn text_of(&self, node: usize) -> &str {
        &self.text[self.nodes[node].bytes.clone()]
    }
}

/// Parses `text`; correct files only.
pub fn parse(grammar: Grammar, text: &str) -> Result<SyntaxTree, ParseError> {
    if text.len() > MAX_SOURCE_BYTES {
        return Err(ParseError::TooLarge);
    }
    let text = text.replace("\r\n", "\n");
    let tree = recover(grammar, &text, Instant::now() + MAX_TIME)?;
    // Of what is missing, too.
    if tree.root_node().has_error() {
        return Err(ParseError::Malformed);
    }
    let nodes = flatten(&tree, grammar.language())?;
    Ok(SyntaxTree { grammar, text, nodes })
}

/// Parses `text` as it is; what cannot be read is an error in the tree.
pub(super) fn recover(
    grammar: Grammar,
    text: &str,
    deadline: Instant,
) -> Result<tree_sitter::Tree, ParseError> {
    if text.len() > MAX_SOURCE_BYTES {
        return Err(ParseError::TooLarge);
    }
    let mut parser = Parser::new();
    parser.set_language(grammar.language()).map_err(|_| ParseError::Malformed)?;
    let mut in_time = |_: &ParseState| match Instant::now() < deadline {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    };
    let options = ParseOptions::new().progress_callback(&mut in_time);
    let bytes = text.as_bytes();
    let parsed =
        parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options));
    let tree = parsed.ok_or(ParseError::TooComplex)?;
    if tree.root_node().descendant_count() > MAX_NODES {
        return Err(ParseError::TooComplex);
    }
    Ok(tree)
}

pub(super) fn flatten(
    tree: &tree_sitter::Tree,
    language: &'static Language,
) -> Result<Vec<Node>, ParseError> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut ancestors: Vec<usize> = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let (node, id) = (cursor.node(), nodes.len());
        if id >= MAX_NODES || ancestors.len() >= MAX_DEPTH {
            return Err(ParseError::TooComplex);
        }
        let parent = ancestors.last().copied().unwrap_or(0);
        nodes.push(Node {
            kind: language.node_kind_for_id(node.kind_id()).unwrap_or("unknown"),
            named: node.is_named(),
            field: cursor.field_id().and_then(|id| language.field_name_for_id(id.get())),
            bytes: node.byte_range(),
            parent,
            children: Vec::new(),
        });
        if id > 0 {
            nodes[parent].children.push(id);
        }
        if cursor.goto_first_child() {
            ancestors.push(id);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Ok(nodes);
            }
            ancestors.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammars_go_by_extension() {
        for (path, grammar) in [
            ("a/b.py", Some(Grammar::Python)),
            ("b.test.tsx", Some(Grammar::Tsx)),
            ("b.mts", Some(Grammar::TypeScript)),
            ("x.cjs", Some(Grammar::JavaScript)),
            ("a_test.go", Some(Grammar::Go)),
            ("ATest.java", Some(Grammar::Java)),
            ("lib.rs", Some(Grammar::Rust)),
            ("a.py/README", None),
            ("py", None),
            ("a.kt", None),
        ] {
            assert_eq!(Grammar::of(path), grammar, "{path}");
        }
    }

    #[test]
    fn what_is_too_large_too_deep_or_wrong_has_no_tree() {
        let fails = |text: &str| parse(Grammar::Python, text).map(|t| t.nodes.len()).unwrap_err();
        assert_eq!(fails(&"x = 1\n".repeat(200_000)), ParseError::TooLarge);
        assert_eq!(fails("def f(:\n"), ParseError::Malformed);
        assert_eq!(fails("x = (1\n"), ParseError::Malformed);
        let nested = format!("x = {}1{}\n", "[".repeat(20_000), "]".repeat(20_000));
        assert_eq!(fails(&nested), ParseError::TooComplex);
        let open = "(".repeat(500_000);
        assert!(parse(Grammar::JavaScript, &open).is_err());
    }

    #[test]
    fn an_empty_file_is_a_tree() {
        assert_eq!(parse(Grammar::Go, "").unwrap().nodes.len(), 1);
    }
}
