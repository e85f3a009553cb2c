// Command signin serves one simulated site server that takes every way of
// signing in, for programs of other authors to sign in to:
//
//	signin [-tls [-strict]] -keytab FILE -user NAME -dir DIR
//
// NAME signs in by Basic and by NTLM with the password in DIR/password; who has
// a ticket for a key of the keytab signs in by Kerberos. With -tls it speaks
// https, its authority is DIR/ca.pem, and DIR/client.pem with DIR/client.key
// signs in, too; with -strict sign-ins must be bound to its certificate. Nothing
// is accepted in clear text. The URL is printed once it listens, then a line for
// each exchange, until the program is interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"dpremote/simulator"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log.SetFlags(0)
	o := simulator.Options{
		Schemes: []simulator.Scheme{simulator.Basic, simulator.NTLM, simulator.Kerberos},
		Observe: func(x simulator.Exchange) { fmt.Printf("%d %q %s\n", x.Status, x.User, x.Action) },
	}
	flag.BoolVar(&o.TLS, "tls", false, "speak https")
	flag.BoolVar(&o.StrictBindings, "strict", false, "with -tls: refuse sign-ins without channel bindings")
	flag.StringVar(&o.Keytab, "keytab", "", "keytab with the service's keys")
	flag.StringVar(&o.User, "user", "sim", "user of Basic and NTLM")
	dir := flag.String("dir", ".", "directory for the password and the certificates")
	flag.Parse()
	if err := serve(ctx, o, *dir); err != nil {
		log.Fatal("signin: ", err)
	}
}

// serve serves the site until the context is done.
func serve(ctx context.Context, o simulator.Options, dir string) error {
	if o.TLS {
		o.Schemes = append(o.Schemes, simulator.Certificate)
	}
	h, err := simulator.Start(ctx, simulator.Model{Sites: []simulator.Site{{
		Code: "P01", DPs: 2, Packages: 4, Failed: map[simulator.Cause]int{simulator.Transient: 3},
	}}}, o)
	if err != nil {
		return err
	}
	defer h.Close()
	certificate, key := h.ClientCertificate()
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "password"), []byte(h.Password()), 0o600),
		os.WriteFile(filepath.Join(dir, "ca.pem"), h.CA(), 0o644),
		os.WriteFile(filepath.Join(dir, "client.pem"), certificate, 0o644),
		os.WriteFile(filepath.Join(dir, "client.key"), key, 0o600),
	); err != nil {
		return err
	}
	// Kerberos knows the service by its name, not by its address.
	fmt.Println(strings.Replace(h.Sites()[0].URL, "127.0.0.1", "localhost", 1))
	<-ctx.Done()
	return nil
}
