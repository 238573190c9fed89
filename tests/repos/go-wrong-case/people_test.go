package people

import "testing"

func TestFullName(t *testing.T) {
	p := Person{First: "Ada", Last: "Lovelace"}
	if got := p.FullName(); got != "Ada Lovelace" {
		t.Errorf("FullName() = %q", got)
	}
}
