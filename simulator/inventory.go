package simulator

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"
)

// PasswordVariable is the environment variable that an inventory names where its
// options say nothing else.
const PasswordVariable = "DPREMOTE_SIM_PASSWORD"

// InventoryOptions say where the reader of an inventory finds what is not
// written into it. Writing the files is the caller's duty.
type InventoryOptions struct {
	// PasswordFile is the file that holds the password. Empty: the password is in
	// the environment variable PasswordVariable.
	PasswordFile string
	// CAFile is the file that holds the certificate authority; with TLS it is
	// needed.
	CAFile string
	// Auth is the scheme to sign in by; empty is the simplest one that works.
	Auth Scheme
	// CertFile and KeyFile are the files that hold the client certificate and its
	// key, for Auth Certificate.
	CertFile, KeyFile string
}

// scheme is how the reader of an inventory is to sign in.
func (h *Hierarchy) scheme(o InventoryOptions) Scheme {
	clear := h.authority == nil && !h.options.AllowUnencrypted
	switch {
	case o.Auth != "":
		return o.Auth
	case h.options.offers(Basic) && !clear:
		return Basic
	case h.options.offers(NTLM):
		return NTLM
	}
	return h.options.Schemes[0]
}

// inventory is the document, in the order in which it is written.
type inventory struct {
	All   inventoryAll `yaml:"all"`
	Sites yaml.Node    `yaml:"sites"`
}

type inventoryAll struct {
	Auth             string `yaml:"auth"`
	User             string `yaml:"user"`
	PasswordFile     string `yaml:"password_file,omitempty"`
	PasswordEnv      string `yaml:"password_env,omitempty"`
	CAFile           string `yaml:"ca_file,omitempty"`
	ClientCert       string `yaml:"client_cert,omitempty"`
	ClientKey        string `yaml:"client_key,omitempty"`
	AllowUnencrypted bool   `yaml:"allow_unencrypted,omitempty"`
}

type inventorySite struct {
	Host     string `yaml:"host"`
	SiteCode string `yaml:"site_code"`
}

// WriteInventory writes an inventory with which dpremote reaches the site
// servers. It holds no secret. The hierarchy must be listening.
func (h *Hierarchy) WriteInventory(w io.Writer, o InventoryOptions) error {
	scheme := h.scheme(o)
	doc := inventory{
		All:   inventoryAll{Auth: string(scheme), User: h.User(), PasswordFile: o.PasswordFile, CAFile: o.CAFile},
		Sites: yaml.Node{Kind: yaml.MappingNode},
	}
	switch scheme {
	case Basic:
		doc.All.AllowUnencrypted = h.authority == nil
	case Certificate:
		doc.All.ClientCert, doc.All.ClientKey = o.CertFile, o.KeyFile
	}
	if o.PasswordFile == "" {
		doc.All.PasswordEnv = PasswordVariable
	}
	if h.authority != nil && o.CAFile == "" {
		return errors.New("write inventory: the servers use TLS, so the file of their certificate authority is needed")
	}
	for _, e := range h.endpoints {
		if e.URL == "" {
			return fmt.Errorf("write inventory: site %s does not listen", e.Code)
		}
		var name, site yaml.Node
		name.SetString(strings.ToLower(e.Code))
		if err := site.Encode(inventorySite{Host: strings.TrimSuffix(e.URL, "/wsman"), SiteCode: e.Code}); err != nil {
			return fmt.Errorf("write inventory: %w", err)
		}
		doc.Sites.Content = append(doc.Sites.Content, &name, &site)
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(doc); err != nil {
		return fmt.Errorf("write inventory: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return fmt.Errorf("write inventory: %w", err)
	}
	return nil
}
