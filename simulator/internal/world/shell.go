package world

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Shell is a very small cmd.exe on the site server: hostname, ver, echo, type
// and findstr (/I, /L, /C:"text" any number of times, and one file). Its files
// are the logs of content distribution. The exit codes are those of Windows; no
// command waits.
func (s *Site) Shell(ctx context.Context, command string, args []string) (stdout, stderr []byte, exitCode int) {
	if err := ctx.Err(); err != nil {
		return nil, []byte(err.Error()), 1
	}
	words := splitCommand(s.expand(strings.Join(append([]string{command}, args...), " ")))
	for len(words) > 1 && isCmd(words[0]) {
		words = words[1:]
		for len(words) > 0 && strings.HasPrefix(words[0], "/") {
			words = words[1:]
		}
	}
	if len(words) == 0 {
		return nil, nil, 0
	}
	name, words := words[0], words[1:]
	switch strings.ToLower(strings.TrimSuffix(strings.ToLower(name), ".exe")) {
	case "hostname":
		return []byte(s.site.computer() + "\r\n"), nil, 0
	case "ver":
		return []byte("\r\nMicrosoft Windows [Version 10.0.20348.2227]\r\n"), nil, 0
	case "echo":
		return []byte(strings.Join(words, " ") + "\r\n"), nil, 0
	case "type":
		return s.shellType(words)
	case "findstr":
		return s.shellFind(words)
	}
	return nil, fmt.Appendf(nil, "'%s' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", name), 1
}

func isCmd(word string) bool {
	return strings.EqualFold(word, "cmd") || strings.EqualFold(word, "cmd.exe")
}

// expand puts in the values of the environment variables that a site server
// has, and leaves others as they are.
func (s *Site) expand(line string) string {
	var out strings.Builder
	for {
		before, rest, opened := strings.Cut(line, "%")
		name, after, closed := strings.Cut(rest, "%")
		out.WriteString(before)
		if !opened {
			return out.String()
		}
		text, known := s.variable(name)
		if !closed || !known {
			// The next percent sign may be the first of a variable.
			out.WriteString("%")
			line = rest
			continue
		}
		out.WriteString(text)
		line = after
	}
}

func (s *Site) variable(name string) (string, bool) {
	switch strings.ToUpper(name) {
	case "COMPUTERNAME":
		return s.site.computer(), true
	case "SMS_LOG_PATH":
		return logDir, true
	case "PROGRAMFILES":
		return `C:\Program Files`, true
	}
	return "", false
}

// splitCommand splits a command line at blanks outside of quotes, and removes
// the quotes.
func splitCommand(line string) []string {
	var words []string
	var word strings.Builder
	quoted, begun := false, false
	for _, r := range line {
		switch {
		case r == '"':
			quoted, begun = !quoted, true
		case r == ' ' && !quoted:
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}

func (s *Site) shellType(words []string) (stdout, stderr []byte, exitCode int) {
	if len(words) != 1 {
		return nil, []byte("The syntax of the command is incorrect.\r\n"), 1
	}
	lines, ok := s.logFile(words[0])
	if !ok {
		return nil, []byte("The system cannot find the file specified.\r\n"), 1
	}
	return []byte(strings.Join(lines, "")), nil, 0
}

func (s *Site) shellFind(words []string) (stdout, stderr []byte, exitCode int) {
	compare, file := strings.Contains, ""
	var wanted []string
	for _, word := range words {
		switch {
		case strings.EqualFold(word, "/i"):
			compare = containsFold
		case strings.EqualFold(word, "/l"):
		case len(word) > 3 && strings.EqualFold(word[:3], "/c:"):
			wanted = append(wanted, word[3:])
		case len(wanted) == 0:
			wanted = strings.Fields(word) // each of them is looked for
		default:
			file = word
		}
	}
	if len(wanted) == 0 || file == "" {
		return nil, []byte("FINDSTR: Bad command line\r\n"), 2
	}
	lines, ok := s.logFile(file)
	if !ok {
		return nil, fmt.Appendf(nil, "FINDSTR: Cannot open %s\r\n", file), 1
	}
	var found strings.Builder
	for _, line := range lines {
		if slices.ContainsFunc(wanted, func(text string) bool { return compare(line, text) }) {
			found.WriteString(line)
		}
	}
	if found.Len() == 0 {
		return nil, nil, 1
	}
	return []byte(found.String()), nil, 0
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToUpper(s), strings.ToUpper(part))
}
