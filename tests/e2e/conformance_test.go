//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"knative.dev/eventing/pkg/broker"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/knative/trigger/conformance"
)

// conformanceBroker is a Broker that is not there: nobody but this test then touches its Triggers, which are too many to be
// put on a channel one after the other (see putTriggers). What they catch is not the channel's to say but the filter's,
// which serves them all the same. TestTriggerOfEachDialectCatchesWhatKnativeTriggerSays goes through a channel.
const conformanceBroker = "conformance"

// Every Trigger of the table, admitted by Knative's webhook, on the filter of the real Broker, asked about every event as the
// Broker's channel asks it.
func TestBrokerFilterAgreesWithTheConformanceTable(t *testing.T) {
	rows := conformance.Rows()
	client := cluster.dynamic.Resource(triggersResource).Namespace(e2e)
	t.Cleanup(func() {
		if err := client.DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "eventing.knative.dev/broker=" + conformanceBroker}); err != nil {
			t.Errorf("remove Triggers: %v", err)
		}
	})
	started := time.Now()
	paths := make([]string, len(rows))
	sideBySide(t, len(rows), func(i int) error {
		path, err := putConformanceTrigger(t.Context(), rows[i], "row-"+strconv.Itoa(i))
		paths[i] = path
		return err
	})
	put := time.Since(started)
	web, base := filterAddress(t)
	// The filter learns of Triggers one after the other: the last is served when all are.
	for i, path := range paths {
		eventually(t, time.Minute, "filter of "+rows[i].Name, func(ctx context.Context) error {
			status, _, err := askFilter(ctx, web, base+path, conformanceProbe)
			if err == nil && status == http.StatusNotFound {
				err = fmt.Errorf("the filter does not know Trigger %s yet", path)
			}
			return err
		})
	}
	var mu sync.Mutex
	asked := map[conformance.Answer]int{}
	sideBySide(t, len(rows), func(i int) error {
		for name := range conformance.Events() {
			got, err := answerOf(t.Context(), web, base+paths[i], name)
			if err != nil {
				return fmt.Errorf("%s: %w", rows[i].Name, err)
			}
			if want := rows[i].Want(name); got != want {
				t.Errorf("%s, %s: the Broker's filter says %s, the table %s: %s", rows[i].Name, name, got, want, rows[i].Spec)
			}
			mu.Lock()
			asked[got]++
			mu.Unlock()
		}
		return nil
	})
	t.Logf("%d Triggers put in %s; all asked after %s: %v", len(rows), put, time.Since(started), asked)
	if asked[conformance.Match]+asked[conformance.NoMatch]+asked[conformance.Panics] < 150 {
		t.Errorf("asked %v, want 150 cases at least", asked)
	}
}

// conformanceProbe is an event without what the Broker adds: the filter refuses it from whoever it knows.
const conformanceProbe = ""

// putConformanceTrigger creates a row's Trigger, says in its status where its subscriber is, as the Broker's controller does,
// and returns its path on the filter.
func putConformanceTrigger(ctx context.Context, row conformance.Row, name string) (string, error) {
	trigger, err := row.Trigger(e2e, name)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf(`apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: %s, namespace: %s }
spec: { broker: %s, subscriber: { uri: "http://recorder.e2e.svc.cluster.local/conformance" } }
`, name, e2e, conformanceBroker)
	var object unstructured.Unstructured
	if err := yaml.UnmarshalStrict([]byte(text), &object.Object); err != nil {
		return "", err
	}
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&trigger.Spec)
	if err != nil {
		return "", err
	}
	for _, field := range []string{"filter", "filters"} {
		if value, ok := spec[field]; ok {
			object.Object["spec"].(map[string]any)[field] = value
		}
	}
	client := cluster.dynamic.Resource(triggersResource).Namespace(e2e)
	created, err := client.Create(ctx, &object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		return "", fmt.Errorf("%s: %w", row.Name, err)
	}
	created.Object["status"] = map[string]any{"subscriberUri": "http://recorder.e2e.svc.cluster.local/conformance"}
	if _, err := client.UpdateStatus(ctx, created, metav1.UpdateOptions{}); err != nil {
		return "", fmt.Errorf("%s: %w", row.Name, err)
	}
	return fmt.Sprintf("/triggers/%s/%s/%s", e2e, name, created.GetUID()), nil
}

// filterAddress is where the API server passes requests on to the Broker's filter.
func filterAddress(t *testing.T) (*http.Client, string) {
	t.Helper()
	web, err := rest.HTTPClientFor(cluster.config)
	if err != nil {
		t.Fatal(err)
	}
	return web, strings.TrimSuffix(cluster.config.Host, "/") + "/api/v1/namespaces/knative-eventing/services/http:broker-filter:80/proxy"
}

// answerOf sends an event of the table as the Broker's channel does, and says what became of it: the recorder accepts with
// 202 what passes, the filter answers 200 to what does not, and hangs up where it panics.
func answerOf(ctx context.Context, web *http.Client, url, name string) (conformance.Answer, error) {
	status, body, err := askFilter(ctx, web, url, name)
	switch {
	case err != nil:
		return "", err
	case status == http.StatusAccepted:
		return conformance.Match, nil
	case status == http.StatusOK:
		return conformance.NoMatch, nil
	case status == http.StatusServiceUnavailable && strings.Contains(body, "error trying to reach service: EOF"): // the API server's words
		return conformance.Panics, nil
	}
	return "", fmt.Errorf("the event %s is answered with %d: %s", name, status, body)
}

func askFilter(ctx context.Context, web *http.Client, url, name string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	e := conformance.Bare()
	if name != conformanceProbe {
		e = conformance.Events()[name]
		e.SetExtension(broker.TTLAttribute, "255")
	}
	request, err := cehttp.NewHTTPRequestFromEvent(ctx, url, e)
	if err != nil {
		return 0, "", err
	}
	response, err := web.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	var body bytes.Buffer
	_, err = io.Copy(&body, io.LimitReader(response.Body, 4<<10))
	return response.StatusCode, body.String(), err
}

// sideBySide does n things, some at a time, and ends the test where any fails.
func sideBySide(t *testing.T, n int, do func(i int) error) {
	t.Helper()
	next, errs := make(chan int), make(chan error, n)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for i := range next {
				errs <- do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}
