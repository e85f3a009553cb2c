package queries

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		name      string
		messageID uint32
		win32     uint32
		inserts   []string
		want      string
	}{
		{"disk full, Win32 error", 2328, 112, nil, "disk-full"},
		{"disk full, HRESULT", 2328, 0x80070070, nil, "disk-full"},
		{"disk full, in a string", 8203, 0, []string{"PS100039", "0x80070070"}, "disk-full"},
		{"disk full, in a sentence", 2302, 0, []string{"copy failed (0X80070070)."}, "disk-full"},
		{"disk full, signed", 2302, 0, []string{"-2147024784"}, "disk-full"},
		{"disk full, unsigned", 2302, 0, []string{" 2147942512 "}, "disk-full"},
		{"disk full, behind the word", 2302, 0, []string{"Error = 112"}, "disk-full"},
		{"disk full, reported", 2302, 0, []string{"The operating system reported error 112: There is not enough space on the disk."}, "disk-full"},
		{"handle disk full", 2328, 39, nil, "disk-full"},
		{"no source", 2306, 3, nil, "source-missing"},
		{"no source file", 2306, 0, []string{`\\files\x`, "0x80070002"}, "source-missing"},
		{"source, no code", 2306, 0, []string{`\\files\x`}, "source-missing"},
		{"source denied", 2306, 5, nil, "access-denied"},
		{"copy denied", 2328, 0, []string{"0x80070005"}, "access-denied"},
		{"network access denied", 2324, 65, nil, "access-denied"},
		{"logon failure", 2323, 1326, nil, "access-denied"},
		{"unreachable", 2391, 0, nil, "dp-offline"},
		{"unreachable, but denied", 2391, 5, nil, "access-denied"},
		{"bad net path", 2328, 53, nil, "dp-offline"},
		{"net name gone", 8203, 64, nil, "dp-offline"},
		{"bad net name", 8203, 67, nil, "dp-offline"},
		{"network unreachable", 8203, 1231, nil, "dp-offline"},
		{"RPC server", 8203, 0x800706BA, nil, "dp-offline"},
		{"hash wrong", 2382, 0, nil, "hash-mismatch"},
		{"hash wrong, with a code", 2382, 0x80091007, nil, "hash-mismatch"},
		{"hash not checked", 2383, 0, nil, "hash-mismatch"},
		{"hash not checked for want of rights", 2383, 5, nil, "access-denied"},
		{"hash by code", 8203, 0, []string{"0x80091007"}, "hash-mismatch"},
		{"content missing", 8203, 0x80070003, nil, "content-missing"},
		{"content file missing", 2302, 2, nil, "content-missing"},
		{"prestaged", 2371, 0, nil, "waits-for-prestaged"},
		{"content on its way", 2372, 0, nil, "waits-for-content"},
		{"cancelled", 2302, 1223, nil, "cancelled"},
		{"timeout", 8203, 121, nil, "interrupted"},
		{"reset", 8203, 10054, nil, "interrupted"},
		{"nothing known", 2302, 0, []string{"Browser", "PS100039"}, "unknown"},
		{"another error", 2302, 0x80004005, nil, "unknown"},
		{"another message", 12345, 0, nil, "unknown"},
		{"a version is no error", 8203, 0, []string{"PS100039", "3", "112"}, "unknown"},
		{"nor is a name", 8203, 0, []string{"Fix error 112"}, "unknown"},
		{"nor is a part of a word", 8203, 0, []string{"a0x80070070"}, "unknown"},
		{"nor is what is too long", 8203, 0, []string{"0x180070070", "99999999999999999999"}, "unknown"},
		{"the word with another number", 8203, 0, []string{"error 1120"}, "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Classify(tt.messageID, tt.win32, tt.inserts).Name; got != tt.want {
				t.Errorf("Classify(%d, %#x, %q) = %s, want %s", tt.messageID, tt.win32, tt.inserts, got, tt.want)
			}
		})
	}
}

