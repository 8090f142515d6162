//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
// for each, and copies times pairs events. `make bench` has 6 times as many pairs.
const copies = 5

var (
	rounds = setting("E2E_ROUNDS", "2")
	pairs  = setting("E2E_PAIRS", "1")
	steady = setting("E2E_STEADY", "20")
)

// target is a function that is measured.
type target struct {
	name, function string // its name in the table; the first part of its copies' names
}

var measured = []target{{"a function that does nothing", "nothing"}, {"job-runner", "figures"}}

// sample is one webhook or event: how long its answer took, how long it was until the Job was seen, and how long the
// function's calls of the API server took, which are part of the first; all in seconds.
type sample struct{ answer, job, calls float64 }

// TestFigures measures, from within the cluster, how long a webhook takes that wakes a function from zero pods, and one that
// finds it awake: job-runner beside a function that does nothing, each time one after the other. The in-memory channel
// answers a webhook when the functions have, so that its answer is the end of all that it caused: the Jobs are suspended,
// and no pod of theirs starts beside the next webhook. Then both in steady state, beside the bare Broker: an event that is
// posted to it and is answered by the function that does nothing. Last, pairs of starts without a Broker. Nothing is asserted about the figures, which are this machine's;
// they go to the log.
func TestFigures(t *testing.T) {
	setUpCopies(t)
	var counts [3]int
	for i, text := range []string{rounds, pairs, steady} {
		var err error
		if counts[i], err = strconv.Atoi(text); err != nil {
			t.Fatalf("E2E_ROUNDS, E2E_PAIRS, E2E_STEADY: %v", err)
		}
	}
	rounds, pairs, steady := counts[0], counts[1], counts[2]
	seen := watchJobs(t)
	samples := map[string]map[string][]sample{"cold": {}, "warm": {}}
	for round := range rounds {
		awaitAllAsleep(t)
		for i := range copies {
			for _, state := range []string{"cold", "warm"} {
				for _, target := range order(round + i) {
					samples[state][target.name] = append(samples[state][target.name], measure(t, target, i, seen))
				}
			}
		}
	}
	report(samples)
	reportSteady(measureSteady(t, steady, seen))
	reportPairs(startPairs(t, pairs))
}

