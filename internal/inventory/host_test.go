package inventory

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseServer(t *testing.T) {
	tests := []struct {
		text    string
		want    server
		address string
	}{
		{"ps1", server{"ps1", 5985, false}, "ps1:5985"},
		{"PS1.corp.example.", server{"PS1.corp.example.", 5985, false}, "PS1.corp.example.:5985"},
		{"ps1:80", server{"ps1", 80, false}, "ps1:80"},
		{"http://ps1", server{"ps1", 5985, false}, "ps1:5985"},
		{"https://ps1", server{"ps1", 5986, true}, "ps1:5986"},
		{"HTTPS://ps1:443/", server{"ps1", 443, true}, "ps1:443"},
		{"192.0.2.1", server{"192.0.2.1", 5985, false}, "192.0.2.1:5985"},
		{"[2001:db8::1]", server{"2001:db8::1", 5985, false}, "[2001:db8::1]:5985"},
		{"https://[2001:db8::1]:5999", server{"2001:db8::1", 5999, true}, "[2001:db8::1]:5999"},
		{"[fe80::1%eth0]", server{"fe80::1%eth0", 5985, false}, "[fe80::1%eth0]:5985"},
		{"win_srv-1.corp", server{"win_srv-1.corp", 5985, false}, "win_srv-1.corp:5985"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := parseServer(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(server{})); diff != "" {
				t.Errorf("server (-want +got):\n%s", diff)
			}
			if got := (Site{Host: got.host, Port: got.port}).Address(); got != tt.address {
				t.Errorf("got the address %q, want %q", got, tt.address)
			}
		})
	}
}

func TestParseServerRefuses(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", `"" is not a host name`},
		{"http://", `"" is not a host name`},
		{"ftp://ps1", `got the scheme "ftp"`},
		{"https://ps1/wsman", "without a path"},
		{"ps1?x", "without a path"},
		{"svc:hunter2@ps1", "want no user in the host"},
		{"https://svc:hunter2@ps1", "want no user in the host"},
		{"ps 1", `"ps 1" is not a host name`},
		{"-ps1", `"-ps1" is not a host name`},
		{"ps1..corp", `"ps1..corp" is not a host name`},
		{strings.Repeat("a.", 200) + "a", "is not a host name"},
		{"ps1:", `"" is not a port`},
		{"ps1:0", `"0" is not a port`},
		{"ps1:65536", `"65536" is not a port`},
		{"ps1:http", `"http" is not a port`},
		{"2001:db8::1", "in brackets"},
		{"[2001:db8::1", "holds no IPv6 address in brackets"},
		{"[192.0.2.1]", "holds no IPv6 address in brackets"},
		{"[::1]80", `"80" after the address is no port`},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := parseServer(tt.text)
			if err == nil {
				t.Fatalf("got %+v, want an error", got)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want it to contain %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats the password: %v", err)
			}
		})
	}
}

func TestSimulatedSiteHasNoAddress(t *testing.T) {
	if got := (Site{Simulate: &Simulation{}}).Address(); got != "" {
		t.Errorf("got the address %q, want none", got)
	}
}
