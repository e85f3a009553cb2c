package wire

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"dpremote/simulator/internal/repository"
)

// bodyReader reads the members of a Put, Create or Invoke body by what the
// class declares (DSP0230, as MS-WSMV section 2.2.4 uses it).
type bodyReader struct {
	provider Provider
	resource resource // the class that the request is about
}

// members reads the children of root, each of which must be declared and be
// in the XML namespace of class. A repeated element is one array.
func (b bodyReader) members(root *element, declared []repository.Property, class string) ([]Assignment, error) {
	var out []Assignment
	at := map[string]int{} // where in out
	for _, e := range root.children {
		i := slices.IndexFunc(declared, func(p repository.Property) bool { return p.Name == e.name.local })
		if i < 0 {
			return nil, schemaFault("%s has no member %s.", class, e.name.local)
		}
		p := declared[i]
		if !strings.EqualFold(e.name.space, b.resource.classURI(class)) {
			return nil, sender("w:SchemaValidationError", codeInvalidXMLNamespace,
				"The member "+p.Name+" is not in the XML namespace of "+class+".")
		}
		v, err := b.value(e, p)
		if err != nil {
			return nil, err
		}
		j, again := at[p.Name]
		switch {
		case !again:
			at[p.Name] = len(out)
			if p.Array && v != nil {
				v = []repository.Value{v}
			}
			out = append(out, Assignment{p.Name, v})
		case !p.Array || out[j].Value == nil || v == nil:
			return nil, schemaFault("The member %s is given twice.", p.Name)
		default:
			out[j].Value = append(out[j].Value.([]repository.Value), v)
		}
	}
	return out, nil
}

// value reads one element as a value of the property's type; nil for NULL.
func (b bodyReader) value(e *element, p repository.Property) (repository.Value, error) {
	if e.flag(nsXSI, "nil") {
		if len(e.chars) > 0 || len(e.children) > 0 {
			return nil, schemaFault("The member %s is nil and has content.", p.Name)
		}
		return nil, nil
	}
	switch p.Type {
	case repository.Object:
		return b.embedded(e, p)
	case repository.Reference:
		ref, err := parseReference(e)
		if err != nil {
			return nil, err
		}
		return ref, nil
	case repository.Datetime:
		v, ok := parseDatetime(e)
		if !ok {
			return nil, schemaFault("The member %s is not a datetime.", p.Name)
		}
		return v, nil
	}
	if len(e.children) > 0 {
		return nil, schemaFault("The member %s holds elements, and %s has none.", p.Name, p.Type)
	}
	v, ok := parseScalar(e.text(), p.Type)
	if !ok {
		return nil, schemaFault("The member %s is not of type %s.", p.Name, p.Type)
	}
	return v, nil
}

// embedded reads an embedded instance. xsi:type names its class; without it
// the class is the declared one.
func (b bodyReader) embedded(e *element, p repository.Property) (repository.Value, error) {
	class := p.Class
	if text, ok := e.attr(nsXSI, "type"); ok {
		typeName, err := e.qname(text)
		if err != nil {
			return nil, schemaFault("The member %s has a type with a prefix that is not declared.", p.Name)
		}
		uriClass, ok := cutPrefixFold(typeName.space, b.resource.base())
		local, typed := strings.CutSuffix(typeName.local, "_Type")
		if !ok || !typed || !strings.EqualFold(uriClass, local) {
			return nil, schemaFault("The member %s has the type %s, which is not that of a class.", p.Name, text)
		}
		class = local
	}
	if class == "" {
		return nil, schemaFault("The member %s needs an xsi:type.", p.Name)
	}
	declared, err := b.provider.Class(b.resource.namespace, class)
	if err != nil {
		return nil, schemaFault("The member %s is of the class %s, which is not there.", p.Name, class)
	}
	values, err := b.members(e, declared.Properties, class)
	if err != nil {
		return nil, err
	}
	in := repository.New(declared)
	for _, v := range values {
		in.Set(v.Name, v.Value)
	}
	return in, nil
}

