package simulator_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"dpremote/simulator"
)

func TestParseFault(t *testing.T) {
	good := []string{
		"fault=reset-during,site=PS1,action=pull,class=SMS_Site,skip=1,count=2,probability=0.25,seed=7",
		"fault=stall,for=30s", "fault=http-503,retry-after=5s,done=true", "fault=clock-jump,site=PS1,for=-1h0m0s",
	}
	for _, text := range good {
		f, err := simulator.ParseFault(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		again, err := simulator.ParseFault(f.String())
		if err != nil || again != f {
			t.Errorf("%s became %s, and that %+v, %v", text, f, again, err)
		}
	}
	if f, _ := simulator.ParseFault(good[0]); f != (simulator.Fault{Kind: simulator.ResetDuring, Site: "PS1", Action: simulator.Pull,
		Class: "SMS_Site", Skip: 1, Count: 2, Probability: 0.25, Seed: 7}) {
		t.Errorf("%s is %+v", good[0], f)
	}
	for text, want := range map[string]string{
		"":                               "not NAME=VALUE",
		"stall":                          "not NAME=VALUE",
		"site=PS1":                       "no fault is named",
		"fault=fire":                     `unknown fault "fire"`,
		"fault=stall,action=dance":       `unknown action "dance"`,
		"fault=stall,when=now":           "when: unknown",
		"fault=stall,for=long":           "for: ",
		"fault=stall,for=-1s":            "cannot be negative",
		"fault=stall,count=-1":           "cannot be negative",
		"fault=stall,probability=2":      "not between 0 and 1",
		"fault=stall,probability=NaN":    "not between 0 and 1",
		"fault=drop,action=get":          "of a site",
		"fault=clock-jump,class=SMS_X":   "of a site",
		"fault=duplicate,action=put":     "enumerate and pull",
		"fault=stall,seed=-1":            "seed: ",
		"fault=http-503,retry-after=-5s": "cannot be negative",
	} {
		if _, err := simulator.ParseFault(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}

// ask sends a query for sites, and answers the status, or 0 and the error.
func ask(t *testing.T, h *simulator.Hierarchy, site int) (int, http.Header, error) {
	t.Helper()
	e := h.Sites()[site]
	r := query(e.Code, "SELECT SiteCode FROM SMS_Site").httpRequest(t.Context(), e.URL, e.User, e.Password())
	r.Close = true
	res, err := clientFor(t, h).Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Header, err
}

// TestFaultChoosesRequests counts at whom a fault strikes.
func TestFaultChoosesRequests(t *testing.T) {
	tests := []struct {
		fault string
		want  string // one letter a request: f for a fault, - for none; of CAS, PS1, CAS, PS1, ...
	}{
		{"fault=internal-error", "ffffff"},
		{"fault=internal-error,site=ps1", "-f-f-f"},
		{"fault=internal-error,count=2", "ff----"},
		{"fault=internal-error,skip=3", "---fff"},
		{"fault=internal-error,skip=1,count=1,site=CAS", "--f---"},
		{"fault=internal-error,action=put", "------"},
		{"fault=internal-error,action=enumerate,class=sms_site", "ffffff"},
		{"fault=internal-error,class=SMS_Package", "------"},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			f, err := simulator.ParseFault(tt.fault)
			if err != nil {
				t.Fatal(err)
			}
			h := start(t, model(), simulator.Options{AllowUnencrypted: true, FirstPageItems: 100, Faults: []simulator.Fault{f}})
			got := ""
			for i := range tt.want {
				status, _, err := ask(t, h, i%2)
				switch {
				case err != nil:
					t.Fatal(err)
				case status == http.StatusOK:
					got += "-"
				default:
					got += "f"
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if n := h.Injected()[0].Times(); n != strings.Count(tt.want, "f") {
				t.Errorf("counted %d times", n)
			}
		})
	}
}

// TestProbabilityIsDeterministic: the same seed strikes at the same requests,
// another one at others.
func TestProbabilityIsDeterministic(t *testing.T) {
	strikes := func(seed uint64) string {
		h := start(t, model(), simulator.Options{AllowUnencrypted: true, FirstPageItems: 100, Faults: []simulator.Fault{
			{Kind: simulator.HTTP503, Probability: 0.4, Seed: seed}}})
		got := ""
		for range 40 {
			status, _, err := ask(t, h, 0)
			if err != nil {
				t.Fatal(err)
			}
			got += map[bool]string{true: "-", false: "f"}[status == http.StatusOK]
		}
		if n := strings.Count(got, "f"); n < 6 || n > 30 || h.Injected()[0].Times() != n || h.Injected()[0].Matched() != 40 {
			t.Errorf("seed %d: %s, counted %d of %d", seed, got, h.Injected()[0].Times(), h.Injected()[0].Matched())
		}
		return got
	}
	one := strikes(1)
	if again := strikes(1); again != one {
		t.Errorf("seed 1: %s, and then %s", one, again)
	}
	if other := strikes(2); other == one {
		t.Errorf("seeds 1 and 2: both %s", one)
	}
}

// TestFaultsOfConnections strikes over TCP: what is refused is refused by the
// system, and listens again afterwards at the same address.
func TestFaultsOfConnections(t *testing.T) {
	h := start(t, model(), simulator.Options{AllowUnencrypted: true, FirstPageItems: 100})
	if _, err := h.Inject(simulator.Fault{Kind: simulator.Refuse, Site: "CAS", For: 50 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ask(t, h, 0); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refused: %v", err)
	}
	if status, _, err := ask(t, h, 1); status != http.StatusOK {
		t.Errorf("another site: %d, %v", status, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if status, _, _ := ask(t, h, 0); status == http.StatusOK {
			break
		}
	}
	if ctx.Err() != nil {
		t.Error("it does not listen again")
	}
	for _, kind := range []simulator.FaultKind{simulator.Drop, simulator.ResetBefore, simulator.ResetAfter, simulator.ResetHeader, simulator.ResetDuring, simulator.Restart} {
		i, err := h.Inject(simulator.Fault{Kind: kind, Site: "CAS", Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		if status, _, err := ask(t, h, 0); err == nil || i.Times() != 1 {
			t.Errorf("%s: status %d, %v, counted %d", kind, status, err, i.Times())
		}
		if status, _, err := ask(t, h, 0); status != http.StatusOK {
			t.Errorf("after %s: %d, %v", kind, status, err)
		}
	}
}

func TestFaultsOfAnswers(t *testing.T) {
	h := start(t, model(), simulator.Options{AllowUnencrypted: true, FirstPageItems: 100})
	for _, tt := range []struct {
		fault  simulator.Fault
		status int
		header string
		value  string
	}{
		{simulator.Fault{Kind: simulator.HTTP503, RetryAfter: 9 * time.Second}, 503, "Retry-After", "9"},
		{simulator.Fault{Kind: simulator.HTTP503}, 503, "Retry-After", ""},
		{simulator.Fault{Kind: simulator.HTTP401}, 401, "Www-Authenticate", "Negotiate"},
		{simulator.Fault{Kind: simulator.HTTP413}, 413, "Content-Type", ""},
		{simulator.Fault{Kind: simulator.HTTP500}, 500, "Content-Length", "0"},
		{simulator.Fault{Kind: simulator.FaultOK}, 200, "Content-Type", "application/soap+xml;charset=UTF-8"},
		{simulator.Fault{Kind: simulator.ContentType}, 200, "Content-Type", "text/html"},
	} {
		i, err := h.Inject(tt.fault)
		if err != nil {
			t.Fatal(err)
		}
		status, header, err := ask(t, h, 0)
		if err != nil || status != tt.status || header.Get(tt.header) != tt.value {
			t.Errorf("%s: %d, %v, %v", tt.fault, status, header, err)
		}
		i.Stop()
		if status, _, _ := ask(t, h, 0); status != http.StatusOK {
			t.Errorf("%s does not stop: %d", tt.fault, status)
		}
	}
}

// TestClockJump moves one site's clock.
func TestClockJump(t *testing.T) {
	h := start(t, model(), simulator.Options{AllowUnencrypted: true, FirstPageItems: 100})
	if _, err := h.Inject(simulator.Fault{Kind: simulator.ClockJump, Site: "PS1", For: -3 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	for site, want := range []time.Duration{0, -3 * time.Hour} {
		_, header, err := ask(t, h, site)
		if err != nil {
			t.Fatal(err)
		}
		at, err := http.ParseTime(header.Get("Date"))
		if got := time.Until(at).Round(time.Hour); err != nil || got != want {
			t.Errorf("site %d: its clock is %s ahead, want %s; %v", site, got, want, err)
		}
	}
}

func TestInjectErrors(t *testing.T) {
	h := start(t, model(), simulator.Options{})
	for _, f := range []simulator.Fault{{}, {Kind: "fire"}, {Kind: simulator.Stall, Site: "XXX"}, {Kind: simulator.Stall, Site: "S21"}} {
		if _, err := h.Inject(f); err == nil {
			t.Errorf("%+v is taken", f)
		}
		if _, err := simulator.New(model(), simulator.Options{Faults: []simulator.Fault{f}}); err == nil {
			t.Errorf("%+v is taken from the options", f)
		}
		if _, err := simulator.Start(t.Context(), model(), simulator.Options{Faults: []simulator.Fault{f}}); err == nil {
			t.Errorf("%+v is taken from the options of Start", f)
		}
	}
}
