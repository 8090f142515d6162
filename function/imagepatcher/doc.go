// Package imagepatcher is the function image-patcher: where a container's image
// cannot be pulled, it sets the workload's template to one that can. By default
// that is an image which the workload had before; rules may say otherwise.
//
// It acts on Deployments, StatefulSets and DaemonSets, on the container that the
// alert names and on nothing else of the template. Before that it sees to it that the pod
// does wait for that image, that the image is not there, and that the one to take
// instead is there for the nodes' platform.
//
// What may go wrong: a registry that is away or throttles is asked again by the
// broker, one that denies is a failed outcome that names it and the secrets that
// were tried; nothing is changed then, nor where no image will do. A workload
// that was changed meanwhile is looked at anew. That the new image runs is not
// waited for.
package imagepatcher
