package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"dpremote/internal/report"
)

// version is set by the linker for a release.
var version string

func newVersion(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version",
		Example: "  dpremote version -o json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			out, err := report.New(g.app.out, g.reportOptions("version", versionColumns()))
			if err != nil {
				return usage("%w", err)
			}
			if err := out.Row(versionText(), runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH); err != nil {
				return err
			}
			return out.Close()
		},
	}
}

func versionColumns() []report.Column {
	return []report.Column{
		{Name: "version", Title: "VERSION"}, {Name: "go", Title: "GO"}, {Name: "platform", Title: "PLATFORM"},
	}
}

// versionText is the release, or the commit that a build was made from.
func versionText() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel " + s.Value[:min(len(s.Value), 12)]
		}
	}
	return "devel"
}
