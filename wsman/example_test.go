package wsman_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"dpremote/cim"
	"dpremote/simulator"
	"dpremote/wsman"
)

// A client signs in to a site server by NTLM, over http and sealed, and
// enumerates what a query selects, page by page. The site is a simulated one; at
// a real one only the URL and the account differ.
func Example() {
	ctx := context.Background()
	site, err := simulator.Start(ctx, simulator.Model{Sites: []simulator.Site{{
		Code: "PS1", DPs: 2, Packages: 5, Failed: map[simulator.Cause]int{simulator.DiskFull: 2},
	}}}, simulator.Options{})
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
	client := wsman.NewClient(transport, wsman.Options{Endpoint: url})

	failed := wsman.Enumeration{
		Namespace: "root/sms/site_PS1",
		WQL:       "SELECT PackageID, State FROM SMS_PackageStatusDistPointsSummarizer WHERE State = 3",
	}
	for item, err := range client.Enumerate(ctx, failed) {
		if err != nil {
			log.Fatal(err)
		}
		row, err := cim.ReadInstance(item.Scanner())
		if err != nil {
			log.Fatal(err)
		}
		id, _ := row.Get("PackageID")
		state, _ := row.Get("State")
		fmt.Println(id, state)
	}
	fmt.Println("sealed:", transport.Sealed())
	// Output:
	// PS100002 3
	// PS100005 3
	// sealed: true
}

// A Put changes the members that its body has, and leaves the others alone. Its
// answer is the instance as the server stored it.
func ExampleClient_Put() {
	ctx := context.Background()
	site, client := startSite(ctx)
	defer site.Close()

	epr := firstDP(ctx, client)
	body, err := cim.Body(epr.ResourceURI, "SMS_DistributionPoint", []cim.Property{{Name: "RefreshNow", Value: cim.BoolValue(true)}})
	if err != nil {
		log.Fatal(err)
	}
	item, err := client.Put(ctx, epr, body)
	if err != nil {
		log.Fatal(err)
	}
	stored, err := cim.ReadInstance(item.Scanner())
	if err != nil {
		log.Fatal(err)
	}
	id, _ := stored.Get("PackageID")
	fmt.Printf("%s of %s, refreshed %d times\n", stored.Class, id, site.Refreshes(simulator.Target{}))
	// Output:
	// SMS_DistributionPoint of PS100001, refreshed 1 times
}

// An error is told by errors.Is, from the numbers in the server's fault: texts
// are in its language. Retry says what sending the same request again would do.
func ExampleError() {
	ctx := context.Background()
	site, client := startSite(ctx)
	defer site.Close()
	dp := firstDP(ctx, client)
	change := []byte("<SMS_DistributionPoint/>") // of nothing
	breaks := func(kind simulator.FaultKind) {
		if _, err := site.Inject(simulator.Fault{Kind: kind, Count: 1}); err != nil {
			log.Fatal(err)
		}
	}
	tell := func(err error) {
		var op *wsman.Error
		if errors.As(err, &op) {
			fmt.Printf("%s: not found: %v, quota: %v, again: %s\n", op.Op, errors.Is(err, wsman.ErrNotFound), errors.Is(err, wsman.ErrQuota), op.Retry)
		}
	}

	_, err := client.Get(ctx, client.Schema().EPR("root/sms/site_PS1", "SMS_Package", wsman.Selector{Name: "PackageID", Value: "PS1FFFFF"}))
	tell(err)
	breaks(simulator.QuotaLimit)
	_, err = client.Put(ctx, dp, change)
	tell(err)
	breaks(simulator.ResetAfter) // the Put is carried out, and no answer comes
	_, err = client.Put(ctx, dp, change)
	tell(err)
	// Output:
	// get: not found: true, quota: false, again: useless
	// put: not found: false, quota: true, again: safe
	// put: not found: false, quota: false, again: unknown outcome
}

// firstDP enumerates the references of distribution points, and gives the first.
func firstDP(ctx context.Context, client *wsman.Client) wsman.EPR {
	all := wsman.Enumeration{Namespace: "root/sms/site_PS1", Class: "SMS_DistributionPoint", Mode: wsman.EnumerateEPR}
	for item, err := range client.Enumerate(ctx, all) {
		if err != nil {
			log.Fatal(err)
		}
		return *item.EPR
	}
	log.Fatal("there is none")
	return wsman.EPR{}
}

// startSite starts a site and makes a client for it.
func startSite(ctx context.Context) (*simulator.Hierarchy, *wsman.Client) {
	model := simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 2, Packages: 5}}}
	site, err := simulator.Start(ctx, model, simulator.Options{})
	if err != nil {
		log.Fatal(err)
	}
	url := site.Sites()[0].URL
	transport, err := wsman.NewHTTP(wsman.HTTPOptions{URL: url}, wsman.NTLM(site.User(), "", site.Password()))
	if err != nil {
		log.Fatal(err)
	}
	return site, wsman.NewClient(transport, wsman.Options{Endpoint: url, Retries: -1})
}
