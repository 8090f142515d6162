package target

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/function"
)

// managers are whoever looks after an object beside its own users. The label
// app.kubernetes.io/instance proves nothing: Helm sets it, too.
func managers(o *unstructured.Unstructured) []function.Manager {
	var all []function.Manager
	for _, ref := range o.GetOwnerReferences() {
		if _, ours := owner(ref.APIVersion, ref.Kind); !ours {
			all = append(all, function.Manager{Kind: function.ManagerController, Name: ref.Kind + " " + ref.Name})
		}
	}
	labels := o.GetLabels()
	gitOps := func(what, namespace, name string) {
		if namespace != "" {
			name = namespace + "/" + name
		}
		all = append(all, function.Manager{Kind: function.ManagerGitOps, Name: what + " " + name})
	}
	if id := o.GetAnnotations()["argocd.argoproj.io/tracking-id"]; id != "" {
		app, _, _ := strings.Cut(id, ":") // app:group/kind:namespace/name
		gitOps("Argo CD application", "", app)
	} else if app := labels["argocd.argoproj.io/instance"]; app != "" {
		gitOps("Argo CD application", "", app)
	}
	for _, flux := range []struct{ group, what string }{
		{"kustomize.toolkit.fluxcd.io", "Flux Kustomization"},
		{"helm.toolkit.fluxcd.io", "Flux HelmRelease"},
	} {
		if name := labels[flux.group+"/name"]; name != "" {
			gitOps(flux.what, labels[flux.group+"/namespace"], name)
		}
	}
	return all
}
