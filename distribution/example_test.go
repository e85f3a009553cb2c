package distribution_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"dpremote/cim"
	"dpremote/distribution"
	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// What failed at a site is looked for, with what explains it; a plan decides
// about each row; what it does not skip is sent again.
func Example() {
	ctx := context.Background()
	model := simulator.Model{Sites: []simulator.Site{{
		Code: "PS1", DPs: 3, Packages: 5,
		Failed: map[simulator.Cause]int{simulator.DiskFull: 1, simulator.Transient: 2},
	}}}
	h, err := simulator.Start(ctx, model, simulator.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close()
	url := h.Sites()[0].URL
	transport, err := wsman.NewHTTP(wsman.HTTPOptions{URL: url}, wsman.NTLM(h.User(), "", h.Password()))
	if err != nil {
		log.Fatal(err)
	}
	defer transport.Close()
	client := wsman.NewClient(transport, wsman.Options{Endpoint: url})
	site := &distribution.Site{Name: "PS1", Session: &cim.Session{Client: client, Namespace: queries.SiteCode("PS1").Namespace()}}

	view, err := distribution.Look(ctx, site, distribution.LookFor{
		Filter: queries.Filter{States: []queries.State{queries.StateFailed}}, Reasons: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	rows := distribution.Merge([]*distribution.View{view}) // of one site, or of many that show the same rows
	steps := distribution.MakePlan(rows, distribution.Rules{Cooldown: 30 * time.Minute, Now: time.Now()})
	for _, s := range steps {
		if s.Skip == distribution.SkipNothing {
			fmt.Println(s.Keys, "is sent again:", s.Why)
		} else {
			fmt.Printf("%s is skipped (%s): %s\n", s.Keys, s.Skip, s.Reason)
		}
	}
	for _, result := range distribution.Refresh(ctx, steps, distribution.PutAuto, nil) {
		fmt.Println(result.Keys, result.Err)
	}
	// Output:
	// PS100004 on dp01.ps1.sim.example (site PS1) is sent again: interrupted
	// PS100001 on dp02.ps1.sim.example (site PS1) is skipped (cause): the disk is full
	// PS100003 on dp03.ps1.sim.example (site PS1) is sent again: interrupted
	// PS100004 on dp01.ps1.sim.example (site PS1) <nil>
	// PS100003 on dp03.ps1.sim.example (site PS1) <nil>
}
