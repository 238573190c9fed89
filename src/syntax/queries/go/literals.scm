[(interpreted_string_literal) (raw_string_literal)] @literal.string
(rune_literal) @literal.character
[(int_literal) (float_literal) (imaginary_literal)] @literal.number
[(true) (false) (nil)] @literal.word
(comment) @comment
