package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dpremote/internal/htmlreport"
)

// reportOptions are the flags of report.
type reportOptions struct {
	filterFlags
	out string
}

func newReport(g *globals) *cobra.Command {
	o := &reportOptions{}
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write a report as one HTML file",
		Long: `Write what the sites show as one HTML file, which needs no network and no other
file: how each site is, why content is not installed and what to do, what a
refresh would send again, a map of packages and distribution points that can be
zoomed and moved in by keyboard, lists that can be filtered and sorted, and how
the number of failures went, as far as the history of this machine tells. The
data stands in the file as JSON, for reuse.

All rows are read, in all states; --state and the others leave out the rest. The
plan is that of "refresh --dry-run" with the same flags. Sites that do not
answer stand at the top of the report with their errors, and the exit status is
4. The file is replaced when the new one is whole; an interrupted run leaves the
old one. It names servers and packages, so a new file is for its owner alone;
one that is replaced keeps its permissions.`,
		Example: `  dpremote report --out report.html
  dpremote report --site PS1 --package 'PS1*' --out ps1.html
  dpremote report --state unhealthy,stale --out - >report.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runReport(cmd.Context(), g, o, cmd.Flags()) },
	}
	o.register(cmd.Flags(), "default: all")
	cmd.Flags().StringVar(&o.out, "out", "", "file to write, or - for standard output")
	return cmd
}

func runReport(ctx context.Context, g *globals, o *reportOptions, flags *pflag.FlagSet) error {
	if o.out == "" {
		return usage("say where to write the report: --out FILE, or --out - for standard output")
	}
	if !g.shard.IsZero() {
		return usage("--shard: a report brings the sites together, so run it once, for all of them")
	}
	filter, err := o.filter(g.app.now())
	if err != nil {
		return err
	}
	rules, err := reportRules(g)
	if err != nil {
		return err
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	// Before the sites are asked, not when it is too late.
	out, err := openOut("--out", o.out, forOwner, g.app.out)
	if err != nil {
		return err
	}
	defer out.discard()
	surveys := each(ctx, f, func(ctx context.Context, m *member) (*survey, error) {
		return look(ctx, m, filter, rules.Cooldown, rules.Now)
	})
	if ctx.Err() != nil {
		return f.exit(exitOK)
	}
	if len(surveys) > 0 && !anyRows(surveys) {
		if err := f.whyNothing(ctx, filter); err != nil {
			return err
		}
	}
	b := &reportBuilder{f: f, surveys: surveys, filter: filter, rules: rules}
	r := b.build(selectionFlags(flags))
	b.addTrend(ctx, r)
	if err := out.write(func(w io.Writer) error { return htmlreport.Write(w, r) }); err != nil {
		return err
	}
	g.app.say("%s, %s on %s, %s not installed%s.", count(len(surveys), "site", "sites"), count(len(r.Packages), "package", "packages"),
		count(len(r.DPs), "distribution point", "distribution points"), count(len(r.Rows), "row", "rows"), out.where())
	return f.exit(exitOK)
}

// selectionFlags are the flags that leave something out, as somebody would type
// them.
func selectionFlags(flags *pflag.FlagSet) []string {
	var out []string
	for _, name := range []string{"host", "site-code", "site", "group", "exclude", "dp", "package", "type", "state", "stuck-after", "since"} {
		f := flags.Lookup(name)
		if f == nil || !f.Changed {
			continue
		}
		value := f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			value = strings.Join(list.GetSlice(), ",")
		}
		out = append(out, "--"+name+" "+shellWord(value))
	}
	return out
}

// shellWord is a word as a POSIX shell reads it.
func shellWord(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.,:/=@+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// outFile is where a document goes that is replaced as a whole.
type outFile struct {
	to   io.Writer // the temporary file, or what cannot be replaced
	file *os.File  // to be closed; nil for standard output
	path string    // to be replaced by file; empty when to is written itself
	size int64
}

// Who may read a file that was not there before.
const (
	forOwner fs.FileMode = 0o600
	forAll   fs.FileMode = 0o644
)

// openOut opens what a flag names. A regular file is written beside it first; a
// device or pipe is written to as it is. A new file gets the mode; one that is
// replaced keeps its own.
func openOut(flag, path string, mode fs.FileMode, stdout io.Writer) (*outFile, error) {
	if path == "-" {
		return &outFile{to: stdout}, nil
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link stays a link
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, usage("%s: %w", flag, err)
		}
		return &outFile{to: file, file: file}, nil
	}
	switch {
	case err == nil && info.IsDir():
		return nil, usage("%s: %s is a directory", flag, path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, usage("%s: %w", flag, err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, usage("%s: %w", flag, err)
	}
	out := &outFile{to: file, file: file, path: path}
	if info != nil {
		mode = info.Mode().Perm()
	}
	if err := file.Chmod(mode); err != nil {
		out.discard()
		return nil, usage("%s: set the permissions of %s: %w", flag, path, err)
	}
	return out, nil
}

// write writes all of it, and puts it in its place when it is on the disk.
func (o *outFile) write(document func(io.Writer) error) error {
	counted := &countingWriter{w: o.to}
	buffered := bufio.NewWriter(counted)
	err := document(buffered)
	if err = errors.Join(err, buffered.Flush()); err != nil {
		return err
	}
	o.size = counted.n
	if o.path == "" {
		return nil
	}
	if err := errors.Join(o.file.Sync(), o.file.Close()); err != nil {
		return err
	}
	return os.Rename(o.file.Name(), o.path)
}

// discard closes what is open, and removes what was not put in its place.
func (o *outFile) discard() {
	if o.file == nil {
		return
	}
	_ = o.file.Close()
	if o.path != "" {
		_ = os.Remove(o.file.Name()) // which is gone when it was renamed
	}
}

// where says what was written, for people.
func (o *outFile) where() string {
	if o.path == "" {
		return ""
	}
	return "; wrote " + o.path + " (" + sizeText(uint64(o.size+1023)/1024) + ")"
}

type countingWriter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
