package enricher_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/functiontest"
)

// Of an image that cannot be pulled every part is told.
func TestEveryPart(t *testing.T) {
	w := newWorld(t)
	w.apply(t, deployment("front"))
	pod := w.pod(t, "front")
	node := w.bind(t, pod.Name)
	ended := metav1.NewTime(w.Clock.Now().Add(-time.Minute))
	w.kubelet(t, pod.Name, func(s *corev1.PodStatus) {
		s.Phase = corev1.PodPending
		s.ContainerStatuses = []corev1.ContainerStatus{
			waiting("web", "ImagePullBackOff", `Back-off pulling image "example.com/web:2"`),
			{
				Name: "helper", RestartCount: 2, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ended}},
				LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error", Message: "password=geheim", FinishedAt: ended}},
			},
		}
		s.Conditions = []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady", Message: "containers with unready status: [web]"},
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
		}
	})
	w.tells(t, of(pod), "Normal", "Pulling", `Pulling image "example.com/web:2"`, w.Clock.Now().Add(-2*time.Minute))
	w.tells(t, of(pod), "Warning", "Failed", "token=geheim not found", w.Clock.Now().Add(time.Minute))
	w.log = func(r *http.Request) string {
		if q := r.URL.Query(); q.Get("container") != "helper" || q.Get("previous") != "true" || q.Get("tailLines") == "" {
			t.Errorf("the log is asked for with %v", q)
		}
		return "begin\nDB_PASSWORD=geheim\nend\n"
	}
	got := w.enrich(t, w.alert("pod", pod.Name))
	if len(got.Missing) > 0 {
		t.Errorf("missing: %v", got.Missing)
	}
	if got.Pod == nil || len(got.Containers) != 2 || len(got.Events) < 2 || len(got.Logs) != 1 || got.Owner == nil || got.Rollout == nil || got.Node == nil || got.Suggestion == nil {
		t.Fatalf("got %+v", got.Data)
	}
	web, helper := got.Containers[0], got.Containers[1]
	for name, pair := range map[string][2]any{
		"target":          {got.Target, "apps/v1/deployments/" + w.Namespace + "/front"},
		"reason":          {got.Reason, "ImagePullBackOff"},
		"message":         {got.Message, "container web of Pod " + w.Namespace + "/" + pod.Name + ` waits: Back-off pulling image "example.com/web:2"`},
		"pod":             {got.Pod.Namespace + "/" + got.Pod.Name, w.Namespace + "/" + pod.Name},
		"phase":           {got.Pod.Phase, "Pending"},
		"its node":        {got.Pod.Node, node},
		"restarts":        {got.Pod.Restarts, int32(2)},
		"conditions":      {len(got.Pod.Conditions), 1},
		"condition":       {got.Pod.Conditions[0].Type + " " + got.Pod.Conditions[0].Reason, "Ready ContainersNotReady"},
		"container":       {web.Name + " " + web.Image + " " + web.State + " " + web.Reason, "web example.com/web:2 waiting ImagePullBackOff"},
		"helper":          {helper.State, "running"},
		"its last end":    {helper.Last.Reason + " " + helper.Last.Message, "Error password=***"},
		"its exit code":   {helper.Last.ExitCode, int32(2)},
		"newest event":    {got.Events[0].Reason + " " + got.Events[0].Message, "Failed token=*** not found"},
		"its object":      {got.Events[0].Object, "Pod " + w.Namespace + "/" + pod.Name},
		"its count":       {got.Events[0].Count, int32(3)},
		"log":             {got.Logs[0], enriched.Log{Container: "helper", Previous: true, Text: "begin\nDB_PASSWORD=***\nend"}},
		"owner":           {got.Owner.Kind + " " + got.Owner.Name, "Deployment front"},
		"managed by":      {strings.Join(got.Owner.ManagedBy, ","), "Argo CD application shop"},
		"rollout":         {got.Rollout.State, enriched.RolloutProgressing},
		"revision":        {got.Rollout.Revision, "1"},
		"desired":         {got.Rollout.Desired, int32(1)},
		"available":       {got.Rollout.Available, int32(0)},
		"node":            {got.Node.Name, node},
		"node's taint":    {got.Node.Taints[0], "gpu=yes:NoSchedule"},
		"node's pressure": {slices.ContainsFunc(got.Node.Conditions, func(c enriched.Condition) bool { return c.Type == "MemoryPressure" && c.Status == "True" }), true},
		"suggestion":      {got.Suggestion.Action, "image-patcher"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}
	if reasons := eventReasons(got); !slices.Contains(reasons, "Pulling") || !slices.Contains(reasons, "SuccessfulCreate") { // the ReplicaSet's
		t.Errorf("events %v", reasons)
	}
}

