package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
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

// packed is a file that goes into an archive, by its name there.
type packed struct{ path, name string }

// pack packs files, and directories of files, into an archive, below a directory
// of the archive's name. Owners, times and modes are the same whoever packs.
func pack(name string, paths []string, at time.Time) (err error) {
	files, err := filesOf(paths)
	if err != nil {
		return err
	}
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

// filesOf are files by their names alone, and those in directories with the
// directory's name before theirs.
func filesOf(paths []string) ([]packed, error) {
	var files []packed
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, packed{path, filepath.Base(path)})
			continue
		}
		entries, err := os.ReadDir(path) // sorted
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			files = append(files, packed{filepath.Join(path, e.Name()), filepath.Base(path) + "/" + e.Name()})
		}
	}
	return files, nil
}

func packTar(out io.Writer, base string, files []packed, at time.Time) error {
	compressed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	for _, file := range files {
		data, err := os.ReadFile(file.path)
		if err != nil {
			return err
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: base + "/" + file.name, Size: int64(len(data)), Mode: int64(modeOf(file.name)),
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

func packZip(out io.Writer, base string, files []packed, at time.Time) error {
	archive := zip.NewWriter(out)
	for _, file := range files {
		data, err := os.ReadFile(file.path)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: base + "/" + file.name, Method: zip.Deflate, Modified: at}
		header.SetMode(modeOf(file.name))
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
func modeOf(name string) fs.FileMode {
	if name == "dpremote" || name == "dpremote.exe" {
		return 0o755
	}
	return 0o644
}

// compress puts each file beside itself, compressed and with .gz behind its
// name, without the time and name that gzip would write.
func compress(paths []string) error {
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
		if err := os.WriteFile(path+".gz", b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
