// Package e2e proves the whole chain on a real cluster: Prometheus, Alertmanager, the adapter, the Broker, Triggers,
// functions that start from zero, Jobs that run in real pods, outcomes. Its tests are built with the tag e2e:
//
//	make e2e
//
// brings a cluster up (see tests/cluster), or uses that of E2E_KUBECONFIG: any with Knative Serving and Eventing, and with
// the images of E2E_IMAGE and E2E_IMAGES there for its nodes to use. quench and what watches the cluster are
// installed by the tests, in the namespaces quench, monitoring and e2e, which should be theirs alone.
//
// When a test fails, what every part logged is in a folder that the output names.
package e2e
