package source_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quench-dev/quench/knative/trigger/source"
)

const trigger = `apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: rollback }
spec:
  broker: default
  subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: rollback } }
`

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// told lists objects as kind/name@place.
func told(objects []*source.Object, dir string) string {
	var found []string
	for _, o := range objects {
		found = append(found, o.GetKind()+"/"+o.GetName()+"@"+strings.TrimPrefix(strings.TrimPrefix(o.Where(), dir), "/"))
	}
	return strings.Join(found, " ")
}

func TestOpen(t *testing.T) {
	const broker = "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: { name: default }\n"
	for name, tc := range map[string]struct {
		files map[string]string
		paths []string
		want  string
	}{
		"every kind of object":      {map[string]string{"a.yaml": broker + "---\n" + trigger}, []string{"a.yaml"}, "Broker/default@a.yaml:1 Trigger/rollback@a.yaml:5"},
		"items of a list":           {map[string]string{"a.json": `{"kind":"List","items":[{"kind":"Broker","metadata":{"name":"b"}},{"kind":"Secret"}]}`}, []string{"a.json"}, "Broker/b@a.json:1: items[0] Secret/@a.json:1: items[1]"},
		"what is no object":         {map[string]string{"a.yaml": "- op: remove\n---\njobs: []\n---\n" + broker}, []string{"a.yaml"}, "Broker/default@a.yaml:5"},
		"a folder, not those below": {map[string]string{"b.yml": broker, "a.yaml": trigger, "below/c.yaml": broker, "d.txt": "x"}, []string{"."}, "Trigger/rollback@a.yaml:1 Broker/default@b.yml:1"},
		"standard input":            {nil, []string{"-"}, "Trigger/rollback@standard input:2"},
		"a kustomize folder": {map[string]string{
			"base/kustomization.yaml": "resources: [t.yaml]\n", "base/t.yaml": trigger,
			"over/kustomization.yaml": "namespace: shop\nnamePrefix: my-\nresources: [../base, b.yaml]\npatches:\n- patch: '[{\"op\": \"replace\", \"path\": \"/spec/broker\", \"value\": \"other\"}]'\n  target: { kind: Trigger }\n",
			"over/b.yaml":             broker,
		}, []string{"over"}, "Trigger/my-rollback@over Broker/my-default@over"},
		"nothing in it": {map[string]string{"a.yaml": "# nothing\n"}, []string{"a.yaml"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, tc.files)
			for i, path := range tc.paths {
				if path != source.Stdin {
					tc.paths[i] = filepath.Join(dir, path)
				}
			}
			set, err := source.Open(t.Context(), source.Options{Paths: tc.paths, Stdin: strings.NewReader("---\n" + trigger)})
			if err != nil {
				t.Fatal(err)
			}
			if got := told(set.Objects, dir); got != tc.want {
				t.Errorf("found %s, want %s", got, tc.want)
			}
		})
	}
}

func TestOpenKustomizesAsKubectlDoes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"kustomization.yaml": "namespace: shop\nresources: [t.yaml]\npatches:\n- path: p.yaml\n", "t.yaml": trigger,
		"p.yaml": "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: { name: rollback }\nspec: { filters: [{ exact: { severity: page } }] }\n",
	})
	set, err := source.Open(t.Context(), source.Options{Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	triggers := set.Kind("eventing.knative.dev", "Trigger")
	if len(triggers) != 1 || triggers[0].GetNamespace() != "shop" || !strings.Contains(string(triggers[0].JSON), `"filters":[{"exact":{"severity":"page"}}]`) {
		t.Fatalf("built %s", told(set.Objects, dir))
	}
	if triggers[0].Line != 0 || triggers[0].Text != nil {
		t.Error("what was built of several files has lines")
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"not YAML":               {map[string]string{"a.yaml": trigger + "---\na: b: c\n"}, []string{"a.yaml:8:", "line 8"}},
		"field twice":            {map[string]string{"a.yaml": trigger + "kind: Trigger\n"}, []string{"a.yaml:1:", `"kind" already set`}},
		"too large":              {map[string]string{"a.yaml": strings.Repeat("#", source.MaxFileBytes+1)}, []string{"a.yaml: larger than 1048576 bytes"}},
		"two errors":             {map[string]string{"a.yaml": "a: b: c", "b.yaml": "a: b: c"}, []string{"a.yaml:1:", "b.yaml:1:"}},
		"bad kustomization":      {map[string]string{"kustomization.yaml": "resources: [gone.yaml]\n"}, []string{"build kustomization", "gone.yaml"}},
		"unknown field":          {map[string]string{"kustomization.yaml": "resource: [a.yaml]\n"}, []string{"build kustomization", `unknown field "resource"`}},
		"base over HTTP":         {map[string]string{"kustomization.yaml": "resources: ['https://example.invalid/t.yaml']\n"}, []string{"resources: https://example.invalid/t.yaml is remote"}},
		"base in git":            {map[string]string{"kustomization.yaml": "resources: [github.com/example/triggers//base]\n"}, []string{"resources: github.com/example/triggers//base is remote"}},
		"git, as scp has it":     {map[string]string{"kustomization.yaml": "components: ['git@example.invalid:a/b']\n"}, []string{"components: git@example.invalid:a/b is remote"}},
		"git, forced":            {map[string]string{"kustomization.yaml": "bases: ['git::HTTPS://example.invalid/a/b']\n"}, []string{"is remote"}},
		"patch over HTTP":        {map[string]string{"kustomization.yaml": "resources: [t.yaml]\npatches: [{ path: 'http://example.invalid/p' }]\n", "t.yaml": trigger}, []string{"patches.path: http://example.invalid/p is remote"}},
		"generator's file":       {map[string]string{"kustomization.yaml": "configMapGenerator: [{ name: a, files: ['k=https://example.invalid/p'] }]\n"}, []string{"configMapGenerator: https://example.invalid/p is remote"}},
		"generator's env":        {map[string]string{"kustomization.yaml": "secretGenerator: [{ name: a, envs: ['https://example.invalid/p'] }]\n"}, []string{"secretGenerator: https://example.invalid/p is remote"}},
		"schema":                 {map[string]string{"kustomization.yaml": "openapi: { path: 'https://example.invalid/p' }\n"}, []string{"openapi.path: https://example.invalid/p is remote"}},
		"remote, a folder below": {map[string]string{"kustomization.yaml": "resources: [below]\n", "below/Kustomization": "resources: ['https://example.invalid/p']\n"}, []string{"below", "is remote"}},
		"plugins":                {map[string]string{"kustomization.yaml": "transformers: [t.yaml]\n", "t.yaml": "kind: X\n"}, []string{"transformers: not run here", "standard input"}},
		"charts":                 {map[string]string{"kustomization.yaml": "helmCharts: [{ name: x, repo: 'https://example.invalid' }]\n"}, []string{"helmCharts: not run here"}},
		"a file above":           {map[string]string{"kustomization.yaml": "resources: [../../../../../../etc/hostname]\n"}, []string{"build kustomization"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, tc.files)
			set, err := source.Open(t.Context(), source.Options{Paths: []string{dir}})
			if err == nil || set != nil {
				t.Fatalf("found %v, want an error", set)
			}
			for _, part := range append(tc.want, dir) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
	for want, o := range map[string]source.Options{
		"nothing to read":       {},
		"- is standard input":   {Paths: []string{"-"}},
		"no such file":          {Paths: []string{filepath.Join(t.TempDir(), "gone")}},
		"read kubeconfig /gone": {Cluster: true, Kubeconfig: "/gone"},
	} {
		if _, err := source.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}
