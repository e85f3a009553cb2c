package ntlmserver

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"strings"

	//lint:ignore SA1019 MS-NLMP prescribes MD4
	"golang.org/x/crypto/md4"
)

// hmacMD5 is HMAC_MD5 of MS-NLMP section 6 over the parts in a row.
func hmacMD5(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// responseKey is NTOWFv2 (section 3.3.2). The domain counts as the client
// wrote it, the user in capitals.
func responseKey(password, user, domain string) []byte {
	hash := md4.New()
	hash.Write(encodeText(password, flagUnicode))
	return hmacMD5(hash.Sum(nil), encodeText(strings.ToUpper(user)+domain, flagUnicode))
}

// newRC4 is RC4 at the start of the key stream of a key.
func newRC4(key [16]byte) *rc4.Cipher {
	c, _ := rc4.NewCipher(key[:]) // fails for lengths alone that this type has not
	return c
}

// directionKeys are SIGNKEY and SEALKEY for extended session security (section
// 3.4.5.2 and 3.4.5.3) of one direction: "client-to-server" or the reverse.
func directionKeys(exported []byte, flags uint32, direction string) (sign, seal [16]byte) {
	strength := exported[:5]
	switch {
	case flags&flag128 != 0:
		strength = exported
	case flags&flag56 != 0:
		strength = exported[:7]
	}
	derive := func(key []byte, use string) [16]byte {
		text := "session key to " + direction + " " + use + " key magic constant\x00"
		return md5.Sum(append(key[:len(key):len(key)], text...))
	}
	return derive(exported, "signing"), derive(strength, "sealing")
}
