package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dpremote/distribution"
	"dpremote/internal/history"
	"dpremote/internal/inventory"
	"dpremote/internal/report"
	"dpremote/queries"
	"dpremote/simulator"
)

// Here is what a shell is told when somebody presses the key for completion in
// the value of a flag or in an argument. The inventory is the only file that is
// read for it, no site is asked, and what goes wrong gives no completions
// rather than a message in the middle of a line.

// complete gives each flag and argument of a tree of commands its completion.
// What is not in the tables has none, not even names of files.
func (g *globals) complete(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	flags, arguments := g.flagCompletions(), argumentCompletions()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if values, ok := flags[f.Name]; ok && values != nil {
				// It fails for a flag that is not there or has one already.
				_ = cmd.RegisterFlagCompletionFunc(f.Name, values)
			}
		})
		if values, ok := arguments[cmd.Name()]; ok {
			cmd.ValidArgsFunction = values
		}
		for _, below := range cmd.Commands() {
			walk(below)
		}
	}
	walk(root)
}

// flagCompletions are the completions of flags' values, by the flags' names: a
// name means the same with every command. Every flag whose value is a text is
// here, with nil where anything may stand.
func (g *globals) flagCompletions() map[string]cobra.CompletionFunc {
	anyFile, directory := files(), completeWith(cobra.ShellCompDirectiveFilterDirs)
	return map[string]cobra.CompletionFunc{
		"site": listOf("site", g.siteNames), "exclude": listOf("exclude", g.siteNames), "group": listOf("group", g.groupNames),
		"output": oneOf(texts(report.Formats())...), "color": oneOf("auto", "always", "never"),
		"columns": listOf("columns", columnNames), "sort": completeSort,
		"auth":   oneOf(texts([]inventory.Auth{inventory.Negotiate, inventory.Kerberos, inventory.NTLM, inventory.Basic, inventory.Certificate})...),
		"schema": oneOf(texts([]inventory.Schema{inventory.WMI, inventory.DMTF})...),

		"state":   listOf("state", fixed(append(words(queries.States()), "unhealthy", "all")...)),
		"fail-on": listOf("fail-on", fixed(findingWords()...)),
		"type":    listOf("type", fixed(words(queries.PackageTypes())...)),
		"outcome": listOf("outcome", fixed(hyphened(texts(history.Outcomes()))...)),
		"level":   oneOf("root", "site", "dp"),
		"mode":    oneOf("auto", "poll", "events"),
		"order":   oneOf(texts([]distribution.Order{distribution.OrderSmall, distribution.OrderLarge, distribution.OrderOld, distribution.OrderList})...),
		"put":     oneOf(texts([]distribution.PutMode{distribution.PutAuto, distribution.PutPartial, distribution.PutFull})...),
		"sign-in": listOf("sign-in", fixed(texts(simulator.Schemes())...)),
		"fault":   completeFault,

		"junit": anyFile, "annotate": oneOf(annotateNone, annotateAuto, annotateGitHub, annotateGitLab, annotateGitLab+"="),

		"namespace": oneOf("root/cimv2", "root/sms"),
		"key":       keyArguments, "set": setArguments, "null": nullArguments,

		"inventory": files("yaml", "yml"), "out": anyFile, "prom": anyFile, "web-config": files("yml", "yaml"), "write": anyFile, "history": anyFile, "trace-dir": directory,
		"ca-file": anyFile, "client-cert": anyFile, "client-key": anyFile, "password-file": anyFile,
		"keytab": anyFile, "kerberos-keytab": anyFile, "kerberos-ccache": anyFile, "krb5-conf": anyFile,

		"host": nil, "site-code": nil, "user": nil, "password-env": nil, "password-command": nil, "shard": nil,
		"kerberos-realm": nil, "kerberos-kdc": nil, "kerberos-spn": nil, "tls-server-name": nil, "tls-fingerprint": nil,
		"dp": nil, "package": nil, "dp-group": nil, "since": nil, "prune": nil, "resume": nil, "clear-retry": nil,
		"context-id": nil, "listen": nil, "latency": nil, "log-dir": nil, // on the server
	}
}

