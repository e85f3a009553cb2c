package world

import "iter"

// statusRows defines the package status classes.
func statusRows() []definition {
	return []definition{
		rows[rootStatus]{class: "SMS_PackageStatusRootSummarizer", all: rootStatuses, columns: columns[rootStatus]{
			"Failed":        func(r rootStatus) value { return uint64(r.failed) },
			"Installed":     func(r rootStatus) value { return uint64(r.installed) },
			"Name":          func(r rootStatus) value { return r.pkg.name },
			"PackageID":     func(r rootStatus) value { return r.pkg.id },
			"Retrying":      func(r rootStatus) value { return uint64(r.retrying) },
			"SourceDate":    func(r rootStatus) value { return when(r.pkg.sourceDate) },
			"SourceSite":    func(r rootStatus) value { return r.pkg.site.code },
			"SourceSize":    func(r rootStatus) value { return uint64(r.pkg.sizeKB) },
			"SourceVersion": func(r rootStatus) value { return uint64(r.pkg.version) },
			"Targeted":      func(r rootStatus) value { return uint64(r.targeted) },
			// Packages are no longer compressed.
			"SourceCompressedSize": is[rootStatus](uint64(0)),
		}, indexes: byPackage(func(_ *Site, p *pkg) iter.Seq[rootStatus] { return one(newRootStatus(p)) })},
		rows[siteStatus]{class: "SMS_PackageStatusDetailSummarizer", all: overPackages(siteStatuses), columns: columns[siteStatus]{
			"Failed":        func(r siteStatus) value { return uint64(r.failed) },
			"Installed":     func(r siteStatus) value { return uint64(r.installed) },
			"Name":          func(r siteStatus) value { return r.pkg.name },
			"PackageID":     func(r siteStatus) value { return r.pkg.id },
			"Retrying":      func(r siteStatus) value { return uint64(r.retrying) },
			"SiteCode":      func(r siteStatus) value { return r.site.code },
			"SiteName":      func(r siteStatus) value { return r.site.name },
			"SourceVersion": func(r siteStatus) value { return uint64(r.pkg.version) },
			"SummaryDate":   func(r siteStatus) value { return when(r.latest) },
			"Targeted":      func(r siteStatus) value { return uint64(r.targeted) },
		}, indexes: byPackage(siteStatuses)},
		rows[*content]{class: "SMS_PackageStatusDistPointsSummarizer", all: (*Site).contents, columns: columns[*content]{
			"LastCopied":     func(c *content) value { return when(c.lastCopied) },
			"PackageID":      func(c *content) value { return c.pkg.id },
			"PackageType":    func(c *content) value { return uint64(c.pkg.packageType) },
			"SecuredTypeID":  func(c *content) value { return uint64(c.pkg.objectTypeID) },
			"SecureObjectID": func(c *content) value { return c.pkg.objectID },
			"ServerNALPath":  func(c *content) value { return c.dp.nal },
			"SiteCode":       func(c *content) value { return c.dp.site.code },
			"SourceNALPath":  func(c *content) value { return nalPath(c.pkg.site.server, c.pkg.site.code) },
			"SourceVersion":  func(c *content) value { return uint64(c.version) },
			"State":          func(c *content) value { return uint64(c.state) },
			"SummaryDate":    func(c *content) value { return when(c.summary) },
		}, indexes: stateIndexes()},
		rows[copyStatus]{class: "SMS_PackageStatus", all: overPackages(copyStatuses), columns: copyColumns(),
			indexes: byPackage(copyStatuses)},
	}
}

// rootStatus is a package's status in the whole hierarchy. Every site shows the
// same.
type rootStatus struct {
	pkg *pkg
	counts
}

func newRootStatus(p *pkg) rootStatus {
	r := rootStatus{pkg: p}
	for _, c := range p.rows {
		r.add(c)
	}
	return r
}

func rootStatuses(s *Site) iter.Seq[rootStatus] {
	return func(yield func(rootStatus) bool) {
		for _, p := range s.site.tree.packages {
			if !yield(newRootStatus(p)) {
				return
			}
		}
	}
}

// siteStatus is a package's status at one site.
type siteStatus struct {
	pkg  *pkg
	site *site
	counts
}

// siteStatuses are a package's rows of the detail summarizer: of the sites
// shown, its owner and those that have DPs which should hold it; of a package
// without source, all sites.
func siteStatuses(s *Site, p *pkg) iter.Seq[siteStatus] {
	return func(yield func(siteStatus) bool) {
		bySite := map[*site]*counts{}
		for _, c := range p.rows {
			n := bySite[c.dp.site]
			if n == nil {
				n = &counts{}
				bySite[c.dp.site] = n
			}
			n.add(c)
		}
		for _, at := range s.sites {
			r := siteStatus{pkg: p, site: at, counts: counts{latest: p.sourceDate}}
			switch n := bySite[at]; {
			case n != nil:
				r.counts = *n
			case at != p.site && !p.noSource:
				continue
			}
			if !yield(r) {
				return
			}
		}
	}
}

