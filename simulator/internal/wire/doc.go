// Package wire is the server side of WS-Management over HTTP (DSP0226, with
// the WMI plug-in's ways of MS-WSMV): it reads SOAP requests, asks a Provider,
// and answers in the shapes that Windows sends.
//
// A request goes this way:
//
//	handler.go      path, method, size and character set of the HTTP request
//	auth.go         who is asking; each scheme may seal the bodies
//	auth_gss.go, auth_spnego.go, auth_kerberos.go, auth_certificate.go
//	                the schemes besides Basic; auth_bindings.go ties them to TLS
//	connection.go   who signed in on a TCP connection
//	seal.go         sealed bodies
//	element.go      bytes to a tree of elements, within limits
//	request.go      the tree to a request: header blocks checked, body found
//	resource.go     what a resource URI names
//	dispatch.go     action and resource to one operation
//	enumerate.go, transfer.go, invoke.go, identify.go, settings.go, shell.go
//	                the operations
//	subscribe.go    subscriptions that are pulled; event.go finds their events
//	enumeration.go  enumerations that are open, by context
//	value.go        members of a body to values of the class's types
//	render.go, xmlwriter.go
//	                instances and envelopes to bytes
//	fault.go, status.go
//	                what went wrong, as SOAP
//	mishap.go       what is made to go wrong, from the outside
//	strict.go, strict_message.go, strict_listener.go
//	                what a client does wrong, for those who want to know
//
// The package shares no code with the client: it reads with encoding/xml and
// writes with an escaping writer of its own, so that a mistake on one side
// meets no matching mistake on the other.
package wire
