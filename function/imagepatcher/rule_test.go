package imagepatcher

import (
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-containerregistry/pkg/name"
)

func TestSplit(t *testing.T) {
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for text, want := range map[string]image{
		"nginx":                                  {"nginx", "", ""},
		"nginx:1.25":                             {"nginx", "1.25", ""},
		"host:5000/nginx":                        {"host:5000/nginx", "", ""},
		"host:5000/a/b/c:v1":                     {"host:5000/a/b/c", "v1", ""},
		"a/b@" + digest:                          {"a/b", "", digest},
		"host:5000/a/b/c:v1@" + digest:           {"host:5000/a/b/c", "v1", digest},
		"[::1]:5000/nginx:1":                     {"[::1]:5000/nginx", "1", ""},
		"registry.example.com/team/app:2024-1.x": {"registry.example.com/team/app", "2024-1.x", ""},
	} {
		got := split(text)
		if got != want || got.String() != text {
			t.Errorf("%s: got %+v, %s", text, got, got)
		}
	}
}

func TestParse(t *testing.T) {
	rules, err := Parse("images.yaml", []byte(`
images:
- {repository: registry.example.com/shop/*, policy: semver, constraint: ~1.4, tags: 'v?[0-9.]+', pin: digest}
- repository: docker.io/library/**
`))
	if err != nil || len(rules) != 2 {
		t.Fatal(rules, err)
	}
	if r := rules[0]; r.Policy != Semver || !r.Digest || !r.Tags.MatchString("v1.4") || r.Tags.MatchString("v1.4-rc") || r.Tags.MatchString("x1.4") {
		t.Errorf("got %+v", r)
	}
	if r := rules[1]; r.Policy != LastGood || r.Digest || r.Tags != nil {
		t.Errorf("got %+v", r)
	}
	for title, test := range map[string]struct{ text, says string }{
		"unknown section":  {"image: []", `images.yaml: unknown field "image"; want images:`},
		"no list":          {"images: {}", "images.yaml: images: got a object, want a list"},
		"empty":            {"", "images.yaml: no rules; want images:"},
		"twice":            {"images: []\nimages: []", "images.yaml: "},
		"unknown field":    {"images: [{repository: a, tag: b}]", `images.yaml: images[0]: unknown field "tag"`},
		"no repository":    {"images: [{repository: a}, {policy: newest}]", "images.yaml: images[1]: repository: missing"},
		"bad pattern":      {"images: [{repository: 'a/[b'}]", `images.yaml: images[0]: repository: got "a/[b", want a pattern`},
		"number":           {"images: [{repository: a, policy: semver, constraint: 1.10}]", "images.yaml: images[0]: constraint: got a number, want a string, in quotes"},
		"bad policy":       {"images: [{repository: a, policy: latest}]", `images.yaml: images[0]: policy: got "latest", want last-good, same-major, semver or newest`},
		"no constraint":    {"images: [{repository: a, policy: semver}]", "images.yaml: images[0]: constraint: missing"},
		"bad constraint":   {"images: [{repository: a, policy: semver, constraint: new}]", `images.yaml: images[0]: constraint: got "new", want versions`},
		"needless":         {"images: [{repository: a, constraint: '1'}]", "images.yaml: images[0]: constraint: goes with policy semver"},
		"bad expression":   {"images: [{repository: a, policy: newest, tags: '('}]", `images.yaml: images[0]: tags: got "(", want a regular expression`},
		"needless tags":    {"images: [{repository: a, tags: x}]", "images.yaml: images[0]: tags: goes with policy same-major, semver or newest"},
		"bad pin":          {"images: [{repository: a, pin: yes please}]", `images.yaml: images[0]: pin: got "yes please", want tag or digest`},
		"no mapping":       {"images: [a]", "images.yaml: images[0]: got a string, want a mapping"},
		"each is reported": {"images: [{repository: a, pin: x}, {repository: b, pin: x}]", "images[1]: pin"},
	} {
		if _, err := Parse("images.yaml", []byte(test.text)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %q", title, err, test.says)
		}
	}
}

func TestRuleMatches(t *testing.T) {
	for pattern, want := range map[string]map[string]bool{
		"docker.io/library/nginx": {"nginx": true, "nginx:1": true, "docker.io/nginx": true, "nginx-extras": false, "team/nginx": false},
		"host:5000/shop/*":        {"host:5000/shop/a": true, "host:5000/shop/a/b": false, "host:5000/shop-b/a": false, "host/shop/a": false},
		"host:5000/**":            {"host:5000/a": true, "host:5000/a/b/c": true, "host:5001/a": false},
		"host:5000/shop/a-?":      {"host:5000/shop/a-1": true, "host:5000/shop/a-12": false},
	} {
		for text, matches := range want {
			ref, err := name.ParseReference(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := (Rule{Repository: pattern}).matches(fullName(ref.Context())); got != matches {
				t.Errorf("%s matches %s: %t", pattern, text, got)
			}
		}
	}
}

func TestVersions(t *testing.T) {
	tags := []string{
		"latest", "1", "1.2", "1.2.0", "1.2.10", "1.2.9", "v1.2.11", "1.3.0", "1.3.0-rc.1", "1.2.10-alpine", "1.2.9-alpine", "2.0.0", "10.0.0", "sha-1.2.12", "1.2.10-",
	}
	for missing, want := range map[string][]string{
		"1.2.99":        {"1.2.10", "1.2.9", "1.2.0", "1.2", "1"}, // numbers, not text; none above it
		"1.9":           {"1.3.0", "1.2.10", "1.2.9", "1.2.0", "1.2", "1"},
		"v1.9":          {"v1.2.11"},
		"1.2.99-alpine": {"1.2.10-alpine", "1.2.9-alpine"},
		"3.0.0":         nil,
		"0.9":           nil,
	} {
		if got, ok := sameMajor(tags, missing); !ok || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %t, want %v", missing, got, ok, want)
		}
	}
	for _, missing := range []string{"", "latest", "sha-1.2.3", "main"} {
		if got, ok := sameMajor(tags, missing); ok {
			t.Errorf("%q: got %v", missing, got)
		}
	}
	for text, want := range map[string][]string{
		"~1.2":     {"v1.2.11", "1.2.10", "1.2.9", "1.2.0", "1.2"},
		">=2":      {"10.0.0", "2.0.0"},
		"1.3.0-rc": nil,
		">3 <10":   nil,
	} {
		constraint, err := semver.NewConstraint(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := within(tags, constraint); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}
