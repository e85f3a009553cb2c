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
	"path/filepath"
	"strings"
)

// sites are simulated ones in a process of their own, "dpremote sim".
type sites struct {
	program, dir string
	cmd          *exec.Cmd
}

// simulate starts sites by counts.
func (b *bench) simulate(ctx context.Context, args ...string) (s *sites, err error) {
	s = &sites{program: b.dpremote}
	if s.dir, err = os.MkdirTemp("", "dpremote-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	s.cmd = exec.CommandContext(ctx, b.dpremote, append([]string{"sim", "--write", s.inventory()}, args...)...)
	var complaints bytes.Buffer
	s.cmd.Stderr = &complaints
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == s.inventory() { // they listen
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return s, nil
		}
	}
	err = errors.Join(lines.Err(), s.cmd.Wait())
	return nil, fmt.Errorf("the simulated sites do not start: %v: %.500s", err, complaints.Bytes())
}

func (s *sites) inventory() string { return filepath.Join(s.dir, "inventory.yaml") }

// dpremote runs the program at the sites. It may find something (exit status 3)
// or run out of the time that it is given (6).
func (s *sites) dpremote(ctx context.Context, args ...string) (usage, error) {
	args = append([]string{"-i", s.inventory(), "--no-history", "-o", "jsonl"}, args...)
	u, err := measure(ctx, nil, s.program, args...)
	var ended *exec.ExitError
	if errors.As(err, &ended) && (ended.ExitCode() == 3 || ended.ExitCode() == 6) {
		return u, nil
	}
	return u, err
}

// lines runs the program at the sites and gives what it prints.
func (s *sites) lines(ctx context.Context, args ...string) ([]string, error) {
	out, err := exec.CommandContext(ctx, s.program, append([]string{"-i", s.inventory(), "--no-history", "-o", "jsonl"}, args...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), nil
}

// stop ends the sites. How they end says nothing.
func (s *sites) stop() error {
	if s.cmd != nil && s.cmd.Process != nil && s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Signal(os.Interrupt)
		_ = s.cmd.Wait()
	}
	return os.RemoveAll(s.dir)
}
