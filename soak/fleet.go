package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"dpremote/distribution"
	"dpremote/internal/connect"
	"dpremote/internal/inventory"
	"dpremote/simulator"
)

// requestTimeout is each site's; a client waits a little longer for an answer.
const requestTimeout = 2 * time.Second

// siteTimeout is for one of several things that are done at a site.
const siteTimeout = 6 * time.Second

// member is a site that is open.
type member struct {
	*distribution.Site
	code       string
	connection *connect.Connection
}

// fleet is all sites, opened as dpremote opens those of an inventory.
type fleet struct {
	connector *connect.Connector
	members   []*member
}

// openFleet opens the sites of a hierarchy. Nothing is sent yet.
func openFleet(ctx context.Context, h *simulator.Hierarchy, j *journal) (*fleet, error) {
	var text bytes.Buffer
	if err := h.WriteInventory(&text, simulator.InventoryOptions{}); err != nil {
		return nil, err
	}
	inv, err := inventory.Parse("soak.yaml", text.Bytes())
	if err != nil {
		return nil, err
	}
	f := &fleet{connector: &connect.Connector{Inventory: inv}}
	f.connector.Passwords.Env.Getenv = func(name string) string {
		if name == simulator.PasswordVariable {
			return h.Password()
		}
		return ""
	}
	for _, s := range inv.Sites() {
		s.RequestTimeout = requestTimeout
		c, err := f.connector.Open(ctx, s)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open %s: %w", s.Name, err), f.close())
		}
		site := &distribution.Site{Name: s.Name, Session: c.Session, Parallel: s.Connections, Journal: j.write}
		f.members = append(f.members, &member{Site: site, code: s.Code, connection: c})
	}
	return f, nil
}

func (f *fleet) close() error {
	errs := []error{f.connector.Close()}
	for _, m := range f.members {
		errs = append(errs, m.connection.Close())
	}
	return errors.Join(errs...)
}
