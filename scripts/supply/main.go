// Command supply says what a build of dpremote is made of.
//
//	supply licences               the modules that are linked, with their licences, as THIRD_PARTY.md
//	supply notices                the texts of those licences
//	supply sbom BINARY            a bill of materials, CycloneDX 1.6 in JSON
//	supply archive OUT FILE...    packs files and directories into OUT, a .tar.gz or .zip, the same bytes each time
//	supply gzip FILE...           compresses each to FILE.gz, the same bytes each time
//	supply version VERSION        VERSION as a deb and an rpm may have it
//	supply sums FILE...           their SHA-256, as sha256sum -c takes them
//
// It reads the module in the current directory, the modules that Go has fetched,
// and SOURCE_DATE_EPOCH, the time that it writes into what it makes.
package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "supply:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: supply licences | notices | sbom BINARY | archive OUT FILE [FILE ...] | gzip FILE [FILE ...] | version VERSION | sums FILE [FILE ...]")

func run(out io.Writer, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "licences":
		return writeLicences(out)
	case len(args) == 1 && args[0] == "notices":
		return writeNotices(out)
	case len(args) == 2 && args[0] == "sbom":
		at, err := sourceDate()
		if err != nil {
			return err
		}
		return writeBill(out, args[1], at)
	case len(args) > 2 && args[0] == "archive":
		at, err := sourceDate()
		if err != nil {
			return err
		}
		return pack(args[1], args[2:], at)
	case len(args) > 1 && args[0] == "gzip":
		return compress(args[1:])
	case len(args) == 2 && args[0] == "version":
		_, err := fmt.Fprintln(out, packageVersion(args[1]))
		return err
	case len(args) > 1 && args[0] == "sums":
		return writeSums(out, args[1:])
	}
	return errUsage
}

// sourceDate is the time of the source (reproducible-builds.org, SOURCE_DATE_EPOCH).
func sourceDate() (time.Time, error) {
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// writeSums writes the sums of files by their names alone, sorted.
func writeSums(out io.Writer, files []string) error {
	slices.Sort(files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%x  %s\n", sha256.Sum256(data), filepath.Base(file))
	}
	return nil
}
