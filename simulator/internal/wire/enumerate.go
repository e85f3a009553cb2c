package wire

import (
	"slices"
	"strconv"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wql"
)

// mode is what an enumeration answers of each instance (DSP0226 section 8.7).
type mode string

const (
	modeObject       mode = "EnumerateObject"
	modeObjectAndEPR mode = "EnumerateObjectAndEPR"
	modeEPR          mode = "EnumerateEPR"
)

// enumerate answers Enumerate: WQL on all classes of a namespace, or all
// instances of one class.
func (h *Handler) enumerate(req *request, res resource) (answer, error) {
	if err := req.expect(nsEnum, "Enumerate"); err != nil {
		return answer{}, err
	}
	wish, err := h.readEnumerate(req.body)
	if err != nil {
		return answer{}, err
	}
	query, err := enumerateQuery(req, res)
	if err != nil {
		return answer{}, err
	}
	e, err := h.enumerations.begin(req.user, h.cfg)
	if err != nil {
		return answer{}, err
	}
	result, err := h.cfg.Provider.Query(res.namespace, query)
	if err != nil {
		h.enumerations.drop(e)
		return answer{}, queryError(err, req, res)
	}
	e.opened, e.last = req.note, req.note
	e.resource, e.resourceURI, e.mode, e.result = res, req.resourceURI, wish.mode, result
	if !wish.optimize {
		return h.answerPage(page{name: "EnumerateResponse", prefix: "w:", context: h.enumerations.keep(e, h.cfg)}), nil
	}
	a, err := h.nextPage(req, e, page{name: "EnumerateResponse", prefix: "w:"}, min(wish.elements, h.cfg.FirstPageItems))
	if err != nil {
		h.enumerations.drop(e) // its context was never sent
	}
	return a, err
}

// queryError makes an error of a query on a class's own URI, where the client
// sent no filter, the same as Get's.
func queryError(err error, req *request, res resource) error {
	f := faultOf(err, res)
	if filter, _ := findFilter(req.body); filter == nil && f.Subcode == "n:CannotProcessFilter" {
		f.Subcode, f.Code, f.Reason = "a:DestinationUnreachable", codeNotFound, "There is no such resource."
	}
	return f
}

// pull answers Pull with the next page.
func (h *Handler) pull(req *request, _ resource) (answer, error) {
	if err := req.expect(nsEnum, "Pull"); err != nil {
		return answer{}, err
	}
	most, err := h.readElements(req.body, nsEnum)
	if err != nil {
		return answer{}, err
	}
	e, err := h.enumerations.take(req, h.cfg)
	if err != nil {
		return answer{}, err
	}
	a, err := h.nextPage(req, e, page{name: "PullResponse", prefix: "n:"}, most)
	if err != nil {
		h.enumerations.restore(e, h.cfg)
	}
	return a, err
}

// release answers Release.
func (h *Handler) release(req *request, _ resource) (answer, error) {
	if err := req.expect(nsEnum, "Release"); err != nil {
		return answer{}, err
	}
	e, err := h.enumerations.take(req, h.cfg)
	if err != nil {
		return answer{}, err
	}
	h.enumerations.drop(e)
	return answer{action: actionRelease + "Response", prefixes: "sanw"}, nil
}

// wish is what an Enumerate asks for besides its query.
type wish struct {
	mode     mode
	optimize bool
	elements int
}

func (h *Handler) readEnumerate(body *element) (wish, error) {
	out := wish{mode: modeObject, optimize: body.child(nsWSMan, "OptimizeEnumeration") != nil}
	if e := body.child(nsWSMan, "EnumerationMode"); e != nil {
		out.mode = mode(e.text())
		if out.mode != modeObject && out.mode != modeObjectAndEPR && out.mode != modeEPR {
			return wish{}, unsupported("The enumeration mode %s is not supported.", out.mode)
		}
	}
	if body.child(nsEnum, "EndTo") != nil {
		return wish{}, unsupported("EndTo is not supported.")
	}
	elements, err := h.readElements(body, nsWSMan)
	out.elements = elements
	return out, err
}

// readElements is how many items an answer may have: MaxElements, which is 1
// when absent (WS-Enumeration section 3.2), but not more than MaxBatchItems.
// In Enumerate it is in DMTF's namespace, in Pull in that of WS-Enumeration.
func (h *Handler) readElements(body *element, space string) (int, error) {
	e := body.child(space, "MaxElements")
	if e == nil {
		return 1, nil
	}
	n, err := strconv.ParseUint(e.text(), 10, 31)
	if err != nil || n == 0 {
		return 0, schemaFault("MaxElements is not a number of at least 1.")
	}
	return min(int(n), h.cfg.MaxBatchItems), nil
}

