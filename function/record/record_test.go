package record_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

func example(now time.Time) *record.Record {
	return &record.Record{
		Name: record.Name("tester", "key", "event"), Function: "tester", Key: "key", EventID: "event", CorrelationID: "0123",
		Alertname: "Burns", Fingerprint: "f", RecordedTime: now, Target: "v1/pods/a/b", Summary: "do it",
		Changes: []record.Change{{Op: "create", Object: "v1/pods/a/b", Diff: strings.Repeat("é", 20000)}},
		Phase:   record.Running, Attempts: 1, StartedAt: now,
	}
}

func TestRoundTrip(t *testing.T) {
	w := functiontest.New(t)
	s := &record.Remediations{Client: w.Client}
	now := time.Date(2026, 11, 20, 22, 0, 0, 123456789, time.UTC)
	r := example(now)
	if got, err := s.Get(t.Context(), r.Name); got != nil || err != nil {
		t.Fatalf("before it is written: %v, %v", got, err)
	}
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), example(now)); err == nil {
		t.Error("written twice")
	}
	got, err := s.Get(t.Context(), r.Name)
	if err != nil {
		t.Fatal(err)
	}
	if got.Phase != record.Running || got.Attempts != 1 || !got.RecordedTime.Equal(now) || got.StartedAt.IsZero() || len(got.Changes) != 1 || got.Changes[0] != r.Changes[0] {
		t.Errorf("got %+v", got)
	}
	stale := *got
	got.Phase, got.Outcome, got.Reason, got.Message, got.Objects = record.Finished, "succeeded", "Done", strings.Repeat("m", 5000), []string{"v1/pods/a/b"}
	got.FinishedAt, got.Repeat, got.RecordedTime = now.Add(time.Second), true, now.Add(time.Minute)
	if err = s.Progress(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	if err = s.Progress(t.Context(), &stale); err == nil {
		t.Error("a change was overwritten")
	}
	read, err := s.Get(t.Context(), r.Name)
	if err != nil {
		t.Fatal(err)
	}
	if read.Message != got.Message || len(read.Message) > 2048 || !read.FinishedAt.Equal(got.FinishedAt) || !read.Repeat ||
		!read.RecordedTime.Equal(got.RecordedTime) || !read.Done() || read.Objects[0] != "v1/pods/a/b" {
		t.Errorf("got %+v", read)
	}
	read.Summary = "do it again"
	read.Phase = record.Running
	if err := s.Restart(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	if again, err := s.Get(t.Context(), r.Name); err != nil || again.Summary != "do it again" || again.Phase != record.Running {
		t.Errorf("got %+v, %v", again, err)
	}
}

func TestNotInstalledIsSaid(t *testing.T) {
	w := functiontest.New(t)
	s := &record.Remediations{Client: elsewhere{w.Client}}
	const says = "is the CustomResourceDefinition remediations.quench.dev installed?"
	if r, err := s.Get(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("get: %v, %v", r, err)
	}
	if err := s.Create(t.Context(), example(time.Now())); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("create: %v", err)
	}
}

// elsewhere is a cluster without the kind.
type elsewhere struct{ record.Client }

func (e elsewhere) Resource(gvr schema.GroupVersionResource, namespace string) (dynamic.ResourceInterface, error) {
	gvr.Version = "v0"
	return e.Client.Resource(gvr, namespace)
}

func TestEveryFieldIsDescribed(t *testing.T) {
	text, err := os.ReadFile("../../knative/base/remediations.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema node `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	for _, name := range []string{"spec", "status"} {
		root.Properties[name].described(t, name)
	}
}

type node struct {
	Description string          `json:"description"`
	Properties  map[string]node `json:"properties"`
	Items       *node           `json:"items"`
}

func (n node) described(t *testing.T, path string) {
	if n.Description == "" {
		t.Errorf("%s has no description", path)
	}
	for name, p := range n.Properties {
		p.described(t, path+"."+name)
	}
	if n.Items != nil {
		for name, p := range n.Items.Properties {
			p.described(t, path+"[]."+name)
		}
	}
}
