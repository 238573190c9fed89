; A use tree is taken apart in code: it nests.
(use_declaration argument: (_) @tree) @import
(use_declaration (visibility_modifier) argument: (_) @tree) @import.reexport
(extern_crate_declaration name: (_) @module) @import
(extern_crate_declaration name: (_) @module alias: (_) @alias) @import
(mod_item name: (identifier) @module !body) @import.submodule
(macro_invocation
  macro: (identifier) @_macro (token_tree . (string_literal) @module)
  (#any-of? @_macro "include" "include_str" "include_bytes")) @import.dynamic
