package trigger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	v1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/knative/trigger"
)

// fire is an alert event as the adapter makes it, with extensions of every CloudEvents type besides.
func fire() event.Event {
	e := event.New()
	e.SetID("a1b2")
	e.SetType("io.prometheus.alertmanager.alert.firing")
	e.SetSource("/alertmanager/default")
	e.SetSubject("PodUnscheduleable/c0ffee")
	e.SetTime(time.Date(2026, 11, 20, 23, 0, 0, 500, time.FixedZone("CET", 3600)))
	for name, value := range map[string]any{
		"alertname": "PodUnscheduleable", "severity": "critical", "namespace": "shop-eu", "pod": "frontend-7f9-x1",
		"replicas": 3, "paused": true, "deadline": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "empty": "",
		"digest": []byte{1, 2}, "padded": "  x\t", "team": "équipe", "quote": "it's", "number": "42",
	} {
		e.SetExtension(name, value)
	}
	_ = e.SetData("application/json", map[string]string{"status": "firing"})
	return e
}

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

var filterCases = map[string]struct {
	spec string
	want string
}{
	"no filter at all":    {`{}`, match},
	"empty filter":        {`filter: {}`, match},
	"empty attributes":    {`filter: {attributes: {}}`, match},
	"empty filters":       {`filters: []`, match},
	"empty filters, else": {`{filters: [], filter: {attributes: {type: other}}}`, noMatch},

	"legacy":                    {`filter: {attributes: {alertname: PodUnscheduleable}}`, match},
	"legacy, other value":       {`filter: {attributes: {alertname: Other}}`, noMatch},
	"legacy, two":               {`filter: {attributes: {severity: critical, namespace: shop-eu}}`, match},
	"legacy, one of two":        {`filter: {attributes: {severity: critical, namespace: shop}}`, noMatch},
	"legacy, missing":           {`filter: {attributes: {cluster: x}}`, noMatch},
	"legacy, any value":         {`filter: {attributes: {alertname: ""}}`, match},
	"legacy, any, missing":      {`filter: {attributes: {cluster: ""}}`, noMatch},
	"legacy, any, empty":        {`filter: {attributes: {empty: ""}}`, noMatch},
	"legacy, any, no schema":    {`filter: {attributes: {dataschema: ""}}`, noMatch},
	"legacy, type":              {`filter: {attributes: {type: io.prometheus.alertmanager.alert.firing}}`, match},
	"legacy, integer":           {`filter: {attributes: {replicas: "3"}}`, match},
	"legacy, boolean":           {`filter: {attributes: {paused: "true"}}`, match},
	"legacy, time in UTC":       {`filter: {attributes: {time: "2026-11-20T22:00:00.0000005Z"}}`, match},
	"legacy, time as sent":      {`filter: {attributes: {time: "2026-11-20T23:00:00.0000005+01:00"}}`, noMatch},
	"legacy, old name":          {`filter: {attributes: {schemaurl: x}}`, noMatch},
	"legacy, specversion":       {`filter: {attributes: {specversion: "1.0"}}`, match},
	"legacy, media type":        {`filter: {attributes: {datamediatype: application/json}}`, match},
	"legacy, case counts":       {`filter: {attributes: {severity: Critical}}`, noMatch},
	"both, filters wins":        {`{filter: {attributes: {severity: other}}, filters: [{exact: {severity: critical}}]}`, match},
	"both, filters wins to no":  {`{filter: {attributes: {severity: critical}}, filters: [{exact: {severity: other}}]}`, noMatch},
	"broker's own is gone":      {`filter: {attributes: {knativebrokerttl: "255"}}`, noMatch},
	"broker's own, subscribers": {`filters: [{cesql: EXISTS knativebrokerttl}]`, noMatch},

	"exact":                  {`filters: [{exact: {alertname: PodUnscheduleable}}]`, match},
	"exact, other value":     {`filters: [{exact: {alertname: podunscheduleable}}]`, noMatch},
	"exact, missing":         {`filters: [{exact: {cluster: x}}]`, noMatch},
	"exact, two":             {`filters: [{exact: {severity: critical, namespace: shop-eu}}]`, match},
	"exact, one of two":      {`filters: [{exact: {severity: critical, namespace: shop}}]`, noMatch},
	"exact, integer":         {`filters: [{exact: {replicas: "3"}}]`, match},
	"exact, boolean":         {`filters: [{exact: {paused: "true"}}]`, match},
	"exact, timestamp":       {`filters: [{exact: {deadline: "2026-01-02T03:04:05Z"}}]`, match},
	"exact, bytes":           {`filters: [{exact: {digest: AQI=}}]`, match},
	"exact, blanks go":       {`filters: [{exact: {padded: x}}]`, match},
	"exact, blanks asked":    {`filters: [{exact: {padded: "  x\t"}}]`, noMatch},
	"exact, other script":    {`filters: [{exact: {team: équipe}}]`, match},
	"exact, subject":         {`filters: [{exact: {subject: PodUnscheduleable/c0ffee}}]`, match},
	"prefix":                 {`filters: [{prefix: {namespace: shop-}}]`, match},
	"prefix, whole":          {`filters: [{prefix: {namespace: shop-eu}}]`, match},
	"prefix, longer":         {`filters: [{prefix: {namespace: shop-eu-}}]`, noMatch},
	"prefix, missing":        {`filters: [{prefix: {cluster: x}}]`, noMatch},
	"prefix, one of two":     {`filters: [{prefix: {namespace: shop, pod: backend}}]`, noMatch},
	"prefix, type":           {`filters: [{prefix: {type: io.prometheus.alertmanager.}}]`, match},
	"suffix":                 {`filters: [{suffix: {namespace: -eu}}]`, match},
	"suffix, other":          {`filters: [{suffix: {namespace: -us}}]`, noMatch},
	"suffix, missing":        {`filters: [{suffix: {cluster: x}}]`, noMatch},
	"suffix, unset attr":     {`filters: [{suffix: {dataschema: x}}]`, noMatch},
	"several, all must pass": {`filters: [{exact: {severity: critical}}, {prefix: {pod: frontend}}, {suffix: {namespace: eu}}]`, match},
	"several, last fails":    {`filters: [{exact: {severity: critical}}, {prefix: {pod: backend}}]`, noMatch},

	"all":                     {`filters: [{all: [{exact: {severity: critical}}, {prefix: {pod: frontend}}]}]`, match},
	"all, one fails":          {`filters: [{all: [{exact: {severity: critical}}, {prefix: {pod: backend}}]}]`, noMatch},
	"all of one":              {`filters: [{all: [{exact: {severity: critical}}]}]`, match},
	"any, second":             {`filters: [{any: [{exact: {severity: page}}, {prefix: {pod: frontend}}]}]`, match},
	"any, none":               {`filters: [{any: [{exact: {severity: page}}, {prefix: {pod: backend}}]}]`, noMatch},
	"any of one":              {`filters: [{any: [{exact: {severity: page}}]}]`, noMatch},
	"not":                     {`filters: [{not: {exact: {severity: page}}}]`, match},
	"not, matches":            {`filters: [{not: {exact: {severity: critical}}}]`, noMatch},
	"not, missing":            {`filters: [{not: {exact: {cluster: x}}}]`, match},
	"not not":                 {`filters: [{not: {not: {exact: {severity: critical}}}}]`, match},
	"nested":                  {`filters: [{any: [{all: [{exact: {severity: page}}, {exact: {pod: x}}]}, {not: {any: [{prefix: {pod: backend}}, {suffix: {namespace: us}}]}}]}]`, match},
	"nested to no":            {`filters: [{all: [{any: [{exact: {severity: critical}}, {exact: {pod: x}}]}, {not: {any: [{prefix: {pod: frontend}}, {suffix: {namespace: us}}]}}]}]`, noMatch},
	"not of all, one missing": {`filters: [{not: {all: [{exact: {severity: critical}}, {exact: {cluster: x}}]}}]`, match},

	"cesql":                       {`filters: [{cesql: "severity = 'critical' AND namespace LIKE 'shop-%'"}]`, match},
	"cesql, false":                {`filters: [{cesql: "severity = 'page'"}]`, noMatch},
	"cesql, case of words":        {`filters: [{cesql: "severity = 'critical' and not (namespace like 'x%')"}]`, match},
	"cesql, in":                   {`filters: [{cesql: "severity IN ('page', 'critical')"}]`, match},
	"cesql, not in":               {`filters: [{cesql: "severity NOT IN ('page', 'critical')"}]`, noMatch},
	"cesql, exists":               {`filters: [{cesql: EXISTS severity}]`, match},
	"cesql, exists, missing":      {`filters: [{cesql: EXISTS cluster}]`, noMatch},
	"cesql, missing, equal":       {`filters: [{cesql: "cluster = 'x'"}]`, noMatch},
	"cesql, missing, not equal":   {`filters: [{cesql: "cluster != 'x'"}]`, noMatch},
	"cesql, missing, not":         {`filters: [{cesql: "NOT (cluster = 'x')"}]`, noMatch},
	"not cesql, missing":          {`filters: [{not: {cesql: "cluster = 'x'"}}]`, match},
	"cesql, missing after or":     {`filters: [{cesql: "severity = 'critical' OR cluster = 'x'"}]`, match},
	"cesql, missing before or":    {`filters: [{cesql: "cluster = 'x' OR severity = 'critical'"}]`, noMatch},
	"cesql, guarded by exists":    {`filters: [{cesql: "EXISTS cluster AND cluster = 'x'"}]`, noMatch},
	"cesql, number":               {`filters: [{cesql: "INT(number) > 41"}]`, match},
	"cesql, number as it is":      {`filters: [{cesql: "number = 42"}]`, match},
	"cesql, integer extension":    {`filters: [{cesql: "replicas >= 3"}]`, match},
	"cesql, boolean extension":    {`filters: [{cesql: paused = TRUE}]`, match},
	"cesql, bare boolean":         {`filters: [{cesql: paused}]`, panics},
	"cesql, not a number":         {`filters: [{cesql: "INT(severity) > 1"}]`, noMatch},
	"cesql, length":               {`filters: [{cesql: "LENGTH(severity) = 8"}]`, match},
	"cesql, concat":               {`filters: [{cesql: "CONCAT(namespace, '/', severity) = 'shop-eu/critical'"}]`, match},
	"cesql, lower":                {`filters: [{cesql: "LOWER(alertname) = 'podunscheduleable'"}]`, match},
	"cesql, substring":            {`filters: [{cesql: "SUBSTRING(pod, 1, 5) = 'front'"}]`, match},
	"cesql, trim":                 {`filters: [{cesql: "TRIM(padded) = 'x'"}]`, match},
	"cesql, left, right":          {`filters: [{cesql: "LEFT(pod, 5) = 'front' AND RIGHT(pod, 2) = 'x1'"}]`, match},
	"cesql, quote":                {`filters: [{cesql: "quote = \"it's\""}]`, match},
	"cesql, underscore":           {`filters: [{cesql: "namespace LIKE 'shop-e_'"}]`, match},
	"cesql, type":                 {`filters: [{cesql: "type LIKE '%.alert.firing'"}]`, match},
	"cesql, xor":                  {`filters: [{cesql: "TRUE XOR EXISTS severity"}]`, noMatch},
	"cesql, unknown function":     {`filters: [{cesql: "SHOUT(severity) = 'x'"}]`, noMatch},
	"cesql, division by zero":     {`filters: [{cesql: "1 / 0 = 0"}]`, noMatch},
	"cesql, string, panics":       {`filters: [{cesql: severity}]`, panics},
	"cesql, number, panics":       {`filters: [{cesql: "1 + 1"}]`, panics},
	"not cesql, panics":           {`filters: [{not: {cesql: severity}}]`, panics},
	"any, before one that panics": {`filters: [{any: [{exact: {severity: critical}}, {cesql: severity}]}]`, match},
	"all, before one that panics": {`filters: [{exact: {severity: page}}, {cesql: severity}]`, noMatch},
	"all, after one that panics":  {`filters: [{cesql: severity}, {exact: {severity: page}}]`, panics},
	"cesql, missing, no panic":    {`filters: [{cesql: cluster}]`, noMatch},
}

