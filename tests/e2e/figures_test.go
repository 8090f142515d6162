//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// Cold starts take a wait for zero pods each, so several copies of a function take turns: copies times rounds webhooks
// for each. `make bench` has 6 rounds.
const copies = 5

var rounds = setting("E2E_ROUNDS", "2")

// target is a function that is measured.
type target struct {
	name, function string // its name in the table; the first part of its copies' names
}

var measured = []target{{"a function that does nothing", "nothing"}, {"job-runner", "figures"}}

// sample is one webhook: how long its answer took, and how long it was until the Job was seen.
type sample struct{ answer, job float64 }

// TestFigures measures, from within the cluster, how long a webhook takes that wakes a function from zero pods, and one that
// finds it awake: job-runner beside a function that does nothing, each time one after the other. The in-memory channel
// answers a webhook when the functions have, so that its answer is the end of all that it caused. Nothing is asserted
// about the figures, which are this machine's; they go to the log.
func TestFigures(t *testing.T) {
	setUpCopies(t)
	rounds, err := strconv.Atoi(rounds)
	if err != nil {
		t.Fatalf("E2E_ROUNDS: %v", err)
	}
	seen := watchJobs(t)
	samples := map[string]map[string][]sample{"cold": {}, "warm": {}}
	for round := range rounds {
		for _, target := range measured {
			for i := range copies {
				awaitAsleep(t, target, i)
			}
		}
		for i := range copies {
			for _, state := range []string{"cold", "warm"} {
				order := slices.Clone(measured)
				if (round+i)%2 == 1 {
					slices.Reverse(order)
				}
				for _, target := range order {
					samples[state][target.name] = append(samples[state][target.name], measure(t, target, i, seen))
				}
			}
		}
	}
	report(t, samples)
}

// setUpCopies deploys the copies, each with a Trigger of its own, as job-runner itself is deployed.
func setUpCopies(t *testing.T) {
	t.Helper()
	var yaml strings.Builder
	var triggers []string
	for i := range copies {
		fmt.Fprintf(&yaml, nothingCopy, i, fmt.Sprintf(world.Images, "nothing"))
		yaml.WriteString(runnerCopy(t, i))
		for _, target := range measured {
			triggers = append(triggers, fmt.Sprintf(triggerCopy, target.function, i))
		}
	}
	must(t, yaml.String(), "apply", "-f", "-")
	t.Cleanup(func() {
		if _, err := kubectl(context.Background(), yaml.String(), "delete", "--ignore-not-found", "-f", "-"); err != nil {
			t.Log(err)
		}
	})
	must(t, "", "wait", "ksvc", "-n", quench, "-l", "figures=copy", "--for=condition=Ready", "--timeout=180s")
	putTriggers(t, triggers...)
}

const nothingCopy = `
apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: nothing-%[1]d
  namespace: quench
  labels: { figures: copy, networking.knative.dev/visibility: cluster-local }
spec:
  template:
    metadata:
      annotations: { autoscaling.knative.dev/window: 6s, autoscaling.knative.dev/max-scale: "1" }
    spec:
      enableServiceLinks: false
      containers: [{ name: nothing, image: %[2]q }]
---
`

const triggerCopy = `
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: %[1]s-%[2]d, namespace: quench, labels: { figures: copy } }
spec:
  broker: default
  filters: [{ exact: { figures: %[1]s-%[2]d } }]
  subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: %[1]s-%[2]d } }
`

