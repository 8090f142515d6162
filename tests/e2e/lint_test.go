//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/knative/trigger/lint"
	"github.com/quench-dev/quench/knative/trigger/source"
)

// lintHead is a Trigger up to what a case says of its spec.
const lintHead = "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: { name: %s, namespace: quench }\nspec:\n  %s\n"

const (
	lintDelivery = "delivery: { retry: 1, backoffPolicy: exponential, backoffDelay: PT1S, timeout: PT30S, deadLetterSink: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: dead-letter } } }"
	lintOn       = "filters: [ { exact: { type: io.prometheus.alertmanager.alert.firing } } ]"
	lintTo       = "subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: rollback } }"
)

func lintSpec(lines ...string) string { return strings.Join(lines, "\n  ") }

// What lint says that admission refuses is refused by the cluster's, and what it says that admission lets through is taken.
func TestLintSaysWhatAdmissionRefuses(t *testing.T) {
	filter := func(f string) string {
		return lintSpec("broker: default", "filters: [ { exact: { type: io.prometheus.alertmanager.alert.firing } }, "+f+" ]", lintTo, lintDelivery)
	}
	for id, c := range map[string]struct {
		spec    string
		refused bool
	}{
		"not-admitted":      {lintSpec("broker: ''", lintOn, lintTo, lintDelivery), true},
		"unknown-field":     {lintSpec("broker: default", "filtres: []", lintOn, lintTo, lintDelivery), true},
		"attribute-name":    {filter("{ exact: { pod_name: a } }"), true},
		"several-dialects":  {filter("{ exact: { pod: a }, prefix: { namespace: b } }"), true},
		"cesql-syntax":      {filter(`{ cesql: "pod_name = 'a'" }`), true},
		"empty-value":       {filter("{ exact: { severity: '' } }"), false},
		"empty-filter":      {filter("{ all: [] }"), false},
		"cesql-not-boolean": {filter("{ cesql: severity }"), false},
		"filter-ignored":    {lintSpec("broker: default", lintOn, "filter: { attributes: { severity: page } }", lintTo, lintDelivery), false},
		"never-true":        {filter("{ exact: { type: io.prometheus.alertmanager.alert.resolved } }"), false},
	} {
		text := fmt.Sprintf(lintHead, "lint-"+id, c.spec)
		if found := linted(t, text); !slices.Contains(found, id) {
			t.Errorf("%s: lint finds %v", id, found)
		}
		var object unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
			t.Fatal(err)
		}
		_, err := cluster.dynamic.Resource(triggersResource).Namespace(quench).Create(t.Context(), &object,
			metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationIgnore})
		if refused := apierrors.IsBadRequest(err) || apierrors.IsInvalid(err); refused != c.refused || err != nil && !refused {
			t.Errorf("%s: the cluster says %v, want it refused: %v", id, err, c.refused)
		}
	}
}

// linted are the findings about a text, by what the cluster has.
func linted(t *testing.T, text string) (ids []string) {
	t.Helper()
	set, err := source.Open(t.Context(), source.Options{Paths: []string{source.Stdin}, Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	exists, err := lint.In(cluster.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	findings, err := lint.Run(t.Context(), set.Objects, lint.Options{Exists: exists})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		ids = append(ids, f.ID)
	}
	return ids
}

// A Trigger that names what is not there never gets ready; one that names what is there is no finding. Of a Broker that is
// not there Knative says nothing at all: nobody looks at its Triggers. So that one is made first, and is still without a
// status when those that are made after it have theirs.
func TestLintFindsWhatIsNeverReady(t *testing.T) {
	t.Cleanup(func() { // after those below
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := await(ctx, inStep); err != nil {
			t.Error(err)
		}
	})
	for _, c := range []struct {
		id, spec  string
		condition apis.ConditionType // empty: none
	}{
		{"broker-missing", lintSpec("broker: elsewhere", lintOn, lintTo, lintDelivery), ""},
		{"subscriber-missing", lintSpec("broker: default", lintOn, strings.Replace(lintTo, "rollback", "rolback", 1), lintDelivery), eventingv1.TriggerConditionSubscriberResolved},
		{"dead-letter-sink-missing", lintSpec("broker: default", lintOn, lintTo, strings.Replace(lintDelivery, "dead-letter", "letters", 1)), eventingv1.TriggerConditionDeadLetterSinkResolved},
	} {
		text := fmt.Sprintf(lintHead, "lint-"+c.id, c.spec)
		if found := linted(t, text); !slices.Equal(found, []string{c.id}) {
			t.Errorf("lint finds %v, want %s", found, c.id)
		}
		var object unstructured.Unstructured
		if err := yaml.UnmarshalStrict([]byte(text), &object.Object); err != nil {
			t.Fatal(err)
		}
		if _, err := cluster.dynamic.Resource(triggersResource).Namespace(quench).Create(t.Context(), &object, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		// At once: none of them is subscribed, and the Broker is in step only once all are gone.
		t.Cleanup(func() {
			if err := cluster.dynamic.Resource(triggersResource).Namespace(quench).Delete(context.Background(), object.GetName(), metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		})
		if c.condition == "" {
			continue
		}
		eventually(t, time.Minute, "Knative to say what is missing", func(ctx context.Context) error {
			status, err := statusOf(ctx, object.GetName())
			if err != nil {
				return err
			}
			if condition := status.GetCondition(c.condition); condition == nil || !condition.IsFalse() || status.IsReady() {
				return fmt.Errorf("conditions %+v", status.Conditions)
			}
			return nil
		})
	}
	status, err := statusOf(t.Context(), "lint-broker-missing")
	if err != nil {
		t.Fatal(err)
	}
	if len(status.Conditions) > 0 || status.SubscriberURI != nil {
		t.Errorf("a Trigger of no Broker has the status %+v", status)
	}
	if found := linted(t, fmt.Sprintf(lintHead, "lint-well", lintSpec("broker: default", lintOn, lintTo, lintDelivery))); len(found) > 0 {
		t.Errorf("lint finds %v in a Trigger that is well", found)
	}
}

func statusOf(ctx context.Context, name string) (*eventingv1.TriggerStatus, error) {
	got, err := cluster.dynamic.Resource(triggersResource).Namespace(quench).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	tr := new(eventingv1.Trigger)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(got.Object, tr); err != nil {
		return nil, err
	}
	return &tr.Status, nil
}
