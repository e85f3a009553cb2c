package world

import (
	"testing"
	"time"
)

// large is Microsoft's worked example of a large site: 200,000 rows and more.
func large(b *testing.B) *Site {
	b.Helper()
	w, err := New(Model{Sites: []SiteModel{{Code: "PS1", DPs: 200, Packages: 1100, Failed: map[Cause]int{Transient: 500, DiskFull: 300}}}},
		func() time.Time { return epoch })
	if err != nil {
		b.Fatal(err)
	}
	s, _ := w.Site("PS1")
	return s
}

func BenchmarkQuery(b *testing.B) {
	s := large(b)
	for _, text := range []string{
		"SELECT * FROM SMS_PackageStatusDistPointsSummarizer WHERE State=3",
		"SELECT * FROM SMS_PackageStatusDistPointsSummarizer WHERE PackageID='PS100001'",
		"SELECT * FROM SMS_PackageStatusRootSummarizer",
		"SELECT * FROM SMS_DistributionDPStatus WHERE MessageState=4",
	} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Query("root/sms/site_PS1", text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	s := large(b)
	keys := keysOf(s.w.contents[len(s.w.contents)-1])
	for b.Loop() {
		if _, err := s.Get("root/sms/site_PS1", "SMS_DistributionPoint", keys); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		large(b)
	}
}
