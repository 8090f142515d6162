package trigger_test

import (
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	v1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/knative/trigger/conformance"
)

// decode makes a Trigger of a fragment of its spec.
func decode(t *testing.T, spec string) *v1.Trigger {
	t.Helper()
	k := &v1.Trigger{}
	k.Namespace, k.Name = "default", "t"
	if err := yaml.UnmarshalStrict([]byte(spec), &k.Spec); err != nil {
		t.Fatal(err)
	}
	k.SetDefaults(t.Context())
	return k
}

// TestFilterAsInProduction holds the filter to the table, and to Knative's broker, event by event.
func TestFilterAsInProduction(t *testing.T) {
	knative := newProduction(t)
	cases := 0
	for _, row := range conformance.Rows() {
		for name, e := range conformance.Events() {
			cases++
			t.Run(row.Name+", "+name, func(t *testing.T) {
				k, want := decode(t, row.Spec), row.Want(name)
				if got := knative.answer(t, k, e); got != want {
					t.Errorf("Knative: %s, want %s: %s", got, want, row.Spec)
				}
				if got := simulate(t, k, e); got != want {
					t.Errorf("Match: %s, want %s: %s", got, want, row.Spec)
				}
			})
		}
	}
	if cases < 150 {
		t.Errorf("the table has %d cases, want 150 at least", cases)
	}
}

func simulate(t *testing.T, k *v1.Trigger, e event.Event) conformance.Answer {
	t.Helper()
	filter, err := trigger.Compile(k)
	if err != nil {
		t.Fatal(err)
	}
	switch matched, err := filter.Match(t.Context(), e); {
	case err != nil && matched:
		t.Fatalf("a match with an error: %v", err)
	case err != nil:
		if !strings.Contains(err.Error(), "panics Knative's filter") || !strings.Contains(err.Error(), e.ID()) {
			t.Errorf("error %q names neither cause nor event", err)
		}
		return panics
	case matched:
		return match
	}
	return noMatch
}

// TestCompileRefuses has filters that Knative's broker skips; loose says that the Trigger then catches an event that it
// asks nothing of the kind of.
func TestCompileRefuses(t *testing.T) {
	knative := newProduction(t)
	const loose = match
	for name, tc := range map[string]struct {
		spec string
		prod conformance.Answer // what production makes of it; empty if it cannot be asked
		want string
	}{
		"exact, empty value":    {`filters: [{exact: {severity: ""}}]`, loose, "spec.filters[0].exact.severity: empty value"},
		"prefix, empty value":   {`filters: [{prefix: {severity: ""}}]`, loose, "spec.filters[0].prefix.severity: empty value"},
		"suffix, empty value":   {`filters: [{suffix: {severity: ""}}]`, loose, "spec.filters[0].suffix.severity: empty value"},
		"one of two empty":      {`filters: [{exact: {severity: page, pod: ""}}]`, loose, "spec.filters[0].exact.pod"},
		"bad cesql":             {`filters: [{cesql: "severity IN ()"}]`, panics, "spec.filters[0].cesql: parse \"severity IN ()\""},
		"bad cesql, no end":     {`filters: [{cesql: "severity ="}]`, panics, "spec.filters[0].cesql: parse \"severity =\""},
		"unclosed quote":        {`filters: [{cesql: "severity = 'x"}]`, panics, "spec.filters[0].cesql: parse"},
		"no dialect":            {`filters: [{}]`, loose, "spec.filters[0]: no dialect"},
		"empty dialect":         {`filters: [{exact: {}}]`, loose, "spec.filters[0]: no dialect"},
		"empty all":             {`filters: [{all: []}]`, loose, "spec.filters[0]: no dialect"},
		"empty cesql":           {`filters: [{cesql: ""}]`, loose, "spec.filters[0]: no dialect"},
		"not of nothing":        {`filters: [{not: {}}]`, loose, "spec.filters[0].not: no dialect"},
		"any of bad":            {`filters: [{any: [{exact: {severity: ""}}]}]`, "", "spec.filters[0].any[0].exact.severity"},
		"second of all":         {`filters: [{all: [{exact: {pod: x}}, {suffix: {pod: ""}}]}]`, noMatch, "spec.filters[0].all[1].suffix.pod"},
		"two dialects":          {`filters: [{exact: {severity: critical}, prefix: {pod: x}}]`, loose, "several dialects (exact, prefix)"},
		"cesql beside":          {`filters: [{suffix: {severity: l}, cesql: "FALSE"}]`, loose, "several dialects (suffix, cesql)"},
		"upper case":            {`filters: [{exact: {alertName: x}}]`, noMatch, `attribute name "alertName"`},
		"underscore":            {`filters: [{not: {exact: {pod_name: x}}}]`, loose, `spec.filters[0].not.exact: attribute name "pod_name"`},
		"legacy, upper case":    {`filter: {attributes: {podName: x}}`, noMatch, `spec.filter.attributes: attribute name "podName"`},
		"name starts in number": {`filters: [{exact: {2xx: x}}]`, noMatch, `attribute name "2xx"`},
		"empty name":            {`filters: [{exact: {"": x}}]`, loose, `attribute name ""`},
	} {
		t.Run(name, func(t *testing.T) {
			k := decode(t, tc.spec)
			_, err := trigger.Compile(k)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want it to say %q", err, tc.want)
			}
			if tc.prod == "" {
				return
			}
			if got := knative.answer(t, k, conformance.Whole()); got != tc.prod {
				t.Errorf("Knative: %s, want %s", got, tc.prod)
			}
		})
	}
}

func TestAsDeliveredLeavesTheEventAlone(t *testing.T) {
	e := conformance.Whole()
	before := e.String()
	got := trigger.AsDelivered(e)
	if e.String() != before {
		t.Errorf("the event has changed from %s to %s", before, e)
	}
	if again := trigger.AsDelivered(got); again.String() != got.String() {
		t.Errorf("delivered twice: %s, once: %s", again, got)
	}
	if v := got.Extensions()["replicas"]; v != "3" {
		t.Errorf("replicas is %#v", v)
	}
}