func eventReasons(e *enriched.Enriched) (reasons []string) {
	for _, told := range e.Events {
		reasons = append(reasons, told.Reason)
	}
	return reasons
}

// A container that ran out of memory and waits to be started again: that it did is told rather than that it waits.
func TestOutOfMemory(t *testing.T) {
	w := newWorld(t)
	w.apply(t, deployment("eater"))
	pod := w.pod(t, "eater")
	w.bind(t, pod.Name)
	w.kubelet(t, pod.Name, func(s *corev1.PodStatus) {
		c := waiting("web", "CrashLoopBackOff", "back-off 5m0s restarting failed container")
		c.RestartCount = 7
		c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled", FinishedAt: metav1.Now()}
		s.Phase, s.ContainerStatuses = corev1.PodRunning, []corev1.ContainerStatus{c}
	})
	asked := ""
	w.log = func(r *http.Request) string {
		asked = r.URL.Query().Get("container") + " " + r.URL.Query().Get("previous")
		return strings.Repeat("a line\n", 900)
	}
	got := w.enrich(t, w.alert("pod", pod.Name, "container", "web"))
	if got.Reason != "OOMKilled" || got.Suggestion == nil || got.Suggestion.Action != "raise-memory-limit" || got.Pod.Restarts != 7 {
		t.Errorf("%s, %+v, %+v", got.Reason, got.Suggestion, got.Pod)
	}
	if asked != "web false" { // of what waits the API server has the last run's
		t.Errorf("the log is asked for as %q", asked)
	}
	if len(got.Logs) != 1 || strings.Count(got.Logs[0].Text, "\n") != 19 || !got.Logs[0].Truncated {
		t.Errorf("logs %+v", got.Logs)
	}
}

func TestUnschedulable(t *testing.T) {
	w := newWorld(t)
	w.apply(t, deployment("large"))
	pod := w.pod(t, "large")
	w.kubelet(t, pod.Name, func(s *corev1.PodStatus) {
		s.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/3 nodes are available: 3 Insufficient memory.",
		}}
	})
	got := w.enrich(t, w.alert("pod", pod.Name))
	if got.Reason != "Unschedulable" || !strings.HasSuffix(got.Message, "is on no node: 0/3 nodes are available: 3 Insufficient memory.") || got.Suggestion.Action != "rollback" {
		t.Errorf("%s: %s, %+v", got.Reason, got.Message, got.Suggestion)
	}
	if got.Node != nil || len(got.Logs) > 0 || len(got.Missing) > 0 { // there is none to have
		t.Errorf("node %v, logs %v, missing %v", got.Node, got.Logs, got.Missing)
	}
}

// A volume that cannot be mounted is told by an event alone.
func TestFailedMountIsTold(t *testing.T) {
	w := newWorld(t)
	w.apply(t, deployment("mounter"))
	pod := w.pod(t, "mounter")
	w.kubelet(t, pod.Name, func(s *corev1.PodStatus) {
		s.ContainerStatuses = []corev1.ContainerStatus{waiting("web", "ContainerCreating", ""), waiting("helper", "ContainerCreating", "")}
	})
	w.tells(t, of(pod), "Warning", "FailedMount", `MountVolume.SetUp failed for volume "config": configmap "config" not found`, w.Clock.Now().Add(time.Minute))
	got := w.enrich(t, w.alert("pod", pod.Name))
	if got.Reason != "FailedMount" || !strings.Contains(got.Message, `configmap "config" not found`) || got.Suggestion.Action != "check-volume" {
		t.Errorf("%s: %s, %+v", got.Reason, got.Message, got.Suggestion)
	}
}

