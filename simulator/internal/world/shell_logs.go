package world

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// logDir is where a site server keeps its logs.
const logDir = installDir + `\Logs`

// logAge is how long a log is written before it becomes the older part. Real
// ones go by size.
const logAge = 24 * time.Hour

// logEntry is one entry of a log.
type logEntry struct {
	at     time.Time
	thread uint32
	text   string
}

// logFile is the lines of a log's file: .log, or .lo_ for the older part. They
// follow from the status messages, to which each component adds what it did.
func (s *Site) logFile(path string) ([]string, bool) {
	name, ok := cutPrefixFold(strings.ReplaceAll(path, "/", `\`), logDir+`\`)
	if !ok {
		return nil, false
	}
	name, older := fold(name), false
	if name, older = strings.CutSuffix(name, ".LO_"); !older {
		if name, ok = strings.CutSuffix(name, ".LOG"); !ok {
			return nil, false
		}
	}
	now, unlock := s.w.read()
	defer unlock()
	entries, format := s.logOf(name)
	if entries == nil {
		return nil, false
	}
	var lines []string
	for e := range entries {
		if e.at.Before(now.Add(-logAge)) == older {
			lines = append(lines, format(e))
		}
	}
	return lines, !older || len(lines) > 0
}

// logOf is the entries of a log and the form in which its component writes
// them; no entries where the server has no such log.
func (s *Site) logOf(name string) (iter.Seq[logEntry], func(logEntry) string) {
	switch name {
	case "DISTMGR":
		return s.entriesOf((*message).distributionLog), siteForm(distributionManager)
	case "PKGXFERMGR":
		return s.entriesOf((*message).transferLog), siteForm(packageTransferManager)
	case "SMSDPPROV":
		if i := slices.IndexFunc(s.site.dps, func(d *dp) bool { return d.onServer }); i >= 0 {
			return s.providerEntries(s.site.dps[i]), providerForm
		}
	}
	return nil, nil
}

// siteForm is how a site component writes an entry. The servers are in UTC, so
// that the bias is nothing.
func siteForm(component string) func(logEntry) string {
	return func(e logEntry) string {
		return fmt.Sprintf("%s  $$<%s><%s+000><thread=%d (0x%X)>\r\n",
			e.text, component, e.at.UTC().Format("01-02-2006 15:04:05.000"), e.thread, e.thread)
	}
}

// providerForm is how the WMI provider of a distribution point writes an entry.
func providerForm(e logEntry) string {
	return fmt.Sprintf("[%X][%s]:%s\r\n", e.thread, e.at.UTC().Format("Mon 01/02/2006 15:04:05"), e.text)
}

// entriesOf is what a component writes about the site's messages, oldest first.
func (s *Site) entriesOf(lines func(*message) []string) iter.Seq[logEntry] {
	return func(yield func(logEntry) bool) {
		for m := range s.messages() {
			if m.site != s.site {
				continue
			}
			for _, text := range lines(m) {
				if !yield(logEntry{m.at, m.thread(), text}) {
					return
				}
			}
		}
	}
}

// distributionLog is what Distribution Manager writes.
func (m *message) distributionLog() []string {
	if m.component() != distributionManager {
		return nil
	}
	var lines []string
	switch m.id {
	case msgProcessing:
		lines = []string{"Found notification for package '" + m.pkg.id + "'", "Used 0 out of 3 allowed processing threads."}
	case msgProcessed:
		lines = []string{"~Package " + m.pkg.id + " does not have a preferred sender."}
	case msgProcessFailed:
		lines = []string{"~Failed to process package " + m.pkg.id + " after 1 attempts, will retry 99 more times"}
	case msgQueued:
		lines = []string{
			"Start adding package to server " + m.dp.nal + "...", "Attempting to add or update a package on a distribution point.",
			"Created package transfer job to send package " + m.pkg.id + " to distribution point " + m.dp.nal + ".",
		}
	case msgUnreachable:
		lines = []string{fmt.Sprintf(`~Failed to make a network connection to \\%s\ADMIN$ (0x%x) for package %s.`, m.dp.name, m.win32, m.pkg.id)}
	}
	return append(append(lines, m.text()), m.reported())
}

// transferLog is what Package Transfer Manager writes: about its own messages,
// and about the transfers of which Distribution Manager reports the end.
func (m *message) transferLog() []string {
	if m.dp == nil || m.pkg == nil {
		return nil
	}
	job := fmt.Sprintf("package: %s, Version: %d, Priority: 2, server: %s, DPPriority: 200", m.pkg.id, m.version, strings.ToUpper(m.dp.name))
	var number uint64
	if c, ok := m.pkg.row(m.dp); ok {
		number = c.id // one job of a row is like the other here
	}
	switch m.id {
	case msgQueued:
		return []string{fmt.Sprintf("Found send request with ID: %d, Package: %s, Version:%d, Priority: 2, Destination: %s, DPPriority: 200",
			number, m.pkg.id, m.version, strings.ToUpper(m.dp.name))}
	case msgSending:
		return []string{fmt.Sprintf("~Sending thread starting for Job: %d, %s", number, job),
			fmt.Sprintf("Sending legacy content %s.%d for package %s", m.pkg.id, m.version, m.pkg.id), m.reported()}
	case msgSent:
		return []string{fmt.Sprintf("Finished sending SWD package %s version %d to distribution point %s", m.pkg.id, m.version, strings.ToUpper(m.dp.name)),
			m.reported(), "Sending thread complete"}
	case msgSendFailed, msgCopyFailed, msgUnreachable:
		lines := []string{fmt.Sprintf("CSendFileAction::SendFiles failed; 0x%08x", hresult(m.win32)),
			fmt.Sprintf("~Sending thread failed for Job: %d, %s, error = 0x%08x", number, job, hresult(m.win32))}
		if m.severity == warning {
			lines = append(lines, fmt.Sprintf("Sending of package %s to %s is tried again. Failure count = 1", m.pkg.id, strings.ToUpper(m.dp.name)))
		}
		if m.component() == packageTransferManager {
			lines = append(lines, m.reported())
		}
		return lines
	}
	return nil
}

// providerEntries is what the provider of the distribution point that is the
// site server writes, oldest first.
func (s *Site) providerEntries(d *dp) iter.Seq[logEntry] {
	return func(yield func(logEntry) bool) {
		if !yield(logEntry{d.installed, processID, "A DP usage gathering task has been registered successfully"}) {
			return
		}
		for m := range s.messages() {
			if m.dp != d || m.pkg == nil {
				continue
			}
			for _, text := range m.providerLog() {
				if !yield(logEntry{m.at, m.thread(), text}) {
					return
				}
			}
		}
	}
}

func (m *message) providerLog() []string {
	content := fmt.Sprintf("Content '%s.%d' for package '%s'", m.pkg.id, m.version, m.pkg.id)
	switch m.id {
	case msgInstalled:
		return []string{content + " has been added to content library successfully"}
	case msgCheckedGood:
		return []string{content + " has been validated successfully"}
	case msgHashWrong:
		return []string{fmt.Sprintf("Failed to validate the hash of package '%s'; 0x%08x", m.pkg.id, m.win32)}
	case msgCopyFailed:
		return []string{fmt.Sprintf("Failed to add content to the content library, package '%s'; 0x%08x", m.pkg.id, hresult(m.win32))}
	}
	return nil
}

// reported is the line that a component writes about a status message of its
// own.
func (m *message) reported() string {
	var b strings.Builder
	fmt.Fprintf(&b, `STATMSG: ID=%d SEV=%s LEV=M SOURCE="%s" COMP="%s" SYS=%s SITE=%s PID=%d TID=%d GMTDATE=%s`,
		m.id, m.severity.letter(), moduleName, m.component(), m.site.server, m.site.code, processID, m.thread(), m.at.UTC().Format("Mon Jan 02 15:04:05.000 2006"))
	_, inserts, _ := m.id.wording()
	for i := range 10 {
		text := ""
		if i < len(inserts) {
			text = m.insert(inserts[i])
		}
		b.WriteString(" ISTR" + strconv.Itoa(i) + `="` + text + `"`)
	}
	attributes := messageAttributes(m)
	fmt.Fprintf(&b, " NUMATTRS=%d", len(attributes))
	for i, a := range attributes {
		fmt.Fprintf(&b, ` AID%d=%d AVAL%d="%s"`, i, a.id, i, a.text)
	}
	return b.String()
}

// letter is how a log tells a severity.
func (s severity) letter() string {
	switch s {
	case warning:
		return "W"
	case failure:
		return "E"
	}
	return "I"
}
