package world

import "fmt"

// kind is a kind of package: its PackageType, its class, and what such
// packages are like.
type kind struct {
	packageType  uint32
	class        string
	objectTypeID uint32 // the secured class, SMS_ObjectName.ObjectTypeID
	noSource     bool   // has no source files: no DP ever receives it
	smallest     uint32 // KB
	largest      uint32 // KB
	share        string // the folder of the source share
	names        []string
}

// The package types (SMS_Package class page and its siblings, PackageType).
const (
	typePackage        = 0
	typeDriver         = 3
	typeTaskSequence   = 4
	typeSoftwareUpdate = 5
	typeApplication    = 8
	typeImage          = 257
	typeBootImage      = 258
	typeOSInstall      = 259
)

const mb = 1024 // KB

func kinds() map[uint32]kind {
	all := map[uint32]kind{
		typePackage: {
			class: "SMS_Package", objectTypeID: 2, smallest: 1 * mb, largest: 800 * mb, share: "Packages",
			names: []string{"Branding Assets", "Certificate Bundle", "Language Pack de-DE", "Logon Scripts", "Printer Setup", "Root Certificates", "Screen Saver", "User State Migration Tool", "VPN Profile", "Wallpaper Set"},
		},
		typeDriver: {
			class: "SMS_DriverPackage", objectTypeID: 23, smallest: 120 * mb, largest: 2000 * mb, share: "Drivers",
			names: []string{"Desktop Chipset x64", "Docking Station", "Laptop Network x64", "Laptop Storage x64", "Tablet Video x64"},
		},
		typeTaskSequence: {
			class: "SMS_TaskSequencePackage", objectTypeID: 20, noSource: true,
			names: []string{"Deploy Windows Desktop", "In-place Upgrade", "Build and Capture", "Replace Computer"},
		},
		typeSoftwareUpdate: {
			class: "SMS_SoftwareUpdatesPackage", objectTypeID: 24, smallest: 200 * mb, largest: 6000 * mb, share: "Updates",
			names: []string{"Monthly Updates", "Office Updates", "Server Updates", "Definition Updates"},
		},
		typeApplication: {
			class: "SMS_ContentPackage", objectTypeID: 31, smallest: 4 * mb, largest: 1500 * mb, share: "Applications",
			names: []string{"Archive Tool", "Browser Enterprise", "Diagram Editor", "Media Player", "Office Suite", "PDF Reader", "Remote Support", "Text Editor"},
		},
		typeImage: {
			class: "SMS_ImagePackage", objectTypeID: 18, smallest: 4000 * mb, largest: 6000 * mb, share: "Images",
			names: []string{"Windows Desktop Image", "Windows Server Image", "Kiosk Image"},
		},
		typeBootImage: {
			class: "SMS_BootImagePackage", objectTypeID: 19, smallest: 350 * mb, largest: 600 * mb, share: "Boot",
			names: []string{"Boot Image (x64)", "Boot Image (x86)", "Boot Image Diagnostics (x64)"},
		},
		typeOSInstall: {
			class: "SMS_OperatingSystemInstallPackage", objectTypeID: 14, smallest: 4500 * mb, largest: 6500 * mb, share: "OSInstall",
			names: []string{"Windows Desktop Setup", "Windows Server Setup"},
		},
	}
	for number, k := range all {
		k.packageType = number
		all[number] = k
	}
	return all
}

// cycle is the order in which a site's packages take their kinds.
func cycle() []uint32 {
	return []uint32{
		typePackage, typeApplication, typePackage, typeSoftwareUpdate,
		typeDriver, typePackage, typeApplication, typeTaskSequence,
		typeImage, typeBootImage, typePackage, typeApplication,
		typeSoftwareUpdate, typeDriver, typePackage, typeOSInstall,
	}
}

// withSource is how many of a site's first n packages have source files.
func withSource(n int) int {
	return count(n, func(k kind) bool { return !k.noSource })
}

// withoutApplications is how many of them are no applications, whose version
// never rises.
func withoutApplications(n int) int {
	return count(n, func(k kind) bool { return !k.noSource && k.packageType != typeApplication })
}

// count is how many of a site's first n packages are of a kind that pleases.
func count(n int, pleases func(kind) bool) int {
	order, all := cycle(), kinds()
	total := 0
	for i := range max(n, 0) {
		if pleases(all[order[i%len(order)]]) {
			total++
		}
	}
	return total
}

// name is the name of the n-th package of its kind at a site, from 0.
func (k kind) name(n int) string {
	name := k.names[n%len(k.names)]
	if round := n / len(k.names); round > 0 {
		return fmt.Sprintf("%s %d", name, round+1)
	}
	return name
}
