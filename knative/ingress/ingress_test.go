package ingress

import (
	"net/url"
	"testing"
)

func TestProxied(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "api.example:6443", Path: "/k8s/clusters/one"}
	for address, want := range map[string]string{
		"http://broker-ingress.knative-eventing.svc.cluster.local/quench/default":         "https://api.example:6443/k8s/clusters/one/api/v1/namespaces/knative-eventing/services/http:broker-ingress:80/proxy/quench/default",
		"https://kafka-broker-ingress.knative-eventing.svc.example.org:8443/quench/other": "https://api.example:6443/k8s/clusters/one/api/v1/namespaces/knative-eventing/services/https:kafka-broker-ingress:8443/proxy/quench/other",
		"http://broker.example.org/quench/default":                                        "",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		got, err := proxied(base, u)
		if want == "" {
			if err == nil {
				t.Errorf("%s: got %s, want an error", address, got)
			}
			continue
		}
		if err != nil || got.String() != want {
			t.Errorf("%s: got %s, %v, want %s", address, got, err, want)
		}
	}
}
