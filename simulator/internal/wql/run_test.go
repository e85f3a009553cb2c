package wql

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dpremote/simulator/internal/repository"
)

// ids runs a query and gives the PackageIDs of its answer.
func ids(t *testing.T, src Source, text string) []string {
	t.Helper()
	result, err := Exec(text, src, testNow)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	got := []string{}
	for _, in := range result.Instances {
		got = append(got, strings.TrimPrefix(fmt.Sprint(in.Get("PackageID")), "PS1000"))
	}
	return got
}

func TestWhere(t *testing.T) {
	const all = "01 02 A3"
	tests := []struct{ name, where, want string }{
		{"equal ignores case", `PackageID = 'ps100001'`, "01"},
		{"double quotes", `PackageID = "PS100001"`, "01"},
		{"unequal leaves NULL out", `State <> 3`, "01"},
		{"other unequal", `State != 0`, "02"},
		{"less", `State < 3`, "01"},
		{"at most", `State <= 3`, "01 02"},
		{"greater", `Delta > -5`, "02"},
		{"at least", `Delta >= -5`, "01 02"},
		{"literal first", `3 > State`, "01"},
		{"order of strings ignores case", `PackageID > 'ps10000z'`, "A3"},
		{"order of strings", `PackageID >= 'PS100002'`, "02 A3"},
		{"hexadecimal", `State = 0x3`, "02"},
		{"negative hexadecimal", `Delta = -0x5`, "01"},
		{"plus sign", `Delta = +7`, "02"},
		{"real", `Ratio > 1.25`, "01"},
		{"real without digits before the point", `Ratio > .5`, "01"},
		{"exponent", `Ratio = -0.2e+1`, "02"},
		{"integer with real", `State = 3.0`, "02"},
		{"largest uint64", `Big = 18446744073709551615`, "01"},
		{"negative with unsigned", `Big > -1`, "01 02"},
		{"number in quotes", `State = '3'`, "02"},
		{"string with number", `PackageID = 100001`, ""},
		{"true", `RefreshNow = TRUE`, "01"},
		{"false", `RefreshNow = false`, "02"},
		{"boolean as number", `RefreshNow = 1`, "01"},
		{"boolean as string", `RefreshNow <> 'True'`, "02"},
		{"is null", `State IS NULL`, "A3"},
		{"is not null", `State IS NOT NULL`, "01 02"},
		{"equals NULL", `State = NULL`, "A3"},
		{"differs from NULL", `NULL <> State`, "01 02"},
		{"array is null", `Tags IS NULL`, "02 A3"},
		{"lazy is not null", `ISVString IS NOT NULL`, "01"},

		{"and", `State = 3 AND Delta = 7`, "02"},
		{"or", `State = 3 OR Delta = -5`, "01 02"},
		{"and before or", `PackageID = 'PS100001' OR State = 3 AND Delta = 8`, "01"},
		{"parentheses", `(PackageID = 'PS100001' OR State = 3) AND Delta = 7`, "02"},
		{"not before and", `NOT State = 3 AND Delta = -5`, "01"},
		{"not of a parenthesis", `NOT (State = 3 OR State = 0)`, ""},
		{"not twice", `NOT NOT State = 3`, "02"},
		{"not of NULL is unknown", `NOT State = 0`, "02"},
		{"true or unknown", `State = 0 OR PackageID = 'PS1000A3'`, "01 A3"},
		{"unknown and false", `NOT (State = 0 AND PackageID = 'x')`, all},

		{"like at the end", `PackageID LIKE 'ps10000%'`, "01 02"},
		{"like one", `PackageID LIKE 'PS10000_'`, "01 02"},
		{"like a set", `PackageID LIKE '%[1a-b]3'`, "A3"},
		{"not like", `PackageID NOT LIKE '%[^1]'`, "01"},
		{"not like NULL is unknown", `ServerNALPath NOT LIKE 'x'`, "01 02"},
		{"like a number", `State LIKE '3'`, "02"},
		{"NAL path", `ServerNALPath = '["Display=\\\\DP01.ps1.example\\"]MSWNET:["SMS_SITE=PS1"]\\\\dp01.ps1.example\\'`, "01"},
		{"NAL path with LIKE", `ServerNALPath LIKE '[[]"Display=\\\\DP01.ps1.example\\"]MSWNET:[[]"SMS[_]SITE=PS1"]\\\\DP01.%'`, "01"},
		{"escaped quotes", `ServerNALPath = '\'' OR ServerNALPath = "\"\\\\"`, ""},

		{"in", `PackageID IN ('ps100002', 'PS1000A3')`, "02 A3"},
		{"in numbers", `State IN (3, '0')`, "01 02"},
		{"in signed", `Delta IN (-5, 9)`, "01"},
		{"in reals", `Ratio IN (1.5)`, "01"},
		{"in booleans", `RefreshNow IN (TRUE)`, "01"},
		{"not in", `State NOT IN (3)`, "01"},
		{"not in with NULL is unknown", `State NOT IN (3, NULL)`, ""},
		{"in a sub-select", `PackageID IN (SELECT PackageID FROM Package_Base WHERE Name LIKE 'w%')`, "02"},
		{"not in a sub-select", `PackageID NOT IN (SELECT PackageID FROM Package)`, "02 A3"},
		{"in a sub-select of a sub-select", `PackageID IN (SELECT PackageID FROM Package WHERE PackageID IN (SELECT PackageID FROM Row WHERE State = 0))`, "01"},
		{"in a sub-select of numbers", `State IN (SELECT SourceVersion FROM Package)`, "02"},
		{"in a sub-select of another type", `State IN (SELECT Name FROM Package)`, ""},
		{"in a sub-select of a subclass", `'North' IN (SELECT Zone FROM Image)`, all},

		{"property with property", `State < Delta`, "02"},
		{"class before the property", `Row.State = 3`, "02"},
		{"class of the instance", `__CLASS = 'row'`, all},
		{"isa", `__this ISA "Row"`, all},
		{"isa another class", `__THIS ISA 'Package'`, ""},
		{"embedded", `Inner.Depth = 2`, "01"},
		{"embedded string", `Inner.Label = 'two'`, "01"},
		{"embedded class", `Inner.__CLASS = 'Inner'`, "01"},
		{"embedded isa", `Inner ISA 'Inner'`, "01"},
		{"isa of NULL is unknown", `NOT Inner ISA 'Package'`, "01"},

		{"DMTF date", `When >= '20260131233000.000000+000'`, "01"},
		{"DMTF date with an offset", `When < '20260201003000.000001+060'`, "01 02"},
		{"DMTF date west", `When = '20260131183000.000000-300'`, "01"},
		{"DMTF date without offset", `When = '19900101000000.000000+***'`, "02"},
		{"DMTF date with asterisks", `When > '20260131******.******+***'`, "01"},
		{"ISO date", `When < '2026-01-01'`, "02"},
		{"ISO time", `When = '2026-01-31T23:30:00Z'`, "01"},
		{"date in a list", `When IN ('1990-01-01', '1990/01/02 10:00:00')`, "02"},
		{"interval", `Age > '00000001000000.000000:000'`, "01"},
		{"interval with a date", `Age > '2026-01-01'`, ""},
		{"now", `GetDate() > When`, "01 02"},
		{"now and a literal", `GetDate() > '2026-03-10 11:59:59'`, all},
		{"date difference", `DateDiff(day, When, GetDate()) < 60`, "01"},
		{"date difference counts boundaries", `DateDiff("mm", When, '2026-02-01') = 1`, "01"},
		{"date add", `DateAdd(hour, 1, When) = '2026-02-01 00:30'`, "01"},
		{"date add out of range", `DateAdd(year, 9000, When) IS NOT NULL`, ""},
		{"date part", `DATEPART(yy, When) = 1990`, "02"},
		{"date part of NULL", `DATEPART(yy, When) IS NULL`, "A3"},
		{"substring", `SUBSTRING(PackageID, 7, 1) = 'a'`, "A3"},
		{"substring of NULL", `SUBSTRING(ServerNALPath, 1, 2) = '\\\\'`, "02"},
		{"upper and lower", `UPPER(PackageID) = LOWER(PackageID)`, all},
	}
	src := newMemory(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := strings.Join(ids(t, src, "SELECT * FROM Row WHERE "+test.where), " ")
			if got != test.want {
				t.Errorf("WHERE %s\nanswers %q, want %q", test.where, got, test.want)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	tests := []struct {
		name, where string
		want        int
	}{
		{"isa", `TargetInstance ISA 'Package_Base'`, 1},
		{"class", `TargetInstance.__Class = 'Row'`, 1},
		{"path", `TargetInstance.State = 3`, 1},
		{"path with a string", `'3' = TargetInstance.State`, 1},
		{"path with a string that is no number", `TargetInstance.State = 'x'`, 0},
		{"path in a list", `TargetInstance.State IN ('3', '4')`, 1},
		{"path with LIKE", `TargetInstance.PackageID LIKE 'PS10000[12]'`, 2},
		{"path to a date", `TargetInstance.When < '2026-01-01'`, 1},
		{"path through NULL", `TargetInstance.Inner.Depth IS NULL`, 3},
		{"both", `TargetInstance ISA "Row" AND TargetInstance.State = 3`, 1},
	}
	src := newMemory(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q, err := Parse("SELECT * FROM Event WITHIN 30 WHERE " + test.where)
			if err != nil {
				t.Fatal(err)
			}
			result, err := q.Run(src, testNow)
			if err != nil {
				t.Fatal(err)
			}
			if len(result.Instances) != test.want {
				t.Errorf("WHERE %s answers %d events, want %d", test.where, len(result.Instances), test.want)
			}
		})
	}
}

