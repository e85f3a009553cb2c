package wire

import (
	"strconv"
	"strings"
	"time"
)

const (
	minEnvelopeSize = 8192 // MS-WSMV section 3.1.4.1: less is refused
	maxMessageID    = 2048 // bytes, ibid.
	maxSelectors    = 64
)

// request is a message that was understood: its header blocks and its body.
type request struct {
	user    string
	address string // the URL that it came to, for EPRs
	client  string // the client's network address, without port
	tls     bool
	note    *note // nil when the server is not strict

	action       string
	messageID    string
	resourceURI  string
	selectors    []selector
	maxEnvelope  int           // bytes; 0 when not given
	timeout      time.Duration // 0 when not given
	fragment     *element      // w:FragmentTransfer, or nil
	subscription string        // e:Identifier, or empty
	body         *element      // what s:Body holds, or nil
	disorder     Disorder      // that the answer is to have
}

// selector is one w:Selector.
type selector struct {
	name  string
	value string // an EPR is an object path
}

// isNamespace tells whether the selector is not a key but names the namespace
// (DSP0227 section 6.3).
func (s selector) isNamespace() bool { return strings.EqualFold(s.name, "__cimnamespace") }

// understood are the header blocks that may have mustUnderstand. Others that
// have it are refused; without it they are ignored.
var understood = map[name]bool{
	{nsAddressing, "To"}:                        true,
	{nsAddressing, "Action"}:                    true,
	{nsAddressing, "MessageID"}:                 true,
	{nsAddressing, "ReplyTo"}:                   true,
	{nsAddressing, "FaultTo"}:                   true,
	{nsAddressing, "From"}:                      true,
	{nsAddressing, "RelatesTo"}:                 true,
	{nsWSMan, "ResourceURI"}:                    true,
	{nsWSMan, "SelectorSet"}:                    true,
	{nsWSMan, "OptionSet"}:                      true,
	{nsWSMan, "MaxEnvelopeSize"}:                true,
	{nsWSMan, "OperationTimeout"}:               true,
	{nsWSMan, "FragmentTransfer"}:               true,
	{nsWSMan, "RequestTotalItemsCountEstimate"}: true,
	{nsMicrosoft, "SessionId"}:                  true,
	{nsEventing, "Identifier"}:                  true,
}

// open checks that a document is a SOAP 1.2 envelope and is its header and
// body. The header is nil when there is none, as Identify allows.
func open(root *element) (header, body *element, err error) {
	if root.name == (name{nsSOAP11, "Envelope"}) {
		return nil, nil, sender("s:VersionMismatch", codeVersionMismatch, "The message is not SOAP 1.2.")
	}
	body = root.child(nsSOAP, "Body")
	if root.name != (name{nsSOAP, "Envelope"}) || body == nil {
		return nil, nil, schemaFault("The message is not a SOAP 1.2 envelope with a body.")
	}
	if len(body.children) > 1 {
		return nil, nil, schemaFault("The body holds more than one element.")
	}
	return root.child(nsSOAP, "Header"), body, nil
}

// read fills the request from an envelope. Of a message that is refused it
// fills what it can, so that the fault relates to it.
func (req *request) read(header, body *element) error {
	if header == nil {
		return headerRequired("Header")
	}
	if len(body.children) == 1 {
		req.body = body.children[0]
	}
	if id := header.child(nsAddressing, "MessageID"); id != nil {
		if len(id.chars) > maxMessageID {
			return headerFault("The MessageID is longer than %d bytes.", maxMessageID)
		}
		req.messageID = id.text()
	}
	if err := checkUnderstood(header); err != nil {
		return err
	}
	for _, step := range []func(*element) error{
		req.readAddressing, req.readLimits, req.readSelectors, checkOptions,
	} {
		if err := step(header); err != nil {
			return err
		}
	}
	req.fragment = header.child(nsWSMan, "FragmentTransfer")
	if id := header.child(nsEventing, "Identifier"); id != nil {
		req.subscription = id.text()
	}
	return nil
}

// expect checks what the body holds.
func (req *request) expect(space, local string) error {
	if req.body == nil || req.body.name != (name{space, local}) {
		return schemaFault("The body holds no %s.", local)
	}
	return nil
}

// headerRequired is the fault of a header block that is missing.
func headerRequired(local string) *Fault {
	return sender("a:MessageInformationHeaderRequired", codeHeaderRequired, "The header block "+local+" is missing.")
}

// checkUnderstood refuses blocks that must be understood and are not, and
// blocks that are given twice.
func checkUnderstood(header *element) error {
	seen := map[name]bool{}
	for _, block := range header.children {
		must := block.flag(nsSOAP, "mustUnderstand")
		if must && (block.name == (name{nsWSMan, "Locale"}) || block.name == (name{nsMicrosoft, "DataLocale"})) {
			// MS-WSMV section 3.1.4.1: a locale can only be wished for.
			return unsupported("The header block %s may not be mustUnderstand.", block.name.local)
		}
		if must && !understood[block.name] {
			return sender("s:MustUnderstand", codeMustUnderstand,
				"The header block "+block.name.local+" is not understood.")
		}
		if understood[block.name] && seen[block.name] && block.name.local != "RelatesTo" {
			return headerFault("The header block %s is given twice.", block.name.local)
		}
		seen[block.name] = true
	}
	return nil
}

