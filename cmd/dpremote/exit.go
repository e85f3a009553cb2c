package main

import (
	"context"
	"errors"
	"fmt"

	"dpremote/internal/connect"
	"dpremote/internal/inventory"
	"dpremote/internal/report"
	"dpremote/internal/sweep"
	"dpremote/wsman"
)

// The exit codes. Go itself exits with 2 when it panics.
const (
	exitOK          = 0
	exitInternal    = 1
	exitFindings    = 3
	exitIncomplete  = 4
	exitCredentials = 5
	exitDeadline    = 6
	exitUsage       = 64
	exitInterrupted = 130
)

// exitHelp stands in the help of every command.
const exitHelp = `Exit status:
  0    fine
  1    internal error
  3    findings: failed content, or what was sent again, updated, watched or
       checked is not well
  4    incomplete: a site could not be reached or answered with a fault
  5    credentials refused
  6    the deadline passed
  64   wrong usage, or a mistake in the inventory
  130  interrupted`

// codedError is an error that says which exit code it means.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// usage is a mistake of the caller's.
func usage(format string, args ...any) error {
	return &codedError{exitUsage, fmt.Errorf(format, args...)}
}

// silent is an exit code whose reason has been told already.
type silent int

func (s silent) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// exitCode is the exit code that an error of a command means.
func exitCode(err error) int {
	var coded *codedError
	var quiet silent
	var problems inventory.Problems
	var column *report.ColumnError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &quiet):
		return int(quiet)
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &problems), errors.Is(err, inventory.ErrNotFound), errors.As(err, &column):
		return exitUsage
	case isInterrupt(err):
		return exitInterrupted
	case errors.Is(err, wsman.ErrUnauthorized):
		return exitCredentials
	case errors.Is(err, connect.ErrSettings):
		return exitUsage
	case errors.Is(err, context.DeadlineExceeded):
		return exitDeadline
	}
	var op *wsman.Error
	if errors.As(err, &op) || errors.Is(err, sweep.ErrTimedOut) {
		return exitIncomplete
	}
	return exitInternal
}

func isInterrupt(err error) bool { return errors.Is(err, context.Canceled) }

// kindOf names the cause of a site's failure for programs.
func kindOf(err error) string {
	var fault *wsman.Fault
	var status *wsman.HTTPError
	var transport *wsman.TransportError
	var op *wsman.Error
	switch {
	case isInterrupt(err):
		return "interrupted"
	case errors.Is(err, wsman.ErrUnauthorized):
		return "credentials"
	case errors.Is(err, connect.ErrSettings):
		return "settings"
	case errors.Is(err, sweep.ErrTimedOut), errors.Is(err, wsman.ErrNoAnswer), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, wsman.ErrAccessDenied):
		return "access"
	case errors.As(err, &fault):
		return "fault"
	case errors.As(err, &status):
		return "http"
	case errors.As(err, &transport):
		return "unreachable"
	case errors.As(err, &op):
		return "answer" // that could not be read
	}
	return "error"
}