func TestBaseClass(t *testing.T) {
	src := newMemory(t)
	tests := []struct{ name, query, want string }{
		{"all", `SELECT * FROM package_base`, "01 02 03"},
		{"where", `SELECT * FROM Package_Base WHERE SourceVersion > 1`, "01 03"},
		{"order", `SELECT * FROM Package_Base ORDER BY Name DESC`, "03 02 01"},
		{"order by two", `SELECT * FROM Package_Base ORDER BY __CLASS, SourceVersion DESC`, "02 03 01"},
		{"order by a version", `SELECT * FROM Package_Base ORDER BY SourceVersion ASC`, "02 01 03"},
		{"class", `SELECT * FROM Package_Base WHERE __CLASS = 'image'`, "02"},
		{"isa", `SELECT * FROM Package_Base WHERE __this ISA 'Package'`, "01 03"},
		{"derived", `SELECT * FROM Package p WHERE p.StoredVersion <> Package.SourceVersion`, "03"},
		{"alias", `SELECT p.Name FROM Package AS p WHERE p.Name = 'zip' ORDER BY p.Name`, "03"},
		{"null first", `SELECT * FROM Row ORDER BY State`, "A3 01 02"},
		{"null last", `SELECT * FROM Row ORDER BY State DESC, PackageID`, "02 01 A3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := strings.Join(ids(t, src, test.query), " "); got != test.want {
				t.Errorf("%s\nanswers %q, want %q", test.query, got, test.want)
			}
		})
	}
}

