package queries_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
	"dpremote/queries"
	"dpremote/wsman"
)

func packageClass(t *testing.T, of queries.PackageType) queries.PackageClass {
	t.Helper()
	class, ok := queries.PackageClassOf(of)
	if !ok {
		t.Fatalf("no class of type %s", of)
	}
	return class
}

func TestRefreshPkgSource(t *testing.T) {
	classURI := func(class, method string) request {
		uri := "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/sms/site_PS1/" + class
		return request{Action: uri + "/" + method, ResourceURI: uri, Body: map[string]string{},
			Selectors: []wsman.Selector{{Name: "PackageID", Value: "PS100039"}}}
	}
	plain, boot := classURI("SMS_Package", "RefreshPkgSource"), classURI("SMS_BootImagePackage", "RefreshPkgSource")
	withContext := boot
	withContext.Body = map[string]string{"ContextID": "a<b"}
	output := func(value ...string) string { return instance("RefreshPkgSource_OUTPUT", value...) }
	const target = "invoke RefreshPkgSource root/sms/site_PS1:SMS_Package.PackageID=PS100039 at http://site.example:5985/wsman: "
	for _, tt := range []struct {
		name      string
		class     queries.PackageType
		contextID string
		answer    string
		asked     []request
		err       string
		returned  bool // whether the error is the method's own
		retry     wsman.Retry
	}{
		{name: "success", answer: output("ReturnValue", "0"), asked: []request{plain}},
		{name: "boot image", class: queries.TypeBootImage, answer: output("ReturnValue", "0"), asked: []request{boot}},
		{name: "boot image with a context", class: queries.TypeBootImage, contextID: "a<b", answer: output("ReturnValue", "0"), asked: []request{withContext}},
		{name: "another value", answer: output("ReturnValue", "-1"), asked: []request{plain}, returned: true,
			err: target + "the method did not return success: ReturnValue is -1 (the site server's smsprov.log may say why)"},
		{name: "null", answer: output("ReturnValue", null), asked: []request{plain}, returned: true, retry: wsman.RetryUnknown,
			err: target + "the method did not return success: it has no ReturnValue"},
		{name: "no value", answer: output(), asked: []request{plain}, returned: true, retry: wsman.RetryUnknown,
			err: target + "the method did not return success: it has no ReturnValue"},
		{name: "no number", answer: output("ReturnValue", "yes"), asked: []request{plain}, returned: true, retry: wsman.RetryUnknown,
			err: target + "the method did not return success: it has no ReturnValue"},
		{name: "task sequence", class: queries.TypeTaskSequence,
			err: "invoke RefreshPkgSource on SMS_TaskSequencePackage PS100039: RefreshPkgSource is documented to leave a task sequence unusable"},
		{name: "context of another class", contextID: "1",
			err: "invoke RefreshPkgSource on SMS_Package PS100039: only boot images have a ContextID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			session, s := newSession(t, tt.answer)
			err := queries.RefreshPkgSource(t.Context(), session, packageClass(t, tt.class), "PS100039", tt.contextID)
			if message(err) != tt.err {
				t.Errorf("error\n%q, want\n%q", message(err), tt.err)
			}
			if errors.Is(err, queries.ErrReturnValue) != tt.returned {
				t.Errorf("%v is ErrReturnValue: want %v", err, tt.returned)
			}
			var op *wsman.Error
			if errors.As(err, &op) && op.Retry != tt.retry {
				t.Errorf("retry %s, want %s", op.Retry, tt.retry)
			}
			if diff := cmp.Diff(tt.asked, s.asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestStaticMethods calls methods of the class, which has no selectors.
func TestStaticMethods(t *testing.T) {
	keys := queries.Keys{PackageID: "PS100039", ServerNALPath: queries.NALPath(nal("DP1.corp.example", "S21")), SiteCode: "S21"}
	for method, call := range map[string]func(*cim.Session) error{
		"VerifyPackage":      func(s *cim.Session) error { return queries.VerifyPackage(t.Context(), s, keys) },
		"CancelDistribution": func(s *cim.Session) error { return queries.CancelDistribution(t.Context(), s, keys) },
	} {
		t.Run(method, func(t *testing.T) {
			session, s := newSession(t, instance(method+"_OUTPUT", "ReturnValue", "0"), instance(method+"_OUTPUT", "ReturnValue", "5"), fault("2150858778"))
			if err := call(session); err != nil {
				t.Error(err)
			}
			want := []request{{Action: classURI + "/" + method, ResourceURI: classURI,
				Body: map[string]string{"PackageId": "PS100039", "NALPath": string(keys.ServerNALPath)}}}
			if diff := cmp.Diff(want, s.asked); diff != "" {
				t.Error(diff)
			}
			if err := call(session); !errors.Is(err, queries.ErrReturnValue) {
				t.Errorf("a ReturnValue of 5 gives %v", err)
			}
			if err := call(session); err == nil || errors.Is(err, queries.ErrReturnValue) {
				t.Errorf("a fault gives %v", err)
			}
		})
	}
}

func TestValidationOf(t *testing.T) {
	for _, tt := range []struct {
		message uint32
		state   queries.MessageState
		want    queries.Validation
		word    string
	}{
		{2384, queries.MessageGood, queries.ValidationGood, "good"},
		{2382, 4, queries.ValidationDamaged, "damaged"},
		{2383, 4, queries.ValidationUnchecked, "not checked"},
		{2383, queries.MessageBusy, queries.ValidationUnchecked, "not checked"},
		{2391, queries.MessageBad, queries.ValidationUnchecked, "not checked"},
		{2380, queries.MessageBusy, queries.ValidationOpen, "open"},
		{2330, queries.MessageGood, queries.ValidationOpen, "open"},
	} {
		got := queries.ValidationOf(queries.DPStatus{MessageID: tt.message, MessageState: tt.state})
		if got != tt.want || got.String() != tt.word {
			t.Errorf("message %d in state %s is %s, want %s", tt.message, tt.state, got, tt.want)
		}
	}
}

func TestDPStatuses(t *testing.T) {
	session, s := newSession(t, page(row("ID", "7", "MessageID", "2384", "NalPath", nal("DP1", "PS1"), "PackageID", "PS100039")))
	got, err := queries.Collect(queries.DPStatuses(t.Context(), session, "ps100039", "PS100039"))
	if err != nil || len(got) != 1 || got[0].MessageID != 2384 {
		t.Errorf("got %v, %v", got, err)
	}
	none, err := queries.Collect(queries.DPStatuses(t.Context(), session))
	if err != nil || len(none) != 0 || len(s.asked) != 1 {
		t.Errorf("without packages: %v, %v, %d requests", none, err, len(s.asked))
	}
}
