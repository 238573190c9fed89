[(marker_annotation name: (_) @name) (annotation name: (_) @name)] @attribute