// order has each first every other time.
func order(n int) []target {
	order := slices.Clone(measured)
	if n%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

func awaitAllAsleep(t *testing.T) {
	t.Helper()
	for _, target := range measured {
		for i := range copies {
			awaitAsleep(t, target, i)
		}
	}
}

// warmUp is how many of each go before what is measured in steady state.
const warmUp = 5

// measureSteady sends webhooks to the last copies, one after the other, and events to the Broker between them.
func measureSteady(t *testing.T, n int, seen func(string) (time.Time, bool)) map[string][]sample {
	t.Helper()
	const last = copies - 1
	samples := map[string][]sample{}
	bare := signedEvents(t, 1)[0].Header.Clone()
	for name := range bare {
		if strings.HasPrefix(name, "Ce-Knative") {
			bare.Del(name)
		}
	}
	bare.Set("Ce-Figures", fmt.Sprintf("nothing-%d", last))
	for i := range warmUp + n {
		round := map[string]sample{}
		for _, target := range order(i) {
			round[target.name] = measure(t, target, last, seen)
		}
		bare.Set("Ce-Id", fmt.Sprintf("bare-%d", i))
		round[bareBroker] = sample{answer: sendOn(t, "http://broker-ingress."+eventing+".svc.cluster.local/"+quench+"/default", bare, []byte("{}")).Seconds}
		if i >= warmUp {
			for name, s := range round {
				samples[name] = append(samples[name], s)
			}
		}
	}
	return samples
}

const bareBroker = "the bare Broker, the same function has answered"

// startPairs wakes both from zero, at the same moment, with an event that the adapter has made, posted to the Knative Service
// itself: so that it is a function's start and work that is compared, and not what a Broker does with its answer, or where
// in its second kubelet was, which looks once in a second what has started.
func startPairs(t *testing.T, rounds int) map[string][]sample {
	t.Helper()
	events, samples := signedEvents(t, rounds*copies), map[string][]sample{}
	for round := range rounds {
		awaitAllAsleep(t)
		for i := range copies {
			e := events[round*copies+i]
			both, answers, errs := order(round+i), make([]sent, len(measured)), make([]error, len(measured))
			var all sync.WaitGroup
			for n, target := range both {
				all.Go(func() {
					answers[n], errs[n] = trySendOn(t.Context(), fmt.Sprintf("http://%s-%d.quench.svc.cluster.local/", target.function, i), e.Header, e.Body)
				})
			}
			all.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			for n, target := range both {
				s := sample{answer: answers[n].Seconds}
				if target.function != "nothing" {
					s.calls = callsOf(t, fmt.Sprintf("%s-%d", target.function, i), e.attribute("id"))
				}
				samples[target.name] = append(samples[target.name], s)
			}
		}
	}
	return samples
}

// signedEvents are alerts' events that no function gets.
func signedEvents(t *testing.T, n int) []request {
	t.Helper()
	var events []request
	for range n {
		labels := unique(t, "alertname", "E2EMeasured")
		delete(labels, "remediation")
		sendWebhook(t, labels)
		events = append(events, awaitRecorded(t, "alerts", "the event", func(r request) bool { return r.attribute("fingerprint") == fingerprint(labels) }))
	}
	return events
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
		if _, err := kubectl(context.Background(), "", "delete", "jobs", "-n", quench, "-l", "figures=job"); err != nil {
			t.Log(err)
		}
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
  filters: [{ exact: { type: io.prometheus.alertmanager.alert.firing, figures: %[1]s-%[2]d } }]
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
	labels := unique(t, "alertname", "E2EMeasured", "figures", fmt.Sprintf("%s-%d", target.function, i))
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

// callsOf is how long a function's calls took for an event, in seconds: it logs that.
func callsOf(t *testing.T, service, event string) float64 {
	t.Helper()
	var took *float64
	eventually(t, time.Minute, "the log line", func(ctx context.Context) error {
		log, err := kubectl(ctx, "", "logs", "-n", quench, "-l", "serving.knative.dev/service="+service, "-c", "job-runner", "--tail=-1")
		if err != nil {
			return err
		}
		for line := range strings.Lines(log) {
			var l struct {
				Event string   `json:"event_id"`
				Took  *float64 `json:"api_ms"`
			}
			if json.Unmarshal([]byte(line), &l) == nil && l.Took != nil && l.Event == event {
				took = l.Took
				return nil
			}
		}
		return errors.New("not there")
	})
	return *took / 1000
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
	return sendOn(t, "http://adapter.quench.svc.cluster.local/", nil, payload)
}

func sendOn(t testing.TB, url string, header http.Header, body []byte) sent {
	t.Helper()
	s, err := trySendOn(t.Context(), url, header, body)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// trySendOn has the recorder send something, an event where there are attributes in the header, and wants it taken.
func trySendOn(ctx context.Context, url string, header http.Header, body []byte) (s sent, err error) {
	request := through(cluster.client.CoreV1().RESTClient().Post(), e2e, "services", "recorder:http", "-/send").Param("url", url).Body(body)
	for name, values := range header {
		if strings.HasPrefix(name, "Ce-") {
			request.SetHeader(name, values...)
		}
	}
	text, err := request.DoRaw(ctx)
	if err != nil {
		return s, fmt.Errorf("send to %s: %w: %s", url, err, text)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, err
	}
	if s.Status/100 != 2 {
		return s, fmt.Errorf("%s answers with %d: %s", url, s.Status, s.Body)
	}
	return s, nil
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

// table is one of times, in milliseconds.
type table struct{ strings.Builder }

func newTable(title string) *table {
	t := &table{}
	fmt.Fprintf(t, "figures, in ms, %s:\n| %-59s | %6s | %6s | %6s | %6s |\n", title, "until", "p10", "median", "p90", "p99")
	return t
}

func (t *table) row(name string, values []float64) {
	slices.Sort(values)
	at := func(q float64) float64 { return 1000 * values[int(q*float64(len(values)-1)+0.5)] }
	fmt.Fprintf(t, "| %-59s | %6.0f | %6.0f | %6.0f | %6.0f |\n", name, at(.1), at(.5), at(.9), at(.99))
}

// report prints what webhooks took, by way of adapter, Broker and Trigger.
func report(samples map[string]map[string][]sample) {
	t := newTable(fmt.Sprintf("of %d webhooks each, from the sending of the webhook", len(samples["cold"][measured[0].name])))
	for _, state := range []string{"cold", "warm"} {
		nothing, runner := samples[state][measured[0].name], samples[state][measured[1].name]
		t.row(state+": "+measured[0].name+" has answered", column(nothing, func(s sample) float64 { return s.answer }))
		t.row(state+": job-runner's Job is there", column(runner, func(s sample) float64 { return s.job }))
		t.row(state+": job-runner has answered, its record is complete", column(runner, func(s sample) float64 { return s.answer }))
	}
	fmt.Print(t.String())
}

// reportSteady prints what webhooks took in steady state, and events at the bare Broker.
func reportSteady(samples map[string][]sample) {
	answer := func(s sample) float64 { return s.answer }
	nothing, runner := samples[measured[0].name], samples[measured[1].name]
	t := newTable(fmt.Sprintf("of %d each in steady state, from the sending", len(runner)))
	t.row(bareBroker, column(samples[bareBroker], answer))
	t.row("webhook: "+measured[0].name+" has answered", column(nothing, answer))
	t.row("webhook: job-runner's Job is there", column(runner, func(s sample) float64 { return s.job }))
	t.row("webhook: job-runner has answered, its record is complete", column(runner, answer))
	fmt.Print(t.String())
}

// reportPairs prints what the starts took, and what job-runner takes more, pair by pair.
func reportPairs(samples map[string][]sample) {
	nothing, runner := samples[measured[0].name], samples[measured[1].name]
	t := newTable(fmt.Sprintf("of %d pairs, from zero pods, from the sending of the event to the function", len(runner)))
	t.row(measured[0].name+" has answered", column(nothing, func(s sample) float64 { return s.answer }))
	t.row("job-runner has answered, its record is complete", column(runner, func(s sample) float64 { return s.answer }))
	t.row("job-runner's calls of the API server", column(runner, func(s sample) float64 { return s.calls }))
	var more []float64
	for i := range runner {
		more = append(more, runner[i].answer-runner[i].calls-nothing[i].answer)
	}
	t.row("job-runner more than nothing, without its calls, by pair", more)
	fmt.Print(t.String())
}

func column(samples []sample, value func(sample) float64) []float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, value(s))
	}
	return values
}
