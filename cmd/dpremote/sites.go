package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"dpremote/internal/inventory"
	"dpremote/internal/report"
	"dpremote/queries"
	"dpremote/wsman"
)

func newSites(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sites",
		Short: "List the sites of the inventory",
		Example: `  dpremote sites
  dpremote sites --group emea -o wide
  dpremote sites check`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runSites(g) },
	}
	cmd.AddCommand(newDiscover(g), &cobra.Command{
		Use:   "check",
		Short: "Check that each site answers, lets us in and has an SMS Provider",
		Long: `Check each site step by step: does a WS-Man server answer, does it take our
credentials, is the namespace there, which site is it. The first step that fails
is named with what to do about it. Nothing is changed.`,
		Example: `  dpremote sites check
  dpremote sites check --site 'PS*' -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSitesCheck(cmd.Context(), g) },
	})
	return cmd
}

func runSites(g *globals) error {
	sites, _, err := g.selected()
	if err != nil {
		return err
	}
	out, err := report.New(g.app.out, g.reportOptions("sites", []report.Column{
		{Name: "site", Title: "NAME"}, {Name: "siteCode", Title: "CODE"}, {Name: "host", Title: "HOST"},
		{Name: "auth", Title: "AUTH"}, {Name: "user", Title: "USER"}, {Name: "groups", Title: "GROUPS"},
		{Name: "schema", Title: "SCHEMA", Wide: true}, {Name: "namespace", Title: "NAMESPACE", Wide: true},
		{Name: "connections", Title: "CONNECTIONS", Wide: true, Right: true}, {Name: "passwordFrom", Title: "PASSWORD FROM", Wide: true},
	}))
	if err != nil {
		return usage("%w", err)
	}
	for _, s := range sites {
		password := any(nil)
		if !s.Password.IsZero() {
			password = s.Password.String()
		}
		err := out.Row(s.Name, orNil(s.Code), hostOf(s), authOf(s), orNil(userOf(s)), s.Groups,
			string(s.Schema), orNil(s.Namespace), s.Connections, password)
		if err != nil {
			return err
		}
	}
	return out.Close()
}

func hostOf(s inventory.Site) string {
	switch {
	case s.Simulate != nil:
		return "simulated"
	case s.TLS:
		return "https://" + s.Address()
	}
	return "http://" + s.Address()
}

func authOf(s inventory.Site) any {
	if s.Simulate != nil {
		return nil
	}
	return string(s.Auth)
}

func userOf(s inventory.Site) string {
	if s.Domain != "" && s.User != "" {
		return s.Domain + `\` + s.User
	}
	return s.User
}

// checkResult is what a check of one site found, as far as it got.
type checkResult struct {
	member                      *member
	reachable, signedIn, rights bool
	product                     string
	site                        queries.Site
	provider                    string
	step                        string // that failed; empty when all went well
	err                         error
	advice                      string
}

func runSitesCheck(ctx context.Context, g *globals) error {
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	results := map[string]checkResult{}
	for _, r := range each(ctx, f, checkSite) {
		results[r.member.Name] = r
		if r.err != nil {
			f.fail(r.member.Name, r.err)
		}
	}
	out, err := report.New(g.app.out, g.reportOptions("sites-check", []report.Column{
		{Name: "site", Title: "NAME"}, {Name: "url", Title: "URL"}, {Name: "reachable", Title: "REACHABLE", Color: stateColor},
		{Name: "signIn", Title: "SIGN-IN", Color: stateColor}, {Name: "scheme", Title: "SCHEME"}, {Name: "provider", Title: "PROVIDER"}, {Name: "siteCode", Title: "CODE"},
		{Name: "type", Title: "TYPE"}, {Name: "version", Title: "VERSION"}, {Name: "product", Title: "PRODUCT", Wide: true},
		{Name: "serverName", Title: "SITE SERVER", Wide: true}, {Name: "mode", Title: "MODE", Wide: true},
		{Name: "failed", Title: "FAILED AT"}, {Name: "advice", Title: "WHAT TO DO"},
	}))
	if err != nil {
		return usage("%w", err)
	}
	for _, m := range f.members {
		if err := out.Row(checkValues(m, results[m.Name])...); err != nil {
			return err
		}
	}
	f.addErrors(out)
	if err := out.Close(); err != nil {
		return err
	}
	return f.exit(exitOK)
}

func checkValues(m *member, r checkResult) []any {
	if r.member == nil { // it could not even be opened
		return []any{m.Name, hostOf(m.Site), "no", "no", nil, nil, orNil(m.Code), nil, nil, nil, nil, nil, "open", "see the error"}
	}
	values := []any{m.Name, m.URL, yesNo(r.reachable), yesNo(r.signedIn), m.Scheme, orNil(r.provider)}
	if r.rights {
		values = append(values, r.site.SiteCode, r.site.Type, r.site.Version)
	} else {
		values = append(values, orNil(m.Code), nil, nil)
	}
	values = append(values, orNil(r.product))
	if r.rights {
		values = append(values, r.site.ServerName, r.site.Mode)
	} else {
		values = append(values, nil, nil)
	}
	return append(values, orNil(r.step), orNil(r.advice))
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// checkSite goes step by step until one fails.
func checkSite(ctx context.Context, m *member) (checkResult, error) {
	r := checkResult{member: m}
	fail := func(step, advice string, err error) (checkResult, error) {
		if isInterrupt(err) {
			return r, err
		}
		r.step, r.advice, r.err = step, advice, err
		return r, nil
	}
	if _, err := m.Client.Identify(ctx, true); err != nil && !errors.Is(err, wsman.ErrUnauthorized) {
		return fail("reach", reachAdvice(err), err)
	}
	r.reachable = true
	id, err := m.Client.Identify(ctx, false)
	if err != nil {
		return fail("sign in", signInAdvice(err), err)
	}
	r.signedIn, r.product = true, id.ProductVersion
	location, err := queries.Locate(ctx, m.Client)
	if err != nil {
		return fail("find the provider", "check that the host is a site server (not a secondary site's), and that the account may read root\\sms there (local group SMS Admins)", err)
	}
	r.provider = strings.Join(location.Machines, ", ")
	if m.Session.Namespace == "" {
		m.Session.Namespace = location.Namespace
	}
	r.site, err = ownSite(ctx, m, location.Site)
	if err != nil {
		return fail("read the site", "check site_code and the account's rights: "+string(location.Site)+" is the server's own site", err)
	}
	r.rights = true
	return r, nil
}

// ownSite is the site's own row of SMS_Site.
func ownSite(ctx context.Context, m *member, server queries.SiteCode) (queries.Site, error) {
	if code := m.Code; code != "" && !strings.EqualFold(code, string(server)) {
		return queries.Site{}, fmt.Errorf("the inventory says site %s, the server belongs to %s", code, server)
	}
	for s, err := range queries.Sites(ctx, m.Session) {
		if err != nil {
			return queries.Site{}, err
		}
		if strings.EqualFold(string(s.SiteCode), string(server)) {
			return s, nil
		}
	}
	return queries.Site{}, fmt.Errorf("site %s is not among the sites that the account may read", server)
}

func reachAdvice(err error) string {
	var transport *wsman.TransportError
	switch {
	case errors.Is(err, wsman.ErrNotWSMan), errors.Is(err, wsman.ErrUnsealed):
		return "check host, port and that WinRM listens there (winrm quickconfig)"
	case errors.As(err, &transport):
		return "check the name, the port (5985 for http, 5986 for https) and the firewall"
	}
	return "see the error"
}

func signInAdvice(err error) string {
	switch {
	case errors.Is(err, wsman.ErrUnauthorized):
		return "check user and password, and that the server allows this scheme (winrm get winrm/config/service/auth)"
	case errors.Is(err, wsman.ErrUnsealed):
		return "use https, or a scheme that seals"
	case errors.Is(err, wsman.ErrAccessDenied):
		return "the account needs Remote Management Users or Administrators on the server"
	}
	return "see the error"
}
