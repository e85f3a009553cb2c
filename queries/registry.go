package queries

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"dpremote/cim"
	"dpremote/wsman"
)

// The registry provider (Windows SDK, "StdRegProv class",
// learn.microsoft.com/previous-versions/windows/desktop/regprov/stdregprov). All
// of its methods are static, and return an error number of Windows.
const (
	registryClass        = "StdRegProv"
	hiveLocalMachine     = 0x80000002 // HKEY_LOCAL_MACHINE
	registryDone         = 0
	registryNoValue      = 1 // as Windows was seen to answer for a value that is missing
	registryNotFound     = 2 // ERROR_FILE_NOT_FOUND
	registryAccessDenied = 5 // ERROR_ACCESS_DENIED
)

// What a registry answers is bounded: who asks for a key with more means
// another one.
const (
	maxRegistryDepth = 8
	maxRegistryItems = 1024 // keys and values
)

// RegistryType is the type of a registry value (winnt.h, REG_SZ and so on). The
// zero value is REG_NONE.
type RegistryType int32

// The types that the registry provider reads.
const (
	RegistryString RegistryType = 1
	RegistryExpand RegistryType = 2 // with variables, which the provider fills in as it reads
	RegistryBinary RegistryType = 3
	RegistryDWORD  RegistryType = 4
	RegistryMulti  RegistryType = 7
	RegistryQWORD  RegistryType = 11
)

// String is the type's name.
func (t RegistryType) String() string {
	switch t {
	case RegistryString:
		return "REG_SZ"
	case RegistryExpand:
		return "REG_EXPAND_SZ"
	case RegistryBinary:
		return "REG_BINARY"
	case RegistryDWORD:
		return "REG_DWORD"
	case RegistryMulti:
		return "REG_MULTI_SZ"
	case RegistryQWORD:
		return "REG_QWORD"
	}
	return fmt.Sprintf("unknown (%d)", int32(t))
}

