package imagepatcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/imagepatcher/registry"
)

// Bounds of what is looked at and told about one alert.
const (
	mostLooks = 10  // candidates whose manifests are read
	mostBuilt = 100 // images whose time of building is read, for policy newest
	mostTold  = 20  // images that a sentence lists
)

// choice is the choosing of one image.
type choice struct {
	*Patcher
	step      step
	failing   *failing
	ref       name.Reference // of the image that is missing; nil where it is no name at all
	rule      Rule
	platforms []v1.Platform
	keys      registry.Keys
	notes     []string // about pull secrets
	opened    map[string]*registry.Repository
	looked    []string // what was looked at, and why it is not taken
	seen      []string // the repository's tags
}

// choose plans the patch, or says why there is none.
func (p *Patcher) choose(ctx context.Context, s step) (*patch, error) {
	f, err := p.failing(ctx, s)
	if err != nil {
		return nil, err
	}
	c := &choice{Patcher: p, step: s, failing: f, rule: p.o.Default, platforms: p.platforms(f), opened: map[string]*registry.Repository{}}
	if c.ref, err = p.reader.Parse(f.image); err == nil {
		c.rule = p.rule(fullName(c.ref.Context()))
	}
	if c.keys, c.notes, err = p.keys(ctx, s.found.Namespace, f.spec); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, p.o.Timeout)
	defer cancel()
	if err := c.missing(ctx); err != nil {
		return nil, err
	}
	candidates, err := c.candidates(ctx)
	if err != nil {
		return nil, err
	}
	for _, candidate := range candidates[:min(len(candidates), mostLooks)] {
		found, err := c.look(ctx, candidate.ref)
		switch {
		case registry.Absent(err):
			c.looked = append(c.looked, fmt.Sprintf("%s (%v)", candidate.image, err))
		case err != nil:
			return nil, c.refuse(err)
		default:
			return c.patch(candidate, found), nil
		}
	}
	return nil, c.none("")
}

// rule is the one for a repository.
func (p *Patcher) rule(repository string) Rule {
	for _, r := range p.o.Rules {
		if r.matches(repository) {
			return r
		}
	}
	return p.o.Default
}

// platforms are what the nodes that the pods may run on can run.
func (p *Patcher) platforms(f *failing) []v1.Platform {
	if arch := f.spec.NodeSelector["kubernetes.io/arch"]; arch != "" {
		return []v1.Platform{{OS: "linux", Architecture: arch}}
	}
	return p.o.Platforms
}

// missing sees to it that the image which cannot be pulled is not there. A
// registry that tells nothing about it has nothing to say yet: it is asked again
// about what to take instead.
func (c *choice) missing(ctx context.Context) error {
	if c.ref == nil {
		return nil
	}
	_, err := c.look(ctx, c.ref)
	var denied *registry.DeniedError
	var away *registry.AwayError
	switch {
	case err == nil:
		return function.Skip(ReasonImageExists, "image %s is in its registry for %s: something else keeps it from being pulled, and another one would not help",
			c.failing.image, list(c.platforms))
	case registry.Absent(err), errors.As(err, &denied), errors.As(err, &away) && away.NoHost:
		c.looked = append(c.looked, fmt.Sprintf("%s (%v)", c.failing.image, err))
		return nil
	}
	return c.refuse(err)
}

func (c *choice) look(ctx context.Context, ref name.Reference) (registry.Image, error) {
	repository, err := c.open(ctx, ref.Context())
	if err != nil {
		return registry.Image{}, err
	}
	return repository.Look(ctx, ref, c.platforms)
}

func (c *choice) open(ctx context.Context, repository name.Repository) (*registry.Repository, error) {
	if r, ok := c.opened[repository.Name()]; ok {
		return r, nil
	}
	r, err := c.reader.Open(ctx, repository, c.keys)
	if err == nil {
		c.opened[repository.Name()] = r
	}
	return r, err
}

// refuse decides what becomes of a registry's error.
func (c *choice) refuse(err error) error {
	var denied *registry.DeniedError
	var away *registry.AwayError
	switch {
	case errors.As(err, &denied):
		notes := ""
		if len(c.notes) > 0 {
			notes = "; of no use: " + strings.Join(c.notes, "; ")
		}
		return function.Fail(ReasonRegistryDenied, "%w%s", err, notes)
	case errors.As(err, &away), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return function.Retry(err)
	}
	return function.Fail(ReasonRegistryAnswer, "%w", err)
}

// none is the answer where no image will do, with what there was.
func (c *choice) none(why string) error {
	if why != "" {
		why = ": " + why
	}
	seen := slices.Concat(c.looked, c.seen)
	told := "nothing"
	if len(seen) > 0 {
		told = strings.Join(seen[:min(len(seen), mostTold)], ", ")
	}
	if more := len(seen) - mostTold; more > 0 {
		told += fmt.Sprintf(" and %d more", more)
	}
	return function.Skip(ReasonNoCandidate, "no image to take for %s by policy %s%s; seen: %s", c.failing.image, c.rule.Policy, why, told)
}

func list(platforms []v1.Platform) string {
	var all []string
	for _, p := range platforms {
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
}
