//go:build e2e

package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

var update = flag.Bool("update", false, "write the files of testdata/rights anew")

// Each ServiceAccount can do what its function needs and nothing else. What stands beside that in the files is what every
// account of a cluster can do: ask who it is and what it may, and read which APIs there are.
func TestServiceAccountsHaveTheRightsThatTheyNeedAndNoOther(t *testing.T) {
	for _, account := range []string{"adapter", "dead-letter", "job-results", "job-results-source", "job-runner", "keys", "rollback", "image-patcher", "enricher", "default"} {
		t.Run(account, func(t *testing.T) { compareRights(t, account) })
	}
}

func compareRights(t *testing.T, account string) {
	t.Helper()
	got := "In the namespace quench\n\n" + rights(t, account, quench) +
		"\nIn the namespace default\n\n" + rights(t, account, "default")
	file := filepath.Join("testdata", "rights", account+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s can do\n%s\nwant (go test -run %s -update writes it anew)\n%s", account, got, t.Name(), want)
	}
}

// rights are what kubectl auth can-i --list says, a row a line, sorted, with one blank between columns.
func rights(t testing.TB, account, namespace string) string {
	t.Helper()
	table := must(t, "", "auth", "can-i", "--list", "--no-headers", "-n", namespace, "--as", user(account))
	var rows []string
	for row := range strings.Lines(table) {
		rows = append(rows, strings.Join(strings.Fields(row), " ")+"\n")
	}
	slices.Sort(rows)
	return strings.Join(slices.Compact(rows), "") // roles overlap
}

func user(account string) string { return "system:serviceaccount:" + quench + ":" + account }

// What would hurt most, asked one by one: no account of quench's may do any of it.
func TestNoServiceAccountCanDoHarm(t *testing.T) {
	for _, right := range []struct{ verb, resource, namespace string }{
		{"get", "secrets", quench},
		{"list", "secrets", quench},
		{"create", "serviceaccounts/token", quench},
		{"create", "pods", quench},
		{"delete", "pods", quench},
		{"create", "pods/exec", quench},
		{"patch", "jobs.batch", quench},
		{"create", "cronjobs.batch", quench},
		{"update", "triggers.eventing.knative.dev", quench},
		{"update", "services.serving.knative.dev", quench},
		{"update", "configmaps", quench},
		{"create", "rolebindings.rbac.authorization.k8s.io", quench},
		{"patch", "deployments.apps", quench},
		{"create", "jobs.batch", "default"},
		{"get", "pods/log", "default"},
		{"patch", "deployments.apps", "default"},
		{"get", "remediations.quench.dev", "default"},
		{"delete", "remediations.quench.dev", e2e},
		{"get", "leases.coordination.k8s.io", "kube-system"},
		{"get", "nodes", ""},
		{"list", "namespaces", ""},
		{"impersonate", "users", ""},
	} {
		for _, account := range []string{"adapter", "dead-letter", "job-results", "job-results-source", "job-runner", "keys", "rollback", "image-patcher", "enricher", "default"} {
			if can(t, account, right.verb, right.resource, right.namespace) {
				t.Errorf("%s can %s %s in the namespace %q", account, right.verb, right.resource, right.namespace)
			}
		}
	}
	// The question is put as it is meant: where there is the right, the answer is yes.
	if !can(t, "job-runner", "create", "jobs.batch", quench) || can(t, "adapter", "create", "jobs.batch", quench) {
		t.Error("job-runner cannot create Jobs in quench's namespace, or the adapter can")
	}
}

// can is what kubectl auth can-i answers, asked in the same way but without a process for each question.
func can(t testing.TB, account, verb, resource, namespace string) bool {
	t.Helper()
	config := rest.CopyConfig(cluster.config)
	config.Impersonate.UserName = user(account)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	resource, subresource, _ := strings.Cut(resource, "/")
	resource, group, _ := strings.Cut(resource, ".")
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: verb, Group: group, Resource: resource, Subresource: subresource, Namespace: namespace,
		},
	}}
	review, err = client.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("ask whether %s can %s %s: %v", account, verb, resource, err)
	}
	return review.Status.Allowed
}