// MarshalText is String.
func (t RegistryType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// getter is the method that reads values of the type, and its out parameter.
func (t RegistryType) getter() (method, out string, ok bool) {
	switch t {
	case RegistryString:
		return "GetStringValue", "sValue", true
	case RegistryExpand:
		return "GetExpandedStringValue", "sValue", true
	case RegistryBinary:
		return "GetBinaryValue", "uValue", true
	case RegistryDWORD:
		return "GetDWORDValue", "uValue", true
	case RegistryMulti:
		return "GetMultiStringValue", "sValue", true
	case RegistryQWORD:
		return "GetQWORDValue", "uValue", true
	}
	return "", "", false
}

// RegistryValue is a value of a registry key. Which field holds it depends on
// its type; of a type that the provider does not read none does.
type RegistryValue struct {
	Name   string // empty for the key's default value
	Type   RegistryType
	Text   string   // of strings; of RegistryExpand with the variables filled in
	Texts  []string // of RegistryMulti
	Number uint64   // of RegistryDWORD and RegistryQWORD
	Data   []byte   // of RegistryBinary
}

// Readable says that the registry provider reads values of this type.
func (v RegistryValue) Readable() bool {
	_, _, ok := v.Type.getter()
	return ok
}

// String is the value for people, without its name.
func (v RegistryValue) String() string {
	switch v.Type {
	case RegistryString, RegistryExpand:
		return v.Text
	case RegistryMulti:
		return strings.Join(v.Texts, ", ")
	case RegistryDWORD, RegistryQWORD:
		return strconv.FormatUint(v.Number, 10)
	case RegistryBinary:
		return fmt.Sprintf("%x", v.Data)
	}
	return "a value of a type that cannot be read"
}

// RegistryKey is a key with all that is in it.
type RegistryKey struct {
	Path   string // below HKEY_LOCAL_MACHINE
	Values []RegistryValue
	Keys   []RegistryKey // below it
}

// All are the values of the key and of those below it.
func (k RegistryKey) All() []RegistryValue {
	all := slices.Clone(k.Values)
	for _, below := range k.Keys {
		all = append(all, below.All()...)
	}
	return all
}

// Registry is what lies below HKEY_LOCAL_MACHINE at a server. It is made by
// NewRegistry and safe for concurrent use.
//
// A key that does not exist is an answer. Errors are *wsman.Error as a rule; an
// account without rights shows as wsman.ErrAccessDenied, whether WinRM, WMI or
// the key refuses it. Local administrators have them. The Retry of what only
// reads is never wsman.RetryUnknown.
type Registry struct {
	sessions []*cim.Session // the namespaces that may have the provider
	at       atomic.Int32   // the one to begin with
}

// NewRegistry makes the registry of the server that a session is with. The
// provider is registered in root\cimv2 and root\default; where the first does
// not know it or keeps the account out, the second is asked.
func NewRegistry(s *cim.Session) *Registry {
	r := &Registry{}
	for _, namespace := range []string{"root/cimv2", "root/default"} {
		r.sessions = append(r.sessions, &cim.Session{Client: s.Client, Namespace: namespace})
	}
	return r
}

// Keys are the names of the keys below a key, and whether it exists (EnumKey).
func (r *Registry) Keys(ctx context.Context, path string) (names []string, found bool, err error) {
	out, found, err := r.call(ctx, "EnumKey", path, nil)
	if err != nil || !found {
		return nil, false, err
	}
	return texts(out, "sNames"), true, nil
}

// Values are the values of a key, and whether it exists (EnumValues and the Get
// methods). With names only those values are read; their names may differ in
// case.
func (r *Registry) Values(ctx context.Context, path string, names ...string) (values []RegistryValue, found bool, err error) {
	out, found, err := r.call(ctx, "EnumValues", path, nil)
	if err != nil || !found {
		return nil, false, err
	}
	listed, types := texts(out, "sNames"), texts(out, "Types")
	if len(listed) != len(types) || len(listed) > maxRegistryItems {
		return nil, false, r.unreadable("EnumValues", path, fmt.Errorf("%d names and %d types of values", len(listed), len(types)))
	}
	if len(listed) == 0 && len(names) == 0 {
		// A default value that is the only one is not always listed.
		listed, types = []string{""}, []string{strconv.Itoa(int(RegistryString))}
	}
	for i, name := range listed {
		n, err := strconv.ParseInt(types[i], 10, 32)
		if err != nil {
			return nil, false, r.unreadable("EnumValues", path, fmt.Errorf("%q is no type of a value", types[i]))
		}
		if len(names) > 0 && !slices.ContainsFunc(names, func(wanted string) bool { return strings.EqualFold(wanted, name) }) {
			continue
		}
		v, found, err := r.value(ctx, path, RegistryValue{Name: name, Type: RegistryType(n)})
		if err != nil {
			return nil, false, err
		}
		if found { // or it was deleted in between
			values = append(values, v)
		}
	}
	return values, true, nil
}

// value reads the value that v names.
func (r *Registry) value(ctx context.Context, path string, v RegistryValue) (RegistryValue, bool, error) {
	method, out, ok := v.Type.getter()
	if !ok {
		return v, true, nil
	}
	answer, found, err := r.call(ctx, method, path, &v.Name)
	if err != nil || !found {
		return v, false, err
	}
	got, _ := answer.Get(out)
	switch v.Type {
	case RegistryMulti:
		v.Texts = texts(answer, out)
	case RegistryBinary:
		for _, item := range got.Items() {
			b, err := strconv.ParseUint(item.Text(), 10, 8)
			if err != nil {
				return v, false, r.unreadable(method, path, fmt.Errorf("%q is no byte", item.Text()))
			}
			v.Data = append(v.Data, byte(b))
		}
	case RegistryDWORD, RegistryQWORD:
		bits := 32
		if v.Type == RegistryQWORD {
			bits = 64
		}
		if v.Number, err = strconv.ParseUint(got.Text(), 10, bits); err != nil {
			return v, false, r.unreadable(method, path, fmt.Errorf("%q is no number of %d bits", got.Text(), bits))
		}
	default:
		if v.Name == "" && got.IsNull() {
			return v, false, nil // the default value is not set
		}
		v.Text = got.Text()
	}
	return v, true, nil
}

// Tree reads a key with all that is below it, and tells whether it exists.
func (r *Registry) Tree(ctx context.Context, path string) (key RegistryKey, found bool, err error) {
	left := maxRegistryItems
	return r.tree(ctx, path, maxRegistryDepth, &left)
}

func (r *Registry) tree(ctx context.Context, path string, depth int, left *int) (RegistryKey, bool, error) {
	key := RegistryKey{Path: path}
	if *left--; depth == 0 || *left < 0 {
		return key, false, r.unreadable("EnumKey", path, fmt.Errorf("more than %d keys and values, or keys more than %d deep", maxRegistryItems, maxRegistryDepth))
	}
	var found bool
	var err error
	if key.Values, found, err = r.Values(ctx, path); err != nil || !found {
		return key, false, err
	}
	*left -= len(key.Values)
	names, found, err := r.Keys(ctx, path)
	if err != nil || !found {
		return key, false, err
	}
	for _, name := range names {
		below, found, err := r.tree(ctx, path+`\`+name, depth-1, left)
		if err != nil {
			return key, false, err
		}
		if found {
			key.Keys = append(key.Keys, below)
		}
	}
	return key, true, nil
}

// Delete deletes a key that was read by Tree, those below it first (DeleteKey,
// which takes no key with others below it). A key that is gone already is no
// error. The Retry of an error says whether the request may have been carried
// out all the same; it is not sent again.
func (r *Registry) Delete(ctx context.Context, key RegistryKey) error {
	for _, below := range key.Keys {
		if err := r.Delete(ctx, below); err != nil {
			return err
		}
	}
	_, _, err := r.call(ctx, "DeleteKey", key.Path, nil)
	return err
}

// call calls a method for a key, and for a value where one is named. found is
// false where there is no such key or value.
func (r *Registry) call(ctx context.Context, method, path string, value *string) (out *cim.Instance, found bool, err error) {
	in := []cim.Property{
		{Name: "hDefKey", Value: cim.UintValue(hiveLocalMachine)},
		{Name: "sSubKeyName", Value: cim.TextValue(path)},
	}
	if value != nil {
		in = append(in, cim.Property{Name: "sValueName", Value: cim.TextValue(*value)})
	}
	out, err = r.invoke(ctx, method, in)
	if err != nil {
		return nil, false, r.sorted(method, err)
	}
	code, ok := cim.ReturnCode(out)
	switch {
	case !ok:
		return nil, false, r.sorted(method, r.failure(method, path, wsman.RetryUnknown, fmt.Errorf("%w: it has no ReturnValue", ErrReturnValue)))
	case code == registryDone:
		return out, true, nil
	case code == registryNotFound, code == registryNoValue && value != nil:
		return nil, false, nil
	case code == registryAccessDenied:
		return nil, false, r.failure(method, path, wsman.RetryUseless, fmt.Errorf("%w: ReturnValue is %d", wsman.ErrAccessDenied, code))
	}
	return nil, false, r.failure(method, path, wsman.RetryUseless, fmt.Errorf("%w: ReturnValue is %d", ErrReturnValue, code))
}

// invoke calls a method in the first namespace that has the provider. What a
// namespace refused was not carried out there, so that asking the next one does
// nothing twice.
func (r *Registry) invoke(ctx context.Context, method string, in []cim.Property) (*cim.Instance, error) {
	var first error
	for i := int(r.at.Load()); i < len(r.sessions); i++ {
		out, err := r.sessions[i].Invoke(ctx, registryClass, nil, method, in)
		if err == nil {
			r.at.Store(int32(i))
			return out, nil
		}
		if first == nil || !errors.Is(first, wsman.ErrAccessDenied) {
			first = err
		}
		var fault *wsman.Fault
		notThere := errors.Is(err, wsman.ErrNotFound) || errors.Is(err, wsman.ErrBadQuery) || errors.Is(err, wsman.ErrAccessDenied)
		if !errors.As(err, &fault) || !notThere {
			return nil, err
		}
	}
	return nil, first
}

// sorted corrects the Retry of what only reads, which an Invoke does not know
// of itself.
func (r *Registry) sorted(method string, err error) error {
	var e *wsman.Error
	if method == "DeleteKey" || !errors.As(err, &e) || e.Retry != wsman.RetryUnknown {
		return err
	}
	again := *e
	again.Retry = wsman.RetrySafe
	return &again
}

func (r *Registry) failure(method, path string, retry wsman.Retry, err error) *wsman.Error {
	s := r.sessions[r.at.Load()]
	return &wsman.Error{Op: "invoke " + method, Target: s.Namespace + ":" + registryClass + " " + strconv.Quote(`HKLM\`+path),
		Endpoint: s.Client.Endpoint(), Retry: retry, Err: err}
}

// unreadable is the error of an answer that makes no sense.
func (r *Registry) unreadable(method, path string, err error) *wsman.Error {
	return r.failure(method, path, wsman.RetryUseless, fmt.Errorf("read the answer: %w", err))
}

// texts are the elements of an array; of one that is missing there are none.
func texts(i *cim.Instance, name string) []string {
	v, _ := i.Get(name)
	var all []string
	for _, item := range v.Items() {
		all = append(all, item.Text())
	}
	return all
}
