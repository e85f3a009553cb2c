package kdc

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"dpremote/wsman/internal/krbgss"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/iana/patype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// encryptionTypes are asked for in this order. RC4 and DES are not.
var encryptionTypes = []int32{
	etypeID.AES256_CTS_HMAC_SHA1_96, etypeID.AES128_CTS_HMAC_SHA1_96,
	etypeID.AES256_CTS_HMAC_SHA384_192, etypeID.AES128_CTS_HMAC_SHA256_128,
}

const (
	// maxIterations bounds the work that a KDC may ask for to make a key from
	// a password. Active Directory asks for 4096.
	maxIterations = 1 << 18
	// maxReferrals bounds the way through other realms.
	maxReferrals = 8
	// maxSkew is what realms allow as a rule (RFC 4120 section 1.6).
	maxSkew = 5 * time.Minute
)

// ticket is a ticket with its times.
type ticket struct {
	krbgss.Credential
	service               types.PrincipalName
	start, end, renewable time.Time
}

// secret makes keys of an account: from its password, or out of its keytab.
type secret func(et int32, salt string, parameters []byte) (types.EncryptionKey, error)

// exchange asks KDCs for one account.
type exchange struct {
	network *network
	config  *config.Config
	client  types.PrincipalName
	realm   string
	now     func() time.Time
}

// login gets the first ticket, by the account's secret (RFC 4120 section 3.1).
func (x *exchange) login(ctx context.Context, s secret) (*ticket, error) {
	request, err := messages.NewASReqForTGT(x.realm, x.config, x.client)
	if err != nil {
		return nil, fmt.Errorf("make an AS-REQ: %w", err)
	}
	how := keyInfo{et: encryptionTypes[0], salt: x.client.GetSalt(x.realm)}
	reply, err := x.askAS(ctx, &request)
	var refused messages.KRBError
	if errors.As(err, &refused) && refused.ErrorCode == errorcode.KDC_ERR_PREAUTH_REQUIRED {
		var hints types.PADataSequence
		if err := hints.Unmarshal(refused.EData); err != nil {
			return nil, fmt.Errorf("read how the KDC wants the password proven: %w", err)
		}
		if err := how.read(hints); err != nil {
			return nil, err
		}
		if err := x.prove(&request, how, s); err != nil {
			return nil, err
		}
		reply, err = x.askAS(ctx, &request)
	}
	if err != nil {
		return nil, err
	}
	if err := how.read(reply.PAData); err != nil {
		return nil, err
	}
	return x.openLogin(request, reply, how, s)
}

func (x *exchange) askAS(ctx context.Context, request *messages.ASReq) (*messages.ASRep, error) {
	b, err := request.Marshal()
	if err != nil {
		return nil, fmt.Errorf("write an AS-REQ: %w", err)
	}
	b, err = x.network.send(ctx, x.realm, b)
	if err != nil {
		return nil, err
	}
	var reply messages.ASRep
	if err := reply.Unmarshal(b); err != nil {
		return nil, fmt.Errorf("read the AS-REP: %w", err)
	}
	return &reply, nil
}

// openLogin reads what only the account's secret opens.
func (x *exchange) openLogin(request messages.ASReq, reply *messages.ASRep, how keyInfo, s secret) (*ticket, error) {
	key, err := s(reply.EncPart.EType, how.salt, how.parameters)
	if err != nil {
		return nil, err
	}
	part, err := open(reply.EncPart, key, keyusage.AS_REP_ENCPART)
	if err != nil {
		return nil, fmt.Errorf("%w: the password or key of %s is wrong", ErrRefused, x.account())
	}
	body := request.ReqBody
	switch {
	case !reply.CName.Equal(x.client) || reply.CRealm != x.realm:
		return nil, errors.New("the AS-REP is for another account")
	case part.Nonce != body.Nonce || !part.SName.Equal(body.SName) || part.SRealm != body.Realm:
		return nil, errors.New("the AS-REP answers another request")
	}
	if now := x.now(); now.Sub(part.AuthTime).Abs() > maxSkew {
		return nil, skew(part.AuthTime, now)
	}
	return x.ticket(reply.Ticket, part), nil
}

