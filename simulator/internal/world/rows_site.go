package world

import (
	"fmt"
	"iter"
	"time"
)

// siteRows defines the classes of sites and their servers.
func siteRows(classes declared) []definition {
	self := func(s *Site) iter.Seq[*Site] { return one(s) }
	return []definition{
		rows[*site]{class: "SMS_Site", all: seqOf(func(s *Site) []*site { return s.sites }), columns: siteColumns()},
		rows[*Site]{class: "SMS_Identification", all: self, columns: columns[*Site]{
			"LocaleID":          is[*Site](uint64(1033)),
			"SMSBuildNumber":    is[*Site](uint64(siteBuild)),
			"SMSProviderServer": func(s *Site) value { return s.site.server },
			"SMSSiteServer":     func(s *Site) value { return s.site.server },
			"SMSVersion":        is[*Site](siteVersion),
			"ThisSiteCode":      func(s *Site) value { return s.site.code },
			"ThisSiteName":      func(s *Site) value { return s.site.name },
		}},
		rows[role]{class: "SMS_SystemResourceList", all: roles, columns: columns[role]{
			"InternetEnabled":  is[role](false),
			"InternetShared":   is[role](false),
			"NALPath":          func(r role) value { return r.nal() },
			"ResourceType":     is[role](resourceType),
			"RoleName":         func(r role) value { return r.name },
			"ServerName":       func(r role) value { return r.server },
			"ServerRemoteName": func(r role) value { return r.server },
			"SiteCode":         func(r role) value { return r.site.code },
			"SslState":         is[role](uint64(0)),
		}},
		rows[role]{class: "SMS_SCI_SysResUse", all: roles, columns: columns[role]{
			"FileType":         is[role](uint64(2)),
			"ItemName":         func(r role) value { return r.nal() + "," + r.name },
			"ItemType":         is[role]("System Resource Usage"),
			"NALPath":          func(r role) value { return r.nal() },
			"NALType":          is[role](resourceType),
			"NetworkOSPath":    func(r role) value { return `\\` + r.server },
			"Props":            func(r role) value { return r.properties(classes) },
			"RoleCount":        is[role](uint64(1)),
			"RoleName":         func(r role) value { return r.name },
			"ServerState":      is[role](uint64(0)),
			"SiteCode":         func(r role) value { return r.site.code },
			"SiteSystemStatus": is[role](uint64(0)),
			"SslState":         is[role](uint64(0)),
			"Type":             func(r role) value { return r.systemType() },
		}},
		componentRows(),
	}
}

// installDir is where a site is installed.
const installDir = `C:\Program Files\Microsoft Configuration Manager`

// The names of site system roles.
const (
	roleSiteServer = "SMS Site Server"
	roleProvider   = "SMS Provider"
	roleDP         = "SMS Distribution Point"
)

// role is a role of a site system; dp is nil for those of the site server.
type role struct {
	site         *site
	server, name string
	dp           *dp
}

func roles(s *Site) iter.Seq[role] {
	return func(yield func(role) bool) {
		for _, at := range s.sites {
			names := []string{roleSiteServer, roleProvider}
			if at.kind == secondary {
				names = names[:1]
			}
			for _, name := range names {
				if !yield(role{at, at.server, name, nil}) {
					return
				}
			}
			for _, d := range at.dps {
				if !yield(role{at, d.name, roleDP, d}) {
					return
				}
			}
		}
	}
}

func (r role) nal() string { return nalPath(r.server, r.site.code) }

// systemType is SMS_SCI_SysResUse.Type: the site's type on its server, 8
// elsewhere.
func (r role) systemType() value {
	if r.server == r.site.server {
		return uint64(r.site.kind)
	}
	return uint64(8)
}

// properties are the embedded settings of a role.
func (r role) properties(classes declared) value {
	property := func(name string, number int64, text string) value {
		return classes.embed("SMS_EmbeddedProperty", map[string]value{
			"PropertyName": name, "Value": number, "Value1": text, "Value2": "",
		})
	}
	all := []value{property("Server Remote Name", 0, r.server)}
	if r.dp != nil {
		pull := int64(0)
		if r.dp.pull {
			pull = 1
		}
		all = append(all, property("IsPullDP", pull, ""))
	}
	return all
}

