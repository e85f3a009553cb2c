package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// parser is a program of others that reads XML. cost is the processor time, in
// seconds, that it takes to read the files, without its own start.
type parser struct {
	name    string
	version func(context.Context) string // empty where it is not installed
	cost    func(ctx context.Context, files []string) (float64, error)
}

func parsers() []parser {
	return []parser{
		{"xmllint --stream", xmllintVersion, xmllint},
		{"Python ElementTree iterparse", pythonVersion, python},
	}
}

func xmllintVersion(ctx context.Context) string {
	line := versionOf(ctx, "xmllint", "--version")
	_, version, _ := strings.Cut(line, "version ")
	return version
}

// xmllint reads the files as a stream and does nothing with them.
func xmllint(ctx context.Context, files []string) (float64, error) {
	args := []string{"--stream", "--noout", "--huge"}
	all, err := measure(ctx, nil, "xmllint", append(args, files...)...)
	if err != nil {
		return 0, err
	}
	start, err := measure(ctx, nil, "xmllint", "--version")
	if all.processor <= start.processor {
		return 0, errors.Join(err, errors.New("xmllint takes no time"))
	}
	return (all.processor - start.processor).Seconds(), err
}

const pythonProgram = `
import sys, time
from xml.etree.ElementTree import iterparse
start = time.process_time()
for name in sys.argv[1:]:
    for event, element in iterparse(name):
        element.clear()
print(time.process_time() - start)
`

// pythonName is Debian's own Python where it is, and not one of a project.
func pythonName() string {
	const debian = "/usr/bin/python3"
	if _, err := os.Stat(debian); err == nil {
		return debian
	}
	return "python3"
}

func pythonVersion(ctx context.Context) string {
	return strings.TrimPrefix(versionOf(ctx, pythonName(), "--version"), "Python ")
}

func python(ctx context.Context, files []string) (float64, error) {
	out, err := exec.CommandContext(ctx, pythonName(), append([]string{"-c", pythonProgram}, files...)...).Output()
	if err != nil {
		return 0, fmt.Errorf("python: %w", err)
	}
	return strconv.ParseFloat(string(bytes.TrimSpace(out)), 64)
}

// parsing measures programs of others on the same pages.
func (b *bench) parsing(ctx context.Context, shape string, d *decoder) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var files []string
	for i, a := range d.transport.script.recording.answers {
		name := filepath.Join(dir, fmt.Sprintf("%03d.xml", i))
		if err := os.WriteFile(name, a.body, 0o600); err != nil {
			return err
		}
		files = append(files, name)
	}
	for _, p := range parsers() {
		name := "decode " + shape + " into records"
		version := p.version(ctx)
		if version == "" {
			b.rows = append(b.rows, missing(name, p.name))
			continue
		}
		err := b.inTurns(ctx, row{Name: name, Peer: p.name + " " + version},
			func(ctx context.Context) (float64, error) { return speed(ctx, d.size, b.turnTime(), d.records) },
			func(ctx context.Context) (float64, error) {
				seconds, err := p.cost(ctx, files)
				return float64(d.once) / seconds, err
			})
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}
