package wire

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"dpremote/simulator/internal/repository"
)

// renderer writes instances in the shapes of the WMI plug-in.
type renderer struct {
	*xmlWriter
	resource resource // whose namespace the instances are in
	nested   int      // prefixes given to embedded instances so far
}

// render is what a renderer writes.
func render(res resource, write func(r *renderer)) []byte {
	r := &renderer{xmlWriter: &xmlWriter{}, resource: res}
	write(r)
	return r.buf
}

// root writes the start of a class element or of a method's parameters.
// suffix is what follows the name: "", _INPUT or _OUTPUT.
func (r *renderer) root(class, local string) string {
	tag := "p:" + local
	r.start(tag, "xmlns:xsi", nsXSI, "xmlns:p", r.resource.classURI(class), "xmlns:cim", nsCIM, "xsi:type", tag+"_Type")
	return tag
}

// instance writes an instance under its own class's name, which may be one
// derived from the class asked for.
func (r *renderer) instance(in *repository.Instance) {
	tag := r.root(in.Class.Name, in.Class.Name)
	r.properties("p:", in)
	r.end(tag)
}

// properties writes the properties of an instance, NULL ones included.
func (r *renderer) properties(prefix string, in *repository.Instance) {
	for i, p := range in.Class.Properties {
		r.property(prefix, p, in.Values[i])
	}
}

// fragment writes the named properties alone. Nothing in it has an XML
// namespace, not even what is inside of a datetime.
func (r *renderer) fragment(in *repository.Instance, names []string) {
	r.start("w:XmlFragment", "xmlns:xsi", nsXSI, "xmlns:w", nsWSMan)
	for _, n := range names {
		if strings.EqualFold(n, "__CLASS") {
			r.leaf(n, in.Class.Name)
			continue
		}
		if i := in.Class.Index(n); i >= 0 {
			r.property("", in.Class.Properties[i], in.Values[i])
		}
	}
	r.end("w:XmlFragment")
}

// property writes one property: an array as one element a member, a NULL array
// not at all, a NULL scalar with xsi:nil.
func (r *renderer) property(prefix string, p repository.Property, v repository.Value) {
	tag := prefix + p.Name
	if array, ok := v.([]repository.Value); ok {
		for _, member := range array {
			r.value(tag, member, prefix != "")
		}
		return
	}
	if v == nil && p.Array {
		return
	}
	r.value(tag, v, prefix != "")
}

// value writes an element that holds one value.
func (r *renderer) value(tag string, v repository.Value, namespaced bool) {
	switch v := v.(type) {
	case nil:
		r.empty(tag, "xsi:nil", "true")
	case *repository.Instance:
		r.embedded(tag, v, namespaced)
	case repository.DatetimeValue:
		r.start(tag)
		r.datetime(v, namespaced)
		r.end(tag)
	case repository.Ref:
		r.start(tag)
		r.reference(v)
		r.end(tag)
	default:
		r.leaf(tag, scalarText(v))
	}
}

// embedded writes an embedded instance: its type and namespace are declared in
// place, by a prefix of its own.
func (r *renderer) embedded(tag string, in *repository.Instance, namespaced bool) {
	if in == nil {
		r.empty(tag, "xsi:nil", "true")
		return
	}
	if !namespaced {
		r.start(tag)
		r.properties("", in)
		r.end(tag)
		return
	}
	r.nested++
	prefix := "p" + strconv.Itoa(r.nested)
	r.start(tag, "xmlns:"+prefix, r.resource.classURI(in.Class.Name), "xsi:type", prefix+":"+in.Class.Name+"_Type")
	r.properties(prefix+":", in)
	r.end(tag)
}

func (r *renderer) datetime(v repository.DatetimeValue, namespaced bool) {
	prefix := ""
	if namespaced {
		prefix = "cim:"
	}
	if v.IsInterval {
		r.leaf(prefix+"Interval", formatDuration(v.Interval))
		return
	}
	r.leaf(prefix+"Datetime", formatTime(v))
}

// formatTime writes a point in time with up to six decimals of a second, as
// many as a CIM datetime has, and none of them a trailing zero.
func formatTime(v repository.DatetimeValue) string {
	layout := "2006-01-02T15:04:05.999999"
	if !v.NoZone {
		layout += "Z07:00"
	}
	return v.Time.Truncate(time.Microsecond).Format(layout)
}

// endpoint writes the EPR of an instance.
func (r *renderer) endpoint(in *repository.Instance) {
	r.start("a:EndpointReference")
	r.endpointContent(anonymous, in)
	r.end("a:EndpointReference")
}

// endpointContent writes what an EPR of an instance holds.
func (r *renderer) endpointContent(address string, in *repository.Instance) {
	keys := in.Class.Keys()
	r.address(address, in.Class.Name)
	r.selectors(len(keys), func() {
		for _, key := range keys {
			r.selector(key.Name, in.Get(key.Name))
		}
	})
}

// selector writes one key of an instance.
func (r *renderer) selector(name string, v repository.Value) {
	ref, ok := v.(repository.Ref)
	if !ok {
		r.leaf("w:Selector", keyText(v), "Name", name)
		return
	}
	r.start("w:Selector", "Name", name)
	r.start("a:EndpointReference")
	r.reference(ref)
	r.end("a:EndpointReference")
	r.end("w:Selector")
}

// address begins an EPR with an address and the URI of a class.
func (r *renderer) address(address, class string) {
	r.leaf("a:Address", address)
	r.start("a:ReferenceParameters")
	r.leaf("w:ResourceURI", r.resource.classURI(class))
}

// selectors ends an EPR: with a SelectorSet, unless it would be empty.
func (r *renderer) selectors(count int, keys func()) {
	if count > 0 || r.resource.dmtf {
		r.start("w:SelectorSet")
		if r.resource.dmtf {
			r.leaf("w:Selector", r.resource.namespace, "Name", "__cimnamespace")
		}
		keys()
		r.end("w:SelectorSet")
	}
	r.end("a:ReferenceParameters")
}

// reference writes what a reference holds: an EPR's content without the
// a:EndpointReference around it.
func (r *renderer) reference(ref repository.Ref) {
	there := &renderer{xmlWriter: r.xmlWriter, resource: r.resource}
	if ref.Namespace != "" {
		there.resource.namespace = strings.ReplaceAll(ref.Namespace, `\`, "/")
	}
	there.address(anonymous, ref.Class)
	there.selectors(len(ref.Keys), func() {
		for _, key := range sortedKeys(ref.Keys) {
			r.leaf("w:Selector", ref.Keys[key], "Name", key)
		}
	})
}

// sortedKeys are a map's keys in an order that does not change.
func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// keyText is a key's value as a selector holds it.
func keyText(v repository.Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case repository.DatetimeValue:
		if v.IsInterval {
			return formatDuration(v.Interval)
		}
		return formatTime(v)
	}
	return scalarText(v)
}

// scalarText is the text of a boolean, number or string, as XML Schema
// writes it.
func scalarText(v repository.Value) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		return realText(v)
	case string:
		return v
	}
	return "" // repository.Value has no other kinds
}

func realText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "INF"
	case math.IsInf(f, -1):
		return "-INF"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
