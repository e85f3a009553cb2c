package main

import (
	"fmt"
	"strings"
)

// The width of help: that of the terminal as far as lines can be read, and of a
// page where there is none.
const (
	pageWidth    = 80
	leastHelp    = 60
	readableLine = 110
)

func (a *app) helpWidth() int {
	width, isTerminal := a.terminal(under(a.out))
	if !isTerminal {
		return pageWidth
	}
	return max(leastHelp, min(width, readableLine))
}

// wrapFlags has a template of cobra's for usage wrap what it says about flags.
func wrapFlags(template string, width int) string {
	return strings.ReplaceAll(template, ".FlagUsages ", fmt.Sprintf(".FlagUsagesWrapped %d ", width))
}
