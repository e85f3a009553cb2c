package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// stateDir is where a part of what we keep about our own doings belongs (XDG
// Base Directory Specification; on Windows the local application data). It need
// not exist.
func stateDir(a *app, part string) (string, error) {
	base := a.getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(base) && runtime.GOOS == "windows" {
		base = a.getenv("LOCALAPPDATA")
	}
	if !filepath.IsAbs(base) { // which the specification says to ignore
		home, err := os.UserHomeDir()
		if err != nil {
			return "", usage("where to keep what is done and deleted: %w; set XDG_STATE_HOME", err)
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "dpremote", part), nil
}

// writeNew writes a new file for its owner only, so that it is on the disk when
// it returns. Where the name is taken, a number is added.
func writeNew(dir, name, ext string, data []byte) (path string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	const most = 100
	var f *os.File
	for i := 1; i <= most; i++ {
		path = filepath.Join(dir, name+ext)
		if i > 1 {
			path = filepath.Join(dir, fmt.Sprintf("%s-%d%s", name, i, ext))
		}
		if f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync())
	if err = errors.Join(err, f.Close()); err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(path))
	}
	return path, nil
}

// syncDir puts a directory's entries on the disk. Windows has no way to, and
// needs none.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
