// Package ingress sends an event to a Broker from outside of its cluster, by way
// of the API server's proxy: whoever may do that needs no other way in.
package ingress

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

var brokers = schema.GroupVersionResource{Group: "eventing.knative.dev", Version: "v1", Resource: "brokers"}

// timeout bounds one event: a Broker on the in-memory channel answers once it is
// settled.
const timeout = time.Minute

// Send sends an event to a Broker of the cluster that the kubeconfig file names. It
// needs get on Brokers and create on services/proxy where the Broker's ingress is.
// An error says what the Broker answered.
func Send(ctx context.Context, kubeconfig, namespace, broker string, e event.Event) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig %s: %w", kubeconfig, err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	address, err := addressOf(ctx, config, namespace, broker)
	if err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return err
	}
	proxy, err := proxied(base, address)
	if err != nil {
		return fmt.Errorf("broker %s/%s: %w", namespace, broker, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, proxy.String(), http.NoBody)
	if err != nil {
		return err
	}
	if err := cehttp.WriteRequest(binding.WithForceBinary(ctx), binding.ToMessage(&e), r); err != nil {
		return err
	}
	resp, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("send to broker %s/%s: %w", namespace, broker, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("send to broker %s/%s through the API server: %s", namespace, broker, resp.Status)
	}
	return nil
}

func addressOf(ctx context.Context, config *rest.Config, namespace, broker string) (*url.URL, error) {
	client, err := dynamic.NewForConfig(config)
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
