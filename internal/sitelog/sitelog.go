// Package sitelog reads the logs of a site server through a remote shell: by
// type and findstr alone, so that nothing is written there and no PowerShell is
// needed. What goes into a command is checked first, so that no name can become
// a command of its own.
package sitelog

import (
	"fmt"
	"strings"
	"time"

	"dpremote/internal/cmtrace"
)

// Log is a log, by the name that people give it.
type Log string

// The logs of content distribution.
const (
	DistMgr   Log = "distmgr"   // Distribution Manager
	PkgXfer   Log = "pkgxfer"   // Package Transfer Manager
	SMSDPProv Log = "smsdpprov" // the WMI provider of a distribution point
)

// Logs lists the logs.
func Logs() []Log { return []Log{DistMgr, PkgXfer, SMSDPProv} }

// ParseLog reads the name of a log in any case.
func ParseLog(name string) (Log, error) {
	for _, l := range Logs() {
		if strings.EqualFold(name, string(l)) {
			return l, nil
		}
	}
	return "", fmt.Errorf("log %q is none of distmgr, pkgxfer, smsdpprov", name)
}

// File is the name of the log's file.
func (l Log) File() string { return l.base() + ".log" }

// older is the file that the log's becomes when it is full; the one of before
// is then gone.
func (l Log) older() string { return l.base() + ".lo_" }

func (l Log) base() string {
	if l == PkgXfer {
		return "PkgXferMgr"
	}
	return string(l)
}

// Dir is a directory of a server that may stand in a command. The zero value is
// the site server's own log directory.
type Dir struct{ path string }

// serverLogs is where a site server keeps its logs: setup sets this variable.
const serverLogs = "%SMS_LOG_PATH%"

// ParseDir reads a directory on a drive of the server, such as
// D:\SMS\Logs. Only ASCII is taken: Windows turns some other letters into
// quotes when it needs them in an 8-bit code page.
func ParseDir(path string) (Dir, error) {
	refuse := func(why string) (Dir, error) { return Dir{}, fmt.Errorf("directory %q: %s", path, why) }
	switch {
	case len(path) < 3 || !isLetter(path[0]) || path[1] != ':' || path[2] != '\\':
		return refuse(`it must begin with a drive, as D:\SMS\Logs does`)
	case len(path) > 200:
		return refuse("it is longer than 200 characters")
	}
	for _, r := range path[3:] {
		if !isWordRune(r) && !strings.ContainsRune(`\ $()`, r) {
			return refuse(fmt.Sprintf("%q cannot stand in it: letters, digits, blanks and -_.$() can", r))
		}
	}
	return Dir{strings.TrimRight(path, `\ `)}, nil
}

// file is the path of a file in the directory.
func (d Dir) file(name string) string {
	if d.path == "" {
		return serverLogs + `\` + name
	}
	return d.path + `\` + name
}

// Word is text that may stand in a command: a package ID, or a server's name.
type Word struct{ text string }

// ParseWord reads a word: up to 253 letters, digits, dots, hyphens and
// underscores, all of them ASCII. That is the length of a host name, and findstr
// takes no more than 254.
func ParseWord(text string) (Word, error) {
	if text == "" || len(text) > maxWord || strings.ContainsFunc(text, func(r rune) bool { return !isWordRune(r) }) {
		return Word{}, fmt.Errorf("%q cannot be looked for on a server: it has letters, digits and -_. only, %d at most", text, maxWord)
	}
	return Word{text}, nil
}

func isWordRune(r rune) bool {
	return r < 0x80 && (isLetter(byte(r)) || '0' <= r && r <= '9' || strings.ContainsRune("-_.", r))
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// maxWord is the length of the longest word.
const maxWord = 253

// maxWords is the most words of one command, which cmd.exe takes up to 8191
// characters of.
const maxWords = 20

// Query says what to read of a log.
type Query struct {
	Log Log
	Dir Dir
	// Since is the earliest entry; the zero time means no limit.
	Since time.Time
	// Lines is how many entries, the newest; 0 means no limit.
	Lines int
	// Words narrow what the server sends to lines with one of them, whatever
	// their case. None, or more than 20, means all lines.
	Words []Word
	// Match picks entries; nil takes all. It must not take an entry that has
	// none of Words.
	Match func(cmtrace.Entry) bool
	// Zone is the server's, for logs that do not write theirs; nil means UTC.
	Zone *time.Location
}

// command is the command that prints a file, or its lines with one of the words.
func (q Query) command(file string, words []Word) string {
	path := `"` + q.Dir.file(file) + `"`
	if len(words) == 0 {
		return "type " + path
	}
	// Without /I findstr overlooks lines when it is given several texts.
	var b strings.Builder
	b.WriteString("findstr /L /I")
	for _, w := range words {
		b.WriteString(` /C:"` + w.text + `"`)
	}
	return b.String() + " " + path
}
