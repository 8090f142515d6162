package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Repository is one repository of a registry. It may be used from several
// goroutines.
type Repository struct {
	reader *Reader
	name   name.Repository

	mu   sync.Mutex
	ways []way // those that were refused are taken away
	gone []string
}

// way is one credential to try.
type way struct {
	from   string
	puller *remote.Puller
}

// ask tries one credential after the other, until one is not refused.
func (r *Repository) ask(what func(*remote.Puller) error) error {
	for {
		w, ok := r.first()
		if !ok {
			return &DeniedError{Repository: r.name.Name(), Tried: r.gone}
		}
		err := what(w.puller)
		if !denied(err) {
			return explain(r.name, err)
		}
		r.refused(w)
	}
}

func (r *Repository) first() (way, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ways) == 0 {
		return way{}, false
	}
	return r.ways[0], true
}

// refused takes a credential away. Another goroutine may have done so.
func (r *Repository) refused(w way) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ways) > 0 && r.ways[0] == w {
		r.ways, r.gone = r.ways[1:], append(r.gone, w.from)
	}
}

// Tags lists the repository's tags, in the registry's order.
func (r *Repository) Tags(ctx context.Context) ([]string, error) {
	var tags []string
	err := r.ask(func(p *remote.Puller) error {
		tags = nil
		pages, err := p.Lister(ctx, r.name)
		if err != nil {
			return err
		}
		for pages.HasNext() {
			page, err := pages.Next(ctx)
			if err != nil {
				return err
			}
			if tags = append(tags, page.Tags...); len(tags) > MaxTags || page.Next != "" && len(page.Tags) == 0 {
				return fmt.Errorf("%w: %s has more than %d tags", ErrTooLarge, r.name.Name(), MaxTags)
			}
		}
		return nil
	})
	return tags, err
}

// Pushed says when the repository's images were pushed, by tag; false where the
// registry does not tell.
func (r *Repository) Pushed(ctx context.Context) (map[string]time.Time, bool, error) {
	for _, cloud := range r.reader.o.Clouds {
		pushed, ok, err := cloud.Pushed(ctx, r.name)
		if ok || err != nil {
			return pushed, ok, explain(r.name, err)
		}
	}
	return nil, false, nil
}

// Absent says whether an error means that there is no such image: no such
// repository, tag or digest, or not for the platform.
func Absent(err error) bool { return errors.Is(err, ErrAbsent) }