// TestFilterAsInProduction holds the filter to Knative's broker, event by event.
func TestFilterAsInProduction(t *testing.T) {
	knative := newProduction(t)
	for name, tc := range filterCases {
		t.Run(name, func(t *testing.T) {
			k := decode(t, tc.spec)
			if got := knative.answer(t, k, fire()); got != tc.want {
				t.Errorf("Knative: %s, want %s", got, tc.want)
			}
			if got := simulate(t, k, fire()); got != tc.want {
				t.Errorf("Match: %s, want %s", got, tc.want)
			}
		})
	}
}

func simulate(t *testing.T, k *v1.Trigger, e event.Event) string {
	t.Helper()
	filter, err := trigger.Compile(k)
	if err != nil {
		t.Fatal(err)
	}
	switch matched, err := filter.Match(t.Context(), e); {
	case err != nil && matched:
		t.Fatalf("a match with an error: %v", err)
	case err != nil:
		if !strings.Contains(err.Error(), "not a boolean") || !strings.Contains(err.Error(), "a1b2") {
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
		prod string // what production makes of it; empty if it cannot be asked
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
			if got := knative.answer(t, k, fire()); got != tc.prod {
				t.Errorf("Knative: %s, want %s", got, tc.prod)
			}
		})
	}
}

func TestAsDeliveredLeavesTheEventAlone(t *testing.T) {
	e := fire()
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
