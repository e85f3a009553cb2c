package wire

import (
	"errors"
	"strconv"

	"dpremote/simulator/internal/repository"
)

// providerPath is the plug-in that Windows names in a ProviderFault.
const providerPath = `%systemroot%\system32\WsmWmiPl.dll`

// faultOf is the fault for an error of an operation.
func faultOf(err error, res resource) *Fault {
	var fault *Fault
	if errors.As(err, &fault) {
		return fault
	}
	var status *repository.Status
	if !errors.As(err, &status) {
		return receiver("w:InternalError", uint32(repository.Failed), err.Error())
	}
	f := statusFault(status)
	f.Message = status.Text
	f.detail = func(w *xmlWriter, h *Handler) { f.writeProviderFault(w, h, status, res) }
	return f
}

// statusFault is the fault for what a provider says, without its detail.
func statusFault(s *repository.Status) *Fault {
	switch s.Code {
	case repository.InvalidQuery, repository.InvalidClass:
		if s.Operation == "ExecQuery" {
			return sender("n:CannotProcessFilter", codeCannotProcessFilter,
				"The filter could not be processed: it is missing or not valid.")
		}
		return sender("a:DestinationUnreachable", codeNotFound, "There is no such resource.")
	case repository.NotFound, repository.InvalidNamespace:
		return sender("a:DestinationUnreachable", codeNotFound, "There is no such resource.")
	case repository.AccessDenied:
		return AccessDenied()
	case repository.InvalidParameter:
		return sender("w:InvalidParameter", codeProviderParameter, "The provider was given a parameter that is not valid.")
	case repository.NotSupported, repository.NotCapable:
		return unsupportedByProvider()
	case repository.InvalidMethod:
		return sender("a:ActionNotSupported", codeActionNotSupported, "The class has no such method.")
	case repository.AlreadyExists:
		return sender("w:AlreadyExists", codeAlreadyExists, "The resource exists already.")
	}
	return receiver("w:InternalError", uint32(s.Code), "The provider failed.")
}

func unsupportedByProvider() *Fault {
	return sender("w:UnsupportedFeature", codeProviderNotCapable, "The provider cannot do this.")
}

// writeProviderFault writes the detail of a fault that the WMI plug-in
// reports: the fault's own code twice, and WMI's error object.
func (f *Fault) writeProviderFault(w *xmlWriter, h *Handler, s *repository.Status, res resource) {
	f.writeWSManFault(w, h, func() {
		w.start("f:ProviderFault", "provider", "WMI Provider", "path", providerPath)
		f.writeWSManFault(w, h, func() { w.text(h.cfg.Translate(f.message())) })
		w.start("f:ExtendedError")
		f.writeExtendedStatus(w, s, res)
		w.end("f:ExtendedError")
		w.end("f:ProviderFault")
	})
}

// writeExtendedStatus writes WMI's error object. That of a query which cannot
// be processed was seen with neither description nor code in it. An error of the
// SMS Provider is an SMS_ExtendedStatus (its class page in the ConfigMgr SDK);
// of that only the members of __ExtendedStatus and a NULL ErrorCode are known
// here.
func (f *Fault) writeExtendedStatus(w *xmlWriter, s *repository.Status, res resource) {
	class, provider := "__ExtendedStatus", "WinMgmt"
	if fromSMSProvider(s, res) {
		class, provider = "SMS_ExtendedStatus", "ExtnProv"
	}
	root := "p:" + class
	w.start(root, "xmlns:xsi", nsXSI, "xmlns:p", res.classURI(class), "xmlns:cim", nsCIM, "xsi:type", root+"_Type")
	known := f.Subcode != "n:CannotProcessFilter"
	writeMember(w, "p:Description", s.Text, known)
	if provider != "WinMgmt" {
		writeMember(w, "p:ErrorCode", "", false)
	}
	writeMember(w, "p:Operation", s.Operation, s.Operation != "")
	writeMember(w, "p:ParameterInfo", s.Parameter, s.Parameter != "")
	writeMember(w, "p:ProviderName", provider, true)
	writeMember(w, "p:StatusCode", strconv.FormatUint(uint64(s.Code), 10), known)
	w.end(root)
}

