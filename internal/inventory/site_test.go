package inventory

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWith(t *testing.T) {
	site := mustSite(t, "sites: {PS1: {host: h, user: file, password_file: /pw, connections: 2}}")
	got, err := site.With(
		Setting{Key: "user", Value: "environment", From: "DPREMOTE_USER"},
		Setting{Key: "user", Value: "12345", From: "--user"},
		Setting{Key: "password_command", Value: "pass show x", From: "--password-command"},
		Setting{Key: "insecure", Value: "true", From: "--insecure"},
		Setting{Key: "request_timeout", Value: "5s", From: "--request-timeout"},
		Setting{Key: "kerberos.kdc", Value: "dc1,dc2:88", From: "--kdc"},
		Setting{Key: "ca_file", Value: "ca.pem", From: "--ca-file"},
	)
	if err != nil {
		t.Fatal(err)
	}
	want := site
	want.User, want.Insecure, want.RequestTimeout = "12345", true, 5*time.Second
	want.Kerberos.KDC = []string{"dc1", "dc2:88"}
	// A flag's path starts from the working directory.
	want.CAFile = "ca.pem"
	if diff := cmp.Diff(want, got, ignoreInner); diff != "" {
		t.Errorf("site (-want +got):\n%s", diff)
	}
	origins := map[string]string{}
	for _, key := range []string{"user", "password_file", "connections", "auth"} {
		origins[key] = got.Origin(key).String()
	}
	wantOrigins := map[string]string{
		"user":          "--user",
		"password_file": "--password-command",
		"connections":   "site PS1, dir/inventory.yaml:1:56",
		"auth":          "default",
	}
	if diff := cmp.Diff(wantOrigins, origins); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
	if site.User != "file" || site.Origin("user").Layer != "site PS1" {
		t.Error("With has changed the site that it was called on")
	}
}

func TestWithRefuses(t *testing.T) {
	tests := []struct {
		name     string
		doc      string
		settings []Setting
		want     string
	}{
		{"unknown key", "host: h", []Setting{{"usr", "x", "--usr"}}, `--usr: "usr" is not a setting that can be given here`},
		{"identity", "host: h", []Setting{{"host", "x", "--host"}}, `--host: "host" is not a setting that can be given here`},
		{"bad value", "host: h", []Setting{{"connections", "0", "--connections"}}, `--connections: want a whole number from 1 to 8, got "0"`},
		{"all mistakes", "host: h", []Setting{{"schema", "x", "--schema"}, {"auth", "y", "--auth"}}, "--auth: want one of"},
		{"certificate without files", "host: https://h, auth: certificate, client_cert: c", nil,
			"auth (from site PS1, dir/inventory.yaml:1:32): certificate needs client_cert and client_key"},
		{"certificate over http", "host: h, auth: certificate, client_cert: c, client_key: k", nil, "certificate needs an https host"},
		{"half a certificate", "host: h, client_key: k", nil, "client_cert and client_key go together"},
		{"basic in clear", "host: h, user: u, auth: basic", nil, "basic over http shows the password"},
		{"basic without a user", "host: https://h", []Setting{{"auth", "basic", "--auth"}}, "auth (from --auth): basic needs user"},
		{"ntlm without a user", "host: h, auth: ntlm", nil, "ntlm needs user"},
		{"two domains", `host: h, user: 'CORP\u', domain: CORP`, nil, "the user carries a domain already"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := mustSite(t, "sites: {PS1: {"+tt.doc+"}}").With(tt.settings...)
			if err == nil {
				t.Fatal("got no error")
			}
			if !strings.HasPrefix(err.Error(), "set up site PS1: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want it to contain %q", err, tt.want)
			}
		})
	}
}

// What is incomplete in the file may be completed by a flag.
func TestWithCompletes(t *testing.T) {
	site := mustSite(t, "sites: {PS1: {host: h, auth: basic}}")
	_, err := site.With(
		Setting{Key: "user", Value: "u", From: "--user"},
		Setting{Key: "allow_unencrypted", Value: "true", From: "--allow-unencrypted"},
	)
	if err != nil {
		t.Error(err)
	}
}

