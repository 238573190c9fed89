(type_identifier) @name @reference.type
(extends_clause value: (identifier) @name) @reference.type
