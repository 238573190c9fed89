; An attribute makes the function behind it a test, or the module a suite.
(attribute_item (attribute [
  (identifier) @_attribute
  (scoped_identifier name: (identifier) @_attribute)])
  (#any-of? @_attribute "test" "rstest" "test_case" "quickcheck" "wasm_bindgen_test" "bench" "proptest" "apply" "case" "traced_test" "parameterized" "test_log")) @test.attribute
(attribute_item (attribute (identifier) @_attribute arguments: (token_tree) @_condition)
  (#eq? @_attribute "cfg") (#match? @_condition "^\\(\\s*(test\\b|all\\(\\s*test\\b)")) @suite.attribute
(attribute_item (attribute (identifier) @_attribute)
  (#eq? @_attribute "fixture")) @setup.attribute
