package distribution

import (
	"context"

	"dpremote/queries"
)

// WithCauses are rows of one site with what their own messages tell, as far as
// there are any: Row.Finding and Row.Message. It is what LookFor.Reasons finds
// out about causes, for rows that are there already, and asks for nothing else.
func WithCauses(ctx context.Context, site *Site, rows []queries.PackageStatusDP) ([]Row, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	v := &View{Site: site}
	if err := v.readStatuses(ctx, packagesOf(rows)); err != nil {
		return nil, err
	}
	out := make([]Row, len(rows))
	for i, r := range rows {
		out[i] = v.row(r)
	}
	return out, nil
}