// The settings of real sites that all carries do not trouble simulated ones.
func TestWithSimulated(t *testing.T) {
	site := mustSite(t, "all: {auth: certificate}\nsites: {PS1: {simulate: {dps: 1}}}")
	if _, err := site.With(); err != nil {
		t.Error(err)
	}
}

func TestAdHoc(t *testing.T) {
	tests := []struct {
		name     string
		settings []Setting
		want     Site
	}{
		{"host alone", []Setting{{"host", "ps1", "--host"}}, Site{Name: "ps1", Host: "ps1", Port: 5985}},
		{"with a code", []Setting{{"site_code", "ps1", "--site-code"}, {"host", "https://h", "--host"}},
			Site{Name: "PS1", Code: "PS1", Host: "h", Port: 5986, TLS: true, Namespace: "root/sms/site_PS1"}},
		{"with a namespace", []Setting{{"host", "h", "--host"}, {"namespace", `root\cimv2`, "--namespace"}},
			Site{Name: "h", Host: "h", Port: 5985, Namespace: "root/cimv2"}},
		{"with a code and a namespace", []Setting{{"host", "h", "--host"}, {"site_code", "ABC", "--site-code"}, {"namespace", "root/cimv2", "--namespace"}},
			Site{Name: "ABC", Code: "ABC", Host: "h", Port: 5985, Namespace: "root/cimv2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AdHoc(tt.settings...)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Auth, tt.want.Schema, tt.want.Connections = Negotiate, WMI, 4
			tt.want.ConnectTimeout, tt.want.RequestTimeout, tt.want.MaxEnvelopeKB = 10*time.Second, time.Minute, 2048
			if diff := cmp.Diff(tt.want, got, ignoreInner); diff != "" {
				t.Errorf("site (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAdHocRefuses(t *testing.T) {
	tests := []struct {
		name     string
		settings []Setting
		want     string
	}{
		{"no host", []Setting{{"site_code", "PS1", "--site-code"}}, "set up site: no host is given"},
		{"bad host", []Setting{{"host", "a b", "--host"}}, `set up site: --host: want [http://|https://]NAME[:PORT]: "a b" is not a host name`},
		{"simulate", []Setting{{"simulate", "x", "--simulate"}}, "is not a setting that can be given here"},
		{"contradiction", []Setting{{"host", "h", "--host"}, {"auth", "ntlm", "--auth"}}, "set up site h: auth (from --auth): ntlm needs user"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := AdHoc(tt.settings...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to contain %q", err, tt.want)
			}
		})
	}
}

func TestFromEnvironment(t *testing.T) {
	env := map[string]string{
		"DPREMOTE_USER":           "svc",
		"DPREMOTE_KERBEROS_REALM": "CORP.EXAMPLE",
		"DPREMOTE_AUTH":           "",
		"DPREMOTE_HOST":           "not from here",
	}
	got := FromEnvironment(func(name string) string { return env[name] })
	want := []Setting{
		{"user", "svc", "DPREMOTE_USER"},
		{"kerberos.realm", "CORP.EXAMPLE", "DPREMOTE_KERBEROS_REALM"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestKeys(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		if k.Doc == "" || !strings.HasSuffix(k.Doc, ".") {
			t.Errorf("%s: the description is not a sentence: %q", k.Name, k.Doc)
		}
		if seen[k.Name] {
			t.Errorf("%s: twice in the table", k.Name)
		}
		seen[k.Name] = true
		if k.Default != "" {
			// defaultSite relies on it.
			if err := new(Site).overlay([]Setting{{k.Name, k.Default, "default"}}, true); err != nil {
				t.Errorf("%s: its default does not read: %v", k.Name, err)
			}
		}
	}
	if !seen["host"] || !seen["kerberos.krb5_conf"] {
		t.Errorf("got the keys %v, want host and kerberos.krb5_conf among them", seen)
	}
}
