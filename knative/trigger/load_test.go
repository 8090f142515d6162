package trigger_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"knative.dev/eventing/pkg/apis/feature"

	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/knative/trigger/source"
)

const rollback = `apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: rollback
spec:
  broker: default
  filters:
  - exact:
      alertname: PodUnscheduleable
  subscriber:
    ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: rollback}
`

func named(name string) string {
	return strings.Replace(rollback, "name: rollback\n", "name: "+name+"\n", 1)
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// where lists what was loaded as namespace/name@file:line.
func where(triggers []*trigger.Trigger) string {
	var found []string
	for _, t := range triggers {
		found = append(found, t.ID()+"@"+filepath.Base(t.Where()))
	}
	return strings.Join(found, " ")
}

func TestLoad(t *testing.T) {
	const other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  text: |\n    --- not a separator\n"
	list := "apiVersion: v1\nkind: List\nitems:\n- " +
		strings.ReplaceAll(strings.TrimSpace(rollback), "\n", "\n  ") + "\n- {apiVersion: v1, kind: Secret}\n"
	for name, tc := range map[string]struct {
		text string
		want string
	}{
		"one document":              {rollback, "default/rollback@f.yaml:1"},
		"comments before":           {"# Rolls back.\n\n" + rollback, "default/rollback@f.yaml:3"},
		"several documents":         {rollback + "---\n# next\n" + named("two"), "default/rollback@f.yaml:1 default/two@f.yaml:14"},
		"leading separator":         {"---\n" + rollback, "default/rollback@f.yaml:2"},
		"empty documents":           {"---\n---\n# nothing\n---\n" + rollback + "---\n", "default/rollback@f.yaml:5"},
		"comment on the separator":  {"--- # first\n" + rollback, "default/rollback@f.yaml:2"},
		"document on the separator": {"--- {apiVersion: v1, kind: Namespace}\n---\n" + rollback, "default/rollback@f.yaml:3"},
		"other kinds":               {other + "---\n" + rollback + "---\n- op: remove\n", "default/rollback@f.yaml:8"},
		"list":                      {list, "default/rollback@f.yaml:1"},
		"windows line ends":         {strings.ReplaceAll("---\n"+rollback+"---\n"+named("b"), "\n", "\r\n"), "default/rollback@f.yaml:2 default/b@f.yaml:14"},
		"byte order mark":           {"\xef\xbb\xbf" + rollback, "default/rollback@f.yaml:1"},
		"document end marker":       {rollback + "...\n---\n" + named("b") + "...\n", "default/rollback@f.yaml:1 default/b@f.yaml:14"},
		"namespace":                 {named("a\n  namespace: shop"), "shop/a@f.yaml:1"},
		"same name elsewhere":       {named("a") + "---\n" + named("a\n  namespace: shop"), "default/a@f.yaml:1 shop/a@f.yaml:13"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := trigger.Load(write(t, t.TempDir(), "f.yaml", tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if where(got) != tc.want {
				t.Errorf("loaded %s, want %s", where(got), tc.want)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want []string // parts of the error, which also names the file
	}{
		"unknown field":       {"---\n" + strings.Replace(rollback, "filters:", "filtres:", 1), []string{":2:", `unknown field "spec.filtres"`}},
		"unknown inner field": {strings.Replace(rollback, "- exact:", "- exactly:", 1), []string{":1:", `unknown field "spec.filters[0].exactly"`}},
		"wrong case":          {strings.Replace(rollback, "filters:", "Filters:", 1), []string{`unknown field "spec.Filters"`}},
		"duplicate field":     {rollback + "  broker: again\n", []string{":1:", `"broker" already set`}},
		"old version":         {strings.Replace(rollback, "/v1\n", "/v1beta1\n", 1), []string{":1:", `"eventing.knative.dev/v1beta1"`, "want eventing.knative.dev/v1"}},
		"no version":          {strings.Replace(rollback, "apiVersion: eventing.knative.dev/v1\n", "", 1), []string{":1:", "want eventing.knative.dev/v1"}},
		"bare boolean":        {strings.Replace(rollback, "PodUnscheduleable", "yes", 1), []string{":1:", "bool", "string"}},
		"not YAML":            {rollback + "---\na: b: c\n", []string{":13:", "line 13"}},
		"no name":             {named(`""`), []string{":1:", "metadata.name"}},
		"bad name":            {named("Roll_Back"), []string{":1:", "metadata.name", "Roll_Back"}},
		"bad namespace":       {named("a\n  namespace: a.b"), []string{"metadata.namespace", "a.b"}},
		"no broker":           {strings.Replace(rollback, "  broker: default\n", "", 1), []string{":1:", "missing field(s): spec.broker"}},
		"no subscriber":       {rollback[:strings.Index(rollback, "  subscriber:")], []string{":1:", "spec.subscriber"}},
		"ref of no kind":      {strings.Replace(rollback, "kind: Service, ", "", 1), []string{"missing field(s): spec.subscriber.ref.kind"}},
		"ref elsewhere":       {strings.Replace(rollback, "name: rollback}", "name: rollback, namespace: x}", 1), []string{"mismatched namespaces"}},
		"bad retry":           {rollback + "  delivery: {retry: -1}\n", []string{"spec.delivery.retry"}},
		"bad backoff":         {rollback + "  delivery: {backoffDelay: 1s}\n", []string{"spec.delivery.backoffDelay"}},
		"feature not enabled": {rollback + "  delivery: {retryAfterMax: PT1S}\n", []string{"spec.delivery.retryAfterMax"}},
		"bad filter":          {strings.Replace(rollback, "PodUnscheduleable", `""`, 1), []string{":1:", "default/rollback", "spec.filters[0].exact.alertname: empty value"}},
		"bad item of a list":  {"kind: List\napiVersion: v1\nitems:\n- {kind: Trigger, apiVersion: eventing.knative.dev/v1, spec: {x: 1}}\n", []string{":1:", "items[0]", "spec.x"}},
		"twice":               {rollback + "---\n" + rollback, []string{"f.yaml:13:", "default/rollback", "f.yaml:1"}},
		"twice by default":    {rollback + "---\n" + named("rollback\n  namespace: default"), []string{":13:", "already defined"}},
		"none":                {"kind: Broker\n", []string{"no eventing.knative.dev/v1 Trigger"}},
		"empty":               {"", []string{"no eventing.knative.dev/v1 Trigger"}},
		"too large":           {rollback + strings.Repeat("#", trigger.MaxFileBytes), []string{"larger than 1048576 bytes"}},
		"two errors":          {named("A") + "---\n" + named("B"), []string{":1:", `"A"`, ":13:", `"B"`}},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, t.TempDir(), "f.yaml", tc.text)
			got, err := trigger.Load(file)
			if err == nil || got != nil {
				t.Fatalf("loaded %s, want an error", where(got))
			}
			for _, part := range append(tc.want, file) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

func TestLoadFolders(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b.yml", named("b"))
	write(t, dir, "a.yaml", named("a"))
	write(t, dir, "notes.txt", "kind: Trigger")
	write(t, dir, "overlay/patch.yaml", "kind: Trigger")
	extra := write(t, t.TempDir(), "c.json", `{"kind": "List", "items": []}`)

	got, err := trigger.Load(dir, extra)
	if err != nil {
		t.Fatal(err)
	}
	if want := "default/a@a.yaml:1 default/b@b.yml:1"; where(got) != want {
		t.Errorf("loaded %s, want %s", where(got), want)
	}
	if _, err := trigger.Load(dir, filepath.Join(dir, "a.yaml")); err == nil || !strings.Contains(err.Error(), "already defined") {
		t.Errorf("the same file twice: error %v", err)
	}
	if _, err := trigger.Load(filepath.Join(dir, "gone")); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("a folder that is not there: error %v", err)
	}
	if _, err := trigger.Load(t.TempDir()); err == nil {
		t.Error("an empty folder is no error")
	}
}

func TestLoaderFeatures(t *testing.T) {
	flags, err := feature.NewFlagsConfigFromMap(map[string]string{feature.DeliveryRetryAfter: "enabled"})
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, t.TempDir(), "f.yaml", rollback+"  delivery: {retryAfterMax: PT1S}\n")
	if _, err := (trigger.Loader{Features: flags}).Load(file); err != nil {
		t.Errorf("with the feature enabled: %v", err)
	}
}

func TestFromClusterChecksTheFilterOnly(t *testing.T) {
	dir := t.TempDir()
	from := func(text string) ([]*trigger.Trigger, error) {
		t.Helper()
		set, err := source.Open(t.Context(), source.Options{Paths: []string{write(t, dir, "f.yaml", text)}})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range set.Objects {
			o.Cluster, o.File, o.Line = true, "cluster", 0
		}
		return trigger.Loader{}.From(set)
	}
	// A newer Knative's field, and one that a feature of that cluster let in.
	if got, err := from(rollback + "  newer: field\n  delivery: {retryAfterMax: PT1S}\n"); err != nil || where(got) != "default/rollback@cluster" {
		t.Errorf("read %s: %v", where(got), err)
	}
	_, err := from(strings.Replace(rollback, "PodUnscheduleable", `""`, 1))
	if err == nil || !strings.Contains(err.Error(), "cluster: trigger default/rollback: compile filter: spec.filters[0].exact.alertname: empty value") {
		t.Errorf("error %v", err)
	}
}

func TestLoadKustomization(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "kustomization.yaml", "namespace: shop\nresources: [t.yaml]\n")
	write(t, dir, "t.yaml", rollback)
	got, err := trigger.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].ID() != "shop/rollback" || got[0].Where() != dir {
		t.Errorf("loaded %s, want shop/rollback of the folder", where(got))
	}
}

func TestLoadDefaults(t *testing.T) {
	got, err := trigger.Load(write(t, t.TempDir(), "f.yaml", named("a\n  namespace: shop")))
	if err != nil {
		t.Fatal(err)
	}
	if ns := got[0].Spec.Subscriber.Ref.Namespace; ns != "shop" {
		t.Errorf("the subscriber's namespace is %q, want the Trigger's", ns)
	}
}
