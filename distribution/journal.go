package distribution

import (
	"context"

	"dpremote/queries"
)

// Act is a request that changes something at a site.
type Act struct {
	Operation string // "put RefreshNow", "invoke RefreshPkgSource"
	// Keys say what it is done to. What does not apply is empty: the whole of a
	// package has its PackageID alone.
	queries.Keys
	Detail string // for people; may be empty
}

// Journal is told of each act, one request, before it is sent, and by the
// function that it gives, which is never nil, of what came of it: nil when the
// site stored the request. The request waits for both calls. They must be safe
// for concurrent use, and a context that has ended does not excuse them from
// writing down what was sent.
type Journal func(ctx context.Context, a Act) (end func(error))

// Do sends a request that changes something at the site, once, and tells the
// journal. When the context has ended by then, nothing is sent.
func (s *Site) Do(ctx context.Context, a Act, send func(context.Context) error) error {
	if s.Journal == nil {
		return send(ctx)
	}
	end := s.Journal(ctx, a)
	err := ctx.Err()
	if err != nil {
		err = notSent(err)
	} else {
		err = send(ctx)
	}
	end(err)
	return err
}
