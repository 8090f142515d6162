// Package rulefile reads the files that functions' rules are in: bounded, strictly, and with errors that know nothing of Go.
package rulefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

// maxBytes bounds a file.
const maxBytes = 1 << 20

// Read reads a file. What it holds, "rules" for one, is for errors.
func Read(path, holds string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", holds, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", holds, err)
	}
	return text, Bounded(path, text)
}

// Bounded is an error about a text of more than 1 MiB; name is what it calls the text.
func Bounded(name string, text []byte) error {
	if len(text) > maxBytes {
		return fmt.Errorf("%s: larger than 1 MiB", name)
	}
	return nil
}

// JSON is YAML as JSON. A key that is there twice is an error, and so is a text of more than 1 MiB.
func JSON(name string, text []byte) ([]byte, error) {
	if err := Bounded(name, text); err != nil {
		return nil, err
	}
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return asJSON, nil
}

// Kinds says what is wanted of a field that is no string: "a list", for one.
type Kinds map[string]string

// Decode decodes JSON. A field that is not known is an error, and so is one of another kind.
func (k Kinds) Decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		return fmt.Errorf("got a %s, want a mapping", wrong.Value)
	case errors.As(err, &wrong):
		want, ok := k[wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:]]
		if !ok {
			want = "a string, in quotes" // a version that YAML takes for a number has lost digits
		}
		return fmt.Errorf("%s: got a %s, want %s", wrong.Field, wrong.Value, want)
	case err != nil:
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
