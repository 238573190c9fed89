; What pytest and unittest collect.
(function_definition name: (identifier) @name (#match? @name "^test")) @test

(class_definition name: (identifier) @name (#match? @name "^Test|Tests?$|TestCase$")) @suite
(class_definition
  name: (identifier) @name
  superclasses: (argument_list [(identifier) @_base (attribute attribute: (identifier) @_base)])
  (#match? @_base "TestCase$")) @suite

(function_definition name: (identifier) @name
  (#match? @name "^(setUp|tearDown|setUpClass|tearDownClass|setUpModule|tearDownModule|asyncSetUp|asyncTearDown|setup|teardown|setup_(method|class|module|function)|teardown_(method|class|module|function))$")) @setup
(decorated_definition
  (decorator [
    (attribute attribute: (identifier) @_fixture)
    (identifier) @_fixture
    (call function: [(attribute attribute: (identifier) @_fixture) (identifier) @_fixture])])
  definition: (function_definition name: (identifier) @name) @setup
  (#match? @_fixture "^(yield_)?fixture$"))
