package world

import (
	"iter"
	"slices"
	"time"
)

// The version of the sites, and of the software on their DPs (current branch
// 2403).
const (
	siteVersion = "5.00.9128.1000"
	siteBuild   = 9128
)

// dpRows defines the classes of distribution points.
func dpRows() []definition {
	return []definition{
		rows[*dp]{class: "SMS_DistributionPointInfo", all: seqOf(func(s *Site) []*dp { return s.dps }), columns: dpColumns(), indexes: byNAL(oneDP)},
		rows[dpStatus]{class: "SMS_DPStatusInfo", all: overDPs(oneStatus), indexes: byNAL(oneStatus), columns: columns[dpStatus]{
			"IsDPMonEnabled":   is[dpStatus](true),
			"IsMulticast":      is[dpStatus](false),
			"IsPullDP":         func(r dpStatus) value { return r.dp.pull },
			"IsPXE":            is[dpStatus](false),
			"LastStatusTime":   func(r dpStatus) value { return when(r.latest) },
			"MessageCount":     func(r dpStatus) value { return r.good + r.busy + r.wrong },
			"MessageState":     func(r dpStatus) value { return uint64(r.state()) },
			"NALPath":          func(r dpStatus) value { return r.dp.nal },
			"Name":             func(r dpStatus) value { return r.dp.name },
			"NumberErrors":     func(r dpStatus) value { return r.wrong },
			"NumberInProgress": func(r dpStatus) value { return r.busy },
			"NumberInstalled":  func(r dpStatus) value { return r.good },
			"NumberUnknown":    is[dpStatus](uint64(0)),
			"SccmPXE":          is[dpStatus](false),
			"Version":          is[dpStatus](siteVersion),
		}},
		dpStatusDetailsRows(),
		rows[drive]{class: "SMS_DistributionPointDriveInfo", all: overDPs(drives), indexes: byNAL(drives), columns: columns[drive]{
			"BytesFree":           func(r drive) value { return r.free },
			"BytesTotal":          func(r drive) value { return r.total },
			"ConttentLibPriority": func(r drive) value { return r.priority },
			"Drive":               func(r drive) value { return r.letter },
			"NALPath":             func(r drive) value { return r.dp.nal },
			"ObjectType":          is[drive](int64(0)),
			"PercentFree":         func(r drive) value { return r.free * 100 / r.total },
			"PkgSharePriority":    func(r drive) value { return r.priority },
			"SiteCode":            func(r drive) value { return r.dp.site.code },
			"Status":              func(r drive) value { return r.status },
		}},
	}
}

func dpColumns() columns[*dp] {
	return columns[*dp]{
		"AddressScheduleEnabled":       func(d *dp) value { return d.scheduled },
		"BindPolicy":                   is[*dp](false),
		"BitsEnabled":                  is[*dp](true),
		"CertificateType":              is[*dp](false),
		"Communication":                is[*dp](uint64(0)),
		"Description":                  func(d *dp) value { return "Distribution point of " + d.site.name },
		"DPFlags":                      is[*dp](uint64(0)),
		"Drive":                        is[*dp](contentDrive),
		"EnableLEDBAT":                 is[*dp](false),
		"GroupCount":                   func(d *dp) value { return uint64(len(d.groups)) },
		"HasRelationship":              func(d *dp) value { return len(d.groups) > 0 },
		"HealthCheckEnabled":           is[*dp](true),
		"HealthCheckPriority":          is[*dp](uint64(4)),
		"ID":                           func(d *dp) value { return uint64(d.id) },
		"IdentityGUID":                 func(d *dp) value { return d.guid },
		"InternetFacing":               is[*dp](false),
		"IsActive":                     is[*dp](false),
		"IsMulticast":                  is[*dp](false),
		"IsPeerDP":                     is[*dp](false),
		"IsProtected":                  is[*dp](false),
		"IsPullDP":                     func(d *dp) value { return d.pull },
		"IsPXE":                        is[*dp](false),
		"MaintenanceMode":              func(d *dp) value { return d.maintenanceMode() },
		"MaintenanceModeLastStartTime": func(d *dp) value { return when(d.maintenance) },
		"NALPath":                      func(d *dp) value { return d.nal },
		"Name":                         func(d *dp) value { return d.name },
		"OperatingSystem":              is[*dp]("Microsoft Windows Server 2022 Standard"),
		"PreStagingAllowed":            func(d *dp) value { return d.prestaging },
		"Priority":                     is[*dp](uint64(200)),
		"RateLimitsEnabled":            func(d *dp) value { return d.site.kind == secondary },
		"ResourceType":                 is[*dp](resourceType),
		"ResponseDelay":                is[*dp](uint64(0)),
		"SccmPXE":                      is[*dp](false),
		"ServerName":                   func(d *dp) value { return d.name },
		"ServiceType":                  is[*dp](uint64(0)),
		"ShareName":                    is[*dp](""),
		"SiteCode":                     func(d *dp) value { return d.site.code },
		"SiteName":                     func(d *dp) value { return d.site.name },
		"SupportUnknownMachines":       is[*dp](false),
		"TransferRate":                 is[*dp](uint64(0)),
		"UdaSetting":                   is[*dp](uint64(0)),
		"Version":                      is[*dp](siteVersion),
	}
}

