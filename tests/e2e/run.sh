#!/usr/bin/env bash
# make e2e: a cluster, quench's image, and the end-to-end tests. Arguments go to go test.
#
#   E2E_KUBECONFIG  a cluster of your own with Knative, instead of one on this machine. Its nodes must have the images:
#   E2E_IMAGE       quench's (docker build . makes it), and
#   E2E_IMAGES      the tests' own, a name with %s in it (default dev.local/%s:e2e): the archives that E2E_LOAD is called
#                   with, one a call, have them. For kind: E2E_LOAD="kind load image-archive".
#   KEEP=1          leaves the cluster up: the next run is quicker, and it can be looked at.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/e2e/prepare.sh
if [ $# = 0 ] && [ -z "${E2E_KUBECONFIG:-}" ]; then
	say "testing the cluster itself, and the image"
	# Without vet, which would look at all of Kubernetes; the linters have.
	(cd tests/cluster && QUENCH_E2E=1 CGO_ENABLED=0 go test -trimpath -vet=off -count=1 ./...)
	(cd tests/cluster/parts/kafka && CGO_ENABLED=0 go test -trimpath -vet=off -count=1 ./...)
fi
say "testing"
make --no-print-directory $B/func quench
go test -tags e2e ./tests/e2e -count=1 -v -timeout 60m "$@"
