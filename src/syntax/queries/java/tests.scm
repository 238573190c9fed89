; JUnit 4 and 5, TestNG, jqwik
(method_declaration
  (modifiers [(marker_annotation name: (_) @_annotation) (annotation name: (_) @_annotation)])
  name: (identifier) @name
  (#match? @_annotation "(^|\\.)(Test|ParameterizedTest|RepeatedTest|TestFactory|TestTemplate|Theory|Property)$")) @test
; JUnit 3
(class_declaration
  superclass: (superclass (_) @_base)
  body: (class_body (method_declaration name: (identifier) @name) @test)
  (#match? @_base "TestCase$") (#match? @name "^test"))

(class_declaration
  name: (identifier) @name
  body: (class_body (method_declaration
    (modifiers [(marker_annotation name: (_) @_annotation) (annotation name: (_) @_annotation)])))
  (#match? @_annotation "(^|\\.)(Test|ParameterizedTest|RepeatedTest|TestFactory|TestTemplate|Theory|Property)$")) @suite
(class_declaration name: (identifier) @name superclass: (superclass (_) @_base) (#match? @_base "TestCase$")) @suite
(class_declaration
  (modifiers (marker_annotation name: (identifier) @_annotation)) name: (identifier) @name
  (#eq? @_annotation "Nested")) @suite

(method_declaration
  (modifiers [(marker_annotation name: (identifier) @_annotation) (annotation name: (identifier) @_annotation)])
  name: (identifier) @name
  (#match? @_annotation "^(Before|After)(Each|All|Class|Method|Suite|Test)?$|^(MethodSource|DataProvider)$")) @setup
(method_declaration name: (identifier) @name (#any-of? @name "setUp" "tearDown")) @setup
