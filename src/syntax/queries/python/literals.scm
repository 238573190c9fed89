(string) @literal.string
(expression_statement . (string) @literal.documentation .)
[(integer) (float)] @literal.number
[(true) (false) (none)] @literal.word
(comment) @comment
