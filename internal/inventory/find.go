package inventory

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// FileName is the name of an inventory where none is given.
const FileName = "inventory.yaml"

// ErrNotFound means that there is no inventory where one was looked for.
var ErrNotFound = errors.New("no inventory")

// Find gives the path of the inventory to use. The first of these wins: flag
// (the value of -i), the variable DPREMOTE_INVENTORY, ./inventory.yaml, and
// dpremote/inventory.yaml in $XDG_CONFIG_HOME or else ~/.config. A path that
// the user named must exist: Find does not fall back to the next. Its errors
// wrap [ErrNotFound].
func Find(flag string, getenv func(string) string, exists func(string) bool) (string, error) {
	named := []struct{ from, path string }{
		{"-i", flag},
		{"DPREMOTE_INVENTORY", getenv("DPREMOTE_INVENTORY")},
	}
	for _, n := range named {
		switch {
		case n.path == "":
		case exists(n.path):
			return n.path, nil
		default:
			return "", fmt.Errorf("find inventory: %w at %s, which %s names", ErrNotFound, n.path, n.from)
		}
	}

	places := usualPlaces(getenv)
	for _, path := range places {
		if exists(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("find inventory: %w: looked at %s; name one with -i or DPREMOTE_INVENTORY, or give a site with --host",
		ErrNotFound, strings.Join(places, " and "))
}

func usualPlaces(getenv func(string) string) []string {
	places := []string{FileName}
	config := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		// The XDG Base Directory Specification has relative paths ignored.
		config = ""
	}
	for _, home := range []string{getenv("HOME"), getenv("USERPROFILE")} {
		if config == "" && home != "" {
			config = filepath.Join(home, ".config")
		}
	}
	if config != "" {
		places = append(places, filepath.Join(config, "dpremote", FileName))
	}
	return places
}