func TestProjection(t *testing.T) {
	tests := []struct {
		name, query string
		want        []string
	}{
		{"all", `SELECT * FROM Row`, nil},
		{"sorted, in the class's spelling", `SELECT state, PACKAGEID, delta FROM Row`, []string{"Delta", "PackageID", "State"}},
		{"each once", `SELECT State, state, Row.State FROM Row`, []string{"State"}},
		{"class", `SELECT State, __class FROM Row`, []string{"__CLASS", "State"}},
		{"embedded", `SELECT Inner FROM Row`, []string{"Inner"}},
	}
	src := newMemory(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			result, err := Exec(test.query, src, testNow)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, result.Projection); diff != "" {
				t.Errorf("projection (-want +got):\n%s", diff)
			}
			if result.Class.Name != "Row" || len(result.Instances) != 3 {
				t.Errorf("class %s with %d instances, want Row with 3", result.Class.Name, len(result.Instances))
			}
		})
	}
}

func TestClassProperty(t *testing.T) {
	result, err := Exec(`SELECT __CLASS FROM Package_Base`, newMemory(t), testNow)
	if err != nil {
		t.Fatal(err)
	}
	var got []repository.Value
	for _, in := range result.Instances {
		got = append(got, in.Get(result.Projection[0]))
	}
	if diff := cmp.Diff([]repository.Value{"Package", "Image", "Package"}, got); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
}

