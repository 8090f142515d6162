package imagepatcher_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/imagepatcher"
	distribution "github.com/quench-dev/quench/tests/registry"
)

func TestPolicies(t *testing.T) {
	w := newWorld(t)
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	digests := map[string]string{}
	for tag, image := range map[string]distribution.Image{
		"1.2.0":         {Built: day(9)},
		"1.9.0":         {Built: day(2)},
		"1.10.0":        {Built: day(3)},
		"1.10.0-alpine": {Built: day(4)},
		"1.11.0":        {Built: day(5), Platforms: []string{"linux/arm64"}}, // no node can run it
		"2.0.0":         {Built: day(6), Platforms: []string{"linux/amd64", "linux/arm64"}},
		"edge":          {Built: day(8)},
		"edge-debug":    {Built: day(10)},
		"reproducible":  {Built: time.Unix(0, 0)},
	} {
		digests[tag] = w.registry.Push(t, "shop/api:"+tag, image)
	}
	w.registry.Push(t, "shop/api-admin:1.99.0", distribution.Image{Built: day(20)}) // its name begins so
	for title, test := range map[string]struct {
		rule     imagepatcher.Setting
		has, get string // get empty: no candidate
		says     string
	}{
		"same major":                  {imagepatcher.Setting{Policy: "same-major"}, ":1.50.0", ":1.10.0", ""},
		"same major, not above":       {imagepatcher.Setting{Policy: "same-major"}, ":1.9.9", ":1.9.0", ""},
		"same major, same suffix":     {imagepatcher.Setting{Policy: "same-major"}, ":1.50.0-alpine", ":1.10.0-alpine", ""},
		"same major, by expression":   {imagepatcher.Setting{Policy: "same-major", Tags: `1\.[0-9]\.0`}, ":1.50.0", ":1.9.0", ""},
		"same major, none":            {imagepatcher.Setting{Policy: "same-major"}, ":3.0.0", "", "1.10.0, 1.10.0-alpine, 1.11.0"},
		"same major, no version":      {imagepatcher.Setting{Policy: "same-major"}, ":main", "", `the tag "main" is no version`},
		"same major, no tag":          {imagepatcher.Setting{Policy: "same-major"}, "", "", `the tag "" is no version`},
		"semver":                      {imagepatcher.Setting{Policy: "semver", Constraint: "^1"}, ":main", ":1.10.0", ""},
		"semver, index":               {imagepatcher.Setting{Policy: "semver", Constraint: ">1"}, ":main", ":2.0.0", ""},
		"semver, pinned":              {imagepatcher.Setting{Policy: "semver", Constraint: ">1", Pin: "digest"}, ":main", ":2.0.0@" + digests["2.0.0"], ""},
		"semver, none":                {imagepatcher.Setting{Policy: "semver", Constraint: "~4"}, ":main", "", "seen: "},
		"newest":                      {imagepatcher.Setting{Policy: "newest"}, ":main", ":edge-debug", ""},
		"newest, by expression":       {imagepatcher.Setting{Policy: "newest", Tags: "edge|1.*"}, ":main", ":1.2.0", ""},
		"newest, as a whole":          {imagepatcher.Setting{Policy: "newest", Tags: "edge"}, ":main", ":edge", ""},
		"newest, no time":             {imagepatcher.Setting{Policy: "newest", Tags: "repro.*"}, ":main", "", "reproducible"},
		"newest, from a digest":       {imagepatcher.Setting{Policy: "newest", Tags: "edge"}, "@" + strings.Repeat("0", 7), "", "it is no image's name"},
		"last good, has had no other": {imagepatcher.Setting{Policy: "last-good"}, ":main", "", "no earlier revision had another image"},
	} {
		t.Run(title, func(t *testing.T) {
			name := strings.NewReplacer(" ", "-", ",", "").Replace(title)
			has := w.image("shop/api" + test.has)
			pod := w.deploy(t, name, has)
			w.waits(t, pod, "app", "ImagePullBackOff")
			o := deliver(t, w.patcher(t, test.rule), w.alert(t, pod))
			if test.get == "" {
				o.Want(t, function.Skipped, imagepatcher.ReasonNoCandidate)
				if !strings.Contains(o.Message, test.says) {
					t.Errorf("it does not say %q: %s", test.says, o.Message)
				}
				w.wantImage(t, name, has)
				return
			}
			o.Want(t, function.Succeeded, imagepatcher.ReasonPatched)
			w.wantImage(t, name, w.image("shop/api"+test.get))
		})
	}
}

