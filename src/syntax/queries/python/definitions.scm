; What a file defines: the node is the extent, `name` its name. Wrappers and leads widen the extent.

(class_definition name: (identifier) @name body: (_)? @body) @definition.class

(function_definition name: (identifier) @name body: (_)? @body) @definition.function

(module (expression_statement (assignment left: (identifier) @name) @definition.constant))
(class_definition body: (block (expression_statement (assignment left: (identifier) @name) @definition.field)))
(type_alias_statement left: (type (identifier) @name)) @definition.type

; What it is wrapped in belongs to it.
(decorated_definition definition: (_) @wrapped) @wrapper
