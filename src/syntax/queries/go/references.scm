(call_expression function: (identifier) @name) @reference.call
(call_expression function: (selector_expression operand: (_) @qualifier field: (field_identifier) @name)) @reference.call
(selector_expression operand: (_) @qualifier field: (field_identifier) @name) @reference.member
(qualified_type package: (_) @qualifier name: (type_identifier) @name) @reference.type
(type_identifier) @name @reference.type
(argument_list (identifier) @name) @reference.value
(expression_list (identifier) @name) @reference.value
(binary_expression (identifier) @name) @reference.value
(literal_element (identifier) @name) @reference.value
