package jobrunner

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

func request(a *alert.Alert) *function.Request {
	return &function.Request{Function: Name, Alert: a, EventID: a.ID(), CorrelationID: a.CorrelationID(), RecordedTime: time.Unix(1, 0)}
}

func fired(labels, annotations map[string]string) *alert.Alert {
	return &alert.Alert{Status: alert.Firing, Labels: labels, Annotations: annotations, Fingerprint: "f", StartsAt: time.Unix(0, 0), Group: &alert.Group{}}
}

func parsed(t *testing.T, text string) *Rule {
	t.Helper()
	rules, err := Parse("rules.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rules[0]
}

func TestEnvironmentNames(t *testing.T) {
	env, left := environment(fired(
		map[string]string{
			"pod": "p", "status": "mine", "annotation_summary": "label's", "k8s.io/app": "dotted", "k8s_io_app": "exact", "a-b": "first", "a.b": "second",
			"火": "fire", "nul": "a\x00b",
		},
		map[string]string{"summary": "s", "run book": "r"},
	), maxEnvironment)
	got := map[string]string{}
	var names []string
	for _, v := range env {
		if _, twice := got[v.Name]; twice {
			t.Errorf("%s is there twice", v.Name)
		}
		got[v.Name] = v.Value
		names = append(names, v.Name)
	}
	for name, want := range map[string]string{
		"ALERT_POD": "p", "ALERT_STATUS": "mine", "ALERT_ANNOTATION_SUMMARY": "label's", "ALERT_K8S_IO_APP": "exact", "ALERT_A_B": "first",
		"ALERT__": "fire", "ALERT_ANNOTATION_RUN_BOOK": "r", "ALERT_STARTS_AT": "1970-01-01T00:00:00Z", "ALERT_NUL": "ab",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	again, _ := environment(fired(map[string]string{}, nil), maxEnvironment)
	if len(left) > 0 || names[0] != "ALERT_ANNOTATION_SUMMARY" || again[0].Name != "ALERT_STATUS" {
		t.Errorf("left %v, order %v", left, names)
	}
}

func TestEnvironmentIsBounded(t *testing.T) {
	long := strings.Repeat("x", 101<<10)
	many := map[string]string{}
	for i := range 40 {
		many[strings.Repeat("k", i+1)] = strings.Repeat("\x01", 20<<10)
	}
	for name, test := range map[string]struct {
		alert *alert.Alert
		left  string
	}{
		"event above 100 KiB":    {fired(map[string]string{"a": strings.Repeat("x", 60<<10), "b": strings.Repeat("x", 60<<10)}, nil), "ALERT_EVENT"},
		"a label above 100 KiB":  {fired(map[string]string{"a": long}, nil), "ALERT_A"},
		"many large annotations": {fired(map[string]string{"a": "1"}, many), "ALERT_ANNOTATION_" + strings.Repeat("K", 40)},
	} {
		t.Run(name, func(t *testing.T) {
			r := parsed(t, "jobs:\n- {alert: A, template: {spec: {template: {spec: {initContainers: [{name: i, image: x}], containers: [{name: a, image: x}]}}}}}")
			job := build(r, r.Template, request(test.alert), "ns", time.Unix(1, 0))
			text, err := json.Marshal(job)
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > 1200<<10 {
				t.Errorf("the Job has %d bytes", len(text))
			}
			if !strings.Contains(job.Annotations[annotationLeftOut], test.left) {
				t.Errorf("left out %q, want %s", job.Annotations[annotationLeftOut], test.left)
			}
		})
	}
}

func TestNames(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"a", "A", "a b", "a-b", "ä", "火事", "", strings.Repeat("a", 62), strings.Repeat("a", 63), strings.Repeat("a-", 100), "-", "9"} {
		for _, id := range []string{"0123456789abcdef0123456789abcdef", "x", "weird id/ü"} {
			job := jobName(&Rule{Name: name}, id, time.Time{})
			if errs := validation.IsDNS1123Label(job); len(errs) > 0 {
				t.Errorf("%q: %v", job, errs)
			}
			if other, met := seen[job]; met {
				t.Errorf("%q and %q have one name", name+" "+id, other)
			}
			seen[job] = name + " " + id
			for _, v := range []string{labelValue(name), labelValue(id)} {
				if errs := validation.IsValidLabelValue(v); len(errs) > 0 || v == "" {
					t.Errorf("label value %q: %v", v, errs)
				}
			}
		}
	}
	act := &Rule{Name: "a", OnRepeat: function.RepeatAct}
	if jobName(act, "x", time.Unix(1, 0)) == jobName(act, "x", time.Unix(2, 0)) {
		t.Error("a repeat that acts has the first one's name")
	}
}

func TestHarden(t *testing.T) {
	root := int64(0)
	for name, test := range map[string]struct {
		pod  corev1.PodSpec
		h    hardening
		want func(corev1.PodSpec) bool
	}{
		"none": {corev1.PodSpec{Containers: make([]corev1.Container, 1)}, restricted, func(p corev1.PodSpec) bool {
			return *p.SecurityContext.RunAsNonRoot && *p.SecurityContext.RunAsUser == nobody && !*p.Containers[0].SecurityContext.AllowPrivilegeEscalation
		}},
		"as Bailer": {corev1.PodSpec{Containers: make([]corev1.Container, 1)}, asBailer, func(p corev1.PodSpec) bool {
			return p.SecurityContext.RunAsNonRoot == nil && p.SecurityContext.RunAsUser == nil && !*p.Containers[0].SecurityContext.AllowPrivilegeEscalation
		}},
		"empty": {corev1.PodSpec{SecurityContext: &corev1.PodSecurityContext{}}, restricted, func(p corev1.PodSpec) bool { return *p.SecurityContext.RunAsNonRoot }},
		"the author's": {corev1.PodSpec{SecurityContext: &corev1.PodSecurityContext{RunAsUser: &root}, Containers: make([]corev1.Container, 1)}, restricted, func(p corev1.PodSpec) bool {
			return *p.SecurityContext.RunAsUser == 0 && p.Containers[0].SecurityContext == nil
		}},
		"one container's": {corev1.PodSpec{Containers: []corev1.Container{{SecurityContext: &corev1.SecurityContext{}}, {}}}, restricted, func(p corev1.PodSpec) bool {
			return p.SecurityContext == nil && p.Containers[1].SecurityContext == nil
		}},
		"Windows": {corev1.PodSpec{OS: &corev1.PodOS{Name: corev1.Windows}}, restricted, func(p corev1.PodSpec) bool { return p.SecurityContext == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			harden(&test.pod, test.h)
			if !test.want(test.pod) {
				t.Errorf("pod is %+v", test.pod)
			}
		})
	}
}

func TestTemplateIsNotChanged(t *testing.T) {
	r := parsed(t, "jobs:\n- {alert: A, template: {metadata: {labels: {a: b}}, spec: {template: {spec: {containers: [{name: a, image: x, env: [{name: SECRET, value: s3cret}]}]}}}}}")
	before := r.Template.DeepCopy()
	job := build(r, r.Template, request(fired(map[string]string{"alertname": "A"}, nil)), "ns", time.Unix(1, 0))
	if !reflect.DeepEqual(before, r.Template) {
		t.Error("build changed the rule's template")
	}
	if text := manifest(job); strings.Contains(text, "s3cret") || strings.Contains(text, "ALERT_") || !strings.Contains(text, "SECRET") {
		t.Errorf("manifest is\n%s", text)
	}
	if job.Labels["a"] != "b" || !utf8.ValidString(manifest(job)) {
		t.Errorf("labels are %v", job.Labels)
	}
}
