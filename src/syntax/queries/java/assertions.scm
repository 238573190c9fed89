(assert_statement) @assertion
(method_invocation name: (identifier) @_name (#match? @_name "^(assert\\w*|fail|verify|expectThrows)$")) @assertion
(method_invocation
  object: (identifier) @_object
  (#any-of? @_object "Assertions" "Assert" "Truth" "StepVerifier")) @assertion
