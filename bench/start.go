package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// start measures what the smallest command takes, and tells the program's size.
func (b *bench) start(ctx context.Context, _ *server) error {
	const most = 15 * time.Millisecond
	r := row{Name: "version, processor", Peer: limit, Their: most.String(), Goal: 1, Less: true, Loose: true}
	var took []float64
	for range 20 {
		u, err := measure(ctx, nil, b.dpremote, "version")
		if err != nil {
			return err
		}
		took = append(took, u.processor.Seconds())
		r.Ratios = append(r.Ratios, u.processor.Seconds()/most.Seconds())
	}
	r.Ours = fmt.Sprintf("%.1f ms", median(took)*1000)
	b.rows = append(b.rows, r)
	return b.size()
}

// size is that of the program. There is no goal for it.
func (b *bench) size() error {
	info, err := os.Stat(b.dpremote)
	if err != nil {
		return err
	}
	b.rows = append(b.rows, row{Name: "the program's size", Ours: mebibytes(float64(info.Size())), Note: "no goal"})
	return nil
}
