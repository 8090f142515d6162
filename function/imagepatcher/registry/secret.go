package registry

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	corev1 "k8s.io/api/core/v1"
)

// entry is one registry's part of a Docker configuration.
type entry struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	Auth          string `json:"auth"` // base64 of user:password
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// ParseSecret reads a pull secret, of type kubernetes.io/dockerconfigjson or
// kubernetes.io/dockercfg; from is what its keys are called. Errors say what is
// wrong and show nothing of it.
func ParseSecret(from string, secret *corev1.Secret) (Keys, error) {
	entries := map[string]entry{}
	var err error
	switch secret.Type {
	case corev1.SecretTypeDockerConfigJson:
		var config struct {
			Auths map[string]entry `json:"auths"`
		}
		err = json.Unmarshal(secret.Data[corev1.DockerConfigJsonKey], &config)
		entries = config.Auths
	case corev1.SecretTypeDockercfg:
		err = json.Unmarshal(secret.Data[corev1.DockerConfigKey], &entries)
	default:
		return nil, fmt.Errorf("%s: type: got %q, want %s or %s", from, secret.Type, corev1.SecretTypeDockerConfigJson, corev1.SecretTypeDockercfg)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: want a Docker configuration in JSON", from)
	}
	var keys Keys
	for _, registry := range slices.Sorted(maps.Keys(entries)) {
		host, path, ok := place(registry)
		if !ok {
			return nil, fmt.Errorf("%s: auths: want a registry such as example.com:5000 as the name of each", from)
		}
		auth, err := entries[registry].authenticator()
		if err != nil {
			return nil, fmt.Errorf("%s: auths of %s: %w", from, host, err)
		}
		keys = append(keys, Credential{From: from, Auth: auth, host: host, path: path})
	}
	return keys, nil
}

func (e entry) authenticator() (authn.Authenticator, error) {
	config := authn.AuthConfig{Username: e.Username, Password: e.Password, IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken}
	if config.Username == "" && config.Password == "" && e.Auth != "" {
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(e.Auth))
		user, password, found := bytes.Cut(decoded, []byte(":"))
		if err != nil || !found {
			return nil, errors.New("auth: want the base64 of user:password")
		}
		config.Username, config.Password = string(user), string(bytes.TrimRight(password, "\x00"))
	}
	if config == (authn.AuthConfig{}) {
		return nil, errors.New("want username and password, or auth")
	}
	return authn.FromConfig(config), nil
}
