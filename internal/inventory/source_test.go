package inventory

import (
	"context"
	"strings"
	"testing"
)

func envSource(name string) PasswordSource {
	return PasswordSource{kind: sourceEnv, words: []string{name}, from: Origin{Layer: "test"}}
}

func TestResolveEnv(t *testing.T) {
	tests := []struct {
		name  string
		value string
		want  string
		fails string
	}{
		{"plain", "hunter2", "hunter2", ""},
		{"spaces stay", " hunter2 ", " hunter2 ", ""},
		{"one line end goes", "hunter2\r\n", "hunter2", ""},
		{"unset", "", "", "resolve password_env VAR (from test): the environment variable VAR is unset or empty"},
		{"line end alone", "\n", "", "resolve password_env VAR (from test): the password is empty"},
		{"two line ends", "hunter2\n\n", "", "more than one line: want the password alone"},
		{"two lines", "hunter2\nhunter2", "", "more than one line"},
		{"NUL", "hunter2\x00", "", "more than one line"},
		{"too long", strings.Repeat("hunter2", 1000), "", "more than 4096 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := Env{Getenv: func(name string) string {
				if name != "VAR" {
					t.Errorf("asked for the variable %q", name)
				}
				return tt.value
			}}
			got, err := envSource("VAR").Resolve(t.Context(), env)
			check(t, got, err, tt.want, tt.fails)
		})
	}
}

// check compares what Resolve gave with what was wanted: a password, or an
// error that holds some text and nothing of the secret, which is hunter2.
func check(t *testing.T, got Password, err error, want, fails string) {
	t.Helper()
	if fails == "" {
		if err != nil || got.Reveal() != want {
			t.Errorf("got %q and the error %v, want %q", got.Reveal(), err, want)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), fails) {
		t.Errorf("got the error %v, want it to contain %q", err, fails)
		return
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error shows the password: %v", err)
	}
	if got.Reveal() != "" {
		t.Error("got a password beside the error")
	}
}

func TestResolveProcessEnvironment(t *testing.T) {
	t.Setenv("DPREMOTE_TEST_PASSWORD", "hunter2")
	got, err := envSource("DPREMOTE_TEST_PASSWORD").Resolve(t.Context(), Env{})
	check(t, got, err, "hunter2", "")
}

func TestResolveKnown(t *testing.T) {
	s := KnownPassword("standard input", NewPassword("hunter2"))
	got, err := s.Resolve(t.Context(), Env{})
	check(t, got, err, "hunter2", "")
	if want := "password (from standard input)"; s.String() != want {
		t.Errorf("got %q, want %q", s, want)
	}
}

func TestResolveNone(t *testing.T) {
	got, err := PasswordSource{}.Resolve(context.Background(), Env{})
	check(t, got, err, "", "resolve password: none is given")
}

// A command's arguments may hold a token: they are not shown.
func TestPasswordSourceString(t *testing.T) {
	site := mustSite(t, "sites: {PS1: {host: h, password_command: [vault, read, hunter2]}}")
	text, err := site.Password.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	const want = "password_command vault (from site PS1, dir/inventory.yaml:1:24)"
	if string(text) != want {
		t.Errorf("got %q, want %q", text, want)
	}
	if got := (PasswordSource{}).String(); got != "no password" {
		t.Errorf("zero source: got %q, want no password", got)
	}
	line := mustSite(t, "sites: {PS1: {host: h, password_command: echo hunter2}}")
	if strings.Contains(line.Password.String(), "hunter2") {
		t.Errorf("the shell's line shows: %s", line.Password)
	}
}
