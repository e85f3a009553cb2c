package distribution

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dpremote/queries"
	"dpremote/wsman"
)

// Where Distribution Manager keeps what it does in the registry of its site
// server. The key of the retries is named by knowledge base article Q319207,
// the values of the component by Microsoft's guide to troubleshooting content
// distribution.
const (
	componentKey    = `SOFTWARE\Microsoft\SMS\Components\SMS_DISTRIBUTION_MANAGER`
	retryHistoryKey = componentKey + `\Retry History`
	processingQueue = "Package Processing Queue"
	processedNow    = "Packages Being Processed"
)

// RetryHistory is what a site's Distribution Manager keeps in the registry
// about packages that it tries again.
type RetryHistory struct {
	Site *Site
	// Present says that the server has Distribution Manager's key. One that has
	// a provider and is not the site server has none.
	Present bool
	// Queue and Processing are the packages that wait to be processed and that
	// are processed, as the server words it; empty when it does not say.
	Queue, Processing string
	Entries           []RetryEntry // by package
}

// RetryEntry is the retry history of one package.
type RetryEntry struct {
	PackageID queries.PackageID // in upper case
	Key       queries.RegistryKey
}

// Entry is the retry history of a package, and whether there is one.
func (h *RetryHistory) Entry(id queries.PackageID) (RetryEntry, bool) {
	for _, e := range h.Entries {
		if strings.EqualFold(string(e.PackageID), string(id)) {
			return e, true
		}
	}
	return RetryEntry{}, false
}

// ReadRetryHistory reads the retry history of packages, or of all where none
// are named. The errors are those of queries.Registry: wsman.ErrAccessDenied is
// an account that may not read the server's registry.
func ReadRetryHistory(ctx context.Context, site *Site, ids ...queries.PackageID) (*RetryHistory, error) {
	registry := queries.NewRegistry(site.Session)
	h := &RetryHistory{Site: site}
	component, found, err := registry.Values(ctx, componentKey, processingQueue, processedNow)
	if err != nil || !found {
		return h, err
	}
	h.Present = true
	for _, v := range component {
		switch {
		case strings.EqualFold(v.Name, processingQueue):
			h.Queue = v.String()
		case strings.EqualFold(v.Name, processedNow):
			h.Processing = v.String()
		}
	}
	names, _, err := registry.Keys(ctx, retryHistoryKey)
	if err != nil {
		return h, err
	}
	for _, name := range names {
		id, err := queries.ParsePackageID(name)
		if err != nil || len(ids) > 0 && !slices.Contains(upper(ids), id) {
			continue // not a package's, or not one that is asked for
		}
		key, found, err := registry.Tree(ctx, retryHistoryKey+`\`+name)
		if err != nil {
			return h, err
		}
		if found {
			h.Entries = append(h.Entries, RetryEntry{PackageID: id, Key: key})
		}
	}
	slices.SortFunc(h.Entries, func(a, b RetryEntry) int { return cmp.Compare(a.PackageID, b.PackageID) })
	return h, nil
}

func upper(ids []queries.PackageID) []queries.PackageID {
	out := make([]queries.PackageID, len(ids))
	for i, id := range ids {
		out[i] = queries.PackageID(strings.ToUpper(string(id)))
	}
	return out
}

// Cleared is what became of a retry history that was to be deleted.
type Cleared uint8

// The outcomes. The zero value is NotCleared.
const (
	NotCleared     Cleared = iota // it is as it was
	ClearedNow                    // it was deleted, and seen to be gone
	ClearedBefore                 // it was gone already
	ClearedAndBack                // it was deleted and is there again
	ClearedUnknown                // whether it was deleted is not known
)

// String is the outcome in words.
func (c Cleared) String() string {
	switch c {
	case ClearedNow:
		return "cleared"
	case ClearedBefore:
		return "gone already"
	case ClearedAndBack:
		return "back again"
	case ClearedUnknown:
		return "not known"
	}
	return "not cleared"
}

// MarshalText is String.
func (c Cleared) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// ErrNotKept is the error of a retry history that was left alone because what
// it holds could not be kept.
var ErrNotKept = errors.New("it could not be kept, so nothing is deleted")

// ClearRetry deletes the retry history of a package at a site (knowledge base
// article Q319207), by which Distribution Manager stops to try it again. What
// is there is read anew and given to keep first; without its consent nothing is
// deleted. Afterwards the key is looked for. The request to delete is sent once,
// whatever becomes of it.
func ClearRetry(ctx context.Context, site *Site, id queries.PackageID, keep func(RetryEntry) error) (Cleared, error) {
	before, err := ReadRetryHistory(ctx, site, id)
	if err != nil {
		return NotCleared, err
	}
	entry, found := before.Entry(id)
	if !found {
		return ClearedBefore, nil
	}
	if err := keep(entry); err != nil {
		return NotCleared, fmt.Errorf("%w: %w", ErrNotKept, err)
	}
	registry := queries.NewRegistry(site.Session)
	a := Act{Operation: "delete retry history", Keys: queries.Keys{PackageID: id}, Detail: entry.Key.Path}
	failed := site.Do(ctx, a, func(ctx context.Context) error { return registry.Delete(ctx, entry.Key) })
	_, there, err := registry.Keys(ctx, entry.Key.Path)
	switch {
	case err != nil && failed != nil:
		return unlessRefused(failed), failed
	case err != nil:
		return ClearedUnknown, fmt.Errorf("look whether it is gone: %w", err)
	case !there:
		return ClearedNow, nil // whatever became of the answer
	case failed != nil:
		return NotCleared, failed
	}
	return ClearedAndBack, nil
}

// unlessRefused is what is known of a deletion that failed, when the key cannot
// be looked for.
func unlessRefused(err error) Cleared {
	var op *wsman.Error
	if errors.As(err, &op) && op.Retry != wsman.RetryUnknown {
		return NotCleared
	}
	return ClearedUnknown
}
