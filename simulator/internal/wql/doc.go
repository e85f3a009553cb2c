// Package wql parses and runs the query language of a simulated site: WQL as
// the Windows SDK describes it ("WQL (SQL for WMI)", "WHERE Clause", "LIKE
// Operator"), with what the SMS Provider adds to it (Configuration Manager SDK,
// "Extended WMI Query Language"): DISTINCT, COUNT, ORDER BY, IN, sub-selects,
// comparison of a property with another, GetDate, DateDiff, DateAdd, DATEPART,
// SUBSTRING, UPPER and LOWER.
//
// A query goes through three steps. The lexer and the parser turn its text into
// a Query, which knows no class. Run then compiles the WHERE clause to closures
// against the classes of a Source, which is where unknown names and unfit types
// are refused, and last it applies them to the instances.
//
// # Rules
//
// These hold where the documents are silent or the SMS Provider and WMI differ;
// the SMS Provider is followed, which hands its queries to SQL Server:
//
//   - Every comparison of strings ignores case, LIKE too.
//   - NULL is neither equal nor unequal to anything: a comparison with it is
//     neither true nor false, and so is its negation. As in WMI, "= NULL" and
//     "<> NULL" mean IS NULL and IS NOT NULL.
//   - A literal takes the type of the property that it is compared with, so
//     State = '3' and RefreshNow = 1 are right. A literal that cannot take it
//     makes the query invalid.
//   - A backslash in a string escapes a backslash or a quote. Before anything
//     else it makes the query invalid, so 'C:\temp' is refused as by Windows.
//   - In LIKE, a "[" without its "]" matches nothing.
//   - Arrays and embedded objects can only be asked whether they are NULL; ISA
//     and a dotted path look into an embedded object.
//   - A date without an offset is in UTC.
//   - DISTINCT and ORDER BY look at values without regard to case; NULL comes
//     first.
//
// JOIN is known and refused. A class or an alias before a property
// (SMS_Package.PackageID) is accepted.
package wql
