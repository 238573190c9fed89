(import_declaration (scoped_identifier scope: (_) @module name: (_) @member) .) @import
(import_declaration (scoped_identifier) @module (asterisk) @wildcard) @import
(import_declaration "static" (scoped_identifier scope: (_) @module name: (_) @member) .) @import.static
(import_declaration "static" (scoped_identifier) @module (asterisk) @wildcard) @import.static
