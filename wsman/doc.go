// Package wsman is a WS-Management client (DSP0226) for WinRM's WMI plug-in
// (MS-WSMV) and for other WS-Man servers.
//
// A Client speaks to one server. It builds a SOAP 1.2 envelope, hands it to a
// Transport, reads the answer whole (its size is bounded) and walks it once:
//
//	Client -> envelope -> Transport (HTTP, slots, sign-in) -> server
//	Client <- Item or Fault <- scanner <- body
//
// An Item is an element of the answer, still in the answer's bytes. Package cim
// decodes it. A Fault is an error with the numbers that a server gave; its
// texts are localised and are for people only.
//
// The package knows nothing of Configuration Manager.
package wsman
