package wire

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Quotas of remote shells, Windows' defaults.
const (
	maxShellsPerUser  = 30
	maxCommands       = 25 // of one shell
	shellIdleTimeout  = 2 * time.Hour
	commandStateBase  = nsShell + "/CommandState/"
	shellAnswerExtras = 4096 // bytes as UTF-16 that an answer takes besides output
)

// remoteShell is one shell of MS-WSMV section 3.1.4.5.
type remoteShell struct {
	id, user string
	used     time.Time
	commands map[string]*command
	opened   *note // the request that made it
}

// command is one command of a shell. It runs when its output is first asked
// for.
type command struct {
	id   string
	line string
	args []string

	mu             sync.Mutex // guards what follows, and is held while it runs
	ran            bool
	stdout, stderr []byte // what has not been received
	exitCode       int
}

// shells are the open shells of a server. It is safe for concurrent use, and
// the zero value is empty.
type shells struct {
	mu   sync.Mutex
	open map[string]*remoteShell
}

// shell answers the operations on remote shells.
func (h *Handler) shell(ctx context.Context, req *request) (answer, error) {
	if h.cfg.Shell == nil {
		return answer{}, AccessDenied()
	}
	if req.action == actionCreate {
		return h.createShell(req)
	}
	var do func(context.Context, *request, *remoteShell) (answer, error)
	switch req.action {
	case actionCommand:
		do = h.startCommand
	case actionReceive:
		do = h.receive
	case actionSend:
		do = h.send
	case actionSignal:
		do = h.signal
	case actionDelete:
		do = h.deleteShell
	default:
		return answer{}, actionNotSupported(req.action)
	}
	s, err := h.shells.find(req, h.cfg.Now())
	if err != nil {
		return answer{}, err
	}
	return do(ctx, req, s)
}

// find is the shell that the selector ShellId names, if it is the user's.
func (t *shells) find(req *request, now time.Time) (*remoteShell, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	for _, selector := range req.selectors {
		if !strings.EqualFold(selector.name, "ShellId") {
			continue
		}
		if s, ok := t.open[strings.ToUpper(selector.value)]; ok && s.user == req.user {
			s.used = now
			return s, nil
		}
	}
	return nil, sender("w:InvalidSelectors", codeUnexpectedSelectors, "The selectors name no shell of the user.")
}

// expire closes what has been idle for too long. t.mu is held.
func (t *shells) expire(now time.Time) {
	for id, s := range t.open {
		if now.Sub(s.used) > shellIdleTimeout {
			delete(t.open, id)
		}
	}
}

// add opens a shell, if the user may have one more.
func (t *shells) add(user string, opened *note, now time.Time) (*remoteShell, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	count := 0
	for _, s := range t.open {
		if s.user == user {
			count++
		}
	}
	if count >= maxShellsPerUser {
		return nil, shellQuota()
	}
	s := &remoteShell{id: newUUID(), user: user, used: now, commands: map[string]*command{}, opened: opened}
	if t.open == nil {
		t.open = map[string]*remoteShell{}
	}
	t.open[s.id] = s
	return s, nil
}

// shellQuota is the fault of a user who has all the shells that he may have.
func shellQuota() *Fault {
	f := sender("w:QuotaLimit", codeMaxShells, "The user has too many shells open.")
	f.Message = "The user may have " + strconv.Itoa(maxShellsPerUser) + " shells open at once, and has. Close some, or raise the quota."
	f.detail = func(w *xmlWriter, h *Handler) {
		f.writeWMIError(w, h, wmiError{code: codeMaxShells, cim: 27, category: 30})
	}
	return f
}

func (h *Handler) createShell(req *request) (answer, error) {
	if err := req.expect(nsShell, "Shell"); err != nil {
		return answer{}, err
	}
	s, err := h.shells.add(req.user, req.note, h.cfg.Now())
	if err != nil {
		return answer{}, err
	}
	return answer{action: actionCreate + "Response", prefixes: "saxwRp", body: func(w *xmlWriter) {
		w.start("x:ResourceCreated")
		w.leaf("a:Address", req.address)
		w.start("a:ReferenceParameters")
		w.leaf("w:ResourceURI", resourceCmd)
		w.start("w:SelectorSet")
		w.leaf("w:Selector", s.id, "Name", "ShellId")
		w.end("w:SelectorSet")
		w.end("a:ReferenceParameters")
		w.end("x:ResourceCreated")
		w.start("rsp:Shell", "xmlns:rsp", nsShell)
		w.leaf("rsp:ShellId", s.id)
		w.leaf("rsp:ResourceUri", resourceCmd)
		w.leaf("rsp:Owner", s.user)
		w.leaf("rsp:ClientIP", req.client)
		w.leaf("rsp:IdleTimeOut", "PT7200.000S")
		w.leaf("rsp:InputStreams", "stdin")
		w.leaf("rsp:OutputStreams", "stdout stderr")
		w.leaf("rsp:ShellRunTime", formatDuration(0))
		w.leaf("rsp:ShellInactivity", formatDuration(0))
		w.end("rsp:Shell")
	}}, nil
}

func (h *Handler) deleteShell(_ context.Context, _ *request, s *remoteShell) (answer, error) {
	h.shells.mu.Lock()
	defer h.shells.mu.Unlock()
	delete(h.shells.open, s.id)
	return answer{action: actionDelete + "Response", prefixes: "saxwRp"}, nil
}

