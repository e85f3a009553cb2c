package inventory

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	home, config := t.TempDir(), t.TempDir()
	inHome := filepath.Join(home, ".config", "dpremote", "inventory.yaml")
	inConfig := filepath.Join(config, "dpremote", "inventory.yaml")
	tests := []struct {
		name  string
		flag  string
		env   map[string]string
		files []string
		want  string
		fails string
	}{
		{name: "flag first", flag: "a.yaml", env: map[string]string{"DPREMOTE_INVENTORY": "b.yaml"}, files: []string{"a.yaml", "b.yaml", "inventory.yaml"}, want: "a.yaml"},
		{name: "variable second", env: map[string]string{"DPREMOTE_INVENTORY": "b.yaml"}, files: []string{"b.yaml", "inventory.yaml"}, want: "b.yaml"},
		{name: "here third", env: map[string]string{"HOME": home}, files: []string{"inventory.yaml", inHome}, want: "inventory.yaml"},
		{name: "configuration", env: map[string]string{"HOME": home, "XDG_CONFIG_HOME": config}, files: []string{inConfig, inHome}, want: inConfig},
		{name: "home", env: map[string]string{"HOME": home}, files: []string{inHome}, want: inHome},
		{name: "relative configuration is none", env: map[string]string{"HOME": home, "XDG_CONFIG_HOME": "etc"}, files: []string{inHome}, want: inHome},
		{name: "home of Windows", env: map[string]string{"USERPROFILE": home}, files: []string{inHome}, want: inHome},
		{name: "no falling back from the flag", flag: "a.yaml", files: []string{"inventory.yaml"}, fails: "find inventory: no inventory at a.yaml, which -i names"},
		{name: "no falling back from the variable", env: map[string]string{"DPREMOTE_INVENTORY": "b.yaml"}, files: []string{"inventory.yaml"}, fails: "no inventory at b.yaml, which DPREMOTE_INVENTORY names"},
		{name: "none", env: map[string]string{"HOME": home}, fails: "looked at inventory.yaml and " + inHome + "; name one with -i"},
		{name: "no home", fails: "looked at inventory.yaml; name one with -i"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			getenv := func(name string) string { return tt.env[name] }
			exists := func(path string) bool {
				for _, f := range tt.files {
					if f == path {
						return true
					}
				}
				return false
			}
			got, err := Find(tt.flag, getenv, exists)
			if tt.fails == "" {
				if err != nil || got != tt.want {
					t.Errorf("got %q and the error %v, want %q", got, err, tt.want)
				}
				return
			}
			if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("got %v, want it to contain %q", err, tt.fails)
			}
		})
	}
}
