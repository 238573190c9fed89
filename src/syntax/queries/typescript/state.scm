(class_body (public_field_definition "static" value: (_)) @state)
