package rollback_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/rollback"
	"github.com/quench-dev/quench/function/target"
	"github.com/quench-dev/quench/tests/kube"
)

// Each case has a Deployment shop with two releases, app:1 and app:2, and does what would bring back app:1, but for what
// the case is about.
func TestSkips(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(t *testing.T, w *world)
		labels  func(t *testing.T, w *world) []string
		started time.Duration // since now
		to      string
		reason  string
		says    string
	}{
		"paused": {
			prepare: func(t *testing.T, w *world) { w.kubectl(t, "rollout", "pause", "deployment/shop") },
			reason:  rollback.ReasonPaused, says: "kubectl rollout resume",
		},
		"paused with changes that are not rolled out": {
			prepare: func(t *testing.T, w *world) {
				w.kubectl(t, "rollout", "pause", "deployment/shop")
				w.kubectl(t, "set", "image", "deployment/shop", "app=app:3")
			},
			reason: rollback.ReasonPaused, says: "kubectl rollout resume",
		},
		"no earlier revision": {
			prepare: func(t *testing.T, w *world) {
				w.kubectl(t, "delete", "replicaset", "-l", "pod-template-hash="+hash(t, w, "app:1"))
			},
			reason: rollback.ReasonNoEarlierRevision, says: "no revision before revision 2",
		},
		"pod of an earlier revision": {
			labels: func(t *testing.T, w *world) []string { return []string{"pod", w.pod(t, "shop", "app:1")} },
			reason: rollback.ReasonNotCurrent, says: "the current one is revision 2",
		},
		"no pod, and started before the current revision": {
			started: -time.Hour,
			reason:  rollback.ReasonUnknownRevision, says: "may be about an earlier one",
		},
		"no pod, and the current revision was brought back by somebody": {
			prepare: func(t *testing.T, w *world) {
				w.kubectl(t, "rollout", "undo", "deployment/shop")
				w.settled(t, "Deployment", "shop", "app:1")
			},
			reason: rollback.ReasonUnknownRevision, says: "has been current before",
		},
		"the earlier revision was left by somebody": {
			prepare: func(t *testing.T, w *world) {
				w.kubectl(t, "rollout", "undo", "deployment/shop")
				w.settled(t, "Deployment", "shop", "app:1")
			},
			labels: func(t *testing.T, w *world) []string { return []string{"pod", w.pod(t, "shop", "app:1")} },
			reason: rollback.ReasonLeftBefore, says: "was left for revision 3",
		},
		"the annotation's revision is not there": {
			prepare: func(t *testing.T, w *world) { w.annotate(t, "shop", "quench.dev/rollback-to", "7") },
			reason:  rollback.ReasonRevisionNotFound, says: `quench.dev/rollback-to="7"`,
		},
		"the annotation is no number": {
			prepare: func(t *testing.T, w *world) {
				w.annotate(t, "shop", "quench.dev/rollback-to", "last")
			},
			reason: rollback.ReasonRevisionNotFound, says: "want the number of a revision",
		},
		"the annotation is the current revision": {
			prepare: func(t *testing.T, w *world) { w.annotate(t, "shop", "quench.dev/rollback-to", "2") },
			reason:  rollback.ReasonSameTemplate,
		},
		"none is known to be good": {
			to:     rollback.KnownGood,
			reason: rollback.ReasonNoKnownGood, says: "quench.dev/known-good",
		},
		"the earlier one was rolled back": {
			prepare: func(t *testing.T, w *world) {
				w.mark(t, hash(t, w, "app:1"), "quench.dev/rolled-back", "UID 2026-11-20T22:00:00Z e1")
			},
			reason: rollback.ReasonKnownBad, says: "remove the annotation quench.dev/rolled-back of shop-",
		},
		"the known good one was rolled back": {
			prepare: func(t *testing.T, w *world) {
				w.mark(t, hash(t, w, "app:1"), "quench.dev/known-good", "UID 2026-11-20T22:00:00Z")
				w.mark(t, hash(t, w, "app:1"), "quench.dev/rolled-back", "UID 2026-11-20T22:00:00Z e1")
			},
			to: rollback.KnownGood, reason: rollback.ReasonNoKnownGood,
		},
		"a mark that was copied from elsewhere makes none known to be good": {
			prepare: func(t *testing.T, w *world) {
				w.mark(t, hash(t, w, "app:1"), "quench.dev/known-good", "another 2026-11-20T22:00:00Z")
			},
			to: rollback.KnownGood, reason: rollback.ReasonNoKnownGood,
		},
		"no label that names an object": {
			labels: func(*testing.T, *world) []string { return []string{"severity", "critical"} },
			reason: target.ReasonNoTarget, says: "none of the labels pod, deployment, statefulset",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.releases(t, "Deployment", "shop", "app:1", "app:2")
			if test.prepare != nil {
				test.prepare(t, w)
			}
			labels := []string{"deployment", "shop"}
			if test.labels != nil {
				labels = test.labels(t, w)
			}
			before, err := w.state(t.Context(), "Deployment", "shop")
			if err != nil {
				t.Fatal(err)
			}
			a := w.alert(labels...)
			a.StartsAt = a.StartsAt.Add(test.started)
			f := w.functionOn(t, w.Client, rollback.Options{To: test.to})
			o := functiontest.Handle(t, f, functiontest.Event(t, a, w.Clock.Now()))
			o.Want(t, function.Skipped, test.reason)
			if !strings.Contains(o.Message, test.says) {
				t.Errorf("message is %q, want it to say %q", o.Message, test.says)
			}
			after := w.wantImage(t, "Deployment", "shop", before.image)
			if fmt.Sprint(after.annotations) != fmt.Sprint(before.annotations) {
				t.Errorf("annotations are %v, were %v", after.annotations, before.annotations)
			}
		})
	}
}

