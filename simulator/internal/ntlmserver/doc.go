// Package ntlmserver is the server's side of NTLMv2 (MS-NLMP): it challenges,
// verifies the answer against the account's password, and seals and opens
// messages with the key that both then have.
//
//	server.go   Server and Exchange: the two tokens of a sign-in
//	message.go  the three messages as bytes
//	crypto.go   the hashes and keys of sections 3.3.2 and 3.4.5
//	session.go  sealing and signing (section 3.4.4)
//
// NTLMv1, LM and anonymous sign-ins are refused. A message integrity code is
// verified where the client says that it sent one. Sealing needs extended
// session security and 128 bits; a sign-in without them succeeds, as it does
// on Windows, but seals nothing.
package ntlmserver
