package registry

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// Credential is what a registry may be shown.
type Credential struct {
	From string // for people: Secret shop/regcred
	Auth authn.Authenticator

	host, path string // for which repositories, of a pull secret
}

// Format implements fmt.Formatter: whatever prints it, it is what it is called.
func (c Credential) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.From) }

// Keys are credentials of pull secrets.
type Keys []Credential

// For are the keys for a repository, chosen as the kubelet does: host for host
// with its port, where * stands for a part between dots; then the beginning of the path. The
// longest path comes first, then the order of the secrets.
func (k Keys) For(repository name.Repository) Keys {
	var fit Keys
	for _, c := range k {
		if sameHost(c.host, repository.RegistryStr()) && strings.HasPrefix(repository.RepositoryStr(), c.path) {
			fit = append(fit, c)
		}
	}
	slices.SortStableFunc(fit, func(a, b Credential) int { return len(b.path) - len(a.path) })
	return fit
}

// sameHost compares part by part; a port must be there on both sides or on none.
func sameHost(pattern, host string) bool {
	pattern, patternPort, _ := strings.Cut(pattern, ":")
	host, port, _ := strings.Cut(host, ":")
	want, have := strings.Split(pattern, "."), strings.Split(host, ".")
	if patternPort != port || len(want) != len(have) {
		return false
	}
	for i := range want {
		if ok, err := path.Match(want[i], have[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

// place reads what a Docker configuration calls a registry, such as
// https://index.docker.io/v1/ or example.com:5000/team.
func place(key string) (host, repository string, ok bool) {
	if !strings.Contains(key, "://") {
		key = "https://" + key
	}
	u, err := url.Parse(key)
	if err != nil || u.Host == "" {
		return "", "", false
	}
	repository = strings.Trim(u.Path, "/")
	if repository == "v1" || repository == "v2" {
		repository = ""
	}
	host = u.Host
	if host == "docker.io" || host == "registry-1.docker.io" {
		host = name.DefaultRegistry
	}
	return host, repository, true
}
