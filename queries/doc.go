// Package queries holds what dpremote knows of Configuration Manager: the
// classes of the SMS Provider, what their numbers mean, how to ask for them,
// and why content fails to reach a distribution point.
//
// A class has a file with a record, a struct whose cim tags name the properties
// that dpremote reads. Select derives the query from the record:
//
//	Select[Job](Lt("State", 5)) -> WQL -> cim.Query -> Job, Job, ...
//
// A new query is a record in a new file, and its class in the list of All.
//
// The SMS Provider takes Extended WQL (SDK, "Configuration Manager Extended
// WMI Query Language"). It compares without regard to case, and it leaves out,
// without a word, the rows that the account has no right to: an empty answer
// may mean no rights.
//
// Facts come from the class pages of the Configuration Manager SDK ("class
// page" in comments, with the class named beside the record) unless another
// source is given. All functions and all types are safe for concurrent use
// unless they say otherwise.
package queries
