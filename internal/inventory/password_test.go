package inventory

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	"gopkg.in/yaml.v3"
)

// However a password is put into text, alone or inside something else, it does
// not show.
func TestPasswordNeverShows(t *testing.T) {
	const secret = "hunter2"
	p := NewPassword(secret)
	type exported struct{ Secret Password }
	type unexported struct{ secret Password }
	site := Site{Password: KnownPassword("a prompt", p)}
	values := map[string]any{
		"value": p, "pointer": &p, "slice": []Password{p}, "map": map[string]Password{"k": p},
		"field": exported{p}, "unexported field": unexported{p}, "source": site.Password, "site": site, "site pointer": &site,
	}
	for name, v := range values {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%T"} {
				fmt.Fprintf(&out, verb+"\n", v)
			}
			fmt.Fprintln(&out, v)
			for format, marshal := range map[string]func(any) ([]byte, error){
				"json": json.Marshal, "yaml": yaml.Marshal, "xml": xml.Marshal,
			} {
				// Not every value can be encoded in every form: what matters
				// is what does come out.
				data, err := marshal(v)
				fmt.Fprintln(&out, format, string(data), err)
			}
			slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
			for _, f := range []logrus.Formatter{&logrus.TextFormatter{}, &logrus.JSONFormatter{}} {
				l := logrus.New()
				l.Out, l.Formatter = &out, f
				l.WithField("v", v).Info("m")
			}
			for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret)} {
				if strings.Contains(out.String(), form) {
					t.Errorf("the password shows:\n%s", out.String())
				}
			}
		})
	}
	if got := p.Reveal(); got != secret {
		t.Errorf("Reveal: got %q, want %q", got, secret)
	}
}

func TestPasswordReadsRedacted(t *testing.T) {
	p := NewPassword("hunter2")
	data, err := json.Marshal(map[string]Password{"p": p})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := yaml.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "p", p)
	for name, got := range map[string]string{
		"String": p.String(), "GoString": p.GoString(), "Format": fmt.Sprintf("%v %q %x", p, p, p),
		"JSON": string(data), "YAML": string(doc), "log": log.String(),
	} {
		if !strings.Contains(got, "[redacted]") {
			t.Errorf("%s: got %q, want [redacted] in it", name, got)
		}
	}
}

func TestZeroPassword(t *testing.T) {
	var p Password
	if got := p.Reveal(); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
	if got := p.String(); got != "[redacted]" {
		t.Errorf("got %q: an empty password must not tell that it is empty", got)
	}
}
