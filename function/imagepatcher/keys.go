package imagepatcher

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/quench-dev/quench/function/imagepatcher/registry"
)

// keys reads the pull secrets of a pod and of its service account. notes say which
// of them are no use, and why.
func (p *Patcher) keys(ctx context.Context, namespace string, spec *corev1.PodSpec) (keys registry.Keys, notes []string, err error) {
	name := spec.ServiceAccountName
	if name == "" {
		name = "default"
	}
	account, err := p.cluster.account(ctx, namespace, name)
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for _, refs := range [][]corev1.LocalObjectReference{spec.ImagePullSecrets, account.ImagePullSecrets} {
		for _, ref := range refs {
			if ref.Name == "" || seen[ref.Name] {
				continue
			}
			seen[ref.Name] = true
			from := fmt.Sprintf("Secret %s/%s", namespace, ref.Name)
			secret, err := p.cluster.secret(ctx, namespace, ref.Name)
			if err != nil {
				return nil, nil, err
			}
			if secret == nil {
				notes = append(notes, from+": is not there, or may not be read")
				continue
			}
			more, err := registry.ParseSecret(from, secret)
			if err != nil {
				notes = append(notes, err.Error())
			}
			keys = append(keys, more...)
		}
	}
	return keys, notes, nil
}
