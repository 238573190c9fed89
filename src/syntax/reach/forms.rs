//! How each language writes the few kinds of expression that names are followed through.

use super::super::tree::Grammar;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Name,
    /// Object and member.
    Member,
    /// Object and key.
    Index,
    /// Function and arguments; with an empty first field the node itself is the function, by object and name.
    Call,
    /// What stands in it, unchanged.
    Through,
    /// Target and value.
    Assign,
    Text,
    Number,
    /// Two values and an operator.
    Binary,
    Unary,
    /// Condition, and what follows where it holds.
    Branch,
    /// One condition, whatever stands in it.
    Condition,
    /// What is gone through, and what is done with each.
    Loop,
    /// What one value is held against, and what follows.
    Arm,
    /// What arms are held against.
    Match,
    /// A named piece of code that runs when it is called.
    Function,
    Return,
    List,
    Map,
    Pair,
}

/// Kind of node, form, and the fields of its two parts; `#n` is the n-th named child, `#-1` the last.
pub(super) type Row = (&'static str, Form, &'static str, &'static str);

const PYTHON: &[Row] = &[
    ("identifier", Form::Name, "", ""),
    ("attribute", Form::Member, "object", "attribute"),
    ("subscript", Form::Index, "value", "subscript"),
    ("call", Form::Call, "function", "arguments"),
    ("parenthesized_expression", Form::Through, "#0", ""),
    ("await", Form::Through, "#0", ""),
    ("expression_statement", Form::Through, "#0", ""),
    ("assignment", Form::Assign, "left", "right"),
    ("augmented_assignment", Form::Assign, "left", "right"),
    ("named_expression", Form::Assign, "name", "value"),
    ("default_parameter", Form::Assign, "name", "value"),
    ("typed_default_parameter", Form::Assign, "name", "value"),
    ("string", Form::Text, "", ""),
    ("concatenated_string", Form::Text, "", ""),
    ("integer", Form::Number, "", ""),
    ("float", Form::Number, "", ""),
    ("binary_operator", Form::Binary, "left", "right"),
    ("boolean_operator", Form::Binary, "left", "right"),
    ("comparison_operator", Form::Binary, "#0", "#1"),
    ("unary_operator", Form::Unary, "argument", ""),
    ("not_operator", Form::Unary, "argument", ""),
    ("if_statement", Form::Branch, "condition", "consequence"),
    ("elif_clause", Form::Branch, "condition", "consequence"),
    ("while_statement", Form::Condition, "condition", "body"),
    ("assert_statement", Form::Condition, "#0", ""),
    ("if_clause", Form::Condition, "#0", ""),
    ("conditional_expression", Form::Branch, "#1", "#0"),
    ("match_statement", Form::Match, "subject", "body"),
    ("case_clause", Form::Arm, "#0", "consequence"),
    ("function_definition", Form::Function, "name", "body"),
    ("lambda", Form::Function, "", "body"),
    ("return_statement", Form::Return, "#0", ""),
    ("list", Form::List, "", ""),
    ("tuple", Form::List, "", ""),
    ("set", Form::List, "", ""),
    ("dictionary", Form::Map, "", ""),
    ("pair", Form::Pair, "key", "value"),
    ("keyword_argument", Form::Pair, "name", "value"),
    ("for_statement", Form::Loop, "right", "body"),
];

const SCRIPT: &[Row] = &[
    ("identifier", Form::Name, "", ""),
    ("shorthand_property_identifier", Form::Name, "", ""),
    ("member_expression", Form::Member, "object", "property"),
    ("nested_identifier", Form::Member, "object", "property"),
    ("subscript_expression", Form::Index, "object", "index"),
    ("call_expression", Form::Call, "function", "arguments"),
    ("new_expression", Form::Call, "constructor", "arguments"),
    ("parenthesized_expression", Form::Through, "#0", ""),
    ("sequence_expression", Form::Through, "#-1", ""),
    ("await_expression", Form::Through, "#0", ""),
    ("as_expression", Form::Through, "#0", ""),
    ("satisfies_expression", Form::Through, "#0", ""),
    ("non_null_expression", Form::Through, "#0", ""),
    ("expression_statement", Form::Through, "#0", ""),
    ("assignment_expression", Form::Assign, "left", "right"),
    ("augmented_assignment_expression", Form::Assign, "left", "right"),
    ("variable_declarator", Form::Assign, "name", "value"),
    ("assignment_pattern", Form::Assign, "left", "right"),
    ("string", Form::Text, "", ""),
    ("template_string", Form::Text, "", ""),
    ("number", Form::Number, "", ""),
    ("binary_expression", Form::Binary, "left", "right"),
    ("unary_expression", Form::Unary, "argument", ""),
    ("if_statement", Form::Branch, "condition", "consequence"),
    ("ternary_expression", Form::Branch, "condition", "consequence"),
    ("while_statement", Form::Condition, "condition", "body"),
    ("for_in_statement", Form::Loop, "right", "body"),
    ("switch_statement", Form::Match, "value", "body"),
    ("switch_case", Form::Arm, "value", "body"),
    ("function_declaration", Form::Function, "name", "body"),
    ("function_expression", Form::Function, "name", "body"),
    ("arrow_function", Form::Function, "", "body"),
    ("method_definition", Form::Function, "name", "body"),
    ("return_statement", Form::Return, "#0", ""),
    ("array", Form::List, "", ""),
    ("object", Form::Map, "", ""),
    ("pair", Form::Pair, "key", "value"),
];

const GO: &[Row] = &[
    ("identifier", Form::Name, "", ""),
    ("selector_expression", Form::Member, "operand", "field"),
    ("index_expression", Form::Index, "operand", "index"),
    ("slice_expression", Form::Index, "operand", "start"),
    ("call_expression", Form::Call, "function", "arguments"),
    ("parenthesized_expression", Form::Through, "#0", ""),
    ("expression_statement", Form::Through, "#0", ""),
    ("literal_element", Form::Through, "#0", ""),
    ("short_var_declaration", Form::Assign, "left", "right"),
    ("assignment_statement", Form::Assign, "left", "right"),
    ("var_spec", Form::Assign, "name", "value"),
    ("const_spec", Form::Assign, "name", "value"),
    ("interpreted_string_literal", Form::Text, "", ""),
    ("raw_string_literal", Form::Text, "", ""),
    ("rune_literal", Form::Text, "", ""),
    ("int_literal", Form::Number, "", ""),
    ("float_literal", Form::Number, "", ""),
    ("binary_expression", Form::Binary, "left", "right"),
    ("unary_expression", Form::Unary, "operand", ""),
    ("if_statement", Form::Branch, "condition", "consequence"),
    ("for_statement", Form::Condition, "condition", "body"),
    ("expression_switch_statement", Form::Match, "value", ""),
    ("expression_case", Form::Arm, "value", "#-1"),
    ("function_declaration", Form::Function, "name", "body"),
    ("method_declaration", Form::Function, "name", "body"),
    ("func_literal", Form::Function, "", "body"),
    ("return_statement", Form::Return, "#0", ""),
    ("literal_value", Form::List, "", ""),
    ("composite_literal", Form::Map, "type", "body"),
    ("keyed_element", Form::Pair, "#0", "#1"),
];

const RUST: &[Row] = &[
    ("identifier", Form::Name, "", ""),
    ("scoped_identifier", Form::Member, "path", "name"),
    ("scoped_type_identifier", Form::Member, "path", "name"),
    ("field_expression", Form::Member, "value", "field"),
    ("index_expression", Form::Index, "#0", "#1"),
    ("call_expression", Form::Call, "function", "arguments"),
    ("generic_function", Form::Through, "function", ""),
    ("parenthesized_expression", Form::Through, "#0", ""),
    ("reference_expression", Form::Through, "value", ""),
    ("try_expression", Form::Through, "#0", ""),
    ("await_expression", Form::Through, "#0", ""),
    ("type_cast_expression", Form::Through, "value", ""),
    ("expression_statement", Form::Through, "#0", ""),
    ("let_declaration", Form::Assign, "pattern", "value"),
    ("const_item", Form::Assign, "name", "value"),
    ("static_item", Form::Assign, "name", "value"),
    ("assignment_expression", Form::Assign, "left", "right"),
    ("compound_assignment_expr", Form::Assign, "left", "right"),
    ("string_literal", Form::Text, "", ""),
    ("raw_string_literal", Form::Text, "", ""),
    ("char_literal", Form::Text, "", ""),
    ("integer_literal", Form::Number, "", ""),
    ("float_literal", Form::Number, "", ""),
    ("binary_expression", Form::Binary, "left", "right"),
    ("unary_expression", Form::Unary, "#0", ""),
    ("if_expression", Form::Branch, "condition", "consequence"),
    ("while_expression", Form::Condition, "condition", "body"),
    ("for_expression", Form::Loop, "value", "body"),
    ("match_expression", Form::Match, "value", "body"),
    ("match_arm", Form::Arm, "pattern", "value"),
    ("function_item", Form::Function, "name", "body"),
    ("closure_expression", Form::Function, "", "body"),
    ("return_expression", Form::Return, "#0", ""),
    ("array_expression", Form::List, "", ""),
    ("tuple_expression", Form::List, "", ""),
];

const JAVA: &[Row] = &[
    ("identifier", Form::Name, "", ""),
    ("type_identifier", Form::Name, "", ""),
    ("field_access", Form::Member, "object", "field"),
    ("scoped_identifier", Form::Member, "scope", "name"),
    ("scoped_type_identifier", Form::Member, "#0", "#1"),
    ("array_access", Form::Index, "array", "index"),
    ("method_invocation", Form::Call, "", "arguments"),
    ("object_creation_expression", Form::Call, "type", "arguments"),
    ("method_reference", Form::Member, "#0", "#1"),
    ("class_literal", Form::Through, "#0", ""),
    ("parenthesized_expression", Form::Through, "#0", ""),
    ("cast_expression", Form::Through, "value", ""),
    ("expression_statement", Form::Through, "#0", ""),
    ("assignment_expression", Form::Assign, "left", "right"),
    ("variable_declarator", Form::Assign, "name", "value"),
    ("string_literal", Form::Text, "", ""),
    ("character_literal", Form::Text, "", ""),
    ("decimal_integer_literal", Form::Number, "", ""),
    ("hex_integer_literal", Form::Number, "", ""),
    ("octal_integer_literal", Form::Number, "", ""),
    ("binary_integer_literal", Form::Number, "", ""),
    ("decimal_floating_point_literal", Form::Number, "", ""),
    ("binary_expression", Form::Binary, "left", "right"),
    ("unary_expression", Form::Unary, "operand", ""),
    ("if_statement", Form::Branch, "condition", "consequence"),
    ("ternary_expression", Form::Branch, "condition", "consequence"),
    ("while_statement", Form::Condition, "condition", "body"),
    ("enhanced_for_statement", Form::Loop, "value", "body"),
    ("switch_expression", Form::Match, "condition", "body"),
    ("switch_rule", Form::Arm, "#0", "#1"),
    ("switch_block_statement_group", Form::Arm, "#0", "#-1"),
    ("method_declaration", Form::Function, "name", "body"),
    ("lambda_expression", Form::Function, "", "body"),
    ("return_statement", Form::Return, "#0", ""),
    ("yield_statement", Form::Return, "#0", ""),
    ("array_initializer", Form::List, "", ""),
];

pub(super) fn row(grammar: Grammar, kind: &str) -> Option<&'static Row> {
    let rows = match grammar {
        Grammar::Python => PYTHON,
        Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => SCRIPT,
        Grammar::Go => GO,
        Grammar::Rust => RUST,
        Grammar::Java => JAVA,
    };
    rows.iter().find(|row| row.0 == kind)
}

/// Names that stand for the object that everything global is in, or for what is built in.
pub(super) fn is_root_of_all(grammar: Grammar, name: &str) -> bool {
    match grammar {
        Grammar::Python => matches!(name, "builtins" | "__builtins__" | "__builtin__"),
        Grammar::Rust => matches!(name, "std" | "core" | "alloc"),
        _ if grammar.is_script() => matches!(name, "globalThis" | "global" | "window" | "self"),
        _ => false,
    }
}

/// Members that are the object again.
pub(super) fn is_same_object(grammar: Grammar, name: &str) -> bool {
    match grammar {
        Grammar::Python => matches!(name, "__dict__" | "__func__" | "__wrapped__"),
        _ if grammar.is_script() => matches!(name, "bind" | "call" | "apply" | "default"),
        _ => false,
    }
}
