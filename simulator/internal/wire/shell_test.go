package wire

import (
	"context"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/masterzen/winrm"
)

const shellBody = `<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>`

// echoShell answers with what it was given.
func echoShell(_ context.Context, command string, args []string) ([]byte, []byte, int) {
	return []byte("out:" + command + "|" + strings.Join(args, "|")), []byte("err & <more>"), 3
}

// startCommand opens a shell and starts a command in it.
func startCommand(t *testing.T, s *testServer, line string) (shell, id string) {
	t.Helper()
	created := s.ask(t, message{action: actionCreate, uri: resourceCmd, body: shellBody})
	shell = selectorSet("ShellId", created.at("Body", "Shell", "ShellId").Text)
	started := s.ask(t, message{action: actionCommand, uri: resourceCmd, header: shell,
		body: `<rsp:CommandLine><rsp:Command>` + quote(line) + `</rsp:Command><rsp:Arguments>a b</rsp:Arguments></rsp:CommandLine>`})
	return shell, started.at("Body", "CommandResponse", "CommandId").Text
}

func receiveBody(id string) string {
	return `<rsp:Receive><rsp:DesiredStream CommandId="` + id + `">stdout stderr</rsp:DesiredStream></rsp:Receive>`
}

func TestCapturedShell(t *testing.T) {
	s := serve(t, Config{Shell: echoShell})
	create := s.ask(t, message{action: actionCreate, uri: resourceCmd, body: shellBody})
	if d := cmp.Diff(shape(readNode(t, capture(t, "shell/create_resp.xml"))), shape(create)); d != "" {
		t.Errorf("create (-Windows +here):\n%s", d)
	}
	shell := selectorSet("ShellId", create.at("Body", "Shell", "ShellId").Text)
	command := s.ask(t, message{action: actionCommand, uri: resourceCmd, header: shell,
		body: `<rsp:CommandLine><rsp:Command>dir</rsp:Command></rsp:CommandLine>`})
	if d := cmp.Diff(shape(readNode(t, capture(t, "shell/command_resp.xml"))), shape(command)); d != "" {
		t.Errorf("command (-Windows +here):\n%s", d)
	}
	got := s.ask(t, message{action: actionReceive, uri: resourceCmd, header: shell,
		body: receiveBody(command.at("Body", "CommandResponse", "CommandId").Text)})
	// Windows' last answer had two chunks of stdout; this one has one of each.
	if d := cmp.Diff(shape(readNode(t, capture(t, "shell/receive_resp_02.xml"))), shape(got)); d != "" {
		t.Errorf("receive (-Windows +here):\n%s", d)
	}
}

// TestForeignShellClient runs a command by a client that is not ours.
func TestForeignShellClient(t *testing.T) {
	s := serve(t, Config{Shell: echoShell})
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	client, err := winrm.NewClient(winrm.NewEndpoint(u.Hostname(), port, false, false, nil, nil, nil, 10*time.Second), "sim", "secret")
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code, err := client.RunCmdWithContext(context.Background(), `type "C:\a & b.log"`)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]any{"out:type \"C:\\a & b.log\"|", "err & <more>", 3}, []any{stdout, stderr, code}); d != "" {
		t.Error(d)
	}
	if n := len(s.shells.open); n != 0 {
		t.Errorf("%d shells are open afterwards, want 0", n)
	}
}

// TestLongOutput wants output in parts that each fit the envelope, nothing
// lost and nothing twice.
func TestLongOutput(t *testing.T) {
	want := strings.Repeat("0123456789", 5000)
	s := serve(t, Config{Shell: func(context.Context, string, []string) ([]byte, []byte, int) {
		return []byte(want), []byte(want[:777]), 0
	}})
	shell, id := startCommand(t, s, "long")
	streams := map[string]string{}
	for range 100 {
		answer := s.post(t, message{action: actionReceive, uri: resourceCmd,
			header: shell + `<w:MaxEnvelopeSize>8192</w:MaxEnvelopeSize>`, body: receiveBody(id)}.text())
		if size := 2 * len(answer.body); size > 8192 {
			t.Fatalf("an answer is %d bytes as UTF-16, want 8192 at most", size)
		}
		body := readNode(t, answer.body).at("Body", "ReceiveResponse")
		for _, n := range body.Nodes {
			if n.XMLName.Local == "Stream" {
				text, err := base64.StdEncoding.DecodeString(n.Text)
				if err != nil {
					t.Fatal(err)
				}
				streams[n.attr("Name")] += string(text)
			}
		}
		if strings.HasSuffix(body.at("CommandState").attr("State"), "/Done") {
			break
		}
	}
	if d := cmp.Diff(map[string]string{"stdout": want, "stderr": want[:777]}, streams); d != "" {
		t.Error(d)
	}
}

func TestShellRefusals(t *testing.T) {
	now := time.Unix(0, 0)
	s := serve(t, Config{Shell: echoShell, Now: func() time.Time { return now }})
	shell, id := startCommand(t, s, "x")
	other := selectorSet("ShellId", newUUID())
	for _, c := range []struct {
		name string
		m    message
		want string
	}{
		{"unknown shell", message{action: actionCommand, header: other, body: `<rsp:CommandLine><rsp:Command>x</rsp:Command></rsp:CommandLine>`}, "2150858843"},
		{"no shell", message{action: actionCommand, body: `<rsp:CommandLine><rsp:Command>x</rsp:Command></rsp:CommandLine>`}, "2150858843"},
		{"unknown command", message{action: actionReceive, header: shell, body: receiveBody(newUUID())}, "2150858810"},
		{"no body", message{action: actionReceive, header: shell}, "2150858817"},
		{"no command line", message{action: actionCommand, header: shell, body: `<rsp:CommandLine/>`}, "2150858817"},
		{"not a shell", message{action: actionCreate, body: `<rsp:Thing/>`}, "2150858817"},
		{"other action", message{action: actionPut, header: shell, body: shellBody}, "2150858771"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.m.uri = resourceCmd
			if got := s.refuse(t, c.m).Code; got != c.want {
				t.Errorf("code %s, want %s", got, c.want)
			}
		})
	}
	t.Run("command that was ended", func(t *testing.T) {
		s.ask(t, message{action: actionSend, uri: resourceCmd, header: shell, body: `<rsp:Send><rsp:Stream Name="stdin" CommandId="` + id + `">eA==</rsp:Stream></rsp:Send>`})
		s.ask(t, message{action: actionSignal, uri: resourceCmd, header: shell, body: `<rsp:Signal CommandId="` + id + `"/>`})
		if got := s.refuse(t, message{action: actionReceive, uri: resourceCmd, header: shell, body: receiveBody(id)}).Code; got != "2150858810" {
			t.Errorf("code %s, want 2150858810", got)
		}
	})
	t.Run("idle shell", func(t *testing.T) {
		now = now.Add(shellIdleTimeout + time.Second)
		if got := s.refuse(t, message{action: actionDelete, uri: resourceCmd, header: shell}).Code; got != "2150858843" {
			t.Errorf("code %s, want 2150858843", got)
		}
	})
	t.Run("no shells at all", func(t *testing.T) {
		if got := serve(t, Config{}).refuse(t, message{action: actionCreate, uri: resourceCmd, body: shellBody}).Code; got != "5" {
			t.Errorf("code %s, want 5", got)
		}
	})
}