// integerBits are the integer types' widths.
var integerBits = map[repository.Type]struct {
	bits   int
	signed bool
}{
	repository.UInt8: {8, false}, repository.UInt16: {16, false},
	repository.UInt32: {32, false}, repository.UInt64: {64, false},
	repository.SInt8: {8, true}, repository.SInt16: {16, true},
	repository.SInt32: {32, true}, repository.SInt64: {64, true},
}

// parseScalar reads the text of a boolean, number or string, as XML Schema
// writes it.
func parseScalar(text string, t repository.Type) (repository.Value, bool) {
	switch t {
	case repository.String:
		return text, true
	case repository.Boolean:
		return text == "true" || text == "1", slices.Contains([]string{"true", "false", "1", "0"}, text)
	case repository.Real64:
		return parseReal(text)
	}
	width, ok := integerBits[t]
	if !ok {
		return nil, false
	}
	if width.signed {
		n, err := strconv.ParseInt(text, 10, width.bits)
		return n, err == nil
	}
	n, err := strconv.ParseUint(text, 10, width.bits)
	return n, err == nil
}

// parseReal reads an xs:double.
func parseReal(text string) (repository.Value, bool) {
	switch text {
	case "INF":
		return math.Inf(1), true
	case "-INF":
		return math.Inf(-1), true
	case "NaN":
		return math.NaN(), true
	}
	if strings.Trim(text, "0123456789+-.eE") != "" { // strconv knows more forms
		return nil, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

// parseDatetime reads cim:Datetime or cim:Interval, or the text of one.
func parseDatetime(e *element) (repository.Value, bool) {
	if len(e.children) > 1 {
		return nil, false
	}
	if len(e.children) == 1 {
		e = e.children[0]
		if e.name.space != nsCIM || e.name.local != "Datetime" && e.name.local != "Interval" {
			return nil, false
		}
	}
	text := e.text()
	if strings.HasPrefix(text, "P") {
		d, ok := parseDuration(text)
		return repository.DatetimeValue{Interval: d, IsInterval: true}, ok
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return repository.DatetimeValue{Time: t}, true
	}
	t, err := time.Parse("2006-01-02T15:04:05", text)
	return repository.DatetimeValue{Time: t, NoZone: true}, err == nil
}

// parseReference reads the reference that an element holds: a:Address and
// a:ReferenceParameters directly, or within an a:EndpointReference.
func parseReference(e *element) (repository.Ref, error) {
	if inner := e.child(nsAddressing, "EndpointReference"); inner != nil {
		e = inner
	}
	parameters := e.child(nsAddressing, "ReferenceParameters")
	uri := parameters.child(nsWSMan, "ResourceURI")
	if e.child(nsAddressing, "Address") == nil || uri == nil {
		return repository.Ref{}, schemaFault("%s holds no endpoint reference.", e.name.local)
	}
	var selectors []selector
	if set := parameters.child(nsWSMan, "SelectorSet"); set != nil {
		var err error
		if selectors, err = parseSelectors(set); err != nil {
			return repository.Ref{}, err
		}
	}
	res, err := parseResource(uri.text(), selectors, true)
	if err == nil && res.all() {
		err = errors.New("a reference is to one class")
	}
	if err != nil {
		return repository.Ref{}, schemaFault("%s refers to %s, which is not a class.", e.name.local, uri.text())
	}
	ref := repository.Ref{Namespace: res.namespace, Class: res.class, Keys: map[string]string{}}
	for _, s := range selectors {
		if !s.isNamespace() {
			ref.Keys[s.name] = s.value
		}
	}
	return ref, nil
}

// objectPath is the WMI object path of an instance, for keys that are
// references. Every key is quoted, whatever its type.
func objectPath(ref repository.Ref) string {
	var b strings.Builder
	b.WriteString(ref.Namespace + ":" + ref.Class)
	separator := "."
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for _, key := range sortedKeys(ref.Keys) {
		b.WriteString(separator + key + `="` + escape.Replace(ref.Keys[key]) + `"`)
		separator = ","
	}
	return b.String()
}
