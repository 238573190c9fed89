(decorator [(identifier) @name (member_expression) @name (call_expression function: (_) @name)]) @attribute
