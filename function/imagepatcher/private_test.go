package imagepatcher_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/imagepatcher"
	"github.com/quench-dev/quench/function/record"
	distribution "github.com/quench-dev/quench/tests/registry"
)

// pullSecret makes a pull secret for a registry.
func (w *world) pullSecret(t *testing.T, name, registry, password string) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"auths": map[string]any{registry: map[string]string{"username": distribution.User, "password": password}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.kube.CoreV1().Secrets(w.Namespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: text},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPrivateRegistry(t *testing.T) {
	const old = "a-password-that-was-changed"
	for title, test := range map[string]struct {
		pod, account []string // the pull secrets that they name
		tried        string   // empty: it works
	}{
		"the pod's":                     {[]string{"right"}, nil, ""},
		"the service account's":         {nil, []string{"right"}, ""},
		"the pod's old, the account's":  {[]string{"old"}, []string{"right"}, ""},
		"one that is not there, before": {[]string{"nothing", "no-secret", "right"}, nil, ""},
		"an old one":                    {[]string{"old"}, nil, "tried: Secret NAMESPACE/old"},
		"none":                          {nil, nil, "tried: no credentials"},
		"one that is not there":         {[]string{"nothing"}, nil, "tried: no credentials; of no use: Secret NAMESPACE/nothing: is not there, or may not be read"},
		"one that is none":              {[]string{"no-secret"}, nil, `of no use: Secret NAMESPACE/no-secret: type: got "Opaque", want kubernetes.io/dockerconfigjson`},
	} {
		t.Run(title, func(t *testing.T) {
			w := newWorld(t)
			w.registry = distribution.Private(t)
			w.have(t, "api:1")
			w.pullSecret(t, "right", w.registry.Addr, distribution.Password)
			w.pullSecret(t, "old", w.registry.Addr, old)
			if _, err := w.kube.CoreV1().Secrets(w.Namespace).Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "no-secret"}}, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			refs := func(names []string) (all []corev1.LocalObjectReference) {
				for _, name := range names {
					all = append(all, corev1.LocalObjectReference{Name: name})
				}
				return all
			}
			_, err := w.kube.CoreV1().ServiceAccounts(w.Namespace).Create(t.Context(), &corev1.ServiceAccount{
				ObjectMeta: metav1.ObjectMeta{Name: "runner"}, ImagePullSecrets: refs(test.account),
			}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			pod := w.broken(t, "api", w.image("api:1"), w.image("api:2"), func(d *appsv1.Deployment) {
				d.Spec.Template.Spec.ServiceAccountName, d.Spec.Template.Spec.ImagePullSecrets = "runner", refs(test.pod)
			})
			var log bytes.Buffer
			f := w.patcherOn(t, w.Client, lastGood, func(o *function.Options) { o.Log = zerolog.New(&log).Level(zerolog.TraceLevel) })
			o := deliver(t, f, w.alert(t, pod))
			if test.tried == "" {
				o.Want(t, function.Succeeded, imagepatcher.ReasonPatched)
				w.wantImage(t, "api", w.image("api:1"))
			} else {
				o.Want(t, function.Failed, imagepatcher.ReasonRegistryDenied)
				w.wantImage(t, "api", w.image("api:2"))
				if want := strings.ReplaceAll(test.tried, "NAMESPACE", w.Namespace); !strings.Contains(o.Message, want) || !strings.Contains(o.Message, w.image("api")) {
					t.Errorf("it does not say %q: %s", want, o.Message)
				}
			}
			records, err := w.Client.Resource(record.Resource, w.Namespace)
			if err != nil {
				t.Fatal(err)
			}
			list, err := records.List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			written, err := list.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			for where, text := range map[string]string{"log": log.String(), "outcome": string(o.Raw), "records": string(written)} {
				if strings.Contains(text, distribution.Password) || strings.Contains(text, old) {
					t.Errorf("the %s has a password: %s", where, text)
				}
			}
		})
	}
}
