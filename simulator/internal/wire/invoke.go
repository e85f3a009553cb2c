package wire

import (
	"slices"
	"strings"

	"dpremote/simulator/internal/repository"
)

// invalidMethodParameters is WBEM_E_INVALID_METHOD_PARAMETERS of wbemcli.h.
const invalidMethodParameters = 0x8004102F

// invoke answers the call of a method (DSP0227 section 11).
func (h *Handler) invoke(req *request, res resource, called string) (answer, error) {
	class, err := h.class(res)
	if err != nil {
		return answer{}, err
	}
	method, err := h.method(class, res, called)
	if err != nil {
		return answer{}, err
	}
	keys, err := h.callee(req, res, method)
	if err != nil {
		return answer{}, err
	}
	in, err := h.readInput(req.body, method, class, res)
	if err != nil {
		return answer{}, err
	}
	out, err := h.cfg.Provider.Invoke(res.namespace, class.Name, method.Name, keys, in)
	if err != nil {
		return answer{}, err
	}
	return answer{action: req.action + "Response", prefixes: "sawp", body: func(w *xmlWriter) {
		(&renderer{xmlWriter: w, resource: res}).output(class, method, out)
	}}, nil
}

// callee is the keys of the instance that a method is called on; a static
// method needs none.
func (h *Handler) callee(req *request, res resource, method repository.Method) (map[string]string, error) {
	if method.Static {
		_, keys, err := h.target(req, res)
		return keys, err
	}
	_, keys, err := h.instance(req, res)
	if err == nil {
		return keys, nil
	}
	if f := faultOf(err, res); f.Code == codeNotSingleton {
		return nil, receiver("w:InternalError", invalidMethodParameters,
			"The method "+method.Name+" is not static: selectors must name an instance.")
	}
	return nil, err
}

// maxAncestors bounds the search for an inherited method.
const maxAncestors = 32

// method is a method of a class or of one that it is derived from.
func (h *Handler) method(class *repository.Class, res resource, name string) (repository.Method, error) {
	for range maxAncestors {
		if m, ok := class.Method(name); ok {
			return m, nil
		}
		if class.Super == "" {
			break
		}
		super, err := h.cfg.Provider.Class(res.namespace, class.Super)
		if err != nil {
			return repository.Method{}, err
		}
		class = super
	}
	return repository.Method{}, &repository.Status{
		Code: repository.InvalidMethod, Operation: "ExecMethod", Parameter: class.Name + "::" + name,
		Text: "The method " + name + " does not exist.",
	}
}

// readInput reads the parameters. Windows does not look at the namespace of
// the element around them, only at theirs.
func (h *Handler) readInput(body *element, method repository.Method, class *repository.Class, res resource) ([]Assignment, error) {
	if body == nil || body.name.local != method.Name+"_INPUT" {
		return nil, schemaFault("The body holds no %s_INPUT.", method.Name)
	}
	b := bodyReader{provider: h.cfg.Provider, resource: res}
	return b.members(body, method.In, class.Name)
}

// output writes the out parameters in order of their names.
func (r *renderer) output(class *repository.Class, method repository.Method, out []Assignment) {
	tag := r.root(class.Name, method.Name+"_OUTPUT")
	out = slices.Clone(out)
	slices.SortStableFunc(out, func(a, b Assignment) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	for _, v := range out {
		p := repository.Property{Name: v.Name}
		i := slices.IndexFunc(method.Out, func(p repository.Property) bool { return strings.EqualFold(p.Name, v.Name) })
		if i >= 0 {
			p = method.Out[i]
		}
		r.property("p:", p, v.Value)
	}
	r.end(tag)
}
