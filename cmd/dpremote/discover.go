package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dpremote/internal/inventory"
	"dpremote/internal/report"
	"dpremote/queries"
)

func newDiscover(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "discover HOST",
		Short: "Write an inventory of the hierarchy that a server belongs to",
		Long: `Sign in to one site server, ask it for its hierarchy, and print an inventory of
the sites that have an SMS Provider. A central administration site knows them
all; a primary site knows itself. What you said on the command line about
signing in is written for all sites; a password never is.

With -o json and the like the sites are listed instead.`,
		Example: `  dpremote sites discover https://cas01.corp.example --auth kerberos --user svc-dpremote > inventory.yaml`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if g.host != "" {
				return usage("discover takes the server as its argument: leave out --host")
			}
			g.host = args[0]
			return runDiscover(cmd.Context(), g)
		},
	}
}

// discovered is a hierarchy as one of its servers shows it.
type discovered struct {
	member   *member
	location queries.Location
	sites    []queries.Site
}

func runDiscover(ctx context.Context, g *globals) error {
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	found := each(ctx, f, func(ctx context.Context, m *member) (discovered, error) {
		location, err := queries.Locate(ctx, m.Client)
		if err != nil {
			return discovered{}, err
		}
		sites, err := queries.Collect(queries.Sites(ctx, m.At(location.Namespace)))
		return discovered{m, location, sites}, err
	})
	if len(found) == 0 {
		return f.exit(exitInternal)
	}
	if g.format != string(report.Table) && g.format != string(report.Wide) {
		if err := listDiscovered(g, found[0]); err != nil {
			return err
		}
		return f.exit(exitOK)
	}
	if err := writeDiscovered(g, found[0]); err != nil {
		return err
	}
	return f.exit(exitOK)
}

func listDiscovered(g *globals, d discovered) error {
	out, err := report.New(g.app.out, g.reportOptions("sites-discover", discoverColumns()))
	if err != nil {
		return usage("%w", err)
	}
	for _, s := range d.sites {
		err := out.Row(s.SiteCode, s.SiteName, s.Type, orNil(string(s.ReportingSiteCode)), s.ServerName, s.Version, s.Status, s.Mode)
		if err != nil {
			return err
		}
	}
	return out.Close()
}

// discoverColumns are those of the formats for programs: a table is an
// inventory.
func discoverColumns() []report.Column {
	return []report.Column{
		{Name: "siteCode"}, {Name: "name"}, {Name: "type"}, {Name: "parent"}, {Name: "serverName"}, {Name: "version"}, {Name: "status"}, {Name: "mode"},
	}
}

// writeDiscovered prints the inventory. Secondary sites have no provider: their
// primary speaks for them.
func writeDiscovered(g *globals, d discovered) error {
	settings, err := g.writable()
	if err != nil {
		return err
	}
	var entries []inventory.Entry
	below := map[queries.SiteCode][]string{}
	for _, s := range d.sites {
		if s.Type == queries.SiteSecondary {
			below[s.ReportingSiteCode] = append(below[s.ReportingSiteCode], string(s.SiteCode))
		}
	}
	for _, s := range d.sites {
		if s.Type == queries.SiteSecondary {
			continue
		}
		entries = append(entries, inventory.Entry{
			Name: string(s.SiteCode), Comment: siteComment(s, below[s.SiteCode]),
			Settings: []inventory.Setting{{Key: "host", Value: d.hostOf(s)}, {Key: "site_code", Value: string(s.SiteCode)}},
		})
	}
	comment := fmt.Sprintf("Written by dpremote sites discover, as %s showed it.", oneLine(d.member.URL))
	if !hasPassword(settings) {
		comment += "\nSay where the password comes from: password_command, password_file or password_env."
	}
	return inventory.Write(g.app.out, comment, settings, entries)
}

func siteComment(s queries.Site, secondaries []string) string {
	text := fmt.Sprintf("%s, %s", oneLine(s.SiteName), s.Type)
	if s.ReportingSiteCode != "" {
		text += " below " + string(s.ReportingSiteCode)
	}
	if len(secondaries) > 0 {
		text += "; speaks for " + strings.Join(secondaries, ", ")
	}
	return text
}

// hostOf is where a site is reached: as it was asked for the server itself,
// and in the same way by its server's name for the others.
func (d discovered) hostOf(s queries.Site) string {
	asked := d.member.Site
	if s.SiteCode == d.location.Site {
		return hostOf(asked)
	}
	other := asked
	other.Host = s.ServerName
	return hostOf(other)
}

// writable are the settings of the command line that belong into an inventory,
// files by their whole path.
func (g *globals) writable() ([]inventory.Setting, error) {
	var settings []inventory.Setting
	var problem error
	g.changed.Visit(func(f *pflag.Flag) {
		key, ok := settingFlags[f.Name]
		if !ok {
			return
		}
		value := f.Value.String()
		if strings.HasSuffix(key, "_file") && problem == nil {
			value, problem = filepath.Abs(value)
		}
		settings = append(settings, inventory.Setting{Key: key, Value: value, From: "--" + f.Name})
	})
	return settings, problem
}

func hasPassword(settings []inventory.Setting) bool {
	for _, s := range settings {
		if strings.HasPrefix(s.Key, "password_") || s.Key == "auth" && (s.Value == "kerberos" || s.Value == "certificate") {
			return true
		}
	}
	return false
}
