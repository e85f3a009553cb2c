package queries

import (
	"strings"
	"testing"
	"time"
)

func pattern(t testing.TB, text string) Pattern {
	t.Helper()
	p, err := ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConditions(t *testing.T) {
	at := time.Date(2026, 1, 2, 4, 4, 5, 6000, time.FixedZone("", 3600))
	failed, retrying := Eq("State", StateFailed), Eq("State", StateRetrying)
	for _, tt := range []struct {
		name string
		c    Condition
		want string
	}{
		{"a string", Eq("PackageID", PackageID("PS100039")), `PackageID = 'PS100039'`},
		{"a NAL path", Eq("ServerNALPath", NALPath(`["Display=\\DP1\"]MSWNET:["SMS_SITE=PS1"]\\DP1\`)),
			`ServerNALPath = '["Display=\\\\DP1\\"]MSWNET:["SMS_SITE=PS1"]\\\\DP1\\'`},
		{"a number", Ne("State", StateInstalled), `State <> 0`},
		{"a large number", Eq("RecordID", int64(1)<<56), `RecordID = 72057594037927936`},
		{"a negative number", Lt("BytesTotal", -1), `BytesTotal < -1`},
		{"a severity", Eq("Severity", SeverityError), `Severity = 3221225472`},
		{"a boolean", Eq("IsPullDP", true), `IsPullDP = TRUE`},
		{"a time", Ge("SummaryDate", at), `SummaryDate >= '20260102030405.000006+000'`},
		{"the other comparisons", And(Le("A", 1), Gt("B", uint64(2))), `A <= 1 AND B > 2`},
		{"in numbers", In("State", StateRetrying, StateFailed, StateRemovalFailed), `State IN (2, 3, 6)`},
		{"in strings", In("PackageID", "PS100001", "PS100002"), `PackageID IN ('PS100001', 'PS100002')`},
		{"in one", In("State", 3), `State = 3`},
		{"like", Like("Name", pattern(t, "SRV*")), `Name LIKE 'SRV%'`},
		{"like with all that is special", Like("Name", pattern(t, `50%_[[][x]\?[ab]`)), `Name LIKE '50%[_][[]x\\__'`},
		{"contains", Contains("ServerNALPath", pattern(t, "SRV?*")), `ServerNALPath LIKE '%SRV_%'`},
		{"contains a percent sign", Contains("Name", pattern(t, "[%]")), `Name LIKE '%[%]%'`},
		{"null", IsNull("LastCopied"), `LastCopied IS NULL`},
		{"not null", NotNull("LastCopied"), `LastCopied IS NOT NULL`},
		{"and", And(failed, retrying), `State = 3 AND State = 2`},
		{"or in and", And(Or(failed, retrying), failed), `(State = 3 OR State = 2) AND State = 3`},
		{"and in or", Or(And(failed, retrying), failed), `State = 3 AND State = 2 OR State = 3`},
		{"or in or in and", And(failed, Or(failed, Or(retrying, failed))), `State = 3 AND (State = 3 OR State = 2 OR State = 3)`},
		{"not", Not(failed), `NOT State = 3`},
		{"not or", Not(Or(failed, retrying)), `NOT (State = 3 OR State = 2)`},
		{"not and", Not(And(failed, retrying)), `NOT (State = 3 AND State = 2)`},
		{"not not", Not(Not(failed)), `NOT (NOT State = 3)`},
		{"and with not", And(Not(failed), retrying), `NOT State = 3 AND State = 2`},
		{"and of none", And(), ``},
		{"and leaves out none", And(Condition{}, failed, And()), `State = 3`},
		{"or of one", And(Or(failed), retrying), `State = 3 AND State = 2`},
		{"or with no condition", Or(failed, Condition{}), ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.c.err != nil {
				t.Fatal(tt.c.err)
			}
			if tt.c.text != tt.want {
				t.Errorf("got  %s\nwant %s", tt.c.text, tt.want)
			}
		})
	}
}

func TestMistakesInConditions(t *testing.T) {
	long := make([]int, MaxIn+1)
	for _, tt := range []struct {
		name string
		c    Condition
		want string
	}{
		{"a quote", Eq("Name", "O'Brien"), `compare Name: quote "O'Brien": a query cannot carry a single quote; use ? in a pattern`},
		{"a quote in a list", In("Name", "a", "b'"), `compare Name: quote "b'": a query cannot carry a single quote; use ? in a pattern`},
		{"a quote in a pattern", Like("Name", pattern(t, "O'B*")), `compare Name: quote "O'B%": a query cannot carry a single quote; use ? in a pattern`},
		{"a control character", Eq("Name", "a\nb"), `compare Name: quote "a\nb": a query cannot carry control characters`},
		{"no UTF-8", Eq("Name", "a\xffb"), `compare Name: quote "a\xffb": it is not UTF-8`},
		{"in nothing", In[string]("Name"), `compare Name: no values to compare it to`},
		{"in too many", In("State", long...), `compare State: 51 values, and a query takes 50`},
		{"or of none", Or(), `join conditions by OR: there are none`},
		{"not of none", Not(And()), `negate a condition: there is none, and no row would be left`},
		{"a property that is none", Eq("State = 3 OR State", 3), `compare "State = 3 OR State": it is not the name of a property`},
		{"a mistake inside", And(Not(Or(Eq("A", 1), Eq("B", "'"))), Eq("C", 1)), `compare B: quote "'": a query cannot carry a single quote; use ? in a pattern`},
		{"two mistakes", And(IsNull(""), IsNull("1")), "compare \"\": it is not the name of a property\ncompare \"1\": it is not the name of a property"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.c.err == nil {
				t.Fatalf("no error, but %s", tt.c.text)
			}
			if got := tt.c.err.Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if _, err := Select[Site](tt.c).WQL(); err == nil || !strings.HasSuffix(err.Error(), tt.want) {
				t.Errorf("the query's error is %v", err)
			}
		})
	}
}

// FuzzQuote reads a literal back by a reader that knows the rules and nothing
// of Quote: what comes out is what went in, and nothing follows it.
func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"", "PS100039", `["Display=\\DP1\"]`, `\`, `\\`, `"`, "'", `\'`, "' OR 'a'='a", "%_[", "ü\u2028", "\x00", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted, err := Quote(text)
		if err != nil {
			return
		}
		got, rest, ok := readLiteral(quoted + " AND")
		if !ok || got != text || rest != " AND" {
			t.Errorf("%q is quoted %s, which reads %q and leaves %q", text, quoted, got, rest)
		}
	})
}

// readLiteral reads a WQL string literal: to the next quote of its own kind
// that no backslash stands before. A backslash makes the next character
// stand for itself.
func readLiteral(text string) (value, rest string, ok bool) {
	if text == "" || text[0] != '\'' && text[0] != '"' {
		return "", text, false
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case text[0]:
			return b.String(), text[i+1:], true
		case '\\':
			i++
			if i == len(text) {
				return "", "", false
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}
