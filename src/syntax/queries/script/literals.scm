[(string) (template_string)] @literal.string
(regex) @literal.pattern
(number) @literal.number
[(true) (false) (null) (undefined)] @literal.word
[(comment) (hash_bang_line) (html_comment)] @comment
