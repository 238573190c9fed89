package clock

import "testing"

func TestFormat(t *testing.T) {
	if got := Format(7, 5); got != "07:05" {
		t.Errorf("Format(7, 5) = %q, want 07:05", got)
	}
}