// component is a component of a site server, for the component summarizer.
type component struct {
	site   *Site
	name   string
	errors uint64
}

// sinceMidnight is the tally interval "since midnight" (the SDK's token).
const sinceMidnight = "0001128000100008"

func componentRows() definition {
	of := func(s *Site) iter.Seq[component] {
		return func(yield func(component) bool) {
			midnight := s.w.now().Truncate(24 * time.Hour)
			for _, name := range []string{distributionManager, packageTransferManager} {
				c := component{site: s, name: name}
				for m := range s.messages() {
					if m.site == s.site && m.component() == name && m.severity == failure && !m.at.Before(midnight) {
						c.errors++
					}
				}
				if !yield(c) {
					return
				}
			}
		}
	}
	return rows[component]{class: "SMS_ComponentSummarizer", all: of, columns: columns[component]{
		"AvailabilityState": is[component](uint64(0)),
		"ComponentName":     func(c component) value { return c.name },
		"ComponentType":     is[component]("Server"),
		"Errors":            func(c component) value { return c.errors },
		"HeartbeatInterval": is[component](uint64(60)),
		"Infos":             is[component](uint64(0)),
		"MachineName":       func(c component) value { return c.site.site.server },
		"SiteCode":          func(c component) value { return c.site.site.code },
		"State":             is[component](uint64(1)),
		"Status": func(c component) value {
			if c.errors > 0 {
				return uint64(2)
			}
			return uint64(0)
		},
		"TallyInterval": is[component](sinceMidnight),
		"Type":          is[component](uint64(0)),
		"Warnings":      is[component](uint64(0)),
	}}
}

// smsRows defines the rows of root/sms.
func smsRows(declared) []definition {
	providers := func(s *Site) iter.Seq[provider] {
		return func(yield func(provider) bool) {
			for _, at := range s.site.tree.sites {
				if at.reporter == at && !yield(provider{at, at == s.site}) {
					return
				}
			}
		}
	}
	return []definition{
		namespaceRows(func(s *Site) []string { return []string{"site_" + s.site.code} }),
		rows[provider]{class: "SMS_ProviderLocation", all: providers, columns: columns[provider]{
			"Machine":              func(p provider) value { return p.site.server },
			"NamespacePath":        func(p provider) value { return fmt.Sprintf(`\\%s\root\sms\site_%s`, p.site.server, p.site.code) },
			"ProviderForLocalSite": func(p provider) value { return p.local },
			"SiteCode":             func(p provider) value { return p.site.code },
		}},
	}
}

// provider is the SMS Provider of a site.
type provider struct {
	site  *site
	local bool
}

// rootRows defines the rows of root.
func rootRows(declared) []definition {
	return []definition{namespaceRows(func(*Site) []string { return []string{"CIMV2", "DEFAULT", "SMS"} })}
}

// namespaceRows defines the namespaces below one.
func namespaceRows(names func(*Site) []string) definition {
	return rows[string]{class: "__Namespace", all: seqOf(names), columns: columns[string]{
		"Name": func(name string) value { return name },
	}}
}

// siteColumns is the columns of SMS_Site.
func siteColumns() columns[*site] {
	return columns[*site]{
		"BuildNumber": is[*site](uint64(siteBuild)),
		"Features":    is[*site](""),
		"InstallDir":  is[*site](installDir),
		"Mode":        is[*site](uint64(0)),
		"ReportingSiteCode": func(s *site) value {
			if s.parent == nil {
				return ""
			}
			return s.parent.code
		},
		"RequestedStatus":             is[*site](uint64(0)),
		"SecondarySiteCMUpdateStatus": is[*site](uint64(0)),
		"ServerName":                  func(s *site) value { return s.server },
		"SiteCode":                    func(s *site) value { return s.code },
		"SiteName":                    func(s *site) value { return s.name },
		"Status":                      is[*site](uint64(1)),
		"Type":                        func(s *site) value { return uint64(s.kind) },
		"Version":                     is[*site](siteVersion),
	}
}
