// Package ingress reaches what is inside a cluster from outside of it, by way of
// the API server's proxy: Brokers, to send events to, and other Services. Whoever
// may do that needs no other way in.
package ingress

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	brokers  = schema.GroupVersionResource{Group: "eventing.knative.dev", Version: "v1", Resource: "brokers"}
	services = schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}
)

// Cluster is one that is reached through its API server. It may be used from
// several goroutines.
type Cluster struct {
	config *rest.Config
	base   *url.URL
	client *http.Client
}

// Open takes the cluster that a kubeconfig file names. It asks it nothing.
func Open(kubeconfig string) (*Cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", kubeconfig, err)
	}
	return For(config)
}

// For is the cluster of a REST configuration.
func For(config *rest.Config) (*Cluster, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	return &Cluster{config, base, client}, nil
}

// Config is the REST configuration.
func (c *Cluster) Config() *rest.Config { return c.config }

// Client has the rights of the kubeconfig's user, for the URLs that this package
// gives, and no timeout.
func (c *Cluster) Client() *http.Client { return c.client }

// Service is where the API server passes requests on to a Service: create (for
// POST) and get on services/proxy are needed there. scheme is http or https.
func (c *Cluster) Service(namespace, name, scheme, port string) *url.URL {
	return c.base.JoinPath("api/v1/namespaces", namespace, "services", scheme+":"+name+":"+port, "proxy", "/")
}

// Reach is a Service, or the Knative Service of that name, which wakes up where it
// sleeps: where the API server passes requests on to it, and a client that does.
// It takes get on Knative Services, and the rights for Service: in the namespace or,
// for a Knative Service, in knative-serving. Who lacks the first reaches Services
// alone.
func (c *Cluster) Reach(ctx context.Context, namespace, name string) (*url.URL, *http.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dynamicClient, err := dynamic.NewForConfigAndClient(c.config, c.client)
	if err != nil {
		return nil, nil, err
	}
	service, err := dynamicClient.Resource(services).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return c.Service(namespace, name, "http", "80"), c.client, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("get ksvc %s/%s: %w", namespace, name, err)
	}
	revision, _, err := unstructured.NestedString(service.Object, "status", "latestReadyRevisionName")
	if err != nil || revision == "" {
		return nil, nil, fmt.Errorf("ksvc %s/%s was never ready: kubectl -n %s describe ksvc %s says why", namespace, name, namespace, name)
	}
	// Its own name leads to an ingress that the API server does not pass requests on to. Knative's activator takes them for
	// whatever revision these headers name.
	client := *c.client
	client.Transport = &revisionTransport{c.client.Transport, namespace, revision}
	return c.Service("knative-serving", "activator-service", "http", "80"), &client, nil
}

type revisionTransport struct {
	next                http.RoundTripper
	namespace, revision string
}

func (t *revisionTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Knative-Serving-Namespace", t.namespace)
	r.Header.Set("Knative-Serving-Revision", t.revision)
	next := t.next
	if next == nil {
		next = http.DefaultTransport
	}
	return next.RoundTrip(r)
}

// Broker is where the API server passes events on to a Broker. It needs get on
// Brokers; sending needs create on services/proxy where the Broker's ingress is.
func (c *Cluster) Broker(ctx context.Context, namespace, broker string) (*Sender, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	address, err := c.address(ctx, namespace, broker)
	if err != nil {
		return nil, err
	}
	proxy, err := proxied(c.base, address)
	if err != nil {
		return nil, fmt.Errorf("broker %s/%s: %w", namespace, broker, err)
	}
	return &Sender{Name: "broker " + namespace + "/" + broker, URL: proxy.String(), Client: c.client}, nil
}

// Send sends one event to a Broker of the cluster that the kubeconfig file names.
// An error says what the Broker answered.
func Send(ctx context.Context, kubeconfig, namespace, broker string, e event.Event) error {
	c, err := Open(kubeconfig)
	if err != nil {
		return err
	}
	s, err := c.Broker(ctx, namespace, broker)
	if err != nil {
		return err
	}
	return s.Send(ctx, e)
}

func (c *Cluster) address(ctx context.Context, namespace, broker string) (*url.URL, error) {
	client, err := dynamic.NewForConfig(c.config)
	if err != nil {
		return nil, err
	}
	o, err := client.Resource(brokers).Namespace(namespace).Get(ctx, broker, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get broker %s/%s: %w", namespace, broker, err)
	}
	text, _, err := unstructured.NestedString(o.Object, "status", "address", "url")
	if err != nil || text == "" {
		return nil, fmt.Errorf("broker %s/%s has no address: it is not ready", namespace, broker)
	}
	return url.Parse(text)
}

// proxied is where the API server passes requests on to a Service's address, such
// as http://broker-ingress.knative-eventing.svc.cluster.local/quench/default.
func proxied(base, address *url.URL) (*url.URL, error) {
	labels := strings.Split(address.Hostname(), ".")
	if len(labels) < 3 || labels[2] != "svc" {
		return nil, fmt.Errorf("%s is no Service of the cluster", address.Redacted())
	}
	port := address.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[address.Scheme]
	}
	service := fmt.Sprintf("%s:%s:%s", address.Scheme, labels[0], port)
	return base.JoinPath("api/v1/namespaces", labels[1], "services", service, "proxy", address.Path), nil
}

// timeout bounds one event, and what is asked beforehand: a Broker on the
// in-memory channel answers once the event is settled.
const timeout = time.Minute
