package cluster

import (
	"context"
	"fmt"
	"io"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// Log opens the log of a pod's container at its last so many lines, as they are
// now; with previous that of the run before this one. It ends after RequestTimeout,
// reading included; the caller closes it.
func (c *Client) Log(ctx context.Context, namespace, pod, container string, previous bool, lines int) (io.ReadCloser, error) {
	core, err := c.core()
	if err != nil {
		return nil, err
	}
	return core.Get().Namespace(namespace).Resource("pods").Name(pod).SubResource("log").
		Param("container", container).Param("tailLines", strconv.Itoa(lines)).Param("previous", strconv.FormatBool(previous)).Stream(ctx)
}

// core is a client for what the dynamic one cannot do: a log is no object. It knows
// no types but the API's errors.
func (c *Client) core() (rest.Interface, error) {
	config, err := c.configured()
	if err != nil {
		return nil, err
	}
	v1 := schema.GroupVersion{Version: "v1"}
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, v1)
	config.GroupVersion, config.APIPath = &v1, "/api"
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("make Kubernetes client: %w", err)
	}
	return client, nil
}
