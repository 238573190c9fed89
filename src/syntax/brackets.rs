//! Which brackets, commas and semicolons of a tree say nothing: those that formatters add and remove.
//!
//! Brackets are left out where the tree tells by itself what binds to what. That is so where what holds them ends by
//! itself (an argument, a condition, the right side of an assignment) and between binary operators. Where a grammar
//! is known to bind otherwise than its language, or where brackets mean something (`(a?.b).c`, `(x.f)()`), they stay.

use super::tree::{Grammar, Node, SyntaxTree};

const BINARY: &str = "binary_expression";

/// Whether the brackets of `node`, a bracketed expression, say nothing where it stands.
pub(super) fn are_redundant(tree: &SyntaxTree, node: usize) -> bool {
    let this = &tree.nodes[node];
    let mut named =
        this.children.iter().filter(|c| tree.nodes[**c].named && !is_comment(tree.nodes[**c].kind));
    let (Some(inner), None) = (named.next(), named.next()) else { return false };
    let (inner, parent) = (&tree.nodes[*inner], &tree.nodes[this.parent]);
    let field = this.field.unwrap_or_default();
    if inner.kind == "identifier" && parent.kind != "assignment" {
        return true;
    }
    match tree.grammar {
        Grammar::Python => python(
            tree,
            parent,
            field,
            *this.children.iter().find(|c| tree.nodes[**c].named).unwrap_or(&node),
        ),
        Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => script(parent.kind, field, inner.kind),
        Grammar::Go => match parent.kind {
            "if_statement"
            | "for_statement"
            | "expression_switch_statement"
            | "expression_list"
            | "argument_list"
            | "expression_statement"
            | "literal_element"
            | "parenthesized_expression" => true,
            BINARY => is_operand(inner.kind),
            _ => false,
        },
        Grammar::Rust => match parent.kind {
            "if_expression" | "while_expression" => field == "condition" && inner.kind != "let_condition",
            "match_expression" | "let_declaration" | "for_expression" => matches!(field, "value"),
            "assignment_expression" | "compound_assignment_expr" => field == "right",
            "return_expression"
            | "arguments"
            | "array_expression"
            | "field_initializer"
            | "parenthesized_expression" => true,
            BINARY => is_operand(inner.kind),
            _ => false,
        },
        Grammar::Java => match parent.kind {
            // Theirs are part of the statement.
            "if_statement"
            | "while_statement"
            | "do_statement"
            | "switch_expression"
            | "synchronized_statement" => true,
            "return_statement"
            | "argument_list"
            | "array_initializer"
            | "parenthesized_expression"
            | "throw_statement" => true,
            "variable_declarator" => field == "value",
            "assignment_expression" => field == "right",
            BINARY => is_operand(inner.kind),
            _ => false,
        },
    }
}

/// Binds tighter than any binary operator, or is one itself: the tree shows the grouping.
fn is_operand(kind: &str) -> bool {
    kind.ends_with("literal")
        || matches!(
            kind,
            BINARY
                | "unary_expression"
                | "call_expression"
                | "method_invocation"
                | "index_expression"
                | "selector_expression"
                | "field_access"
                | "field_expression"
                | "parenthesized_expression"
        )
}

fn python(tree: &SyntaxTree, parent: &Node, field: &str, inner: usize) -> bool {
    // The grammar binds `^` tighter than `&`, Python does not; and it takes `await x ** 2` as one wait.
    let is_plain = |node: &Node| match node.kind {
        "binary_operator" => {
            node.children.iter().all(|c| !matches!(tree.nodes[*c].kind, "&" | "^" | "|" | "**"))
        }
        "boolean_operator"
        | "not_operator"
        | "comparison_operator"
        | "call"
        | "attribute"
        | "subscript"
        | "parenthesized_expression" => true,
        _ => false,
    };
    match parent.kind {
        "assignment" | "augmented_assignment" => field == "right",
        "return_statement"
        | "argument_list"
        | "keyword_argument"
        | "if_statement"
        | "elif_clause"
        | "while_statement"
        | "assert_statement"
        | "delete_statement"
        | "raise_statement"
        | "list"
        | "set"
        | "pair"
        | "tuple"
        | "expression_list"
        | "subscript"
        | "with_item"
        | "if_clause"
        | "parenthesized_expression"
        | "expression_statement" => true,
        "for_statement" => field == "right",
        "binary_operator" | "boolean_operator" | "not_operator" | "comparison_operator" => {
            is_plain(parent) && is_plain(&tree.nodes[inner])
        }
        _ => false,
    }
}

fn script(parent: &str, field: &str, inner: &str) -> bool {
    match parent {
        // Theirs are part of the statement.
        "if_statement" | "while_statement" | "do_statement" | "switch_statement" | "with_statement" => true,
        // In brackets it is no directive.
        "expression_statement" => inner != "string",
        "variable_declarator" | "pair" => field == "value",
        "assignment_expression" | "augmented_assignment_expression" => field == "right",
        "arrow_function" => field == "body",
        "return_statement"
        | "throw_statement"
        | "arguments"
        | "array"
        | "template_substitution"
        | "jsx_expression"
        | "parenthesized_expression"
        | "spread_element" => true,
        BINARY | "unary_expression" | "ternary_expression" => !matches!(
            inner,
            "arrow_function"
                | "yield_expression"
                | "assignment_expression"
                | "augmented_assignment_expression"
        ),
        _ => false,
    }
}

