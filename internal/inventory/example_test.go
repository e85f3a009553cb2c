package inventory_test

import (
	"fmt"

	"dpremote/internal/inventory"
)

func ExampleParse() {
	inv, err := inventory.Parse("inventory.yaml", []byte(`
groups:
  emea:
    sites: [LON]
    vars: {user: CORP\svc-emea}
sites:
  LON: {host: https://lon-cm01.corp.example}
  NYC: {host: nyc-cm01.corp.example}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range inv.Sites() {
		fmt.Println(s.Name, s.Address(), s.Namespace, s.User)
	}
	// Output:
	// LON lon-cm01.corp.example:5986 root/sms/site_LON CORP\svc-emea
	// NYC nyc-cm01.corp.example:5985 root/sms/site_NYC
}

func ExampleParse_problems() {
	_, err := inventory.Parse("inventory.yaml", []byte(`sites:
  LON:
    host: lon-cm01.corp.example
    usr: svc
    connections: 99
`))
	fmt.Println(err)
	// Output:
	// inventory.yaml:4:5: sites.LON: unknown key usr; did you mean user?
	// inventory.yaml:5:18: sites.LON.connections: want a whole number from 1 to 8, got "99"
}

func ExampleSite_With() {
	site, err := inventory.AdHoc(
		inventory.Setting{Key: "host", Value: "ps1.corp.example", From: "--host"},
		inventory.Setting{Key: "site_code", Value: "PS1", From: "--site-code"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	site, err = site.With(inventory.Setting{Key: "request_timeout", Value: "2m", From: "--request-timeout"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(site.RequestTimeout, "from", site.Origin("request_timeout"))
	fmt.Println(site.ConnectTimeout, "from", site.Origin("connect_timeout"))
	// Output:
	// 2m0s from --request-timeout
	// 10s from default
}
