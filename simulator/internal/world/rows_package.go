package world

import (
	"iter"
	"maps"
	"slices"
)

// packageRows defines the package classes. The rows of SMS_PackageBaseclass are
// those of all the classes derived from it.
func packageRows(classes declared) []definition {
	var definitions []definition
	all := kinds()
	for _, number := range slices.Sorted(maps.Keys(all)) {
		definitions = append(definitions, packagesOf(all[number], classes))
	}
	return append(definitions, applicationRows(), packageToContentRows())
}

// packagesOf defines the class of one kind of package.
func packagesOf(k kind, classes declared) definition {
	of := func(_ *Site, p *pkg) iter.Seq[*pkg] {
		if p.packageType != k.packageType {
			return none[*pkg]
		}
		return one(p)
	}
	c := packageColumns()
	switch k.packageType {
	case typePackage:
		c["IsPredefinedPackage"] = is[*pkg](false)
		c["DefaultImageFlags"] = is[*pkg](int64(0))
	case typeApplication:
		c["ObjectTypeID"] = func(p *pkg) value { return uint64(p.objectTypeID) }
		c["SecurityKey"] = func(p *pkg) value { return p.objectID }
	case typeBootImage:
		c["Architecture"] = is[*pkg]("x64")
		c["DefaultImage"] = is[*pkg](false)
		c["ImageOSVersion"] = is[*pkg]("10.0.22621.1")
		c["ImagePath"] = func(p *pkg) value { return p.sourcePath + `\boot.wim` }
		c["OptionalComponents"] = is[*pkg]([]value{uint64(1), uint64(9), uint64(25)})
		c["ScratchSpace"] = is[*pkg](uint64(512))
		c["EnableLabShell"] = is[*pkg](true)
	case typeSoftwareUpdate:
		c["RefreshSchedule"] = func(p *pkg) value {
			return []value{classes.embed("SMS_ScheduleToken", map[string]value{
				"DayDuration": uint64(0), "HourDuration": uint64(0), "MinuteDuration": uint64(0),
				"IsGMT": false, "StartTime": when(p.created),
			})}
		}
	case typeImage, typeOSInstall:
		c["ImageOSVersion"] = is[*pkg]("10.0.22631.3007")
		c["ImageProperty"] = is[*pkg](`<WIM><IMAGE INDEX="1"><NAME>Image</NAME></IMAGE></WIM>`)
	}
	return rows[*pkg]{class: k.class, all: overPackages(of), indexes: byPackage(of), columns: c}
}

func packageColumns() columns[*pkg] {
	return columns[*pkg]{
		"ActionInProgress":           func(p *pkg) value { return p.actionInProgress() },
		"Description":                func(p *pkg) value { return p.description() },
		"ExtendedDataSize":           is[*pkg](uint64(0)),
		"ForcedDisconnectDelay":      is[*pkg](uint64(5)),
		"ForcedDisconnectEnabled":    is[*pkg](false),
		"ForcedDisconnectNumRetries": is[*pkg](uint64(2)),
		"IconSize":                   is[*pkg](uint64(0)),
		"IgnoreAddressSchedule":      is[*pkg](false),
		"ISVDataSize":                is[*pkg](uint64(0)),
		"Language":                   is[*pkg](""),
		"LastRefreshTime":            func(p *pkg) value { return when(p.lastRefresh) },
		"Manufacturer":               is[*pkg]("Simulated"),
		"Name":                       func(p *pkg) value { return p.name },
		"NumOfPrograms":              is[*pkg](uint64(0)),
		"PackageID":                  func(p *pkg) value { return p.id },
		"PackageSize":                func(p *pkg) value { return uint64(p.sizeKB) },
		"PackageType":                func(p *pkg) value { return uint64(p.packageType) },
		"PkgFlags":                   is[*pkg](uint64(0x1000000)),
		"PkgSourceFlag":              func(p *pkg) value { return p.sourceFlag() },
		"PkgSourcePath":              func(p *pkg) value { return p.sourcePath },
		"PreferredAddressType":       is[*pkg](""),
		"Priority":                   is[*pkg](uint64(2)),
		"RefreshPkgSourceFlag":       is[*pkg](false),
		"SecuredScopeNames":          is[*pkg]([]value{"Default"}),
		"SedoObjectVersion":          func(p *pkg) value { return p.site.code + "-" + p.id },
		"ShareName":                  is[*pkg](""),
		"ShareType":                  is[*pkg](uint64(1)),
		"SourceDate":                 func(p *pkg) value { return when(p.sourceDate) },
		"SourceSite":                 func(p *pkg) value { return p.site.code },
		"SourceVersion":              func(p *pkg) value { return uint64(p.version) },
		"StoredPkgPath":              is[*pkg](""),
		"StoredPkgVersion":           func(p *pkg) value { return uint64(p.version) },
		"Version":                    is[*pkg]("1.0"),
	}
}

// sourceFlag is PkgSourceFlag: 1 no source, 2 direct (class page).
func (p *pkg) sourceFlag() value {
	if p.noSource {
		return uint64(1)
	}
	return uint64(2)
}

// actionInProgress is ActionInProgress: 1 while an update is being sent.
func (p *pkg) actionInProgress() value {
	for _, c := range p.rows {
		if c.job.open() && c.job.action == actionUpdate {
			return uint64(1)
		}
	}
	return uint64(0)
}

// applicationRows defines the link from applications to their content packages.
func applicationRows() definition {
	of := func(_ *Site, p *pkg) iter.Seq[*pkg] {
		if p.packageType != typeApplication {
			return none[*pkg]
		}
		return one(p)
	}
	return rows[*pkg]{class: "SMS_CIContentPackage", all: overPackages(of), indexes: byPackage(of), columns: columns[*pkg]{
		"CI_ID":            func(p *pkg) value { return uint64(firstContentID + p.number) },
		"CI_SecuredTypeID": func(p *pkg) value { return uint64(p.objectTypeID) },
		"CI_UniqueID":      func(p *pkg) value { return p.objectID + "/1" },
		"ModelName":        func(p *pkg) value { return p.objectID },
		"PackageID":        func(p *pkg) value { return p.id },
	}}
}

func packageToContentRows() definition {
	of := func(_ *Site, p *pkg) iter.Seq[*pkg] {
		if p.noSource {
			return none[*pkg]
		}
		return one(p)
	}
	return rows[*pkg]{class: "SMS_PackageToContent", all: overPackages(of), indexes: byPackage(of), columns: columns[*pkg]{
		"ContentID":           func(p *pkg) value { return int64(firstContentID + p.number) },
		"ContentSubFolder":    is[*pkg](""),
		"ContentUniqueID":     func(p *pkg) value { return p.id },
		"ContentVersionInPkg": func(p *pkg) value { return int64(p.version) },
		"MinPackageVersion":   is[*pkg](int64(1)),
		"PackageID":           func(p *pkg) value { return p.id },
		"PackageType":         func(p *pkg) value { return uint64(p.packageType) },
		"SecuredTypeID":       func(p *pkg) value { return uint64(p.objectTypeID) },
		"SecureObjectID":      func(p *pkg) value { return p.objectID },
	}}
}

// firstContentID is where the database IDs of content start (those of
// configuration items in a new site start at 2^24).
const firstContentID = 1 << 24
