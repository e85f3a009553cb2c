package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dpremote/simulator"
)

// signalling is an output that tells when a text has been written to it.
type signalling struct {
	text string
	seen chan struct{}

	mu  sync.Mutex
	out bytes.Buffer
}

func (s *signalling) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := strings.Contains(s.out.String(), s.text)
	n, err := s.out.Write(p)
	if !before && strings.Contains(s.out.String(), s.text) {
		close(s.seen)
	}
	return n, err
}

// serveLate serves sites of which one answers nothing until a channel is closed,
// and gives the path of their inventory.
func serveLate(t *testing.T, late string, until <-chan struct{}, observe func(simulator.Exchange)) string {
	t.Helper()
	h, err := simulator.Start(t.Context(), model, simulator.Options{User: "sim", Password: "p", Strict: noSin(t), Observe: observe,
		Around: func(site string, next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if site == late {
					select {
					case <-until:
					case <-r.Context().Done():
					case <-time.After(time.Minute):
						t.Error("waited in vain")
					}
				}
				next.ServeHTTP(w, r)
			})
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	t.Setenv(simulator.PasswordVariable, "p")
	var text strings.Builder
	if err := h.WriteInventory(&text, simulator.InventoryOptions{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// With -o jsonl what a site says is printed when it has said it: the first site
// answers here only after the last one's rows were written.
func TestRowsStreamAsTheyCome(t *testing.T) {
	for want, args := range map[string][]string{
		`"SiteName":"New York"`:     {"query", "SELECT SiteName FROM SMS_Site WHERE SiteCode='PS2'"},
		`"dp01.ps2.sim.example"`:    {"status", "--level", "dp"},
		`"siteCode":"S21","dp":"dp`: {"status", "--level", "dp", "--dp", "dp*.s21.*"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			out := &signalling{text: want, seen: make(chan struct{})}
			path := serveLate(t, "CAS", out.seen, nil)
			var errs strings.Builder
			a := testApp(strings.NewReader(""), out, &errs)
			a.getenv = os.Getenv
			if code := a.execute(t.Context(), append([]string{"-i", path, "--exclude", "ps1", "-o", "jsonl"}, args...)); code != exitOK {
				t.Errorf("ended with %d: %s", code, errs.String())
			}
			if !strings.Contains(out.out.String(), want) {
				t.Errorf("printed %s", out.out.String())
			}
		})
	}
}

// The other formats have the sites in the order of the inventory, whichever
// answers first; a site that fails does not hold up those behind it.
func TestQueryKeepsTheOrder(t *testing.T) {
	for _, format := range []string{"json", "yaml", "csv", "table"} {
		t.Run(format, func(t *testing.T) {
			answered := make(chan struct{})
			var once sync.Once
			path := serveLate(t, "CAS", answered, func(x simulator.Exchange) {
				if x.Site == "PS2" && x.Query != "" {
					once.Do(func() { close(answered) })
				}
			})
			inventory, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			down := "sites:\n  down:\n    host: http://127.0.0.1:1\n    site_code: PS9\n"
			if err := os.WriteFile(path, []byte(strings.Replace(string(inventory), "sites:\n", down, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, errs strings.Builder
			a := testApp(strings.NewReader(""), &out, &errs)
			a.getenv = os.Getenv
			code := a.execute(t.Context(), []string{"-i", path, "-o", format, "query", "SELECT PackageID FROM SMS_Package"})
			if code != exitIncomplete {
				t.Errorf("ended with %d: %s", code, errs.String())
			}
			// CAS shows the packages of all, PS1 and PS2 their own after that.
			var order []string
			for line := range strings.Lines(out.String()) {
				for _, site := range []string{"cas", "ps1", "ps2"} {
					if strings.Contains(line, site) && (len(order) == 0 || order[len(order)-1] != site) {
						order = append(order, site)
					}
				}
			}
			if got := strings.Join(order, " "); got != "cas ps1 ps2" {
				t.Errorf("the sites came in the order %q:\n%s", got, out.String())
			}
		})
	}
}
