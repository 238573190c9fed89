; What JavaScript and TypeScript share.
(function_declaration name: (_) @name body: (_) @body) @definition.function
(generator_function_declaration name: (_) @name body: (_) @body) @definition.function
(class_declaration name: (_) @name body: (_) @body) @definition.class
(method_definition name: (_) @name body: (_) @body) @definition.method

(lexical_declaration
  (variable_declarator name: (identifier) @name
    value: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)])) @definition.function
(variable_declaration
  (variable_declarator name: (identifier) @name
    value: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)])) @definition.function
(lexical_declaration
  (variable_declarator name: (identifier) @name value: (class body: (_) @body))) @definition.class
(program
  [(lexical_declaration (variable_declarator name: (identifier) @name))
   (variable_declaration (variable_declarator name: (identifier) @name))] @definition.constant)
(export_statement
  declaration: [(lexical_declaration (variable_declarator name: (identifier) @name))
   (variable_declaration (variable_declarator name: (identifier) @name))] @definition.constant)

; `exports.add = …`, `Stack.prototype.pop = …`
(expression_statement
  (assignment_expression
    left: (member_expression object: (_) @container property: (property_identifier) @name)
    right: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (class body: (_) @body)])) @definition.function
(program
  (expression_statement
    (assignment_expression
      left: (member_expression object: (_) @container property: (property_identifier) @name)
      right: [(identifier) (member_expression) (number) (string) (object) (array) (call_expression) (new_expression) (template_string)])) @definition.constant
  (#match? @container "exports|prototype"))
(pair
  key: (property_identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.method

; What it is wrapped in belongs to it.
(export_statement declaration: (_) @wrapped) @wrapper
(export_statement value: (_) @wrapped) @wrapper
