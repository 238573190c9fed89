; Go's directives are comments: `//go:build linux`, `//nolint:errcheck`.
((comment) @name @attribute (#match? @name "^//[a-z]+:[a-z]"))