func (h *Handler) startCommand(_ context.Context, req *request, s *remoteShell) (answer, error) {
	if err := req.expect(nsShell, "CommandLine"); err != nil {
		return answer{}, err
	}
	line := req.body.child(nsShell, "Command")
	if line == nil {
		return answer{}, schemaFault("The CommandLine holds no Command.")
	}
	c := &command{id: newUUID(), line: line.text()}
	for _, e := range req.body.children {
		if e.name == (name{nsShell, "Arguments"}) {
			c.args = append(c.args, e.text())
		}
	}
	h.shells.mu.Lock()
	defer h.shells.mu.Unlock()
	if len(s.commands) >= maxCommands {
		return answer{}, sender("w:QuotaLimit", codeQuotaLimit, "The shell has too many commands.")
	}
	s.commands[c.id] = c
	return answer{action: actionCommand + "Response", prefixes: "saxwRp", body: func(w *xmlWriter) {
		w.start("rsp:CommandResponse")
		w.leaf("rsp:CommandId", c.id)
		w.end("rsp:CommandResponse")
	}}, nil
}

// command is the one that an element's CommandId names.
func (t *shells) command(s *remoteShell, e *element) (*command, error) {
	if e == nil {
		return nil, schemaFault("The body names no command.")
	}
	id, _ := e.attr("", "CommandId")
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := s.commands[strings.ToUpper(id)]; ok {
		return c, nil
	}
	return nil, sender("w:InvalidParameter", codeInvalidParameter, "The shell has no such command.")
}

// receive runs the command, if it has not run, and answers as much of its
// output as one message holds.
func (h *Handler) receive(ctx context.Context, req *request, s *remoteShell) (answer, error) {
	if err := req.expect(nsShell, "Receive"); err != nil {
		return answer{}, err
	}
	c, err := h.shells.command(s, req.body.child(nsShell, "DesiredStream"))
	if err != nil {
		return answer{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ran {
		c.stdout, c.stderr, c.exitCode = h.cfg.Shell(ctx, c.line, c.args)
		c.ran = true
	}
	// Three bytes are four characters of base64, of two bytes each.
	room := (h.limit(req) - shellAnswerExtras - 2*len(req.messageID)) / 8 * 3
	stdout := cut(&c.stdout, max(room, 1))
	stderr := cut(&c.stderr, max(room-len(stdout), 0))
	done, exitCode := len(c.stdout)+len(c.stderr) == 0, c.exitCode
	return answer{action: actionReceive + "Response", prefixes: "sawRp", body: func(w *xmlWriter) {
		w.start("rsp:ReceiveResponse")
		writeStream(w, c.id, "stdout", stdout)
		writeStream(w, c.id, "stderr", stderr)
		writeState(w, c.id, done, exitCode)
		w.end("rsp:ReceiveResponse")
	}}, nil
}

// cut takes up to n bytes from the front of b.
func cut(b *[]byte, n int) []byte {
	n = min(n, len(*b))
	front := (*b)[:n]
	*b = (*b)[n:]
	return front
}

func writeStream(w *xmlWriter, id, stream string, data []byte) {
	if len(data) > 0 {
		w.leaf("rsp:Stream", base64.StdEncoding.EncodeToString(data), "Name", stream, "CommandId", id)
	}
}

// writeState writes how the command stands; once it is done, also that its
// streams are at their end.
func writeState(w *xmlWriter, id string, done bool, exitCode int) {
	if !done {
		w.leaf("rsp:CommandState", "", "CommandId", id, "State", commandStateBase+"Running")
		return
	}
	for _, stream := range []string{"stdout", "stderr"} {
		w.leaf("rsp:Stream", "", "Name", stream, "CommandId", id, "End", "true")
	}
	w.start("rsp:CommandState", "CommandId", id, "State", commandStateBase+"Done")
	w.leaf("rsp:ExitCode", strconv.Itoa(exitCode))
	w.end("rsp:CommandState")
}

// send takes input for a command and forgets it: the simulated commands read
// none.
func (h *Handler) send(_ context.Context, req *request, s *remoteShell) (answer, error) {
	if err := req.expect(nsShell, "Send"); err != nil {
		return answer{}, err
	}
	if _, err := h.shells.command(s, req.body.child(nsShell, "Stream")); err != nil {
		return answer{}, err
	}
	return answer{action: actionSend + "Response", prefixes: "sawRp", body: func(w *xmlWriter) {
		w.empty("rsp:SendResponse")
	}}, nil
}

// signal ends a command, whatever the signal: terminate, ctrl_c and ctrl_break
// all do.
func (h *Handler) signal(_ context.Context, req *request, s *remoteShell) (answer, error) {
	if err := req.expect(nsShell, "Signal"); err != nil {
		return answer{}, err
	}
	c, err := h.shells.command(s, req.body)
	if err != nil {
		return answer{}, err
	}
	h.shells.mu.Lock()
	defer h.shells.mu.Unlock()
	delete(s.commands, c.id)
	return answer{action: actionSignal + "Response", prefixes: "sawRp", body: func(w *xmlWriter) {
		w.empty("rsp:SignalResponse")
	}}, nil
}