// argumentCompletions are the completions of arguments, by command. Those that
// have a few words alone are cobra's ValidArgs.
func argumentCompletions() map[string]cobra.CompletionFunc {
	return map[string]cobra.CompletionFunc{"get": instanceArguments, "put": instanceArguments, "invoke": instanceArguments}
}

// completeWith completes with what a shell knows itself.
func completeWith(directive cobra.ShellCompDirective) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return nil, directive
	}
}

// files completes names of files, those with one of the endings where some are
// given.
func files(endings ...string) cobra.CompletionFunc {
	if len(endings) == 0 {
		return completeWith(cobra.ShellCompDirectiveDefault)
	}
	return cobra.FixedCompletions(endings, cobra.ShellCompDirectiveFilterFileExt)
}

// oneOf completes one of a few words, in their order.
func oneOf(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return beginning(begun, words), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// wordsFor are the words that may stand in a list of a command.
type wordsFor func(*cobra.Command) []cobra.Completion

func fixed(words ...string) wordsFor {
	return func(*cobra.Command) []cobra.Completion { return words }
}

// listOf completes the last word of a comma list, with what is neither in it nor
// in the lists of the same flag before it.
func listOf(flag string, candidates wordsFor) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var there []string
		if cmd.Flags().Changed(flag) { // or it is the default
			there, _ = cmd.Flags().GetStringSlice(flag)
		}
		before, last := cutLast(begun)
		there = append(there, commas([]string{before})...)
		var out []cobra.Completion
		for _, candidate := range beginning(last, candidates(cmd)) {
			word, _, _ := strings.Cut(candidate, "\t")
			if !slices.ContainsFunc(there, func(s string) bool { return strings.EqualFold(s, word) }) {
				out = append(out, before+candidate)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// cutLast parts a comma list before its last word.
func cutLast(list string) (before, last string) {
	i := strings.LastIndexByte(list, ',') + 1
	return list[:i], list[i:]
}

// beginning are the words that begin so, in whatever case.
func beginning(begun string, words []cobra.Completion) []cobra.Completion {
	var out []cobra.Completion
	for _, w := range words {
		if len(w) >= len(begun) && strings.EqualFold(w[:len(begun)], begun) {
			out = append(out, w)
		}
	}
	return out
}

// known is the inventory where there is one that can be read.
func (g *globals) known() *inventory.Inventory {
	inv, err := g.load()
	if err != nil {
		return &inventory.Inventory{}
	}
	return inv
}

// siteNames are the names of the inventory's sites, with where they are.
func (g *globals) siteNames(*cobra.Command) []cobra.Completion {
	var out []cobra.Completion
	for _, s := range g.known().Sites() {
		out = append(out, cobra.CompletionWithDesc(s.Name, hostOf(s)))
	}
	return out
}

// groupNames are the names of the inventory's groups.
func (g *globals) groupNames(*cobra.Command) []cobra.Completion {
	var out []cobra.Completion
	for _, group := range g.known().Groups() {
		out = append(out, cobra.CompletionWithDesc(group.Name, count(len(group.Sites), "site", "sites")))
	}
	return out
}

// completeSort completes columns to sort by, which have - before them once one
// has been typed.
func completeSort(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	sign := ""
	if _, last := cutLast(begun); strings.HasPrefix(last, "-") {
		sign = "-"
	}
	return listOf("sort", func(cmd *cobra.Command) []cobra.Completion {
		names := columnNames(cmd)
		for i := range names {
			names[i] = sign + names[i]
		}
		return names
	})(cmd, args, begun)
}

// columnNames are the names of the columns that a command prints.
func columnNames(cmd *cobra.Command) []cobra.Completion {
	has := func(flag, value string) bool {
		f := cmd.Flags().Lookup(flag)
		return f != nil && f.Value.String() == value
	}
	outcomes := !has("dry-run", "true")
	var columns []report.Column
	switch cmd.Name() {
	case "sites":
		columns = sitesColumns()
	case "check":
		columns = checkColumns()
	case "discover":
		columns = discoverColumns()
	case "dps":
		columns = dpsColumns()
	case "status":
		columns = map[string][]report.Column{"root": statusRootColumns(), "site": statusSiteColumns(), "dp": statusDPColumns()}[cmd.Flag("level").Value.String()]
	case "diagnose":
		columns = diagnosisColumns()
	case "refresh":
		if columns = planColumns(); outcomes {
			columns = outcomeColumns(false)
		}
	case "update":
		columns = updateColumns(outcomes)
	case "validate", "cancel":
		columns = rowActionColumns(outcomes)
	case "watch":
		columns = watchColumns()
	case "logs":
		columns = logColumns()
	case "history":
		if columns = actColumns(); has("runs", "true") {
			columns = runColumns()
		}
	case "version":
		columns = versionColumns()
	}
	var names []cobra.Completion
	for _, c := range columns {
		names = append(names, c.Name)
	}
	return names
}

// completeFault completes the last NAME=VALUE of a fault.
func completeFault(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before, last := cutLast(begun)
	values := map[string][]string{"fault": texts(simulator.FaultKinds()), "action": texts(simulator.Actions()), "done": {"true"},
		"site": nil, "class": nil, "skip": nil, "count": nil, "probability": nil, "seed": nil, "for": nil, "retry-after": nil}
	if name, value, ok := strings.Cut(last, "="); ok {
		return prefixed(before+name+"=", beginning(value, values[name])), cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for name := range values {
		if !strings.Contains(","+before, ","+name+"=") {
			names = append(names, name+"=")
		}
	}
	slices.Sort(names)
	return prefixed(before, beginning(last, names)), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// instanceArguments completes a class and then the keys of its instances.
func instanceArguments(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		var names []string
		for _, c := range queries.All() {
			names = append(names, c.Name)
		}
		slices.Sort(names)
		return beginning(begun, slices.Compact(names)), cobra.ShellCompDirectiveNoFileComp
	}
	if cmd.Name() == "invoke" { // its arguments are a method and its parameters
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return keyArguments(cmd, args, begun)
}

// keyArguments completes KEY= of the class that is the first argument.
func keyArguments(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	class, rest := classOf(args)
	var keys []string
	for _, key := range class.Keys {
		if !slices.ContainsFunc(rest, func(arg string) bool { return strings.HasPrefix(arg, key+"=") }) {
			keys = append(keys, key+"=")
		}
	}
	return beginning(begun, keys), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// setArguments completes PROPERTY= of the class that is the first argument.
func setArguments(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []string
	for _, name := range properties(args) {
		names = append(names, name+"=")
	}
	return beginning(begun, names), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// nullArguments completes a property of the class that is the first argument.
func nullArguments(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return beginning(begun, properties(args)), cobra.ShellCompDirectiveNoFileComp
}

// classOf is the class that the first argument names, and the other arguments.
func classOf(args []string) (queries.Class, []string) {
	if len(args) == 0 {
		return queries.Class{}, nil
	}
	class, _ := queries.ClassNamed(args[0])
	return class, args[1:]
}

// properties are the properties, keys left out, of the class that the first
// argument names.
func properties(args []string) []string {
	class, _ := classOf(args)
	var names []string
	for _, p := range class.Properties {
		if !slices.Contains(class.Keys, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

func prefixed(prefix string, words []string) []cobra.Completion {
	out := make([]cobra.Completion, len(words))
	for i, w := range words {
		out[i] = prefix + w
	}
	return out
}

// texts are named strings as strings.
func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// words are the words of values, as one types them: removal-failed, updating.
func words[T interface{ String() string }](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		word, _, _ := strings.Cut(v.String(), " (")
		out[i] = strings.ToLower(word)
	}
	return hyphened(out)
}

func hyphened(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strings.ReplaceAll(w, " ", "-")
	}
	return out
}
