package main

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"fmt"
	"slices"
)

// sealing measures what sealed answers cost dpremote on top of the same answers
// in clear text, in processor time, against the cipher alone: RC4 and HMAC-MD5
// (MS-NLMP section 3.4). The simulated site answers; what it takes does not
// count.
func (b *bench) sealing(ctx context.Context, s *server) error {
	_, size, err := s.pages(ctx, 0, recordedAll)
	if err != nil {
		return err
	}
	r := row{Name: "query -o jsonl, sealed by NTLM, on top of clear text", Peer: "RC4 and HMAC-MD5 of crypto", Goal: 1.25, Less: true, Loose: true,
		Note: fmt.Sprintf("%.0f MB", float64(size)/1e6)}
	var ours, their []float64
	for range b.turns() {
		var took [2]float64
		for i, scheme := range []string{"basic", "ntlm"} {
			u, err := measure(ctx, []string{passwordVariable + "=" + s.password}, b.dpremote, "query", selectAll, "-o", "jsonl",
				"--host", s.site, "--site-code", siteCode, "--auth", scheme, "--allow-unencrypted",
				"--user", s.user, "--password-env", passwordVariable)
			if err != nil {
				return err
			}
			took[i] = u.processor.Seconds()
		}
		cost, err := cipher(size)
		if err != nil {
			return err
		}
		ours, their, r.Ratios = append(ours, took[1]-took[0]), append(their, cost), append(r.Ratios, (took[1]-took[0])/cost)
	}
	r.Ours, r.Their = milliseconds(median(ours)), milliseconds(median(their))
	b.rows = append(b.rows, r)
	return nil
}

func milliseconds(seconds float64) string { return fmt.Sprintf("%.0f ms", seconds*1000) }

// pageSize is about what a full page has.
const pageSize = 250 << 10

// cipher is the processor time that unsealing so many bytes takes.
func cipher(size int) (float64, error) {
	key := make([]byte, 16)
	stream, err := rc4.NewCipher(key)
	if err != nil {
		return 0, err
	}
	pages := make([]byte, size) // each is new to the cache, as an answer is
	for i := range pages {
		pages[i] = byte(i) // the system gives memory when it is first written to
	}
	begin := processorTime()
	for page := range slices.Chunk(pages, pageSize) {
		stream.XORKeyStream(page, page)
		mac := hmac.New(md5.New, key)
		_, _ = mac.Write(page) // a hash does not fail
		mac.Sum(nil)
	}
	return (processorTime() - begin).Seconds(), nil
}
