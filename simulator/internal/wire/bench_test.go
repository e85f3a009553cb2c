package wire

import (
	"strconv"
	"testing"

	"dpremote/simulator/internal/wql"
)

// BenchmarkPage is one full page of 500 KiB, with all properties and with a
// projection of three.
func BenchmarkPage(b *testing.B) {
	for name, projection := range map[string][]string{"star": nil, "projection": {"NALPath", "SiteCode", "Size"}} {
		b.Run(name, func(b *testing.B) {
			r := &wql.Result{Class: dpClass, Projection: projection}
			for i := range 5000 {
				r.Instances = append(r.Instances, newDP("dp"+strconv.Itoa(i)))
			}
			h := New(Config{Provider: newFake(), MaxOperationsPerUser: 1 << 30})
			req := &request{user: "sim", messageID: testID}
			size := 0
			for b.Loop() {
				e, err := h.enumerations.begin(req.user, h.cfg)
				if err != nil {
					b.Fatal(err)
				}
				e.resource, e.result = resource{namespace: "root/sms/site_PS1", class: "*"}, r
				a, err := h.nextPage(req, e, page{name: "PullResponse", prefix: "n:"}, 32000)
				if err != nil {
					b.Fatal(err)
				}
				size = len(h.envelope(a, req.messageID))
				h.enumerations.drop(e)
			}
			b.SetBytes(int64(size))
		})
	}
}