// Where the alert names the workload alone, the pod of its own that is worst off is told.
func TestWorstPodOfAWorkload(t *testing.T) {
	w := newWorld(t)
	w.apply(t, strings.Replace(deployment("many"), "replicas: 1", "replicas: 3", 1))
	var names []string
	for len(names) < 3 {
		w.pod(t, "many")
		list, err := w.kube.CoreV1().Pods(w.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app=many"})
		if err != nil {
			t.Fatal(err)
		}
		names = nil
		for _, p := range list.Items {
			names = append(names, p.Name)
		}
	}
	for i, name := range names {
		w.kubelet(t, name, func(s *corev1.PodStatus) {
			s.Phase, s.ContainerStatuses = corev1.PodRunning, []corev1.ContainerStatus{{Name: "web", Ready: true, RestartCount: int32(i), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
			if i == 1 {
				s.ContainerStatuses = []corev1.ContainerStatus{waiting("web", "CreateContainerConfigError", `secret "db" not found`)}
			}
		})
	}
	// Labels can be anybody's: a worse pod that only looks like the Deployment's own.
	w.apply(t, "{apiVersion: v1, kind: Pod, metadata: {name: stranger, namespace: NS, labels: {app: many}, "+
		"ownerReferences: [{apiVersion: example.com/v1, kind: Widget, name: w, uid: '1', controller: true}]}, spec: {containers: [{name: web, image: i}]}}")
	w.kubelet(t, "stranger", func(s *corev1.PodStatus) {
		c := waiting("web", "CrashLoopBackOff", "")
		c.RestartCount = 99
		s.ContainerStatuses = []corev1.ContainerStatus{c}
	})
	got := w.enrich(t, w.alert("deployment", "many"))
	if got.Pod == nil || got.Pod.Name != names[1] || got.Reason != "CreateContainerConfigError" || len(got.Missing) > 0 {
		t.Errorf("told of %+v: %s, missing %v", got.Pod, got.Reason, got.Missing)
	}
}

// A pod that is gone: its own events, and another pod of its owner's, and it is said which is which.
func TestPodThatIsGone(t *testing.T) {
	w := newWorld(t)
	w.apply(t, deployment("front"))
	pod := w.pod(t, "front")
	gone := pod.Name[:strings.LastIndex(pod.Name, "-")] + "-bcdfg"
	w.tells(t, corev1.ObjectReference{Kind: "Pod", Name: gone}, "Warning", "Evicted", "The node was low on resource: memory.", w.Clock.Now().Add(time.Minute))
	got := w.enrich(t, w.alert("pod", gone))
	if got.Pod == nil || got.Pod.Name != pod.Name || got.Target != "apps/v1/deployments/"+w.Namespace+"/front" {
		t.Errorf("told of %+v, target %s", got.Pod, got.Target)
	}
	if says := why(got, "pod"); !strings.Contains(says, gone+" does not exist any more; what is told is of another one of Deployment") {
		t.Errorf("missing %v", got.Missing)
	}
	if got.Reason != "Evicted" || got.Suggestion.Action != "set-requests" {
		t.Errorf("%s, %+v, events %v", got.Reason, got.Suggestion, eventReasons(got))
	}
}

// An alert about no object is answered all the same, with what its name suggests.
func TestAlertAboutNoObject(t *testing.T) {
	w := newWorld(t)
	got := w.enrich(t, w.alert("alertname", "TargetDown", "job", "api"))
	if got.Target != "" || got.Pod != nil || got.Suggestion.Action != "check-target" || !slices.Equal(missing(got), []string{"target"}) {
		t.Errorf("%+v", got.Data)
	}
	if says := why(got, "target"); !strings.Contains(says, "the alert names no object") {
		t.Errorf("missing %v", got.Missing)
	}
}

// An alert about a node tells of the node; the pods on it are not looked for.
func TestNodeAlert(t *testing.T) {
	w := newWorld(t)
	node := w.node(t)
	got := w.enrich(t, w.alert("node", node))
	if got.Target != "v1/nodes/"+node || got.Node == nil || got.Reason != "MemoryPressure" || got.Suggestion.Action != "relieve-node" || len(got.Missing) > 0 {
		t.Errorf("%+v", got.Data)
	}
}

// What is no firing alert is answered with nothing, and the API server is asked nothing: no loops.
func TestOtherEventsAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.around = func(r *http.Request) (*http.Response, error) {
		t.Errorf("it asks for %s", r.URL.Path)
		return nil, nil
	}
	firing := functiontest.Event(t, w.alert(), w.Clock.Now())
	of := func(kind string) event.Event {
		e := firing.Clone()
		e.SetType(kind)
		return e
	}
	for name, e := range map[string]event.Event{
		"resolved":     functiontest.Event(t, functiontest.Resolved(w.alert("pod", "x")), w.Clock.Now()),
		"its own":      of(enriched.Type),
		"an outcome":   of(function.Failed.Type()),
		"a group":      of("io.prometheus.alertmanager.group.firing"),
		"an ill alert": func() event.Event { e := firing.Clone(); e.DataEncoded = []byte("{}"); return e }(),
	} {
		t.Run(name, func(t *testing.T) {
			if reply, err := w.enricher(t).Handle(t.Context(), e); reply != nil || err != nil {
				t.Errorf("got %v, %v", reply, err)
			}
		})
	}
}
