// Package clock formats times of day.
package clock

import (
	"fmt"
	"os"
)

// Format gives hours and minutes as hh:mm.
func Format(hours, minutes int) string {
	return fmt.Sprintf("%02d:%02d", hours, minutes)
}
