package world

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"dpremote/simulator/internal/repository"
)

// contentRows defines the classes with a row for content on a DP, and for
// content objects.
func contentRows() []definition {
	point := columns[*content]{
		"ObjectTypeID":   func(c *content) value { return uint64(c.pkg.objectTypeID) },
		"PackageID":      func(c *content) value { return c.pkg.id },
		"PackageType":    func(c *content) value { return uint64(c.pkg.packageType) },
		"SecureObjectID": func(c *content) value { return c.pkg.objectID },
		"ServerNALPath":  func(c *content) value { return c.dp.nal },
		"SiteCode":       func(c *content) value { return c.dp.site.code },
	}
	points := contentIndexes("PackageID", "ServerNALPath")
	return []definition{
		rows[*content]{class: "SMS_AllDistributionPoint", all: (*Site).contents, indexes: points, columns: point},
		rows[*content]{class: "SMS_DistributionPoint", all: (*Site).contents, indexes: points, columns: point.with(columns[*content]{
			"BitsEnabled":     is[*content](true),
			"IsPeerDP":        is[*content](false),
			"IsProtected":     is[*content](false),
			"ISVDataSize":     is[*content](uint64(0)),
			"ISVString":       is[*content](""),
			"LastRefreshTime": func(c *content) value { return c.lastRefreshValue() },
			"RefreshNow":      is[*content](false),
			"ResourceType":    is[*content](resourceType),
			"SiteName":        func(c *content) value { return c.dp.site.name },
			"SourceSite":      func(c *content) value { return c.pkg.site.code },
			"Status":          func(c *content) value { return c.pointStatus() },
		})},
		rows[*content]{class: "SMS_DPContentInfo", all: (*Site).contents, indexes: contentIndexes("PackageID", "NALPath"), columns: columns[*content]{
			"Description":         func(c *content) value { return c.pkg.description() },
			"IsPredefinedPackage": is[*content](false),
			"NALPath":             func(c *content) value { return c.dp.nal },
			"Name":                func(c *content) value { return c.pkg.name },
			"ObjectID":            func(c *content) value { return c.pkg.objectID },
			"ObjectType":          func(c *content) value { return c.pkg.objectType() },
			"ObjectTypeID":        func(c *content) value { return uint64(c.pkg.objectTypeID) },
			"PackageID":           func(c *content) value { return c.pkg.id },
			"SourceSize":          func(c *content) value { return uint64(c.pkg.sizeKB) },
		}},
		distributionDPStatusRows(),
		distributionStatusRows(),
		extraInfoRows(),
		jobRows(),
		contentServerRows(),
	}
}

// resourceType is what every simulated DP is.
const resourceType = "Windows NT Server"

// lastRefreshValue is SMS_DistributionPoint.LastRefreshTime, which reads
// 19900101000000.000000+*** where RefreshNow was never put (class page).
func (c *content) lastRefreshValue() value {
	if c.lastRefresh.IsZero() {
		return repository.DatetimeValue{Time: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), NoZone: true}
	}
	return repository.At(c.lastRefresh)
}

// pointStatus is SMS_DistributionPoint.Status: 2 added, 1 updated since, 3
// deleted.
func (c *content) pointStatus() value {
	switch {
	case c.removed():
		return uint64(3)
	case c.pkg.updates > 0:
		return uint64(1)
	}
	return uint64(2)
}

// objectType is the ObjectType of the content classes: the PackageType, but 512
// for applications.
func (p *pkg) objectType() value {
	if p.packageType == typeApplication {
		return uint64(512)
	}
	return uint64(p.packageType)
}

func (p *pkg) description() string { return p.name + " of " + p.site.name }

// messageState is the state of the latest message about the content.
func (c *content) messageState() messageState {
	if c.last == nil {
		return stateGood
	}
	return c.last.state
}

// category groups messages that a console shows as one line. The SDK does not
// say how the numbers come about; here they are unlike for unlike messages.
func (n note) category() uint64 { return uint64(n.state)<<16 | uint64(n.id) }

// fullID is a message's number with its severity bits.
func (n note) fullID() uint64 { return uint64(n.severity) | uint64(n.id) }

// statusRow is content with its latest message.
type statusRow struct {
	*content
	latest *message
}

// messageColumns is the columns that the status classes of DPs have in common.
func messageColumns[R any](of func(R) *message) columns[R] {
	c := columns[R]{
		"MessageCategory": func(r R) value { return of(r).category() },
		"MessageFullID":   func(r R) value { return of(r).fullID() },
		"MessageID":       func(r R) value { return uint64(of(r).id) },
		"MessageSeverity": func(r R) value { return uint64(of(r).severity) },
		"MessageState":    func(r R) value { return uint64(of(r).state) },
		"SiteCode":        func(r R) value { return of(r).site.code },
	}
	return c.with(insertColumns(of))
}

// insertColumns is the columns InsString1 to InsString10; what a message does
// not have is NULL.
func insertColumns[R any](of func(R) *message) columns[R] {
	c := columns[R]{}
	for i := range 10 {
		c[fmt.Sprintf("InsString%d", i+1)] = func(r R) value { return of(r).insertion(i) }
	}
	return c
}

