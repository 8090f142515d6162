package registry_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/quench-dev/quench/function/imagepatcher/registry"
	distribution "github.com/quench-dev/quench/tests/registry"
)

var amd64 = []v1.Platform{{OS: "linux", Architecture: "amd64"}}

func reader(o registry.Options) *registry.Reader {
	if o.Request == 0 {
		o.Request = 5 * time.Second
	}
	return registry.New(o)
}

// look asks about one image as image-patcher does.
func look(t *testing.T, r *registry.Reader, image string, keys registry.Keys, platforms []v1.Platform) (registry.Image, error) {
	t.Helper()
	ref, err := r.Parse(image)
	if err != nil {
		t.Fatal(err)
	}
	repository, err := r.Open(t.Context(), ref.Context(), keys)
	if err != nil {
		return registry.Image{}, err
	}
	return repository.Look(t.Context(), ref, platforms)
}

func tags(t *testing.T, r *registry.Reader, repository string, keys registry.Keys) ([]string, error) {
	t.Helper()
	ref, err := r.Parse(repository)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := r.Open(t.Context(), ref.Context(), keys)
	if err != nil {
		return nil, err
	}
	return opened.Tags(t.Context())
}

func TestLook(t *testing.T) {
	at := distribution.Start(t)
	when := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	one := at.Push(t, "shop/deep/frontend:1.0.0", distribution.Image{Built: when})
	both := at.Push(t, "both:1", distribution.Image{Platforms: []string{"linux/amd64", "linux/arm64/v8"}, Built: when})
	at.Push(t, "latest", distribution.Image{})
	arm := []v1.Platform{{OS: "linux", Architecture: "arm64"}}
	for title, test := range map[string]struct {
		image     string
		platforms []v1.Platform
		digest    string // empty: absent
	}{
		"nested, by tag":           {"shop/deep/frontend:1.0.0", amd64, one},
		"by digest":                {"shop/deep/frontend@" + one, amd64, one},
		"by tag and digest":        {"shop/deep/frontend:any@" + one, amd64, one},
		"another tag":              {"shop/deep/frontend:1.0.1", amd64, ""},
		"a tag that begins so":     {"shop/deep/frontend:1.0", amd64, ""},
		"another repository":       {"shop/deep/front:1.0.0", amd64, ""},
		"a digest of another":      {"both@" + one, amd64, ""},
		"not for the platform":     {"shop/deep/frontend:1.0.0", arm, ""},
		"index":                    {"both:1", amd64, both},
		"index, another platform":  {"both:1", arm, both},
		"index, both":              {"both:1", append(arm, amd64...), both},
		"index, not for a third":   {"both:1", append(amd64, v1.Platform{OS: "linux", Architecture: "s390x"}), ""},
		"no tag is the tag latest": {"latest", amd64, "any"},
	} {
		t.Run(title, func(t *testing.T) {
			is, err := look(t, reader(registry.Options{}), at.Addr+"/"+test.image, nil, test.platforms)
			switch {
			case test.digest == "" && !registry.Absent(err):
				t.Errorf("got %+v, %v, want that it is absent", is, err)
			case test.digest != "" && (err != nil || is.Digest != test.digest && test.digest != "any"):
				t.Errorf("got %+v, %v, want %s", is, err, test.digest)
			case test.digest == one && !is.Created.Equal(when):
				t.Errorf("built %s, want %s", is.Created, when)
			}
		})
	}
}

