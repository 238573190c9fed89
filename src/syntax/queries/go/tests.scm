(function_declaration name: (identifier) @name
  (#match? @name "^(Test|Benchmark|Example|Fuzz)($|[^a-z])") (#not-eq? @name "TestMain")) @test
; testify's and gocheck's suites
(method_declaration name: (field_identifier) @name (#match? @name "^Test($|[^a-z])")) @test
(call_expression
  function: (selector_expression field: (field_identifier) @_run)
  arguments: (argument_list . [(interpreted_string_literal) (raw_string_literal)] @name . (_))
  (#eq? @_run "Run")) @test
; ginkgo
(call_expression
  function: (identifier) @_function
  arguments: (argument_list . [(interpreted_string_literal) (raw_string_literal)] @name)
  (#any-of? @_function "It" "FIt" "PIt" "XIt" "Specify" "Entry")) @test
(call_expression
  function: (identifier) @_function
  arguments: (argument_list . [(interpreted_string_literal) (raw_string_literal)] @name)
  (#any-of? @_function "Describe" "Context" "When" "DescribeTable" "FDescribe" "PDescribe")) @suite

(function_declaration name: (identifier) @name (#eq? @name "TestMain")) @setup
(method_declaration name: (field_identifier) @name
  (#any-of? @name "SetupSuite" "SetupTest" "SetUpSuite" "SetUpTest" "TearDownSuite" "TearDownTest" "BeforeTest" "AfterTest")) @setup
