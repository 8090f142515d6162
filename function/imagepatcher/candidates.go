package imagepatcher

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/quench-dev/quench/function/imagepatcher/registry"
)

// candidate is an image that may be taken.
type candidate struct {
	image string // as the container will have it
	ref   name.Reference
	why   string // for people
}

// candidates are the images that the policy knows, the best first. The one that
// is missing is never among them.
func (c *choice) candidates(ctx context.Context) ([]candidate, error) {
	if c.rule.Policy == LastGood {
		return c.fromHistory(ctx)
	}
	if c.ref == nil {
		return nil, c.none("it is no image's name, which tells no repository")
	}
	repository, err := c.open(ctx, c.ref.Context())
	if err != nil {
		return nil, c.refuse(err)
	}
	tags, err := repository.Tags(ctx)
	switch {
	case registry.Absent(err):
		return nil, c.none("there is no such repository")
	case err != nil:
		return nil, c.refuse(err)
	}
	slices.Sort(tags)
	c.seen = slices.Clone(tags)
	tags = slices.DeleteFunc(tags, func(tag string) bool { return c.rule.Tags != nil && !c.rule.Tags.MatchString(tag) })
	if tags, err = c.ordered(ctx, repository, tags); err != nil {
		return nil, err
	}
	var all []candidate
	for _, tag := range tags {
		all = c.with(all, image{name: split(c.failing.image).name, tag: tag}.String(), "by policy "+string(c.rule.Policy))
	}
	return all, nil
}

func (c *choice) ordered(ctx context.Context, repository *registry.Repository, tags []string) ([]string, error) {
	switch c.rule.Policy {
	case SameMajor:
		missing := split(c.failing.image).tag
		fit, ok := sameMajor(tags, missing)
		if !ok {
			return nil, c.none(fmt.Sprintf("the tag %q is no version, and so has no major", missing))
		}
		return fit, nil
	case Semver:
		return within(tags, c.rule.Constraint), nil
	default:
		return c.newest(ctx, repository, tags)
	}
}

// with adds an image. An earlier one's name may be no name, and is then left out.
func (c *choice) with(all []candidate, text, why string) []candidate {
	ref, err := c.reader.Parse(text)
	if err != nil {
		c.looked = append(c.looked, fmt.Sprintf("%q (no image's name)", text))
		return all
	}
	if c.ref != nil && ref.Name() == c.ref.Name() {
		return all
	}
	return append(all, candidate{text, ref, why})
}

func (c *choice) fromHistory(ctx context.Context) ([]candidate, error) {
	history, err := c.history(ctx, c.step.found, c.failing.container, c.failing.image)
	if err != nil {
		return nil, err
	}
	var all []candidate
	taken := map[string]bool{}
	for _, r := range history {
		if taken[r.image] {
			continue
		}
		taken[r.image] = true
		all = c.with(all, r.image, fmt.Sprintf("revision %d had it", r.number))
	}
	if len(all) == 0 {
		return nil, c.none("no earlier revision had another image")
	}
	return all, nil
}

// newest are the tags by the time at which they were pushed or, where the
// registry does not tell, at which their images were built.
func (c *choice) newest(ctx context.Context, repository *registry.Repository, tags []string) ([]string, error) {
	times, known, err := repository.Pushed(ctx)
	if err == nil && !known {
		if len(tags) > mostBuilt {
			return nil, c.none(fmt.Sprintf("of %d tags the newest is not looked for, only of up to %d; say which with tags", len(tags), mostBuilt))
		}
		times, err = c.built(ctx, repository, tags)
	}
	if err != nil {
		return nil, c.refuse(err)
	}
	tags = slices.DeleteFunc(tags, func(tag string) bool { return times[tag].Unix() <= 0 }) // no time, or the one that reproducible builds give
	slices.SortFunc(tags, func(a, b string) int { return cmp.Or(times[b].Compare(times[a]), strings.Compare(b, a)) })
	return tags, nil
}

// built reads when images were built, several at once. Images that are not there
// for the platforms are left out.
func (c *choice) built(ctx context.Context, repository *registry.Repository, tags []string) (map[string]time.Time, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	times := map[string]time.Time{}
	next := make(chan string)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for tag := range next {
				is, err := repository.Look(ctx, c.ref.Context().Tag(tag), c.platforms)
				mu.Lock()
				switch {
				case err == nil:
					times[tag] = is.Created
				case !registry.Absent(err):
					cancel(err) // the first counts
				}
				mu.Unlock()
			}
		})
	}
	for _, tag := range tags {
		if ctx.Err() != nil {
			break
		}
		next <- tag
	}
	close(next)
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return times, nil
}
