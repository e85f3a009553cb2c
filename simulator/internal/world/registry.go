package world

import (
	"maps"
	"slices"
	"strings"
	"time"

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
	errorNoValue   = 1          // as Windows was seen to answer
	errorNotFound  = 2          // ERROR_FILE_NOT_FOUND
	errorBadType   = 0x80041005 // WBEM_E_TYPE_MISMATCH
	packagesAtOnce = 3
	threadsEach    = 5
)

// typed is a registry value and its type, a REG_ constant of winnt.h.
type typed struct {
	kind  int64
	value value
}

const (
	typeString = 1  // REG_SZ
	typeExpand = 2  // REG_EXPAND_SZ
	typeBinary = 3  // REG_BINARY
	typeDWORD  = 4  // REG_DWORD
	typeMulti  = 7  // REG_MULTI_SZ
	typeQWORD  = 11 // REG_QWORD
)

func text(s string) typed   { return typed{typeString, s} }
func dword(n uint64) typed  { return typed{typeDWORD, n} }
func multi(v []value) typed { return typed{typeMulti, v} }

// registry is the values of each key. The keys above a key exist too.
func (s *Site) registry() map[string]map[string]typed {
	keys := map[string]map[string]typed{
		keyIdentity: {"Installation Directory": text(installDir), "Site Code": text(s.site.code), "Site Server": text(s.site.server)},
		keySetup:    {"Full Version": text(siteVersion), "Installation Directory": text(installDir)},
		keyComponent: {
			"Maximum Number of Packages":            dword(packagesAtOnce),
			"Maximum Number of Threads Per Package": dword(threadsEach),
			"Package Processing Queue":              text(s.openPackages(InstallPending)),
			"Packages Being Processed":              dword(uint64(len(strings.Fields(s.openPackages(InstallPending))))),
		},
	}
	for _, id := range strings.Fields(s.openPackages(InstallRetrying)) {
		keys[keyRetries+`\`+id] = s.retryHistory(id)
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

// retryHistory is the values of a package's key below Retry History. What a
// site keeps there is not documented; here it is values of several types.
func (s *Site) retryHistory(id string) map[string]typed {
	most, dps, restarts := uint32(0), []value{}, time.Time{}
	for _, j := range s.w.jobs {
		c := j.content
		if c.pkg.id == id && c.dp.site.reporter == s.site && c.state == InstallRetrying && c.job == j {
			most = max(most, j.retries)
			dps = append(dps, c.dp.nal)
			restarts = j.restarts
		}
	}
	return map[string]typed{
		"Retry Count":         dword(uint64(most)),
		"Distribution Points": multi(dps),
		"Next Retry":          {typeQWORD, uint64(restarts.Unix())},
		"Source":              {typeExpand, `%SystemDrive%\Packages\` + id},
		"State":               {typeBinary, []value{uint64(InstallRetrying), uint64(0)}},
	}
}

// registryKey finds the key that a call names: its values and the names of the
// keys below.
func registryKey(c call) (values map[string]typed, below []string, ok bool) {
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
		names, types = append(names, name), append(types, values[name].kind)
	}
	return returned(0, wire.Assignment{Name: "sNames", Value: names}, wire.Assignment{Name: "Types", Value: types})
}

// getValue is one of the methods that read a value.
func getValue(name string) method {
	reads := map[string]struct {
		kind int64
		out  string
	}{
		"GetStringValue": {typeString, "sValue"}, "GetExpandedStringValue": {typeExpand, "sValue"}, "GetMultiStringValue": {typeMulti, "sValue"},
		"GetDWORDValue": {typeDWORD, "uValue"}, "GetQWORDValue": {typeQWORD, "uValue"}, "GetBinaryValue": {typeBinary, "uValue"},
	}[name]
	return func(c call) ([]wire.Assignment, error) {
		values, _, ok := registryKey(c)
		if !ok {
			return returned(errorNotFound)
		}
		for name, v := range values {
			switch {
			case !strings.EqualFold(name, c.text("sValueName")):
			case v.kind != reads.kind:
				return returned(errorBadType)
			case v.kind == typeExpand:
				return returned(0, wire.Assignment{Name: reads.out, Value: strings.ReplaceAll(v.value.(string), "%SystemDrive%", "C:")})
			default:
				return returned(0, wire.Assignment{Name: reads.out, Value: v.value})
			}
		}
		return returned(errorNoValue)
	}
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
