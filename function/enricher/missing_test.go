package enricher_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/functiontest"
)

// crashed is a Deployment's pod of which every part is there.
func (w *world) crashed(t *testing.T) (pod string) {
	t.Helper()
	w.apply(t, deployment("front"))
	p := w.pod(t, "front")
	w.bind(t, p.Name)
	w.kubelet(t, p.Name, func(s *corev1.PodStatus) {
		c := waiting("web", "CrashLoopBackOff", "back-off")
		c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: metav1.Now()}
		s.Phase, s.ContainerStatuses = corev1.PodRunning, []corev1.ContainerStatus{c}
	})
	w.tells(t, of(p), "Warning", "BackOff", "Back-off restarting failed container", w.Clock.Now())
	w.log = func(*http.Request) string { return "it crashed\n" }
	return p.Name
}

// parts are those that an answer has.
func parts(e *enriched.Enriched) (has []string) {
	for part, is := range map[string]bool{
		"target": e.Target != "", "pod": e.Pod != nil, "events": len(e.Events) > 0, "logs": len(e.Logs) > 0,
		"owner": e.Owner != nil && e.Rollout != nil, "node": e.Node != nil, "suggestion": e.Suggestion != nil,
	} {
		if is {
			has = append(has, part)
		}
	}
	slices.Sort(has)
	return has
}

var every = []string{"events", "logs", "node", "owner", "pod", "suggestion", "target"}

func without(parts ...string) []string {
	return slices.DeleteFunc(slices.Clone(every), func(p string) bool { return slices.Contains(parts, p) })
}

// cases are what may be kept from enricher, by what is in the requests' paths, and what then is missing.
var cases = map[string]struct {
	path    func(string) bool
	missing []string
	has     []string
}{
	"logs":      {func(p string) bool { return strings.HasSuffix(p, "/log") }, []string{"logs"}, without("logs")},
	"events":    {func(p string) bool { return strings.HasSuffix(p, "/events") }, []string{"events"}, without("events")},
	"node":      {func(p string) bool { return strings.Contains(p, "/nodes/") }, []string{"node"}, without("node")},
	"the owner": {func(p string) bool { return strings.Contains(p, "/deployments/") }, []string{"target"}, without("target", "owner")},
	"ReplicaSets": {
		func(p string) bool { return strings.Contains(p, "/replicasets/") }, []string{"target"}, without("target", "owner"),
	},
	"everything": {func(string) bool { return true }, []string{"events", "pod", "target"}, []string{}},
}

// Each part that is forbidden is named, with the API server's reason; all others are there.
func TestForbiddenParts(t *testing.T) {
	w := newWorld(t)
	pod := w.crashed(t)
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			w.around = func(r *http.Request) (*http.Response, error) {
				if !test.path(r.URL.Path) {
					return nil, nil
				}
				return functiontest.Status(r, http.StatusForbidden, "Forbidden"), nil
			}
			got := w.enrich(t, w.alert("pod", pod, "container", "web"))
			if has := parts(got); !slices.Equal(has, test.has) || !slices.Equal(missing(got), test.missing) {
				t.Errorf("it has %v and is missing %v, want %v and %v", has, got.Missing, test.has, test.missing)
			}
			for _, m := range got.Missing {
				if !strings.Contains(m.Why, "because") {
					t.Errorf("%s is missing because %q", m.Part, m.Why)
				}
			}
		})
	}
}