func TestRemedies(t *testing.T) {
	want := map[string]Remedy{
		"disk-full": RemedyRepair, "source-missing": RemedyRepair, "access-denied": RemedyRepair, "dp-offline": RemedyRepair,
		"hash-mismatch": RemedyRefresh, "content-missing": RemedyRepair, "waits-for-prestaged": RemedyWait, "waits-for-content": RemedyWait,
		"closed": RemedyWait, "interrupted": RemedyRefresh, "cancelled": RemedyRefresh, "unknown": RemedyUnknown,
	}
	got := map[string]Remedy{}
	for _, c := range AllCauses() {
		got[c.Name] = c.Remedy
		if c.Words == "" || c.Advice == "" {
			t.Errorf("%s has no words or no advice", c.Name)
		}
		if hopeless := c.Remedy == RemedyRepair || c.Remedy == RemedyWait; c.Hopeless() != hopeless {
			t.Errorf("%s is hopeless: %v", c.Name, c.Hopeless())
		}
		if named, ok := CauseNamed(c.Name); !ok || named != c {
			t.Errorf("CauseNamed(%s) = %+v, %v", c.Name, named, ok)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c, ok := CauseNamed("no such"); ok {
		t.Errorf("a cause without a name: %+v", c)
	}
}

// TestSignaturesAreReached: no row of the table hides behind one before it.
func TestSignaturesAreReached(t *testing.T) {
	for i, s := range signatures() {
		t.Run(fmt.Sprint(i, " ", s.cause.Name), func(t *testing.T) {
			messages, codes := s.messages, s.codes
			if len(messages) == 0 {
				messages = []uint32{8203}
			}
			if len(codes) == 0 {
				codes = []uint32{0}
			}
			for _, m := range messages {
				for _, c := range codes {
					if got := Classify(m, c, nil); got != s.cause {
						t.Errorf("message %d with %d is %s", m, c, got.Name)
					}
				}
			}
		})
	}
}

func FuzzClassify(f *testing.F) {
	f.Add(uint32(2328), uint32(112), "0x80070070")
	f.Add(uint32(2302), uint32(0), "error: -2147024784")
	f.Fuzz(func(t *testing.T, id, win32 uint32, insert string) {
		c := Classify(id, win32, []string{insert})
		if _, ok := CauseNamed(c.Name); !ok {
			t.Errorf("an unlisted cause %+v", c)
		}
		if Message(id, []string{insert}) == "" {
			t.Error("no text")
		}
	})
}

func TestMessage(t *testing.T) {
	path := `["Display=\\DP1.corp.example\"]MSWNET:["SMS_SITE=PS1"]\\DP1.corp.example\`
	for _, tt := range []struct {
		name    string
		id      uint32
		inserts []string
		want    string
	}{
		{"known", 2330, []string{"PS100039", path}, "the distribution point now holds the package: PS100039, DP1.corp.example"},
		{"known, nothing inserted", 2384, nil, "the content's hash is right"},
		{"empty strings", 8200, []string{"PS100039", "", "4"}, "the content was sent: PS100039, 4"},
		{"not known", 2345, []string{"a", "b"}, "message 2345: a, b"},
		{"not known, nothing inserted", 9999, nil, "message 9999"},
		{"a path that is not whole stays", 2330, []string{`["Display=\\`}, `the distribution point now holds the package: ["Display=\\`},
		{"a share stays", 2306, []string{`\\files\src`}, `the source folder is missing or cannot be read: \\files\src`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Message(tt.id, tt.inserts); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
	seen := map[uint32]bool{}
	for _, m := range messages {
		if seen[m.number] || m.word == "" {
			t.Errorf("message %d stands twice or has no words", m.number)
		}
		seen[m.number] = true
	}
}

func TestInserts(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   Inserts
		want []string
	}{
		{"none", Inserts{}, []string{}},
		{"gaps stay, the end goes", Inserts{InsString2: "b", InsString4: "d"}, []string{"", "b", "", "d"}},
		{"all", Inserts{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}, []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}},
	} {
		if diff := cmp.Diff(tt.want, tt.in.Strings()); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}
