package queries_test

import (
	"context"
	"fmt"
	"log"

	"dpremote/cim"
	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// A query is derived from a record and conditions. What a pattern or a value
// holds never becomes WQL of its own: it is quoted, or refused.
func ExampleSelect() {
	branches, err := queries.ParsePattern("Branch_0*")
	if err != nil {
		log.Fatal(err)
	}
	wql, err := queries.Select[queries.DPGroup](
		queries.Or(queries.Like("Name", branches), queries.Eq("Name", `All "HQ" \ DPs`)),
		queries.Gt("MemberCount", 0),
	).WQL()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(wql)
	// Output:
	// SELECT ContentCount, Description, GroupID, MemberCount, Name, OutOfSyncContentCount, SourceSite FROM SMS_DistributionPointGroup WHERE (Name LIKE 'Branch[_]0%' OR Name = 'All "HQ" \\ DPs') AND MemberCount > 0
}

// A NAL path is a key, to be sent back as it came. What is in it can be read.
func ExampleNALPath() {
	path := queries.NALPath(`["Display=\\DP1.corp.example\"]MSWNET:["SMS_SITE=PS1"]\\DP1.corp.example\`)
	fmt.Println(path.Server(), path.Host(), path.Site(), path.Cloud())
	// Output:
	// DP1.corp.example DP1 PS1 false
}

// Classify tells a cause from the status message about a row, and whether
// sending the content again would cure it.
func ExampleClassify() {
	cause := queries.Classify(2328, 112, nil) // 112 is ERROR_DISK_FULL
	fmt.Printf("%s: %s (%s)\n%s\n", cause.Name, cause.Words, cause.Remedy, cause.Advice)
	// Output:
	// disk-full: the disk is full (repair)
	// make room on the distribution point's content drive (or the site's, if that is the full one), then refresh
}

// StatusDP yields what a site says of each package on each distribution point.
// What the filter picks is asked for, and checked again on what comes.
func ExampleStatusDP() {
	ctx := context.Background()
	model := simulator.Model{Sites: []simulator.Site{{
		Code: "PS1", DPs: 3, Packages: 5, Failed: map[simulator.Cause]int{simulator.DiskFull: 1, simulator.DPOffline: 1},
	}}}
	site, err := simulator.Start(ctx, model, simulator.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer site.Close()
	url := site.Sites()[0].URL
	transport, err := wsman.NewHTTP(wsman.HTTPOptions{URL: url}, wsman.NTLM(site.User(), "", site.Password()))
	if err != nil {
		log.Fatal(err)
	}
	defer transport.Close()
	session := &cim.Session{Client: wsman.NewClient(transport, wsman.Options{Endpoint: url}), Namespace: queries.SiteCode("PS1").Namespace()}

	rows, err := queries.Collect(queries.StatusDP(ctx, session, queries.Filter{States: []queries.State{queries.StateFailed}}))
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range rows {
		fmt.Println(row.PackageID, row.ServerNALPath.Server(), row.State)
	}
	for why, err := range queries.Causes(ctx, session) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %s: %s\n", why.PackageID, why.NALPath.Host(), why.Cause().Words)
	}
	// Output:
	// PS100001 dp02.ps1.sim.example failed
	// PS100003 dp03.ps1.sim.example failed
	// PS100001 dp02: the distribution point cannot be reached
	// PS100003 dp03: the disk is full
}
