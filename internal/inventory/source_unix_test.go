//go:build !windows

package inventory

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func shellSource(line string) PasswordSource {
	return PasswordSource{kind: sourceShell, words: []string{line}, from: Origin{Layer: "test"}}
}

func commandSource(words ...string) PasswordSource {
	return PasswordSource{kind: sourceCommand, words: words, from: Origin{Layer: "test"}}
}

func TestResolveCommand(t *testing.T) {
	tests := []struct {
		name   string
		source PasswordSource
		want   string
		fails  string
	}{
		{"list", commandSource("printf", "%s\n", "hunter2"), "hunter2", ""},
		{"list is no shell's line", commandSource("echo", "$HOME;", "*"), "$HOME; *", ""},
		{"shell", shellSource("printf hun; echo ter2 | cat"), "hunter2", ""},
		{"environment", shellSource("echo $SECRET"), "hunter2", ""},
		{"complaints do not count", shellSource("echo careful >&2; echo hunter2"), "hunter2", ""},
		{"no input to wait for", shellSource("cat; echo hunter2"), "hunter2", ""},
		{"says nothing", shellSource(":"), "", "resolve password_command (from test): the password is empty"},
		{"several lines", shellSource("echo hunter2; echo user: svc"), "", "more than one line"},
		{"says too much", shellSource("yes hunter2 | head -c 100000"), "", "more than 4096 bytes"},
		{"fails", shellSource("echo hunter2; echo the vault is locked >&2; exit 3"), "",
			"resolve password_command (from test): exit status 3: the vault is locked"},
		{"fails and tells the secret", shellSource("echo hunter2; echo no: hunter2 >&2; exit 1"), "", "exit status 1: no: [redacted]"},
		{"fails with control characters", shellSource(`printf 'a\033[31mb\r\n\377c' >&2; exit 1`), "", "exit status 1: a [31mb ?c"},
		{"fails with a flood", shellSource("yes x | head -c 100000 >&2; exit 1"), "", "exit status 1: x x"},
		{"no such program", commandSource("/nonexistent/program"), "", "resolve password_command /nonexistent/program (from test): "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := Env{Environ: append(os.Environ(), "SECRET=hunter2")}
			got, err := tt.source.Resolve(t.Context(), env)
			check(t, got, err, tt.want, tt.fails)
			if err != nil && len(err.Error()) > maxStderr+200 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// A command may ask somebody at the terminal, which others then leave to it.
func TestResolveTellsOfCommands(t *testing.T) {
	asking, begun := 0, 0
	env := Env{Asking: func() func() {
		asking++
		begun++
		return func() { asking-- }
	}}
	for _, s := range []PasswordSource{commandSource("echo", "hunter2"), shellSource("exit 1"), commandSource("/nonexistent/program"), envSource("NOWHERE")} {
		_, _ = s.Resolve(t.Context(), env)
	}
	if begun != 3 || asking != 0 {
		t.Errorf("told of %d commands, %d of which have not ended", begun, asking)
	}
}

// pipe makes a named pipe, reading from which waits for ever.
func pipe(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestResolveCommandTimesOut(t *testing.T) {
	defer goleak.VerifyNone(t)
	got, err := commandSource("cat", pipe(t)).Resolve(t.Context(), Env{Timeout: 20 * time.Millisecond})
	check(t, got, err, "", "resolve password_command cat (from test): the command gave no password within 20ms")
}

func TestResolveCommandCancelled(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	name := pipe(t)
	go func() {
		// Opening for writing waits until the command reads.
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		cancel()
		if err == nil {
			f.Close()
		}
	}()
	// The second command goes on after the pipe is closed.
	got, err := shellSource("cat "+name+"; cat "+pipe(t)).Resolve(ctx, Env{})
	check(t, got, err, "", "context canceled")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestResolveFile(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		// Not at creation, where the umask counts.
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file("target", "hunter2", 0o640), link); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		path  string
		want  string
		fails string
	}{
		{"mine", file("mine", "hunter2\n", 0o600), "hunter2", ""},
		{"read only", file("ro", "hunter2", 0o400), "hunter2", ""},
		{"group", file("group's", "hunter2", 0o640), "", `(mode 0640): run chmod 600 '` + dir + `/group'\''s'`},
		{"others", file("others", "hunter2", 0o604), "", "others can get at the file (mode 0604): run chmod 600 '" + dir + "/others'"},
		{"writable by others", file("open", "hunter2", 0o602), "", "mode 0602"},
		{"link to a group's", link, "", "mode 0640"},
		{"empty", file("empty", "", 0o600), "", "the password is empty"},
		{"two lines", file("two", "hunter2\nhunter2\n", 0o600), "", "more than one line"},
		{"large", file("large", strings.Repeat("hunter2", 10000), 0o600), "", "more than 4096 bytes"},
		{"missing", filepath.Join(dir, "none"), "", "no such file or directory"},
		{"directory", dir, "", "is not a regular file"},
		{"pipe", pipe(t), "", "is not a regular file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := PasswordSource{kind: sourceFile, words: []string{tt.path}, from: Origin{Layer: "test"}}
			got, err := s.Resolve(t.Context(), Env{})
			check(t, got, err, tt.want, tt.fails)
		})
	}
}

// The file's path starts from the inventory's directory.
func TestResolveFileBesideInventory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pw"), []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, err := Parse(filepath.Join(dir, "inventory.yaml"), []byte("sites: {PS1: {host: h, password_file: pw}}"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := inv.Sites()[0].Password.Resolve(t.Context(), Env{})
	check(t, got, err, "hunter2", "")
}
