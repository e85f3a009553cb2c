package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// shells are those for which there is a completion script, by name.
func shells() map[string]func(root *cobra.Command, out io.Writer) error {
	return map[string]func(*cobra.Command, io.Writer) error{
		"bash":       bashCompletion,
		"zsh":        (*cobra.Command).GenZshCompletion,
		"fish":       func(root *cobra.Command, out io.Writer) error { return root.GenFishCompletion(out, true) },
		"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
	}
}

func newCompletion(g *globals) *cobra.Command {
	names := slices.Sorted(maps.Keys(shells()))
	return &cobra.Command{
		Use:   "completion " + strings.Join(names, "|"),
		Short: "Print a script that completes command lines in a shell",
		Long: `Print a script that has a shell complete dpremote's commands and flags, and the
values of flags: sites and groups from the inventory, states, formats, columns.
No site is asked for that, and no password is read.

Put the script where the shell looks for it, then begin a new shell:

  bash        ~/.local/share/bash-completion/completions/dpremote
              (with the package bash-completion)
  zsh         _dpremote in a directory of $fpath, before compinit runs
  fish        ~/.config/fish/completions/dpremote.fish
  powershell  a file that your $PROFILE runs

Or load it into this shell alone, as in "source <(dpremote completion bash)".
The deb and rpm packages bring the scripts for bash, zsh and fish.`,
		Example: `  dpremote completion bash > ~/.local/share/bash-completion/completions/dpremote
  dpremote completion zsh > ~/.zfunc/_dpremote
  dpremote completion fish > ~/.config/fish/completions/dpremote.fish
  dpremote completion powershell | Out-String | Invoke-Expression`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: names,
		RunE:      func(cmd *cobra.Command, args []string) error { return shells()[args[0]](cmd.Root(), g.app.out) },
	}
}

// bashCompletion writes cobra's script for bash, which escapes commas though it
// need not, and then finds that "PS1\,CAS" does not begin with "PS1,". Commas
// part our lists: they stay bare.
func bashCompletion(root *cobra.Command, out io.Writer) error {
	var generated strings.Builder
	if err := root.GenBashCompletionV2(&generated, true); err != nil {
		return err
	}
	script := generated.String()
	for escaped, bare := range map[string]string{
		`|| comp=$(printf "%q" "${compline%%$tab*}")`:          `comp=${comp//\\,/,}`,
		`COMPREPLY[0]=$(printf "%q" "${COMPREPLY[0]%%$tab*}")`: `COMPREPLY[0]=${COMPREPLY[0]//\\,/,}`,
		`COMPREPLY[0]=$(printf "%q" "${COMPREPLY[0]}")`:        `COMPREPLY[0]=${COMPREPLY[0]//\\,/,}`,
		`COMPREPLY -d '' < <(printf "%q\n" "${COMPREPLY[@]}")`: `COMPREPLY=("${COMPREPLY[@]//\\,/,}")`,
	} {
		if strings.Count(script, escaped) != 1 {
			return fmt.Errorf("write the script for bash: cobra's has changed, it lacks %s", escaped)
		}
		script = strings.Replace(script, escaped, escaped+"\n        "+bare, 1)
	}
	_, err := io.WriteString(out, script)
	return err
}