// keyInfo is how the KDC makes the account's key (RFC 4120 section 5.2.7.5).
type keyInfo struct {
	et         int32
	salt       string
	parameters []byte
}

// read takes what the KDC tells, and refuses what would cost too much.
func (k *keyInfo) read(hints types.PADataSequence) error {
	for _, h := range hints {
		if h.PADataType != patype.PA_ETYPE_INFO2 {
			continue
		}
		var infos types.ETypeInfo2
		if err := infos.Unmarshal(h.PADataValue); err != nil {
			return fmt.Errorf("read how the KDC makes keys: %w", err)
		}
		for _, i := range infos {
			if !isAES(i.EType) {
				continue
			}
			k.et, k.parameters = i.EType, i.S2KParams
			if i.Salt != "" {
				k.salt = i.Salt
			}
			if len(i.S2KParams) == 4 && binary.BigEndian.Uint32(i.S2KParams) > maxIterations {
				return errors.New("the KDC asks for too much work to make a key")
			}
			return nil
		}
		return errors.New("the account has no AES keys: enable AES for it and set its password anew")
	}
	return nil
}

// prove adds the encrypted time to a request (RFC 4120 section 5.2.7.2).
func (x *exchange) prove(request *messages.ASReq, how keyInfo, s secret) error {
	key, err := s(how.et, how.salt, how.parameters)
	if err != nil {
		return err
	}
	now := x.now().UTC()
	stamp, err := asn1.Marshal(types.PAEncTSEnc{PATimestamp: now.Truncate(time.Second), PAUSec: now.Nanosecond() / 1000})
	if err != nil {
		return fmt.Errorf("write the time: %w", err)
	}
	sealed, err := crypto.GetEncryptedData(stamp, key, keyusage.AS_REQ_PA_ENC_TIMESTAMP, 0)
	if err != nil {
		return fmt.Errorf("encrypt the time: %w", err)
	}
	value, err := sealed.Marshal()
	if err != nil {
		return fmt.Errorf("write the encrypted time: %w", err)
	}
	request.PAData = append(request.PAData, types.PAData{PADataType: patype.PA_ENC_TIMESTAMP, PADataValue: value})
	return nil
}

// fromPassword makes keys of a password.
func fromPassword(password string) secret {
	return func(id int32, salt string, parameters []byte) (types.EncryptionKey, error) {
		et, err := aes(id)
		if err != nil {
			return types.EncryptionKey{}, err
		}
		s2k := et.GetDefaultStringToKeyParams()
		if len(parameters) == 4 {
			s2k = hex.EncodeToString(parameters)
		}
		value, err := et.StringToKey(password, salt, s2k)
		if err != nil {
			return types.EncryptionKey{}, errors.New("make a key of the password: the KDC's parameters are malformed")
		}
		return types.EncryptionKey{KeyType: id, KeyValue: value}, nil
	}
}

// service gets a ticket for a service of the realm at, by way of other realms
// where the KDCs refer to them (RFC 4120 section 3.3, RFC 6806 section 8).
func (x *exchange) service(ctx context.Context, at string, tgt *ticket, name types.PrincipalName) (*ticket, error) {
	for range maxReferrals {
		got, err := x.askTGS(ctx, tgt, at, name, false)
		if err != nil {
			return nil, err
		}
		to := got.Ticket.SName.NameString
		if len(to) != 2 || to[0] != "krbtgt" || got.Ticket.SName.Equal(name) {
			return got, nil
		}
		tgt, at = got, to[1]
	}
	return nil, fmt.Errorf("the KDCs refer from realm to realm, last to %s, without an end", at)
}

