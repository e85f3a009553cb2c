package htmlreport

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
)

//go:embed page.html page.css page.js
var files embed.FS

// Write writes a report as one HTML file. It fails when parts of the report do
// not fit together, before anything is written, or as w does.
func Write(w io.Writer, r *Report) error {
	if err := r.check(); err != nil {
		return err
	}
	p, err := newPage(r)
	if err != nil {
		return err
	}
	if err := p.templates.ExecuteTemplate(w, "head", p); err != nil {
		return err
	}
	if _, err := io.WriteString(w, `<script type="application/json" id="data">`); err != nil {
		return err
	}
	if err := r.writeData(w); err != nil {
		return err
	}
	if _, err := io.WriteString(w, "</script>\n"); err != nil {
		return err
	}
	return p.templates.ExecuteTemplate(w, "tail", p)
}

// page is what the templates are filled with.
type page struct {
	*Report
	Policy    string
	Style     template.CSS
	Script    template.JS
	Totals    totals
	SiteLines []siteLine
	CauseList []causeLine
	PlanView  planView
	Trends    []trendView
	templates *template.Template
}

func newPage(r *Report) (*page, error) {
	style, err := files.ReadFile("page.css")
	if err != nil {
		return nil, err
	}
	script, err := files.ReadFile("page.js")
	if err != nil {
		return nil, err
	}
	templates, err := template.New("").Funcs(functions()).ParseFS(files, "page.html")
	if err != nil {
		return nil, err
	}
	return &page{
		Report: r, Policy: policy(string(style), string(script)), templates: templates,
		// Both are files of this package, not data.
		Style: template.CSS(style), Script: template.JS(script), //nolint:gosec
		Totals: r.totals(), SiteLines: r.siteLines(), CauseList: r.causeLines(), PlanView: r.planView(), Trends: r.trendViews(),
	}, nil
}

// policy is the content security policy (W3C, Content Security Policy Level 3):
// the page's own style and script, by their hashes, and nothing else. Nor may
// the script turn text into HTML or code, for which there would have to be a
// Trusted Types policy.
func policy(style, script string) string {
	return strings.Join([]string{
		"default-src 'none'", "style-src " + hash(style), "script-src " + hash(script), "img-src data:",
		"base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; ")
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func functions() template.FuncMap {
	return template.FuncMap{"plain": plain, "number": number, "when": when, "iso": iso, "size": sizeText, "noun": noun}
}

// plain is text without characters that turn the direction of writing or drive
// something: a name must not be shown as another.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// number is a number with its thousands set apart.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func noun(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// sizeText is a number of KB to three digits.
func sizeText(kb uint64) string {
	units := []string{"KB", "MB", "GB", "TB"}
	size, unit := float64(kb), 0
	for size >= 1024 && unit < len(units)-1 {
		size, unit = size/1024, unit+1
	}
	if size < 10 && unit > 0 {
		return fmt.Sprintf("%.1f %s", size, units[unit])
	}
	return fmt.Sprintf("%.0f %s", size, units[unit])
}
