// Package knative holds the manifests that quench is installed with.
package knative

import "embed"

// Base has base/remediations.yaml, the definition of the kind that records are
// kept as: what standalone mode, too, needs of a cluster.
//
//go:embed base/remediations.yaml
var Base embed.FS
