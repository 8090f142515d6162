//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// alertmanagers are the two of the cluster of Alertmanagers.
var alertmanagers = []string{"alertmanager-0", "alertmanager-1"}

// posted is an alert in the form of Alertmanager's API.
type posted struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"startsAt,omitzero"`
	EndsAt      time.Time         `json:"endsAt,omitzero"`
}

// fire posts an alert to Alertmanagers (to both, where none is named), as Prometheus does.
func fire(t testing.TB, a posted, to ...string) {
	t.Helper()
	if a.StartsAt.IsZero() {
		a.StartsAt = time.Now()
	}
	if len(to) == 0 {
		to = alertmanagers
	}
	for _, name := range to {
		eventually(t, time.Minute, name+" to take the alert", func(ctx context.Context) error { return post(ctx, name, a) })
	}
}

func post(ctx context.Context, alertmanager string, alerts ...posted) error {
	text, err := json.Marshal(alerts)
	if err != nil {
		return err
	}
	err = through(cluster.client.CoreV1().RESTClient().Post(), monitoring, "pods", alertmanager+":9093", "api/v2/alerts").
		SetHeader("Content-Type", "application/json").Body(text).Do(ctx).Error()
	if err != nil {
		return fmt.Errorf("post alert to %s: %w", alertmanager, err)
	}
	return nil
}

// through makes a request that the API server passes on to a pod or a Service.
func through(request *rest.Request, namespace, kind, name, path string) *rest.Request {
	return request.Namespace(namespace).Resource(kind).Name(name).SubResource("proxy").Suffix(path)
}

// getJSON asks a pod, through the API server.
func getJSON(ctx context.Context, namespace, pod, path string, into any) error {
	text, err := through(cluster.client.CoreV1().RESTClient().Get(), namespace, "pods", pod, path).DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("ask %s: %w", pod, err)
	}
	return json.Unmarshal(text, into)
}

// request is one that the recorder kept.
type request struct {
	Time   time.Time   `json:"time"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// attribute is that of the event, which came in binary mode.
func (r request) attribute(name string) string { return r.Header.Get("Ce-" + name) }

// recorded is what the recorder has in a box.
func recorded(ctx context.Context, box string) ([]request, error) {
	text, err := through(cluster.client.CoreV1().RESTClient().Get(), e2e, "services", "recorder:http", box).DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask recorder: %w", err)
	}
	var requests []request
	return requests, json.Unmarshal(text, &requests)
}

// jobs are those that job-runner made for the alert with the fingerprint.
func jobs(ctx context.Context, fingerprint string) ([]batchv1.Job, error) {
	list, err := cluster.client.BatchV1().Jobs(quench).List(ctx, metav1.ListOptions{LabelSelector: "quench.dev/fingerprint=" + fingerprint})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// oneJob is an error unless there is one Job for the alert.
func oneJob(ctx context.Context, fingerprint string) error {
	found, err := jobs(ctx, fingerprint)
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%d Jobs for alert %s, want one", len(found), fingerprint)
	}
	return err
}

// fingerprint is Prometheus's of the labels.
func fingerprint(labels map[string]string) string {
	set := model.LabelSet{}
	for name, value := range labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set.Fingerprint().String()
}

// unique makes labels of an alert that is this run's and this test's alone.
func unique(t testing.TB, more ...string) map[string]string {
	t.Helper()
	labels := map[string]string{
		"alertname": "E2E", "remediation": "job-runner", "test": t.Name(), "run": time.Now().Format("150405.000000"),
	}
	for i := 0; i < len(more); i += 2 {
		labels[more[i]] = more[i+1]
	}
	return labels
}
