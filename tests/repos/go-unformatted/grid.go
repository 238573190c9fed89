// Package grid counts cells.
package grid

// Cells is the number of cells of a grid.
func Cells(rows,columns int) int {
  return rows*columns
}
