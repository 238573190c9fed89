(import_statement source: (string) @module) @import
(import_statement (import_clause (identifier) @default) source: (string) @module) @import
(import_statement (import_clause (namespace_import (identifier) @alias)) source: (string) @module) @import
(import_statement
  (import_clause (named_imports (import_specifier name: (_) @member alias: (_)? @alias)))
  source: (string) @module) @import

(export_statement (export_clause (export_specifier name: (_) @member alias: (_)? @alias)) source: (string) @module) @import.reexport
(export_statement (namespace_export (_) @alias) source: (string) @module) @import.reexport
(export_statement "*" @wildcard source: (string) @module) @import.reexport

(call_expression
  function: (identifier) @_function arguments: (arguments . (string) @module)
  (#eq? @_function "require")) @import
(variable_declarator
  name: (identifier) @alias
  value: (call_expression
    function: (identifier) @_function arguments: (arguments . (string) @module))
  (#eq? @_function "require")) @import
(variable_declarator
  name: (identifier) @alias
  value: (member_expression
    object: (call_expression
      function: (identifier) @_function arguments: (arguments . (string) @module))
    property: (property_identifier) @member)
  (#eq? @_function "require")) @import
(variable_declarator
  name: (object_pattern [
    (shorthand_property_identifier_pattern) @member
    (pair_pattern key: (property_identifier) @member value: (identifier) @alias)])
  value: (call_expression
    function: (identifier) @_function arguments: (arguments . (string) @module))
  (#eq? @_function "require")) @import
(call_expression function: (import) arguments: (arguments . (string) @module)) @import.dynamic
(call_expression
  function: (member_expression object: (identifier) @_object property: (property_identifier) @_function)
  arguments: (arguments . (string) @module)
  (#any-of? @_object "jest" "vi" "require")
  (#any-of? @_function "mock" "doMock" "unmock" "requireActual" "importActual" "requireMock" "resolve")) @import.dynamic