// runnerCopy is the installed job-runner under another name.
func runnerCopy(t *testing.T, i int) string {
	t.Helper()
	var service map[string]any
	if err := json.Unmarshal([]byte(must(t, "", "get", "ksvc", "job-runner", "-n", quench, "-o", "json")), &service); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{
		"apiVersion": service["apiVersion"], "kind": service["kind"], "spec": map[string]any{"template": service["spec"].(map[string]any)["template"]},
		"metadata": map[string]any{
			"name": fmt.Sprintf("figures-%d", i), "namespace": quench,
			"labels": map[string]string{"figures": "copy", "networking.knative.dev/visibility": "cluster-local"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n---\n"
}

func awaitAsleep(t *testing.T, target target, i int) {
	t.Helper()
	name := fmt.Sprintf("%s-%d", target.function, i)
	eventually(t, 2*time.Minute, name+" to sleep", func(ctx context.Context) error { return atZero(ctx, name) })
}

// measure sends a webhook with one alert that only the copy's Trigger lets through.
func measure(t *testing.T, target target, i int, seen func(string) (time.Time, bool)) sample {
	t.Helper()
	labels := unique(t, "figures", fmt.Sprintf("%s-%d", target.function, i))
	delete(labels, "remediation") // job-runner itself is to sleep
	id := fingerprint(labels)
	sent := sendWebhook(t, labels)
	s := sample{answer: sent.Seconds}
	if target.function == "nothing" {
		return s
	}
	eventually(t, time.Minute, "the Job", func(context.Context) error {
		at, ok := seen(id)
		if !ok {
			return errors.New("not seen")
		}
		s.job = at.Sub(sent.StartedAt).Seconds()
		return nil
	})
	return s
}

type sent struct {
	Status    int       `json:"status"`
	Body      string    `json:"body"`
	StartedAt time.Time `json:"startedAt"`
	Seconds   float64   `json:"seconds"`
}

// sendWebhook sends the adapter what Alertmanager would.
func sendWebhook(t testing.TB, labels map[string]string) sent {
	t.Helper()
	payload, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": `{}:{run="` + labels["run"] + `"}`, "status": "firing", "receiver": "quench", "truncatedAlerts": 0,
		"groupLabels": labels, "commonLabels": labels, "commonAnnotations": map[string]string{}, "externalURL": "http://alertmanager",
		"alerts": []any{map[string]any{
			"status": "firing", "labels": labels, "annotations": map[string]string{}, "startsAt": time.Now(), "endsAt": time.Time{},
			"generatorURL": "", "fingerprint": fingerprint(labels),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := through(cluster.client.CoreV1().RESTClient().Post(), e2e, "services", "recorder:http", "-/send").
		Param("url", "http://adapter.quench.svc.cluster.local/").Body(payload).DoRaw(t.Context())
	if err != nil {
		t.Fatalf("send webhook: %v: %s", err, text)
	}
	var s sent
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	if s.Status != 200 {
		t.Fatalf("webhook is answered with %d: %s", s.Status, s.Body)
	}
	return s
}

// watchJobs notes when a Job is first seen, by its alert's fingerprint. A Job's own time is in whole seconds.
func watchJobs(t *testing.T) (seen func(fingerprint string) (time.Time, bool)) {
	t.Helper()
	watcher, err := cluster.client.BatchV1().Jobs(quench).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Stop)
	var mu sync.Mutex
	times := map[string]time.Time{}
	go func() {
		for event := range watcher.ResultChan() {
			at := time.Now()
			if job, ok := event.Object.(*batchv1.Job); ok && event.Type == watch.Added {
				mu.Lock()
				times[job.Labels["quench.dev/fingerprint"]] = at
				mu.Unlock()
			}
		}
	}()
	return func(fingerprint string) (time.Time, bool) {
		mu.Lock()
		defer mu.Unlock()
		at, ok := times[fingerprint]
		return at, ok
	}
}

// report prints the table, and what job-runner takes more than the function that does nothing, pair by pair.
func report(t *testing.T, samples map[string]map[string][]sample) {
	t.Helper()
	var table strings.Builder
	fmt.Fprintf(&table, "figures, in ms, of %d webhooks each, from the sending of the webhook:\n", len(samples["cold"][measured[0].name]))
	fmt.Fprintf(&table, "| %-59s | %6s | %6s | %6s | %6s |\n", "until", "p10", "median", "p90", "max")
	row := func(name string, values []float64) {
		slices.Sort(values)
		at := func(q float64) float64 { return 1000 * values[int(q*float64(len(values)-1)+0.5)] }
		fmt.Fprintf(&table, "| %-59s | %6.0f | %6.0f | %6.0f | %6.0f |\n", name, at(.1), at(.5), at(.9), at(1))
	}
	more := map[string][]float64{}
	for _, state := range []string{"cold", "warm"} {
		nothing, runner := samples[state][measured[0].name], samples[state][measured[1].name]
		row(state+": "+measured[0].name+" has answered", column(nothing, func(s sample) float64 { return s.answer }))
		row(state+": job-runner's Job is there", column(runner, func(s sample) float64 { return s.job }))
		row(state+": job-runner has answered, its record is complete", column(runner, func(s sample) float64 { return s.answer }))
		for i := range runner {
			more[state] = append(more[state], runner[i].answer-nothing[i].answer)
		}
		row(state+": job-runner more than nothing, pair by pair", slices.Clone(more[state]))
	}
	// Warm, what it takes more is its calls of the API server; cold it makes the same calls.
	var start []float64
	for i := range more["cold"] {
		start = append(start, more["cold"][i]-more["warm"][i])
	}
	row("cold start: job-runner more than nothing, without its calls", start)
	fmt.Print(table.String())
}

func column(samples []sample, value func(sample) float64) []float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, value(s))
	}
	return values
}
