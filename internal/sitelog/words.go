package sitelog

import (
	"iter"
	"strings"
)

// PackageIDs yields what may be package IDs in a text: whole words of eight
// letters and digits, in upper case. Content IDs such as PS100001.3 begin with
// one.
func PackageIDs(text string) iter.Seq[string] {
	isPart := func(r rune) bool { return r != '-' && r != '.' && r != '_' && isWordRune(r) }
	return func(yield func(string) bool) {
		for _, word := range runs(text, isPart) {
			if len(word) == 8 && !yield(strings.ToUpper(word)) {
				return
			}
		}
	}
}

// Names yields what may be names of servers in a text, and whether each stands
// where only a server's name does, behind two backslashes.
func Names(text string) iter.Seq2[string, bool] {
	return func(yield func(string, bool) bool) {
		for at, word := range runs(text, isWordRune) {
			if name := strings.Trim(word, "."); name != "" && !yield(name, strings.HasSuffix(text[:at], `\\`)) {
				return
			}
		}
	}
}

// runs yields the longest parts of a text that are of some ASCII characters, and
// where they begin.
func runs(text string, is func(rune) bool) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for at := 0; at < len(text); {
			begin := strings.IndexFunc(text[at:], is)
			if begin < 0 {
				return
			}
			at += begin
			length := strings.IndexFunc(text[at:], func(r rune) bool { return !is(r) })
			if length < 0 {
				length = len(text) - at
			}
			if !yield(at, text[at:at+length]) {
				return
			}
			at += length
		}
	}
}
