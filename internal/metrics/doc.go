// Package metrics shows counts to Prometheus: what was found at sites becomes
// metric families in the text format, for a file or for a scrape.
//
// It follows Prometheus' conventions for names and units. How many series there
// are is bounded by the number of sites: packages are no label, and distribution
// points are one only on request and up to a limit, beyond which the metrics say
// themselves how many distribution points were left out. A site that was not
// reached has no counts, neither old ones nor zeros.
package metrics
