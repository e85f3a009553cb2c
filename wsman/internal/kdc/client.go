package kdc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"dpremote/wsman/internal/krbgss"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/crypto/etype"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// maxTickets bounds the services whose tickets are kept.
const maxTickets = 4096

var errNoTicket = errors.New("there is no Kerberos ticket")

// Options say who signs in. Exactly one of Password, Keytab and CCache is
// given.
type Options struct {
	User     string // may be user@REALM; of a ccache, its own
	Realm    string // default: of the user, of the ccache, of the configuration
	Password string
	Keytab   string // a path, FILE: allowed
	CCache   string // FILE:, DIR: or a path
	Config   string // path of krb5.conf; default /etc/krb5.conf, which may be missing
	KDCs     []string

	Now  func() time.Time
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client gets tickets for one account and keeps them. It is safe for
// concurrent use: one exchange goes on at a time, and those who wait find its
// tickets.
type Client struct {
	turn    chan struct{} // holds the right to what follows
	conf    *krb5conf
	x       *exchange
	secret  secret // nil with a ccache
	cache   string // the ccache's name
	tgt     *ticket
	tickets map[string]*ticket // by SPN
	refused error              // of the account's secret, which is not tried again
}

// New makes a Client. It reads files and sends nothing.
func New(o Options) (*Client, error) {
	given := 0
	for _, s := range []string{o.Password, o.Keytab, o.CCache} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return nil, errors.New("give one of password, keytab and credential cache")
	}
	conf, err := loadConf(o.Config)
	if err != nil {
		return nil, fmt.Errorf("read krb5.conf: %w", err)
	}
	c := &Client{turn: make(chan struct{}, 1), conf: conf, cache: o.CCache, tickets: map[string]*ticket{}}
	c.x = &exchange{config: conf.library(), network: newNetwork(o, conf), now: o.Now}
	if c.x.now == nil {
		c.x.now = time.Now
	}
	if o.CCache != "" {
		if err := c.reload(); err != nil {
			return nil, err
		}
		c.x.network.adopt(c.x.realm, o.KDCs)
		return c, nil
	}
	user, realm, _ := strings.Cut(o.User, "@")
	if c.x.realm = firstOf(o.Realm, realm, conf.defaultRealm); user == "" || c.x.realm == "" {
		return nil, errors.New("give user and realm: neither the options nor krb5.conf tell both")
	}
	if _, known := conf.kdcs[c.x.realm]; !known {
		// People write a domain's name; Active Directory's realms are in capitals.
		c.x.realm = strings.ToUpper(c.x.realm)
	}
	c.x.client = types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, user)
	c.x.network.adopt(c.x.realm, o.KDCs)
	c.secret = fromPassword(o.Password)
	if o.Keytab != "" {
		c.secret, c.x.config.LibDefaults.DefaultTktEnctypeIDs, err = fromKeytab(strings.TrimPrefix(o.Keytab, "FILE:"), c.x.client, c.x.realm)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func newNetwork(o Options, conf *krb5conf) *network {
	n := &network{kdcs: conf.kdcs, dial: o.Dial}
	if !conf.noDNS {
		n.srv = net.DefaultResolver.LookupSRV
	}
	if n.dial == nil {
		n.dial = (&net.Dialer{}).DialContext
	}
	return n
}

// adopt makes KDCs those of a realm.
func (n *network) adopt(realm string, kdcs []string) {
	if len(kdcs) > 0 {
		n.kdcs[realm] = slices.Clone(kdcs)
	}
}

// fromKeytab finds keys in a keytab, and tells of which encryption types it has
// them.
func fromKeytab(path string, name types.PrincipalName, realm string) (secret, []int32, error) {
	b, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	kt := keytab.New()
	if err := parseKeytab(kt, b); err != nil {
		return nil, nil, fmt.Errorf("read the keytab %s: %w", path, err)
	}
	find := func(et int32, _ string, _ []byte) (types.EncryptionKey, error) {
		key, _, err := kt.GetEncryptionKey(name, realm, 0, et)
		if err != nil {
			return key, fmt.Errorf("the keytab %s has no key of encryption type %d for %s@%s", path, et, name.PrincipalNameString(), realm)
		}
		return key, nil
	}
	var has []int32
	for _, et := range encryptionTypes {
		if _, err := find(et, "", nil); err == nil {
			has = append(has, et)
		}
	}
	if len(has) == 0 {
		return nil, nil, fmt.Errorf("the keytab %s has no AES key for %s@%s", path, name.PrincipalNameString(), realm)
	}
	return find, has, nil
}

// parseKeytab guards against the library's parser, which takes a file's
// lengths at their word and panics on one that is cut.
func parseKeytab(kt *keytab.Keytab, b []byte) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("it is cut or malformed")
		}
	}()
	return kt.Unmarshal(b)
}

