package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// JobsOf yields the jobs of packages, those included that are over: a site keeps
// them for a while. Without packages there are none.
func JobsOf(ctx context.Context, s *cim.Session, packages ...PackageID) iter.Seq2[Job, error] {
	if len(packages) == 0 {
		return chain[Job](nil)
	}
	var parts []iter.Seq2[Job, error]
	for _, some := range inChunks("PkgID", unique(packages)) {
		parts = append(parts, Select[Job](some).Run(ctx, s))
	}
	return chain(parts)
}