// maintenanceMode is MaintenanceMode: 1 while the DP is in maintenance mode.
func (d *dp) maintenanceMode() value {
	if d.maintenance.IsZero() {
		return uint64(0)
	}
	return uint64(1)
}

// overDPs is the rows that each DP shown gives.
func overDPs[R any](of func(*dp) []R) func(*Site) iter.Seq[R] {
	return func(s *Site) iter.Seq[R] {
		return func(yield func(R) bool) {
			for _, d := range s.dps {
				for _, r := range of(d) {
					if !yield(r) {
						return
					}
				}
			}
		}
	}
}

// byNAL is the index on NALPath of rows that DPs give.
func byNAL[R any](of func(*dp) []R) map[string]func(*Site, value) iter.Seq[R] {
	return map[string]func(*Site, value) iter.Seq[R]{"NALPath": dpIndex(of)}
}

func oneDP(d *dp) []*dp { return []*dp{d} }

// messageCounts counts the latest messages about some content.
type messageCounts struct {
	good, busy, wrong uint64
	latest            time.Time
}

func (m *messageCounts) add(c *content) {
	switch c.messageState() {
	case stateGood:
		m.good++
	case stateBusy:
		m.busy++
	default:
		m.wrong++
	}
	if c.summary.After(m.latest) {
		m.latest = c.summary
	}
}

// dpStatus is what the messages say about a DP's content.
type dpStatus struct {
	dp *dp
	messageCounts
}

func oneStatus(d *dp) []dpStatus {
	r := dpStatus{dp: d}
	for _, c := range d.rows {
		r.add(c)
	}
	return []dpStatus{r}
}

// state is the worst state among the DP's messages.
func (r dpStatus) state() messageState {
	switch {
	case r.wrong > 0:
		return stateBad
	case r.busy > 0:
		return stateBusy
	}
	return stateGood
}

// dpMessage is the latest message about content on a DP, or about the DP
// itself.
type dpMessage struct {
	id      uint64
	dp      *dp
	message *message
}

func dpStatusDetailsRows() definition {
	of := func(s *Site) iter.Seq[dpMessage] {
		return func(yield func(dpMessage) bool) {
			for _, d := range s.dps {
				if !yield(dpMessage{uint64(len(s.w.contents)) + uint64(d.id), d, d.ready()}) {
					return
				}
			}
			for c := range s.contents() {
				if !yield(dpMessage{c.id, c.dp, c.status()}) {
					return
				}
			}
		}
	}
	return rows[dpMessage]{
		class: "SMS_DPStatusDetails",
		all:   of,
		columns: messageColumns(func(r dpMessage) *message { return r.message }).with(columns[dpMessage]{
			"DPName":         func(r dpMessage) value { return r.dp.name },
			"ID":             func(r dpMessage) value { return int64(r.id) },
			"LastStatusTime": func(r dpMessage) value { return when(r.message.at) },
			"NALPath":        func(r dpMessage) value { return r.dp.nal },
			"PackageID": func(r dpMessage) value {
				if r.message.pkg == nil {
					return ""
				}
				return r.message.pkg.id
			},
			"StatusMsgID": func(r dpMessage) value { return r.message.record },
		}),
		indexes: map[string]func(*Site, value) iter.Seq[dpMessage]{
			"PackageID": func(s *Site, v value) iter.Seq[dpMessage] {
				if v == "" {
					return of(s)
				}
				return func(yield func(dpMessage) bool) {
					for c := range packageIndex((*Site).contentsOf)(s, v) {
						if !yield(dpMessage{c.id, c.dp, c.status()}) {
							return
						}
					}
				}
			},
		},
	}
}

// ready is the message about the DP itself: that it was installed.
func (d *dp) ready() *message {
	return &message{note: good(msgDPReady), record: firstRecord - int64(d.id), at: d.installed, site: d.site.reporter, dp: d}
}

// The drives of a DP.
const (
	systemDrive  = "C:"
	contentDrive = "D:"
)

// drive is one drive of a DP; sizes are in KB, whatever the class calls them.
type drive struct {
	dp          *dp
	letter      string
	free, total int64
	priority    int64
	status      int64
}

// fullKB is what is left on a full drive.
const fullKB = 2148

