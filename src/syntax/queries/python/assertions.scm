(assert_statement) @assertion
(call function: (attribute attribute: (identifier) @_name) (#match? @_name "^(assert|fail)")) @assertion
(call
  function: (attribute object: (identifier) @_module attribute: (identifier) @_name)
  (#eq? @_module "pytest") (#any-of? @_name "raises" "warns" "deprecated_call" "fail")) @assertion
(call function: (identifier) @_name (#match? @_name "^assert_")) @assertion
