// Package inventory reads which sites there are and how to reach them.
//
// An inventory is a YAML file of three parts:
//
//	all:                      # settings of every site
//	  auth: kerberos
//	groups:
//	  emea:
//	    sites: [LON, "PAR*"]  # names or globs
//	    children: [nordics]   # groups whose sites belong here too
//	    vars:                 # settings of the group's sites
//	      user: svc-dpremote
//	sites:
//	  LON:                    # settings of one site
//	    host: https://lon-cm01.corp.example
//	    site_code: LON
//
// A site's own setting wins over its groups', a child group's over its
// parent's, a group further down in the file over one further up, any group's
// over that of all, and that over the default. What stands above the file
// (environment, then flags) is laid over a site with [Site.With].
//
// The file is read strictly: unknown and duplicate keys, wrong types and
// patterns that match nothing are errors, each with its position, all of them
// reported at once. One table (keys.go) says which keys there are; the parser,
// the overlay, the environment variables and the JSON schema for editors all
// follow it.
//
// The inventory never holds a password, only where to get one: see
// [PasswordSource] and [Passwords].
package inventory
