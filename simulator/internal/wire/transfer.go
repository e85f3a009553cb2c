package wire

import (
	"strings"

	"dpremote/simulator/internal/repository"
)

// target finds the class and the keys that a request for one instance names.
// The keys come out in the class's spelling.
func (h *Handler) target(req *request, res resource) (*repository.Class, map[string]string, error) {
	class, err := h.class(res)
	if err != nil {
		return nil, nil, err
	}
	keys := map[string]string{}
	for _, s := range req.selectors {
		if s.isNamespace() {
			continue
		}
		p, ok := class.Property(s.name)
		if !ok || !p.Key {
			return nil, nil, sender("w:InvalidSelectors", codeUnexpectedSelectors,
				"The selector "+s.name+" is not a key of "+class.Name+".")
		}
		keys[p.Name] = s.value
	}
	return class, keys, nil
}

// instance is target for operations that need every key.
func (h *Handler) instance(req *request, res resource) (*repository.Class, map[string]string, error) {
	class, keys, err := h.target(req, res)
	if err != nil {
		return nil, nil, err
	}
	want := len(class.Keys())
	switch {
	case want > 0 && len(keys) == 0:
		return nil, nil, sender("w:InvalidSelectors", codeNotSingleton,
			"There are no selectors, and "+class.Name+" is not a singleton.")
	case len(keys) < want:
		return nil, nil, sender("w:InvalidSelectors", codeInsufficientSelector,
			"The selectors are not all of the keys of "+class.Name+".")
	}
	return class, keys, nil
}

// class is the class that a resource URI names.
func (h *Handler) class(res resource) (*repository.Class, error) {
	if res.all() {
		return nil, sender("a:DestinationUnreachable", codeInvalidResourceURI,
			"The resource URI names all classes, and the operation is on one.")
	}
	return h.cfg.Provider.Class(res.namespace, res.class)
}

// get answers Get.
func (h *Handler) get(req *request, res resource) (answer, error) {
	class, keys, err := h.instance(req, res)
	if err != nil {
		return answer{}, err
	}
	part, err := req.readFragment(class)
	if err != nil {
		return answer{}, err
	}
	in, err := h.cfg.Provider.Get(res.namespace, class.Name, keys)
	if err != nil {
		return answer{}, err
	}
	return answerInstance(actionGet, res, in, part), nil
}

// put answers Put. Members that the body leaves out are left alone; the answer
// repeats the instance.
func (h *Handler) put(req *request, res resource) (answer, error) {
	class, keys, err := h.instance(req, res)
	if err != nil {
		return answer{}, err
	}
	part, err := req.readFragment(class)
	if err != nil {
		return answer{}, err
	}
	declared := class.Properties
	want := name{res.classURI(class.Name), class.Name}
	if part != nil {
		declared, want = []repository.Property{*part}, name{nsWSMan, "XmlFragment"}
	}
	changed, err := h.readBody(req.body, want, declared, class, res)
	if err != nil {
		return answer{}, err
	}
	in, err := h.cfg.Provider.Put(res.namespace, class.Name, keys, changed)
	if err != nil {
		return answer{}, err
	}
	return answerInstance(actionPut, res, in, part), nil
}

// create answers Create with the EPR of the new instance.
func (h *Handler) create(req *request, res resource) (answer, error) {
	class, keys, err := h.target(req, res)
	if err != nil {
		return answer{}, err
	}
	if len(keys) > 0 {
		return answer{}, sender("w:InvalidSelectors", codeUnexpectedSelectors, "A Create has no selectors.")
	}
	values, err := h.readBody(req.body, name{res.classURI(class.Name), class.Name}, class.Properties, class, res)
	if err != nil {
		return answer{}, err
	}
	in, err := h.cfg.Provider.Create(res.namespace, class.Name, values)
	if err != nil {
		return answer{}, err
	}
	return answer{action: actionCreate + "Response", prefixes: "saxwp", body: func(w *xmlWriter) {
		r := &renderer{xmlWriter: w, resource: res}
		r.start("x:ResourceCreated")
		r.endpointContent(req.address, in)
		r.end("x:ResourceCreated")
	}}, nil
}

// delete answers Delete.
func (h *Handler) delete(req *request, res resource) (answer, error) {
	class, keys, err := h.instance(req, res)
	if err != nil {
		return answer{}, err
	}
	if err := h.cfg.Provider.Delete(res.namespace, class.Name, keys); err != nil {
		return answer{}, err
	}
	return answer{action: actionDelete + "Response", prefixes: "saxwp"}, nil
}

// readBody reads the members of a body whose element must have the name want;
// its case does not matter.
func (h *Handler) readBody(body *element, want name, declared []repository.Property, class *repository.Class, res resource) ([]Assignment, error) {
	if body == nil || !strings.EqualFold(body.name.local, want.local) || !strings.EqualFold(body.name.space, want.space) {
		return nil, schemaFault("The body holds no %s of the resource's XML namespace.", want.local)
	}
	b := bodyReader{provider: h.cfg.Provider, resource: res}
	return b.members(body, declared, class.Name)
}

// answerInstance is the answer to Get and Put: the instance, or the one
// property that a fragment names.
func answerInstance(action string, res resource, in *repository.Instance, part *repository.Property) answer {
	a := answer{action: action + "Response", prefixes: "saxwp"}
	if part == nil {
		a.body = func(w *xmlWriter) { (&renderer{xmlWriter: w, resource: res}).instance(in) }
		return a
	}
	a.header = func(w *xmlWriter) { w.leaf("w:FragmentTransfer", part.Name, "s:mustUnderstand", "true") }
	a.body = func(w *xmlWriter) {
		r := &renderer{xmlWriter: w, resource: res}
		r.start("w:XmlFragment", "xmlns:xsi", nsXSI, "xmlns:p", res.classURI(in.Class.Name), "xmlns:cim", nsCIM)
		r.property("p:", *part, in.Get(part.Name))
		r.end("w:XmlFragment")
	}
	return a
}

// readFragment is the property that w:FragmentTransfer names, or nil. Of XPath
// level 1 (DSP0226 annex D) only the name of a property is known here.
func (req *request) readFragment(class *repository.Class) (*repository.Property, error) {
	e := req.fragment
	if e == nil {
		return nil, nil
	}
	if !e.flag(nsSOAP, "mustUnderstand") {
		return nil, headerFault("FragmentTransfer is not mustUnderstand.")
	}
	if dialect, given := e.attr("", "Dialect"); given && dialect != dialectXPath && dialect != levelXPath {
		return nil, sender("w:FragmentDialectNotSupported", codeUnsupportedFeature, "The fragment's dialect is not XPath.")
	}
	for _, p := range class.Properties {
		if p.Name == e.text() { // paths heed the case
			return &p, nil
		}
	}
	return nil, sender("w:CannotProcessFilter", codeInvalidFragment, "The fragment "+e.text()+" is not a property of "+class.Name+".")
}
