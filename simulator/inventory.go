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
	AllowUnencrypted bool   `yaml:"allow_unencrypted,omitempty"`
}

type inventorySite struct {
	Host     string `yaml:"host"`
	SiteCode string `yaml:"site_code"`
}

// WriteInventory writes an inventory with which dpremote reaches the site
// servers. It holds no secret. The hierarchy must be listening.
func (h *Hierarchy) WriteInventory(w io.Writer, o InventoryOptions) error {
	doc := inventory{
		All: inventoryAll{
			Auth: "basic", User: h.User(), PasswordFile: o.PasswordFile, CAFile: o.CAFile,
			AllowUnencrypted: h.authority == nil && h.options.AllowUnencrypted,
		},
		Sites: yaml.Node{Kind: yaml.MappingNode},
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
