package wsman

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const nalPath = `["Display=\\SRV\"]MSWNET:["SMS_SITE=S01"]\\SRV\`

var dp = SchemaWMI.EPR(`root\sms\site_S01`, "SMS_DistributionPoint",
	Selector{Name: "PackageID", Value: "S0100001"}, Selector{Name: "ServerNALPath", Value: nalPath}, Selector{Name: "SiteCode", Value: "S01"})

func TestPut(t *testing.T) {
	c, s := client(t, reply{body: `<p:X xmlns:p="urn:X"><p:RefreshNow>false</p:RefreshNow></p:X>`})
	item, err := c.Put(t.Context(), dp, []byte(`<p:X xmlns:p="urn:X"><p:RefreshNow>true</p:RefreshNow></p:X>`))
	if err != nil || !item.Scanner().Is("urn:X", "X") {
		t.Fatalf("put: %v", err)
	}
	for _, want := range []string{
		"<a:Action s:mustUnderstand=\"true\">http://schemas.xmlsoap.org/ws/2004/09/transfer/Put</a:Action>",
		`<w:SelectorSet><w:Selector Name="PackageID">S0100001</w:Selector><w:Selector Name="ServerNALPath">` + nalPath + `</w:Selector><w:Selector Name="SiteCode">S01</w:Selector></w:SelectorSet></s:Header>`,
		`<s:Body><p:X xmlns:p="urn:X"><p:RefreshNow>true</p:RefreshNow></p:X></s:Body>`,
	} {
		if !strings.Contains(s.sent[0].raw, want) {
			t.Errorf("request lacks %s:\n%s", want, s.sent[0].raw)
		}
	}
}

func TestPutAnsweredWithNothing(t *testing.T) {
	c, _ := client(t, reply{body: " "})
	if item, err := c.Put(t.Context(), dp, nil); item != nil || err != nil {
		t.Errorf("%v %v, want nothing", item, err)
	}
}

func TestCreateAndDelete(t *testing.T) {
	c, s := client(t, reply{body: `<x:ResourceCreated><a:Address>http://s/wsman</a:Address><a:ReferenceParameters><w:ResourceURI>urn:X</w:ResourceURI>` +
		`<w:SelectorSet><w:Selector Name="K">1</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>`}, reply{body: ""})
	got, err := c.Create(t.Context(), c.Schema().EPR("root/cimv2", "X"), []byte("<X/>"))
	want := EPR{Address: "http://s/wsman", ResourceURI: "urn:X", Selectors: []Selector{{Name: "K", Value: "1"}}}
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("created %+v %v", got, err)
	}
	if err := c.Delete(t.Context(), got); err != nil {
		t.Error(err)
	}
	if s.actions() != "Create Delete" {
		t.Errorf("asked for %s", s.actions())
	}
}

func TestInvoke(t *testing.T) {
	c, s := client(t, reply{body: `<p:M_OUTPUT xmlns:p="urn:X"><p:ReturnValue>0</p:ReturnValue></p:M_OUTPUT>`})
	if _, err := c.Invoke(t.Context(), dp, "VerifyPackage", []byte("<M/>")); err != nil {
		t.Fatal(err)
	}
	if want := `>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/sms/site_S01/SMS_DistributionPoint/VerifyPackage</a:Action>`; !strings.Contains(s.sent[0].raw, want) {
		t.Errorf("request lacks %s:\n%s", want, s.sent[0].raw)
	}
}

// TestItemOfACutAnswer cuts the answer of a Get at every byte.
func TestItemOfACutAnswer(t *testing.T) {
	whole := instance.response("ID").Body
	for n := range len(whole) {
		c := NewClient(&cutTransport{body: whole[:n], first: true}, Options{Retries: -1})
		if err := get(c); err == nil {
			t.Fatalf("cut at byte %d and no error", n)
		}
	}
}

func TestRequestThatXMLCannotCarry(t *testing.T) {
	c, s := client(t)
	_, err := c.Get(t.Context(), SchemaWMI.EPR("root", "X", Selector{Name: "K", Value: "\x00"}))
	if err == nil || !strings.Contains(err.Error(), "cannot be sent") || len(s.sent) > 0 {
		t.Errorf("error %v, %d requests", err, len(s.sent))
	}
}

func TestEPRString(t *testing.T) {
	tests := []struct{ epr, want string }{
		{dp.String(), `root/sms/site_S01:SMS_DistributionPoint.PackageID=S0100001,ServerNALPath=` + nalPath + `,SiteCode=S01`},
		{SchemaDMTF.EPR("root/interop", "CIM_X", Selector{Name: "A", Value: "1"}).String(), "root/interop:CIM_X.A=1"},
		{SchemaDMTF.EPR("root", "*").ResourceURI, "http://schemas.dmtf.org/wbem/wscim/1/*"},
		{EPR{ResourceURI: ConfigURI}.String(), "config"},
	}
	for _, tt := range tests {
		if tt.epr != tt.want {
			t.Errorf("got %s, want %s", tt.epr, tt.want)
		}
	}
}

func TestTrace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "traces")
	tracer, err := NewDirTracer(dir, "PS1", func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	secret := `<p:X xmlns:p="urn:X"><p:PXEPassword>hunter2</p:PXEPassword><p:Token><p:A>hunter2</p:A></p:Token><p:Note>keep &amp; this</p:Note><p:Secret/></p:X>`
	s := &scripted{t: t, replies: []reply{{body: secret}, {err: &TransportError{Err: errors.New("reset")}}, {whole: "no XML with hunter2"}, {status: 500, whole: " "}}}
	c := NewClient(s, Options{Tracer: tracer, Retries: -1})
	for range 4 {
		_, _ = c.Put(t.Context(), SchemaWMI.EPR("root", "X", Selector{Name: "password", Value: "hunter2"}), []byte(secret))
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "hunter2") {
			t.Errorf("%s holds the secret:\n%s", f.Name(), data)
		}
		if info, _ := f.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
		if f.Name() == "PS1-0001.req.xml" && !strings.Contains(string(data), "<p:PXEPassword>[redacted]</p:PXEPassword><p:Token>[redacted]</p:Token><p:Note>keep &amp; this</p:Note><p:Secret/></p:X>") {
			t.Errorf("%s: %s", f.Name(), data)
		}
	}
	want := []string{"PS1-0001.req.xml", "PS1-0001.res.xml", "PS1-0002.err.txt", "PS1-0002.req.xml", "PS1-0003.req.xml", "PS1-0003.res.xml", "PS1-0004.req.xml", "PS1-0004.res.xml"}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
}
