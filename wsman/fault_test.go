package wsman

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dpremote/internal/captures"
)

// capturesDir is where the recordings of real servers lie, beside the project.
const capturesDir = "../../shared/captures"

// TestCapturedFaults reads the faults that real servers sent.
func TestCapturedFaults(t *testing.T) {
	quota := "The WS-Management service cannot process the request. This user is allowed a maximum number of 15 concurrent operations, which has been exceeded. Close existing operations for this user, or raise the quota for this user."
	shells := "The WS-Management service cannot process the request. This user is allowed a maximum number of 30 concurrent shells, which has been exceeded. Close existing shells or raise the quota for this user."
	enumeration := QName{NamespaceEnumeration, "CannotProcessFilter"}
	tests := []struct {
		file string
		kind error
		want Fault // without the texts that only repeat
	}{
		{"max_concurrent_operations", ErrQuota, Fault{Code: "Receiver", Subcode: QName{NamespaceWSMan, "InternalError"}, WSManCode: 2150859174, Machine: "103040106", Message: quota}},
		{"soap_fault_v1", ErrBadQuery, Fault{Code: "Sender", Subcode: enumeration, WSManCode: 2150858778, Provider: "WMIv1 plugin for Windows Remote Management",
			ProviderCode: 2150858778, Message: "The specified class does not exist in the given namespace."}},
		{"soap_fault_v2", ErrBadQuery, Fault{Code: "Sender", Subcode: enumeration, WSManCode: 2150858778, Machine: "localhost", Provider: "WMI Provider",
			ProviderCode: 2150858778, Message: "The specified class does not exist in the given namespace.",
			Extended: []FaultMember{{"Operation", "ExecQuery"}, {"ParameterInfo", `Select * from Win32_Processa where name="sshd.exe"`}, {"ProviderName", "WinMgmt"}}}},
		{"wmi_error_v2", ErrQuota, Fault{Code: "Sender", Subcode: QName{NamespaceWSMan, "QuotaLimit"}, WSManCode: 2150859173, CIMStatus: 27, Message: shells}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			c, _ := client(t, reply{status: 500, whole: string(captures.In(t, capturesDir).Read(t, "faults/"+tt.file+".xml"))})
			_, err := c.Get(t.Context(), c.Schema().EPR("root/cimv2", "X"))
			var got *Fault
			if !errors.As(err, &got) {
				t.Fatalf("error %v is no fault", err)
			}
			if got.Status != 500 || got.Reason == "" {
				t.Errorf("status %d, reason %q", got.Status, got.Reason)
			}
			got.Status, got.Reason = 0, ""
			if tt.file == "wmi_error_v2" {
				if len(got.Extended) != 11 {
					t.Errorf("%d members of MSFT_WmiError that are not null: %v", len(got.Extended), got.Extended)
				}
				got.Extended = nil
			}
			if d := cmp.Diff(&tt.want, got); d != "" {
				t.Error(d)
			}
			if !errors.Is(err, tt.kind) {
				t.Errorf("%v is not %v", err, tt.kind)
			}
		})
	}
}