func distributionDPStatusRows() definition {
	status := func(seq iter.Seq[*content]) iter.Seq[statusRow] {
		return func(yield func(statusRow) bool) {
			for c := range seq {
				if !yield(statusRow{c, c.status()}) {
					return
				}
			}
		}
	}
	indexes := map[string]func(*Site, value) iter.Seq[statusRow]{
		"ID": func(s *Site, v value) iter.Seq[statusRow] { return status(s.contentAt(v)) },
		"MessageState": func(s *Site, v value) iter.Seq[statusRow] {
			return status(s.contentsThat(func(c *content) bool { return uint64(c.messageState()) == v }))
		},
	}
	for name, index := range contentIndexes("PackageID", "NalPath") {
		indexes[name] = func(s *Site, v value) iter.Seq[statusRow] { return status(index(s, v)) }
	}
	return rows[statusRow]{
		class:   "SMS_DistributionDPStatus",
		all:     func(s *Site) iter.Seq[statusRow] { return status(s.contents()) },
		indexes: indexes,
		columns: messageColumns(func(r statusRow) *message { return r.latest }).with(columns[statusRow]{
			"GroupCount":     func(r statusRow) value { return uint64(len(r.dp.groups)) },
			"ID":             func(r statusRow) value { return r.content.id },
			"IsPeerDP":       is[statusRow](false),
			"LastStatusID":   func(r statusRow) value { return uint64(r.latest.record) },
			"LastUpdateDate": func(r statusRow) value { return when(r.latest.at) },
			"NalPath":        func(r statusRow) value { return r.dp.nal },
			"Name":           func(r statusRow) value { return r.dp.name },
			"ObjectID":       func(r statusRow) value { return r.content.pkg.objectID },
			"ObjectTypeID":   func(r statusRow) value { return uint64(r.content.pkg.objectTypeID) },
			"PackageID":      func(r statusRow) value { return r.content.pkg.id },
			"ResourceType":   is[statusRow](resourceType),
		}),
	}
}

// contentAt is the content with an ID, where the site shows it.
func (s *Site) contentAt(v value) iter.Seq[*content] {
	id, _ := v.(uint64)
	if id < 1 || id > uint64(len(s.w.contents)) {
		return none[*content]
	}
	c := s.w.contents[id-1]
	if c.gone || c.pkg.site.tree != s.site.tree || !s.shows(c.dp.site) {
		return none[*content]
	}
	return one(c)
}

// categoryStatus counts the DPs of a package whose latest messages are alike.
type categoryStatus struct {
	pkg    *pkg
	note   note
	assets uint64
	latest time.Time
}

func distributionStatusRows() definition {
	return rows[*categoryStatus]{
		class:   "SMS_DistributionStatus",
		all:     overPackages(categoryStatuses),
		indexes: byPackage(categoryStatuses),
		columns: columns[*categoryStatus]{
			"Assets":          func(r *categoryStatus) value { return r.assets },
			"LastUpdateDate":  func(r *categoryStatus) value { return when(r.latest) },
			"MessageCategory": func(r *categoryStatus) value { return r.note.category() },
			"ObjectID":        func(r *categoryStatus) value { return r.pkg.objectID },
			"ObjectTypeID":    func(r *categoryStatus) value { return uint64(r.pkg.objectTypeID) },
			"PackageID":       func(r *categoryStatus) value { return r.pkg.id },
			// Here the class page's numbers hold: 3 is an error.
			"Type": func(r *categoryStatus) value { return uint64(min(r.note.state, 3)) },
		},
	}
}

func categoryStatuses(s *Site, p *pkg) iter.Seq[*categoryStatus] {
	var found []*categoryStatus
	for c := range s.contentsOf(p) {
		m := c.status()
		i := slices.IndexFunc(found, func(r *categoryStatus) bool { return r.note.category() == m.category() })
		if i < 0 {
			i = len(found)
			found = append(found, &categoryStatus{pkg: p, note: m.note})
		}
		found[i].assets++
		if m.at.After(found[i].latest) {
			found[i].latest = m.at
		}
	}
	return slices.Values(found)
}

// objectStatus is the state of a content object in the whole hierarchy.
type objectStatus struct {
	pkg *pkg
	messageCounts
}

func newObjectStatus(p *pkg) objectStatus {
	r := objectStatus{pkg: p, messageCounts: messageCounts{latest: p.sourceDate}}
	for _, c := range p.rows {
		r.add(c)
	}
	return r
}

