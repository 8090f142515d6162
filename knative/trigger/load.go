package trigger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"knative.dev/eventing/pkg/apis/feature"

	"github.com/quench-dev/quench/knative/trigger/source"
)

// MaxFileBytes is the size above which a file is refused.
const MaxFileBytes = source.MaxFileBytes

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

// Load reads the Triggers of files, folders and kustomize folders, see [source.Open] and [Loader.From]. No Trigger found at
// all is an error.
func (l Loader) Load(paths ...string) ([]*Trigger, error) {
	set, err := source.Open(context.Background(), source.Options{Paths: paths})
	if err != nil {
		return nil, fmt.Errorf("read triggers: %w", err)
	}
	triggers, err := l.From(set)
	if err == nil && len(triggers) == 0 {
		err = fmt.Errorf("read triggers: no %s Trigger in %s", APIVersion, strings.Join(paths, ", "))
	}
	return triggers, err
}

// From returns the Triggers among objects; those of another kind are left out. A Trigger without a namespace is in
// "default", where kubectl would put it.
//
// Errors: a Trigger of another apiVersion than [APIVersion], with an unknown or duplicate field, that Knative's admission
// would refuse, whose filter does not compile, or whose namespace and name another has. Each names file and line, and all
// of them are returned, joined. What a cluster holds has been admitted there: of that only the filter is checked.
func (l Loader) From(set *source.Set) ([]*Trigger, error) {
	var triggers []*Trigger
	var errs []error
	for _, o := range set.Objects {
		t, err := l.Decode(o)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.Where(), err))
		}
		if t != nil {
			triggers = append(triggers, t)
		}
	}
	errs = append(errs, duplicates(triggers)...)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return triggers, nil
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
