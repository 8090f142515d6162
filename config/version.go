package config

import "runtime/debug"

// Version is set when a release is built: -ldflags "-X …/config.Version=v1.2.3".
var Version = "dev"

// Revision is the commit that the program was built from, as far as Go knows.
func Revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
