package wql

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dpremote/simulator/internal/repository"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		want       Query
	}{
		{"all", `SELECT * FROM SMS_Site`, Query{From: "SMS_Site"}},
		{"case and space", "\tselect\r\n*from\u00a0SMS_Site ", Query{From: "SMS_Site"}},
		{"list", `SELECT Name,PackageID , p.State FROM SMS_Package p`,
			Query{Properties: []string{"Name", "PackageID", "p.State"}, From: "SMS_Package"}},
		{"distinct", `SELECT DISTINCT Name FROM SMS_Package`, Query{Properties: []string{"Name"}, Distinct: true, From: "SMS_Package"}},
		{"distinct of all", `SELECT DISTINCT * FROM SMS_Package`, Query{Distinct: true, From: "SMS_Package"}},
		{"count", `SELECT COUNT(*) FROM SMS_Package`, Query{Count: true, From: "SMS_Package"}},
		{"count of a property", `SELECT COUNT(Name) FROM SMS_Package`, Query{Properties: []string{"Name"}, Count: true, From: "SMS_Package"}},
		{"a property called count", `SELECT Count FROM SMS_Package`, Query{Properties: []string{"Count"}, From: "SMS_Package"}},
		{"properties called as words of a join", `SELECT Left, Inner FROM Full WHERE Right = 1`,
			Query{Properties: []string{"Left", "Inner"}, From: "Full"}},
		{"within", `SELECT * FROM __InstanceModificationEvent WITHIN 120`,
			Query{From: "__InstanceModificationEvent", Within: 2 * time.Minute}},
		{"within a part of a second", `SELECT * FROM E WITHIN 0.5 WHERE A = 1`, Query{From: "E", Within: 500 * time.Millisecond}},
		{"within hardly any time", `SELECT * FROM E WITHIN 1e-20`, Query{From: "E", Within: 1}},
		{"name with letters beyond ASCII", `SELECT Größe FROM E`, Query{Properties: []string{"Größe"}, From: "E"}},
		{"join", `SELECT * FROM A JOIN B ON ???`, Query{From: "A"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&test.want, got, cmpopts.IgnoreUnexported(Query{})); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseWhere(t *testing.T) {
	a, b, c := path{"A"}, path{"B"}, path{"C"}
	is := func(p path, n uint64) expression { return &comparison{op: equal, left: p, right: literal{n}} }
	tests := []struct {
		name, where string
		want        expression
	}{
		{"OR of ANDs", `A = 1 OR B = 2 AND C = 3 OR NOT A = 4`, &logical{or: true, terms: []expression{
			is(a, 1), &logical{terms: []expression{is(b, 2), is(c, 3)}}, &negation{is(a, 4)},
		}}},
		{"parentheses", `((A = 1 OR B = 2)) AND C = 3`, &logical{terms: []expression{
			&logical{or: true, terms: []expression{is(a, 1), is(b, 2)}}, is(c, 3),
		}}},
		{"escapes", `A = 'a\\b\'c\"d"e' AND B = "f'g"`, &logical{terms: []expression{
			&comparison{op: equal, left: a, right: literal{`a\b'c"d"e`}},
			&comparison{op: equal, left: b, right: literal{`f'g`}},
		}}},
		{"operators", `A<>1 AND A!=1 AND A<1 AND A<=1 AND A>1 AND A>=1`, &logical{terms: []expression{
			&comparison{op: unequal, left: a, right: literal{uint64(1)}},
			&comparison{op: unequal, left: a, right: literal{uint64(1)}},
			&comparison{op: less, left: a, right: literal{uint64(1)}},
			&comparison{op: lessOrEqual, left: a, right: literal{uint64(1)}},
			&comparison{op: greater, left: a, right: literal{uint64(1)}},
			&comparison{op: greaterOrEqual, left: a, right: literal{uint64(1)}},
		}}},
		{"literals", `A IN (-1, +2, 0x1F, -0X1, 1.5, 1E-2, -0, 18446744073709551616, TRUE, False, NULL, '')`, &membership{x: a, list: []literal{
			{int64(-1)}, {uint64(2)}, {uint64(31)}, {int64(-1)}, {1.5}, {0.01}, {uint64(0)}, {18446744073709551616.0}, {true}, {false}, {nil}, {""},
		}}},
		{"tests", `A IS NOT NULL OR A NOT LIKE '%' OR A NOT IN (1) OR A.B ISA C`, &logical{or: true, terms: []expression{
			&negation{&nullTest{a}}, &negation{&like{a, "%"}},
			&negation{&membership{x: a, list: []literal{{uint64(1)}}}}, &isa{path{"A", "B"}, "C"},
		}}},
		{"calls", `f(A, G(), 1) = B`, &comparison{op: equal, right: b, left: &call{name: "F", args: []operand{
			a, &call{name: "G"}, literal{uint64(1)},
		}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q, err := Parse("SELECT * FROM X WHERE " + test.where)
			if err != nil {
				t.Fatal(err)
			}
			unexported := cmp.AllowUnexported(logical{}, negation{}, comparison{}, like{}, membership{}, nullTest{}, isa{}, literal{}, call{})
			if diff := cmp.Diff(test.want, q.where, unexported); diff != "" {
				t.Errorf("condition (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, text string
		offset     int
		want       string // in the message
	}{
		{"nothing", ``, 0, "expected SELECT, found the end of the query"},
		{"associators", `ASSOCIATORS OF {A.B=1}`, 0, "expected SELECT"},
		{"no list", `SELECT FROM A`, 7, "expected a property, * or COUNT, found FROM"},
		{"open list", `SELECT A, FROM B`, 10, "expected a property"},
		{"no FROM", `SELECT *`, 8, "expected FROM"},
		{"no class", `SELECT * FROM`, 13, "expected a class"},
		{"class in quotes", `SELECT * FROM 'A'`, 14, "expected a class, found a string"},
		{"reserved alias", `SELECT * FROM A AS WHERE`, 19, "expected an alias"},
		{"function in the list", `SELECT MAX(A) FROM B`, 11, "MAX cannot be selected"},
		{"distinct count", `SELECT DISTINCT COUNT(*) FROM A`, 22, "COUNT and DISTINCT"},
		{"count of distinct", `SELECT COUNT(DISTINCT A) FROM B`, 13, "COUNT and DISTINCT"},
		{"open count", `SELECT COUNT(* FROM A`, 15, "expected )"},
		{"count of nothing", `SELECT COUNT() FROM A`, 13, "expected a property or *"},
		{"no number", `SELECT * FROM A WITHIN B`, 23, "expected a number of seconds"},
		{"within no time", `SELECT * FROM A WITHIN 0`, 23, "WITHIN 0"},
		{"within negative time", `SELECT * FROM A WITHIN -1`, 23, "WITHIN -1"},
		{"within ages", `SELECT * FROM A WITHIN 1e10`, 23, "WITHIN 1e10"},
		{"group", `SELECT * FROM A GROUP BY B`, 16, "found GROUP"},
		{"more", `SELECT * FROM A WHERE B = 1;`, 27, "unexpected character ';'"},
		{"two conditions", `SELECT * FROM A WHERE B = 1 C = 2`, 28, "expected the end of the query, found C"},
		{"no condition", `SELECT * FROM A WHERE`, 21, "expected a property or a value"},
		{"no comparison", `SELECT * FROM A WHERE B`, 23, "expected a comparison"},
		{"no comparison after NOT", `SELECT * FROM A WHERE B NOT 1`, 28, "expected a comparison"},
		{"bracket for a comparison", `SELECT * FROM A WHERE B ) 1`, 24, "expected a comparison, found )"},
		{"no value", `SELECT * FROM A WHERE B = AND`, 26, "found AND"},
		{"open parenthesis", `SELECT * FROM A WHERE (B = 1`, 28, "expected )"},
		{"open list", `SELECT * FROM A WHERE B IN (1, 2`, 32, "expected )"},
		{"empty list", `SELECT * FROM A WHERE B IN ()`, 28, "expected a value"},
		{"property in a list", `SELECT * FROM A WHERE B IN (C)`, 28, "expected a value"},
		{"no list after IN", `SELECT * FROM A WHERE B IN 1`, 27, "expected ("},
		{"open call", `SELECT * FROM A WHERE F(B = 1`, 26, "expected )"},
		{"open sub-select", `SELECT * FROM A WHERE B IN (SELECT C FROM D`, 43, "expected )"},
		{"join in a sub-select", `SELECT * FROM A WHERE B IN (SELECT C FROM D JOIN E)`, 44, "sub-select cannot join"},
		{"not IS NULL", `SELECT * FROM A WHERE B IS 1`, 27, "expected NULL"},
		{"pattern that is no string", `SELECT * FROM A WHERE B LIKE 1`, 29, "expected a string"},
		{"ISA of a literal", `SELECT * FROM A WHERE 1 ISA 'B'`, 28, "ISA"},
		{"ISA nothing", `SELECT * FROM A WHERE B ISA 1`, 28, "expected a class"},
		{"open path", `SELECT * FROM A WHERE B. = 1`, 25, "expected a property"},
		{"ORDER alone", `SELECT * FROM A ORDER B`, 22, "expected BY"},
		{"ORDER BY nothing", `SELECT * FROM A ORDER BY`, 24, "expected a property"},
		{"ORDER BY a number", `SELECT * FROM A ORDER BY 1`, 25, "expected a property"},
		{"two ways", `SELECT * FROM A ORDER BY B ASC DESC`, 31, "found DESC"},
		{"open string", `SELECT * FROM A WHERE B = 'C`, 26, "the string has no end"},
		{"single backslash", `SELECT * FROM A WHERE B = 'C:\temp'`, 29, "backslash"},
		{"backslash at the end", `SELECT * FROM A WHERE B = '\`, 27, "backslash"},
		{"bad number", `SELECT * FROM A WHERE B = 12ab`, 26, "12ab is not a number"},
		{"bad hexadecimal", `SELECT * FROM A WHERE B = 0x`, 26, "0x is not a number"},
		{"large hexadecimal", `SELECT * FROM A WHERE B = 0x10000000000000000`, 26, "is not a number"},
		{"large real", `SELECT * FROM A WHERE B = 1e999`, 26, "is not a number"},
		{"Go's own notation", `SELECT * FROM A WHERE B = 1_000`, 26, "is not a number"},
		{"lone sign", `SELECT * FROM A WHERE B = -`, 26, "unexpected character '-'"},
		{"not UTF-8", "SELECT * FROM A WHERE B = \xff", 26, "unexpected character"},
		{"zero byte", "SELECT * FROM A\x00", 15, "unexpected character"},
		{"deep parentheses", `SELECT * FROM A WHERE ` + strings.Repeat("(", 101), 123, "nested deeper"},
		{"deep negation", `SELECT * FROM A WHERE ` + strings.Repeat("NOT ", 101), 426, "nested deeper"},
		{"deep calls", `SELECT * FROM A WHERE ` + strings.Repeat("F(", 101), 224, "nested deeper"},
		{"deep sub-selects", strings.Repeat(`SELECT A FROM B WHERE C IN (`, 102), 2828, "nested deeper"},
		{"deep path", `SELECT * FROM A WHERE ` + strings.Repeat("B.", 101) + "C = 1", 222, "longer than 100 names"},
		{"many predicates", `SELECT * FROM A WHERE ` + strings.Repeat("B=1 OR ", 1000) + "B=1", 7022, "more than 1000 predicates"},
		{"long", `SELECT * FROM ` + strings.Repeat("A", 64<<10), 64 << 10, "longer than 65536 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(test.text)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("error %v, want a SyntaxError", err)
			}
			if syntax.Offset != test.offset || !strings.Contains(syntax.Message, test.want) {
				t.Errorf("%q at %d, want %q at %d", syntax.Message, syntax.Offset, test.want, test.offset)
			}
			if !strings.Contains(err.Error(), syntax.Message) {
				t.Errorf("error %q lacks its message", err)
			}
		})
	}
}

func TestParseManyTerms(t *testing.T) {
	// Breadth is not depth.
	terms := strings.Repeat("A = 1 OR ", 999) + "A = 1"
	if _, err := Parse("SELECT * FROM X WHERE " + terms); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`SELECT * FROM Row`,
		`SELECT DISTINCT State, PackageID FROM Row AS r WITHIN 30 WHERE r.State >= 2 AND NOT (Delta < -0x5 OR Ratio = 1.5e3) ORDER BY State DESC, Delta`,
		`SELECT COUNT(*) FROM Row WHERE ServerNALPath LIKE '[[]"Display=\\\\DP%' AND Name NOT LIKE '[^a-z]_'`,
		`SELECT * FROM Row WHERE PackageID IN ('a', "b") OR State NOT IN (SELECT State FROM Row WHERE Inner.Depth IS NOT NULL)`,
		`SELECT * FROM Event WHERE TargetInstance ISA 'Row' AND TargetInstance.State = NULL`,
		`SELECT * FROM Row WHERE DateDiff(day, When, GetDate()) > 3 AND DateAdd(ms, -1, When) < '20260101000000.000000+***'`,
		`SELECT * FROM Row WHERE SUBSTRING(PackageID, 1, 3) = UPPER('ps1') AND DATEPART(yy, When) = 2026 AND Age > '00000001000000.000000:000'`,
		`SELECT * FROM Row JOIN Package ON 1 = 1`,
		`SELECT * FROM Row WHERE A = 'C:\temp'`,
		"SELECT * FROM R\u00f6w WHERE \xff",
	} {
		f.Add(seed)
	}
	src := newMemory(f)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(text) {
				t.Fatalf("error %#v of %q", err, text)
			}
			return
		}
		result, err := q.Run(src, testNow)
		if err != nil {
			var status *repository.Status
			if !errors.As(err, &status) || status.Parameter != text {
				t.Fatalf("error %#v of %q", err, text)
			}
			return
		}
		if max := len(src.instances); len(result.Instances) > max {
			t.Fatalf("%q answers %d of %d instances", text, len(result.Instances), max)
		}
		again, err := q.Run(&indexedMemory{memory: src}, testNow)
		if err != nil || len(again.Instances) != len(result.Instances) {
			t.Fatalf("%q answers %d instances, but with an index %v, error %v", text, len(result.Instances), again, err)
		}
	})
}
