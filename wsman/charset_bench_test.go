package wsman

import (
	"bytes"
	"testing"
)

// BenchmarkCharacters is what looking for control characters costs a page.
func BenchmarkCharacters(b *testing.B) {
	page := bytes.Repeat([]byte("<p:PackageID>PS100001</p:PackageID>"), 1<<14)
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		if err := checkCharacters(page); err != nil {
			b.Fatal(err)
		}
	}
}
