// Package krbserver is the server's side of Kerberos in the GSS-API (RFC 4121):
// it verifies an AP-REQ with the keys of a keytab, answers it with a subkey of
// its own, and seals and opens messages with that.
//
//	service.go  Service: the tokens of a sign-in, and what is wrong with them
//	apreq.go    verifying an AP-REQ, making an AP-REP (RFC 4120 section 3.2)
//	replay.go   authenticators that were seen
//	session.go  Wrap and MIC tokens (RFC 4121 section 4.2)
//
// Messages are read and encrypted by gokrb5's types; the judgement, the clock
// and the per-message tokens are of this package. Sealing needs an AES key (RFC
// 3962 or RFC 8009); with another key a sign-in succeeds and seals nothing.
package krbserver
