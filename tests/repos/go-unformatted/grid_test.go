package grid

import "testing"

func TestCells(t *testing.T) {
	if got := Cells(3, 4); got != 12 {
		t.Errorf("Cells(3, 4) = %d, want 12", got)
	}
}
