# What make e2e and make demo share: a cluster with what the tests use, and quench's image on it. It sets E2E_IMAGE.
# It is read by run.sh, which says what the variables mean, and by demo.sh.
B=.build
say() { echo "== $*"; }

say "building what is used"
make --no-print-directory $B/quench-cluster $B/quench-controlplane $B/alertmanager
mkdir -p $B/e2e
CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $B/e2e/ ./tests/e2e/recorder ./tests/e2e/nothing
$B/quench-cluster archive $B/e2e/images.tar recorder=$B/e2e/recorder nothing=$B/e2e/nothing alertmanager=$B/alertmanager
$B/quench-cluster build

if [ -n "${E2E_KUBECONFIG:-}" ]; then
	: "${E2E_IMAGE:?the reference of quench\'s image on your cluster}"
	if [ -n "${E2E_LOAD:-}" ]; then
		for archive in $B/e2e/images.tar $B/cluster/images.tar; do $E2E_LOAD "$archive"; done
	fi
else
	[ -n "${KEEP:-}" ] || trap '$B/quench-cluster down' EXIT
	say "bringing the cluster up"
	make --no-print-directory cluster
	$B/quench-cluster load $B/e2e/images.tar
	# In a cluster that was kept, the recorder may be of an earlier build.
	$B/kubectl --kubeconfig=$B/cluster/kubeconfig delete pod --namespace=e2e --selector=app=recorder --ignore-not-found
	say "building quench's image"
	E2E_IMAGE=$($B/quench-cluster image --version "$(git describe --tags --always --dirty 2>/dev/null || echo dev)" \
		--revision "$(git rev-parse HEAD 2>/dev/null || echo unknown)")
	E2E_IMAGE=$(go run ./knative/image "${E2E_IMAGE%@*}:e2e")
fi
export E2E_IMAGE
