package wire

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"dpremote/simulator/internal/repository"

	"github.com/google/go-cmp/cmp"
)

// TestProviderErrors wants each status as the fault that Windows makes of it.
func TestProviderErrors(t *testing.T) {
	get, query := getMessage, message{action: actionEnumerate, uri: siteURI + "*", body: enumerateBody("Q", "")}
	status := func(code repository.Code, operation string) error {
		return &repository.Status{Code: code, Operation: operation, Parameter: "P", Text: "T & t"}
	}
	const wsman = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
	for _, c := range []struct {
		name string
		m    message
		err  error
		want fault
		ext  []string // of the ExtendedError; nil for none
	}{
		{"bad query", query, status(repository.InvalidQuery, "ExecQuery"),
			fault{"s:Sender", "n:CannotProcessFilter", "2150858778", testID, nsEnum + "/fault"},
			[]string{"__ExtendedStatus", "nil", "ExecQuery", "P", "WinMgmt", "nil"}},
		{"bad class in a query", query, status(repository.InvalidClass, "ExecQuery"),
			fault{"s:Sender", "n:CannotProcessFilter", "2150858778", testID, nsEnum + "/fault"},
			[]string{"__ExtendedStatus", "nil", "ExecQuery", "P", "WinMgmt", "nil"}},
		{"bad class", get, status(repository.InvalidClass, "GetObject"),
			fault{"s:Sender", "a:DestinationUnreachable", "2150858752", testID, nsAddressing + "/fault"},
			[]string{"__ExtendedStatus", "T & t", "GetObject", "P", "WinMgmt", "2147749904"}},
		{"bad namespace", query, status(repository.InvalidNamespace, "ExecQuery"),
			fault{"s:Sender", "a:DestinationUnreachable", "2150858752", testID, nsAddressing + "/fault"},
			[]string{"__ExtendedStatus", "T & t", "ExecQuery", "P", "WinMgmt", "2147749902"}},
		{"not found", get, status(repository.NotFound, "GetObject"),
			fault{"s:Sender", "a:DestinationUnreachable", "2150858752", testID, nsAddressing + "/fault"},
			[]string{"SMS_ExtendedStatus", "T & t", "GetObject", "P", "ExtnProv", "2147749890"}},
		{"access denied", get, status(repository.AccessDenied, "GetObject"),
			fault{"s:Sender", "w:AccessDenied", "5", testID, wsman},
			[]string{"SMS_ExtendedStatus", "T & t", "GetObject", "P", "ExtnProv", "2147749891"}},
		{"bad parameter", get, status(repository.InvalidParameter, ""),
			fault{"s:Sender", "w:InvalidParameter", "2150859038", testID, wsman},
			[]string{"SMS_ExtendedStatus", "T & t", "nil", "P", "ExtnProv", "2147749896"}},
		{"not supported", get, status(repository.NotSupported, "PutInstance"),
			fault{"s:Sender", "w:UnsupportedFeature", "2150859010", testID, wsman},
			[]string{"SMS_ExtendedStatus", "T & t", "PutInstance", "P", "ExtnProv", "2147749900"}},
		{"not capable", get, status(repository.NotCapable, "PutInstance"),
			fault{"s:Sender", "w:UnsupportedFeature", "2150859010", testID, wsman},
			[]string{"SMS_ExtendedStatus", "T & t", "PutInstance", "P", "ExtnProv", "2147749924"}},
		{"exists", get, status(repository.AlreadyExists, "PutInstance"),
			fault{"s:Sender", "w:AlreadyExists", "2150858803", testID, wsman},
			[]string{"SMS_ExtendedStatus", "T & t", "PutInstance", "P", "ExtnProv", "2147749913"}},
		{"bad method", get, status(repository.InvalidMethod, "ExecMethod"),
			fault{"s:Sender", "a:ActionNotSupported", "2150858771", testID, nsAddressing + "/fault"},
			[]string{"__ExtendedStatus", "T & t", "ExecMethod", "P", "WinMgmt", "2147749934"}},
		{"failed", get, status(repository.Failed, "GetObject"),
			fault{"s:Receiver", "w:InternalError", "2147749889", testID, wsman},
			[]string{"SMS_ExtendedStatus", "T & t", "GetObject", "P", "ExtnProv", "2147749889"}},
		{"a fault", get, &Fault{Receiver: true, Subcode: "e:UnableToRenew", Code: 2150858788, Reason: "R"},
			fault{"s:Receiver", "e:UnableToRenew", "2150858788", testID, nsEventing + "/fault"}, nil},
		{"a fault of transfer", get, &Fault{Subcode: "x:InvalidRepresentation", Code: 2150858773, Reason: "R"},
			fault{"s:Sender", "x:InvalidRepresentation", "2150858773", testID, nsTransfer + "/fault"}, nil},
		{"another error", get, errors.New("disk on fire"),
			fault{"s:Receiver", "w:InternalError", "2147749889", testID, wsman}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Config{Computer: "ps1"})
			s.provider.err = c.err
			answer := s.post(t, c.m.text())
			if d := cmp.Diff(c.want, readFault(t, answer)); d != "" {
				t.Error(d)
			}
			detail := readNode(t, answer.body).at("Body", "Fault", "Detail", "WSManFault")
			if got := detail.attr("Machine"); got != "ps1" {
				t.Errorf("Machine %q, want ps1", got)
			}
			if d := cmp.Diff(c.ext, extended(detail)); d != "" {
				t.Error(d)
			}
		})
	}
}