// An API server that does not answer costs each part its time and no more; what it does answer for is told.
func TestSlowParts(t *testing.T) {
	shared := newWorld(t)
	pod := shared.crashed(t)
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := *shared
			w.part = 10 * time.Second // the others' time, on a slow machine
			if name == "everything" {
				w.part = time.Second
			}
			w.around = func(r *http.Request) (*http.Response, error) {
				if !test.path(r.URL.Path) {
					return nil, nil
				}
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			began := time.Now()
			got := w.enrich(t, w.alert("pod", pod, "container", "web"))
			if took := time.Since(began); took > 3*w.part+5*time.Second {
				t.Errorf("it took %s", took)
			}
			if has := parts(got); !slices.Equal(has, test.has) || !slices.Equal(missing(got), test.missing) {
				t.Errorf("it has %v and is missing %v, want %v and %v", has, got.Missing, test.has, test.missing)
			}
			for _, m := range got.Missing {
				if want := fmt.Sprintf("the API server did not answer within %s", w.part); m.Why != want {
					t.Errorf("%s is missing because %q, want %q", m.Part, m.Why, want)
				}
			}
		})
	}
}

// An API server that is away keeps nobody from hearing of the alert.
func TestAPIServerAway(t *testing.T) {
	w := newWorld(t)
	w.around = func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }
	got := w.enrich(t, w.alert("alertname", "CPUThrottlingHigh", "pod", "x"))
	if !strings.Contains(why(got, "target"), "connection refused") || got.Suggestion.Action != "raise-cpu-limit" {
		t.Errorf("%+v", got.Data)
	}
}

// Labels lead to objects of their namespace, and to nothing else of the API.
func TestLabelsThatAreNoNames(t *testing.T) {
	w := newWorld(t)
	asked := false
	w.around = func(r *http.Request) (*http.Response, error) {
		asked = asked || strings.Contains(r.URL.Path, "secrets")
		return nil, nil
	}
	for name, labels := range map[string][]string{
		"a path for a pod":       {"pod", "../secrets/a"},
		"a path for a namespace": {"namespace", "x/../../secrets", "pod", "a"},
		"a path for a node":      {"node", "../namespaces/default/secrets/a"},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.enrich(t, w.alert(labels...))
			if len(got.Missing) == 0 || got.Pod != nil || asked {
				t.Errorf("asked for Secrets: %v, %+v", asked, got.Data)
			}
		})
	}
}

// However much there is to tell, what is told is bounded.
func TestMuchIsCut(t *testing.T) {
	w := newWorld(t)
	var containers []string
	for i := range 30 {
		containers = append(containers, fmt.Sprintf("{name: c%d, image: i}", i))
	}
	w.apply(t, "{apiVersion: v1, kind: Pod, metadata: {name: crowd, namespace: NS, labels: {app: crowd}}, spec: {containers: ["+
		strings.Join(containers, ",")+"]}}")
	pod := w.pod(t, "crowd")
	long := strings.Repeat("ü", 10_000)
	w.kubelet(t, pod.Name, func(s *corev1.PodStatus) {
		s.Message, s.ContainerStatuses = long, nil
		for i := range 30 {
			c := waiting(fmt.Sprintf("c%d", i), "CrashLoopBackOff", long)
			c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Message: long}
			s.ContainerStatuses = append(s.ContainerStatuses, c)
		}
	})
	for i := range 20 {
		w.tells(t, of(pod), "Warning", fmt.Sprintf("E%d", i), strings.Repeat("x", 1000), w.Clock.Now().Add(time.Duration(i)*time.Second))
	}
	w.log = func(*http.Request) string { return strings.Repeat(strings.Repeat("y", 1000)+"\n", 100) }
	got := w.enrich(t, w.alert("pod", pod.Name))
	if len(got.Containers) != 20 || len(got.Events) != 10 || got.Events[0].Reason != "E19" || len(got.Logs) != 2 || len(got.Logs[0].Text) > 4<<10 {
		t.Errorf("%d containers, events %v, %d logs", len(got.Containers), eventReasons(got), len(got.Logs))
	}
	for _, text := range []string{got.Message, got.Pod.Message, got.Containers[0].Message, got.Containers[0].Last.Message} {
		if len(text) > 1<<10 || !strings.HasSuffix(text, "…") {
			t.Errorf("%d bytes are told", len(text))
		}
	}
	if why(got, "containers") != "10 more are not told" {
		t.Errorf("missing %v", got.Missing)
	}
}