// askTGS is one exchange with a realm's ticket-granting service.
func (x *exchange) askTGS(ctx context.Context, tgt *ticket, realm string, name types.PrincipalName, renew bool) (*ticket, error) {
	request, err := messages.NewTGSReq(x.client, realm, x.config, tgt.Ticket, tgt.Key, name, renew)
	if err != nil {
		return nil, fmt.Errorf("make a TGS-REQ: %w", err)
	}
	if err := x.authorize(&request, tgt); err != nil {
		return nil, err
	}
	b, err := request.Marshal()
	if err != nil {
		return nil, fmt.Errorf("write a TGS-REQ: %w", err)
	}
	if b, err = x.network.send(ctx, realm, b); err != nil {
		return nil, err
	}
	var reply messages.TGSRep
	if err := reply.Unmarshal(b); err != nil {
		return nil, fmt.Errorf("read the TGS-REP: %w", err)
	}
	part, err := open(reply.EncPart, tgt.Key, keyusage.TGS_REP_ENCPART_SESSION_KEY)
	switch {
	case err != nil:
		return nil, fmt.Errorf("open the TGS-REP: %w", err)
	case !reply.CName.Equal(x.client) || part.Nonce != request.ReqBody.Nonce || len(reply.Ticket.SName.NameString) == 0:
		return nil, errors.New("the TGS-REP answers another request")
	}
	return x.ticket(reply.Ticket, part), nil
}

// authorize puts the AP-REQ for the ticket-granting service into a request.
// The library's own names the ticket's realm as the client's, which is wrong
// from the third realm on.
func (x *exchange) authorize(request *messages.TGSReq, tgt *ticket) error {
	body, err := request.ReqBody.Marshal()
	if err != nil {
		return fmt.Errorf("write a TGS-REQ: %w", err)
	}
	et, err := aes(tgt.Key.KeyType)
	if err != nil {
		return err
	}
	sum, err := et.GetChecksumHash(tgt.Key.KeyValue, body, keyusage.TGS_REQ_PA_TGS_REQ_AP_REQ_AUTHENTICATOR_CHKSUM)
	if err != nil {
		return fmt.Errorf("sign a TGS-REQ: %w", err)
	}
	a, err := types.NewAuthenticator(x.realm, x.client)
	if err != nil {
		return fmt.Errorf("make an authenticator: %w", err)
	}
	now := x.now().UTC()
	a.CTime, a.Cusec = now.Truncate(time.Second), now.Nanosecond()/1000
	a.Cksum = types.Checksum{CksumType: et.GetHashID(), Checksum: sum}
	ap, err := messages.NewAPReq(tgt.Ticket, tgt.Key, a)
	if err != nil {
		return fmt.Errorf("make an AP-REQ: %w", err)
	}
	value, err := ap.Marshal()
	if err != nil {
		return fmt.Errorf("write an AP-REQ: %w", err)
	}
	request.PAData = types.PADataSequence{{PADataType: patype.PA_TGS_REQ, PADataValue: value}}
	return nil
}

func (x *exchange) ticket(m messages.Ticket, part *messages.EncKDCRepPart) *ticket {
	t := &ticket{
		Credential: krbgss.Credential{Ticket: m, Key: part.Key, Client: x.client, Realm: x.realm},
		service:    part.SName, start: part.StartTime, end: part.EndTime, renewable: part.RenewTill,
	}
	if t.start.IsZero() {
		t.start = part.AuthTime
	}
	return t
}

func (x *exchange) account() string { return x.client.PrincipalNameString() + "@" + x.realm }

// open decrypts a reply. It checks the size first, which the cipher does not.
func open(d types.EncryptedData, key types.EncryptionKey, usage uint32) (*messages.EncKDCRepPart, error) {
	et, err := aes(key.KeyType)
	if err != nil {
		return nil, err
	}
	if d.EType != key.KeyType || len(d.Cipher) <= et.GetConfounderByteSize()+et.GetHMACBitLength()/8 {
		return nil, errors.New("it is encrypted by another key")
	}
	plain, err := et.DecryptMessage(key.KeyValue, d.Cipher, usage)
	if err != nil {
		return nil, err
	}
	var part messages.EncKDCRepPart
	if err := part.Unmarshal(plain); err != nil {
		return nil, err
	}
	return &part, nil
}

// tgtName is the ticket-granting service of a realm.
func tgtName(realm string) types.PrincipalName {
	return types.PrincipalName{NameType: nametype.KRB_NT_SRV_INST, NameString: []string{"krbtgt", realm}}
}
