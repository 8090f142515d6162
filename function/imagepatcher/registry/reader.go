package registry

import (
	"context"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Bounds of what is read.
const (
	MaxBytes = 4 << 20 // of one answer: the largest manifest that registries take
	MaxTags  = 10000   // of one repository
	pageSize = 1000    // what ECR gives at most
)

// Options say how registries are asked.
type Options struct {
	// Insecure are registries, host or host:port, that are asked over plain HTTP
	// where they have no TLS. This machine's own always are.
	Insecure []string
	// Request bounds one request.
	Request time.Duration
	// Clouds are asked for credentials where no pull secret is for a repository, and
	// when images were pushed.
	Clouds []Cloud
}

// cloudPatience bounds one call of a Cloud's, and the search for an identity before it.
const cloudPatience = 8 * time.Second

// Cloud knows registries of a cloud provider.
type Cloud interface {
	// Credential logs in with the identity of this process; false: the registry is
	// not this provider's.
	Credential(ctx context.Context, registry string) (Credential, bool, error)
	// Pushed says when the images of a repository were pushed, by tag; false: the
	// registry is not this provider's, or does not tell.
	Pushed(ctx context.Context, repository name.Repository) (map[string]time.Time, bool, error)
}

// Reader asks registries. It keeps nothing between two repositories but
// connections.
type Reader struct {
	o         Options
	transport http.RoundTripper
}

// New is a Reader.
func New(o Options) *Reader {
	return &Reader{o: o, transport: &limits{next: http.DefaultTransport, insecure: o.Insecure, most: o.Request}}
}

// Parse reads an image's name as the kubelet does: docker.io where it says no
// registry, latest where it says no tag.
func (r *Reader) Parse(image string) (name.Reference, error) {
	ref, err := name.ParseReference(image)
	if err == nil && plainHTTP(r.o.Insecure, ref.Context().RegistryStr()) {
		ref, err = name.ParseReference(image, name.Insecure)
	}
	return ref, err
}

// Open is a repository, to be asked with those of the keys that are for it.
func (r *Reader) Open(ctx context.Context, repository name.Repository, keys Keys) (*Repository, error) {
	credentials := keys.For(repository)
	for _, cloud := range r.o.Clouds {
		if len(credentials) > 0 {
			break
		}
		c, ok, err := cloud.Credential(ctx, repository.RegistryStr())
		if err != nil {
			return nil, explain(repository, err)
		}
		if ok {
			credentials = Keys{c}
		}
	}
	if len(credentials) == 0 {
		credentials = Keys{{From: "no credentials", Auth: authn.Anonymous}}
	}
	rep := &Repository{reader: r, name: repository}
	for _, c := range credentials {
		puller, err := remote.NewPuller(remote.WithAuth(c.Auth), remote.WithTransport(r.transport), remote.WithPageSize(pageSize),
			remote.WithUserAgent("quench"), remote.WithRetryBackoff(remote.Backoff{Steps: 1})) // the broker comes again
		if err != nil {
			return nil, err
		}
		rep.ways = append(rep.ways, way{from: c.From, puller: puller})
	}
	return rep, nil
}
