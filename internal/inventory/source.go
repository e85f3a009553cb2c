package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// DefaultPasswordTimeout is how long a password_command may take.
const DefaultPasswordTimeout = 30 * time.Second

// Bounds in bytes on what a source may say.
const (
	maxPassword = 4 << 10
	maxStderr   = 2 << 10
)

type sourceKind int

const (
	sourceNone sourceKind = iota
	sourceCommand
	sourceShell
	sourceFile
	sourceEnv
	sourceKnown
)

// PasswordSource says where to get a password. The zero value is none.
type PasswordSource struct {
	kind sourceKind
	// words are the program and its arguments; for the other kinds the one
	// word is the shell's line, the path, or the variable.
	words []string
	known Password
	from  Origin
}

// KnownPassword is the source of a password that is at hand already, from a
// prompt or standard input; from says which. It is for Site.Password.
func KnownPassword(from string, p Password) PasswordSource {
	return PasswordSource{kind: sourceKnown, known: p, from: Origin{Layer: from}}
}

// IsZero tells that there is no source.
func (s PasswordSource) IsZero() bool { return s.kind == sourceNone }

// String names the source and where it was set. It leaves out a command's
// arguments, because people put secrets there.
func (s PasswordSource) String() string {
	var what string
	switch s.kind {
	case sourceNone:
		return "no password"
	case sourceCommand:
		what = "password_command " + s.words[0]
	case sourceShell:
		what = "password_command"
	case sourceFile:
		what = "password_file " + s.words[0]
	case sourceEnv:
		what = "password_env " + s.words[0]
	case sourceKnown:
		what = "password"
	}
	return fmt.Sprintf("%s (from %s)", what, s.from)
}

// Format writes what String gives, for every verb.
func (s PasswordSource) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText gives what String gives.
func (s PasswordSource) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// id is equal for two sources that give the same password.
func (s PasswordSource) id() string {
	id := strconv.Itoa(int(s.kind))
	for _, w := range s.words {
		id += strconv.Quote(w)
	}
	return id
}

// Env is what sources of passwords depend on.
type Env struct {
	// Getenv looks up a variable; nil means os.Getenv.
	Getenv func(string) string
	// Environ is the environment of a password_command, in the form of
	// os.Environ; nil means the process's own.
	Environ []string
	// Timeout bounds a password_command; zero means DefaultPasswordTimeout.
	Timeout time.Duration
	// Asking is told that a password_command begins, which may ask somebody at
	// the terminal; what it returns is called when that is over. Nil for nobody.
	Asking func() (over func())
}

// Resolve gets the password. Its errors name the source, and hold nothing of
// the secret as long as the source keeps it to the place for it: a command's
// error output is repeated, except for lines that are in its output as well.
func (s PasswordSource) Resolve(ctx context.Context, env Env) (Password, error) {
	var secret string
	var err error
	switch s.kind {
	case sourceNone:
		return Password{}, errors.New("resolve password: none is given: set password_command, password_file or password_env")
	case sourceKnown:
		return s.known, nil
	case sourceEnv:
		secret, err = s.readEnv(env)
	case sourceFile:
		secret, err = s.readFile()
	default:
		secret, err = s.run(ctx, env)
	}
	if err == nil {
		secret, err = onePassword(secret)
	}
	if err != nil {
		return Password{}, fmt.Errorf("resolve %s: %w", s, err)
	}
	return NewPassword(secret), nil
}

// onePassword trims one line end. More lines are refused: whatever they are,
// signing in with them would fail and count towards a lock-out.
func onePassword(text string) (string, error) {
	text = strings.TrimSuffix(text, "\n")
	text = strings.TrimSuffix(text, "\r")
	switch {
	case text == "":
		return "", errors.New("the password is empty")
	case len(text) > maxPassword:
		return "", fmt.Errorf("more than %d bytes: want the password alone", maxPassword)
	case strings.ContainsAny(text, "\r\n\x00"):
		return "", errors.New("more than one line: want the password alone")
	}
	return text, nil
}

func (s PasswordSource) readEnv(env Env) (string, error) {
	getenv := env.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	value := getenv(s.words[0])
	if value == "" {
		return "", fmt.Errorf("the environment variable %s is unset or empty", s.words[0])
	}
	return value, nil
}

func (s PasswordSource) readFile() (string, error) {
	name := s.words[0]
	// Opening a named pipe waits for its writer, so look first.
	if info, err := os.Stat(name); err != nil {
		return "", err
	} else if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() // nothing was written
	// Of the open file, so that nobody can swap it after the look.
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	// Windows keeps access in lists that the mode does not show.
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return "", fmt.Errorf("others can get at the file (mode %04o): run chmod 600 %s", mode, shellQuote(name))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPassword+3))
	return string(data), err
}

func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func (s PasswordSource) run(ctx context.Context, env Env) (string, error) {
	timeout := env.Timeout
	if timeout == 0 {
		timeout = DefaultPasswordTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the command gave no password within %s", timeout))
	defer cancel()

	var cmd *exec.Cmd
	if s.kind == sourceShell {
		cmd = shellCommand(ctx, s.words[0])
	} else {
		cmd = exec.CommandContext(ctx, s.words[0], s.words[1:]...)
	}
	stdout, stderr := &head{limit: maxPassword + 3}, &head{limit: maxStderr}
	cmd.Stdout, cmd.Stderr, cmd.Env = stdout, stderr, env.Environ
	// A grandchild may hold the pipes open after the command has ended.
	cmd.WaitDelay = time.Second
	if env.Asking != nil {
		defer env.Asking()()
	}
	err := cmd.Run()
	switch {
	case err == nil:
		return stdout.String(), nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	if said := readable(stderr.String(), stdout.String()); said != "" {
		return "", fmt.Errorf("%w: %s", err, said)
	}
	return "", err
}

// readable makes one line of a command's error output, without what is in its
// output and without control characters.
func readable(stderr, stdout string) string {
	for line := range strings.Lines(stdout) {
		if secret := strings.TrimSpace(line); secret != "" {
			stderr = strings.ReplaceAll(stderr, secret, redacted)
		}
	}
	stderr = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(stderr, "?"))
	return strings.Join(strings.Fields(stderr), " ")
}

// head keeps the first bytes of what is written to it and lets the rest go, so
// that a command that says too much ends all the same.
type head struct {
	limit int
	kept  []byte // no bytes.Buffer, whose ReadFrom would take everything
}

// Write never fails.
func (h *head) Write(data []byte) (int, error) {
	room := h.limit - len(h.kept)
	h.kept = append(h.kept, data[:min(room, len(data))]...)
	return len(data), nil
}

func (h *head) String() string { return string(h.kept) }
