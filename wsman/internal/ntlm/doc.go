// Package ntlm is the client side of NTLMv2 (MS-NLMP): the three messages of a
// sign-in, and the signing and sealing of messages after it.
//
// It speaks one dialect only, the strongest: NTLMv2 with extended session
// security, 128 bit keys, key exchange and a message integrity code. A server
// that wants less is refused.
//
// The package does no input or output. What comes from a server is taken for
// hostile: sizes and offsets are checked before use.
package ntlm
