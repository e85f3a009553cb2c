package kdc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/jcmturner/gokrb5/v8/config"
)

// defaultConfig is where systems keep krb5.conf.
const defaultConfig = "/etc/krb5.conf"

// maxIncludes bounds how many files one krb5.conf includes.
const maxIncludes = 100

// krb5conf is what matters of a krb5.conf, in the format that MIT documents in
// krb5.conf(5). Everything else in one is skipped.
type krb5conf struct {
	defaultRealm string
	kdcs         map[string][]string // by realm
	domains      map[string]string   // realm by .domain or host
	noDNS        bool                // dns_lookup_kdc = false

	files int
}

// loadConf reads a krb5.conf. It may be missing where nobody named one.
func loadConf(path string) (*krb5conf, error) {
	c := &krb5conf{kdcs: map[string][]string{}, domains: map[string]string{}}
	err := c.read(firstOf(path, defaultConfig))
	if path == "" && errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return c, err
}

func (c *krb5conf) read(path string) error {
	if c.files++; c.files > maxIncludes {
		return fmt.Errorf("%s: more than %d files are included", path, maxIncludes)
	}
	b, err := readFile(path)
	if err != nil {
		return err
	}
	return c.parse(path, b)
}

// parse reads what is in the file of a path.
func (c *krb5conf) parse(path string, b []byte) error {
	var section string
	var within []string // names of the open braces
	for number, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			section, within = strings.Trim(line, "[]* \t"), nil
		case line == "}" || line == "}*":
			if len(within) == 0 {
				return fmt.Errorf("%s:%d: a brace closes nothing", path, number+1)
			}
			within = within[:len(within)-1]
		default:
			open, err := c.line(section, within, line)
			if err != nil {
				return fmt.Errorf("%s:%d: %w", path, number+1, err)
			}
			if open != "" {
				within = append(within, open)
			}
		}
	}
	return nil
}

// line takes one line. Open is the name of the brace that it opens.
func (c *krb5conf) line(section string, within []string, line string) (open string, err error) {
	if directive, rest, ok := strings.Cut(line, " "); ok && (directive == "include" || directive == "includedir") {
		return "", c.include(directive, strings.TrimSpace(rest))
	}
	key, value, ok := strings.Cut(line, "=")
	if !ok {
		return "", nil // of a module or of another program
	}
	key, value = strings.TrimSpace(key), strings.Trim(strings.TrimSpace(value), `"`)
	switch {
	case value == "{":
		return key, nil
	case section == "libdefaults" && key == "default_realm":
		c.defaultRealm = firstOf(c.defaultRealm, value)
	case section == "libdefaults" && key == "dns_lookup_kdc":
		switch strings.ToLower(value) {
		case "false", "no", "n", "f", "off", "0", "nil":
			c.noDNS = true
		}
	case section == "realms" && len(within) == 1 && key == "kdc":
		c.kdcs[within[0]] = append(c.kdcs[within[0]], value)
	case section == "domain_realm" && len(within) == 0:
		c.domains[strings.ToLower(key)] = value
	}
	return "", nil
}

// includable is which files of a directory count.
var includable = regexp.MustCompile(`^[A-Za-z0-9_-]+$|^[^.].*\.conf$`)

func (c *krb5conf) include(directive, path string) error {
	if directive == "include" {
		return c.read(path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || !includable.MatchString(e.Name()) {
			continue
		}
		if err := c.read(filepath.Join(path, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// realmOf is the realm that the configuration maps a host to, if any: by its
// name, else by the longest of its domains.
func (c *krb5conf) realmOf(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if realm, ok := c.domains[host]; ok {
		return realm
	}
	for {
		at := strings.IndexByte(host, '.')
		if at < 0 {
			return ""
		}
		if realm, ok := c.domains[host[at:]]; ok {
			return realm
		}
		host = host[at+1:]
	}
}

// library is the configuration that the library's requests are made by.
func (c *krb5conf) library() *config.Config {
	l := config.New()
	d := &l.LibDefaults
	d.DefaultTktEnctypeIDs, d.DefaultTGSEnctypeIDs = encryptionTypes, encryptionTypes
	d.NoAddresses = true
	return l
}
