package policy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// Key is the ConfigMap's key that holds the policy.
const Key = "policy.yaml"

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// Client reaches the API server.
type Client interface {
	Resource(gvr schema.GroupVersionResource, namespace string) (dynamic.ResourceInterface, error)
	Namespace() string
}

// Source reads a policy from a ConfigMap in the client's namespace or, where File
// is given, from a file. It may be used from several goroutines.
type Source struct {
	Client    Client
	ConfigMap string
	File      string
	Known     []string // quench's own functions, see Parse

	mu     sync.Mutex
	parsed string // the text that policy was read from
	policy *Policy
}

// Read reads the policy as it is now. The error names the ConfigMap or the file
// and, where the policy does not parse, the field.
func (s *Source) Read(ctx context.Context) (*Policy, error) {
	name, text, err := s.text(ctx)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.policy != nil && s.parsed == text {
		return s.policy, nil
	}
	p, err := Parse(name, []byte(text), s.Known)
	if err != nil {
		return nil, err
	}
	s.policy, s.parsed = p, text
	return p, nil
}

func (s *Source) text(ctx context.Context) (name, text string, err error) {
	if s.File != "" {
		text, err = ReadFile(s.File)
		return s.File, text, err
	}
	objects, err := s.Client.Resource(configMaps, s.Client.Namespace())
	if err != nil {
		return "", "", err
	}
	name = "ConfigMap " + s.Client.Namespace() + "/" + s.ConfigMap
	o, err := objects.Get(ctx, s.ConfigMap, metav1.GetOptions{})
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", name, err)
	}
	text, err = Text(o)
	return name, text, err
}

// Text is the policy that a ConfigMap holds.
func Text(configMap *unstructured.Unstructured) (string, error) {
	text, found, err := unstructured.NestedString(configMap.Object, "data", Key)
	if err != nil || !found {
		return "", errors.Join(fmt.Errorf("ConfigMap %s/%s has no data.%s", configMap.GetNamespace(), configMap.GetName(), Key), err)
	}
	return text, nil
}

// ReadFile reads a policy from a file, MaxBytes and one more at most.
func ReadFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	return string(b), err
}
