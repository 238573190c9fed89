; jest, vitest, mocha, jasmine, node:test, tap, playwright: `it('adds', …)`, `it.skip('adds', …)`, `it.each(rows)('adds', …)`.
(call_expression
  function: (identifier) @_function
  arguments: (arguments . [(string) (template_string)] @name)
  (#any-of? @_function "it" "test" "specify" "fit" "xit" "xtest" "xspecify")) @test
(call_expression
  function: (member_expression object: (identifier) @_function property: (property_identifier) @modifier)
  arguments: (arguments . [(string) (template_string)] @name)
  (#any-of? @_function "it" "test" "specify" "xit" "fit")
  (#not-any-of? @modifier "describe" "step" "suite" "context" "beforeEach" "afterEach" "beforeAll" "afterAll" "use")) @test
(call_expression
  function: (member_expression
    object: (member_expression object: (identifier) @_function property: (property_identifier) @_modifier)
    property: (property_identifier) @modifier)
  arguments: (arguments . [(string) (template_string)] @name)
  (#any-of? @_function "it" "test" "specify")
  (#not-any-of? @_modifier "describe" "suite" "context")) @test
(call_expression
  function: (call_expression function: (member_expression
    object: [(identifier) @_function (member_expression object: (identifier) @_function)]
    property: (property_identifier) @modifier))
  arguments: (arguments . [(string) (template_string)] @name)
  (#any-of? @_function "it" "test" "specify")) @test
(call_expression
  function: (member_expression object: (identifier) @_object property: (property_identifier) @_function)
  arguments: (arguments . [(string) (template_string)] @name)
  (#any-of? @_object "t" "tap") (#eq? @_function "test")) @test

(call_expression
  function: [
    (identifier) @_function
    (member_expression object: (identifier) @_function property: (property_identifier) @modifier)
    (call_expression function: (member_expression object: (identifier) @_function property: (property_identifier) @modifier))]
  arguments: (arguments . [(string) (template_string) (identifier)] @name)
  (#any-of? @_function "describe" "suite" "context" "fdescribe" "xdescribe")) @suite
(call_expression
  function: (member_expression object: (identifier) @_function property: (property_identifier) @_suite)
  arguments: (arguments . [(string) (template_string)] @name)
  (#eq? @_function "test") (#any-of? @_suite "describe" "suite")) @suite

(call_expression
  function: [(identifier) @name (member_expression object: (identifier) property: (property_identifier) @name)]
  arguments: (arguments . [(arrow_function) (function_expression)])
  (#any-of? @name "before" "after" "beforeEach" "afterEach" "beforeAll" "afterAll" "setup" "teardown" "suiteSetup" "suiteTeardown")) @setup
