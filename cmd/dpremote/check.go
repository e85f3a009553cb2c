package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dpremote/cim"
	"dpremote/internal/connect"
	"dpremote/internal/report"
	"dpremote/queries"
	"dpremote/wsman"
)

func newSitesCheck(g *globals) *cobra.Command {
	o := &verdictFlags{}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check that each site answers, lets us in and has an SMS Provider",
		Long: `Check each site step by step: does a WS-Man server answer, does it take our
credentials, where is the SMS Provider, which site is it, what may this account
read. The first step that fails is named with what to do about it. Nothing is
changed.

Whether the account may refresh cannot be told without trying: the provider
shows what an account may read, and decides about a Put only when it is made.`,
		Example: `  dpremote sites check
  dpremote sites check --site 'PS*' -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSitesCheck(cmd.Context(), g, o) },
	}
	o.register(cmd.Flags(), "a step of its check")
	return cmd
}

// The steps of a check, in their order.
const (
	stepReach    = "reach"
	stepSignIn   = "sign in"
	stepProvider = "find the provider"
	stepRead     = "read the site"
)

// checkResult is what a check of one site found, as far as it got.
type checkResult struct {
	member              *member
	reachable, signedIn bool
	known               bool // the site has been read
	identity            wsman.Identity
	site                queries.Site
	machines            string
	reads               map[string]string
	quotas              quotas
	step                string // that failed; empty when all went well
	err                 error
	advice              string
}

func runSitesCheck(ctx context.Context, g *globals, o *verdictFlags) error {
	out, err := report.New(g.app.out, g.reportOptions("sites-check", checkColumns()))
	if err != nil {
		return usage("%w", err)
	}
	judge, err := o.open(g, "sites check")
	if err != nil {
		return err
	}
	defer judge.discard()
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
	for _, m := range f.members {
		judge.steps(m, results[m.Name])
		if err := out.Row(checkValues(m, results[m.Name])...); err != nil {
			return err
		}
	}
	f.addErrors(out)
	if err := out.Close(); err != nil {
		return err
	}
	if err := judge.close(ctx, f); err != nil {
		return err
	}
	return f.exit(exitOK)
}

func checkColumns() []report.Column {
	return []report.Column{
		{Name: "site", Title: "NAME"}, {Name: "url", Title: "URL", Minor: 2}, {Name: "reachable", Title: "REACHABLE", Color: stateColor},
		{Name: "signIn", Title: "SIGN-IN", Color: stateColor}, {Name: "scheme", Title: "SCHEME", Minor: 3}, {Name: "protected", Title: "PROTECTED BY", Color: stateColor, Minor: 3},
		{Name: "provider", Title: "PROVIDER", Minor: 1}, {Name: "siteCode", Title: "CODE", Minor: 3}, {Name: "type", Title: "TYPE", Minor: 3}, {Name: "version", Title: "VERSION", Minor: 3},
		{Name: "reads", Title: "READS", Minor: 1}, {Name: "clockSeconds", Title: "CLOCK", Right: true, Minor: 3},
		{Name: "product", Title: "PRODUCT", Wide: true}, {Name: "namespace", Title: "NAMESPACE", Wide: true}, {Name: "serverName", Title: "SITE SERVER", Wide: true},
		{Name: "mode", Title: "MODE", Wide: true}, {Name: "rights", Title: "RIGHTS", Wide: true}, {Name: "quotas", Title: "QUOTAS", Wide: true},
		{Name: "failed", Title: "FAILED AT"}, {Name: "advice", Title: "WHAT TO DO"},
	}
}

func checkValues(m *member, r checkResult) []any {
	if r.member == nil { // it could not even be opened
		values := []any{m.Name, hostOf(m.Site)}
		for range len(checkColumns()) - len(values) - 2 {
			values = append(values, nil)
		}
		return append(values, "not checked", "see the error")
	}
	values := []any{m.Name, m.URL, yesNo(r.reachable), yesNo(r.signedIn), m.Scheme, m.protectedBy(), orNil(r.machines), orNil(m.Code)}
	site := []any{nil, nil}
	server := []any{nil, nil}
	if r.known {
		values[len(values)-1] = r.site.SiteCode
		site = []any{r.site.Type, r.site.Version}
		server = []any{r.site.ServerName, r.site.Mode}
	}
	values = append(values, site...)
	values = append(values, orNil(r.readSummary()), clockSeconds(m.Client), orNil(r.identity.ProductVersion), orNil(m.Session.Namespace))
	values = append(values, server...)
	return append(values, orNil(r.readDetail()), orNil(r.quotas.String()), orNil(r.step), orNil(r.advice))
}

// protectedBy says what keeps others from reading along.
func (m *member) protectedBy() string {
	switch {
	case strings.HasPrefix(m.URL, "https:"):
		return "TLS"
	case m.Sealed:
		return "sealing"
	}
	return "nothing"
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// checkSite goes step by step until one fails. What is only nice to know stops
// nothing.
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
		return fail(stepReach, reachAdvice(err), err)
	}
	r.reachable = true
	var err error
	if r.identity, err = m.Client.Identify(ctx, false); err != nil {
		return fail(stepSignIn, signInAdvice(err), err)
	}
	r.signedIn = true
	location, err := queries.Locate(ctx, m.Client)
	if err != nil {
		return fail(stepProvider, "check that the host is a site server (not a secondary site's), and that the account may read root\\sms there (local group SMS Admins)", err)
	}
	r.machines = strings.Join(location.Machines, ", ")
	if m.Session.Namespace == "" {
		m.Session.Namespace = location.Namespace
	}
	if r.site, err = ownSite(ctx, m, location.Site); err != nil {
		return fail(stepRead, "check site_code and the account's rights: "+string(location.Site)+" is the server's own site", err)
	}
	r.known = true
	r.reads = readable(ctx, m.Session)
	r.quotas = readQuotas(ctx, m.Client)
	if r.site.Mode != queries.SiteModeNormal {
		r.advice = fmt.Sprintf("the site is in maintenance (%s): do not refresh now", r.site.Mode)
	}
	return r, ctx.Err()
}

// ownSite is the site's own row of SMS_Site.
func ownSite(ctx context.Context, m *member, server queries.SiteCode) (queries.Site, error) {
	if code := m.Code; code != "" && !strings.EqualFold(code, string(server)) {
		return queries.Site{}, fmt.Errorf("%w: the inventory says site %s, the server belongs to %s", connect.ErrSettings, code, server)
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

// checkedClasses are the classes that dpremote reads at a site.
func checkedClasses() []string {
	return []string{
		"SMS_PackageStatusDistPointsSummarizer", "SMS_DistributionPoint", "SMS_DistributionPointInfo", "SMS_DistributionDPStatus",
		"SMS_DistributionJob", "SMS_ObjectContentExtraInfo", "SMS_StatMsgWithInsStrings",
	}
}

// readable says of each class whether the account may read it: yes, no, or
// nothing, which may mean that there is nothing or that there are no rights.
func readable(ctx context.Context, s *cim.Session) map[string]string {
	out := map[string]string{}
	for _, class := range checkedClasses() {
		out[class] = "nothing"
		for _, err := range s.Rows(ctx, wsman.Enumeration{Class: class, Mode: wsman.EnumerateEPR, MaxElements: 1}) {
			out[class] = "yes"
			if err != nil {
				out[class] = "no"
			}
			break // one is enough
		}
	}
	return out
}

func (r checkResult) readSummary() string {
	if r.reads == nil {
		return ""
	}
	n := 0
	for _, answer := range r.reads {
		if answer == "yes" {
			n++
		}
	}
	return fmt.Sprintf("%d of %d", n, len(r.reads))
}

func (r checkResult) readDetail() string {
	if r.reads == nil {
		return ""
	}
	var parts []string
	for _, class := range checkedClasses() {
		parts = append(parts, "reads "+class+": "+r.reads[class])
	}
	return strings.Join(append(parts, "refreshes: not known without trying"), "; ")
}

// clockSeconds is how far the server's clock is ahead, in whole seconds.
func clockSeconds(c *wsman.Client) any {
	offset, ok := c.ClockOffset()
	if !ok {
		return nil
	}
	return int64(offset.Round(time.Second) / time.Second)
}

// quotas are the limits of a WinRM service (MS-WSMV section 2.2.4.8).
type quotas struct {
	envelopeKB, batchItems, operations uint64
	read                               bool // or else they are the defaults
}

func (q quotas) String() string {
	switch {
	case q.envelopeKB == 0:
		return ""
	case !q.read:
		return fmt.Sprintf("envelope %d KB, batch %d, operations %d (defaults: the account may not read winrm/config)", q.envelopeKB, q.batchItems, q.operations)
	}
	return fmt.Sprintf("envelope %d KB, batch %d, operations %d", q.envelopeKB, q.batchItems, q.operations)
}

// readQuotas asks for the service's settings, which takes an administrator.
func readQuotas(ctx context.Context, c *wsman.Client) quotas {
	defaults := quotas{envelopeKB: 500, batchItems: 32000, operations: 1500}
	item, err := c.Get(ctx, wsman.EPR{ResourceURI: wsman.ConfigURI})
	if err != nil {
		return defaults
	}
	config, err := cim.ReadInstance(item.Scanner())
	if err != nil {
		return defaults
	}
	q := quotas{read: true}
	q.envelopeKB = number(config, "MaxEnvelopeSizekb", defaults.envelopeKB)
	q.batchItems = number(config, "MaxBatchItems", defaults.batchItems)
	if service, ok := config.Get("Service"); ok && service.Instance() != nil {
		q.operations = number(service.Instance(), "MaxConcurrentOperationsPerUser", defaults.operations)
	}
	return q
}

func number(i *cim.Instance, name string, otherwise uint64) uint64 {
	v, _ := i.Get(name)
	if n, err := strconv.ParseUint(v.Text(), 10, 64); err == nil {
		return n
	}
	return otherwise
}

func reachAdvice(err error) string {
	var transport *wsman.TransportError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return "trust the server's certificate: name its authority in ca_file, or the certificate in tls_fingerprint (see the error)"
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
