package alert

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
)

func TestAttributeName(t *testing.T) {
	for label, want := range map[string]string{
		"alertname": "alertname", "pod_name": "podname", "k8s.io/app": "k8sioapp", "Pod": "pod", "severity": "severity",
		"type": "labeltype", "TYPE": "labeltype", "id": "labelid", "data": "labeldata", "in": "labelin", "action": "labelaction",
		"receiver": "labelreceiver", "fingerprint": "labelfingerprint", "knative_broker": "labelknativebroker",
		"trace_parent": "labeltraceparent", "5xx": "label5xx", "größe": "gre", "instance": "instance", "not": "labelnot",
		"__name__": "", "気温": "", "_": "",
	} {
		got, ok := AttributeName(label)
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v; want %q", label, got, ok, want)
		}
		if ok && !event.IsExtensionNameValid(got) {
			t.Errorf("%s: %q is no attribute name", label, got)
		}
	}
}

func TestAttributeValue(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"plain":             {"nginx-1", "nginx-1"},
		"inner blanks":      {"a  b", "a  b"},
		"leading blanks":    {"  a ", "a"},
		"newline":           {"a\nb\r\n", "a b"},
		"tab and NUL":       {"a\tb\x00c", "a b c"},
		"only blanks":       {" \n ", ""},
		"empty":             {"", ""},
		"other scripts":     {"größe 気温 🔥", "größe 気温 🔥"},
		"C1 control":        {"a\u0085b", "a b"},
		"no character":      {"a\uFFFEb\U0001FFFFc\uFDD0d", "a\uFFFDb\uFFFDc\uFFFDd"},
		"not UTF-8":         {"a\xffb", "a\uFFFDb"},
		"percent":           {"100%25", "100%25"},
		"quotes":            {`"a" 'b' \`, `"a" 'b' \`},
		"at the limit":      {strings.Repeat("x", MaxValueBytes), strings.Repeat("x", MaxValueBytes)},
		"beyond the limit":  {strings.Repeat("x", 10_000), strings.Repeat("x", MaxValueBytes)},
		"cut between runes": {strings.Repeat("x", MaxValueBytes-1) + "気", strings.Repeat("x", MaxValueBytes-1)},
		"cut before blanks": {strings.Repeat("x", MaxValueBytes-2) + "   y", strings.Repeat("x", MaxValueBytes-2)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := AttributeValue(tc.in); got != tc.want || !utf8.ValidString(got) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestMapping(t *testing.T) {
	for name, tc := range map[string]struct {
		overrides    string
		only         bool
		labels, want map[string]string
	}{
		"every label":           {"", false, map[string]string{"alertname": "A", "pod_name": "p", "__tmp": "x", "empty": ""}, map[string]string{"alertname": "A", "podname": "p"}},
		"unchanged wins":        {"", false, map[string]string{"pod_name": "changed", "podname": "same", "PodName": "changed"}, map[string]string{"podname": "same"}},
		"prefix is a change":    {"", false, map[string]string{"type": "changed", "labeltype": "same"}, map[string]string{"labeltype": "same"}},
		"both changed":          {"", false, map[string]string{"pod_name": "second", "pod-name": "first"}, map[string]string{"podname": "first"}},
		"override":              {"pod_name=pod", false, map[string]string{"pod_name": "p", "job": "j"}, map[string]string{"pod": "p", "job": "j"}},
		"override takes a name": {"pod_name=pod", false, map[string]string{"pod_name": "p", "pod": "other"}, map[string]string{"pod": "p"}},
		"only":                  {"k8s.io/app=app, severity=severity", true, map[string]string{"k8s.io/app": "shop", "job": "j", "severity": "page"}, map[string]string{"app": "shop", "severity": "page"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := NewMapping(tc.overrides, tc.only)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Attributes(tc.labels); !maps.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestMappingRefuses(t *testing.T) {
	for overrides, want := range map[string]string{
		"pod":                "want label=attribute",
		"=pod":               "want label=attribute",
		"pod=Pod":            "lower-case",
		"pod=po_d":           "lower-case",
		"pod=1":              "letter first",
		"pod=id":             "reserved",
		"pod=knativepod":     "reserved",
		"pod=a,pod=b":        `label "pod" is listed twice`,
		"pod=a,namespace=a":  `attribute "a" is listed twice`,
		"pod=a,,namespace= ": "lower-case",
	} {
		if _, err := NewMapping(overrides, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", overrides, err, want)
		}
	}
	if _, err := NewMapping("", true); err == nil {
		t.Error("only, with no label: no error")
	}
}

func TestMappingBoundsAllAttributes(t *testing.T) {
	labels := map[string]string{"alertname": "Flood", "zz": "last"}
	for i := range 1000 {
		labels[fmt.Sprintf("label_%d", i)] = strings.Repeat("v", 500)
	}
	total, got := 0, (*Mapping)(nil).Attributes(labels)
	for name, v := range got {
		total += len(name) + len(v)
	}
	if total > MaxAttributeBytes || total < MaxAttributeBytes-600 {
		t.Errorf("%d bytes of attributes, want nearly %d", total, MaxAttributeBytes)
	}
	if got["alertname"] != "Flood" {
		t.Error("alertname was left out")
	}
}
