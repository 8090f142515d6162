package enricher_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/tests/kube"
)

const workloads = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: NS}
spec: {replicas: 2, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: NS}
spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {nodeSelector: {none: has}, containers: [{name: c, image: i}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: NS}
spec: {backoffLimit: 0, template: {metadata: {labels: {app: once}}, spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: none, namespace: NS}
spec: {hard: {count/replicasets.apps: "9", pods: "9"}}
---
apiVersion: v1
kind: Pod
metadata: {name: someones, namespace: NS, ownerReferences: [{apiVersion: example.com/v1, kind: Widget, name: mine, uid: "1", controller: true}]}
spec: {containers: [{name: c, image: i}]}
`

// Other owners than Deployments, as their controllers report on them.
func TestOtherOwners(t *testing.T) {
	w := newWorld(t)
	w.apply(t, workloads)
	db := w.pod(t, "db")
	once := w.pod(t, "once")
	w.kubelet(t, once.Name, func(s *corev1.PodStatus) {
		s.Phase = corev1.PodFailed
		s.ContainerStatuses = []corev1.ContainerStatus{{Name: "c", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 0}}}}
	})
	kube.Eventually(t, "Job once to fail", func(ctx context.Context) error {
		job, err := w.kube.BatchV1().Jobs(w.Namespace).Get(ctx, "once", metav1.GetOptions{})
		if err == nil && job.Status.Failed == 0 || err == nil && len(job.Status.Conditions) < 2 {
			err = fmt.Errorf("status %+v", job.Status)
		}
		return err
	})
	kube.Eventually(t, "the DaemonSet to be looked at", func(ctx context.Context) error {
		d, err := w.kube.AppsV1().DaemonSets(w.Namespace).Get(ctx, "agent", metav1.GetOptions{})
		if err == nil && d.Status.ObservedGeneration == 0 {
			err = fmt.Errorf("status %+v", d.Status)
		}
		return err
	})
	for name, test := range map[string]struct {
		labels          []string
		owner, rollout  string
		reason, missing string
	}{
		"a StatefulSet's pod": {[]string{"pod", db.Name}, "StatefulSet db", enriched.RolloutUnavailable, "", ""},
		"a DaemonSet":         {[]string{"daemonset", "agent"}, "DaemonSet agent", enriched.RolloutComplete, "", "DaemonSet " + w.Namespace + "/agent has no pods"},
		"a Job":               {[]string{"job_name", "once"}, "Job once", "", "BackoffLimitExceeded", ""},
		"something unknown":   {[]string{"pod", "someones"}, "Widget mine", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w.log = nil
			got := w.enrich(t, w.alert(test.labels...))
			if got.Owner == nil || got.Owner.Kind+" "+got.Owner.Name != test.owner {
				t.Fatalf("owner %+v, want %s; missing %v", got.Owner, test.owner, got.Missing)
			}
			state := ""
			if got.Rollout != nil {
				state = got.Rollout.State
			}
			if state != test.rollout || test.reason != "" && got.Reason != test.reason || why(got, "pod") != test.missing {
				t.Errorf("rollout %q, reason %q, missing %v", state, got.Reason, got.Missing)
			}
		})
	}
}

// Each state of a Deployment's rollout, as its controller would write it.
func TestRolloutOfADeployment(t *testing.T) {
	w := newWorld(t)
	w.apply(t, deployment("front"))
	pod := w.pod(t, "front")
	progressing := func(status corev1.ConditionStatus, reason string) []appsv1.DeploymentCondition {
		return []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: status, Reason: reason}}
	}
	for name, test := range map[string]struct {
		paused bool
		status appsv1.DeploymentStatus
		want   string
	}{
		"all are available":    {false, appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1, Conditions: progressing("True", "NewReplicaSetAvailable")}, enriched.RolloutComplete},
		"some are old":         {false, appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 1, AvailableReplicas: 1, Conditions: progressing("True", "ReplicaSetUpdated")}, enriched.RolloutProgressing},
		"none was available":   {false, appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, Conditions: progressing("True", "ReplicaSetUpdated")}, enriched.RolloutProgressing},
		"all were available":   {false, appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, Conditions: progressing("True", "NewReplicaSetAvailable")}, enriched.RolloutUnavailable},
		"its deadline is over": {false, appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, Conditions: progressing("False", "ProgressDeadlineExceeded")}, enriched.RolloutStuck},
		"it is paused":         {true, appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}, enriched.RolloutPaused},
	} {
		t.Run(name, func(t *testing.T) {
			// What is read is answered for, because the controller would write its own status back.
			front := w.deploymentAs(t, test.paused, test.status)
			w.around = func(r *http.Request) (*http.Response, error) {
				if !strings.HasSuffix(r.URL.Path, "/deployments/front") {
					return nil, nil
				}
				return answered(r, "application/json", front), nil
			}
			got := w.enrich(t, w.alert("pod", pod.Name))
			if got.Rollout == nil || got.Rollout.State != test.want || got.Rollout.Updated != test.status.UpdatedReplicas {
				t.Errorf("rollout %+v, want %s", got.Rollout, test.want)
			}
		})
	}
}
