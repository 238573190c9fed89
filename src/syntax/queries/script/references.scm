(call_expression function: (identifier) @name (#not-any-of? @name "require" "import")) @reference.call
(call_expression function: (member_expression object: (_) @qualifier property: (property_identifier) @name)) @reference.call
(new_expression constructor: (identifier) @name) @reference.call
(new_expression constructor: (member_expression object: (_) @qualifier property: (property_identifier) @name)) @reference.call
(member_expression object: (_) @qualifier property: (property_identifier) @name) @reference.member
(arguments (identifier) @name) @reference.value
(variable_declarator value: (identifier) @name) @reference.value
(assignment_expression right: (identifier) @name) @reference.value
(pair value: (identifier) @name) @reference.value
(array (identifier) @name) @reference.value
(binary_expression (identifier) @name) @reference.value
(return_statement (identifier) @name) @reference.value
(shorthand_property_identifier) @name @reference.value
