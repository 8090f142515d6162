package imagepatcher

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-containerregistry/pkg/name"
)

// Policy says which image is taken.
type Policy string

// The policies. LastGood takes the image of the newest earlier revision of the workload whose
// image is there; the others look at the repository's tags.
const (
	LastGood  Policy = "last-good"
	SameMajor Policy = "same-major" // the highest version of the same major, not above the one that is missing
	Semver    Policy = "semver"     // the highest version within a constraint
	Newest    Policy = "newest"     // the one pushed last or, where the registry does not tell, built last
)

// Rule is what is done about images of a repository.
type Rule struct {
	Repository string // pattern; empty matches all
	Policy     Policy
	Constraint *semver.Constraints
	Tags       *regexp.Regexp // nil: all
	Digest     bool           // write tag and digest
}

// Setting is a rule as people write it.
type Setting struct {
	Repository string `json:"repository"`
	Policy     string `json:"policy"`
	Constraint string `json:"constraint"`
	Tags       string `json:"tags"`
	Pin        string `json:"pin"`
}

// Rule checks a setting. field calls a field what its writer does.
func (s Setting) Rule(field func(string) string) (Rule, error) {
	var errs []error
	wrong := func(name, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", field(name), fmt.Sprintf(format, args...)))
	}
	r := Rule{Repository: s.Repository, Policy: Policy(s.Policy), Digest: s.Pin == "digest"}
	for part := range strings.SplitSeq(s.Repository, "/") {
		if _, err := path.Match(part, ""); err != nil {
			wrong("repository", "got %q, want a pattern such as registry.example.com/shop/*", s.Repository)
		}
	}
	switch r.Policy {
	case "":
		r.Policy = LastGood
	case LastGood, SameMajor, Semver, Newest:
	default:
		wrong("policy", "got %q, want last-good, same-major, semver or newest", s.Policy)
	}
	var err error
	switch {
	case r.Policy == Semver && s.Constraint == "":
		wrong("constraint", "missing; want the versions that will do, such as ~1.4")
	case r.Policy != Semver && s.Constraint != "":
		wrong("constraint", "goes with policy semver")
	case s.Constraint != "":
		if r.Constraint, err = semver.NewConstraint(s.Constraint); err != nil {
			wrong("constraint", "got %q, want versions such as ~1.4 or >=1.2 <2", s.Constraint)
		}
	}
	if s.Tags != "" {
		if r.Policy == LastGood {
			wrong("tags", "goes with policy same-major, semver or newest")
		}
		if r.Tags, err = regexp.Compile(`^(?:` + s.Tags + `)$`); err != nil {
			wrong("tags", "got %q, want a regular expression (RE2), such as v[0-9.]+", s.Tags)
		}
	}
	if s.Pin != "" && s.Pin != "tag" && s.Pin != "digest" {
		wrong("pin", "got %q, want tag or digest", s.Pin)
	}
	return r, errors.Join(errs...)
}

// matches compares part by part; ** at the end stands for one part or more.
func (r Rule) matches(repository string) bool {
	if r.Repository == "" {
		return true
	}
	want, have := strings.Split(r.Repository, "/"), strings.Split(repository, "/")
	if last := len(want) - 1; want[last] == "**" && len(have) > last {
		want, have = want[:last], have[:last]
	}
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if ok, err := path.Match(want[i], have[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

// fullName is what rules' patterns are compared with: docker.io/library/nginx for
// nginx.
func fullName(r name.Repository) string {
	if r.RegistryStr() == name.DefaultRegistry {
		return "docker.io/" + r.RepositoryStr()
	}
	return r.Name()
}
