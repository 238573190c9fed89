(class_body member: (field_definition "static" value: (_)) @state)