// extended is what the ExtendedError in a WSManFault says.
func extended(detail node) []string {
	all := detail.at("Message", "ProviderFault", "ExtendedError").Nodes
	if len(all) == 0 {
		return nil
	}
	out := []string{all[0].XMLName.Local}
	for _, member := range []string{"Description", "Operation", "ParameterInfo", "ProviderName", "StatusCode"} {
		m := all[0].at(member)
		if m.attr("nil") == "true" {
			m.Text = "nil"
		}
		out = append(out, m.Text)
	}
	return out
}

// TestCIMStatus wants MSFT_WmiError's CIMStatusCode to be DSP0223's.
func TestCIMStatus(t *testing.T) {
	want := map[repository.Code]int{
		repository.Failed: 1, repository.AccessDenied: 2, repository.InvalidNamespace: 3, repository.InvalidParameter: 4,
		repository.InvalidClass: 5, repository.NotFound: 6, repository.NotSupported: 7, repository.NotCapable: 7,
		repository.AlreadyExists: 11, repository.InvalidQuery: 15, repository.InvalidMethod: 17,
	}
	s := serve(t, Config{})
	for code, number := range want {
		s.provider.err = &repository.Status{Code: code, Operation: "DeleteInstance", Text: "T"}
		m := getMessage
		m.action = actionDelete
		wmi := readNode(t, s.post(t, m.text()).body).at("Body", "Fault", "Detail", "MSFT_WmiError")
		got := []string{wmi.at("CIMStatusCode").Text, wmi.at("error_Code").Text, wmi.at("Message").Text}
		if d := cmp.Diff([]string{strconv.Itoa(number), strconv.FormatUint(uint64(code), 10), "T"}, got); d != "" {
			t.Errorf("%#x: %s", code, d)
		}
	}
}

func TestFaultOutsideOfSites(t *testing.T) {
	s := serve(t, Config{})
	s.provider.err = &repository.Status{Code: repository.AccessDenied, Operation: "GetObject", Text: "No."}
	m := getMessage
	m.uri = resourceWMI + "root/cimv2/SMS_DP"
	n := readNode(t, s.post(t, m.text()).body).at("Body", "Fault", "Detail", "WSManFault", "Message", "ProviderFault", "ExtendedError")
	want := resourceWMI + "root/cimv2/__ExtendedStatus"
	if got := n.at("__ExtendedStatus").XMLName.Space; got != want {
		t.Errorf("the error object is in %q, want %q", got, want)
	}
}

func TestLanguage(t *testing.T) {
	s := serve(t, Config{Language: "de-DE", Translate: strings.ToUpper})
	n := readNode(t, s.post(t, message{action: "x", uri: siteURI + "SMS_DP"}.text()).body)
	text := n.at("Body", "Fault", "Reason", "Text")
	inner := n.at("Body", "Fault", "Detail", "WSManFault", "Message")
	got := []string{n.attr("lang"), text.attr("lang"), text.Text, inner.Text}
	want := "THE ACTION X IS NOT SUPPORTED BY THE RESOURCE."
	if d := cmp.Diff([]string{"de-DE", "de-DE", want, want}, got); d != "" {
		t.Error(d)
	}
}

func TestCreatableFaults(t *testing.T) {
	for _, c := range []struct {
		fault   *Fault
		subcode string
		code    uint32
	}{
		{TimedOut(), "w:TimedOut", 2150858793},
		{AccessDenied(), "w:AccessDenied", 5},
		{OperationQuota(15), "w:InternalError", 2150859174},
	} {
		if c.fault.Subcode != c.subcode || c.fault.Code != c.code {
			t.Errorf("%v; want %s, %d", c.fault, c.subcode, c.code)
		}
		if text := c.fault.Error(); !strings.Contains(text, c.subcode) || !strings.Contains(text, c.fault.Reason) {
			t.Errorf("the error's text lacks subcode or reason: %s", text)
		}
	}
}

// FuzzExchange wants an answer that is XML, or none, to whatever is sent.
func FuzzExchange(f *testing.F) {
	f.Add(getMessage.text())
	f.Add(message{action: actionPut, uri: siteURI + "SMS_DP", header: dpKeys, body: dpBody(`<q:Names>a</q:Names><q:Parts xsi:type="r:SMS_Part_Type"/>`)}.text())
	f.Add(message{action: actionEnumerate, uri: siteURI + "*", body: enumerateBody("Q", "")}.text())
	f.Add(message{action: actionPull, uri: siteURI + "*", body: pullBody("uuid:x", 1)}.text())
	f.Add(message{action: siteURI + "SMS_DP/Count", uri: siteURI + "SMS_DP", body: "<Count_INPUT/>"}.text())
	f.Add(message{action: actionCreate, uri: resourceCmd, body: shellBody}.text())
	f.Add(message{action: actionSignal, uri: resourceCmd}.text())
	f.Add(identifyText)
	h := New(Config{Provider: newFake(), Shell: echoShell, DMTF: true})
	f.Fuzz(func(t *testing.T, text string) {
		r, err := http.NewRequest(http.MethodPost, "http://server/wsman", nil)
		if err != nil {
			t.Fatal(err)
		}
		got := h.message(r, "sim", "application/soap+xml", []byte(text), &Exchange{})
		plain, _, err := decode(got.body)
		if err != nil {
			t.Fatal(err)
		}
		body := readNode(t, plain).at("Body")
		if isFault := body.at("Fault").XMLName.Space == nsSOAP; isFault != (got.status == 500) {
			t.Errorf("status %d with %s", got.status, plain)
		}
	})
}
