package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dpremote/cim"
	"dpremote/distribution"
	"dpremote/internal/report"
	"dpremote/queries"
	"dpremote/wsman"
)

// instanceOptions are what get, put and invoke have in common: they work on
// one instance of one site.
type instanceOptions struct {
	namespace string
}

func (o *instanceOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.namespace, "namespace", "", "namespace of the class (default: the site's, root/sms/site_CODE)")
}

func newGet(g *globals) *cobra.Command {
	o := &instanceOptions{}
	cmd := &cobra.Command{
		Use:   "get CLASS [KEY=VALUE...]",
		Short: "Show one instance, lazy properties included",
		Example: `  dpremote get SMS_Package PackageID=PS100001 --site PS1
  dpremote get Win32_Service Name=WinRM --namespace root/cimv2 --site PS1 -o yaml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := parseKeys(args[1:])
			if err != nil {
				return err
			}
			return onOneInstance(cmd.Context(), g, o, func(ctx context.Context, _ *member, s *cim.Session) (*cim.Instance, error) {
				return s.Get(ctx, args[0], keys...)
			})
		},
	}
	o.register(cmd)
	return cmd
}

func newPut(g *globals) *cobra.Command {
	o := &instanceOptions{}
	var set []string
	var null []string
	var whole bool
	cmd := &cobra.Command{
		Use:   "put CLASS KEY=VALUE... --set PROPERTY=VALUE...",
		Short: "Change properties of one instance",
		Long: `Change properties of one instance and show it as the server stored it. The
request carries the keys and what is set; the server leaves everything else as
it is. --whole fetches the instance first and sends all of it back, changed.

A property that is set several times becomes an array. Names are case-sensitive.`,
		Example: `  dpremote put SMS_DistributionPoint PackageID=PS100001 \
      'ServerNALPath=["Display=\\dp01.ps1.sim.example\"]MSWNET:["SMS_SITE=PS1"]\\dp01.ps1.sim.example\' \
      SiteCode=PS1 --set RefreshNow=true --site PS1`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := parseKeys(args[1:])
			if err != nil {
				return err
			}
			changes, err := parseProperties("--set", set)
			if err != nil {
				return err
			}
			for _, name := range null {
				changes = append(changes, cim.Property{Name: name})
			}
			if len(changes) == 0 {
				return usage("nothing to change: give --set PROPERTY=VALUE or --null PROPERTY")
			}
			return onOneInstance(cmd.Context(), g, o, func(ctx context.Context, m *member, s *cim.Session) (*cim.Instance, error) {
				return put(ctx, m.site, s, args[0], keys, changes, whole)
			})
		},
	}
	o.register(cmd)
	cmd.Flags().StringArrayVar(&set, "set", nil, "PROPERTY=VALUE to set; several times for several properties, or for an array")
	cmd.Flags().StringArrayVar(&null, "null", nil, "PROPERTY to set to NULL")
	cmd.Flags().BoolVar(&whole, "whole", false, "fetch the instance, change it and send all of it")
	return cmd
}

func put(ctx context.Context, site *distribution.Site, s *cim.Session, class string, keys []wsman.Selector, changes []cim.Property, whole bool) (*cim.Instance, error) {
	var properties []cim.Property
	if whole {
		instance, err := s.Get(ctx, class, keys...)
		if err != nil {
			return nil, err
		}
		for _, c := range changes {
			instance.Set(c.Name, c.Value)
		}
		properties = instance.Properties
	} else {
		for _, k := range keys {
			properties = append(properties, cim.Property{Name: k.Name, Value: cim.TextValue(k.Value)})
		}
		properties = append(properties, changes...)
	}
	var answer *cim.Instance
	a := distribution.Act{Operation: "put " + namesOf(changes), Keys: contentKeys(keys, nil), Detail: s.EPR(class, keys...).String()}
	err := site.Do(ctx, a, func(ctx context.Context) (err error) {
		answer, err = s.Put(ctx, class, keys, properties)
		return err
	})
	return answer, err
}

// invoke calls a method. One that ran and did not return 0 counts as refused,
// but is no error.
func invoke(ctx context.Context, site *distribution.Site, s *cim.Session, class string, keys []wsman.Selector, method string, in []cim.Property) (result *cim.Instance, code int64, err error) {
	a := distribution.Act{Operation: "invoke " + method, Keys: contentKeys(keys, in), Detail: s.EPR(class, keys...).String()}
	err = site.Do(ctx, a, func(ctx context.Context) (err error) {
		if result, err = s.Invoke(ctx, class, keys, method, in); err != nil {
			return err
		}
		if code, _ = cim.ReturnCode(result); code != 0 {
			return fmt.Errorf("%w: ReturnValue is %d", queries.ErrReturnValue, code)
		}
		return nil
	})
	if errors.Is(err, queries.ErrReturnValue) {
		err = nil
	}
	return result, code, err
}

// contentKeys are those of the keys and parameters of a request that say which
// content it is about.
func contentKeys(keys []wsman.Selector, in []cim.Property) queries.Keys {
	var out queries.Keys
	for _, p := range in {
		keys = append(slices.Clip(keys), wsman.Selector{Name: p.Name, Value: p.Value.String()})
	}
	for _, k := range keys {
		switch strings.ToLower(k.Name) {
		case "packageid":
			out.PackageID = queries.PackageID(k.Value)
		case "servernalpath", "nalpath":
			out.ServerNALPath = queries.NALPath(k.Value)
		case "sitecode":
			out.SiteCode = queries.SiteCode(k.Value)
		}
	}
	return out
}

