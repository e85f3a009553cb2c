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
			if err := pack(filepath.Join(dir, kind), []string{program}, at); err != nil {
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
		}
	}
	if err := pack(filepath.Join(t.TempDir(), "a.rar"), nil, at); err == nil {
		t.Error("packed a .rar")
	}
}