// reload reads the ccache.
func (c *Client) reload() error {
	cc, err := loadCCache(c.cache)
	if err != nil {
		return err
	}
	c.x.client, c.x.realm = cc.client, cc.realm
	c.tgt, c.tickets = nil, map[string]*ticket{}
	for _, t := range cc.tickets {
		switch {
		case !isAES(t.Key.KeyType) || len(t.service.NameString) == 0:
		case t.service.Equal(tgtName(cc.realm)):
			c.tgt = &t
		case t.service.NameString[0] != "krbtgt":
			c.tickets[t.service.PrincipalNameString()] = &t
		}
	}
	if c.tgt == nil && len(c.tickets) == 0 {
		return fmt.Errorf("%w with AES keys in %s: get one by kinit", errNoTicket, c.cache)
	}
	return nil
}

// Ticket gives a ticket for a service such as HTTP/host, from the tickets that
// are kept or from the KDC. Errors match the sentinels of this package.
func (c *Client) Ticket(ctx context.Context, spn string) (krbgss.Credential, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return krbgss.Credential{}, ctx.Err()
	}
	if c.refused != nil {
		return krbgss.Credential{}, fmt.Errorf("%w (not tried again, so that the account is not locked out)", c.refused)
	}
	t, err := c.get(ctx, spn)
	if err != nil {
		return krbgss.Credential{}, c.Explain(err, spn)
	}
	return t.Credential, nil
}

// Explain makes of a KRB-ERROR, the KDC's or the server's, an error that says
// what to do. Other errors stay as they are.
func (c *Client) Explain(err error, spn string) error {
	var e messages.KRBError
	if errors.As(err, &e) {
		return Explain(e, c.x.account(), spn, c.x.now())
	}
	return err
}

func (c *Client) get(ctx context.Context, spn string) (*ticket, error) {
	if t := c.tickets[spn]; t.fresh(c.x.now()) {
		return t, nil
	}
	tgt, err := c.grant(ctx)
	if err != nil {
		return nil, err
	}
	// A ccache that was read again may hold it now.
	if t := c.tickets[spn]; t.fresh(c.x.now()) {
		return t, nil
	}
	t, err := c.ask(ctx, tgt, spn)
	if err != nil {
		return nil, err
	}
	if len(c.tickets) >= maxTickets {
		clear(c.tickets)
	}
	c.tickets[spn] = t
	return t, nil
}

// grant is a ticket-granting ticket that will last for a while: the one that
// is kept, or a new one.
func (c *Client) grant(ctx context.Context) (*ticket, error) {
	now := c.x.now()
	if c.tgt.fresh(now) {
		return c.tgt, nil
	}
	if c.secret != nil {
		t, err := c.x.login(ctx, c.secret)
		if err != nil {
			if err = c.Explain(err, tgtName(c.x.realm).PrincipalNameString()); errors.Is(err, ErrRefused) {
				c.refused = err
			}
			return nil, err
		}
		c.tgt = t
		return t, nil
	}
	// Somebody may have run kinit; else renew; else use what time is left.
	if err := c.reload(); err != nil {
		return nil, err
	}
	switch {
	case c.tgt.fresh(now):
		return c.tgt, nil
	case c.tgt == nil:
		return nil, fmt.Errorf("%w for the realm in %s: get one by kinit", errNoTicket, c.cache)
	case !now.Before(c.tgt.end):
		return nil, fmt.Errorf("%w on %s: get a new one by kinit", ErrExpired, c.tgt.end.Format(time.RFC3339))
	case c.tgt.renewable.After(c.tgt.end):
		if t, err := c.x.askTGS(ctx, c.tgt, c.x.realm, tgtName(c.x.realm), true); err == nil {
			c.tgt = t
		}
	}
	return c.tgt, nil
}

// ask gets a service's ticket. Where the configuration maps the host to another
// realm, the way there comes first; else the KDCs tell it.
func (c *Client) ask(ctx context.Context, tgt *ticket, spn string) (*ticket, error) {
	x := *c.x
	library := *x.config
	library.LibDefaults.Canonicalize = true // lets KDCs refer to other realms
	x.config = &library
	name := types.NewPrincipalName(nametype.KRB_NT_SRV_INST, spn)
	host := name.NameString[len(name.NameString)-1]
	if realm := c.conf.realmOf(host); realm != "" && realm != x.realm {
		over, err := x.service(ctx, x.realm, tgt, tgtName(realm))
		if err != nil {
			return nil, fmt.Errorf("get a ticket for the realm %s: %w", realm, err)
		}
		return x.service(ctx, realm, over, name)
	}
	return x.service(ctx, x.realm, tgt, name)
}

// fresh tells a ticket that is there and has a sixth of its life left, or five
// minutes.
func (t *ticket) fresh(now time.Time) bool {
	if t == nil {
		return false
	}
	margin := min(t.end.Sub(t.start)/6, 5*time.Minute)
	return now.Before(t.end.Add(-margin))
}

func isAES(id int32) bool { return slices.Contains(encryptionTypes, id) }

func aes(id int32) (etype.EType, error) {
	if !isAES(id) {
		return nil, fmt.Errorf("the KDC uses encryption type %d, not AES: enable AES for the account", id)
	}
	return crypto.GetEtype(id)
}
