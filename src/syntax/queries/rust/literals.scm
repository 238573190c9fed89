[(string_literal) (raw_string_literal)] @literal.string
(char_literal) @literal.character
[(integer_literal) (float_literal)] @literal.number
(boolean_literal) @literal.word
[(line_comment) (block_comment)] @comment
(shebang) @comment
