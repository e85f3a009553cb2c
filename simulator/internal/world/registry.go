package world

import (
	"maps"
	"slices"
	"strings"

	"dpremote/simulator/internal/wire"
)

// The part of a site server's registry that StdRegProv serves: keys under
// HKEY_LOCAL_MACHINE, with the values that administrators look at.
const (
	localMachine   = 0x80000002 // HKEY_LOCAL_MACHINE
	keySMS         = `SOFTWARE\Microsoft\SMS`
	keyComponent   = keySMS + `\Components\SMS_DISTRIBUTION_MANAGER`
	keyRetries     = keyComponent + `\Retry History`
	keyIdentity    = keySMS + `\Identification`
	keySetup       = keySMS + `\Setup`
	errorNotFound  = 2  // ERROR_FILE_NOT_FOUND
	errorBadType   = 13 // ERROR_INVALID_DATA: the value is of another type
	typeString     = 1  // REG_SZ
	typeDWORD      = 4  // REG_DWORD
	packagesAtOnce = 3
	threadsEach    = 5
)

// registry is the values of each key; a value is a string or a uint64 (DWORD).
// The keys above a key exist too.
func (s *Site) registry() map[string]map[string]value {
	keys := map[string]map[string]value{
		keyIdentity: {"Installation Directory": installDir, "Site Code": s.site.code, "Site Server": s.site.server},
		keySetup:    {"Full Version": siteVersion, "Installation Directory": installDir},
		keyComponent: {
			"Maximum Number of Packages":            uint64(packagesAtOnce),
			"Maximum Number of Threads Per Package": uint64(threadsEach),
			"Package Processing Queue":              s.openPackages(InstallPending),
			"Packages Being Processed":              uint64(len(strings.Fields(s.openPackages(InstallPending)))),
		},
	}
	for _, id := range strings.Fields(s.openPackages(InstallRetrying)) {
		keys[keyRetries+`\`+id] = map[string]value{"Retry Count": s.retries(id)}
	}
	return keys
}

// openPackages are the IDs of the packages that the site's own Distribution
// Manager has rows of in a state, with blanks between. Rows whose retry history
// was deleted are left out.
func (s *Site) openPackages(state State) string {
	var ids []string
	for _, j := range s.w.jobs {
		c := j.content
		if c.state == state && c.dp.site.reporter == s.site && !s.w.forgotten[c] {
			ids = append(ids, c.pkg.id)
		}
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), " ")
}

// retries is how often a package's worst row was retried.
func (s *Site) retries(id string) value {
	most := uint32(0)
	for _, j := range s.w.jobs {
		if j.content.pkg.id == id && j.content.dp.site.reporter == s.site && j.content.state == InstallRetrying {
			most = max(most, j.retries)
		}
	}
	return uint64(most)
}

// registryKey finds the key that a call names: its values and the names of the
// keys below.
func registryKey(c call) (values map[string]value, below []string, ok bool) {
	root, _ := c.argument("hDefKey").(uint64)
	if c.argument("hDefKey") != nil && root != localMachine {
		return nil, nil, false
	}
	path := strings.Trim(c.text("sSubKeyName"), `\`)
	for name, v := range c.site.registry() {
		switch {
		case strings.EqualFold(name, path):
			values, ok = v, true
		case path == "" || len(name) > len(path) && strings.EqualFold(name[:len(path)+1], path+`\`):
			next, _, _ := strings.Cut(strings.TrimPrefix(name[len(path):], `\`), `\`)
			below, ok = append(below, next), true
		}
	}
	slices.Sort(below)
	return values, slices.Compact(below), ok
}

// registryValue finds the value that a call names.
func registryValue(c call) (value, bool) {
	values, _, _ := registryKey(c)
	for name, v := range values {
		if strings.EqualFold(name, c.text("sValueName")) {
			return v, true
		}
	}
	return nil, false
}

func enumKey(c call) ([]wire.Assignment, error) {
	_, below, ok := registryKey(c)
	if !ok {
		return returned(errorNotFound)
	}
	names := []value{}
	for _, name := range below {
		names = append(names, name)
	}
	return returned(0, wire.Assignment{Name: "sNames", Value: names})
}

func enumValues(c call) ([]wire.Assignment, error) {
	values, _, ok := registryKey(c)
	if !ok {
		return returned(errorNotFound)
	}
	names, types := []value{}, []value{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		names = append(names, name)
		if _, isText := values[name].(string); isText {
			types = append(types, int64(typeString))
		} else {
			types = append(types, int64(typeDWORD))
		}
	}
	return returned(0, wire.Assignment{Name: "sNames", Value: names}, wire.Assignment{Name: "Types", Value: types})
}

func getStringValue(c call) ([]wire.Assignment, error) { return typedValue[string](c, "sValue") }

func getDWORDValue(c call) ([]wire.Assignment, error) { return typedValue[uint64](c, "uValue") }

// typedValue answers a registry value of one type in an out parameter.
func typedValue[T any](c call, out string) ([]wire.Assignment, error) {
	v, ok := registryValue(c)
	if !ok {
		return returned(errorNotFound)
	}
	if _, ok := v.(T); !ok {
		return returned(errorBadType)
	}
	return returned(0, wire.Assignment{Name: out, Value: v})
}

// deleteKey deletes a package's retry history, as Microsoft's knowledge base
// advises (Q319207), and nothing else.
func deleteKey(c call) ([]wire.Assignment, error) {
	_, below, ok := registryKey(c)
	if !ok {
		return returned(errorNotFound)
	}
	path := strings.Trim(c.text("sSubKeyName"), `\`)
	id, found := cutPrefixFold(path, keyRetries+`\`)
	if !found || len(below) > 0 {
		return returned(errorAccessDenied)
	}
	for _, j := range c.site.w.jobs {
		row := j.content
		if strings.EqualFold(row.pkg.id, id) && row.dp.site.reporter == c.site.site {
			c.site.w.forgotten[row] = true
		}
	}
	return returned(0)
}

// cutPrefixFold is strings.CutPrefix without regard to case.
func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
