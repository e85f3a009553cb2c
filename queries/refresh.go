package queries

import (
	"context"
	"errors"
	"fmt"

	"dpremote/cim"
	"dpremote/wsman"
)

// ErrOtherInstance is the error of a refresh that was answered with another
// instance than the one that was asked for.
var ErrOtherInstance = errors.New("the server answered with another instance")

// Refresh sends a package to one distribution point again: it puts
// RefreshNow=true on the instance of SMS_DistributionPoint. All files are sent
// once more, in the same version, and to no other distribution point.
//
// The Put carries the keys and RefreshNow alone, and leaves the rest to the
// server (MS-WSMV section 3.1.4.1.3); with full it is made as Windows' own
// Set-WSManInstance does: Get, change, Put the whole. No error means that the
// request was stored, not that the content has arrived. An error is a
// *wsman.Error as a rule; its Retry says whether the request may have been
// stored all the same.
func Refresh(ctx context.Context, s *cim.Session, keys Keys, full bool) error {
	selectors := keys.Selectors()
	properties := []cim.Property{
		{Name: "PackageID", Value: cim.TextValue(string(keys.PackageID))},
		{Name: "RefreshNow", Value: cim.BoolValue(true)},
		{Name: "ServerNALPath", Value: cim.TextValue(string(keys.ServerNALPath))},
		{Name: "SiteCode", Value: cim.TextValue(string(keys.SiteCode))},
	}
	if full {
		instance, err := s.Get(ctx, distributionPointName, selectors...)
		if err != nil {
			return err
		}
		if err := checkKeys(s, "get", wsman.RetryUseless, keys, instance); err != nil {
			return err
		}
		instance.Set("RefreshNow", cim.BoolValue(true))
		properties = instance.Properties
	}
	answer, err := s.Put(ctx, distributionPointName, selectors, properties)
	if err != nil || answer == nil { // a server may answer nothing (DSP0226 section 7.4)
		return err
	}
	return checkKeys(s, "put", wsman.RetryUnknown, keys, answer)
}

// checkKeys refuses an answer that is not about the instance it should be.
func checkKeys(s *cim.Session, op string, retry wsman.Retry, want Keys, answer *cim.Instance) error {
	got := keysOf(answer)
	if got.RowKey() == want.RowKey() {
		return nil
	}
	return &wsman.Error{
		Op: op, Target: s.EPR(distributionPointName, want.Selectors()...).String(), Endpoint: s.Client.Endpoint(), Retry: retry,
		Err: fmt.Errorf("%w: %s in place of %s", ErrOtherInstance, got, want),
	}
}
