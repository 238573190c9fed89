(class_body member: (field_definition property: (_) @name) @definition.field)
