(jsx_text) @literal.text
