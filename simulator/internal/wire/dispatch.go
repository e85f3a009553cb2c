package wire

import (
	"context"
	"strings"
)

// operate carries out a message and is its answer.
func (h *Handler) operate(ctx context.Context, req *request, text []byte, x *Exchange) (answer, error) {
	root, err := parse(text)
	if err != nil {
		return answer{}, schemaFault("The message is not well-formed: %s.", err)
	}
	header, body, err := open(root)
	if err != nil {
		return answer{}, err
	}
	if isIdentify(body) {
		x.Action = ActionIdentify
		h.mishapOf(x)
		if f := x.Mishap.Fault; f != nil {
			return answer{}, f
		}
		return h.identify("OS: "+h.cfg.Version+" SP: 0.0 Stack: 3.0", h.profiles(req.tls)), nil
	}
	h.strict.message(req.note, header, body)
	if err := req.read(header, body); err != nil {
		return answer{}, err
	}
	run, res, err := h.operation(ctx, req, x)
	if err != nil {
		return answer{}, err
	}
	if err := h.cfg.Intercept(*x); err != nil {
		return answer{}, faultOf(err, res)
	}
	return h.tried(req, x, run)
}

// tried carries out an operation, unless something goes wrong with it.
func (h *Handler) tried(req *request, x *Exchange, run func() (answer, error)) (answer, error) {
	h.held(req, x)
	h.mishapOf(x)
	m := x.Mishap
	undone := m.Reset == ResetBefore || m.Plain != nil || m.Fault != nil
	if undone && !m.Done {
		h.bereave(req, m)
		if m.Fault != nil {
			return answer{}, m.Fault
		}
		return answer{}, TimedOut() // which nobody sees
	}
	req.disorder = m.Disorder
	a, err := run()
	if m.Fault != nil && err == nil {
		err = m.Fault
	}
	return a, err
}

// operation finds what a request asks for, notes it in x, and is the
// function that does it.
func (h *Handler) operation(ctx context.Context, req *request, x *Exchange) (func() (answer, error), resource, error) {
	req.describe(x)
	switch {
	case strings.EqualFold(req.resourceURI, resourceConfig):
		return func() (answer, error) { return h.settings(req) }, resource{}, nil
	case strings.EqualFold(req.resourceURI, resourceCmd):
		return func() (answer, error) { return h.shell(ctx, req) }, resource{}, nil
	}
	res, err := parseResource(req.resourceURI, req.selectors, h.cfg.DMTF)
	if err != nil {
		return nil, resource{}, err
	}
	x.Namespace, x.Class = res.namespace, res.class
	fault := faultOf
	var do func(*request, resource) (answer, error)
	switch req.action {
	case actionEnumerate:
		do = h.enumerate
	case actionPull:
		do = func(req *request, res resource) (answer, error) {
			if a, is, err := h.pullEvents(ctx, req); is {
				return a, err
			}
			return h.pull(req, res)
		}
	case actionRelease:
		do = h.release
	case actionSubscribe:
		do = h.subscribe
	case actionUnsubscribe:
		do = h.unsubscribe
	case actionGet:
		do = h.get
	case actionPut:
		do = h.put
	case actionCreate:
		do, fault = h.create, wmiErrorOf
	case actionDelete:
		do, fault = h.delete, wmiErrorOf
	default:
		method, ok := cutPrefixFold(req.action, req.resourceURI+"/")
		if !ok || !isName(method) {
			return nil, resource{}, actionNotSupported(req.action)
		}
		x.Method = method
		do = func(req *request, res resource) (answer, error) { return h.invoke(req, res, method) }
	}
	return func() (answer, error) {
		a, err := do(req, res)
		if err != nil {
			return answer{}, fault(err, res)
		}
		return a, nil
	}, res, nil
}

// actionNotSupported is the fault of an action that the resource has not.
func actionNotSupported(action string) *Fault {
	return sender("a:ActionNotSupported", codeActionNotSupported, "The action "+action+" is not supported by the resource.")
}

// describe notes in x what the request says of itself.
func (req *request) describe(x *Exchange) {
	x.Action, x.ResourceURI, x.Timeout = req.action, req.resourceURI, req.timeout
	x.Selectors = map[string]string{}
	for _, s := range req.selectors {
		x.Selectors[s.name] = s.value
	}
	if req.body != nil && (req.action == actionEnumerate || req.action == actionSubscribe) {
		if filter, err := findFilter(req.body); err == nil && filter != nil {
			x.Query = filter.text()
		}
	}
}
