package kdc

import (
	"errors"
	"fmt"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/messages"
)

// What callers decide by.
var (
	ErrRefused        = errors.New("the KDC refuses the account")
	ErrClockSkew      = errors.New("the clocks differ too much")
	ErrUnknownService = errors.New("no account has this service name")
	ErrExpired        = errors.New("the ticket has expired")
	ErrNoKDC          = errors.New("no KDC answers")
)

// Explain makes of a KRB-ERROR an error that says what to do. Account and
// service are what was asked about.
func Explain(e messages.KRBError, account, service string, now time.Time) error {
	switch e.ErrorCode {
	case errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN:
		return fmt.Errorf("%w: %s is not known there: check user and realm", ErrRefused, account)
	case errorcode.KDC_ERR_PREAUTH_FAILED:
		return fmt.Errorf("%w: the password or key of %s is wrong", ErrRefused, account)
	case errorcode.KDC_ERR_CLIENT_REVOKED:
		return fmt.Errorf("%w: %s is disabled, locked or has expired", ErrRefused, account)
	case errorcode.KDC_ERR_KEY_EXPIRED:
		return fmt.Errorf("%w: the password of %s has expired and must be changed", ErrRefused, account)
	case errorcode.KDC_ERR_POLICY, errorcode.KDC_ERR_NAME_EXP, errorcode.KDC_ERR_CLIENT_NOTYET:
		return fmt.Errorf("%w: its policy forbids %s to sign in here or now (code %d)", ErrRefused, account, e.ErrorCode)
	case errorcode.KDC_ERR_WRONG_REALM:
		return fmt.Errorf("%w: %s is of the realm %.100q: give that one", ErrRefused, account, e.CRealm)
	case errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN, errorcode.KDC_ERR_SERVER_NOMATCH:
		return fmt.Errorf("%w: %s: connect by the server's full DNS name, or set the SPN that its account has", ErrUnknownService, service)
	case errorcode.KRB_AP_ERR_MODIFIED, errorcode.KRB_AP_ERR_BAD_INTEGRITY: // Windows says the one, MIT the other
		return fmt.Errorf("%w: the server cannot open a ticket for %s: another account has that name, or its keys have changed", ErrUnknownService, service)
	case errorcode.KRB_AP_ERR_SKEW, errorcode.KRB_AP_ERR_TKT_NYV:
		return skew(e.STime, now)
	case errorcode.KRB_AP_ERR_TKT_EXPIRED:
		return fmt.Errorf("%w: get a new one (kinit)", ErrExpired)
	case errorcode.KDC_ERR_ETYPE_NOSUPP:
		return fmt.Errorf("%s or %s has no AES keys: enable AES for both accounts and set their passwords anew", account, service)
	}
	return fmt.Errorf("the KDC or server refuses: %s", errorcode.Lookup(e.ErrorCode))
}

func skew(theirs, now time.Time) error {
	return fmt.Errorf("%w: this machine's is %v off the server's: set the time (at most 5 minutes are allowed)", ErrClockSkew, now.Sub(theirs).Round(time.Second))
}
