package main

import (
	"strings"

	"dpremote/simulator"
)

// parseFaults reads the values of --fault.
func parseFaults(texts []string) (faults []simulator.Fault, err error) {
	for _, text := range texts {
		f, err := simulator.ParseFault(text)
		if err != nil {
			return nil, usage("--fault %s: %w", text, err)
		}
		faults = append(faults, f)
	}
	return faults, nil
}

// faultHelp lists the faults, in lines for a help.
func faultHelp() string {
	const width = 76
	var b strings.Builder
	column := 0
	for _, kind := range simulator.FaultKinds() {
		if column+len(kind)+2 > width {
			b.WriteString("\n")
			column = 0
		}
		n, _ := b.WriteString("  " + string(kind))
		column += n
	}
	return b.String()
}