// findFilter is an Enumerate's Filter, which may be in either namespace.
func findFilter(body *element) (*element, error) {
	a, b := body.child(nsWSMan, "Filter"), body.child(nsEnum, "Filter")
	if a != nil && b != nil {
		return nil, schemaFault("There are two filters.")
	}
	if a == nil {
		a = b
	}
	return a, nil
}

// enumerateQuery is the WQL that an Enumerate means.
func enumerateQuery(req *request, res resource) (string, error) {
	filter, err := findFilter(req.body)
	if err != nil {
		return "", err
	}
	hasKeys := false
	for _, s := range req.selectors {
		hasKeys = hasKeys || !s.isNamespace()
	}
	if filter == nil {
		switch {
		case res.all():
			return "", sender("n:CannotProcessFilter", codeCannotProcessFilter, "All classes can only be enumerated by a filter.")
		case hasKeys:
			return "", sender("w:InvalidSelectors", codeUnexpectedSelectors, "An enumeration has no selectors.")
		}
		return "SELECT * FROM " + res.class, nil
	}
	if dialect, _ := filter.attr("", "Dialect"); dialect != dialectWQL {
		return "", sender("n:FilterDialectRequestedUnavailable", codeDialectUnavailable, "The filter's dialect is not WQL.")
	}
	if !res.all() || hasKeys {
		return "", sender("n:CannotProcessFilter", codeWQLNeedsWildcard,
			"WQL needs a resource URI that ends in /* and has no selectors.")
	}
	return filter.text(), nil
}

// page is an EnumerateResponse or a PullResponse.
type page struct {
	name    string // of the element, without prefix
	prefix  string // of Items and EndOfSequence
	context string
	items   []byte // nil for none
	end     bool
}

// answerPage is the message around a page. When nothing is left an
// EnumerateResponse has an empty context and a PullResponse has none.
func (h *Handler) answerPage(p page) answer {
	return answer{action: nsEnum + "/" + p.name, prefixes: "sanw", body: func(w *xmlWriter) {
		w.start("n:" + p.name)
		if p.context != "" || p.name == "EnumerateResponse" {
			w.leaf("n:EnumerationContext", p.context)
		}
		if p.items != nil {
			w.start(p.prefix + "Items")
			w.raw(p.items)
			w.end(p.prefix + "Items")
		}
		if p.end {
			w.empty(p.prefix + "EndOfSequence")
		}
		w.end("n:" + p.name)
	}}
}

// nextPage fills a page with as many instances as the limits allow, and
// closes the enumeration after the last. On an error the enumeration is where
// it was.
func (h *Handler) nextPage(req *request, e *enumeration, p page, most int) (answer, error) {
	widest := page{name: p.name, prefix: p.prefix, context: contextPrefix + newUUID(), items: []byte{}, end: true}
	room := h.limit(req) - utf16Size(h.envelope(h.answerPage(widest), req.messageID))
	if req.disorder == Duplicate {
		most = max(1, most/2)
	}
	at := e.next
	var items [][]byte
	for ; at < len(e.result.Instances) && at-e.next < most; at++ {
		item := e.render(e.result.Instances[at])
		room -= utf16Size(item)
		if room < 0 {
			break
		}
		items = append(items, item)
	}
	if at == e.next && at < len(e.result.Instances) {
		return answer{}, envelopeExceeded()
	}
	p.items = slices.Concat(req.disorder.arrange(items)...)
	switch {
	case req.disorder == Repeats:
		at = e.next
	case req.disorder == Endless && at == len(e.result.Instances):
		at = 0
	}
	e.next = at
	if p.end = at == len(e.result.Instances); p.end {
		h.enumerations.drop(e)
	} else {
		p.context = h.enumerations.keep(e, h.cfg)
	}
	return h.answerPage(p), nil
}

// render is one instance as an item of a page.
func (e *enumeration) render(in *repository.Instance) []byte {
	return render(e.resource, func(r *renderer) {
		switch e.mode {
		case modeEPR:
			r.endpoint(in)
		case modeObjectAndEPR:
			r.start("w:Item")
			r.object(in, e.result)
			r.endpoint(in)
			r.end("w:Item")
		default:
			r.object(in, e.result)
		}
	})
}

// object writes what a query selected of an instance.
func (r *renderer) object(in *repository.Instance, of *wql.Result) {
	if of.Projection == nil {
		r.instance(in)
		return
	}
	r.fragment(in, of.Projection)
}
