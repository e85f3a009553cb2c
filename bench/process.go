package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// usage is what a program took.
type usage struct {
	wall      time.Duration
	processor time.Duration // user and system
	peak      int64         // of memory, in bytes
}

// measure runs a program to its end. What it writes goes to /dev/null, which it
// opens itself, so that nobody waits for a pipe.
func measure(ctx context.Context, env []string, name string, args ...string) (usage, error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return usage{}, err
	}
	defer null.Close()
	var complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = null, &complaints
	cmd.Env = append(os.Environ(), env...)
	start := time.Now()
	err = cmd.Run()
	u := usage{wall: time.Since(start)}
	if p := cmd.ProcessState; p != nil {
		u.processor, u.peak = p.UserTime()+p.SystemTime(), peakOf(p)
	}
	if err != nil {
		return u, fmt.Errorf("%s: %w: %.500s", name, err, complaints.Bytes())
	}
	return u, nil
}

// versionOf is the first line that a program says about itself, empty where it
// is not installed.
func versionOf(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// server is the process that serves pages.
type server struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser

	replay               string // URL
	site, user, password string // of the simulated site
	cache                string // with a ticket for it
}

func startServer(ctx context.Context) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{cmd: exec.CommandContext(ctx, self, "-serve")}
	s.cmd.Stderr = os.Stderr
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	s.cmd.Cancel = s.stdin.Close // it removes its files then
	s.cmd.WaitDelay = 5 * time.Second
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	fields := strings.Fields(line)
	if err != nil || len(fields) != 5 {
		return nil, errors.Join(fmt.Errorf("the server says %q", line), err, s.stop())
	}
	s.replay, s.site, s.user, s.password, s.cache = fields[0], fields[1], fields[2], fields[3], fields[4]
	return s, nil
}

func (s *server) stop() error {
	_ = s.stdin.Close()
	return s.cmd.Wait()
}
