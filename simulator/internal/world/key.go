package world

import (
	"strconv"
	"strings"

	"dpremote/simulator/internal/repository"
)

// foldKeys is keys under folded names, or false when they are not exactly the
// keys of the class.
func foldKeys(c *repository.Class, keys map[string]string) (map[string]string, bool) {
	folded := make(map[string]string, len(keys))
	for name, text := range keys {
		folded[fold(name)] = text
	}
	want := c.Keys()
	if len(folded) != len(want) {
		return nil, false
	}
	for _, p := range want {
		if _, ok := folded[fold(p.Name)]; !ok {
			return nil, false
		}
	}
	return folded, true
}

// hasKeys tells whether the key properties of an instance have the values that
// keys has as text under folded names.
func hasKeys(in *repository.Instance, keys map[string]string) bool {
	for i, p := range in.Class.Properties {
		if p.Key && !isText(in.Values[i], keys[fold(p.Name)]) {
			return false
		}
	}
	return true
}

// isText tells whether text is a key's value. Strings are compared without
// regard to case, as the SMS Provider does; a datetime may be written as XML
// Schema has it or as DMTF has it (DSP0004 section 5.2.4).
func isText(v repository.Value, text string) bool {
	switch v := v.(type) {
	case string:
		return strings.EqualFold(v, text)
	case bool:
		return strings.EqualFold(strconv.FormatBool(v), text)
	case int64:
		n, err := strconv.ParseInt(text, 10, 64)
		return err == nil && n == v
	case uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		return err == nil && n == v
	case repository.DatetimeValue:
		return v.Time.Format("2006-01-02T15:04:05.999999Z") == text || v.Time.Format("20060102150405.000000+000") == text
	}
	return false
}

// parseKey is a key's value of its type from its text, for an index.
func parseKey(t repository.Type, text string) (repository.Value, bool) {
	switch t {
	case repository.String:
		return text, true
	case repository.SInt32, repository.SInt64:
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil
	case repository.UInt32, repository.UInt64:
		n, err := strconv.ParseUint(text, 10, 64)
		return n, err == nil
	}
	return nil, false
}
