package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"

	"github.com/quench-dev/quench/function/imagepatcher/registry"
)

func TestKeysAreChosenAsTheKubeletDoes(t *testing.T) {
	var keys registry.Keys
	for _, host := range []string{
		"https://index.docker.io/v1/", "example.com", "example.com:5000", "example.com/team", "example.com/team/deep", "*.example.com", "https://quay.io",
	} {
		keys = append(keys, dockerConfig(t, host, host, "u", "p")...)
	}
	for image, want := range map[string][]string{
		"nginx":                     {"https://index.docker.io/v1/"},
		"docker.io/library/nginx":   {"https://index.docker.io/v1/"},
		"example.com/x":             {"example.com"},
		"example.com/team/x":        {"example.com/team", "example.com"},
		"example.com/team/deep/x":   {"example.com/team/deep", "example.com/team", "example.com"},
		"example.com:5000/x":        {"example.com:5000"},
		"example.com:5001/x":        nil,
		"a.example.com/x":           {"*.example.com"},
		"b.a.example.com/x":         nil,
		"example.com.evil.test/x":   nil,
		"evilexample.com/x":         nil,
		"quay.io/shop/frontend:1.0": {"https://quay.io"},
	} {
		ref, err := name.ParseReference(image)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range keys.For(ref.Context()) {
			got = append(got, k.From)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", image, got, want)
		}
	}
}

func TestParseSecret(t *testing.T) {
	const password = "s3cret:with a colon"
	for title, test := range map[string]struct {
		kind corev1.SecretType
		key  string
		text string
		says string // of an error
	}{
		"dockerconfigjson": {corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, `{"auths": {"example.com": {"username": "u", "password": "s3cret:with a colon"}}}`, ""},
		"auth":             {corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, `{"auths": {"example.com": {"auth": "dTpzM2NyZXQ6d2l0aCBhIGNvbG9u"}}}`, ""},
		"dockercfg":        {corev1.SecretTypeDockercfg, corev1.DockerConfigKey, `{"https://example.com": {"auth": "dTpzM2NyZXQ6d2l0aCBhIGNvbG9u", "email": "none"}}`, ""},
		"another type":     {corev1.SecretTypeOpaque, corev1.DockerConfigJsonKey, `{}`, `Secret a/b: type: got "Opaque", want kubernetes.io/dockerconfigjson`},
		"no JSON":          {corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, password, "Secret a/b: want a Docker configuration in JSON"},
		"auth is none":     {corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, `{"auths": {"example.com": {"auth": "s3cret:with a colon"}}}`, "auth: want the base64 of user:password"},
		"nothing in it":    {corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, `{"auths": {"example.com": {}}}`, "Secret a/b: auths of example.com: want username and password, or auth"},
	} {
		keys, err := registry.ParseSecret("Secret a/b", &corev1.Secret{Type: test.kind, Data: map[string][]byte{test.key: []byte(test.text)}})
		if test.says != "" {
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: got %v, want %q and no password", title, err, test.says)
			}
			continue
		}
		if err != nil || len(keys) != 1 {
			t.Errorf("%s: got %d keys, %v", title, len(keys), err)
			continue
		}
		got, err := authn.Authorization(t.Context(), keys[0].Auth)
		if err != nil || got.Username != "u" || got.Password != password {
			t.Errorf("%s: got another user or password, %v", title, err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, keys); strings.Contains(text, "s3cret") {
				t.Errorf("%s: %s prints the password: %s", title, verb, text)
			}
		}
	}
}
