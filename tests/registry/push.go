package registry

import (
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Image is one to push: without layers, which nothing reads.
type Image struct {
	Platforms []string // one gives an image, several an index; none gives an image for linux/amd64
	Built     time.Time
}

// Push pushes an image as repository:tag, and gives its digest.
func (r *Registry) Push(tb testing.TB, as string, i Image) string {
	tb.Helper()
	ref, err := name.ParseReference(r.Addr + "/" + as)
	if err != nil {
		tb.Fatal(err)
	}
	if len(i.Platforms) == 0 {
		i.Platforms = []string{"linux/amd64"}
	}
	index := mutate.IndexMediaType(empty.Index, "application/vnd.oci.image.index.v1+json")
	var last v1.Image
	for _, text := range i.Platforms {
		platform, err := v1.ParsePlatform(text)
		if err != nil {
			tb.Fatal(err)
		}
		last = built(tb, as, *platform, i.Built)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: last, Descriptor: v1.Descriptor{Platform: platform}})
	}
	var digest v1.Hash
	if len(i.Platforms) == 1 {
		err = remote.Write(ref, last, r.auth())
		if err == nil {
			digest, err = last.Digest()
		}
	} else {
		err = remote.WriteIndex(ref, index, r.auth())
		if err == nil {
			digest, err = index.Digest()
		}
	}
	if err != nil {
		tb.Fatalf("push %s: %v", as, err)
	}
	return digest.String()
}

// built is an image that no other is the same as.
func built(tb testing.TB, as string, platform v1.Platform, at time.Time) v1.Image {
	tb.Helper()
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant, Created: v1.Time{Time: at},
		Config: v1.Config{Labels: map[string]string{"as": as}}, RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return image
}

func (r *Registry) auth() remote.Option {
	return remote.WithAuth(authn.FromConfig(authn.AuthConfig{Username: r.user, Password: r.password}))
}
