package wsman_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"dpremote/simulator"
	"dpremote/wsman"
)

// TestAnswersToOtherRequests has a site server answer one request of each kind
// as if it were another's. A read is asked again, a write is not: nobody knows
// what became of it.
func TestAnswersToOtherRequests(t *testing.T) {
	const namespace = "root/sms/site_PS1"
	list := func(c *wsman.Client) error {
		for _, err := range c.Enumerate(t.Context(), wsman.Enumeration{Namespace: namespace, WQL: "SELECT * FROM SMS_DistributionPoint", MaxElements: 3}) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	site := wsman.SchemaWMI.EPR(namespace, "SMS_Site", wsman.Selector{Name: "SiteCode", Value: "PS1"})
	identify := wsman.SchemaWMI.EPR("root/default", "StdRegProv")
	tests := []struct {
		action string
		do     func(*wsman.Client) error
		sent   int
		retry  wsman.Retry // of the error, where there is one
		fails  bool
	}{
		{action: "Enumerate", do: list, sent: 2},
		{action: "Pull", do: list, sent: 1, retry: wsman.RetrySafe, fails: true},
		{action: "Get", sent: 2, do: func(c *wsman.Client) error {
			_, err := c.Get(t.Context(), site)
			return err
		}},
		{action: "Put", sent: 1, retry: wsman.RetryUnknown, fails: true, do: func(c *wsman.Client) error {
			return refreshFirst(t, c)
		}},
		{action: "EnumKey", sent: 1, retry: wsman.RetryUnknown, fails: true, do: func(c *wsman.Client) error {
			_, err := c.Invoke(t.Context(), identify, "EnumKey", []byte(`<p:EnumKey_INPUT xmlns:p="`+identify.ResourceURI+`">`+
				`<p:hDefKey>2147483650</p:hDefKey><p:sSubKeyName>SOFTWARE</p:sSubKeyName></p:EnumKey_INPUT>`))
			return err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.action, func(t *testing.T) {
			var mu sync.Mutex
			sent := 0
			h, err := simulator.Start(t.Context(), simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 2, Packages: 5}}}, simulator.Options{
				Schemes: []simulator.Scheme{simulator.NTLM}, User: "sim", Password: "p",
				Strict: func(s simulator.Sin) { t.Error(s) },
				Misrelate: func(x simulator.Exchange) bool {
					mu.Lock()
					defer mu.Unlock()
					if strings.HasSuffix(x.Action, "/"+tt.action) {
						sent++
						return sent == 1
					}
					return false
				}})
			if err != nil {
				t.Fatal(err)
			}
			err = tt.do(retrying(t, h))
			if closeErr := h.Close(); closeErr != nil {
				t.Error(closeErr)
			}
			var failed *wsman.Error
			if tt.fails != errors.As(err, &failed) || tt.fails && (failed.Retry != tt.retry || !strings.Contains(err.Error(), "the answer relates to another request")) {
				t.Errorf("ended with %v", err)
			}
			if sent < tt.sent || tt.fails && sent != tt.sent {
				t.Errorf("sent %d times, want %d", sent, tt.sent)
			}
		})
	}
}

// retrying is a client that asks again.
func retrying(t *testing.T, h *simulator.Hierarchy) *wsman.Client {
	t.Helper()
	site := h.Sites()[0]
	transport, err := wsman.NewHTTP(wsman.HTTPOptions{URL: site.URL}, wsman.NTLM("sim", "", "p"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = transport.Close() })
	return wsman.NewClient(transport, wsman.Options{Endpoint: site.URL, Backoff: 1})
}

// refreshFirst puts RefreshNow on the first row of the site.
func refreshFirst(t *testing.T, c *wsman.Client) error {
	t.Helper()
	e := wsman.Enumeration{Namespace: "root/sms/site_PS1", Class: "SMS_DistributionPoint", Mode: wsman.EnumerateEPR}
	for item, err := range c.Enumerate(t.Context(), e) {
		if err != nil {
			return err
		}
		uri := item.EPR.ResourceURI
		_, err = c.Put(t.Context(), *item.EPR, []byte(`<p:SMS_DistributionPoint xmlns:p="`+uri+`"><p:RefreshNow>true</p:RefreshNow></p:SMS_DistributionPoint>`))
		return err
	}
	t.Error("the site has no row")
	return nil
}
