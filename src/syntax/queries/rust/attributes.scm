(attribute_item (attribute [(identifier) @name (scoped_identifier) @name])) @attribute
(inner_attribute_item (attribute [(identifier) @name (scoped_identifier) @name])) @attribute