func TestLazyPropertiesAreNull(t *testing.T) {
	src := newMemory(t)
	result, err := Exec(`SELECT * FROM Row WHERE State = 0`, src, testNow)
	if err != nil {
		t.Fatal(err)
	}
	got := result.Instances[0]
	if v := got.Get("ISVString"); v != nil {
		t.Errorf("a lazy property reads %v", v)
	}
	if v := got.Get("State"); v != uint64(0) {
		t.Errorf("another property reads %v, want 0", v)
	}
	if v := src.instances[3].Get("ISVString"); v != "secret" {
		t.Errorf("the query changed the source's instance to %v", v)
	}
}

func TestDistinct(t *testing.T) {
	src := newMemory(t)
	src.add(t, "Row", "PackageID", "ps100001", "State", uint64(0))
	src.add(t, "Row", "PackageID", "PS100001", "Tags", []repository.Value{"a", uint64(1)})
	src.add(t, "Row", "PackageID", "PS100001", "Tags", []repository.Value{"a", uint64(1)})
	tests := []struct{ name, query, want string }{
		{"one property", `SELECT DISTINCT PackageID FROM Row`, "01 02 A3"},
		{"NULL is a value", `SELECT DISTINCT State FROM Row`, "01 02 A3"},
		{"two properties", `SELECT DISTINCT State, PackageID FROM Row ORDER BY PackageID, State DESC`, "01 01 02 A3"},
		{"arrays", `SELECT DISTINCT Tags FROM Row`, "01 02 01"},
		{"all", `SELECT DISTINCT * FROM Row WHERE PackageID = 'PS100001'`, "01 ps100001 01"},
		{"objects", `SELECT DISTINCT Inner, Owner FROM Row`, "01 02 A3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := strings.Join(ids(t, src, test.query), " "); got != test.want {
				t.Errorf("%s\nanswers %q, want %q", test.query, got, test.want)
			}
		})
	}
}