// fromSMSProvider tells what the SMS Provider reports from what WMI does
// before it asks any provider.
func fromSMSProvider(s *repository.Status, res resource) bool {
	if _, site := cutPrefixFold(res.namespace, "root/sms/site_"); !site {
		return false
	}
	switch s.Code {
	case repository.InvalidQuery, repository.InvalidClass, repository.InvalidNamespace, repository.InvalidMethod:
		return false
	}
	return true
}

// writeMember writes a scalar member, or NULL.
func writeMember(w *xmlWriter, name, text string, present bool) {
	if !present {
		w.empty(name, "xsi:nil", "true")
		return
	}
	w.leaf(name, text)
}

// wmiErrorOf is faultOf for the operations that Windows carries out by way of
// MI (Create and Delete, since Windows 8): the detail is an MSFT_WmiError in
// place of a WSManFault.
func wmiErrorOf(err error, res resource) *Fault {
	f := faultOf(err, res)
	var status *repository.Status
	if errors.As(err, &status) {
		f.detail = func(w *xmlWriter, h *Handler) {
			f.writeWMIError(w, h, wmiError{code: uint32(status.Code), cim: cimStatus(status.Code)})
		}
	}
	return f
}

// cimStatus is the CIM status code (DSP0223 section 7) for a provider's.
func cimStatus(code repository.Code) int {
	switch code {
	case repository.AccessDenied:
		return 2
	case repository.InvalidNamespace:
		return 3
	case repository.InvalidParameter:
		return 4
	case repository.InvalidClass:
		return 5
	case repository.NotFound:
		return 6
	case repository.NotSupported, repository.NotCapable:
		return 7
	case repository.AlreadyExists:
		return 11
	case repository.InvalidQuery:
		return 15
	case repository.InvalidMethod:
		return 17
	}
	return 1
}

// wmiError is what an MSFT_WmiError says in numbers.
type wmiError struct {
	code     uint32 // the HRESULT
	cim      int    // CIMStatusCode
	category int    // error_Category, a MI_ErrorCategory of mi.h
}

// writeWMIError writes MSFT_WmiError with each member typed, as Windows does.
func (f *Fault) writeWMIError(w *xmlWriter, h *Handler, e wmiError) {
	const root = "p:MSFT_WmiError"
	w.start(root, "b:IsCIM_Error", "true", "xmlns:b", nsBinding, "xmlns:cim", nsCIM,
		"xmlns:p", resourceDMTF+"MSFT_WmiError", "xmlns:xsi", nsXSI, "xsi:type", root+"_Type")
	text := h.cfg.Translate(f.message())
	for _, m := range []struct{ name, kind, text string }{
		{"CIMStatusCode", "UnsignedInt", strconv.Itoa(e.cim)},
		{"CIMStatusCodeDescription", "String", ""},
		{"ErrorSource", "String", ""},
		{"ErrorSourceFormat", "UnsignedShort", "0"},
		{"ErrorType", "UnsignedShort", "0"},
		{"Message", "String", text},
		{"MessageID", "String", "HRESULT 0x" + strconv.FormatUint(uint64(e.code), 16)},
		{"OtherErrorSourceFormat", "String", ""},
		{"OtherErrorType", "String", ""},
		{"OwningEntity", "String", ""},
		{"PerceivedSeverity", "UnsignedShort", "0"},
		{"ProbableCause", "UnsignedShort", "0"},
		{"ProbableCauseDescription", "String", ""},
		{"error_Category", "UnsignedInt", strconv.Itoa(e.category)},
		{"error_Code", "UnsignedInt", strconv.FormatUint(uint64(e.code), 10)},
		{"error_Type", "String", "HRESULT"},
		{"error_WindowsErrorMessage", "String", text},
	} {
		if m.text == "" {
			w.empty("p:"+m.name, "xsi:nil", "true", "xsi:type", "cim:cim"+m.kind)
			continue
		}
		w.leaf("p:"+m.name, m.text, "xsi:type", "cim:cim"+m.kind)
	}
	w.end(root)
}
