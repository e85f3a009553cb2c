package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dpremote/cim"
	"dpremote/distribution"
	"dpremote/internal/connect"
	"dpremote/internal/history"
	"dpremote/internal/inventory"
	"dpremote/queries"
)

// surveyOf is what a site shows: rows of package PS100001, and so on, on one
// distribution point of PS1.
func surveyOf(t *testing.T, code queries.SiteCode, states ...queries.State) *survey {
	t.Helper()
	site := &distribution.Site{Name: string(code), Session: &cim.Session{Namespace: code.Namespace()}}
	view := &distribution.View{Site: site, Sites: []queries.Site{
		{SiteCode: "CAS", Type: queries.SiteCAS}, {SiteCode: "PS1", Type: queries.SitePrimary, ReportingSiteCode: "CAS"}}}
	s := &survey{
		member: &member{Site: inventory.Site{Name: strings.ToLower(string(code))}, Connection: &connect.Connection{}, site: site}, examination: &distribution.Examination{View: view},
		packages: map[queries.PackageID]*surveyedPackage{}, dps: map[dpKey]*surveyedDP{}, states: map[string]int{},
	}
	for i, state := range states {
		s.add(queries.PackageStatusDP{State: state, Keys: queries.Keys{
			PackageID: queries.PackageID("PS10000" + string(rune('1'+i))), SiteCode: "PS1", ServerNALPath: `["Display=\\dp01\"]MSWNET:["SMS_SITE=PS1"]\\dp01\`}})
	}
	return s
}

// TestReportTakesTheBestView has two sites disagree about rows: the primary site
// knows best, whichever of them is worse off.
func TestReportTakesTheBestView(t *testing.T) {
	failed, installed := queries.StateFailed, queries.StateInstalled
	cas := surveyOf(t, "CAS", failed, installed, failed, installed, failed)
	ps1 := surveyOf(t, "PS1", installed, failed, failed, installed)
	for _, order := range [][]*survey{{cas, ps1}, {ps1, cas}} {
		b := &reportBuilder{f: &fleet{g: &globals{}}, surveys: order}
		r := b.build(nil)
		if len(r.DPs) != 1 || r.DPs[0].Held.Len() != 5 || len(r.Packages) != 5 {
			t.Fatalf("got %+v", r)
		}
		var bad []string
		for _, row := range r.Rows {
			bad = append(bad, r.Packages[row.Package].ID)
		}
		// The fifth is not known to the primary site.
		if got := strings.Join(bad, " "); got != "PS100002 PS100003 PS100005" {
			t.Errorf("not installed: %s", got)
		}
	}
}

func TestOutFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.html")
	link := filepath.Join(dir, "link.html")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("r.html", link); err != nil {
		t.Skip("this system makes no symbolic links for us: ", err)
	}
	write := func(name, text string, fail error) error {
		out, err := openOut("--out", name, forOwner, nil)
		if err != nil {
			return err
		}
		defer out.discard()
		return out.write(func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, fail)
		})
	}
	if broken := errors.New("broken"); !errors.Is(write(path, "half", broken), broken) {
		t.Error("an error was lost")
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("after a failure the file holds %q", got)
	}
	if err := write(link, "new", nil); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(link)
	if got, _ := os.ReadFile(path); err != nil || string(got) != "new" || info.Mode().IsRegular() {
		t.Errorf("the file holds %q, the link is %v, %v", got, info.Mode(), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the permissions became %v, %v", info.Mode(), err)
	}
	if err := write(os.DevNull, "gone", nil); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%s became %v, %v", os.DevNull, info.Mode(), err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestIsWhole(t *testing.T) {
	for arguments, want := range map[string]bool{"--out=r.html --site=PS1": true, "--level=dp": true, "--package=PS1*": false, "--state=failed --wait": false} {
		if got := isWhole(history.Run{Arguments: strings.Fields(arguments)}); got != want {
			t.Errorf("%s: %t", arguments, got)
		}
	}
}

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{"PS1,PS2": "PS1,PS2", "PS1*": "'PS1*'", "": "''", "it's": `'it'\''s'`} {
		if got := shellWord(word); got != want {
			t.Errorf("%q became %s, want %s", word, got, want)
		}
	}
}
