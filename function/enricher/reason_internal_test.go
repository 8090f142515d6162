package enricher

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/mask"
)

var now = time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)

func ended(code int32, reason string, ago time.Duration) *corev1.ContainerStateTerminated {
	return &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, FinishedAt: metav1.NewTime(now.Add(-ago))}
}

func container(name string, change func(*corev1.ContainerStatus)) corev1.ContainerStatus {
	s := corev1.ContainerStatus{Name: name, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	change(&s)
	return s
}

func waits(name, reason string, last *corev1.ContainerStateTerminated) corev1.ContainerStatus {
	return container(name, func(s *corev1.ContainerStatus) {
		s.Ready, s.State = false, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
		s.LastTerminationState.Terminated = last
	})
}

func runs(name string, ready bool, last *corev1.ContainerStateTerminated) corev1.ContainerStatus {
	return container(name, func(s *corev1.ContainerStatus) { s.Ready, s.LastTerminationState.Terminated = ready, last })
}

func over(name string, code int32, reason string) corev1.ContainerStatus {
	return container(name, func(s *corev1.ContainerStatus) {
		s.Ready, s.State = false, corev1.ContainerState{Terminated: ended(code, reason, 0)}
	})
}

func TestReason(t *testing.T) {
	warning := enriched.Event{Type: "Warning", Reason: "FailedMount", Object: "Pod shop/x", Message: "no such volume"}
	normal := enriched.Event{Type: "Normal", Reason: "Pulled"}
	isReady := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue}
	of := func(statuses ...corev1.ContainerStatus) corev1.PodStatus {
		return corev1.PodStatus{ContainerStatuses: statuses}
	}
	node := func(kind, status string) *enriched.Node {
		return &enriched.Node{Name: "n", Conditions: []enriched.Condition{{Type: kind, Status: status, Message: "so it is"}}}
	}
	for name, test := range map[string]struct {
		pod       corev1.PodStatus
		container string
		events    []enriched.Event
		owner     *enriched.Owner
		node      *enriched.Node
		want      string
		says      string
	}{
		"all is well":                    {pod: of(runs("a", true, nil)), want: ""},
		"waits for its image":            {pod: of(waits("a", "ErrImagePull", nil)), want: "ErrImagePull", says: "container a of Pod shop/x waits: ErrImagePull"},
		"crashes again and again":        {pod: of(waits("a", "CrashLoopBackOff", ended(1, "Error", 0))), want: "CrashLoopBackOff"},
		"runs out of memory, then waits": {pod: of(waits("a", "CrashLoopBackOff", ended(137, "OOMKilled", 5*time.Hour))), want: "OOMKilled", says: "ended with exit code 137 (OOMKilled)"},
		"ran out of memory just now":     {pod: of(runs("a", true, ended(137, "OOMKilled", time.Minute))), want: "OOMKilled"},
		"ran out of memory long ago":     {pod: of(runs("a", true, ended(137, "OOMKilled", 2*time.Hour))), want: ""},
		"crashed, and is not ready yet":  {pod: of(runs("a", false, ended(2, "Error", 2*time.Hour))), want: "Error"},
		"crashed, and is well":           {pod: of(runs("a", true, ended(2, "Error", time.Minute))), want: ""},
		"is over, badly":                 {pod: of(over("a", 3, "Error")), want: "Error", says: "exit code 3"},
		"is over, well":                  {pod: of(over("a", 0, "Completed")), want: ""},
		"has no reason, badly":           {pod: of(over("a", 3, "")), want: "Error"},
		"the first that is ill":          {pod: of(runs("a", true, nil), waits("b", "ErrImagePull", nil), waits("c", "CrashLoopBackOff", nil)), want: "ErrImagePull"},
		"the alert's own container":      {pod: of(waits("b", "ErrImagePull", nil), waits("c", "CrashLoopBackOff", nil)), container: "c", want: "CrashLoopBackOff"},
		"the alert's own is well":        {pod: of(waits("b", "ErrImagePull", nil), runs("c", true, nil)), container: "c", want: "ErrImagePull"},
		"an init container": {
			pod:  corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{waits("i", "CrashLoopBackOff", nil)}, ContainerStatuses: []corev1.ContainerStatus{waits("a", "PodInitializing", nil)}},
			want: "CrashLoopBackOff",
		},
		"evicted":              {pod: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "low on memory"}, want: "Evicted", says: "Pod shop/x: low on memory"},
		"fits nowhere":         {pod: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable"}}}, want: "Unschedulable"},
		"is being made":        {pod: of(waits("a", "ContainerCreating", nil)), events: []enriched.Event{normal}, want: ""},
		"a mount fails":        {pod: of(waits("a", "ContainerCreating", nil)), events: []enriched.Event{normal, warning}, want: "FailedMount", says: "Pod shop/x: no such volume"},
		"a mount failed once":  {pod: corev1.PodStatus{Conditions: []corev1.PodCondition{isReady}}, events: []enriched.Event{warning}, want: ""},
		"a release is stuck":   {pod: of(), owner: &enriched.Owner{Conditions: []enriched.Condition{{Type: "Progressing", Status: "False", Reason: "ProgressDeadlineExceeded"}}}, want: "ProgressDeadlineExceeded"},
		"a release gets on":    {pod: of(), owner: &enriched.Owner{Conditions: []enriched.Condition{{Type: "Progressing", Status: "True", Reason: "ReplicaSetUpdated"}}}, want: ""},
		"a node is not ready":  {pod: of(), node: node("Ready", "Unknown"), want: "NodeNotReady", says: "Node n: so it is"},
		"a node is short":      {pod: of(), node: node("DiskPressure", "True"), want: "DiskPressure"},
		"a node is as it is":   {pod: of(), node: node("DiskPressure", "False"), want: ""},
		"a secret in the text": {pod: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "R", Message: "password=geheim"}, want: "R", says: "password=***"},
	} {
		t.Run(name, func(t *testing.T) {
			masker, err := mask.New(true)
			if err != nil {
				t.Fatal(err)
			}
			l := &look{
				Enricher: New(nil, Options{Masker: masker, Now: func() time.Time { return now }}),
				alert:    &alert.Alert{Labels: map[string]string{"container": test.container}},
				pod:      &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "x"}, Status: test.pod},
				told:     enriched.Data{Events: test.events, Owner: test.owner, Node: test.node},
			}
			reason, message := l.reason()
			if reason != test.want || (message == "") != (reason == "") || !strings.Contains(message, test.says) || strings.Contains(message, "geheim") {
				t.Errorf("got %q: %q, want %q with %q", reason, message, test.want, test.says)
			}
		})
	}
}