/// Whether the token `index`-th among its siblings says nothing: a separator before the end, or one the language
/// sets by itself.
pub(super) fn is_filler(tree: &SyntaxTree, parent: usize, siblings: &[usize], index: usize) -> bool {
    let (node, holder) = (&tree.nodes[siblings[index]], &tree.nodes[parent]);
    if node.named {
        return false;
    }
    match (tree.grammar, node.kind) {
        (_, ",") => is_trailing_comma(tree, holder, siblings, index),
        (Grammar::Python, ";") => matches!(holder.kind, "module" | "block"),
        (Grammar::Python, "(" | ")") => match holder.kind {
            "import_from_statement" | "with_clause" => true,
            // One in brackets without a comma is a group where patterns stand.
            "tuple" | "tuple_pattern" => siblings.iter().any(|s| tree.nodes[*s].kind == ","),
            _ => false,
        },
        (Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx, ";") => holder.kind != "for_statement",
        (Grammar::Go, "\n" | "\0") => true,
        (Grammar::Go, ";") => !matches!(
            holder.kind,
            "for_clause" | "if_statement" | "expression_switch_statement" | "type_switch_statement"
        ),
        _ => false,
    }
}

fn is_trailing_comma(tree: &SyntaxTree, holder: &Node, siblings: &[usize], index: usize) -> bool {
    if tree.grammar.is_script() && matches!(holder.kind, "object_type" | "interface_body") {
        // Members are told apart by themselves, and `;` does as well.
        return true;
    }
    if tree.grammar == Grammar::Rust && holder.kind == "match_arm" {
        return true;
    }
    let ends = siblings.get(index + 1).is_none_or(|next| {
        let next = &tree.nodes[*next];
        !next.named && matches!(next.kind, ")" | "]" | "}" | ">" | "|" | ";" | "\n")
    });
    // Holes of an array are meant.
    let follows_one = index > 0 && tree.nodes[siblings[index - 1]].named;
    if !ends || !follows_one {
        return false;
    }
    let commas = siblings.iter().filter(|s| tree.nodes[**s].kind == ",").count();
    match tree.grammar {
        Grammar::Python => match holder.kind {
            "argument_list"
            | "parameters"
            | "lambda_parameters"
            | "list"
            | "dictionary"
            | "set"
            | "import_from_statement"
            | "with_clause"
            | "list_pattern"
            | "dict_pattern"
            | "class_pattern" => true,
            // With one alone it makes a tuple.
            "tuple" | "expression_list" | "pattern_list" | "tuple_pattern" | "subscript" => commas > 1,
            _ => false,
        },
        Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => matches!(
            holder.kind,
            "array"
                | "object"
                | "arguments"
                | "formal_parameters"
                | "named_imports"
                | "export_clause"
                | "array_pattern"
                | "object_pattern"
                | "enum_body"
                | "type_arguments"
                | "type_parameters"
                | "tuple_type"
        ),
        Grammar::Go => matches!(
            holder.kind,
            "argument_list" | "literal_value" | "parameter_list" | "type_arguments" | "type_parameter_list"
        ),
        Grammar::Rust => match holder.kind {
            "arguments"
            | "array_expression"
            | "field_initializer_list"
            | "field_declaration_list"
            | "ordered_field_declaration_list"
            | "enum_variant_list"
            | "parameters"
            | "closure_parameters"
            | "use_list"
            | "type_arguments"
            | "type_parameters"
            | "struct_pattern"
            | "slice_pattern"
            | "where_clause" => true,
            "tuple_expression" | "tuple_type" | "tuple_pattern" | "tuple_struct_pattern" => commas > 1,
            "token_tree" => is_trailing_in_macro(tree, siblings[index], siblings, commas),
            _ => false,
        },
        Grammar::Java => {
            matches!(holder.kind, "array_initializer" | "element_value_array_initializer" | "enum_body")
        }
    }
}

/// The standard macros take their arguments as calls do.
fn is_trailing_in_macro(tree: &SyntaxTree, comma: usize, siblings: &[usize], commas: usize) -> bool {
    const AS_CALLS: &[&str] = &[
        "assert",
        "assert_eq",
        "assert_ne",
        "debug_assert",
        "debug_assert_eq",
        "debug_assert_ne",
        "dbg",
        "eprint",
        "eprintln",
        "format",
        "format_args",
        "panic",
        "print",
        "println",
        "unreachable",
        "vec",
        "write",
        "writeln",
    ];
    let list = tree.nodes[comma].parent;
    let mut at = list;
    while tree.nodes[at].kind == "token_tree" {
        at = tree.nodes[at].parent;
    }
    let invocation = &tree.nodes[at];
    let name = invocation.children.first().map_or("", |name| tree.text_of(*name));
    if invocation.kind != "macro_invocation" || !AS_CALLS.contains(&name) || tree.text.contains("macro_rules")
    {
        return false;
    }
    let opens = siblings.first().map_or("", |first| tree.nodes[*first].kind);
    invocation.children.contains(&list) || commas > 1 || matches!(opens, "[" | "{")
}

pub(super) fn is_comment(kind: &str) -> bool {
    matches!(kind, "comment" | "line_comment" | "block_comment" | "html_comment")
}
