package trigger_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	v1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/knative/trigger/conformance"
)

// agree is an error of the test unless the explanation's verdict is that of Match, and its parts make it.
func agree(t *testing.T, f *trigger.Filter, e event.Event) *trigger.Explanation {
	t.Helper()
	matched, problem := f.Match(t.Context(), e)
	want := trigger.No
	switch {
	case problem != nil:
		want = trigger.Panics
	case matched:
		want = trigger.Yes
	}
	x := f.Explain(t.Context(), e)
	if x.Says != want {
		t.Errorf("explained as %s, but Match says %s (%v)", x.Says, want, problem)
	}
	if decides := x.Decides(); (decides == nil) != (want == trigger.Yes) {
		t.Errorf("the verdict is %s, and decided by %+v", want, decides)
	} else if decides != nil && decides.Unasked {
		t.Errorf("what decides was not asked: %+v", decides)
	}
	whole(t, x)
	return x
}

// whole looks whether the verdicts of parts make that of the whole.
func whole(t *testing.T, x *trigger.Explanation) {
	t.Helper()
	said := map[trigger.Verdict]int{}
	for _, part := range x.Parts {
		whole(t, part)
		if !part.Unasked || x.Unasked {
			said[part.Says]++
		}
	}
	if len(x.Parts) == 0 || x.Unasked || said[trigger.Panics] > 0 {
		return
	}
	want := x.Says
	switch x.Asks {
	case "all of":
		want = map[bool]trigger.Verdict{true: trigger.No, false: trigger.Yes}[said[trigger.No] > 0]
	case "any of":
		want = map[bool]trigger.Verdict{true: trigger.Yes, false: trigger.No}[said[trigger.Yes] > 0]
	case "not":
		want = map[bool]trigger.Verdict{true: trigger.No, false: trigger.Yes}[said[trigger.Yes] > 0]
	}
	if len(x.Parts) == 1 && strings.HasSuffix(x.Field, ".cesql") && x.Asks == x.Parts[0].Asks {
		want = x.Parts[0].Says // an expression as a whole
	}
	if x.Says != want {
		t.Errorf("%s (%s) says %s, its parts make %s", x.Field, x.Asks, x.Says, want)
	}
}

func TestExplainAgreesWithMatch(t *testing.T) {
	for _, row := range conformance.Rows() {
		for name, e := range conformance.Events() {
			t.Run(row.Name+", "+name, func(t *testing.T) {
				f, err := trigger.Compile(decode(t, row.Spec))
				if err != nil {
					t.Fatal(err)
				}
				agree(t, f, e)
			})
		}
	}
}

// FuzzExplain looks for filters that are explained otherwise than they match.
func FuzzExplain(f *testing.F) {
	for _, row := range conformance.Rows() {
		f.Add(row.Spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		k := &v1.Trigger{}
		if yaml.UnmarshalStrict([]byte(spec), &k.Spec) != nil {
			t.Skip()
		}
		filter, err := trigger.Compile(k)
		if err != nil {
			t.Skip()
		}
		for _, e := range conformance.Events() {
			agree(t, filter, e)
		}
	})
}

func TestExplain(t *testing.T) {
	for name, tc := range map[string]struct{ spec, want string }{
		"no filter": {`{}`, "✓ nothing: everything passes\n"},
		"exact":     {`filters: [{exact: {severity: page}}]`, `✗ severity = "page"  — it is "critical"  ← the first that says no` + "\n"},
		"legacy":    {`filter: {attributes: {severity: "", cluster: ""}}`, "✗ all of\n  ✗ cluster has any value  — it is missing  ← the first that says no\n  · severity has any value  — it is \"critical\"\n"},
		"nested": {
			`filters: [{any: [{prefix: {pod: back}}, {suffix: {namespace: -eu}}, {exact: {paused: "true"}}]}, {not: {exact: {severity: critical}}}, {exact: {pod: x}}]`,
			`✗ all of
  ✓ any of
    ✗ pod begins with "back"  — it is "frontend-7f9-x1"
    ✓ namespace ends in "-eu"  — it is "shop-eu"
    · paused = "true"  — it is "true"
  ✗ not  ← what must not be, is
    ✓ severity = "critical"  — it is "critical"
  · pod = "x"  — it is "frontend-7f9-x1"
`,
		},
		"any of none": {`filters: [{any: [{exact: {pod: a}}, {exact: {pod: b}}]}]`, `✗ any of  ← none of these says yes
  ✗ pod = "a"  — it is "frontend-7f9-x1"
  ✗ pod = "b"  — it is "frontend-7f9-x1"
`},
		"cesql": {`filters: [{cesql: "EXISTS severity AND (severity IN ('page') OR LENGTH(pod) > 99) AND cluster = 'x'"}]`, `✗ cesql: EXISTS severity AND (severity IN ('page') OR LENGTH(pod) > 99) AND cluster = 'x'
  ✓ EXISTS severity  — severity: it is "critical"
  ✗ (severity IN ('page') OR LENGTH(pod) > 99) AND cluster = 'x'
    ✗ (severity IN ('page') OR LENGTH(pod) > 99)  ← none of these says yes
      ✗ severity IN ('page')  — severity is "critical"
      ✗ LENGTH(pod) > 99  — LENGTH(pod) is 15, pod is "frontend-7f9-x1"
    · cluster = 'x'  — missing attribute error: cluster
`},
		"cesql of one":   {`filters: [{cesql: "severity LIKE 'p%'"}]`, "✗ cesql: severity LIKE 'p%'  — severity is \"critical\"  ← the first that says no\n"},
		"cesql, missing": {`filters: [{cesql: "NOT (cluster = 'x')"}]`, "✗ cesql: NOT (cluster = 'x')  — missing attribute error: cluster  ← the first that says no\n  ✗ (cluster = 'x')  — missing attribute error: cluster\n"},
		"panic":          {`filters: [{cesql: severity}]`, "! severity  — "},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := trigger.Compile(decode(t, tc.spec))
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			agree(t, f, conformance.Whole()).Write(&got, "")
			if got.String() != tc.want && (name != "panic" || !strings.HasPrefix(got.String(), tc.want)) {
				t.Errorf("got\n%swant\n%s", got.String(), tc.want)
			}
		})
	}
}

func TestExplainNamesTheField(t *testing.T) {
	f, err := trigger.Compile(decode(t, `filters: [{exact: {severity: critical}}, {any: [{prefix: {pod: a}}, {all: [{suffix: {pod: b}}, {cesql: "FALSE"}]}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	var walk func(x *trigger.Explanation)
	walk = func(x *trigger.Explanation) {
		fields = append(fields, x.Field)
		for _, part := range x.Parts {
			walk(part)
		}
	}
	walk(f.Explain(t.Context(), conformance.Whole()))
	want := "spec.filters spec.filters[0].exact.severity spec.filters[1].any spec.filters[1].any[0].prefix.pod spec.filters[1].any[1].all " +
		"spec.filters[1].any[1].all[0].suffix.pod spec.filters[1].any[1].all[1].cesql spec.filters[1].any[1].all[1].cesql"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