func namesOf(properties []cim.Property) string {
	var names []string
	for _, p := range properties {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

func newInvoke(g *globals) *cobra.Command {
	o := &instanceOptions{}
	var keyArgs []string
	cmd := &cobra.Command{
		Use:   "invoke CLASS METHOD [PARAMETER=VALUE...] [--key KEY=VALUE...]",
		Short: "Call a method of an instance, or a static one of a class",
		Long: `Call a method: of the instance that --key names, or a static one without --key.
Its out parameters and ReturnValue are shown. A ReturnValue other than 0 means
failure for most methods: dpremote then exits with 3.`,
		Example: `  dpremote invoke SMS_DistributionPoint VerifyPackage PackageId=PS100001 --site PS1 \
      'NALPath=["Display=\\dp01.ps1.sim.example\"]MSWNET:["SMS_SITE=PS1"]\\dp01.ps1.sim.example\'
  dpremote invoke SMS_Package RefreshPkgSource --key PackageID=PS100001 --site PS1
  dpremote invoke StdRegProv EnumKey hDefKey=2147483650 'sSubKeyName=SOFTWARE\Microsoft\SMS' --namespace root/default --site PS1`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := parseKeys(keyArgs)
			if err != nil {
				return err
			}
			in, err := parseProperties("parameter", args[2:])
			if err != nil {
				return err
			}
			var code int64
			err = onOneInstance(cmd.Context(), g, o, func(ctx context.Context, m *member, s *cim.Session) (result *cim.Instance, err error) {
				result, code, err = invoke(ctx, m.site, s, args[0], keys, args[1], in)
				return result, err
			})
			if err == nil && code != 0 {
				g.app.log.Errorf("%s returned %d", args[1], code)
				return silent(exitFindings)
			}
			return err
		},
	}
	o.register(cmd)
	cmd.Flags().StringArrayVar(&keyArgs, "key", nil, "KEY=VALUE of the instance; several times for several keys")
	return cmd
}

// onOneInstance does something at the only site that is selected, and shows
// the instance that comes of it.
func onOneInstance(ctx context.Context, g *globals, o *instanceOptions, do func(context.Context, *member, *cim.Session) (*cim.Instance, error)) error {
	if _, err := propertyTable(io.Discard, g); err != nil {
		return err // before anything is sent
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	if len(f.members) == 0 { // of this shard
		return nil
	}
	if len(f.members) != 1 {
		return usage("%d sites are selected: choose one with --site", len(f.members))
	}
	results := each(ctx, f, func(ctx context.Context, m *member) (*cim.Instance, error) {
		session, err := m.session(o.namespace)
		if err != nil {
			return nil, err
		}
		return do(ctx, m, session)
	})
	if len(results) == 1 && results[0] == nil { // a Put may be answered so
		g.app.say("The server did it, and shows no instance.")
		results = nil
	}
	if err := writeInstance(g, f, results); err != nil {
		return err
	}
	return f.exit(exitOK)
}

func writeInstance(g *globals, f *fleet, instances []*cim.Instance) error {
	if table, err := propertyTable(g.app.out, g); table != nil || err != nil {
		if err != nil {
			return err
		}
		return writeProperties(table, instances)
	}
	records, err := report.NewRecords(g.app.out, g.reportOptions("instance", nil))
	if err != nil {
		return usage("%w", err)
	}
	for _, i := range instances {
		o := instanceObject(i)
		if err := records.Record(o.Names, o.Values); err != nil {
			return err
		}
	}
	f.addErrors(records)
	return records.Close()
}

// propertyTable is the output of an instance for people, a line a property; nil
// in the formats for programs.
func propertyTable(w io.Writer, g *globals) (*report.Writer, error) {
	options := g.reportOptions("instance", []report.Column{{Name: "property", Title: "PROPERTY"}, {Name: "value", Title: "VALUE"}})
	if options.Format != report.Table && options.Format != report.Wide {
		return nil, nil
	}
	out, err := report.New(w, options)
	if err != nil {
		return nil, usage("%w", err)
	}
	return out, nil
}

func writeProperties(out *report.Writer, instances []*cim.Instance) error {
	for _, i := range instances {
		for _, p := range i.Properties {
			var value any
			if !p.Value.IsNull() {
				value = p.Value.String()
			}
			if err := out.Row(p.Name, value); err != nil {
				return err
			}
		}
	}
	return out.Close()
}

// parseKeys reads KEY=VALUE arguments.
func parseKeys(args []string) ([]wsman.Selector, error) {
	var keys []wsman.Selector
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, usage("key %q is not of the form KEY=VALUE", arg)
		}
		keys = append(keys, wsman.Selector{Name: name, Value: value})
	}
	return keys, nil
}

// parseProperties reads NAME=VALUE arguments; a name that comes again makes an
// array.
func parseProperties(what string, args []string) ([]cim.Property, error) {
	var out []cim.Property
	index := map[string]int{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, usage("%s %q is not of the form NAME=VALUE", what, arg)
		}
		v := cim.TextValue(value)
		if d, err := cim.ParseDatetime(value); err == nil && strings.ContainsAny(value, "T.") && d.Open == "" {
			v = cim.TimeValue(d.Time)
		}
		if i, again := index[name]; again {
			out[i].Value = cim.ArrayValue(append(out[i].Value.Items(), v)...)
			continue
		}
		index[name] = len(out)
		out = append(out, cim.Property{Name: name, Value: v})
	}
	return out, nil
}
