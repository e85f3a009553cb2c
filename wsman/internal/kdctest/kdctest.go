// Package kdctest is a small Kerberos KDC for tests. It issues tickets by the
// rules of RFC 4120 with AES keys, and misbehaves where it is told to. It
// shares no code with the client of this project.
package kdctest

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/msgtype"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/iana/patype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

const (
	etype = etypeID.AES256_CTS_HMAC_SHA1_96
	kvno  = 1
)

// KDC is a realm. Its fields are set before Start.
type KDC struct {
	Realm string
	// Keys has the keys of all accounts; see Add.
	Keys *keytab.Keytab
	// Lifetime is that of tickets; 0 means an hour.
	Lifetime time.Duration
	// Offset is how far its clock is off.
	Offset time.Duration
	// Code is the error that it answers all ticket requests with, if not 0.
	Code int32
	// NoPreauth lets accounts sign in without proof.
	NoPreauth bool
	// Iterations are those that it asks for, if not 0.
	Iterations uint32
	// Referrals are services in other realms.
	Referrals map[string]string
	// Reply, if set, changes what it answers.
	Reply func([]byte) []byte

	mu      sync.Mutex
	logins  int
	tickets int
}

// New makes a realm without accounts.
func New(realm string) *KDC {
	k := &KDC{Realm: realm, Keys: keytab.New()}
	k.Add("krbtgt/"+realm, realm, "of the realm")
	return k
}

// Add gives an account of a realm its password.
func (k *KDC) Add(name, realm, password string) {
	if err := k.Keys.AddEntry(name, realm, password, time.Unix(1, 0), kvno, etype); err != nil {
		panic(err) // a mistake of the test
	}
}

// Start serves until the test ends, and gives the address.
func (k *KDC) Start(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { k.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

// Asked tells how many first tickets and how many others were asked for.
func (k *KDC) Asked() (logins, tickets int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.logins, k.tickets
}

func (k *KDC) serve(c net.Conn) {
	defer c.Close()
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return
	}
	request := make([]byte, min(binary.BigEndian.Uint32(size[:]), 1<<20))
	if _, err := io.ReadFull(c, request); err != nil {
		return
	}
	reply := k.answer(request)
	if k.Reply != nil {
		reply = k.Reply(reply)
	}
	_, _ = c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(reply))), reply...))
}

func (k *KDC) answer(request []byte) []byte {
	var as messages.ASReq
	if as.Unmarshal(request) == nil {
		return k.login(as)
	}
	var tgs messages.TGSReq
	if tgs.Unmarshal(request) == nil {
		return k.ticket(tgs)
	}
	return nil
}

func (k *KDC) refuse(code int32, hints []byte) []byte {
	e := messages.NewKRBError(principal("krbtgt/"+k.Realm), k.Realm, code, "")
	e.STime, e.EData = k.now(), hints
	b, err := e.Marshal()
	if err != nil {
		return nil
	}
	return b
}

func (k *KDC) now() time.Time { return time.Now().Add(k.Offset).UTC().Truncate(time.Second) }

func principal(name string) types.PrincipalName {
	return types.NewPrincipalName(nametype.KRB_NT_SRV_INST, name)
}

func (k *KDC) login(r messages.ASReq) []byte {
	key, _, err := k.Keys.GetEncryptionKey(r.ReqBody.CName, k.Realm, 0, etype)
	if err != nil {
		return k.refuse(errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN, nil)
	}
	var proof []byte
	for _, p := range r.PAData {
		if p.PADataType == patype.PA_ENC_TIMESTAMP {
			proof = p.PADataValue
		}
	}
	if proof == nil && !k.NoPreauth {
		return k.refuse(errorcode.KDC_ERR_PREAUTH_REQUIRED, k.hints(r.ReqBody.CName))
	}
	k.mu.Lock()
	k.logins++
	k.mu.Unlock()
	if code := k.check(proof, key); code != 0 {
		return k.refuse(code, nil)
	}
	ticket, part, ok := k.issue(r.ReqBody, r.ReqBody.SName, k.Realm)
	if !ok {
		return k.refuse(errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN, nil)
	}
	sealed, err := crypto.GetEncryptedData(part, key, keyusage.AS_REP_ENCPART, kvno)
	if err != nil {
		return nil
	}
	rep := messages.ASRep{KDCRepFields: messages.KDCRepFields{PVNO: 5, MsgType: msgtype.KRB_AS_REP, CRealm: k.Realm, CName: r.ReqBody.CName, Ticket: ticket, EncPart: sealed}}
	b, err := rep.Marshal()
	if err != nil {
		return nil
	}
	return b
}

