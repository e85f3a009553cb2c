package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// pack packs files into an archive, below a directory of the archive's name.
// Owners, times and modes are the same whoever packs.
func pack(name string, files []string, at time.Time) (err error) {
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if base, ok := strings.CutSuffix(filepath.Base(name), ".zip"); ok {
		return packZip(out, base, files, at)
	}
	base, ok := strings.CutSuffix(filepath.Base(name), ".tar.gz")
	if !ok {
		return fmt.Errorf("%s is neither a .zip nor a .tar.gz", name)
	}
	return packTar(out, base, files, at)
}

func packTar(out io.Writer, base string, files []string, at time.Time) error {
	compressed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: base + "/" + filepath.Base(file), Size: int64(len(data)), Mode: int64(modeOf(file)),
			ModTime: at, Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(data); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), compressed.Close())
}

func packZip(out io.Writer, base string, files []string, at time.Time) error {
	archive := zip.NewWriter(out)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: base + "/" + filepath.Base(file), Method: zip.Deflate, Modified: at}
		header.SetMode(modeOf(file))
		w, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return archive.Close()
}

// modeOf is executable for the program, whatever the file system made of it.
func modeOf(file string) fs.FileMode {
	if name := filepath.Base(file); name == "dpremote" || name == "dpremote.exe" {
		return 0o755
	}
	return 0o644
}