func TestFaultKinds(t *testing.T) {
	wsmanFault := func(code, text string) string {
		return `<s:Detail><f:WSManFault Code="` + code + `" Machine="S"><f:Message>` + text + `</f:Message></f:WSManFault></s:Detail>`
	}
	provider := func(inner string) string {
		return `<s:Detail><f:WSManFault Code="2150858752" Machine="S"><f:Message><f:ProviderFault provider="WMI Provider" path="p"><f:WSManFault Code="2150858752" Machine="S">` +
			`<f:Message>text</f:Message></f:WSManFault><f:ExtendedError>` + inner + `</f:ExtendedError></f:ProviderFault></f:Message></f:WSManFault></s:Detail>`
	}
	extended := `<q:SMS_ExtendedStatus xmlns:q="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/sms/site_S01/SMS_ExtendedStatus"><q:Description>Not from this site</q:Description>` +
		`<q:ErrorCode>2152073733</q:ErrorCode><q:StatusCode>2147749889</q:StatusCode><q:Nested><q:A>1</q:A></q:Nested></q:SMS_ExtendedStatus>`
	tests := []struct {
		name, subcode, detail string
		kind                  error
		put                   Retry // what it says of a Put
		text                  string
	}{
		{"number outranks subcode", "w:InternalError", wsmanFault("2150859174", "Kontingent"), ErrQuota, RetrySafe, "Kontingent (InternalError, 0x803381A6)"},
		{"subcode alone", "w:TimedOut", "", ErrTimedOut, RetryUnknown, "Grund (TimedOut)"},
		{"access denied as Win32", "w:InternalError", wsmanFault("5", "Zugriff verweigert"), ErrAccessDenied, RetryUseless, "Zugriff verweigert (InternalError, 0x00000005)"},
		{"HRESULT in a text only", "w:InternalError", wsmanFault("0", "Fehler 0x80041003 im Anbieter"), ErrAccessDenied, RetryUseless, "0x80041003"},
		{"decimal code of WMI", "w:InternalError", wsmanFault("2147749902", "x"), ErrNotFound, RetryUseless, "0x8004100E"},
		{"negative code", "w:InternalError", wsmanFault("-2147217405", "x"), ErrAccessDenied, RetryUseless, "0x80041003"},
		{"provider's extended status", "w:InternalError", provider(extended), ErrNotFound, RetryUseless, "Not from this site"},
		{"empty context", "n:InvalidEnumerationContext", "", ErrContext, RetrySafe, "InvalidEnumerationContext"},
		{"envelope", "w:EncodingLimit", wsmanFault("2150858824", "groß"), ErrTooLarge, RetryUnknown, "0x80338048"},
		{"representation", "x:InvalidRepresentation", wsmanFault("2150858817", "Schema"), ErrRepresentation, RetryUseless, "Schema (InvalidRepresentation, 0x80338041)"},
		{"provider text only", "w:InternalError", `<s:Detail><f:WSManFault Code="2150859002" Machine="S"><f:Message><f:ProviderFault provider="P">nur Text</f:ProviderFault></f:Message></f:WSManFault></s:Detail>`,
			nil, RetryUseless, "nur Text"},
		{"failed on the way", "w:InternalError", wsmanFault("2147944126", "RPC"), nil, RetryUnknown, "0x800706BE"},
		{"fault detail is no extended status", "w:InvalidOptions", `<s:Detail><w:FaultDetail>http://x</w:FaultDetail></s:Detail>`, nil, RetryUseless, "Grund (InvalidOptions)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code := "Sender"
			if tt.name == "failed on the way" {
				code = "Receiver"
			}
			body := `<s:Fault><s:Code><s:Value>s:` + code + `</s:Value><s:Subcode><s:Value>` + tt.subcode + `</s:Value></s:Subcode></s:Code>` +
				`<s:Reason><s:Text xml:lang="de-DE">Grund</s:Text></s:Reason>` + tt.detail + `</s:Fault>`
			for _, status := range []int{500, 200} { // some servers send faults with 200
				c, _ := client(t, reply{status: status, body: body})
				_, err := c.Put(t.Context(), c.Schema().EPR("root/sms/site_S01", "X"), nil)
				var f *Fault
				var e *Error
				if !errors.As(err, &f) || !errors.As(err, &e) {
					t.Fatalf("error %v is no fault", err)
				}
				if f.kind() != tt.kind {
					t.Errorf("kind %v, want %v", f.kind(), tt.kind)
				}
				if e.Retry != tt.put {
					t.Errorf("a Put may be repeated: %v, want %v", e.Retry, tt.put)
				}
				if !strings.Contains(err.Error(), tt.text) {
					t.Errorf("error %q lacks %q", err, tt.text)
				}
			}
		})
	}
}
