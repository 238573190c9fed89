; What keeps its value from one call to the next; names of errors and of patterns do not.
(source_file (var_declaration (var_spec !value type: (_) @_type) @state)
  (#not-match? @_type "^sync\\.(Mutex|RWMutex|WaitGroup)$"))
(source_file (var_declaration (var_spec_list (var_spec !value type: (_) @_type) @state))
  (#not-match? @_type "^sync\\.(Mutex|RWMutex|WaitGroup)$"))
(source_file (var_declaration (var_spec value: (expression_list . (_) @_made)
  (#not-match? @_made "^(errors\\.New|fmt\\.Errorf|regexp\\.MustCompile)\\(")) @state))
(source_file (var_declaration (var_spec_list (var_spec value: (expression_list . (_) @_made)
  (#not-match? @_made "^(errors\\.New|fmt\\.Errorf|regexp\\.MustCompile)\\(")) @state)))
(qualified_type package: (package_identifier) @_module name: (type_identifier) @_name
  (#any-of? @_module "sync" "atomic") (#not-any-of? @_name "Mutex" "RWMutex" "WaitGroup")) @state
(call_expression function: (selector_expression operand: (identifier) @_module) (#eq? @_module "atomic")) @state
