package wsman

import (
	"strings"
)

// Namespaces of the protocol (DSP0226 section 4, MS-WSMV section 2.2.1).
const (
	NamespaceSOAP        = "http://www.w3.org/2003/05/soap-envelope"
	NamespaceAddressing  = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	NamespaceEnumeration = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
	NamespaceTransfer    = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
	NamespaceWSMan       = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
	NamespaceWSManMS     = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
	NamespaceFault       = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
	NamespaceIdentity    = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
	NamespaceCIM         = "http://schemas.dmtf.org/wbem/wscim/1/common"
	NamespaceXSI         = "http://www.w3.org/2001/XMLSchema-instance"
)

// AnonymousRole is the address that answers go to over HTTP (WS-Addressing
// section 2.1; MS-WSMV section 3.1.4.1 takes no other).
const AnonymousRole = NamespaceAddressing + "/role/anonymous"

// DialectWQL is the filter dialect of WQL (MS-WSMV section 2.2.4.1).
const DialectWQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"

// ConfigURI is the resource that holds a WinRM service's settings (MS-WSMV
// section 2.2.4.8).
const ConfigURI = "http://schemas.microsoft.com/wbem/wsman/1/config"

// Schema is the family of resource URIs that a server's classes have. The zero
// value is SchemaWMI.
type Schema uint8

// The two families.
const (
	// SchemaWMI is Windows': the namespace is part of the URI (MS-WSMV
	// section 2.2.4.35).
	SchemaWMI Schema = iota
	// SchemaDMTF is every other server's: the namespace is the selector
	// __cimnamespace (DSP0227 section 5.3).
	SchemaDMTF
)

const (
	wmiPrefix     = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
	dmtfPrefix    = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"
	dmtfAll       = "http://schemas.dmtf.org/wbem/wscim/1/*"
	cimNamespace  = "__cimnamespace"
	allClasses    = "*"
	defaultPath   = "/wsman"
	soapMediaType = "application/soap+xml"
)

// String is the name of the schema.
func (s Schema) String() string {
	if s == SchemaDMTF {
		return "dmtf"
	}
	return "wmi"
}

// EPR addresses a class of a namespace, or one instance of it when keys are
// given. The class * stands for all classes. Backslashes in the namespace
// become slashes, as the URI wants them.
func (s Schema) EPR(namespace, class string, keys ...Selector) EPR {
	namespace = strings.Trim(strings.ReplaceAll(namespace, `\`, "/"), "/")
	if s == SchemaWMI {
		return EPR{ResourceURI: wmiPrefix + namespace + "/" + class, Selectors: keys}
	}
	uri := dmtfPrefix + class
	if class == allClasses {
		uri = dmtfAll
	}
	selectors := append([]Selector{{Name: cimNamespace, Value: namespace}}, keys...)
	return EPR{ResourceURI: uri, Selectors: selectors}
}

// SplitResourceURI gives the namespace and class that a resource URI of either
// family names. A dmtf URI names no namespace; its selector does.
func SplitResourceURI(uri string) (namespace, class string) {
	if rest, ok := cutPrefixFold(uri, wmiPrefix); ok {
		if i := strings.LastIndexByte(rest, '/'); i >= 0 {
			return rest[:i], rest[i+1:]
		}
		return "", rest
	}
	return "", uri[strings.LastIndexByte(uri, '/')+1:]
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}
