package target

import "k8s.io/apimachinery/pkg/runtime/schema"

// Kind is a kind of object that can be acted on, by its name in manifests.
type Kind string

// The kinds that labels and owner references can lead to.
const (
	Pod         Kind = "Pod"
	ReplicaSet  Kind = "ReplicaSet"
	Deployment  Kind = "Deployment"
	StatefulSet Kind = "StatefulSet"
	DaemonSet   Kind = "DaemonSet"
	Job         Kind = "Job"
	CronJob     Kind = "CronJob"
	Node        Kind = "Node"
)

var resources = map[Kind]schema.GroupVersionResource{
	Pod:         {Version: "v1", Resource: "pods"},
	Node:        {Version: "v1", Resource: "nodes"},
	ReplicaSet:  {Group: "apps", Version: "v1", Resource: "replicasets"},
	Deployment:  {Group: "apps", Version: "v1", Resource: "deployments"},
	StatefulSet: {Group: "apps", Version: "v1", Resource: "statefulsets"},
	DaemonSet:   {Group: "apps", Version: "v1", Resource: "daemonsets"},
	Job:         {Group: "batch", Version: "v1", Resource: "jobs"},
	CronJob:     {Group: "batch", Version: "v1", Resource: "cronjobs"},
}

// labels name objects, in the order in which they are looked at. Where an alert has
// none of them, node and job are: most alerts have the node that a pod runs on,
// and the name of Prometheus's own scrape job.
var labels = []struct {
	label string
	kind  Kind
}{
	{"pod", Pod},
	{"deployment", Deployment},
	{"statefulset", StatefulSet},
	{"daemonset", DaemonSet},
	{"replicaset", ReplicaSet},
	{"job_name", Job},
	{"cronjob", CronJob},
}

// owner is the kind that an owner reference names, if it is one of ours.
func owner(apiVersion, kind string) (Kind, bool) {
	r, ok := resources[Kind(kind)]
	if !ok || r.GroupVersion().String() != apiVersion || Kind(kind) == Node { // a node owns its static pods, and is not to blame for them
		return "", false
	}
	return Kind(kind), true
}