func hash(t *testing.T, w *world, image string) string {
	t.Helper()
	s, err := w.state(t.Context(), "Deployment", "shop")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(s.of(t, image).name, "shop-")
}

// mark annotates the ReplicaSet with a hash; UID becomes its own.
func (w *world) mark(t *testing.T, hash, annotation, value string) {
	t.Helper()
	rs, err := w.kube.AppsV1().ReplicaSets(w.Namespace).Get(t.Context(), "shop-"+hash, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.kubectl(t, "annotate", "replicaset", rs.Name, annotation+"="+strings.Replace(value, "UID", string(rs.UID), 1))
}

// What is not a rollout cannot be rolled back; what is not there, neither.
func TestTargetsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	kube.Apply(t, w.Config, []byte(strings.ReplaceAll(`
apiVersion: batch/v1
kind: Job
metadata: {name: nightly, namespace: NAMESPACE}
spec: {template: {metadata: {labels: {app: nightly}}, spec: {restartPolicy: Never, containers: [{name: c, image: "app:1"}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: NAMESPACE}
spec: {containers: [{name: c, image: "app:1"}]}
`, "NAMESPACE", w.Namespace)))
	for name, test := range map[string]struct {
		alert  *alert.Alert
		reason string
		says   string
	}{
		"a Job's pod":         {w.alert("pod", w.pod(t, "nightly", "app:1")), target.ReasonUnsupported, "Job " + w.Namespace + "/nightly"},
		"a Job":               {w.alert("job_name", "nightly"), target.ReasonUnsupported, "only these can be acted on: Deployment, StatefulSet, DaemonSet"},
		"a pod of nobody":     {w.alert("pod", "alone"), target.ReasonUnsupported, "Pod " + w.Namespace + "/alone"},
		"a pod that is gone":  {w.alert("pod", "shop-5d9c7b4f6c-x2x7k"), target.ReasonTargetNotFound, "does not exist"},
		"a Deployment":        {w.alert("deployment", "shop"), target.ReasonTargetNotFound, "Deployment " + w.Namespace + "/shop"},
		"nothing, being over": {functiontest.Resolved(w.alert("deployment", "shop")), target.ReasonTargetNotFound, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			o := w.handle(t, test.alert)
			o.Want(t, function.Skipped, test.reason)
			if !strings.Contains(o.Message, test.says) {
				t.Errorf("message is %q, want it to say %q", o.Message, test.says)
			}
		})
	}
}

// Whoever else looks after the object is in the plan; policy decides whether it is changed all the same.
func TestManagersAreInThePlan(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "Deployment", "shop", "app:1", "app:2")
	w.kubectl(t, "label", "deployment", "shop", "kustomize.toolkit.fluxcd.io/name=apps", "kustomize.toolkit.fluxcd.io/namespace=flux-system")
	w.kubectl(t, "patch", "deployment", "shop", "--type=merge", "-p",
		`{"metadata":{"ownerReferences":[{"apiVersion":"example.com/v1","kind":"Widget","name":"mine","uid":"1","controller":true}]}}`)
	a := w.alert("deployment", "shop")
	steps, err := rollback.New(w.Client, rollback.Options{}).Plan(t.Context(), &function.Request{Function: rollback.Name, Alert: a, EventID: a.ID()})
	if err != nil || len(steps) != 1 {
		t.Fatalf("%d steps, %v", len(steps), err)
	}
	want := []function.Manager{{Kind: function.ManagerController, Name: "Widget mine"}, {Kind: function.ManagerGitOps, Name: "Flux Kustomization flux-system/apps"}}
	p := steps[0].Plan()
	if !slices.Equal(p.Managers, want) || p.Object == nil || p.Object.Name != "shop" || p.Err != nil {
		t.Errorf("plan is %+v", p)
	}
}

func TestDryRunSaysWhatWouldBeDone(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "Deployment", "shop", "app:1", "app:2")
	f, err := function.New(rollback.New(w.Client, rollback.Options{}), function.Options{DryRun: true, Now: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	o := functiontest.Handle(t, f, functiontest.Event(t, w.alert("deployment", "shop"), w.Clock.Now()))
	o.Want(t, function.Planned, function.ReasonDryRun)
	if !strings.Contains(o.Message, "back from revision 2 (shop-") || !strings.Contains(o.Actions[0].Changes[0].Diff, "+    image: app:1\n") {
		t.Errorf("told %+v", o.Actions)
	}
	w.wantImage(t, "Deployment", "shop", "app:2")
}
