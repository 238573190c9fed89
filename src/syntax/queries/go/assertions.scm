(call_expression
  function: (selector_expression field: (field_identifier) @_name)
  (#any-of? @_name "Error" "Errorf" "Fatal" "Fatalf" "Fail" "FailNow")) @assertion
(call_expression
  function: (selector_expression operand: (identifier) @_package)
  (#any-of? @_package "assert" "require" "is" "qt" "check")) @assertion
(call_expression
  function: (selector_expression operand: (selector_expression field: (field_identifier) @_package))
  (#any-of? @_package "assert" "require")) @assertion
(call_expression
  function: (selector_expression operand: (call_expression function: (selector_expression field: (field_identifier) @_package)))
  (#any-of? @_package "Require" "Assert")) @assertion
(call_expression
  function: (selector_expression operand: (call_expression function: (identifier) @_expect))
  (#any-of? @_expect "Expect" "Eventually" "Consistently")) @assertion
