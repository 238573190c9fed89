(method_invocation object: (_)? @qualifier name: (identifier) @name) @reference.call
(object_creation_expression type: (type_identifier) @name) @reference.call
(object_creation_expression type: (generic_type (type_identifier) @name)) @reference.call
(object_creation_expression type: (scoped_type_identifier (type_identifier) @name .)) @reference.call
(method_reference . (_) @qualifier (identifier) @name .) @reference.call
(field_access object: (_) @qualifier field: (identifier) @name) @reference.member
(type_identifier) @name @reference.type
(argument_list (identifier) @name) @reference.value
(binary_expression (identifier) @name) @reference.value
(variable_declarator value: (identifier) @name) @reference.value
(return_statement (identifier) @name) @reference.value
; `Calc.add(…)`: what a static method is called on.
(method_invocation object: (identifier) @name (#match? @name "^[A-Z]")) @reference.type
