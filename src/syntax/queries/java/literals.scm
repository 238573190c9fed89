(string_literal) @literal.string
(character_literal) @literal.character
[(decimal_integer_literal) (hex_integer_literal) (octal_integer_literal) (binary_integer_literal)
 (decimal_floating_point_literal) (hex_floating_point_literal)] @literal.number
[(true) (false) (null_literal)] @literal.word
[(line_comment) (block_comment)] @comment
