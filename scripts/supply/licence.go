package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// module is a module that is linked into dpremote on some platform.
type module struct {
	Path, Version, Dir string
	licences           []licence
}

// licence is a file with the terms of a module.
type licence struct {
	file string
	ids  []string // SPDX's, of all the licences in it; none for a notice that goes with one
	text []byte
}

// platforms are those that dpremote is built for: what is linked differs.
func platforms() []string { return []string{"linux", "darwin", "windows"} }

// linked are the modules that are linked into dpremote, by path, and Go's own
// library.
func linked() ([]module, error) {
	found := map[string]module{}
	for _, system := range platforms() {
		cmd := exec.Command("go", "list", "-deps", "-json=Module", "./cmd/dpremote")
		cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", system, err)
		}
		for d := json.NewDecoder(bytes.NewReader(out)); ; {
			var p struct {
				Module *struct {
					Path, Version, Dir string
					Main               bool
					Replace            *struct{ Path string }
				}
			}
			if err := d.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			switch m := p.Module; {
			case m == nil || m.Main:
			case m.Replace != nil:
				return nil, fmt.Errorf("%s is replaced by %s: say where its licence is", m.Path, m.Replace.Path)
			default:
				found[m.Path] = module{Path: m.Path, Version: m.Version, Dir: m.Dir}
			}
		}
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	found["std"] = module{Path: "std", Version: runtime.Version(), Dir: strings.TrimSpace(string(root))}
	var all []module
	var errs []error
	for _, m := range found {
		if m.licences, err = licencesIn(m.Dir); err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", m.Path, m.Version, err))
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return all, errors.Join(errs...)
}

var (
	licenceName = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)([-._].*)?$`)
	noticeName  = regexp.MustCompile(`(?i)^notice([-._].*)?$`) // Apache-2.0 section 4(d)
	// pictureName is a licence of pictures, which are not linked.
	pictureName = regexp.MustCompile(`(?i)[-._]logo$`)
)

// licencesIn reads the licences at the top of a module. A module without one,
// or with one that is not known, is an error: it may not be given away.
func licencesIn(dir string) ([]licence, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []licence
	terms := 0
	for _, e := range entries {
		isLicence := licenceName.MatchString(e.Name()) && !pictureName.MatchString(e.Name())
		if e.IsDir() || !isLicence && !noticeName.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		l := licence{file: e.Name(), text: text}
		if isLicence {
			if l.ids = identify(text); len(l.ids) == 0 {
				return nil, fmt.Errorf("%s is no licence that is known here", e.Name())
			}
			terms++
		}
		all = append(all, l)
	}
	if terms == 0 {
		return nil, errors.New("there is no licence file")
	}
	return all, nil
}

// known are the licences that dependencies may have, each with words of which
// all must be in its text and words that must not. Of copyleft there is that of
// single files alone (MPL-2.0): no file of theirs is changed here.
func known() []struct {
	id          string
	words, lack []string
} {
	const endorse = "endorse or promote products"
	const redistribute = "Redistribution and use in source and binary forms"
	return []struct {
		id          string
		words, lack []string
	}{
		{"Apache-2.0", []string{"Apache License", "Version 2.0", "Grant of Patent License"}, nil},
		{"MIT", []string{"Permission is hereby granted, free of charge", "The above copyright notice and this permission notice shall be included"}, nil},
		{"BSD-3-Clause", []string{redistribute, endorse}, []string{"All advertising materials"}},
		{"BSD-2-Clause", []string{redistribute}, []string{endorse, "All advertising materials"}},
		{"MPL-2.0", []string{"Mozilla Public License", "version 2.0"}, nil},
		{"blessing", []string{"SQLite Is Public Domain"}, nil},
		{"ISC", []string{"Permission to use, copy, modify, and/or distribute this software for any purpose"}, nil},
	}
}

// identify gives the SPDX identifiers of the licences in a text.
func identify(text []byte) []string {
	plain := strings.Join(strings.Fields(string(text)), " ")
	var ids []string
	for _, k := range known() {
		in := func(words string) bool { return strings.Contains(plain, words) }
		if !slices.ContainsFunc(k.words, func(w string) bool { return !in(w) }) && !slices.ContainsFunc(k.lack, in) {
			ids = append(ids, k.id)
		}
	}
	return ids
}

// ids are the identifiers of a module's licences, each once.
func (m module) ids() []string {
	var ids []string
	for _, l := range m.licences {
		ids = append(ids, l.ids...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// writeLicences writes the list that is kept as THIRD_PARTY.md. Go's own version
// is not in it, for it changes with who builds.
func writeLicences(out io.Writer) error {
	modules, err := linked()
	if err != nil {
		return err
	}
	fmt.Fprint(out, "# What dpremote is linked with\n\n",
		"Made by `make licences`; `make lint` fails when it is not up to date. The texts of the\n",
		"licences are in NOTICES.txt of each release.\n\n",
		"| module | version | licence |\n|---|---|---|\n")
	for _, m := range modules {
		path, version := m.Path, m.Version
		if path == "std" {
			path, version = "Go's standard library", "the toolchain's"
		}
		fmt.Fprintf(out, "| %s | %s | %s |\n", path, version, strings.Join(m.ids(), ", "))
	}
	return nil
}

// writeNotices writes the licences themselves, as they ask for.
func writeNotices(out io.Writer) error {
	modules, err := linked()
	if err != nil {
		return err
	}
	for _, m := range modules {
		for _, l := range m.licences {
			rule := strings.Repeat("=", 80)
			fmt.Fprintf(out, "%s\n%s %s, %s\n%s\n\n%s\n\n", rule, m.Path, m.Version, l.file, rule, bytes.TrimSpace(l.text))
		}
	}
	return nil
}
