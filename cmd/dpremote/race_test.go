//go:build race

package main

// raced says that the race detector is on, which wants terabytes of addresses.
const raced = true
