package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Image is what a registry says of one.
type Image struct {
	Digest  string    // of what the reference names, an index or an image
	Created time.Time // when it was built, as it says itself; zero where it does not
}

// Look reads an image's manifest, and that there is one for each platform. Created
// is the first platform's.
func (r *Repository) Look(ctx context.Context, ref name.Reference, platforms []v1.Platform) (Image, error) {
	var found Image
	err := r.ask(func(p *remote.Puller) error {
		is, err := p.Get(ctx, ref)
		if err != nil {
			return err
		}
		found = Image{Digest: is.Digest.String()}
		if !is.MediaType.IsIndex() && !is.MediaType.IsImage() {
			return fmt.Errorf("%w: %s is a %s, no image", ErrAbsent, ref, clean(string(is.MediaType)))
		}
		for i, platform := range platforms {
			created, err := r.forPlatform(ctx, p, is, platform)
			if err != nil {
				return err
			}
			if i == 0 {
				found.Created = created
			}
		}
		return nil
	})
	return found, err
}

// forPlatform finds the platform's image in what a reference names, and says when
// it was built.
func (r *Repository) forPlatform(ctx context.Context, p *remote.Puller, is *remote.Descriptor, platform v1.Platform) (time.Time, error) {
	none := fmt.Errorf("%w for %s", ErrAbsent, platform)
	if is.MediaType.IsIndex() {
		index, err := is.ImageIndex()
		if err != nil {
			return time.Time{}, err
		}
		list, err := index.IndexManifest()
		if err != nil {
			return time.Time{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		child := ""
		for _, m := range list.Manifests {
			if m.MediaType.IsImage() && m.Platform != nil && m.Platform.Satisfies(platform) {
				child = m.Digest.String()
				break
			}
		}
		if child == "" {
			return time.Time{}, none
		}
		if is, err = p.Get(ctx, r.name.Digest(child)); err != nil {
			return time.Time{}, err
		}
	}
	image, err := is.Image()
	if err != nil {
		return time.Time{}, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return time.Time{}, err
	}
	if own := config.Platform(); own == nil || !own.Satisfies(platform) {
		return time.Time{}, none
	}
	return config.Created.Time, nil
}
