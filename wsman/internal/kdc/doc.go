// Package kdc gets tickets from Kerberos key distribution centres (RFC 4120):
// by password, by keytab or from a credential cache, for services of any realm
// that trusts the client's.
//
// Messages and ciphers are a library's. The exchange over the network is this
// package's own, so that it obeys contexts, takes nothing of unbounded size or
// cost from the network, and tells failures apart by the KDC's number.
package kdc
