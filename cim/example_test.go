package cim_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"dpremote/cim"
	"dpremote/internal/xmlscan"
	"dpremote/simulator"
	"dpremote/wsman"
)

// item is an instance as WinRM sends it, without the envelope around it.
const item = `<p:SMS_Example xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/sms/site_PS1/SMS_Example"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">
<p:Description xsi:nil="true"/>
<p:LastCopied><cim:Datetime>2026-11-02T08:30:00Z</cim:Datetime></p:LastCopied>
<p:Members>DP01</p:Members><p:Members>DP02</p:Members>
<p:PackageID>PS100005</p:PackageID>
<p:Schedule xmlns:q="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/sms/site_PS1/SMS_ST_RecurInterval" xsi:type="q:SMS_ST_RecurInterval_Type"><q:HourSpan>6</q:HourSpan></p:Schedule>
<p:State>3</p:State>
</p:SMS_Example>`

// A record has a field for each property that is of interest; a record within
// it takes an embedded instance. Other properties are passed over, and what is
// NULL leaves a field as it is, or a pointer nil.
func ExampleDecoder() {
	type schedule struct {
		Hours uint32 `cim:"HourSpan"`
	}
	type row struct {
		PackageID   string       `cim:"PackageID,required"`
		State       uint32       `cim:"State"`
		Copied      cim.Datetime `cim:"LastCopied"`
		Members     []string     `cim:"Members"`
		Description *string      `cim:"Description"`
		Schedule    schedule     `cim:"Schedule"`
	}
	decoder, err := cim.NewDecoder[row]()
	if err != nil {
		log.Fatal(err)
	}
	sc := xmlscan.New([]byte(item))
	if _, err := sc.Next(); err != nil { // to the item's start
		log.Fatal(err)
	}
	r, err := decoder.Decode(sc)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.PackageID, r.State, r.Copied, r.Members)
	fmt.Println("no description:", r.Description == nil)
	fmt.Println("every", r.Schedule.Hours, "hours")
	// Output:
	// PS100005 3 2026-11-02T08:30:00Z [DP01 DP02]
	// no description: true
	// every 6 hours
}

// An Instance holds any class. What a text means is the reader's knowledge.
func ExampleReadInstance() {
	sc := xmlscan.New([]byte(item))
	if _, err := sc.Next(); err != nil {
		log.Fatal(err)
	}
	instance, err := cim.ReadInstance(sc)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range instance.Properties {
		fmt.Printf("%s (%s): %q\n", p.Name, p.Value.Kind(), p.Value)
	}
	schedule, _ := instance.Get("schedule") // names are compared as WMI does
	hours, _ := schedule.Instance().Get("HourSpan")
	fmt.Println(schedule.Instance().Class, hours)
	// Output:
	// Description (null): ""
	// LastCopied (datetime): "2026-11-02T08:30:00Z"
	// Members (array): "DP01, DP02"
	// PackageID (text): "PS100005"
	// Schedule (instance): "SMS_ST_RecurInterval{HourSpan=6}"
	// State (text): "3"
	// SMS_ST_RecurInterval 6
}

// Datetimes come in the forms of XML Schema and of DMTF, and parts of them may
// be left open.
func ExampleParseDatetime() {
	for _, text := range []string{"2026-11-02T08:30:00Z", "20261102083000.000000+060", "20261102******.******+000"} {
		d, err := cim.ParseDatetime(text)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s is %s\n", d, d.Time.Format(time.DateTime))
	}
	// Output:
	// 2026-11-02T08:30:00Z is 2026-11-02 08:30:00
	// 2026-11-02T07:30:00Z is 2026-11-02 07:30:00
	// 20261102******.******+000 is 2026-11-02 00:00:00
}

// Query asks a site and decodes its answer into records, one after the other, as
// its pages arrive. The key lets it ask again where an answer is lost.
func ExampleQuery() {
	ctx := context.Background()
	model := simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 1, Packages: 3}}}
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
	session := &cim.Session{Client: wsman.NewClient(transport, wsman.Options{Endpoint: url}), Namespace: "root/sms/site_PS1"}

	type pkg struct {
		ID   string `cim:"PackageID"`
		Name string `cim:"Name"`
	}
	for p, err := range cim.Query[pkg](ctx, session, "SELECT PackageID, Name FROM SMS_PackageBaseclass", "PackageID") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(p.ID, p.Name)
	}
	// Output:
	// PS100002 Archive Tool
	// PS100001 Branding Assets
	// PS100003 Certificate Bundle
}
