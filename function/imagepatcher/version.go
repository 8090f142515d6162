package imagepatcher

import (
	"cmp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// version is a tag that is a semantic version, as strictly or loosely as 1.2.3,
// v1.2 and 1.25-alpine are.
type version struct {
	tag string
	*semver.Version
}

// versions are those of the tags, the highest first; of equal ones the longest
// first, which says most.
func versions(tags []string) []version {
	var all []version
	for _, tag := range tags {
		if v, err := semver.NewVersion(tag); err == nil {
			all = append(all, version{tag, v})
		}
	}
	slices.SortFunc(all, func(a, b version) int {
		return cmp.Or(b.Compare(a.Version), len(b.tag)-len(a.tag), strings.Compare(a.tag, b.tag))
	})
	return all
}

// sameMajor are the tags of the same make as the one that is missing: major, leading v and
// suffix are the same. None is above it: nobody has asked for that.
func sameMajor(tags []string, missing string) ([]string, bool) {
	want, err := semver.NewVersion(missing)
	if err != nil {
		return nil, false
	}
	var fit []string
	for _, v := range versions(tags) {
		if v.Major() == want.Major() && v.Prerelease() == want.Prerelease() && !v.GreaterThan(want) &&
			strings.HasPrefix(v.tag, "v") == strings.HasPrefix(missing, "v") {
			fit = append(fit, v.tag)
		}
	}
	return fit, true
}

// within are the tags within a constraint.
func within(tags []string, constraint *semver.Constraints) []string {
	var fit []string
	for _, v := range versions(tags) {
		if constraint.Check(v.Version) {
			fit = append(fit, v.tag)
		}
	}
	return fit
}
