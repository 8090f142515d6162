#!/usr/bin/env bash
# make demo: the cluster of make e2e, left up with everything installed, and a real alert that fires. Arguments go to
# the demonstration: --once ends it with the story. With E2E_KUBECONFIG it runs on a cluster of your own, see run.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
KEEP=1
source tests/e2e/prepare.sh
export E2E_KUBECONFIG=${E2E_KUBECONFIG:-$PWD/$B/cluster/kubeconfig}
exec go run ./tests/e2e/demo "$@"
