package wire

import (
	"net/http"
	"slices"
	"strings"
)

// message judges the header and the body of a request that is not Identify.
func (s *strict) message(n *note, header, body *element) {
	if s == nil || n == nil {
		return
	}
	n.mu.Lock()
	n.exchange.Action = header.child(nsAddressing, "Action").content()
	n.exchange.ResourceURI = header.child(nsWSMan, "ResourceURI").content()
	n.mu.Unlock()
	judgeHeader(n, header)
	judgeAction(n, header, body)
	if id := header.child(nsAddressing, "MessageID").content(); id != "" && s.add(&s.ids, id) {
		n.add(SinMessageID, "the MessageID "+id+" was used before")
	}
	s.judgeContext(n, header, body)
}

// content is the element's text without the white space around it; none of a
// nil element.
func (e *element) content() string {
	if e == nil {
		return ""
	}
	return strings.TrimSpace(e.text())
}

// judgeHeader looks for the blocks that every request has. Some must be
// understood: a server that ignored them would do something else than what was
// asked (MS-WSMV section 3.1.4.1, DSP0226 section 6.2 on MaxEnvelopeSize). A
// language can only be wished for.
//
// Remote shells are spared that: the client library of most programs writes the
// attribute without SOAP's namespace, and Windows lets it pass.
func judgeHeader(n *note, header *element) {
	shell := strings.EqualFold(header.child(nsWSMan, "ResourceURI").content(), resourceCmd)
	for _, block := range []struct {
		space, local string
		must         bool
	}{
		{nsAddressing, "To", false},
		{nsWSMan, "ResourceURI", true},
		{nsAddressing, "ReplyTo", false},
		{nsAddressing, "Action", true},
		{nsAddressing, "MessageID", false},
		{nsWSMan, "MaxEnvelopeSize", true},
		{nsWSMan, "OperationTimeout", false},
	} {
		e := header.child(block.space, block.local)
		switch {
		case e == nil:
			n.add(SinHeader, "the header block "+block.local+" is missing")
		case block.must && !e.flag(nsSOAP, "mustUnderstand") && !shell:
			n.add(SinHeader, "the header block "+block.local+" is not mustUnderstand")
		}
	}
	if e := header.child(nsWSMan, "FragmentTransfer"); e != nil && !e.flag(nsSOAP, "mustUnderstand") {
		n.add(SinHeader, "the header block FragmentTransfer is not mustUnderstand")
	}
	for _, locale := range []name{{nsWSMan, "Locale"}, {nsMicrosoft, "DataLocale"}} {
		if e := header.child(locale.space, locale.local); e != nil && e.flag(nsSOAP, "mustUnderstand") {
			n.add(SinHeader, "the header block "+locale.local+" is mustUnderstand")
		}
	}
}

// bodies are what the body of an action holds; the empty name is nothing.
var bodies = map[string]name{
	actionEnumerate:   {nsEnum, "Enumerate"},
	actionPull:        {nsEnum, "Pull"},
	actionRelease:     {nsEnum, "Release"},
	actionSubscribe:   {nsEventing, "Subscribe"},
	actionUnsubscribe: {nsEventing, "Unsubscribe"},
	actionGet:         {},
	actionDelete:      {},
	actionCommand:     {nsShell, "CommandLine"},
	actionReceive:     {nsShell, "Receive"},
	actionSend:        {nsShell, "Send"},
	actionSignal:      {nsShell, "Signal"},
}

// judgeAction holds action, resource and body against each other.
func judgeAction(n *note, header, body *element) {
	action := header.child(nsAddressing, "Action").content()
	uri := header.child(nsWSMan, "ResourceURI").content()
	holds := name{}
	if body != nil && len(body.children) > 0 {
		holds = body.children[0].name
	}
	want, known := bodies[action]
	isShell := slices.Contains([]string{actionCommand, actionReceive, actionSend, actionSignal}, action)
	switch {
	case action == "" || uri == "":
		return // told as a header that is missing
	case known && holds != want:
		n.add(SinAction, "the action "+action+" has the body <"+holds.local+">")
	case isShell != strings.EqualFold(uri, resourceCmd) && action != actionCreate && action != actionDelete:
		n.add(SinAction, "the action "+action+" was asked of "+uri)
	case action == actionPut || action == actionCreate && !strings.EqualFold(uri, resourceCmd):
		judgeInstance(n, uri, holds)
	case !known && action != actionCreate:
		judgeMethod(n, uri, action, holds)
	}
}

// judgeInstance judges the instance of a Put or Create: an element of the
// resource's class.
func judgeInstance(n *note, uri string, holds name) {
	class := uri[strings.LastIndexByte(uri, '/')+1:]
	if holds == (name{nsWSMan, "XmlFragment"}) {
		return
	}
	if !strings.EqualFold(holds.space, uri) || !strings.EqualFold(holds.local, class) {
		n.add(SinAction, "the instance <"+holds.local+"> of namespace "+holds.space+" was sent to "+uri)
	}
}

// judgeMethod judges an Invoke: its action is the resource and the method, and
// its body the method's input in the resource's namespace.
func judgeMethod(n *note, uri, action string, holds name) {
	method, ok := cutPrefixFold(action, uri+"/")
	switch {
	case !ok:
		n.add(SinAction, "the action "+action+" was asked of "+uri)
	case !strings.EqualFold(holds.space, uri) || holds.local != method+"_INPUT":
		n.add(SinAction, "the method "+method+" has the body <"+holds.local+"> of namespace "+holds.space)
	}
}

// judgeContext tells contexts that are used again after they were answered, and
// notes what the request closes: whether the server does it is not the client's
// doing.
func (s *strict) judgeContext(n *note, header, body *element) {
	action := header.child(nsAddressing, "Action").content()
	context := bodyContext(body)
	switch action {
	case actionPull, actionRelease:
		if s.remembers(&s.spent, context) {
			n.add(SinContext, "the context "+context+" was answered before, and is used again")
		}
		if n.context = context; action == actionRelease {
			s.add(&s.closed, context)
		}
	case actionUnsubscribe:
		s.add(&s.closed, strings.ToUpper(header.child(nsEventing, "Identifier").content()))
	case actionDelete:
		if set := header.child(nsWSMan, "SelectorSet"); set != nil {
			s.add(&s.closed, strings.ToUpper(set.child(nsWSMan, "Selector").content()))
		}
	}
}

func bodyContext(body *element) string {
	if body == nil || len(body.children) == 0 {
		return ""
	}
	return body.children[0].child(nsEnum, "EnumerationContext").content()
}

// settle notes that a context was answered, after which it is good for nothing.
// A fault leaves it good (a Pull that timed out is sent again), unless it says
// that the context is not.
func (s *strict) settle(n *note, x *Exchange) {
	switch {
	case n.context == "":
	case endsContext(x.FaultCode):
		s.add(&s.closed, n.context)
	case x.Status == http.StatusOK && x.FaultCode == 0:
		s.add(&s.spent, n.context)
	}
}

// endsContext tells faults after which a context is good for nothing.
func endsContext(code uint32) bool { return code == codeInvalidContext || code == codeContextClosed }
