package krbgss

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"

	"github.com/jcmturner/gokrb5/v8/crypto/common"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/types"
)

// aesKeys seal or open one side's messages by AES and HMAC-SHA1 (RFC 3962), in
// place. They do what the library does, which derives the keys for each message
// and copies it six times: with pages of a quarter of a megabyte that took four
// times as long as the cipher, and so it did for a request. Other types are left
// to the library.
//
// A ciphertext is CBC with ciphertext stealing: the last two blocks, of which
// the very last may be short, stand in the other's place (RFC 3962 section 5).
type aesKeys struct {
	block cipher.Block
	mac   hash.Hash
	size  int // of the checksum, in bytes
}

// newAESKeys is nil for types that it does not know.
func newAESKeys(key types.EncryptionKey, et encryption, usage uint32) (*aesKeys, error) {
	if key.KeyType != etypeID.AES128_CTS_HMAC_SHA1_96 && key.KeyType != etypeID.AES256_CTS_HMAC_SHA1_96 {
		return nil, nil
	}
	encrypting, err := et.DeriveKey(key.KeyValue, common.GetUsageKe(usage))
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	checking, err := et.DeriveKey(key.KeyValue, common.GetUsageKi(usage))
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	block, err := aes.NewCipher(encrypting)
	if err != nil {
		return nil, fmt.Errorf("prepare the cipher: %w", err)
	}
	return &aesKeys{block, hmac.New(et.GetHashFunc(), checking), et.GetHMACBitLength() / 8}, nil
}

var errNotSealed = errors.New("integrity verification failed: it was altered, or is of another key")

// seal encrypts a text of more than a block, which is followed by room for the
// checksum.
func (k *aesKeys) seal(text []byte) {
	text, sum := text[:len(text)-k.size], text[len(text)-k.size:]
	k.mac.Reset()
	k.mac.Write(text) // a hash does not fail
	copy(sum, k.mac.Sum(nil))
	var iv, padded [aes.BlockSize]byte
	short := copy(padded[:], text[(len(text)-1)/aes.BlockSize*aes.BlockSize:]) // of the last block
	whole, last := text[:len(text)-short], text[len(text)-short:]
	cbc := cipher.NewCBCEncrypter(k.block, iv[:])
	cbc.CryptBlocks(whole, whole)
	cbc.CryptBlocks(padded[:], padded[:])
	stolen := whole[len(whole)-aes.BlockSize:]
	copy(last, stolen)
	copy(stolen, padded[:])
}

// open decrypts a and b, which are one text cut somewhere, for a token is
// rotated: what was its end stands before its beginning. a has a block or more,
// b a block and the checksum. Afterwards they begin with the confounder and end
// with the checksum as it was.
func (k *aesKeys) open(a, b []byte) error {
	b, sum := b[:len(b)-k.size], b[len(b)-k.size:]
	whole := (len(a)/aes.BlockSize - 1) * aes.BlockSize // what is CBC and nothing else
	var iv [aes.BlockSize]byte
	before := iv
	if whole > 0 {
		copy(before[:], a[whole-aes.BlockSize:])
		cipher.NewCBCDecrypter(k.block, iv[:]).CryptBlocks(a[:whole], a[:whole])
	}
	tail := append(append(make([]byte, 0, len(a)-whole+len(b)), a[whole:]...), b...)
	k.openTail(tail, before)
	k.mac.Reset()
	k.mac.Write(a[:whole]) // a hash does not fail
	k.mac.Write(tail)
	if subtle.ConstantTimeCompare(k.mac.Sum(nil)[:k.size], sum) != 1 {
		return errNotSealed
	}
	copy(b, tail[copy(a[whole:], tail):])
	return nil
}

// openTail decrypts what is left, which is more than a block, by CBC to its last
// two blocks, and those with stealing.
func (k *aesKeys) openTail(c []byte, iv [aes.BlockSize]byte) {
	short := (len(c)-1)%aes.BlockSize + 1 // of the last block
	at := len(c) - short - aes.BlockSize
	if at > 0 {
		next := [aes.BlockSize]byte(c[at-aes.BlockSize : at])
		cipher.NewCBCDecrypter(k.block, iv[:]).CryptBlocks(c[:at], c[:at])
		iv = next
	}
	first, last := c[at:at+aes.BlockSize], c[at+aes.BlockSize:]
	var stolen [aes.BlockSize]byte
	k.block.Decrypt(stolen[:], first)
	copy(first, last) // the ciphertext of the last block but one, whose end was stolen
	copy(first[short:], stolen[short:])
	subtle.XORBytes(last, last, stolen[:short])
	k.block.Decrypt(first, first)
	subtle.XORBytes(first, first, iv[:])
}
