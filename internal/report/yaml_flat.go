package report

// appendFlat appends a row as the library writes it, where that needs no
// thinking: names and values are words, numbers, or texts of printable ASCII,
// which stand in quotes as JSON has them. It is thirty times as fast as to
// translate the row by way of the library's nodes, which all other rows do. ok is
// false for those, and b then as it was.
func (y *yamlDocument) appendFlat(b []byte, names []string, values []any) (_ []byte, ok bool) {
	out := b
	for i, name := range names {
		if !isWord(name) || len(name) > maxFlatName {
			return b, false
		}
		begin := "  "
		if i == 0 {
			begin = "- "
		}
		out = append(append(append(out, begin...), name...), ": "...)
		var err error
		if y.json, err = appendValue(y.json[:0], values[i], 1); err != nil {
			return b, false
		}
		if out, ok = appendScalar(out, y.json); !ok {
			return b, false
		}
		out = append(out, '\n')
	}
	return out, len(names) > 0
}

// maxFlatName is shorter than the names that YAML writes in another way.
const maxFlatName = 100

// appendScalar appends a value that is JSON, if it is a scalar that needs no
// thinking.
func appendScalar(b, json []byte) (_ []byte, ok bool) {
	switch json[0] {
	case '{', '[':
		return b, false
	case '"':
	default:
		return append(b, json...), true // a number, true, false or null
	}
	text := json[1 : len(json)-1]
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			i++ // it escapes what YAML escapes in the same way, or is left to the library
			if text[i] != '"' && text[i] != '\\' {
				return b, false
			}
		}
		if text[i] < ' ' || text[i] > '~' {
			return b, false
		}
	}
	switch s := string(text); {
	case isWord(s):
		return append(b, text...), true
	case plain(s):
		return b, false // the library knows whether it can do without quotes
	}
	return append(b, json...), true
}

// isWord tells texts that stand without quotes wherever they are: a letter, and
// after it letters, digits, and what is between the words of names.
func isWord(s string) bool {
	if !plain(s) || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-', c == ' ', c == '/':
		default:
			return false
		}
	}
	return true
}
