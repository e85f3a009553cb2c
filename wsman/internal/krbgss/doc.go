// Package krbgss is the initiator's side of the Kerberos GSS-API mechanism
// (RFC 4121): signing in with a service ticket, and sealing messages after it
// by AES (RFC 3962 and RFC 8009).
//
// The package does no input or output and gets its tickets from its caller.
// What comes from a server is taken for hostile: sizes are checked before use.
package krbgss
