// Package cim holds CIM data as WS-Management carries it (DSP0230): instances,
// properties and their values, datetimes and intervals, embedded instances,
// references and arrays.
//
// Data comes in by one of two ways. A Decoder puts an item straight into a
// record, a struct whose fields carry cim tags; it is for classes that are
// known. An Instance holds any class. Both read the item where it lies, in the
// bytes of the server's answer:
//
//	wsman.Item -> Decoder -> record
//	wsman.Item -> ReadInstance -> Instance
//
// The rows of an enumeration are alike down to the byte but for their values, so
// Query and Session.Rows read most of them by predicting their markup (package
// rowscan) and read the rest by the scanner, with the same result. Values that
// come again and again, such as the names of servers, share their memory, and
// no value keeps the answer that it was in.
//
// The wire says little about types: a NULL is marked, a datetime is wrapped,
// everything else is text. A NULL array is absent, and an array of one looks
// like a scalar. What a text means is the reader's knowledge; a record has it.
//
// Data goes out as the body of a Put, a Create or an Invoke, built by Body.
package cim