func TestNoCandidateTellsABoundedListOfWhatThereIs(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.have(t, fmt.Sprintf("api:build-%02d", i))
	}
	for title, test := range map[string]struct {
		image string
		says  []string
	}{
		"tags":          {"api:1.0.0", []string{w.image("api:1.0.0") + " (not in the registry", "build-00, build-01", "and 11 more"}},
		"no repository": {"apis:1.0.0", []string{"there is no such repository", "404"}},
	} {
		t.Run(title, func(t *testing.T) {
			name := strings.ReplaceAll(title, " ", "-")
			pod := w.deploy(t, name, w.image(test.image))
			w.waits(t, pod, "app", "ImagePullBackOff")
			o := deliver(t, w.patcher(t, imagepatcher.Setting{Policy: "same-major"}), w.alert(t, pod))
			o.Want(t, function.Skipped, imagepatcher.ReasonNoCandidate)
			for _, says := range test.says {
				if !strings.Contains(o.Message, says) {
					t.Errorf("it does not say %q: %s", says, o.Message)
				}
			}
			if strings.Contains(o.Message, "build-25") {
				t.Errorf("it says all: %s", o.Message)
			}
			w.wantImage(t, name, w.image(test.image))
		})
	}
}

// A registry that breaks: one that answers what a real one cannot be made to.
func TestRegistryErrorChangesNothing(t *testing.T) {
	w := newWorld(t)
	for title, test := range map[string]struct {
		code   int
		reason string // empty: 503
	}{
		"500": {500, ""},
		"503": {503, ""},
		"429": {429, ""},
		"401": {401, imagepatcher.ReasonRegistryDenied},
		"403": {403, imagepatcher.ReasonRegistryDenied},
		"400": {400, imagepatcher.ReasonRegistryAnswer},
	} {
		t.Run(title, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v2/" {
					http.Error(w, "secret-in-a-message", test.code)
				}
			}))
			t.Cleanup(s.Close)
			at := strings.TrimPrefix(s.URL, "http://")
			name := "broken-" + title
			pod := w.broken(t, name, at+"/api:1", at+"/api:2")
			for _, policy := range []string{"last-good", "same-major", "newest"} {
				f, e := w.patcher(t, imagepatcher.Setting{Policy: policy}), w.alert(t, pod, "policy", policy)
				if test.reason == "" {
					wantRetry(t, f, e)
					continue
				}
				o := deliver(t, f, e)
				o.Want(t, function.Failed, test.reason)
				if !strings.Contains(o.Message, at) || strings.Contains(string(o.Raw), "secret-in-a-message") {
					t.Errorf("it does not name the registry, or says what it wrote: %s", o.Message)
				}
			}
			w.wantImage(t, name, at+"/api:2")
		})
	}
	t.Run("away", func(t *testing.T) {
		s := httptest.NewServer(http.NotFoundHandler())
		at := strings.TrimPrefix(s.URL, "http://")
		s.Close()
		pod := w.broken(t, "away", at+"/api:1", at+"/api:2")
		wantRetry(t, w.patcher(t, lastGood), w.alert(t, pod))
		w.wantImage(t, "away", at+"/api:2")
	})
	t.Run("no such host", func(t *testing.T) { // a slip in the registry's name, and the last image was another's
		w.have(t, "api:1")
		pod := w.broken(t, "slip", w.image("api:1"), "registry.invalid/api:2")
		deliver(t, w.patcher(t, lastGood), w.alert(t, pod)).Want(t, function.Succeeded, imagepatcher.ReasonPatched)
		w.wantImage(t, "slip", w.image("api:1"))
	})
}
