package keyring

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/quench-dev/quench/adapter/alert"
)

// state is what stands on the cluster.
type state struct {
	secret        *corev1.Secret    // nil where there is none
	public        *corev1.ConfigMap // nil where there is none
	signing, next *alert.SigningKey // nil where there is none
	adapter       alert.VerifyKeys  // what functions believe the adapter by
	others        alert.VerifyKeys  // what people put beside it
}

func (r *Ring) read(ctx context.Context) (*state, error) {
	s := &state{}
	var err error
	if s.secret, err = get[corev1.Secret](ctx, r, secrets, SecretName); err != nil {
		return nil, err
	}
	if s.public, err = get[corev1.ConfigMap](ctx, r, configMaps, ConfigMapName); err != nil {
		return nil, err
	}
	if s.secret != nil {
		if s.signing, err = signingKey(s.secret, KeyFile); err != nil {
			return nil, err
		}
		if _, rotating := s.secret.Data[nextFile]; rotating {
			if s.next, err = signingKey(s.secret, nextFile); err != nil {
				return nil, err
			}
		}
	}
	if s.public != nil {
		if s.adapter, s.others, err = readPublic(s.public); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func signingKey(secret *corev1.Secret, file string) (*alert.SigningKey, error) {
	key, err := alert.ParseSigningKey(secret.Data[file])
	if err != nil {
		return nil, fmt.Errorf("secret %s, %s: %w", SecretName, file, err)
	}
	return key, nil
}

// readPublic reads all files, as functions do. The bundle is ours to write; the
// other files are what people put beside it, operators' keys above all.
func readPublic(c *corev1.ConfigMap) (bundle, others alert.VerifyKeys, err error) {
	var all alert.VerifyKeys
	for _, file := range slices.Sorted(maps.Keys(c.Data)) {
		keys, err := alert.ParseVerifyKeys([]byte(c.Data[file]))
		if err != nil {
			return nil, nil, fmt.Errorf("configmap %s, %s: %w", ConfigMapName, file, err)
		}
		for _, k := range keys {
			if all, err = all.With(k); err != nil {
				return nil, nil, fmt.Errorf("configmap %s, %s: %w", ConfigMapName, file, err)
			}
		}
		if file == BundleFile {
			bundle = keys
		} else {
			others = append(others, keys...)
		}
	}
	return bundle, others, nil
}

// writeBundle writes the adapter's public keys.
func (r *Ring) writeBundle(ctx context.Context, s *state) error {
	if s.public == nil {
		s.public = &corev1.ConfigMap{}
		s.public.Name, s.public.Labels = ConfigMapName, partOf()
	}
	var bundle strings.Builder
	for _, k := range s.adapter {
		text, err := k.PEM()
		if err != nil {
			return err
		}
		bundle.Write(text)
	}
	if s.public.Data == nil {
		s.public.Data = map[string]string{}
	}
	s.public.Data[BundleFile] = bundle.String()
	return r.write(ctx, configMaps, s.public)
}

// since is when the key became the one that signs; the zero time where nobody wrote
// that down.
func (s *state) since() time.Time {
	at, err := time.Parse(time.RFC3339, s.secret.Annotations[SinceAnnotation])
	if err != nil {
		return time.Time{}
	}
	return at
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func partOf() map[string]string { return map[string]string{"app.kubernetes.io/part-of": "quench"} }