func TestTags(t *testing.T) {
	at := distribution.Start(t)
	for _, tag := range []string{"1.0.0", "1.1.0", "edge"} {
		at.Push(t, "shop/frontend:"+tag, distribution.Image{})
	}
	at.Push(t, "shop/frontend-admin:9.9.9", distribution.Image{})
	got, err := tags(t, reader(registry.Options{}), at.Addr+"/shop/frontend", nil)
	if slices.Sort(got); err != nil || !slices.Equal(got, []string{"1.0.0", "1.1.0", "edge"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := tags(t, reader(registry.Options{}), at.Addr+"/shop/front", nil); !registry.Absent(err) {
		t.Errorf("got %v, %v, want that it is absent", got, err)
	}
}

// dockerConfig is a pull secret for one registry.
func dockerConfig(t *testing.T, from, host, user, password string) registry.Keys {
	t.Helper()
	text := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	keys, err := registry.ParseSecret(from, &corev1.Secret{
		Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(text)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestPrivateRegistry(t *testing.T) {
	at := distribution.Private(t)
	at.Push(t, "shop/frontend:1.0.0", distribution.Image{})
	image := at.Addr + "/shop/frontend:1.0.0"
	right := dockerConfig(t, "Secret shop/right", at.Addr, distribution.User, distribution.Password)
	wrong := dockerConfig(t, "Secret shop/wrong", at.Addr, distribution.User, "an-old-password")
	other := dockerConfig(t, "Secret shop/other", "example.com", distribution.User, distribution.Password)

	for title, keys := range map[string]registry.Keys{"right": right, "wrong, then right": append(wrong, right...), "another's, then right": append(other, right...)} {
		if _, err := look(t, reader(registry.Options{}), image, keys, amd64); err != nil {
			t.Errorf("%s: %v", title, err)
		}
	}
	for title, test := range map[string]struct {
		keys  registry.Keys
		tried []string
	}{
		"wrong":      {append(wrong, other...), []string{"Secret shop/wrong"}},
		"another's":  {other, []string{"no credentials"}},
		"none":       {nil, []string{"no credentials"}},
		"wrong path": {dockerConfig(t, "Secret shop/path", at.Addr+"/team", distribution.User, distribution.Password), []string{"no credentials"}},
	} {
		_, err := look(t, reader(registry.Options{}), image, test.keys, amd64)
		var denied *registry.DeniedError
		if !errors.As(err, &denied) || !slices.Equal(denied.Tried, test.tried) || denied.Repository != at.Addr+"/shop/frontend" {
			t.Errorf("%s: got %v", title, err)
		}
		if err != nil && (strings.Contains(err.Error(), distribution.Password) || strings.Contains(err.Error(), "an-old-password")) {
			t.Errorf("%s: the error has the password: %v", title, err)
		}
	}
}

// before is a registry that answers itself where the function says so, and passes on what it does not. A real one
// cannot be made to break at will.
func before(t *testing.T, at *distribution.Registry, answer func(w http.ResponseWriter, r *http.Request) bool) string {
	t.Helper()
	to, err := url.Parse("http://" + at.Addr)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(to)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			pass.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestRegistryBreaks(t *testing.T) {
	at := distribution.Start(t)
	at.Push(t, "shop:1", distribution.Image{})
	says := func(code int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/manifests/") {
				http.Error(w, body, code)
			}
			return strings.Contains(r.URL.Path, "/manifests/")
		}
	}
	away := func(err error) bool {
		var away *registry.AwayError
		return errors.As(err, &away)
	}
	var denied *registry.DeniedError
	for title, test := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request) bool
		is     func(error) bool
	}{
		"500": {says(500, ""), away},
		"502": {says(502, "<html>"), away},
		"503": {says(503, `{"errors": [{"code": "UNAVAILABLE"}]}`), away},
		"429": {says(429, `{"errors": [{"code": "TOOMANYREQUESTS", "message": "secret-in-a-message"}]}`), away},
		"401": {says(401, ""), func(err error) bool { return errors.As(err, &denied) }},
		"403": {says(403, `{"errors": [{"code": "DENIED", "message": "secret-in-a-message"}]}`), func(err error) bool { return errors.As(err, &denied) }},
		"404": {says(404, "not even JSON"), registry.Absent},
		"400": {says(400, `{"errors": [{"code": "NAME_INVALID secret-in-a-message"}]}`), func(err error) bool { return !away(err) && !registry.Absent(err) }},
		"nonsense": {func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/manifests/") {
				w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
				_, _ = w.Write([]byte("secret-in-a-message"))
				return true
			}
			return false
		}, func(err error) bool { return errors.Is(err, registry.ErrUnreadable) }},
		"too large": {func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/manifests/") {
				w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
				_, _ = w.Write(make([]byte, registry.MaxBytes+1))
				return true
			}
			return false
		}, func(err error) bool { return errors.Is(err, registry.ErrTooLarge) }},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/manifests/") {
				<-r.Context().Done()
				return true
			}
			return false
		}, away},
		"hangs up": {func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, away},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			_, err := look(t, reader(registry.Options{Request: time.Second}), before(t, at, test.answer)+"/shop:1", nil, amd64)
			if err == nil || !test.is(err) {
				t.Errorf("got %v (%T)", err, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret-in-a-message") {
				t.Errorf("the error has what the registry wrote: %v", err)
			}
		})
	}
	t.Run("is not there", func(t *testing.T) {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		if _, err := look(t, reader(registry.Options{}), strings.TrimPrefix(gone.URL, "http://")+"/shop:1", nil, amd64); !away(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("has no such host", func(t *testing.T) {
		_, err := look(t, reader(registry.Options{}), "registry.invalid/shop:1", nil, amd64)
		var away *registry.AwayError
		if !errors.As(err, &away) || !away.NoHost {
			t.Errorf("got %v", err)
		}
	})
}

func TestTagsAreBounded(t *testing.T) {
	at := distribution.Start(t)
	pages := 0
	endless := before(t, at, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		pages++
		w.Header().Set("Link", fmt.Sprintf("</v2/shop/tags/list?last=%d>; rel=next", pages))
		fmt.Fprintf(w, `{"tags": [%s"x"]}`, strings.Repeat(`"x",`, 999))
		return true
	})
	if _, err := tags(t, reader(registry.Options{}), endless+"/shop", nil); !errors.Is(err, registry.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if pages > registry.MaxTags/1000+1 {
		t.Errorf("read %d pages", pages)
	}
}

// Nothing, and so no password, goes over plain HTTP to a registry that is not named.
func TestPlainHTTPIsForThoseThatAreNamed(t *testing.T) {
	const host, port = "registry.example.com", "5000"
	for title, test := range map[string]struct {
		insecure []string
		plain    bool
	}{
		"not named":      {nil, false},
		"another port":   {[]string{host + ":1"}, false},
		"host":           {[]string{host}, true},
		"host and port":  {[]string{host + ":" + port}, true},
		"a part of it":   {[]string{"registry"}, false},
		"ends like this": {[]string{"example.com"}, false},
	} {
		r := reader(registry.Options{Insecure: test.insecure})
		ref, err := r.Parse(host + ":" + port + "/shop:1")
		if err != nil {
			t.Fatal(err)
		}
		if got := ref.Context().Scheme() == "http"; got != test.plain {
			t.Errorf("%s: plain is %t", title, got)
		}
	}
	ref, err := name.ParseReference("10.1.2.3:5000/shop:1") // go-containerregistry takes private addresses for plain ones
	if err != nil || ref.Context().Scheme() != "http" {
		t.Fatal(ref, err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://10.1.2.3:5000/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Limits(nil).RoundTrip(request); err == nil || !strings.Contains(err.Error(), "INSECURE_REGISTRIES") { //nolint:bodyclose // there is none
		t.Errorf("got %v", err)
	}
}