func drives(d *dp) []drive {
	data := drive{dp: d, letter: contentDrive, free: d.freeKB, total: d.totalKB}
	full := slices.ContainsFunc(d.rows, func(c *content) bool { return c.cause == DiskFull })
	if full {
		data.free, data.status = fullKB, errorDiskFull
	}
	if d.limited {
		data.free = d.leftKB
	}
	return []drive{
		{dp: d, letter: systemDrive, free: 41 * mb * 1024, total: 120 * mb * 1024, priority: 1},
		data,
	}
}

// lacksRoom tells whether a package does not fit on the content drive.
func (d *dp) lacksRoom(p *pkg) bool { return d.limited && int64(p.sizeKB) > d.leftKB }

// takeRoom takes what a package needs of a drive whose room is limited.
func (d *dp) takeRoom(p *pkg) {
	if d.limited {
		d.leftKB = max(d.leftKB-int64(p.sizeKB), 0)
	}
}

// groupRows defines the classes of distribution point groups. Groups are global
// data; their members are shown as far as the site shows the DPs.
func groupRows() []definition {
	all := seqOf(func(s *Site) []groupView {
		var views []groupView
		for _, g := range s.site.tree.groups {
			views = append(views, newGroupView(s, g))
		}
		return views
	})
	return []definition{
		rows[groupView]{class: "SMS_DistributionPointGroup", all: all, columns: groupColumns()},
		rows[groupView]{class: "SMS_DPGroupInfo", all: all, columns: columns[groupView]{
			"AssignedContentCount": func(r groupView) value { return uint64(len(r.packages)) },
			"Description":          func(r groupView) value { return r.description },
			"FeatureType":          is[groupView](uint64(43)),
			"GroupID":              func(r groupView) value { return r.id },
			"MembersCount":         func(r groupView) value { return uint64(len(r.members)) },
			"Name":                 func(r groupView) value { return r.name },
			"NumberErrors":         func(r groupView) value { return r.wrong },
			"NumberInProgress":     func(r groupView) value { return r.busy },
			"NumberSuccess":        func(r groupView) value { return r.good },
			"NumberUnknown":        is[groupView](uint64(0)),
		}},
		rows[groupMember]{class: "SMS_DPGroupMembers", all: groupMembers, columns: columns[groupMember]{
			"DPNALPath": func(r groupMember) value { return r.dp.nal },
			"GroupID":   func(r groupMember) value { return r.group.id },
		}},
		rows[groupPackage]{class: "SMS_DPGroupPackages", all: groupPackages, columns: columns[groupPackage]{
			"GroupID": func(r groupPackage) value { return r.group.id },
			"PkgID":   func(r groupPackage) value { return r.pkg.id },
		}},
		rows[groupPackage]{class: "SMS_DPGroupContentInfo", all: groupPackages, columns: columns[groupPackage]{
			"Description":         func(r groupPackage) value { return r.pkg.description() },
			"GroupID":             func(r groupPackage) value { return r.group.id },
			"IsPredefinedPackage": is[groupPackage](false),
			"Name":                func(r groupPackage) value { return r.pkg.name },
			"ObjectID":            func(r groupPackage) value { return r.pkg.objectID },
			"ObjectType":          func(r groupPackage) value { return r.pkg.objectType() },
			"ObjectTypeID":        func(r groupPackage) value { return uint64(r.pkg.objectTypeID) },
			"PackageID":           func(r groupPackage) value { return r.pkg.id },
			"SourceSize":          func(r groupPackage) value { return uint64(r.pkg.sizeKB) },
		}},
		groupStatusRows(),
		groupStatusDetailsRows(),
	}
}

// groupView is a group with the counts over its members' content.
type groupView struct {
	*group
	messageCounts
	outOfSync uint64 // packages
}

func newGroupView(s *Site, g *group) groupView {
	r := groupView{group: g}
	stale := map[*pkg]bool{}
	for c := range groupContents(s, g) {
		r.add(c)
		if c.state != Installed {
			stale[c.pkg] = true
		}
	}
	r.outOfSync = uint64(len(stale))
	return r
}

// groupContents is the rows of a group's packages on its members, as far as the
// site shows them.
func groupContents(s *Site, g *group) iter.Seq[*content] {
	return func(yield func(*content) bool) {
		for _, p := range g.packages {
			for _, d := range g.members {
				c, ok := p.row(d)
				if ok && s.shows(d.site) && !yield(c) {
					return
				}
			}
		}
	}
}

type groupMember struct {
	group *group
	dp    *dp
}

func groupMembers(s *Site) iter.Seq[groupMember] {
	return func(yield func(groupMember) bool) {
		for _, g := range s.site.tree.groups {
			for _, d := range g.members {
				if s.shows(d.site) && !yield(groupMember{g, d}) {
					return
				}
			}
		}
	}
}

