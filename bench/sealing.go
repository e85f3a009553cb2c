package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha1"
	"fmt"
	"hash"
	"slices"
	"time"
)

// sealed is a way to seal messages, and what it costs at least.
type sealed struct {
	name, peer string
	args       []string
	// open decrypts a page in place, and newMAC makes the hash that checks it.
	open   func(page []byte)
	newMAC func() hash.Hash
}

func seals(s *server) ([]sealed, error) {
	key := make([]byte, 32)
	stream, err := rc4.NewCipher(key[:16])
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return []sealed{
		{"NTLM", "RC4 and HMAC-MD5 of crypto", []string{"--auth", "ntlm", "--user", s.user, "--password-env", passwordVariable}, // MS-NLMP section 3.4
			func(page []byte) { stream.XORKeyStream(page, page) },
			func() hash.Hash { return hmac.New(md5.New, key[:16]) }},
		{"Kerberos", "AES256-CBC and HMAC-SHA1 of crypto", []string{"--auth", "kerberos", "--kerberos-ccache", s.cache}, // RFC 4121 and RFC 3962
			func(page []byte) {
				cipher.NewCBCDecrypter(block, key[:aes.BlockSize]).CryptBlocks(page, page)
			},
			func() hash.Hash { return hmac.New(sha1.New, key) }},
	}, nil
}

// sealing measures what sealed answers cost dpremote on top of the same answers
// in clear text, in processor time, against the cipher and the hash alone. A
// simulated site replays the answers, and takes longer for the sealed ones; since
// waiting costs something too, those in clear text are made to come as late.
func (b *bench) sealing(ctx context.Context, s *server) error {
	all, err := seals(s)
	if err != nil {
		return err
	}
	query := []string{"query", selectAll, "-o", "jsonl"}
	clear := func(pause time.Duration) (usage, error) {
		return s.dpremote(ctx, b.dpremote, s.replay, fmt.Sprintf("%d+%s", rowsOfSite, pause), query...)
	}
	ours, their, rows := make([][]float64, len(all)), make([][]float64, len(all)), make([]row, len(all))
	for range b.turns() {
		fast, err := clear(0)
		if err != nil {
			return err
		}
		read, err := s.asked(ctx)
		if err != nil {
			return err
		}
		for i, seal := range all {
			whole, err := measure(ctx, []string{passwordVariable + "=" + s.password}, b.dpremote,
				slices.Concat(query, []string{"--host", s.site, "--site-code", siteCode, "--allow-unencrypted"}, seal.args)...)
			if err != nil {
				return fmt.Errorf("%s: %w", seal.name, err)
			}
			switch same, err := s.asked(ctx); {
			case err != nil:
				return err
			case !slices.Equal(same, read):
				return fmt.Errorf("%s: asked for %v, not %v", seal.name, same, read)
			}
			slow, err := clear((whole.wall - fast.wall) / time.Duration(read[0].pages))
			if err != nil {
				return err
			}
			if _, err := s.asked(ctx); err != nil {
				return err
			}
			o, t := (whole.processor - slow.processor).Seconds(), seal.least(read[0].bytes)
			ours[i], their[i], rows[i].Ratios = append(ours[i], o), append(their[i], t), append(rows[i].Ratios, o/t)
			rows[i].Note = fmt.Sprintf("%.0f MB", float64(read[0].bytes)/1e6)
		}
	}
	for i, r := range rows {
		r.Name, r.Peer, r.Goal, r.Less = "query -o jsonl, sealed by "+all[i].name+", on top of clear text", all[i].peer, 1.25, true
		r.Ours, r.Their = milliseconds(median(ours[i])), milliseconds(median(their[i]))
		b.rows = append(b.rows, r)
	}
	return nil
}

func milliseconds(seconds float64) string { return fmt.Sprintf("%.0f ms", seconds*1000) }

// pageSize is about what a full page has.
const pageSize = 250 << 10

// least is the processor time that opening so many bytes takes at least.
func (s sealed) least(size int) float64 {
	pages := make([]byte, size-size%aes.BlockSize) // each is new to the cache, as an answer is
	for i := range pages {
		pages[i] = byte(i) // the system gives memory when it is first written to
	}
	begin := processorTime()
	for page := range slices.Chunk(pages, pageSize) {
		s.open(page)
		mac := s.newMAC()
		_, _ = mac.Write(page) // a hash does not fail
		mac.Sum(nil)
	}
	return (processorTime() - begin).Seconds()
}
