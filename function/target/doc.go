// Package target leads from an alert's labels to the one object to act on, through
// owner references and never by a part of a name.
//
// The labels are kube-state-metrics': namespace, pod, deployment, statefulset,
// daemonset, replicaset, job_name (or job), cronjob, node, container. All that name an
// object have to lead to the same one. A pod leads to its ReplicaSet and
// Deployment, its StatefulSet, its DaemonSet, or its Job and CronJob; a pod that
// nothing owns is the object itself, and so is what something unknown owns, which
// is then told as a manager. A pod that is gone is found by its own name, in the
// form that controllers give: the ReplicaSet, DaemonSet or Job whose exact name
// stands before a random suffix, or the StatefulSet before an ordinal.
//
// What may go wrong: what cannot be found, or not for sure, is a Skip with one of
// the reasons below, and a sentence with the labels that it is about. Kubernetes
// cuts the names of pods of owners with very long names; such a pod, once gone,
// leads nowhere. An API server that is away is a function.Retry. Each read ends
// with its context or after the client's own timeout.
package target
