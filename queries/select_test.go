package queries

import (
	"errors"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWQL(t *testing.T) {
	for _, tt := range []struct {
		name string
		wql  func() (string, error)
		want string
	}{
		{"no condition", Select[DPGroupMember]().WQL, "SELECT DPNALPath, GroupID FROM SMS_DPGroupMembers"},
		{"conditions are joined by AND", Select[DPGroupMember](Eq("GroupID", "g"), Or(IsNull("DPNALPath"), Eq("GroupID", "h"))).WQL,
			"SELECT DPNALPath, GroupID FROM SMS_DPGroupMembers WHERE GroupID = 'g' AND (DPNALPath IS NULL OR GroupID = 'h')"},
		{"more conditions", Select[DPGroupMember](Or(Eq("GroupID", "g"), Eq("GroupID", "h"))).Where(NotNull("GroupID"), Condition{}).WQL,
			"SELECT DPNALPath, GroupID FROM SMS_DPGroupMembers WHERE (GroupID = 'g' OR GroupID = 'h') AND GroupID IS NOT NULL"},
		{"embedded fields are selected", Select[PackageStatusSite]().WQL,
			"SELECT Failed, Installed, Name, PackageID, Retrying, SiteCode, SiteName, SourceVersion, SummaryDate, Targeted" +
				" FROM SMS_PackageStatusDetailSummarizer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.wql()
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	q := Select[Site](Eq("Type", SiteCAS))
	before, _ := q.WQL()
	q.Where(Eq("Status", SiteActive))
	if after, _ := q.WQL(); after != before {
		t.Errorf("Where changed the query it was called on to %s", after)
	}
}

func TestClassIn(t *testing.T) {
	for wql, want := range map[string]string{
		"SELECT * FROM SMS_Package":                               "SMS_Package",
		"select Name\nfrom  sms_package\twhere Name = 'x from y'": "sms_package",
		"SELECT COUNT(*) FROM SMS_Site":                           "SMS_Site",
		"SELECT *":                                                "",
		"FROM":                                                    "",
		"":                                                        "",
		"SELECT * FROM (":                                         "",
	} {
		got, ok := ClassIn(wql)
		if got != want || ok != (want != "") {
			t.Errorf("ClassIn(%q) = %q, %v; want %q", wql, got, ok, want)
		}
	}
}

// rowsThen yields numbers and then an error, if there is one.
func rowsThen(err error, numbers ...int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for _, n := range numbers {
			if !yield(n, nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

func TestIterations(t *testing.T) {
	broken := errors.New("broken")
	even := func(n int) bool { return n%2 == 0 }
	for _, tt := range []struct {
		name string
		rows iter.Seq2[int, error]
		want []int
		err  error
	}{
		{"none", rowsThen(nil), nil, nil},
		{"all", rowsThen(nil, 1, 2), []int{1, 2}, nil},
		{"an error comes with the rows before it", rowsThen(broken, 1, 2), []int{1, 2}, broken},
		{"only an error", failed[int](broken), nil, broken},
		{"kept", keep(rowsThen(nil, 1, 2, 3, 4), even), []int{2, 4}, nil},
		{"an error is always kept", keep(rowsThen(broken, 1, 2), even), []int{2}, broken},
		{"one after the other", chain([]iter.Seq2[int, error]{rowsThen(nil, 1), rowsThen(nil), rowsThen(nil, 2)}), []int{1, 2}, nil},
		{"an error ends all", chain([]iter.Seq2[int, error]{rowsThen(broken, 1), rowsThen(nil, 2)}), []int{1}, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Collect(tt.rows)
			if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v; rows %s", err, tt.err, diff)
			}
		})
	}
	for n := range keep(chain([]iter.Seq2[int, error]{rowsThen(nil, 1, 2), rowsThen(nil, 4)}), even) {
		if n != 2 {
			t.Fatalf("row %d came after the loop was left", n)
		}
		break
	}
}
