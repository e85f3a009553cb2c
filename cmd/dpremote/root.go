package main

import (
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"dpremote/internal/report"
)

// newRoot is the tree of commands.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "dpremote",
		Short: "Resend failed content of Configuration Manager, from anywhere",
		Long: `dpremote finds content that Configuration Manager failed to copy to distribution
points, says why, sends it again and waits until it has arrived. It speaks
WS-Management (WinRM) to the site servers of an inventory file and needs neither
Windows nor an agent.`,
		Example: `  dpremote sites check
  dpremote status --level dp --state failed
  dpremote refresh --dry-run`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		// How many letters may be wrong for a suggestion.
		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
	}
	g := &globals{app: a}
	g.register(root.PersistentFlags())
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Name() == cobra.ShellCompRequestCmd {
			return nil // it runs no command, and must not stumble over the environment
		}
		g.changed = cmd.Flags()
		g.record = newRecorder(g, cmd, args)
		return g.prepare()
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w (see '%s --help')", err, cmd.CommandPath())
	})
	root.AddCommand(
		newSites(g), newDPs(g), newStatus(g), newDiagnose(g), newRefresh(g), newWatch(g),
		newUpdate(g), newValidate(g), newCancel(g), newLogs(g),
		newReport(g), newExporter(g), newQuery(g), newGet(g), newPut(g), newInvoke(g), newHistory(g),
		newSim(g), newCompletion(g), newVersion(g),
	)
	checkArguments(root)
	g.complete(root)
	root.SetUsageTemplate(wrapFlags(root.UsageTemplate(), a.helpWidth()))
	root.SetHelpTemplate(root.HelpTemplate() + "\n" + exitHelp + "\n")
	return root
}

// unknownCommand is what the root does: help, or an error for a command that
// is none.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return root.Help()
	}
	hint := ""
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usage("unknown command %q%s (see 'dpremote --help')", args[0], hint)
}

// checkArguments makes wrong arguments usage errors with a pointer to the
// help, for each command of a tree.
func checkArguments(cmd *cobra.Command) {
	check := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return usage("%w (see '%s --help')", err, cmd.CommandPath())
		}
		return nil
	}
	for _, c := range cmd.Commands() {
		checkArguments(c)
	}
}

// prepare sets up what every command needs.
func (g *globals) prepare() error {
	if err := g.fromEnvironment(); err != nil {
		return err
	}
	g.app.guardActions(report.Format(g.format))
	if g.debug {
		g.app.log.SetLevel(logrus.DebugLevel)
	}
	return g.checkFlags()
}

// commas splits a comma list.
func commas(list []string) []string {
	var out []string
	for _, s := range list {
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}
