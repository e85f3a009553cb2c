package wire

import "strings"

// resource is what a resource URI names in a CIM repository.
type resource struct {
	dmtf      bool   // DSP0227's family of URIs, not Microsoft's
	namespace string // with slashes, as the client spelled it
	class     string // "*" for all classes
}

// all tells the URI of all classes of a namespace from that of one.
func (r resource) all() bool { return r.class == "*" }

// classURI is the URI of a class beside this one: also the XML namespace of
// its instances.
func (r resource) classURI(class string) string {
	return r.base() + class
}

// base is what the URIs of the namespace's classes begin with.
func (r resource) base() string {
	if r.dmtf {
		return resourceDMTF
	}
	return resourceWMI + r.namespace + "/"
}

// cutPrefixFold is strings.CutPrefix without regard to case: resource URIs
// ignore it (MS-WSMV section 3.1.4.1.1).
func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// parseResource reads the URI of a class or of all classes; dmtf allows those
// of DSP0227. Of the selectors it looks at __cimnamespace alone.
func parseResource(uri string, selectors []selector, dmtf bool) (resource, error) {
	invalid := sender("a:DestinationUnreachable", codeInvalidResourceURI,
		"The resource URI is not one of a namespace and class; write .../wmi/root/cimv2/CLASS with slashes.")
	namespace, hasNamespace := cimNamespace(selectors)
	if rest, ok := cutPrefixFold(uri, resourceWMI); ok {
		i := strings.LastIndexByte(rest, '/')
		if i < 0 || !isNamespace(rest[:i]) || !isClassOrAll(rest[i+1:]) {
			return resource{}, invalid
		}
		if hasNamespace && !sameNamespace(namespace, rest[:i]) {
			// MS-WSMV section 3.1.4.1.1.
			return resource{}, receiver("w:InternalError", codeUnexpectedSelectors,
				"The selector __cimnamespace differs from the namespace of the resource URI.")
		}
		return resource{namespace: rest[:i], class: rest[i+1:]}, nil
	}
	class, ok := cutPrefixFold(uri, resourceDMTF)
	if strings.EqualFold(uri, resourceDMTFAll) {
		class, ok = "*", true
	}
	if !hasNamespace {
		namespace = "root/cimv2"
	}
	namespace = strings.ReplaceAll(namespace, `\`, "/")
	if !ok || !dmtf || !isClassOrAll(class) || !isNamespace(namespace) {
		return resource{}, invalid
	}
	return resource{dmtf: true, namespace: namespace, class: class}, nil
}

// cimNamespace is the selector __cimnamespace.
func cimNamespace(selectors []selector) (string, bool) {
	for _, s := range selectors {
		if s.isNamespace() {
			return s.value, true
		}
	}
	return "", false
}

// sameNamespace compares two spellings of a namespace.
func sameNamespace(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, `\`, "/"), strings.ReplaceAll(b, `\`, "/"))
}

// isNamespace tells whether text is one or more names between slashes.
func isNamespace(text string) bool {
	for part := range strings.SplitSeq(text, "/") {
		if !isName(part) {
			return false
		}
	}
	return true
}

func isClassOrAll(text string) bool { return text == "*" || isName(text) }

// isName tells whether text may be the name of a namespace or class: letters,
// digits and underscores. It holds nothing that WQL or XML would take for
// syntax.
func isName(text string) bool {
	for _, c := range text {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_':
		default:
			return false
		}
	}
	return text != "" && len(text) <= 256
}