// copyStatus is a copy of a package: a site's when content is nil, else a DP's.
type copyStatus struct {
	pkg     *pkg
	site    *site
	content *content
}

func copyStatuses(s *Site, p *pkg) iter.Seq[copyStatus] {
	return func(yield func(copyStatus) bool) {
		if p.noSource {
			return
		}
		for _, at := range s.sites {
			if !yield(copyStatus{p, at, nil}) {
				return
			}
		}
		for c := range s.contentsOf(p) {
			if !yield(copyStatus{p, c.dp.site, c}) {
				return
			}
		}
	}
}

func copyColumns() columns[copyStatus] {
	return columns[copyStatus]{
		"Location": func(r copyStatus) value {
			if r.content != nil {
				return r.content.dp.nal
			}
			return `\\` + r.site.server + `\SCCMContentLib$`
		},
		"PackageID":   func(r copyStatus) value { return r.pkg.id },
		"Personality": is[copyStatus](int64(0)),
		"PkgServer": func(r copyStatus) value {
			if r.content != nil {
				return r.content.dp.nal
			}
			return r.site.server
		},
		"SiteCode": func(r copyStatus) value { return r.site.code },
		"Status": func(r copyStatus) value {
			if r.content != nil {
				return r.content.pkgStatus()
			}
			return int64(pkgInstalled)
		},
		"Type": func(r copyStatus) value {
			if r.content != nil {
				return int64(2)
			}
			return int64(1)
		},
		"UpdateTime": func(r copyStatus) value {
			if r.content != nil {
				return when(r.content.summary)
			}
			return when(r.pkg.sourceDate)
		},
	}
}

// The states of a copy (SMS_PackageStatus.Status, class page).
const (
	pkgSent          = 1
	pkgInstalled     = 3
	pkgRetry         = 4
	pkgFailed        = 5
	pkgPendingRemove = 7
)

func (c *content) pkgStatus() int64 {
	switch c.state {
	case InstallPending, ContentUpdating:
		return pkgSent
	case InstallRetrying:
		return pkgRetry
	case InstallFailed:
		return pkgFailed
	case RemovalPending:
		return pkgPendingRemove
	}
	return pkgInstalled
}

// one is a sequence of one row.
func one[R any](r R) iter.Seq[R] { return func(yield func(R) bool) { yield(r) } }

// none is an empty sequence.
func none[R any](func(R) bool) {}

// overPackages is the rows that each package of the hierarchy gives.
func overPackages[R any](of func(*Site, *pkg) iter.Seq[R]) func(*Site) iter.Seq[R] {
	return func(s *Site) iter.Seq[R] {
		return func(yield func(R) bool) {
			for _, p := range s.site.tree.packages {
				for r := range of(s, p) {
					if !yield(r) {
						return
					}
				}
			}
		}
	}
}

// byPackage is the index on PackageID of rows that packages give.
func byPackage[R any](of func(*Site, *pkg) iter.Seq[R]) map[string]func(*Site, value) iter.Seq[R] {
	return map[string]func(*Site, value) iter.Seq[R]{"PackageID": packageIndex(of)}
}

func packageIndex[R any](of func(*Site, *pkg) iter.Seq[R]) func(*Site, value) iter.Seq[R] {
	return func(s *Site, v value) iter.Seq[R] {
		id, _ := v.(string)
		p, ok := s.packageWith(id)
		if !ok {
			return none[R]
		}
		return of(s, p)
	}
}

// contentIndexes is the indexes of rows that are content: on the properties
// that hold the PackageID and the DP's NAL path.
func contentIndexes(packageProperty, nalProperty string) map[string]func(*Site, value) iter.Seq[*content] {
	return map[string]func(*Site, value) iter.Seq[*content]{
		packageProperty: packageIndex((*Site).contentsOf),
		nalProperty:     dpIndex(func(d *dp) []*content { return d.rows }),
	}
}

// stateIndexes is the indexes of the DP summarizer: those of content, and one on
// the state, because everybody asks for the failed rows.
func stateIndexes() map[string]func(*Site, value) iter.Seq[*content] {
	indexes := contentIndexes("PackageID", "ServerNALPath")
	indexes["State"] = func(s *Site, v value) iter.Seq[*content] {
		return s.contentsThat(func(c *content) bool { return uint64(c.state) == v })
	}
	return indexes
}

// contentsThat are the rows shown that please.
func (s *Site) contentsThat(please func(*content) bool) iter.Seq[*content] {
	return func(yield func(*content) bool) {
		for c := range s.contents() {
			if please(c) && !yield(c) {
				return
			}
		}
	}
}

// dpIndex is an index on a DP's NAL path.
func dpIndex[R any](of func(*dp) []R) func(*Site, value) iter.Seq[R] {
	return func(s *Site, v value) iter.Seq[R] {
		nal, _ := v.(string)
		d, ok := s.dpWith(nal)
		if !ok {
			return none[R]
		}
		return func(yield func(R) bool) {
			for _, r := range of(d) {
				if !yield(r) {
					return
				}
			}
		}
	}
}
