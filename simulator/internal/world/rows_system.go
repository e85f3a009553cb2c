package world

import (
	"iter"
	"strings"
	"time"
)

// cimRows defines the rows of root/cimv2: enough of Windows to ask a site server
// for its name, clock, drives and services.
func cimRows(declared) []definition {
	return []definition{
		rows[server]{class: "Win32_OperatingSystem", all: func(s *Site) iter.Seq[server] { return one(server{s.site, s.w.now()}) }, columns: osColumns()},
		rows[disk]{class: "Win32_LogicalDisk", all: disks, columns: columns[disk]{
			"Access":                 is[disk](uint64(0)),
			"Caption":                func(r disk) value { return r.letter },
			"Compressed":             is[disk](false),
			"CreationClassName":      is[disk]("Win32_LogicalDisk"),
			"Description":            is[disk]("Local Fixed Disk"),
			"DeviceID":               func(r disk) value { return r.letter },
			"DriveType":              is[disk](uint64(3)),
			"FileSystem":             is[disk]("NTFS"),
			"FreeSpace":              func(r disk) value { return r.free },
			"MaximumComponentLength": is[disk](uint64(255)),
			"MediaType":              is[disk](uint64(12)),
			"Name":                   func(r disk) value { return r.letter },
			"Size":                   func(r disk) value { return r.size },
			"SystemName":             func(r disk) value { return r.server.computer() },
			"VolumeName":             func(r disk) value { return r.label },
			"VolumeSerialNumber":     is[disk]("5C1A07E2"),
		}},
		rows[service]{class: "Win32_Service", all: services, columns: columns[service]{
			"AcceptStop":        is[service](true),
			"Caption":           func(r service) value { return r.title },
			"CreationClassName": is[service]("Win32_Service"),
			"DisplayName":       func(r service) value { return r.title },
			"ExitCode":          is[service](uint64(0)),
			"Name":              func(r service) value { return r.name },
			"ProcessId":         func(r service) value { return r.process },
			"Started":           is[service](true),
			"StartMode":         is[service]("Auto"),
			"StartName":         is[service]("LocalSystem"),
			"State":             is[service]("Running"),
			"Status":            is[service]("OK"),
			"SystemName":        func(r service) value { return r.server.computer() },
		}},
	}
}

// server is a site server at a time.
type server struct {
	site *site
	now  time.Time
}

// computer is the server's NetBIOS name. The host names of site servers differ
// in their domain only, so the site code is put to it.
func (r server) computer() string { return r.site.computer() }

func (s *site) computer() string {
	host, _, _ := strings.Cut(s.server, ".")
	return strings.ToUpper(host) + "-" + s.code
}

type disk struct {
	server        server
	letter, label string
	free, size    uint64 // bytes
}

func disks(s *Site) iter.Seq[disk] {
	const gb = 1 << 30
	at := server{site: s.site}
	return func(yield func(disk) bool) {
		_ = yield(disk{at, "C:", "System", 61 * gb, 127 * gb}) &&
			yield(disk{at, "D:", "ContentLib", 412 * gb, 1000 * gb})
	}
}

type service struct {
	server      server
	name, title string
	process     uint64
}

func services(s *Site) iter.Seq[service] {
	at := server{site: s.site}
	return func(yield func(service) bool) {
		_ = yield(service{at, "SMS_EXECUTIVE", "SMS_EXECUTIVE", processID}) &&
			yield(service{at, "SMS_SITE_COMPONENT_MANAGER", "SMS_SITE_COMPONENT_MANAGER", 3120}) &&
			yield(service{at, "Winmgmt", "Windows Management Instrumentation", 1208}) &&
			yield(service{at, "WinRM", "Windows Remote Management (WS-Management)", 1416})
	}
}

// osColumns is the columns of Win32_OperatingSystem.
func osColumns() columns[server] {
	return columns[server]{
		"BuildNumber":             is[server]("20348"),
		"Caption":                 is[server]("Microsoft Windows Server 2022 Standard"),
		"CountryCode":             is[server]("1"),
		"CreationClassName":       is[server]("Win32_OperatingSystem"),
		"CSCreationClassName":     is[server]("Win32_ComputerSystem"),
		"CSName":                  func(r server) value { return r.computer() },
		"CurrentTimeZone":         is[server](int64(0)),
		"Description":             is[server](""),
		"FreePhysicalMemory":      is[server](uint64(9 * mb * 1024)),
		"InstallDate":             func(r server) value { return when(r.now.Truncate(24*time.Hour).AddDate(-1, 0, 0)) },
		"LastBootUpTime":          func(r server) value { return when(r.now.Truncate(24*time.Hour).AddDate(0, 0, -9)) },
		"LocalDateTime":           func(r server) value { return when(r.now) },
		"Locale":                  is[server]("0409"),
		"Name":                    is[server](`Microsoft Windows Server 2022 Standard|C:\Windows|\Device\Harddisk0\Partition4`),
		"NumberOfProcesses":       is[server](uint64(142)),
		"OperatingSystemSKU":      is[server](uint64(7)),
		"OSArchitecture":          is[server]("64-bit"),
		"OSLanguage":              is[server](uint64(1033)),
		"OSType":                  is[server](uint64(18)),
		"Primary":                 is[server](true),
		"ProductType":             is[server](uint64(3)),
		"ServicePackMajorVersion": is[server](uint64(0)),
		"ServicePackMinorVersion": is[server](uint64(0)),
		"Status":                  is[server]("OK"),
		"SystemDirectory":         is[server](`C:\Windows\system32`),
		"SystemDrive":             is[server](systemDrive),
		"TotalVirtualMemorySize":  is[server](uint64(24 * mb * 1024)),
		"TotalVisibleMemorySize":  is[server](uint64(16 * mb * 1024)),
		"Version":                 is[server]("10.0.20348"),
		"WindowsDirectory":        is[server](`C:\Windows`),
	}
}
