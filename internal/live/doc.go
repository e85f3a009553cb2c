// Package live shows on a terminal how something goes that takes long: counts
// by site, what is still open, and what changed last. It draws in place, below
// what the terminal shows already, and leaves nothing behind. It knows nothing
// of where the numbers come from.
//
//	d := live.Start(os.Stderr, live.Options{Size: size})
//	defer d.Stop()
//	d.Update(state)                  // whenever something changed
//	fmt.Fprintln(d, "a line above")  // instead of writing to the terminal
//
// Text is data: what could drive the terminal is replaced before it is shown.
package live