func extraInfoRows() definition {
	of := func(_ *Site, p *pkg) iter.Seq[objectStatus] {
		if p.noSource {
			return none[objectStatus]
		}
		return one(newObjectStatus(p))
	}
	return rows[objectStatus]{class: "SMS_ObjectContentExtraInfo", all: overPackages(of), indexes: byPackage(of), columns: columns[objectStatus]{
		"DateCreated":      func(r objectStatus) value { return when(r.pkg.created) },
		"Description":      func(r objectStatus) value { return r.pkg.description() },
		"FeatureType":      func(r objectStatus) value { return uint64(r.pkg.objectTypeID) },
		"LastUpdateDate":   func(r objectStatus) value { return when(r.latest) },
		"NumberErrors":     func(r objectStatus) value { return r.wrong },
		"NumberInProgress": func(r objectStatus) value { return r.busy },
		"NumberSuccess":    func(r objectStatus) value { return r.good },
		"NumberUnknown":    is[objectStatus](uint64(0)),
		"ObjectID":         func(r objectStatus) value { return r.pkg.objectID },
		"ObjectType":       func(r objectStatus) value { return r.pkg.objectType() },
		"ObjectTypeID":     func(r objectStatus) value { return uint64(r.pkg.objectTypeID) },
		"PackageID":        func(r objectStatus) value { return r.pkg.id },
		"SoftwareName":     func(r objectStatus) value { return r.pkg.name },
		"SourceSite":       func(r objectStatus) value { return r.pkg.site.code },
		"SourceSize":       func(r objectStatus) value { return uint64(r.pkg.sizeKB) },
		"SourceVersion":    func(r objectStatus) value { return uint64(r.pkg.version) },
		"Targeted":         func(r objectStatus) value { return uint64(len(r.pkg.rows)) },
	}}
}

func jobRows() definition {
	shown := func(s *Site, keep func(*job) bool) iter.Seq[*job] {
		return func(yield func(*job) bool) {
			for _, j := range s.w.jobs {
				c := j.content
				if keep(j) && c.pkg.site.tree == s.site.tree && s.shows(c.dp.site) && !yield(j) {
					return
				}
			}
		}
	}
	return rows[*job]{
		class: "SMS_DistributionJob",
		all:   func(s *Site) iter.Seq[*job] { return shown(s, func(*job) bool { return true }) },
		columns: columns[*job]{
			"Action":         func(j *job) value { return uint64(j.action) },
			"CreationTime":   func(j *job) value { return when(j.created) },
			"DPID":           func(j *job) value { return uint64(j.content.dp.id) },
			"DynamicOrder":   func(j *job) value { return j.id },
			"JobID":          func(j *job) value { return j.id },
			"LastUpdateTime": func(j *job) value { return when(j.updated) },
			"NALPath":        func(j *job) value { return j.content.dp.nal },
			"PackageVersion": func(j *job) value { return uint64(j.version) },
			"PkgID":          func(j *job) value { return j.content.pkg.id },
			"RemainingSize":  func(j *job) value { return j.remainingKB() },
			"ReStartTime":    func(j *job) value { return when(j.restarts) },
			"RetryCount":     func(j *job) value { return uint64(j.retries) },
			"StartTime":      func(j *job) value { return when(j.started) },
			"State":          func(j *job) value { return uint64(j.state) },
			"TotalSize":      func(j *job) value { return uint64(j.content.pkg.sizeKB) },
		},
		indexes: map[string]func(*Site, value) iter.Seq[*job]{
			"PkgID": func(s *Site, v value) iter.Seq[*job] {
				id, _ := v.(string)
				p, ok := s.packageWith(id)
				return shown(s, func(j *job) bool { return ok && j.content.pkg == p })
			},
		},
	}
}

// contentServer is a DP, or a group where dp is nil, to which a package is
// assigned.
type contentServer struct {
	pkg   *pkg
	dp    *dp
	group *group
}

func contentServerRows() definition {
	of := func(s *Site, p *pkg) iter.Seq[contentServer] {
		return func(yield func(contentServer) bool) {
			for c := range s.contentsOf(p) {
				if !yield(contentServer{p, c.dp, nil}) {
					return
				}
			}
			for _, g := range s.site.tree.groups {
				if slices.Contains(g.packages, p) && !yield(contentServer{p, nil, g}) {
					return
				}
			}
		}
	}
	id := func(r contentServer) value {
		if r.dp != nil {
			return r.dp.nal
		}
		return r.group.id
	}
	number := func(dp, group uint64) func(contentServer) value {
		return func(r contentServer) value {
			if r.dp != nil {
				return dp
			}
			return group
		}
	}
	return rows[contentServer]{class: "SMS_PackageContentServerInfo", all: overPackages(of), indexes: byPackage(of), columns: columns[contentServer]{
		"ContentServerID":         id,
		"ContentServerSecurityID": id,
		"ContentServerType":       number(1, 2),
		"IsBitsEnabled":           number(1, 0),
		"IsPeerDP":                is[contentServer](uint64(0)),
		"Name": func(r contentServer) value {
			if r.dp != nil {
				return r.dp.name
			}
			return r.group.name
		},
		"ObjectID":     func(r contentServer) value { return r.pkg.objectID },
		"ObjectTypeID": number(42, 43),
		"PackageID":    func(r contentServer) value { return r.pkg.id },
		"PackageType":  func(r contentServer) value { return uint64(r.pkg.packageType) },
	}}
}
