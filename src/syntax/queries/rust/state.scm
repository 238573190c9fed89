; What keeps its value from one call to the next.
(static_item) @state
(macro_invocation macro: (identifier) @_name (#eq? @_name "thread_local")) @state
((type_identifier) @state (#match? @state "^(Atomic[A-Z][A-Za-z0-9]*|OnceLock|OnceCell)$"))
