package queries

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
)

// RegistryFile is a file from which reg import and regedit restore keys: text
// in UTF-16 with lines of their form, "Windows Registry Editor Version 5.00".
// notes stand at its beginning as comments. It is an error when a value cannot
// be kept: one that could not be read, or a name that no such file can hold.
func RegistryFile(notes []string, keys ...RegistryKey) ([]byte, error) {
	var b strings.Builder
	b.WriteString("Windows Registry Editor Version 5.00\r\n\r\n")
	for _, note := range notes {
		b.WriteString("; " + strings.Map(printable, note) + "\r\n")
	}
	for _, key := range keys {
		if err := writeKey(&b, key); err != nil {
			return nil, err
		}
	}
	return littleEndian("\ufeff" + b.String()), nil
}

func writeKey(b *strings.Builder, key RegistryKey) error {
	if strings.Map(printable, key.Path) != key.Path {
		return fmt.Errorf("keep key %q: its name does not fit on a line", key.Path)
	}
	b.WriteString("\r\n[HKEY_LOCAL_MACHINE\\" + key.Path + "]\r\n")
	for _, v := range key.Values {
		if strings.Map(printable, v.Name) != v.Name {
			return fmt.Errorf("keep value %q of %s: its name does not fit on a line", v.Name, key.Path)
		}
		name := "@"
		if v.Name != "" {
			name = quoteRegistry(v.Name)
		}
		data, err := registryData(v, len(name)+1)
		if err != nil {
			return fmt.Errorf("keep value %q of %s: %w", v.Name, key.Path, err)
		}
		b.WriteString(name + "=" + data + "\r\n")
	}
	for _, below := range key.Keys {
		if err := writeKey(b, below); err != nil {
			return err
		}
	}
	return nil
}

// registryData is a value in the form of its type, after so many characters.
func registryData(v RegistryValue, column int) (string, error) {
	switch v.Type {
	case RegistryString:
		if strings.Map(printable, v.Text) == v.Text {
			return quoteRegistry(v.Text), nil
		}
		return hexadecimal("hex(1):", littleEndian(v.Text+"\x00"), column), nil
	case RegistryExpand:
		return hexadecimal("hex(2):", littleEndian(v.Text+"\x00"), column), nil
	case RegistryBinary:
		return hexadecimal("hex:", v.Data, column), nil
	case RegistryDWORD:
		return fmt.Sprintf("dword:%08x", v.Number), nil
	case RegistryMulti:
		var all strings.Builder
		for _, text := range v.Texts {
			all.WriteString(text + "\x00")
		}
		return hexadecimal("hex(7):", littleEndian(all.String()+"\x00"), column), nil
	case RegistryQWORD:
		return hexadecimal("hex(b):", binary.LittleEndian.AppendUint64(nil, v.Number), column), nil
	}
	return "", fmt.Errorf("the registry provider does not read values of type %s", v.Type)
}

// hexadecimal writes bytes as regedit does: lines of at most 80 characters,
// where the name leaves room for any, with a backslash where one goes on.
func hexadecimal(prefix string, data []byte, column int) string {
	const width, indent = 80, 2
	var b strings.Builder
	b.WriteString(prefix)
	column += len(prefix)
	for i, octet := range data {
		if column+len("00,\\") > width {
			b.WriteString("\\\r\n  ")
			column = indent
		}
		n, _ := fmt.Fprintf(&b, "%02x", octet)
		column += n
		if i < len(data)-1 {
			b.WriteByte(',')
			column++
		}
	}
	return b.String()
}

func quoteRegistry(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// printable drops what would end a line or drive a terminal.
func printable(r rune) rune {
	if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
		return -1
	}
	return r
}

func littleEndian(s string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}
