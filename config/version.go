package config

import "runtime/debug"

// Version is set when a release is built: -ldflags "-X …/config.Version=v1.2.3".
var Version = "dev"

// revision is set where Go cannot see the repository: -ldflags "-X …/config.revision=1a2b3c".
var revision string

// Revision is the commit that the program was built from, as far as is known.
func Revision() string {
	if revision != "" {
		return revision
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
