package trigger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"knative.dev/eventing/pkg/apis/feature"
)

// MaxFileBytes is the size above which a file is refused: etcd takes no object larger than about that, and a file that
// was named by mistake should not be read into memory whole.
const MaxFileBytes = 1 << 20

// Load reads the Triggers of files and folders as a cluster with Knative's default features would take them. See
// [Loader.Load].
func Load(paths ...string) ([]*Trigger, error) {
	return Loader{}.Load(paths...)
}

// Loader reads Triggers. The zero value is ready to use.
type Loader struct {
	// Features are the cluster's feature flags, as in its ConfigMap config-features. They decide what admission
	// accepts: spec.delivery.retryAfterMax, for one, is refused unless delivery-retryafter is enabled. Nil means
	// Knative's defaults.
	Features feature.Flags
}

// Load reads the Triggers of files and folders. Of a folder it takes the files that end in .yaml or .yml, by name, and
// as kubectl does without --recursive not those of folders below, where overlays keep parts of Triggers. A file may hold
// several documents; those of another kind than Trigger are left out, lists are expanded. A Trigger without a namespace
// is in "default", where kubectl would put it.
//
// Errors: a path that cannot be read or is above [MaxFileBytes]; a document that is no YAML; a Trigger of another
// apiVersion than [APIVersion], with an unknown or duplicate field, that Knative's admission would refuse, whose filter
// does not compile, or whose namespace and name another has; no Trigger found at all. Each names file and line, and all
// of them are returned, joined.
func (l Loader) Load(paths ...string) ([]*Trigger, error) {
	var triggers []*Trigger
	var errs []error
	for _, path := range paths {
		files, err := filesOf(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("read triggers: %w", err))
			continue
		}
		for _, file := range files {
			text, err := readBounded(file)
			if err != nil {
				errs = append(errs, fmt.Errorf("read triggers: %w", err))
				continue
			}
			found, err := l.parse(file, text)
			if err != nil {
				errs = append(errs, err)
			}
			triggers = append(triggers, found...)
		}
	}
	errs = append(errs, duplicates(triggers)...)
	if len(triggers) == 0 && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("read triggers: no %s Trigger in %s", APIVersion, strings.Join(paths, ", ")))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return triggers, nil
}

// filesOf returns the file itself, or the YAML files of the folder, sorted by name.
func filesOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		if entry.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(entry.Name())) {
			continue
		}
		files = append(files, filepath.Join(path, entry.Name()))
	}
	return files, nil
}

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > MaxFileBytes {
		return nil, fmt.Errorf("%s: larger than %d bytes", file, MaxFileBytes)
	}
	return text, nil
}

func duplicates(triggers []*Trigger) []error {
	var errs []error
	first := make(map[string]*Trigger, len(triggers))
	for _, t := range triggers {
		if other, ok := first[t.ID()]; ok {
			errs = append(errs, fmt.Errorf("%s: trigger %s: already defined at %s", t.Where(), t.ID(), other.Where()))
			continue
		}
		first[t.ID()] = t
	}
	return errs
}
