package source

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// readPath returns the objects of one path, and what is wrong with the others of it.
func readPath(path string, stdin io.Reader) ([]*Object, error) {
	if path == Stdin {
		if stdin == nil {
			return nil, errors.New("- is standard input, which is not read here: name a file or folder")
		}
		text, err := bounded("standard input", stdin)
		if err != nil {
			return nil, err
		}
		return parse("standard input", text)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return readFile(path)
	case isKustomization(path):
		return build(path)
	}
	files, err := filesOf(path)
	if err != nil {
		return nil, err
	}
	var objects []*Object
	var errs []error
	for _, file := range files {
		found, err := readFile(file)
		if err != nil {
			errs = append(errs, err)
		}
		objects = append(objects, found...)
	}
	return objects, errors.Join(errs...)
}

// filesOf returns the YAML files of a folder, sorted by name.
func filesOf(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		if !entry.IsDir() && slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(entry.Name())) {
			files = append(files, filepath.Join(folder, entry.Name()))
		}
	}
	return files, nil
}

func readFile(file string) ([]*Object, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := bounded(file, f)
	if err != nil {
		return nil, err
	}
	return parse(file, text)
}

func bounded(name string, r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > MaxFileBytes {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, MaxFileBytes)
	}
	return text, nil
}
