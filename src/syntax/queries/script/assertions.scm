; What an assertion begins with; what is called on it (`.not.toBe(1)`) belongs to it.
(call_expression function: (identifier) @_expect
  (#any-of? @_expect "expect" "assert" "assertThat" "ok" "strictEqual" "deepEqual" "deepStrictEqual" "notStrictEqual" "throws" "rejects")) @assertion
; `assert.equal(…)`, `expect.assertions(1)`, `t.is(…)`
(call_expression
  function: (member_expression object: (identifier) @_object)
  (#any-of? @_object "assert" "expect" "chai" "should")) @assertion
(call_expression
  function: (member_expression object: (member_expression object: (identifier) @_object))
  (#eq? @_object "assert")) @assertion
(call_expression
  function: (member_expression object: (identifier) @_object property: (property_identifier) @_name)
  (#eq? @_object "t")
  (#any-of? @_name "is" "not" "deepEqual" "notDeepEqual" "like" "true" "false" "truthy" "falsy" "throws" "throwsAsync" "notThrows" "regex" "fail" "pass" "ok" "notOk" "equal" "equals" "strictEqual" "same" "match" "rejects" "error" "plan" "snapshot")) @assertion
(member_expression property: (property_identifier) @_should (#eq? @_should "should")) @assertion
