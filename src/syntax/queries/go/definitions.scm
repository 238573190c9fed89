(function_declaration name: (identifier) @name body: (_)? @body) @definition.function
(method_declaration
  receiver: (parameter_list (parameter_declaration type: [
    (type_identifier) @container
    (pointer_type (type_identifier) @container)
    (generic_type type: (_) @container)
    (pointer_type (generic_type type: (_) @container))]))
  name: (field_identifier) @name body: (_)? @body) @definition.method
(type_declaration (type_spec name: (type_identifier) @name type: (struct_type) @body) @definition.class)
(type_declaration (type_spec name: (type_identifier) @name type: (interface_type) @body) @definition.interface)
(type_declaration [(type_spec name: (type_identifier) @name) (type_alias name: (type_identifier) @name)] @definition.type)
(method_elem name: (_) @name) @definition.method
(field_declaration name: (field_identifier) @name) @definition.field
(source_file (const_declaration (const_spec name: (identifier) @name) @definition.constant))
(source_file (var_declaration (var_spec name: (identifier) @name) @definition.constant))
(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name) @definition.constant)))

; A declaration of one thing belongs to it as a whole.
(type_declaration . (_) @wrapped .) @wrapper
(const_declaration . (_) @wrapped .) @wrapper
(var_declaration . (var_spec) @wrapped .) @wrapper

(package_clause (package_identifier) @package)
