; What keeps its value from one call to the next.
(global_statement) @state
(nonlocal_statement) @state
(module (expression_statement (assignment right: [
  (list) (dictionary) (set) (list_comprehension) (dictionary_comprehension) (set_comprehension) (generator_expression)]) @state))
(class_definition body: (block (expression_statement (assignment right: [
  (list) (dictionary) (set) (list_comprehension) (dictionary_comprehension) (set_comprehension)]) @state)))
(module (expression_statement (assignment
  right: (call function: [(identifier) @_made (attribute attribute: (identifier) @_made)])
  (#any-of? @_made "list" "dict" "set" "bytearray" "iter" "count" "cycle" "Counter" "OrderedDict" "defaultdict" "deque")) @state))
; A default is made once.
([(default_parameter value: [(list) (dictionary) (set)])
  (typed_default_parameter value: [(list) (dictionary) (set)])] @state)
([(default_parameter value: (call function: (identifier) @_made))
  (typed_default_parameter value: (call function: (identifier) @_made))] @state
  (#any-of? @_made "list" "dict" "set" "iter"))
(call function: (identifier) @_name (#eq? @_name "setattr")) @state
