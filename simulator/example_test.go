package simulator_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"time"

	"dpremote/simulator"
)

// A test starts a site, asks it what has failed, and reads the answer, with
// nothing but net/http.
func Example() {
	model := simulator.Model{Sites: []simulator.Site{{
		Code: "PS1", DPs: 2, Packages: 3, Failed: map[simulator.Cause]int{simulator.DiskFull: 1},
	}}}
	h, err := simulator.Start(context.Background(), model, simulator.Options{AllowUnencrypted: true})
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close()

	site := h.Sites()[0]
	req, err := http.NewRequest(http.MethodPost, site.URL, strings.NewReader(enumerateFailed))
	if err != nil {
		log.Fatal(err)
	}
	req.SetBasicAuth(site.User, site.Password())
	req.Header.Set("Content-Type", "application/soap+xml;charset=UTF-8")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Status)
	for _, row := range regexp.MustCompile(`>(PS1[0-9A-F]{5})<`).FindAllSubmatch(answer, -1) {
		fmt.Printf("failed: %s\n", row[1])
	}
	// Output:
	// 200 OK
	// failed: PS100003
}

// A storm is told by the messages that count it, here under an invented clock
// and without a network.
func ExampleHierarchy_Storm() {
	now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	model := simulator.Model{Sites: []simulator.Site{{
		Code: "PS1", DPs: 2, Packages: 3, Secondaries: []simulator.Secondary{{Code: "S11", DPs: 1}},
	}}}
	h, err := simulator.New(model, simulator.Options{
		AllowUnencrypted: true, FirstPageItems: 100, Now: func() time.Time { return now },
	})
	if err != nil {
		log.Fatal(err)
	}
	handler, _ := h.Handler("PS1")
	told := func(id string) int {
		query := strings.Replace(enumerateFailed, "PackageID FROM SMS_PackageStatusDistPointsSummarizer WHERE State=3",
			"MessageID FROM SMS_StatMsg WHERE MessageID="+id, 1)
		req := httptest.NewRequest(http.MethodPost, "/wsman", strings.NewReader(query))
		req.SetBasicAuth(h.User(), h.Password())
		req.Header.Set("Content-Type", "application/soap+xml;charset=UTF-8")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, req)
		return strings.Count(answer.Body.String(), ">"+id+"<")
	}

	row := simulator.Target{Package: "PS100001", DP: "dp01.ps1.sim.example"}
	fmt.Printf("%d storm\n", h.Storm(row))
	for range 3 {
		now = now.Add(2 * time.Hour)
		fmt.Printf("%s: %d tries failed, %d descriptions sent\n", now.Format("15:04"), told("2328"), told("2339"))
	}
	h.Fix(row, simulator.AccessDenied)
	now = now.Add(2 * time.Hour)
	fmt.Printf("%s: %d tries failed, state %d\n", now.Format("15:04"), told("2328"), h.Rows(row)[0].State)
	// Output:
	// 1 storm
	// 10:00: 9 tries failed, 9 descriptions sent
	// 12:00: 21 tries failed, 21 descriptions sent
	// 14:00: 42 tries failed, 42 descriptions sent
	// 16:00: 42 tries failed, state 0
}

const enumerateFailed = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"
 xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>
<a:To>http://localhost/wsman</a:To>
<w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/sms/site_PS1/*</w:ResourceURI>
<a:ReplyTo><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>
<a:Action>http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate</a:Action>
<a:MessageID>uuid:6B29FC40-CA47-1067-B31D-00DD010662DA</a:MessageID>
</s:Header><s:Body><n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>100</w:MaxElements>
<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">SELECT PackageID FROM SMS_PackageStatusDistPointsSummarizer WHERE State=3</w:Filter>
</n:Enumerate></s:Body></s:Envelope>`
