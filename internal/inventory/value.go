package inventory

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// raw is a value as it was written: one text or a list of texts.
type raw struct {
	text   string
	list   []string
	isList bool
	// tag is the YAML type of text, such as !!int. It is empty for a value
	// from a flag or the environment, where all is text.
	tag string
	// dir is the directory that relative paths start from; empty leaves them
	// as they are.
	dir string
}

// is tells whether the value is one text of a YAML type, or untyped.
func (r raw) is(tag string) bool {
	return !r.isList && (r.tag == "" || r.tag == tag)
}

// written describes the value in an error. Only kinds of value that never hold
// a secret may use it.
func (r raw) written() string {
	if r.isList {
		return "a list"
	}
	return strconv.Quote(r.text)
}

// kind is a type of value: how an editor checks it and how it is read.
type kind[V any] struct {
	schema map[string]any // JSON schema
	read   func(raw) (V, error)
}

// text is any text; an empty one takes back what a lower layer set.
func text() kind[string] {
	return kind[string]{
		schema: map[string]any{"type": "string"},
		read: func(r raw) (string, error) {
			switch {
			case r.isList:
				return "", errors.New("want one text, got a list")
			case !r.is("!!str"):
				return "", errors.New("want text: put the value in quotes")
			}
			return r.text, nil
		},
	}
}

// boolean is true or false.
func boolean() kind[bool] {
	return kind[bool]{
		schema: map[string]any{"type": "boolean"},
		read: func(r raw) (bool, error) {
			if r.is("!!bool") {
				switch strings.ToLower(r.text) {
				case "true":
					return true, nil
				case "false":
					return false, nil
				}
			}
			return false, fmt.Errorf("want true or false, got %s", r.written())
		},
	}
}

// integer is a whole number between lowest and highest, both included.
func integer[V int | uint64](lowest, highest V) kind[V] {
	return kind[V]{
		schema: map[string]any{"type": "integer", "minimum": lowest, "maximum": highest},
		read: func(r raw) (V, error) {
			// uint64 holds every number that is asked for: none is negative.
			n, err := strconv.ParseUint(r.text, 10, 64)
			if !r.is("!!int") || err != nil || n < uint64(lowest) || n > uint64(highest) {
				return 0, fmt.Errorf("want a whole number from %d to %d, got %s", lowest, highest, r.written())
			}
			return V(n), nil
		},
	}
}

// duration is a Go duration of at least lowest and at most a day.
func duration(lowest time.Duration) kind[time.Duration] {
	const highest = 24 * time.Hour
	return kind[time.Duration]{
		schema: map[string]any{
			"type":     "string",
			"pattern":  `^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$`,
			"examples": []string{"30s", "1m30s"},
		},
		read: func(r raw) (time.Duration, error) {
			d, err := time.ParseDuration(r.text)
			switch {
			case !r.is("!!str") || err != nil:
				return 0, fmt.Errorf("want a duration with its unit, such as 30s or 1m30s, got %s", r.written())
			case d < lowest || d > highest:
				return 0, fmt.Errorf("want a duration from %s to %s, got %s", lowest, highest, d)
			}
			return d, nil
		},
	}
}

// choice is one of a few words.
func choice[V ~string](words ...V) kind[V] {
	names := make([]string, len(words))
	for i, w := range words {
		names[i] = string(w)
	}
	return kind[V]{
		schema: map[string]any{"enum": names},
		read: func(r raw) (V, error) {
			for _, w := range words {
				if !r.isList && r.text == string(w) {
					return w, nil
				}
			}
			return "", fmt.Errorf("want one of %s, got %s%s",
				strings.Join(names, ", "), r.written(), DidYouMean(r.text, names))
		},
	}
}

// filePath is the name of a file, given from the inventory's own directory on; ~/
// is the home directory.
func filePath() kind[string] {
	k := text()
	return kind[string]{schema: k.schema, read: func(r raw) (string, error) {
		name, err := k.read(r)
		if err != nil || name == "" {
			return "", err
		}
		return r.resolve(name)
	}}
}

// ticketCache is a path, or a cache that names its type: FILE:/tmp/krb5cc_0.
func ticketCache() kind[string] {
	typed := regexp.MustCompile(`^[A-Za-z]{2,}:`)
	k := filePath()
	return kind[string]{schema: k.schema, read: func(r raw) (string, error) {
		if r.is("!!str") && typed.MatchString(r.text) {
			return r.text, nil
		}
		return k.read(r)
	}}
}

// resolve gives name as the rest of the program can open it.
func (r raw) resolve(name string) (string, error) {
	if rest, found := strings.CutPrefix(name, "~/"); found {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("expand ~ in %q: %w", name, err)
		}
		return filepath.Join(home, rest), nil
	}
	if r.dir == "" || filepath.IsAbs(name) {
		return name, nil
	}
	return filepath.Join(r.dir, name), nil
}

