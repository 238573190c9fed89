; What keeps its value from one call to the next.
(program [(lexical_declaration kind: "let") (variable_declaration)] @state)
(export_statement declaration: [(lexical_declaration kind: "let") (variable_declaration)] @state)
(program (lexical_declaration kind: "const" (variable_declarator value: [(array) (object) (new_expression)])) @state)
(export_statement declaration:
  (lexical_declaration kind: "const" (variable_declarator value: [(array) (object) (new_expression)])) @state)