// hints tell how a key is made of a password.
func (k *KDC) hints(name types.PrincipalName) []byte {
	info := types.ETypeInfo2Entry{EType: etype, Salt: name.GetSalt(k.Realm)}
	if k.Iterations != 0 {
		info.S2KParams = binary.BigEndian.AppendUint32(nil, k.Iterations)
	}
	value, err := asn1.Marshal(types.ETypeInfo2{info})
	if err != nil {
		return nil
	}
	b, err := asn1.Marshal(types.PADataSequence{{PADataType: patype.PA_ETYPE_INFO2, PADataValue: value}})
	if err != nil {
		return nil
	}
	return b
}

// check verifies the encrypted time.
func (k *KDC) check(proof []byte, key types.EncryptionKey) int32 {
	if proof == nil {
		return 0
	}
	var sealed types.EncryptedData
	if sealed.Unmarshal(proof) != nil || sealed.EType != etype {
		return errorcode.KDC_ERR_PREAUTH_FAILED
	}
	plain, err := crypto.DecryptEncPart(sealed, key, keyusage.AS_REQ_PA_ENC_TIMESTAMP)
	if err != nil {
		return errorcode.KDC_ERR_PREAUTH_FAILED
	}
	var stamp types.PAEncTSEnc
	if stamp.Unmarshal(plain) != nil {
		return errorcode.KDC_ERR_PREAUTH_FAILED
	}
	if k.now().Sub(stamp.PATimestamp).Abs() > 5*time.Minute {
		return errorcode.KRB_AP_ERR_SKEW
	}
	return 0
}

func (k *KDC) ticket(r messages.TGSReq) []byte {
	k.mu.Lock()
	k.tickets++
	k.mu.Unlock()
	if k.Code != 0 {
		return k.refuse(k.Code, nil)
	}
	var ap messages.APReq
	if len(r.PAData) == 0 || ap.Unmarshal(r.PAData[0].PADataValue) != nil {
		return k.refuse(errorcode.KRB_AP_ERR_MSG_TYPE, nil)
	}
	if ap.Ticket.DecryptEncPart(k.Keys, &ap.Ticket.SName) != nil {
		return k.refuse(errorcode.KRB_AP_ERR_MODIFIED, nil)
	}
	tgt := ap.Ticket.DecryptedEncPart
	if ap.DecryptAuthenticator(tgt.Key) != nil || ap.Authenticator.CRealm != tgt.CRealm || !ap.Authenticator.CName.Equal(tgt.CName) {
		return k.refuse(errorcode.KRB_AP_ERR_BADMATCH, nil)
	}
	if k.now().After(tgt.EndTime) {
		return k.refuse(errorcode.KRB_AP_ERR_TKT_EXPIRED, nil)
	}
	service := r.ReqBody.SName
	if realm, ok := k.Referrals[service.PrincipalNameString()]; ok {
		service = principal("krbtgt/" + realm)
	}
	ticket, part, ok := k.issue(r.ReqBody, service, tgt.CRealm)
	if !ok {
		return k.refuse(errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN, nil)
	}
	sealed, err := crypto.GetEncryptedData(part, tgt.Key, keyusage.TGS_REP_ENCPART_SESSION_KEY, 0)
	if err != nil {
		return nil
	}
	rep := messages.TGSRep{KDCRepFields: messages.KDCRepFields{PVNO: 5, MsgType: msgtype.KRB_TGS_REP, CRealm: tgt.CRealm, CName: tgt.CName, Ticket: ticket, EncPart: sealed}}
	b, err := rep.Marshal()
	if err != nil {
		return nil
	}
	return b
}

// issue makes a ticket and what the client must know of it.
func (k *KDC) issue(body messages.KDCReqBody, service types.PrincipalName, clientRealm string) (messages.Ticket, []byte, bool) {
	life := k.Lifetime
	if life == 0 {
		life = time.Hour
	}
	start := k.now()
	end := start.Add(life)
	ticket, key, err := messages.NewTicket(body.CName, clientRealm, service, k.Realm, types.NewKrbFlags(), k.Keys, etype, kvno, start, start, end, end)
	if err != nil {
		return ticket, nil, false
	}
	part := messages.EncKDCRepPart{
		Key: key, Nonce: body.Nonce, Flags: types.NewKrbFlags(), SRealm: k.Realm, SName: service,
		LastReqs: []messages.LastReq{{LRValue: start}}, AuthTime: start, StartTime: start, EndTime: end, RenewTill: end,
	}
	b, err := part.Marshal()
	return ticket, b, err == nil
}
