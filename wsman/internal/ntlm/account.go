package ntlm

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	//lint:ignore SA1019 MS-NLMP section 3.3.1 asks for MD4
	"golang.org/x/crypto/md4"
)

// Account is who signs in. It keeps a key made from the password, not the
// password; that key is as good as the password to who finds it, so an Account
// tells nothing of itself. It does not change and is safe for concurrent use.
type Account struct {
	user, domain string
	// key is a function because package fmt prints the fields of a struct that
	// lies inside another, whatever methods it has, but never a function's.
	key func() []byte
}

// NewAccount makes an Account. An empty domain leaves the choice to the server,
// as a local account or a user@domain name needs it.
func NewAccount(user, domain, password string) *Account {
	hash := md4.New()
	hash.Write(encode(password))
	// NTOWFv2, MS-NLMP section 3.3.2: of the names, only the user's is folded.
	key := hmacMD5(hash.Sum(nil), encode(strings.ToUpper(user)+domain))
	return &Account{user: user, domain: domain, key: func() []byte { return key }}
}

// String names the account, never its key.
func (a *Account) String() string {
	if a.domain == "" {
		return a.user
	}
	return a.domain + `\` + a.user
}

// GoString is String.
func (a *Account) GoString() string { return a.String() }

// encode is s in UTF-16LE.
func encode(s string) []byte {
	units := utf16.Encode([]rune(s))
	out := make([]byte, 0, 2*len(units))
	for _, u := range units {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}
