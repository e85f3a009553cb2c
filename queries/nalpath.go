package queries

import "strings"

// NALPath names a server or a share as Configuration Manager does, in its
// network abstraction layer:
//
//	["Display=\\DP1.corp.example\"]MSWNET:["SMS_SITE=PS1"]\\DP1.corp.example\
//
// It is a key: send it back as it came. Its parts are read leniently, for no
// page documents the form.
type NALPath string

// Server is the name of the server, as a rule its FQDN, in the case it came in:
// what stands behind the last bracket, without a scheme, without slashes, and
// without what follows the name.
func (p NALPath) Server() string {
	name := string(p)
	name = name[strings.LastIndexByte(name, ']')+1:]
	for _, mark := range []string{"://", `:\\`} { // a scheme, or a provider without a site
		if _, rest, ok := strings.Cut(name, mark); ok {
			name = rest
		}
	}
	name = strings.TrimLeft(name, `\/`)
	if end := strings.IndexAny(name, `\/`); end >= 0 {
		name = name[:end]
	}
	return strings.TrimSpace(name)
}

// Host is the first label of the server's name.
func (p NALPath) Host() string { return hostOf(p.Server()) }

func hostOf(server string) string {
	host, _, _ := strings.Cut(server, ".")
	return host
}

// Site is the site that the path names, in upper case, or empty.
func (p NALPath) Site() SiteCode {
	const mark = `["sms_site=`
	path := asciiLower(string(p))
	at := strings.LastIndex(path, mark)
	if at < 0 {
		return ""
	}
	rest := string(p)[at+len(mark):]
	code, _, _ := strings.Cut(rest, `"`)
	site, err := ParseSiteCode(code)
	if err != nil {
		return ""
	}
	return site
}

// Provider is the kind of network, such as MSWNET for a server, or MSAZURE for
// a cloud distribution point; empty when the path names none.
func (p NALPath) Provider() string {
	path := string(p)
	_, path, ok := strings.Cut(path, `"]`)
	if !ok {
		return ""
	}
	name, _, ok := strings.Cut(path, ":")
	if !ok || !isAlphanumeric(name) {
		return ""
	}
	return strings.ToUpper(name)
}

// Cloud tells whether the path is that of a cloud distribution point.
func (p NALPath) Cloud() bool { return p.Provider() == "MSAZURE" }

// Key is the path in lower case. Paths of one server and site that differ in
// case have the same key.
func (p NALPath) Key() string { return strings.ToLower(string(p)) }

// asciiLower lowers ASCII letters only, so that positions hold.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