// readAddressing reads the blocks that every request has (MS-WSMV section
// 3.1.4.1).
func (req *request) readAddressing(header *element) error {
	var to, replyTo string
	for _, block := range []struct {
		space, local string
		value        *string
	}{
		{nsAddressing, "To", &to},
		{nsWSMan, "ResourceURI", &req.resourceURI},
		{nsAddressing, "ReplyTo", &replyTo},
		{nsAddressing, "Action", &req.action},
		{nsAddressing, "MessageID", &req.messageID},
	} {
		e := header.child(block.space, block.local)
		if e == nil {
			return headerRequired(block.local)
		}
		if block.local == "ReplyTo" {
			if e = e.child(nsAddressing, "Address"); e == nil {
				return headerRequired("ReplyTo/Address")
			}
		}
		text, err := headerText(e)
		if err != nil {
			return err
		}
		*block.value = text
	}
	if replyTo != anonymous {
		return headerFault("The ReplyTo address is not the anonymous one: answers go back on the connection.")
	}
	return nil
}

// headerText is the text of a block. Windows takes white space around it for
// a part of it.
func headerText(e *element) (string, error) {
	text := e.text()
	if text == "" {
		return "", headerRequired(e.name.local)
	}
	if strings.TrimSpace(text) != text || len(e.children) > 0 {
		return "", headerFault("The header block %s has white space or elements around its text.", e.name.local)
	}
	return text, nil
}

// readLimits reads MaxEnvelopeSize and OperationTimeout.
func (req *request) readLimits(header *element) error {
	if e := header.child(nsWSMan, "MaxEnvelopeSize"); e != nil {
		text, err := headerText(e)
		if err != nil {
			return err
		}
		size, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return headerFault("MaxEnvelopeSize is not a number of bytes.")
		}
		if size < minEnvelopeSize {
			return sender("w:EncodingLimit", codeEncodingLimit, "MaxEnvelopeSize is less than 8192 bytes.")
		}
		req.maxEnvelope = int(size)
	}
	if e := header.child(nsWSMan, "OperationTimeout"); e != nil {
		text, err := headerText(e)
		if err != nil {
			return err
		}
		timeout, ok := parseDuration(text)
		if !ok {
			return sender("a:InvalidMessageInformationHeader", codeInvalidTimeout,
				"OperationTimeout is not a duration such as PT60S.")
		}
		req.timeout = timeout
	}
	return nil
}

// readSelectors reads the SelectorSet.
func (req *request) readSelectors(header *element) error {
	set := header.child(nsWSMan, "SelectorSet")
	if set == nil {
		return nil
	}
	if len(set.children) > maxSelectors {
		return sender("w:InvalidSelectors", codeUnexpectedSelectors, "There are too many selectors.")
	}
	selectors, err := parseSelectors(set)
	req.selectors = selectors
	return err
}

// parseSelectors reads a w:SelectorSet. A selector that holds an EPR has an
// object path for its value.
func parseSelectors(set *element) ([]selector, error) {
	var selectors []selector
	for _, e := range set.children {
		name, ok := e.attr("", "Name")
		if e.name.space != nsWSMan || e.name.local != "Selector" || !ok {
			return nil, sender("w:InvalidSelectors", codeUnexpectedSelectors, "The SelectorSet holds what is not a named Selector.")
		}
		for _, s := range selectors {
			if strings.EqualFold(s.name, name) {
				return nil, sender("w:InvalidSelectors", codeDuplicateSelectors, "The selector "+name+" is given twice.")
			}
		}
		value := e.text()
		if epr := e.child(nsAddressing, "EndpointReference"); epr != nil {
			ref, err := parseReference(epr)
			if err != nil {
				return nil, err
			}
			value = objectPath(ref)
		}
		selectors = append(selectors, selector{name, value})
	}
	return selectors, nil
}

// checkOptions refuses options that must be complied with and are not known
// (DSP0226 section 6.4). Others are hints, and are let pass.
func checkOptions(header *element) error {
	set := header.child(nsWSMan, "OptionSet")
	if set == nil {
		return nil
	}
	for _, option := range set.children {
		name, ok := option.attr("", "Name")
		if option.name.space != nsWSMan || option.name.local != "Option" || !ok {
			return sender("w:InvalidOptions", codeInvalidOptions, "The OptionSet holds what is not a named Option.")
		}
		if option.flag("", "MustComply") && !knownOption(name) {
			return sender("w:InvalidOptions", codeInvalidOptions, "The option "+name+" is not known and must be complied with.")
		}
	}
	return nil
}

// knownOption tells the options that Windows has (MS-WSMV section 2.2.4 on
// OptionSet): context values of WMI, and those of remote shells.
func knownOption(name string) bool {
	for _, prefix := range []string{"wmi:", "wmiarray:", "msftwinrm:", "WINRS_"} {
		if _, ok := cutPrefixFold(name, prefix); ok {
			return true
		}
	}
	return false
}