func TestCount(t *testing.T) {
	tests := []struct {
		name, query string
		want        uint64
	}{
		{"all", `SELECT COUNT(*) FROM Row`, 3},
		{"some", `select count ( * ) from Row where State is not null`, 2},
		{"a property", `SELECT COUNT(State) FROM Row`, 2},
		{"none", `SELECT COUNT(*) FROM Empty`, 0},
		{"a class and its subclasses", `SELECT COUNT(*) FROM Package_Base`, 3},
	}
	src := newMemory(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			result, err := Exec(test.query, src, testNow)
			if err != nil {
				t.Fatal(err)
			}
			if result.Projection != nil || len(result.Instances) != 1 {
				t.Fatalf("projection %q, %d instances", result.Projection, len(result.Instances))
			}
			in := result.Instances[0]
			if in.Class.Name != "__GENERIC" || in.Get("Count") != test.want {
				t.Errorf("%s with Count %v, want __GENERIC with %d", in.Class.Name, in.Get("Count"), test.want)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	tests := []struct {
		name, query string
		code        repository.Code
		want        string // in the text
	}{
		{"text that is no query", `DELETE FROM Row`, repository.InvalidQuery, "expected SELECT, found DELETE"},
		{"class", `SELECT * FROM Nothing`, repository.InvalidClass, "class Nothing does not exist"},
		{"class of a sub-select", `SELECT * FROM Row WHERE State IN (SELECT State FROM Nothing)`, repository.InvalidClass, "Nothing"},
		{"class of ISA", `SELECT * FROM Event WHERE TargetInstance ISA 'Nothing'`, repository.InvalidClass, "Nothing"},
		{"join", `SELECT a.State FROM Row AS a INNER JOIN Package AS b ON a.PackageID = b.PackageID`, repository.NotSupported, "JOIN"},
		{"join with a comma", `SELECT * FROM Row, Package`, repository.NotSupported, "JOIN"},
		{"left join", `SELECT * FROM Row LEFT OUTER JOIN Package`, repository.NotSupported, "JOIN"},
		{"selected property", `SELECT Nothing FROM Row`, repository.InvalidQuery, "class Row has no property Nothing"},
		{"counted property", `SELECT COUNT(Nothing) FROM Row`, repository.InvalidQuery, "Nothing"},
		{"property", `SELECT * FROM Row WHERE Nothing = 1`, repository.InvalidQuery, "class Row has no property Nothing"},
		{"property of a subclass", `SELECT * FROM Package_Base WHERE Zone = 'x'`, repository.InvalidQuery, "class Package_Base has no property Zone"},
		{"property in another class's name", `SELECT * FROM Row WHERE Package.PackageID = 'x'`, repository.InvalidQuery, "no property Package"},
		{"order by", `SELECT * FROM Row ORDER BY Nothing`, repository.InvalidQuery, "Nothing"},
		{"order by an array", `SELECT * FROM Row ORDER BY Tags`, repository.InvalidQuery, "ordered by Tags"},
		{"system property", `SELECT * FROM Row WHERE __PATH = 'x'`, repository.InvalidQuery, "system property __PATH"},
		{"selected system property", `SELECT __RELPATH FROM Row`, repository.InvalidQuery, "system property __RELPATH"},
		{"embedded system property", `SELECT * FROM Event WHERE TargetInstance.__PATH = 'x'`, repository.InvalidQuery, "system property __PATH"},
		{"this", `SELECT * FROM Row WHERE __this = 'x'`, repository.InvalidQuery, "__this"},
		{"part of an embedded object", `SELECT Inner.Depth FROM Row`, repository.InvalidQuery, "select the embedded object Inner"},
		{"embedded property", `SELECT * FROM Row WHERE Inner.Nothing = 1`, repository.InvalidQuery, "class Inner has no property Nothing"},
		{"path through a number", `SELECT * FROM Row WHERE State.Depth = 1`, repository.InvalidQuery, "State is not an embedded object"},
		{"path through a class", `SELECT * FROM Row WHERE Inner.__CLASS.Depth = 1`, repository.InvalidQuery, "Inner.__CLASS is not an embedded object"},
		{"number with letters", `SELECT * FROM Row WHERE State = 'x'`, repository.InvalidQuery, `"x" is not a number`},
		{"number with letters in a list", `SELECT * FROM Row WHERE State IN (1, 'x')`, repository.InvalidQuery, `"x" is not a number`},
		{"boolean with a number", `SELECT * FROM Row WHERE RefreshNow = 2`, repository.InvalidQuery, "2 is not a boolean"},
		{"boolean in order", `SELECT * FROM Row WHERE RefreshNow > FALSE`, repository.InvalidQuery, "boolean"},
		{"date", `SELECT * FROM Row WHERE When > 'yesterday'`, repository.InvalidQuery, `"yesterday" is not a datetime`},
		{"date with a number", `SELECT * FROM Row WHERE When > 5`, repository.InvalidQuery, "5 is not a datetime"},
		{"string with a boolean", `SELECT * FROM Row WHERE PackageID = TRUE`, repository.InvalidQuery, "true is not a string"},
		{"string with a date", `SELECT * FROM Row WHERE PackageID > GetDate()`, repository.InvalidQuery, "cannot be compared"},
		{"properties of different types", `SELECT * FROM Row WHERE PackageID = State`, repository.InvalidQuery, "cannot be compared"},
		{"array", `SELECT * FROM Row WHERE Tags = 'a'`, repository.InvalidQuery, "array"},
		{"array in a list", `SELECT * FROM Row WHERE Tags IN ('a')`, repository.InvalidQuery, "array"},
		{"objects", `SELECT * FROM Row WHERE Inner = Inner`, repository.InvalidQuery, "object"},
		{"reference", `SELECT * FROM Row WHERE Owner = 'x'`, repository.InvalidQuery, "object"},
		{"like of an array", `SELECT * FROM Row WHERE Tags LIKE 'a'`, repository.InvalidQuery, "LIKE"},
		{"like of a date", `SELECT * FROM Row WHERE When LIKE '2026%'`, repository.InvalidQuery, "LIKE"},
		{"isa of a number", `SELECT * FROM Row WHERE State ISA 'Row'`, repository.InvalidQuery, "ISA"},
		{"NULL in order", `SELECT * FROM Row WHERE State > NULL`, repository.InvalidQuery, "NULL"},
		{"sub-select of all", `SELECT * FROM Row WHERE State IN (SELECT * FROM Row)`, repository.InvalidQuery, "one property"},
		{"sub-select of two", `SELECT * FROM Row WHERE State IN (SELECT State, Delta FROM Row)`, repository.InvalidQuery, "one property"},
		{"sub-select of a count", `SELECT * FROM Row WHERE State IN (SELECT COUNT(State) FROM Row)`, repository.InvalidQuery, "one property"},
		{"sub-select of an array", `SELECT * FROM Row WHERE State IN (SELECT Tags FROM Row)`, repository.InvalidQuery, "array"},
		{"sub-select of nothing known", `SELECT * FROM Row WHERE State IN (SELECT Nothing FROM Row)`, repository.InvalidQuery, "Nothing"},
		{"sub-select with a bad condition", `SELECT * FROM Row WHERE State IN (SELECT State FROM Row WHERE Nothing = 1)`, repository.InvalidQuery, "Nothing"},
		{"function", `SELECT * FROM Row WHERE Sqrt(State) = 1`, repository.InvalidQuery, "function SQRT"},
		{"unit", `SELECT * FROM Row WHERE DATEPART(fortnight, When) = 1`, repository.InvalidQuery, "unit"},
		{"unit that is a number", `SELECT * FROM Row WHERE DATEPART(3, When) = 1`, repository.InvalidQuery, "unit"},
		{"no arguments", `SELECT * FROM Row WHERE DATEPART() = 1`, repository.InvalidQuery, "arguments"},
		{"too few arguments", `SELECT * FROM Row WHERE DateDiff(day, When) = 1`, repository.InvalidQuery, "argument"},
		{"too many arguments", `SELECT * FROM Row WHERE GetDate(1) = When`, repository.InvalidQuery, "argument"},
		{"argument of another type", `SELECT * FROM Row WHERE SUBSTRING(State, 1, 1) = 1`, repository.InvalidQuery, "cannot be compared"},
		{"unknown argument", `SELECT * FROM Row WHERE LOWER(Nothing) = 'a'`, repository.InvalidQuery, "Nothing"},
		{"bad term of OR", `SELECT * FROM Row WHERE State = 1 OR Nothing = 1`, repository.InvalidQuery, "Nothing"},
		{"bad term of NOT", `SELECT * FROM Row WHERE NOT Nothing IS NULL`, repository.InvalidQuery, "Nothing"},
	}
	src := newMemory(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Exec(test.query, src, testNow)
			var status *repository.Status
			if !errors.As(err, &status) {
				t.Fatalf("error %v, want a status", err)
			}
			if status.Code != test.code || !strings.Contains(status.Text, test.want) {
				t.Errorf("status %v, want 0x%08X with %q", status, uint32(test.code), test.want)
			}
			if status.Operation != "ExecQuery" || status.Parameter != test.query {
				t.Errorf("operation %q, parameter %q", status.Operation, status.Parameter)
			}
		})
	}
}

