(macro_invocation
  macro: [(identifier) @_macro (scoped_identifier name: (identifier) @_macro)]
  (#match? @_macro "^(assert|debug_assert|prop_assert|panic$|insta$|unreachable$)")) @assertion
(attribute_item (attribute (identifier) @_attribute (#eq? @_attribute "should_panic"))) @assertion
