(call function: (identifier) @name) @reference.call
(call function: (attribute object: (_) @qualifier attribute: (identifier) @name)) @reference.call
(decorator (identifier) @name) @reference.call
(decorator (attribute object: (_) @qualifier attribute: (identifier) @name)) @reference.call
(attribute object: (_) @qualifier attribute: (identifier) @name) @reference.member
(class_definition superclasses: (argument_list (identifier) @name)) @reference.type
(type (identifier) @name) @reference.type
(argument_list (identifier) @name) @reference.value
(keyword_argument name: (_) value: (identifier) @name) @reference.value
(assignment right: (identifier) @name) @reference.value
(default_parameter value: (identifier) @name) @reference.value
(typed_default_parameter value: (identifier) @name) @reference.value
[(list (identifier) @name) (tuple (identifier) @name) (pair value: (identifier) @name)] @reference.value
(comparison_operator (identifier) @name) @reference.value
(subscript value: (identifier) @name) @reference.value
(return_statement (identifier) @name) @reference.value
; Fixtures are asked for by a parameter's name.
(function_definition parameters: (parameters (identifier) @name)) @reference.parameter
(function_definition parameters: (parameters (typed_parameter . (identifier) @name))) @reference.parameter