// siteCode is the three letters or digits that name a site in ConfigMgr.
func siteCode() kind[string] {
	form := regexp.MustCompile(`^[A-Za-z0-9]{3}$`)
	return kind[string]{
		// YAML takes 001 for a number and 1E5 too: what counts is how it is
		// written.
		schema: map[string]any{"type": []string{"string", "number"}, "pattern": "^[A-Za-z0-9]{3}$"},
		read: func(r raw) (string, error) {
			if r.isList || !form.MatchString(r.text) {
				return "", fmt.Errorf("want a site code, three letters or digits, got %s", r.written())
			}
			return strings.ToUpper(r.text), nil
		},
	}
}

// namespace is a CIM namespace, with slashes of either kind.
func namespace() kind[string] {
	form := regexp.MustCompile(`^[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*$`)
	return kind[string]{
		schema: map[string]any{"type": "string", "examples": []string{"root/sms/site_PS1"}},
		read: func(r raw) (string, error) {
			name := strings.Trim(strings.ReplaceAll(r.text, `\`, "/"), "/")
			if !r.is("!!str") || !form.MatchString(name) {
				return "", fmt.Errorf("want a namespace such as root/sms/site_PS1, got %s", r.written())
			}
			return name, nil
		},
	}
}

// fingerprint is a SHA-256, read in the usual notations and kept as 64 lower
// case hexadecimal digits.
func fingerprint() kind[string] {
	form := regexp.MustCompile(`^[0-9a-f]{64}$`)
	return kind[string]{
		schema: map[string]any{"type": "string", "pattern": "^([Ss][Hh][Aa]256:)?([0-9A-Fa-f]{2}[: ]?){32}$"},
		read: func(r raw) (string, error) {
			digits := strings.TrimPrefix(strings.ToLower(r.text), "sha256:")
			digits = strings.NewReplacer(":", "", " ", "").Replace(digits)
			// 64 decimal digits are a number to YAML; only the text counts.
			if r.isList || !form.MatchString(digits) {
				return "", errors.New("want the certificate's SHA-256 as 64 hexadecimal digits")
			}
			return digits, nil
		},
	}
}

// hostText is a server, see parseServer.
func hostText() kind[server] {
	return kind[server]{
		schema: map[string]any{
			"type":     "string",
			"examples": []string{"ps1.corp.example", "https://ps1.corp.example:5986", "http://[2001:db8::1]:5985"},
		},
		read: func(r raw) (server, error) {
			if !r.is("!!str") {
				return server{}, errors.New("want [http://|https://]NAME[:PORT]")
			}
			return parseServer(r.text)
		},
	}
}

// textList is a list of texts. One text is a list of one; from a flag or the
// environment it may hold several between commas.
func textList() kind[[]string] {
	return kind[[]string]{
		schema: map[string]any{"type": []string{"array", "string"}, "items": map[string]any{"type": "string"}},
		read: func(r raw) ([]string, error) {
			list := r.list
			switch {
			case r.isList:
			case r.tag == "":
				list = strings.Split(r.text, ",")
			case r.is("!!str"):
				list = []string{r.text}
			default:
				return nil, errors.New("want a list of texts")
			}
			for _, item := range list {
				if strings.TrimSpace(item) == "" {
					return nil, errors.New("want a list without empty entries")
				}
			}
			return list, nil
		},
	}
}

// passwordCommand is a program with its arguments, or a line for the shell.
func passwordCommand() kind[PasswordSource] {
	return kind[PasswordSource]{
		schema: map[string]any{"type": []string{"array", "string"}, "items": map[string]any{"type": []string{"string", "number"}}, "minItems": 1},
		read: func(r raw) (PasswordSource, error) {
			switch {
			case r.isList && len(r.list) > 0 && r.list[0] != "":
				return PasswordSource{kind: sourceCommand, words: r.list}, nil
			case r.is("!!str") && strings.TrimSpace(r.text) != "":
				return PasswordSource{kind: sourceShell, words: []string{r.text}}, nil
			}
			return PasswordSource{}, errors.New("want a list, the program and its arguments, or a line for the shell")
		},
	}
}

// passwordFile is the path of a file that holds a password.
func passwordFile() kind[PasswordSource] {
	k := filePath()
	return kind[PasswordSource]{schema: k.schema, read: func(r raw) (PasswordSource, error) {
		name, err := k.read(r)
		switch {
		case err != nil:
			return PasswordSource{}, err
		case name == "":
			return PasswordSource{}, errors.New("want the path of a file, got nothing")
		}
		return PasswordSource{kind: sourceFile, words: []string{name}}, nil
	}}
}

// passwordVariable is the name of an environment variable that holds a
// password. The text is not repeated in errors: it may be the password itself.
func passwordVariable() kind[PasswordSource] {
	form := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	return kind[PasswordSource]{
		schema: map[string]any{"type": "string", "pattern": form.String()},
		read: func(r raw) (PasswordSource, error) {
			if !r.is("!!str") || !form.MatchString(r.text) {
				return PasswordSource{}, errors.New("want the name of an environment variable, not the password")
			}
			return PasswordSource{kind: sourceEnv, words: []string{r.text}}, nil
		},
	}
}