func TestZeroQuery(t *testing.T) {
	_, err := new(Query).Run(newMemory(t), testNow)
	var status *repository.Status
	if !errors.As(err, &status) || status.Code != repository.InvalidClass {
		t.Errorf("error %v, want an invalid class", err)
	}
}

func TestIndex(t *testing.T) {
	tests := []struct {
		name, query string
		asked       []repository.Value // nil: the index is not used
		want        string
	}{
		{"equal", `SELECT * FROM Row WHERE packageid = 'ps100001'`, []repository.Value{"PackageID", "ps100001"}, "01"},
		{"literal first", `SELECT * FROM Row WHERE 'PS100001' = Row.PackageID`, []repository.Value{"PackageID", "PS100001"}, "01"},
		{"one term of AND", `SELECT * FROM Row WHERE Delta > -9 AND State = '3'`, []repository.Value{"State", uint64(3)}, "02"},
		{"signed", `SELECT * FROM Row WHERE Delta = 7`, []repository.Value{"Delta", int64(7)}, "02"},
		{"negative", `SELECT * FROM Row WHERE Delta = -5`, []repository.Value{"Delta", int64(-5)}, "01"},
		{"list", `SELECT * FROM Row WHERE PackageID IN ('PS100001', 'PS1000A3')`, []repository.Value{"PackageID", "PS100001", "PS1000A3"}, "01 A3"},
		{"list with NULL", `SELECT * FROM Row WHERE PackageID IN ('PS100001', NULL)`, nil, "01"},
		{"base class", `SELECT * FROM Package_Base WHERE PackageID = 'PS100002'`, []repository.Value{"PackageID", "PS100002"}, "02"},
		{"other property", `SELECT * FROM Package WHERE Name = 'zip'`, nil, "03"},
		{"NULL", `SELECT * FROM Row WHERE State = NULL`, nil, "A3"},
		{"never equal", `SELECT * FROM Row WHERE State = -1`, nil, ""},
		{"a fraction", `SELECT * FROM Row WHERE State = 3.0`, nil, "02"},
		{"OR", `SELECT * FROM Row WHERE State = 3 OR State = 0`, nil, "01 02"},
		{"NOT", `SELECT * FROM Row WHERE NOT State = 3`, nil, "01"},
		{"NOT IN", `SELECT * FROM Row WHERE State NOT IN (3)`, nil, "01"},
		{"order", `SELECT * FROM Row WHERE State < 3`, nil, "01"},
		{"two properties", `SELECT * FROM Row WHERE State = Delta`, nil, ""},
		{"boolean", `SELECT * FROM Row WHERE RefreshNow = TRUE`, nil, "01"},
		{"embedded", `SELECT * FROM Row WHERE Inner.Depth = 2`, nil, "01"},
		{"list with doubles", `SELECT * FROM Row WHERE PackageID IN ('PS100001', 'ps100001')`, []repository.Value{"PackageID", "PS100001"}, "01"},
		{"sub-select", `SELECT * FROM Row WHERE PackageID IN (SELECT PackageID FROM Image)`, []repository.Value{"PackageID", "PS100002"}, "02"},
		{"sub-select with NULL", `SELECT * FROM Row WHERE State IN (SELECT State FROM Row WHERE State IS NULL OR State > 0)`, []repository.Value{"State", uint64(3)}, "02"},
		{"sub-select of another integer type", `SELECT * FROM Row WHERE Delta IN (SELECT StoredVersion FROM Package)`, []repository.Value{"Delta", int64(3), int64(2)}, ""},
		{"sub-select of nothing", `SELECT * FROM Row WHERE PackageID IN (SELECT PackageID FROM Image WHERE Zone = 'x')`, []repository.Value{"PackageID"}, ""},
		{"sub-select of other values", `SELECT * FROM Row WHERE State IN (SELECT Ratio FROM Row)`, nil, ""},
		{"sub-select in NOT IN", `SELECT * FROM Row WHERE PackageID NOT IN (SELECT PackageID FROM Image)`, nil, "01 A3"},
		{"no condition", `SELECT * FROM Row`, nil, "01 02 A3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src := &indexedMemory{memory: newMemory(t)}
			if got := strings.Join(ids(t, src, test.query), " "); got != test.want {
				t.Errorf("%s\nanswers %q, want %q", test.query, got, test.want)
			}
			if diff := cmp.Diff(test.asked, src.asked); diff != "" {
				t.Errorf("index asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQueryMayRunConcurrently(t *testing.T) {
	src := newMemory(t)
	q, err := Parse(`SELECT Name FROM Package_Base WHERE Name LIKE '%i%' AND PackageID IN (SELECT PackageID FROM Package_Base) ORDER BY Name`)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			result, err := q.Run(src, testNow)
			if err != nil || len(result.Instances) != 3 {
				t.Errorf("result %v, error %v, want 3 instances", result, err)
			}
		})
	}
	group.Wait()
}

func BenchmarkPackage(b *testing.B) {
	src := newMemory(b)
	src.instances = nil
	for i := range 200_000 {
		src.add(b, "Row", "PackageID", fmt.Sprintf("PS1%05X", i/200), "State", uint64(i%4))
	}
	q, err := Parse(`SELECT PackageID, State FROM Row WHERE PackageID = 'PS100100' AND State IN (2, 3)`)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if result, err := q.Run(src, testNow); err != nil || len(result.Instances) != 100 {
			b.Fatalf("%v, %v", result, err)
		}
	}
}
