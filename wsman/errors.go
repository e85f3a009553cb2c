package wsman

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What callers decide by. Each is matched by errors.Is against a Fault, an
// HTTPError or a whole Error, by the numbers in it.
var (
	ErrUnauthorized = errors.New("credentials refused")
	ErrAccessDenied = errors.New("access denied")
	ErrNotFound     = errors.New("not found")
	ErrBadQuery     = errors.New("query refused")
	ErrTimedOut     = errors.New("operation timed out at the server")
	ErrQuota        = errors.New("quota exceeded")
	ErrContext      = errors.New("enumeration context no longer valid")
	ErrTooLarge     = errors.New("answer larger than the envelope allows")
	ErrUnsealed     = errors.New("the server takes no unencrypted traffic")
	ErrNotWSMan     = errors.New("no WS-Man answer")
	ErrIncomplete   = errors.New("the enumeration ended without its end mark")
	// ErrRepresentation is a server that read an instance or its parameters and
	// did not want them: nothing was stored.
	ErrRepresentation = errors.New("representation refused")
	// ErrNoAnswer is a server that said nothing for longer than the
	// OperationTimeout allows.
	ErrNoAnswer = errors.New("no answer")
)

// Retry says what sending the same request again would do.
type Retry uint8

// The three answers. The zero value is RetryUseless.
const (
	RetryUseless Retry = iota // it fails the same way until something is changed
	RetrySafe                 // it may work, and cannot do anything twice
	RetryUnknown              // the request may have been carried out: read the state first
)

// String is the answer in words.
func (r Retry) String() string {
	switch r {
	case RetrySafe:
		return "safe"
	case RetryUnknown:
		return "unknown outcome"
	}
	return "useless"
}

// Error is the failure of one operation of a Client.
type Error struct {
	Op       string // identify, enumerate, pull, release, subscribe, get, put, create, delete, invoke
	Target   string // what it was asked of: namespace, class, keys
	Endpoint string // the server's URL
	Retry    Retry
	Err      error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Target == "" {
		return fmt.Sprintf("%s at %s: %v", e.Op, e.Endpoint, e.Err)
	}
	return fmt.Sprintf("%s %s at %s: %v", e.Op, e.Target, e.Endpoint, e.Err)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// HTTPError is an answer that is no SOAP.
type HTTPError struct {
	Status      int
	ContentType string
	Schemes     []string // the authentication schemes that a 401 offered
	Size        int      // of the body, in bytes
	// RetryAfter is how long the server asks to be left alone, 0 when it does
	// not.
	RetryAfter time.Duration
	Encrypted  bool // the request travelled encrypted
}

// Error implements error. It says what to do where the status tells.
func (e *HTTPError) Error() string {
	switch {
	case e.Status == http.StatusUnauthorized && len(e.Schemes) == 0:
		return "credentials refused (HTTP 401)"
	case e.Status == http.StatusUnauthorized:
		return fmt.Sprintf("credentials refused (HTTP 401; the server offers %s)", strings.Join(e.Schemes, ", "))
	case e.unsealed():
		return "the server takes no unencrypted traffic (HTTP 500, empty answer): use https, or a scheme that seals"
	case e.silent():
		return "the server failed and did not say why (HTTP 500, empty answer)"
	case e.Status == http.StatusForbidden:
		return "access denied (HTTP 403)"
	case e.Status == http.StatusNotFound:
		return "no WS-Man service at this address (HTTP 404): check host and port"
	case e.Status == http.StatusRequestEntityTooLarge:
		return "the request is larger than the server takes (HTTP 413)"
	case e.busy() && e.RetryAfter > 0:
		return fmt.Sprintf("the server is too busy (HTTP %d) and asks to come back after %s", e.Status, e.RetryAfter)
	case e.busy():
		return fmt.Sprintf("the server is too busy (HTTP %d)", e.Status)
	case e.Status >= 300 && e.Status < 400:
		return fmt.Sprintf("the server redirects (HTTP %d), which is not followed: check host and port", e.Status)
	case e.Status == http.StatusOK || e.Status == http.StatusInternalServerError:
		return fmt.Sprintf("the answer is not WS-Man (HTTP %d, %d bytes of %s): check host and port", e.Status, e.Size, e.mediaType())
	}
	return fmt.Sprintf("HTTP %d, %d bytes of %s", e.Status, e.Size, e.mediaType())
}

func (e *HTTPError) mediaType() string {
	if e.ContentType == "" {
		return "no content type"
	}
	return fmt.Sprintf("%.100s", e.ContentType)
}

// busy is a server that takes no requests for now.
func (e *HTTPError) busy() bool {
	return e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests
}

// silent is a server that failed without a fault.
func (e *HTTPError) silent() bool {
	return e.Status == http.StatusInternalServerError && e.Size == 0
}

// unsealed is how WinRM answers a message in clear text.
func (e *HTTPError) unsealed() bool { return e.silent() && !e.Encrypted }

// Is matches the sentinel errors of this package.
func (e *HTTPError) Is(target error) bool {
	switch target {
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrAccessDenied:
		return e.Status == http.StatusForbidden
	case ErrUnsealed:
		return e.unsealed()
	case ErrNotWSMan:
		return !e.silent() && e.Status != http.StatusUnauthorized && e.Status != http.StatusServiceUnavailable
	}
	return false
}

// retry says what an answer that is no SOAP means for sending again. What stands
// between us and the server (502, 504, a page) does not say whether the server
// did what was asked.
func (e *HTTPError) retry(reads bool) Retry {
	if e.busy() {
		return RetrySafe
	}
	switch e.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusBadRequest:
		return RetryUseless
	}
	switch {
	case e.Status >= 300 && e.Status < 400:
		return RetryUseless
	case !reads:
		return RetryUnknown
	case e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout, e.silent():
		return RetrySafe
	}
	return RetryUseless
}

// retryOf says whether an operation that failed with err may be repeated.
// reads tells that the operation changes nothing.
func retryOf(err error, reads bool) Retry {
	var fault *Fault
	var status *HTTPError
	var transport *TransportError
	switch {
	case errors.Is(err, ErrUnauthorized), errors.Is(err, ErrAccessDenied), errors.Is(err, ErrUnsealed):
		return RetryUseless
	case errors.As(err, &fault):
		return fault.retry(reads)
	case errors.As(err, &status):
		return status.retry(reads)
	case errors.As(err, &transport):
		if isPermanent(transport.Err) && (reads || !transport.Sent) {
			return RetryUseless
		}
		if reads || !transport.Sent {
			return RetrySafe
		}
		return RetryUnknown
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		if reads {
			return RetrySafe
		}
		return RetryUnknown
	}
	if reads {
		return RetrySafe
	}
	return RetryUnknown // an answer that could not be read
}
