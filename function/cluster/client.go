// Package cluster reaches the Kubernetes API through the dynamic client: small,
// quick to start, and made at its first use, so that a process that has seen no
// event has asked the API server nothing.
//
// What may go wrong: Open reads no more than files. Outside a pod and without a
// kubeconfig it succeeds, and every Resource call says what is missing; Check
// says it at once. Calls are not limited on this side, the API server's own
// priority and fairness is; each ends after RequestTimeout at the latest.
package cluster

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quench-dev/quench/function/apicalls"
)

// RequestTimeout bounds one call where its context does not bound it before.
const RequestTimeout = 15 * time.Second

// podNamespace is where a pod's service account says which namespace it is in.
const podNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// ErrNone means that there is no cluster to act on.
var ErrNone = errors.New("no cluster: set KUBECONFIG, or run in a pod with a service account")

// Client is one cluster. It may be used from several goroutines.
type Client struct {
	namespace string
	config    func() (*rest.Config, error)

	mu      sync.Mutex
	dynamic dynamic.Interface
}

// Open takes the cluster of a kubeconfig file or, with an empty path, of the pod
// that this process runs in. An empty namespace becomes the pod's own, else the
// kubeconfig's, else "default".
func Open(kubeconfig, namespace string) (*Client, error) {
	if kubeconfig == "" {
		return &Client{namespace: firstOf(namespace, ownNamespace()), config: inPod}, nil
	}
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig}, &clientcmd.ConfigOverrides{},
	)
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", kubeconfig, err)
	}
	if namespace == "" {
		if namespace, _, err = loader.Namespace(); err != nil {
			return nil, fmt.Errorf("read kubeconfig %s: namespace: %w", kubeconfig, err)
		}
	}
	return For(config, namespace), nil
}

// For is the cluster of a REST configuration, which is copied.
func For(config *rest.Config, namespace string) *Client {
	config = rest.CopyConfig(config)
	return &Client{namespace: firstOf(namespace, "default"), config: func() (*rest.Config, error) { return config, nil }}
}

// Of is a cluster that is reached already: in tests, one that is none.
func Of(d dynamic.Interface, namespace string) *Client {
	return &Client{namespace: firstOf(namespace, "default"), config: func() (*rest.Config, error) { return &rest.Config{}, nil }, dynamic: d}
}

func inPod() (*rest.Config, error) {
	config, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		return nil, ErrNone
	}
	return config, err
}

func ownNamespace() string {
	b, err := os.ReadFile(podNamespace)
	if err != nil {
		return "default"
	}
	return firstOf(strings.TrimSpace(string(b)), "default")
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Namespace is where this process keeps what is its own.
func (c *Client) Namespace() string { return c.namespace }

// Check says whether there is a cluster to act on, without asking it anything.
func (c *Client) Check() error {
	_, err := c.config()
	return err
}

// Resource reaches objects of one kind in one namespace.
func (c *Client) Resource(gvr schema.GroupVersionResource, namespace string) (dynamic.ResourceInterface, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dynamic == nil {
		d, err := c.dial()
		if err != nil {
			return nil, err
		}
		c.dynamic = d // only success is kept: a token may still be mounted later
	}
	return c.dynamic.Resource(gvr).Namespace(namespace), nil
}

func (c *Client) dial() (dynamic.Interface, error) {
	config, err := c.configured()
	if err != nil {
		return nil, err
	}
	d, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make Kubernetes client: %w", err)
	}
	return d, nil
}

// configured is a copy of the configuration with what this package promises.
func (c *Client) configured() (*rest.Config, error) {
	config, err := c.config()
	if err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	if config.QPS == 0 {
		config.QPS = -1 // client-go's own 5 a second would make a storm of alerts wait here
	}
	if config.Timeout == 0 {
		config.Timeout = RequestTimeout
	}
	if config.UserAgent == "" {
		config.UserAgent = "quench"
	}
	config.Wrap(apicalls.Transport)
	return config, nil
}