type groupPackage struct {
	group *group
	pkg   *pkg
}

func groupPackages(s *Site) iter.Seq[groupPackage] {
	return func(yield func(groupPackage) bool) {
		for _, g := range s.site.tree.groups {
			for _, p := range g.packages {
				if !yield(groupPackage{g, p}) {
					return
				}
			}
		}
	}
}

// groupStatus counts the rows of a group whose latest messages are alike.
type groupStatus struct {
	group    *group
	note     note
	latest   time.Time
	dps      map[*dp]bool
	packages map[*pkg]bool
}

func groupStatusRows() definition {
	return rows[*groupStatus]{class: "SMS_DPGroupDistributionStatus", all: groupStatuses, columns: columns[*groupStatus]{
		"Assets":          func(r *groupStatus) value { return uint64(len(r.dps)) },
		"ContentCount":    func(r *groupStatus) value { return uint64(len(r.packages)) },
		"GroupID":         func(r *groupStatus) value { return r.group.id },
		"MessageCategory": func(r *groupStatus) value { return r.note.category() },
		"MessageType":     func(r *groupStatus) value { return uint64(min(r.note.state, 3)) },
		"StatusTime":      func(r *groupStatus) value { return when(r.latest) },
	}}
}

func groupStatuses(s *Site) iter.Seq[*groupStatus] {
	var all []*groupStatus
	for _, g := range s.site.tree.groups {
		var found []*groupStatus
		for c := range groupContents(s, g) {
			m := c.status()
			i := slices.IndexFunc(found, func(r *groupStatus) bool { return r.note.category() == m.category() })
			if i < 0 {
				i = len(found)
				found = append(found, &groupStatus{group: g, note: m.note, dps: map[*dp]bool{}, packages: map[*pkg]bool{}})
			}
			found[i].dps[c.dp], found[i].packages[c.pkg] = true, true
			if m.at.After(found[i].latest) {
				found[i].latest = m.at
			}
		}
		all = append(all, found...)
	}
	return slices.Values(all)
}

// groupMessage is the latest message about content on a group's member.
type groupMessage struct {
	id      uint64
	group   *group
	content *content
	message *message
}

func groupStatusDetailsRows() definition {
	of := func(s *Site) iter.Seq[groupMessage] {
		return func(yield func(groupMessage) bool) {
			for i, g := range s.site.tree.groups {
				for c := range groupContents(s, g) {
					id := uint64(i)*uint64(len(s.w.contents)) + c.id
					if !yield(groupMessage{id, g, c, c.status()}) {
						return
					}
				}
			}
		}
	}
	return rows[groupMessage]{
		class: "SMS_DPGroupDistributionStatusDetails",
		all:   of,
		columns: messageColumns(func(r groupMessage) *message { return r.message }).with(columns[groupMessage]{
			"ContentName":  func(r groupMessage) value { return r.content.pkg.name },
			"DPName":       func(r groupMessage) value { return r.content.dp.name },
			"GroupID":      func(r groupMessage) value { return r.group.id },
			"ID":           func(r groupMessage) value { return r.id },
			"ObjectID":     func(r groupMessage) value { return r.content.pkg.objectID },
			"ObjectType":   func(r groupMessage) value { return r.content.pkg.objectType() },
			"ObjectTypeID": func(r groupMessage) value { return uint64(r.content.pkg.objectTypeID) },
			"PackageID":    func(r groupMessage) value { return r.content.pkg.id },
			"StatusMsgID":  func(r groupMessage) value { return uint64(r.message.record) },
			"StatusTime":   func(r groupMessage) value { return when(r.message.at) },
		}),
	}
}

// groupColumns is the columns of SMS_DistributionPointGroup.
func groupColumns() columns[groupView] {
	return columns[groupView]{
		"CollectionCount":       is[groupView](uint64(0)),
		"ContentCount":          func(r groupView) value { return uint64(len(r.packages)) },
		"ContentInSync":         func(r groupView) value { return r.outOfSync == 0 },
		"CreatedBy":             is[groupView](`SIM\admin`),
		"CreatedOn":             func(r groupView) value { return when(r.created) },
		"Description":           func(r groupView) value { return r.description },
		"GroupID":               func(r groupView) value { return r.id },
		"HasMember":             func(r groupView) value { return len(r.members) > 0 },
		"HasRelationship":       is[groupView](false),
		"MemberCount":           func(r groupView) value { return uint64(len(r.members)) },
		"ModifiedBy":            is[groupView](`SIM\admin`),
		"ModifiedOn":            func(r groupView) value { return when(r.created) },
		"Name":                  func(r groupView) value { return r.name },
		"OutOfSyncContentCount": func(r groupView) value { return r.outOfSync },
		"SourceSite":            func(r groupView) value { return r.site.code },
	}
}
