package queries

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"dpremote/cim"
	"dpremote/wsman"
)

// ErrReturnValue is the error of a method that ran and did not return 0. A
// method that returns no number at all says nothing of its outcome, so the
// Retry of its error is wsman.RetryUnknown.
var ErrReturnValue = errors.New("the method did not return success")

// RefreshPkgSource takes a new copy of a package's source files as its next
// version and sends it to all of its distribution points (SMS_Package class
// page, RefreshPkgSource, and those of its sibling classes). It is an error to
// call it on a class that has a Harm; nothing is sent then. contextID is for
// boot images alone, and optional there (SMS_BootImagePackage class page).
//
// No error means that the request was stored, not that there is a new version.
// Errors are those of Refresh, and ErrReturnValue.
func RefreshPkgSource(ctx context.Context, s *cim.Session, class PackageClass, id PackageID, contextID string) error {
	const method = "RefreshPkgSource"
	if class.Harm != "" {
		return fmt.Errorf("invoke %s on %s %s: %s", method, class.Name, id, class.Harm)
	}
	var in []cim.Property
	if contextID != "" {
		if class.Type != TypeBootImage {
			return fmt.Errorf("invoke %s on %s %s: only boot images have a ContextID", method, class.Name, id)
		}
		in = []cim.Property{{Name: "ContextID", Value: cim.TextValue(contextID)}}
	}
	return invoke(ctx, s, class.Name, []wsman.Selector{{Name: "PackageID", Value: string(id)}}, method, in)
}

// VerifyPackage has a distribution point compare its files of a package with
// their hashes (SMS_DistributionPoint class page, VerifyPackage). What comes of
// it shows later, as a status message: see Validation. Errors are those of
// RefreshPkgSource.
func VerifyPackage(ctx context.Context, s *cim.Session, keys Keys) error {
	return invoke(ctx, s, distributionPointName, nil, "VerifyPackage", contentOf(keys))
}

// CancelDistribution stops the transfer of a package to a distribution point,
// which leaves the row failed (SMS_DistributionPoint class page,
// CancelDistribution). Errors are those of RefreshPkgSource.
func CancelDistribution(ctx context.Context, s *cim.Session, keys Keys) error {
	return invoke(ctx, s, distributionPointName, nil, "CancelDistribution", contentOf(keys))
}

// contentOf are the parameters of the static methods of SMS_DistributionPoint.
func contentOf(keys Keys) []cim.Property {
	return []cim.Property{
		{Name: "PackageId", Value: cim.TextValue(string(keys.PackageID))},
		{Name: "NALPath", Value: cim.TextValue(string(keys.ServerNALPath))},
	}
}

// invoke calls a method whose ReturnValue is 0 when all went well.
func invoke(ctx context.Context, s *cim.Session, class string, keys []wsman.Selector, method string, in []cim.Property) error {
	result, err := s.Invoke(ctx, class, keys, method, in)
	if err != nil {
		return err
	}
	code, ok := cim.ReturnCode(result)
	if ok && code == 0 {
		return nil
	}
	e := &wsman.Error{Op: "invoke " + method, Target: s.EPR(class, keys...).String(), Endpoint: s.Client.Endpoint()}
	if ok {
		e.Err = fmt.Errorf("%w: ReturnValue is %d (the site server's smsprov.log may say why)", ErrReturnValue, code)
	} else {
		e.Err, e.Retry = fmt.Errorf("%w: it has no ReturnValue", ErrReturnValue), wsman.RetryUnknown
	}
	return e
}

// Validation is what a status message says of a validation. The zero value is
// ValidationOpen.
type Validation uint8

// The outcomes.
const (
	ValidationOpen      Validation = iota // no outcome yet, or another subject
	ValidationGood                        // the files are as they should be
	ValidationDamaged                     // they are not
	ValidationUnchecked                   // they could not be checked
)

// ValidationOf reads the outcome of a validation from the status of content.
// Messages 2382 to 2384 tell it; any other one that is bad means that the
// content could not be checked.
func ValidationOf(d DPStatus) Validation {
	switch {
	case d.MessageID == 2384:
		return ValidationGood
	case d.MessageID == 2382:
		return ValidationDamaged
	case d.MessageID == 2383, d.MessageState.Bad():
		return ValidationUnchecked
	}
	return ValidationOpen
}

// String is the outcome in a word or two.
func (v Validation) String() string {
	switch v {
	case ValidationOpen:
		return "open"
	case ValidationGood:
		return "good"
	case ValidationDamaged:
		return "damaged"
	case ValidationUnchecked:
		return "not checked"
	}
	return unknown(uint32(v))
}

// MarshalText is String.
func (v Validation) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// DPStatuses yields the status of packages on distribution points, whatever
// they are. Without packages there is none.
func DPStatuses(ctx context.Context, s *cim.Session, packages ...PackageID) iter.Seq2[DPStatus, error] {
	if len(packages) == 0 {
		return chain[DPStatus](nil)
	}
	var parts []iter.Seq2[DPStatus, error]
	for _, some := range inChunks("PackageID", unique(packages)) {
		parts = append(parts, Select[DPStatus](some).Run(ctx, s))
	}
	return chain(parts)
}
