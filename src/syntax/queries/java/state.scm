; What keeps its value from one call to the next.
(field_declaration (modifiers "static") @_words (#not-match? @_words "\\bfinal\\b")) @state
(field_declaration (modifiers "static")
  declarator: (variable_declarator value: [(object_creation_expression) (array_creation_expression) (array_initializer)])) @state
((type_identifier) @state (#match? @state "^Atomic[A-Z][A-Za-z]*$"))
