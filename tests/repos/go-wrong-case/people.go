// Package people names people.
package people

// Person is someone.
type Person struct {
	First, Last string
}

// FullName joins both names.
func (p Person) FullName() string {
	return p.First + " " + p.last
}
