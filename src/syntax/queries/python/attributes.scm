(decorator [(identifier) @name (attribute) @name (call function: (_) @name)]) @attribute
