package wsman

import (
	"strings"

	"dpremote/internal/xmlscan"
	"dpremote/internal/xmlwrite"
)

// EPR is an endpoint reference: the address of a class or an instance
// (WS-Addressing section 2.1 with the reference parameters of DSP0226
// section 5.1). An empty Address means the server one speaks to.
type EPR struct {
	Address     string
	ResourceURI string
	Selectors   []Selector
}

// Selector is one key of an instance, or another part of an address. Where the
// key is itself a reference, EPR holds it and Value is empty.
type Selector struct {
	Name  string
	Value string
	EPR   *EPR
}

// Selector finds the value of a selector by name, ignoring case (MS-WSMV
// section 3.1.4.1.2).
func (e EPR) Selector(name string) (string, bool) {
	for _, s := range e.Selectors {
		if strings.EqualFold(s.Name, name) {
			return s.Value, true
		}
	}
	return "", false
}

// String is the reference as people read it: class and keys.
func (e EPR) String() string {
	namespace, class := SplitResourceURI(e.ResourceURI)
	var keys []string
	for _, s := range e.Selectors {
		switch {
		case s.Name == cimNamespace:
			namespace = s.Value
		case s.EPR != nil:
			keys = append(keys, s.Name+"={"+s.EPR.String()+"}")
		default:
			keys = append(keys, s.Name+"="+s.Value)
		}
	}
	name := class
	if namespace != "" {
		name = namespace + ":" + class
	}
	if len(keys) == 0 {
		return name
	}
	return name + "." + strings.Join(keys, ",")
}

// writeSelectors writes the SelectorSet, or nothing when there are none.
// Values need no escaping but XML's (MS-WSMV section 3.1.4.1.2).
func (e EPR) writeSelectors(w *xmlwrite.Writer) {
	if len(e.Selectors) == 0 {
		return
	}
	w.Open("w:SelectorSet")
	for _, s := range e.Selectors {
		if s.EPR == nil {
			w.Leaf("w:Selector", s.Value, "Name", s.Name)
			continue
		}
		w.Open("w:Selector", "Name", s.Name)
		w.Open("a:EndpointReference")
		s.EPR.Write(w)
		w.Close("a:EndpointReference")
		w.Close("w:Selector")
	}
	w.Close("w:SelectorSet")
}

// Write writes the Address and ReferenceParameters of the reference, with the
// prefixes a (WS-Addressing) and w (WS-Man) that every request declares.
func (e EPR) Write(w *xmlwrite.Writer) {
	address := e.Address
	if address == "" {
		address = AnonymousRole
	}
	w.Leaf("a:Address", address)
	w.Open("a:ReferenceParameters")
	w.Leaf("w:ResourceURI", e.ResourceURI)
	e.writeSelectors(w)
	w.Close("a:ReferenceParameters")
}

// ReadEPR reads a reference from the children of the element whose Start the
// scanner has just given, to its End: an EndpointReference, or a property that
// holds one bare, as WinRM writes references. Reference properties are read
// like reference parameters: a SubscriptionManager has the former.
func ReadEPR(sc *xmlscan.Scanner) (EPR, error) {
	var e EPR
	err := e.readParts(sc)
	return e, err
}

// readParts reads the children of an element: parts of the reference, or
// wrappers of them.
func (e *EPR) readParts(sc *xmlscan.Scanner) error {
	return sc.Children(func() (err error) {
		switch {
		case sc.Is(NamespaceAddressing, "Address"):
			e.Address, err = content(sc)
		case sc.Is(NamespaceWSMan, "ResourceURI"):
			e.ResourceURI, err = content(sc)
		case sc.Is(NamespaceWSMan, "Selector"):
			var s Selector
			s, err = readSelector(sc)
			e.Selectors = append(e.Selectors, s)
		case sc.Is(NamespaceAddressing, "EndpointReference"),
			sc.Is(NamespaceAddressing, "ReferenceParameters"),
			sc.Is(NamespaceAddressing, "ReferenceProperties"),
			sc.Is(NamespaceWSMan, "SelectorSet"):
			err = e.readParts(sc)
		}
		return err
	})
}

func readSelector(sc *xmlscan.Scanner) (Selector, error) {
	name, _ := sc.Attr("", "Name")
	s := Selector{Name: string(name)}
	depth := sc.Depth()
	var text []byte
	for {
		t, err := sc.Next()
		switch {
		case err != nil:
			return s, err
		case t == xmlscan.Text:
			text = append(text, sc.Text()...)
		case t == xmlscan.Start:
			inner, err := ReadEPR(sc)
			if err != nil {
				return s, err
			}
			s.EPR = &inner
		case t == xmlscan.End && sc.Depth() == depth:
			if s.EPR == nil {
				s.Value = string(text)
			}
			return s, nil
		}
	}
}

// content is the text of the current element without the white space that
// some servers and recorders put around it.
func content(sc *xmlscan.Scanner) (string, error) {
	text, err := sc.Content()
	return strings.TrimSpace(string(text)), err
}
