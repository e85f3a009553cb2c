package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestIdentify(t *testing.T) {
	bsd := "Redistribution and use in source and binary forms, with or without\nmodification, are permitted"
	for text, want := range map[string][]string{
		bsd: {"BSD-2-Clause"},
		bsd + " ... may be used to endorse or\n promote products": {"BSD-3-Clause"},
		bsd + " All advertising materials must":                   nil,
		"Permission is hereby granted, free of charge, ... The above copyright notice and this permission notice shall be included": {"MIT"},
		"Apache License\nVersion 2.0 ... 3. Grant of Patent License":                                                                {"Apache-2.0"},
		"GNU GENERAL PUBLIC LICENSE": nil,
		"":                           nil,
	} {
		if got := identify([]byte(text)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestLicencesIn(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  int
		fails bool
	}{
		"none":        {map[string]string{"README": "MIT"}, 0, true},
		"unknown":     {map[string]string{"LICENSE": "do not"}, 0, true},
		"notice only": {map[string]string{"NOTICE": "x"}, 0, true},
		"one of two":  {map[string]string{"LICENSE": "SQLite Is Public Domain", "COPYING.txt": "do not"}, 0, true},
		"with notice": {map[string]string{"LICENSE": "SQLite Is Public Domain", "NOTICE.md": "x", "LICENSE-LOGO": "http"}, 2, false},
	} {
		dir := t.TempDir()
		for file, text := range tt.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := licencesIn(dir); len(got) != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestPack packs the same files with other times and modes: the bytes are the
// same.
func TestPack(t *testing.T) {
	at := time.Unix(1700000000, 0).UTC()
	for _, kind := range []string{"a.tar.gz", "a.zip"} {
		var before []byte
		for _, mode := range []os.FileMode{0o600, 0o755} {
			dir := t.TempDir()
			program := filepath.Join(dir, "dpremote")
			if err := os.WriteFile(program, bytes.Repeat([]byte("program"), 1000), mode); err != nil {
				t.Fatal(err)
			}
			manual := filepath.Join(dir, "man")
			if err := os.Mkdir(manual, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(manual, "dpremote.1"), []byte("page"), mode); err != nil {
				t.Fatal(err)
			}
			if err := pack(filepath.Join(dir, kind), []string{program, manual}, at); err != nil {
				t.Fatal(err)
			}
			packed, err := os.ReadFile(filepath.Join(dir, kind))
			if err != nil || len(packed) == 0 {
				t.Fatal(err)
			}
			if before != nil && !bytes.Equal(before, packed) {
				t.Errorf("%s depends on who packs", kind)
			}
			before = packed
			if kind == "a.zip" && !bytes.Contains(packed, []byte("a/man/dpremote.1")) {
				t.Error("the directory's file is not in it")
			}
		}
	}
	if err := pack(filepath.Join(t.TempDir(), "a.rar"), nil, at); err == nil {
		t.Error("packed a .rar")
	}
}

func TestCompress(t *testing.T) {
	var all [][]byte
	for _, name := range []string{"one", "two"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, bytes.Repeat([]byte("page"), 100), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := compress([]string{path}); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path + ".gz")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	if len(all[0]) == 0 || len(all[0]) > 100 || !bytes.Equal(all[0], all[1]) {
		t.Errorf("%d and %d bytes, which the name should not change", len(all[0]), len(all[1]))
	}
}

func TestPackageVersion(t *testing.T) {
	for version, want := range map[string]string{
		"1.2.3":                   "1.2.3",
		"v1.2.3":                  "1.2.3",
		"1.2.3-rc.1":              "1.2.3~rc.1",
		"1.2.3-rc-1":              "1.2.3~rc.1",
		"1.2.3-5-g0abc123":        "1.2.3+5.g0abc123",
		"v1.2-5-g0abc123-dirty":   "1.2+5.g0abc123.dirty",
		"1.2.3-rc.1-5-g0abc123":   "1.2.3~rc.1+5.g0abc123",
		"1.2.3-dirty":             "1.2.3+dirty",
		"1.2.3+build.7":           "1.2.3+build.7",
		"0.0.0-ci":                "0.0.0~ci",
		"fdf03b2":                 "0.0.0+fdf03b2",
		"1234567-dirty":           "0.0.0+1234567.dirty",
		"release_7-2-gabc":        "0.0.0+release.7.2.gabc",
		"1.2.3:$(touch /tmp/x)\n": "0.0.0+1.2.3...touch..tmp.x..",
	} {
		if got := packageVersion(version); got != want {
			t.Errorf("%q: %q, want %q", version, got, want)
		}
	}
}
