// Package htmlreport writes a report about content on distribution points as
// one HTML file that needs nothing else: no network, no other file. It knows
// nothing of where the data comes from.
//
//	Report -> Write -> HTML: summary by html/template, script and style inline,
//	                         the data as JSON, maps and lists drawn by the script
//
// # Hostile data
//
// Names and messages come from servers. What the template writes is escaped by
// html/template. In the JSON every <, > and & is escaped, so that no text in it
// can end the script element that holds it; the script shows text as text and
// never as HTML. A content security policy allows the one script and the one
// style of the page, by their hashes, and no connection to anywhere.
//
// # The data
//
// The script element with the id data is of type application/json. Its members:
//
//	schemaVersion  SchemaVersion; raised when a member changes its meaning
//	kind           "report"
//	made           when, RFC 3339
//	program, selection, notes
//	states         {name, kind}; kind is ok, open, stale or bad
//	sites          {code, name, type, parent, asked, error, seenBy}
//	errors         {site, error, operation, kind}, of sites that did not answer
//	packages       {id, name, type, sizeKB, arrivalSeconds, arrivals}
//	dps            {name, site, held, arrivalSeconds, arrivals}; site is a code
//	sets           what DPs hold; see below
//	causes         {name, words, confidence, cures, advice}
//	rows           what is not installed, an array for each column
//	plan           what a refresh would do, an array for each column
//	texts          the texts that rows and plan refer to
//	storms, trend
//
// Packages, dps, causes, states, sets and texts are referred to by their place,
// from 0; -1 refers to none. A set is a list of numbers, in turn how many
// packages are left out and how many follow that are in it; packages that a
// distribution point holds and that no row is about are in the first of the
// states. Times in columns are seconds since 1970, 0 for never.
package htmlreport
