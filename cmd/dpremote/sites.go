package main

import (
	"github.com/spf13/cobra"

	"dpremote/internal/inventory"
	"dpremote/internal/report"
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
	cmd.AddCommand(newSitesCheck(g), newDiscover(g))
	return cmd
}

func runSites(g *globals) error {
	sites, _, err := g.selected()
	if err != nil {
		return err
	}
	out, err := report.New(g.app.out, g.reportOptions("sites", sitesColumns()))
	if err != nil {
		return usage("%w", err)
	}
	for _, s := range g.share(sites) {
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

func sitesColumns() []report.Column {
	return []report.Column{
		{Name: "site", Title: "NAME"}, {Name: "siteCode", Title: "CODE"}, {Name: "host", Title: "HOST"},
		{Name: "auth", Title: "AUTH", Minor: 2}, {Name: "user", Title: "USER", Minor: 2}, {Name: "groups", Title: "GROUPS", Minor: 1},
		{Name: "schema", Title: "SCHEMA", Wide: true}, {Name: "namespace", Title: "NAMESPACE", Wide: true},
		{Name: "connections", Title: "CONNECTIONS", Wide: true, Right: true}, {Name: "passwordFrom", Title: "PASSWORD FROM", Wide: true},
	}
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
