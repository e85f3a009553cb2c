package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// The names of the Kerberos realm, which has no KDC: the one ticket that is
// needed lies in a credential cache.
const (
	realm   = "BENCH.EXAMPLE"
	service = "HTTP/127.0.0.1"
	client  = "bench"
)

// kerberosFiles writes a keytab for the simulated site and a credential cache
// with a ticket for it, by AES256, into a directory.
func kerberosFiles(dir string) (keys, cache string, err error) {
	now := time.Now().UTC().Truncate(time.Second)
	end := now.Add(24 * time.Hour)
	kt := keytab.New()
	if err := kt.AddEntry(service, realm, "not a secret", now, 1, etypeID.AES256_CTS_HMAC_SHA1_96); err != nil {
		return "", "", err
	}
	user, site := types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, client), types.NewPrincipalName(nametype.KRB_NT_SRV_INST, service)
	ticket, key, err := messages.NewTicket(user, realm, site, realm, types.NewKrbFlags(), kt, etypeID.AES256_CTS_HMAC_SHA1_96, 1, now, now, end, end)
	if err != nil {
		return "", "", err
	}
	der, err := ticket.Marshal()
	if err != nil {
		return "", "", err
	}
	keyFile, err := kt.Marshal()
	if err != nil {
		return "", "", err
	}
	keys, cache = filepath.Join(dir, "keytab"), filepath.Join(dir, "ccache")
	if err := os.WriteFile(keys, keyFile, 0o600); err != nil {
		return "", "", err
	}
	return keys, cache, os.WriteFile(cache, cacheFile(user, site, key, now, end, der), 0o600)
}

// cacheFile is a credential cache in version 4 of MIT's file format, with one
// ticket (MIT's "Credential cache file format").
func cacheFile(user, site types.PrincipalName, key types.EncryptionKey, begin, end time.Time, ticket []byte) []byte {
	var b bytes.Buffer
	number := func(n int) { b.Write(binary.BigEndian.AppendUint32(nil, uint32(n))) }
	data := func(d []byte) { number(len(d)); b.Write(d) }
	principal := func(p types.PrincipalName) {
		number(int(p.NameType))
		number(len(p.NameString))
		data([]byte(realm))
		for _, part := range p.NameString {
			data([]byte(part))
		}
	}
	b.Write([]byte{5, 4, 0, 0}) // the version, and no header
	principal(user)
	principal(user)
	principal(site)
	b.Write(binary.BigEndian.AppendUint16(nil, uint16(key.KeyType)))
	data(key.KeyValue)
	for _, t := range []time.Time{begin, begin, end, end} {
		number(int(t.Unix()))
	}
	b.WriteByte(0) // not user-to-user
	number(0)      // flags
	number(0)      // addresses
	number(0)      // authorization data
	data(ticket)
	data(nil) // second ticket
	return b.Bytes()
}
