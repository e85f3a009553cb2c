// Package report writes rows of data to a stream as a table, JSON, JSON Lines,
// YAML or CSV. It knows nothing of where the rows come from.
//
// A command that knows its columns uses [Writer]; one that learns the names
// from the data itself uses [Records]. Both take the same [Options] and write
// the same formats:
//
//   - table: one line a row in aligned columns without borders, for people.
//     Columns marked Wide are left out, long text is cut with an ellipsis. Do
//     not parse it.
//   - wide: the same with every column, and nothing is cut.
//   - json: one document, one item a line (see below).
//   - jsonl: one JSON object a line for each row, and nothing else.
//   - yaml: the document of json, as YAML.
//   - csv: a line of names, then one record a row, as RFC 4180 has it but
//     for the ends of lines, which are line feeds.
//
// # The document
//
// The json and yaml document is an object with these members, in this order:
//
//	schemaVersion  SchemaVersion; raised when a member changes its meaning
//	kind           what the items are: Options.Kind
//	items          the rows, each an object with one member a column
//	errors         one object for each SiteError, sorted by site
//	...            what Set was given, in the order of the first Set of a key
//
// It is well formed whenever Close was called, whatever was or was not written
// before.
//
// # Values
//
// A value may be a string, any integer or float, a bool, a time.Time, a
// time.Duration, a slice of values, an [Object], a json.Marshaler, an
// encoding.TextMarshaler, a fmt.Stringer, an error, a pointer to one of them,
// or nil. Structs and maps are written as encoding/json would.
//
//	value                json, jsonl, yaml          csv                    table
//	nil, zero time.Time  null                       empty                  -
//	time.Time            RFC 3339 in UTC            RFC 3339 in UTC        to the second
//	time.Duration        seconds, a number          seconds, a number      1h30m
//	slice                array; [] when nil         elements joined by ;   joined by ", "
//	NaN, infinities      "NaN", "Infinity", "-Infinity", in every format
//
// JSON strings are escaped as encoding/json does without its HTML escaping:
// invalid UTF-8 becomes U+FFFD. DEL and the C1 controls are escaped as well, so
// that JSON shown on a terminal cannot drive it.
//
// # CSV and spreadsheets
//
// CSV carries the values as they are. A spreadsheet takes a cell that begins
// with =, +, - or @ for a formula; no quoting prevents that, and a prefix would
// corrupt the data for everyone else. Import such files as text.
//
// # Memory
//
// json, jsonl, yaml and the csv of a Writer hold one row and a buffer of some
// 32 KB. A table holds all rows, because its widths depend on them, and so does
// the csv of Records, because its header does. With Options.Sort every format
// holds them.
package report
