package sitelog_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dpremote/internal/sitelog"
)

func TestWords(t *testing.T) {
	const text = `Job 105 to ["Display=\\SRV1.Corp.example\"]MSWNET:["SMS_SITE=PS1"]\\SRV1.Corp.example\, ps100001.9 ä\\srv10\d$, XPS100002 PS10000A`
	if diff := cmp.Diff([]string{"PS100001", "PS10000A"}, slices.Collect(sitelog.PackageIDs(text))); diff != "" {
		t.Errorf("package IDs (-want +got):\n%s", diff)
	}
	var servers []string
	others := 0
	for name, isServer := range sitelog.Names(text) {
		if isServer {
			servers = append(servers, name)
		} else {
			others++
		}
	}
	if diff := cmp.Diff([]string{"SRV1.Corp.example", "SRV1.Corp.example", "srv10"}, servers); diff != "" || others == 0 {
		t.Errorf("servers, and %d others (-want +got):\n%s", others, diff)
	}
}
