package install

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quench-dev/quench/tests/cluster/parts"
)

// source is a folder with manifests, or one of them, in a module.
type source struct{ module, folder string }

// folders are where Knative's manifests are, by module. The definitions that Serving's own folder only links to are in
// modules of their own, since a module has no links.
var folders = []source{
	{"knative.dev/networking", "config"},
	{"knative.dev/caching", "config"},
	{"knative.dev/serving", "config/core"},
	{"knative.dev/eventing", "config/core"},
	{"knative.dev/eventing", "config/channels/in-memory-channel"},
	{"knative.dev/eventing", "config/brokers/mt-channel-broker"},
	{"knative.dev/eventing", "third_party/eventing-integrations-latest"},
}

// unused are the parts that quench has no use for, and whose images are not built: they are scaled to nothing.
var unused = map[string]bool{"request-reply": true, "pingsource-mt-adapter": true}

// objects are those of the manifests of a part, with the images of this cluster.
func (in Installer) objects(ctx context.Context, part string, sources []source) ([]object, error) {
	var all []object
	for _, from := range sources {
		dir, err := in.module(ctx, part, from.module)
		if err != nil {
			return nil, err
		}
		err = filepath.WalkDir(filepath.Join(dir, from.folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			objects, err := decode(text)
			if err != nil {
				return fmt.Errorf("read %s: %w", path, err)
			}
			for _, o := range objects {
				if in.adapt(o) {
					all = append(all, o)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// adapt makes an object fit for this cluster: one small node, with images of its own. It says whether it is wanted.
func (in Installer) adapt(o object) bool {
	switch o.kind() {
	case "HorizontalPodAutoscaler", "PodDisruptionBudget": // nothing measures, and there is one node
		return false
	}
	metadata, _ := o["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	visit(o, func(m map[string]any) {
		for key, value := range m {
			if text, ok := value.(string); ok && strings.HasPrefix(text, "ko://knative.dev/") {
				m[key] = parts.KnativeImage(text)
			}
		}
	})
	if spec, ok := o["spec"].(map[string]any); ok && (o.kind() == "Deployment" || o.kind() == "StatefulSet") {
		spec["replicas"] = 1
		if unused[name] {
			spec["replicas"] = 0
		}
		visit(spec, func(m map[string]any) {
			delete(m, "resources")
			patient(m)
		})
	}
	if o.kind() == "ConfigMap" {
		in.configure(name, o)
	}
	return true
}

// patient gives the probes of a container ten seconds, not the default of one: where a whole cluster and a compiler share
// two cores, a second is soon over, and what is restarted for it is missing for minutes.
func patient(container map[string]any) {
	for _, name := range []string{"livenessProbe", "readinessProbe"} {
		if probe, ok := container[name].(map[string]any); ok {
			probe["timeoutSeconds"] = 10
		}
	}
}

// configure sets what this cluster needs otherwise in Knative's configuration.
func (in Installer) configure(name string, o object) {
	set := map[string]map[string]string{
		"config-network": {"ingress-class": "traefik.ingress.networking.knative.dev"},
		"config-deployment": {
			"registries-skipping-tag-resolving": "kind.local,ko.local,dev.local," + in.Registry,
			"progress-deadline":                 "120s",
		},
	}[name]
	if set == nil {
		return
	}
	data, ok := o["data"].(map[string]any)
	if !ok {
		data = map[string]any{}
		o["data"] = data
	}
	for key, value := range set {
		data[key] = value
	}
	// The example is checked against a sum of itself; without it there is nothing to check.
	delete(data, "_example")
}
