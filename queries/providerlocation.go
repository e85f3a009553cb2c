package queries

import (
	"context"
	"fmt"

	"dpremote/cim"
	"dpremote/wsman"
)

// ProviderLocation is where an SMS Provider runs (SMS_ProviderLocation). The
// class is in the namespace root/sms.
type ProviderLocation struct {
	SiteCode      SiteCode `cim:"SiteCode"`
	Machine       string   `cim:"Machine"`              // that runs the provider
	NamespacePath string   `cim:"NamespacePath"`        // \\machine\root\sms\site_XXX
	Local         bool     `cim:"ProviderForLocalSite"` // of the site of the server that was asked
}

// CIMClass is SMS_ProviderLocation.
func (ProviderLocation) CIMClass() string { return "SMS_ProviderLocation" }

// SiteCode is documented as the only key, though several providers of a site
// have a row each: the class is good for enumeration only.
func providerLocationClass() Class {
	return newClass("SMS_ProviderLocation", "SiteCode", properties{
		strings:  "Machine NamespacePath SiteCode",
		booleans: "ProviderForLocalSite",
	})
}

// NamespaceSMS is the namespace of SMS_ProviderLocation.
const NamespaceSMS = "root/sms"

// Location is the site that a server belongs to.
type Location struct {
	Site      SiteCode
	Namespace string // such as root/sms/site_PS1
	// Machines run the site's SMS Providers. When the server that was asked is
	// not among them, the namespace is to be opened on one that is.
	Machines []string
}

// Locate asks a server for its own site, in root/sms. A server without the
// namespace, or without rights to it, answers a fault; one that has it and no
// row of its own is an error too.
func Locate(ctx context.Context, c *wsman.Client) (Location, error) {
	var found Location
	s := &cim.Session{Client: c, Namespace: NamespaceSMS}
	// Few rows, and more of them may share the documented key: filter here.
	for row, err := range Select[ProviderLocation]().Run(ctx, s) {
		switch {
		case err != nil:
			return Location{}, fmt.Errorf("locate the site: %w", err)
		case !row.Local:
			continue
		}
		code, err := ParseSiteCode(string(row.SiteCode))
		if err != nil {
			return Location{}, fmt.Errorf("locate the site at %s: SMS_ProviderLocation: %w", c.Endpoint(), err)
		}
		if found.Site != "" && found.Site != code {
			return Location{}, fmt.Errorf("locate the site at %s: it says that it belongs to %s and to %s: name the site code",
				c.Endpoint(), found.Site, code)
		}
		found.Site, found.Namespace = code, code.Namespace()
		found.Machines = append(found.Machines, row.Machine)
	}
	if found.Site == "" {
		return Location{}, fmt.Errorf("locate the site at %s: no SMS Provider of its own site is listed in %s:"+
			" check that it is a site server and that the account may read there, or name the site code", c.Endpoint(), NamespaceSMS)
	}
	return found, nil
}
