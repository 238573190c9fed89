(call_expression function: (identifier) @name) @reference.call
(call_expression function: (scoped_identifier path: (_)? @qualifier name: (_) @name)) @reference.call
(call_expression function: (field_expression value: (_) @qualifier field: (field_identifier) @name)) @reference.call
(call_expression function: (generic_function function: (identifier) @name)) @reference.call
(call_expression function: (generic_function function: (scoped_identifier path: (_)? @qualifier name: (_) @name))) @reference.call
(call_expression function: (generic_function function: (field_expression value: (_) @qualifier field: (_) @name))) @reference.call
(macro_invocation macro: (identifier) @name) @reference.macro
(macro_invocation macro: (scoped_identifier path: (_)? @qualifier name: (_) @name)) @reference.macro
(field_expression value: (_) @qualifier field: (field_identifier) @name) @reference.member
(scoped_identifier path: (_) @qualifier name: (identifier) @name) @reference.member
(scoped_type_identifier path: (_) @qualifier name: (type_identifier) @name) @reference.type
(struct_expression name: (type_identifier) @name) @reference.type
(type_identifier) @name @reference.type
(arguments (identifier) @name) @reference.value
(binary_expression (identifier) @name) @reference.value
(reference_expression value: (identifier) @name) @reference.value
(let_declaration value: (identifier) @name) @reference.value

; Inside a macro's arguments there are only tokens: a name before brackets is a call.
(token_tree (identifier) @name . (token_tree) @_arguments (#match? @_arguments "^\\(")) @reference.call
(token_tree (identifier) @name) @reference.value
