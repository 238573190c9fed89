(import_statement name: (dotted_name) @module) @import
(import_statement name: (aliased_import name: (_) @module alias: (_) @alias)) @import
(import_from_statement module_name: (_) @module name: (dotted_name) @member) @import
(import_from_statement module_name: (_) @module name: (aliased_import name: (_) @member alias: (_) @alias)) @import
(import_from_statement module_name: (_) @module (wildcard_import) @wildcard) @import
(future_import_statement) @import.effect

(call
  function: [(identifier) @_function (attribute attribute: (identifier) @_function)]
  arguments: (argument_list . (string) @module)
  (#any-of? @_function "import_module" "importorskip" "__import__")) @import.dynamic
