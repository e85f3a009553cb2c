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
	cmd          *exec.Cmd // nil when it does not run
	complaints   bytes.Buffer
}

// simulate starts sites by counts.
func (b *bench) simulate(ctx context.Context, args ...string) (*sites, error) {
	dir, err := os.MkdirTemp("", "dpremote-bench-")
	if err != nil {
		return nil, err
	}
	s := &sites{program: b.dpremote, dir: dir}
	if err := s.start(ctx, args); err != nil {
		return nil, errors.Join(fmt.Errorf("start simulated sites: %w", err), s.stop())
	}
	return s, nil
}

// start starts the process, and waits until the sites listen.
func (s *sites) start(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, s.program, append([]string{"sim", "--write", s.inventory()}, args...)...)
	cmd.Stderr = &s.complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == s.inventory() {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return nil
		}
	}
	s.end()
	return errors.Join(fmt.Errorf("it has ended: %.500s", s.complaints.Bytes()), lines.Err())
}

func (s *sites) inventory() string { return filepath.Join(s.dir, "inventory.yaml") }

// dpremote runs the program at the sites.
func (s *sites) dpremote(ctx context.Context, args ...string) (usage, error) {
	args = append([]string{"-i", s.inventory(), "--no-history", "-o", "jsonl"}, args...)
	return measure(ctx, nil, s.program, args...)
}

// ended tells whether the program ended with an exit status.
func ended(err error, status int) bool {
	var e *exec.ExitError
	return errors.As(err, &e) && e.ExitCode() == status
}

// traced runs the program at the sites, and gives the answers that it got and
// their bytes. It may run out of the time that it is given.
func (s *sites) traced(ctx context.Context, args ...string) (answers, size int, err error) {
	dir, err := os.MkdirTemp(s.dir, "trace")
	if err != nil {
		return 0, 0, err
	}
	if _, err := s.dpremote(ctx, append(args, "--trace-dir", dir)...); err != nil && !ended(err, 6) {
		return 0, 0, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.res.xml"))
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return 0, 0, err
		}
		size += int(info.Size())
	}
	return len(files), size, err
}

// countLines runs the program at the sites and counts the lines with a mark that
// it prints, of which there may be more than should be kept.
func (s *sites) countLines(ctx context.Context, mark string, args ...string) (n int, err error) {
	cmd := exec.CommandContext(ctx, s.program, append([]string{"-i", s.inventory(), "--no-history", "-o", "jsonl"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if bytes.Contains(lines.Bytes(), []byte(mark)) {
			n++
		}
	}
	if err := lines.Err(); err != nil {
		_ = cmd.Process.Kill() // nobody reads what it would still print
		return n, errors.Join(err, cmd.Wait())
	}
	return n, cmd.Wait()
}

// stop ends the sites, and removes what they wrote.
func (s *sites) stop() error {
	s.end()
	return os.RemoveAll(s.dir)
}

// end ends the process. How it ends says nothing.
func (s *sites) end() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(os.Interrupt)
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}
