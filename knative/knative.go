// Package knative holds the manifests that quench is installed with.
package knative

import "embed"

// Base is the folder base: what every installation has.
//
//go:embed base
var Base embed.FS
