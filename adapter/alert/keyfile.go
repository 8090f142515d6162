package alert

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// keyFileBytes bounds one file of keys: some thousand of them.
const keyFileBytes = 1 << 20

var errNoKeys = errors.New("there is no PUBLIC KEY in it")

// ReadVerifyKeys reads a file of public keys, or all files of a folder, such as a
// mounted ConfigMap or Secret, but for those whose name begins with a dot. No key
// at all is an error: nobody could then be believed.
func ReadVerifyKeys(path string) (VerifyKeys, error) {
	files := []string{path}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		files, err = filesIn(path)
	}
	if err != nil {
		return nil, err
	}
	var all VerifyKeys
	for _, file := range files {
		keys, err := readVerifyKeys(file)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			if all, err = all.With(k); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: %w", path, errNoKeys)
	}
	return all, nil
}

func readVerifyKeys(file string) (VerifyKeys, error) {
	text, err := readKeyFile(file)
	if err != nil {
		return nil, err
	}
	keys, err := ParseVerifyKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return keys, nil
}

func readKeyFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, keyFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > keyFileBytes {
		return nil, fmt.Errorf("read %s: more than %d bytes", file, keyFileBytes)
	}
	return text, nil
}

// filesIn leaves out what kubelet keeps beside a volume's files: ..data and the
// folder that it points to.
func filesIn(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") && !entry.IsDir() {
			files = append(files, filepath.Join(folder, entry.Name()))
		}
	}
	return files, nil
}

// ReadSigningKey reads a file with one private key. Errors never hold anything of it.
func ReadSigningKey(file string) (*SigningKey, error) {
	text, err := readKeyFile(file)
	if err != nil {
		return nil, err
	}
	k, err := ParseSigningKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return k, nil
}
