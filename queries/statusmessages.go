package queries

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"dpremote/cim"
)

// MessagePick says which status messages of content distribution to ask for:
// those of Distribution Manager from 2300 to 2399 and those of Package Transfer
// Manager from 8200 to 8299.
type MessagePick struct {
	// Since is the earliest time, by the site's clock; zero for all that the
	// site has kept, which can be millions.
	Since time.Time
	// Packages are the packages that the messages are about; none for any.
	Packages []PackageID
	// IDs are the messages' numbers; none for any of the above.
	IDs []uint32
}

// PackageMessage is a status message and what it is about, as its attributes
// say.
type PackageMessage struct {
	StatusMessage
	PackageID PackageID // in upper case; empty when it is about none
	DP        NALPath   // empty when it is about none
}

// The attributes of status messages (SMS_StatMsgAttributes.AttributeID).
const (
	attributePackage uint32 = 400 // a package ID
	attributeDP      uint32 = 404 // the NAL path of a distribution point
)

// messageAttribute is an attribute of a status message
// (SMS_StatMsgAttributes).
type messageAttribute struct {
	RecordID       int64        `cim:"RecordID"` // of the message
	AttributeID    uint32       `cim:"AttributeID"`
	AttributeTime  cim.Datetime `cim:"AttributeTime"` // of the message, UTC
	AttributeValue string       `cim:"AttributeValue"`
}

// CIMClass is SMS_StatMsgAttributes.
func (messageAttribute) CIMClass() string { return "SMS_StatMsgAttributes" }

// The record's ID is no key by the class page: two messages of one time may
// share a row's keys.
func messageAttributeClass() Class {
	return newClass("SMS_StatMsgAttributes", "AttributeID AttributeTime AttributeValue", properties{
		strings:   "AttributeValue",
		integers:  "AttributeID RecordID",
		datetimes: "AttributeTime",
	})
}

// Messages yields the status messages that are picked, in no order that the
// provider promises. Which package and which distribution point a message is
// about is asked for first, and held in memory: the class with the insertion
// strings does not tell, and the strings alone tell it to people only. A
// message that is reported in between is left out.
func Messages(ctx context.Context, s *cim.Session, pick MessagePick) iter.Seq2[PackageMessage, error] {
	var parts []iter.Seq2[PackageMessage, error]
	if len(pick.Packages) == 0 {
		parts = append(parts, pick.part(ctx, s, nil))
	}
	for _, id := range pick.Packages {
		if _, err := ParsePackageID(string(id)); err != nil {
			return failed[PackageMessage](err)
		}
	}
	for some := range slices.Chunk(unique(pick.Packages), MaxIn) {
		parts = append(parts, pick.part(ctx, s, some))
	}
	return chain(parts)
}

// part yields the messages about some packages, or about any when there are
// none.
func (p MessagePick) part(ctx context.Context, s *cim.Session, some []PackageID) iter.Seq2[PackageMessage, error] {
	return func(yield func(PackageMessage, error) bool) {
		about, err := p.subjects(ctx, s, some)
		if err != nil {
			yield(PackageMessage{}, err)
			return
		}
		for m, err := range Select[StatusMessage](p.kinds(), p.after("Time"), p.ofPackages(some)).Run(ctx, s) {
			if err != nil {
				yield(PackageMessage{}, err)
				return
			}
			subject, ok := about[m.RecordID]
			if ok && !yield(PackageMessage{m, subject.PackageID, subject.DP}, nil) {
				return
			}
		}
	}
}

// subject is what a message is about.
type subject struct {
	PackageID PackageID
	DP        NALPath
}

// subjects are what the messages are about, by RecordID.
func (p MessagePick) subjects(ctx context.Context, s *cim.Session, some []PackageID) (map[int64]subject, error) {
	which := p.ofPackages(some)
	if len(some) == 0 {
		which = among("RecordID", "SMS_StatMsg", And(p.kinds(), p.after("Time")))
	}
	about := map[int64]subject{}
	rows := Select[messageAttribute](In("AttributeID", attributePackage, attributeDP), p.after("AttributeTime"), which).Run(ctx, s)
	for a, err := range rows {
		if err != nil {
			return nil, err
		}
		one := about[a.RecordID]
		switch {
		case a.AttributeID == attributePackage && one.PackageID == "":
			one.PackageID = PackageID(strings.ToUpper(a.AttributeValue))
		case a.AttributeID == attributeDP && one.DP == "":
			one.DP = NALPath(a.AttributeValue)
		}
		about[a.RecordID] = one
	}
	return about, nil
}

// ofPackages holds for messages, and for their attributes, that are about some
// packages.
func (p MessagePick) ofPackages(some []PackageID) Condition {
	if len(some) == 0 {
		return Condition{}
	}
	return among("RecordID", "SMS_StatMsgAttributes",
		And(Eq("AttributeID", attributePackage), In("AttributeValue", some...), p.after("AttributeTime")))
}

// kinds holds for the messages of content distribution that are picked.
func (p MessagePick) kinds() Condition {
	if len(p.IDs) > 0 {
		return And(In("Component", DistributionManager, PackageTransferManager), In("MessageID", p.IDs...))
	}
	return Or(
		And(Eq("Component", DistributionManager), Ge("MessageID", 2300), Le("MessageID", 2399)),
		And(Eq("Component", PackageTransferManager), Ge("MessageID", 8200), Le("MessageID", 8299)),
	)
}

// after cuts to the second: a server may store no fractions.
func (p MessagePick) after(property string) Condition {
	if p.Since.IsZero() {
		return Condition{}
	}
	return Ge(property, p.Since.Truncate(time.Second))
}

// among is: the property has a value that it has in a row of the class which
// meets the condition (a sub-select, SDK page "Extended WMI Query Language").
func among(property, class string, where Condition) Condition {
	if !isName(property) || !isName(class) || where.isZero() {
		return mistake("select %s from %q: not a property, a class and a condition", property, class)
	}
	c := term(property, " IN (SELECT "+property+" FROM "+class+" WHERE "+where.text+")")
	c.err = where.err
	return c
}

// ExactPackages are the filter's packages when each of them is named by its
// whole ID, and none otherwise.
func (f Filter) ExactPackages() []PackageID {
	var ids []PackageID
	for _, p := range f.Packages {
		text, exact := p.Literal()
		id, err := ParsePackageID(text)
		if !exact || err != nil {
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}
