//go:build e2e

package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// dumpLimit bounds what is collected after a failure.
const dumpLimit = 2 * time.Minute

// dump writes what explains a failure to a folder: every pod's log, the objects, the Events.
func dump(ctx context.Context) (folder string, err error) {
	ctx, cancel := context.WithTimeout(ctx, dumpLimit)
	defer cancel()
	folder, err = filepath.Abs(filepath.Join(world.Artefacts, "failed-"+time.Now().Format("150405")))
	if err != nil {
		return folder, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return folder, err
	}
	write := func(name, text string, failed error) {
		if failed != nil {
			text += "\n" + failed.Error() + "\n"
		}
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
	}
	objects, failed := kubectl(ctx, "", "get", "--all-namespaces", "-o", "yaml",
		"pods,jobs,leases,ksvc,revisions,brokers,triggers,sinkbindings,remediations")
	write("objects.yaml", objects, failed)
	events, failed := kubectl(ctx, "", "get", "events", "--all-namespaces", "--sort-by=.metadata.creationTimestamp")
	write("events.txt", events, failed)
	list, failed := cluster.client.CoreV1().Pods(corev1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if failed != nil {
		return folder, errors.Join(err, failed)
	}
	for _, pod := range list.Items {
		for _, container := range pod.Spec.Containers {
			log, failed := kubectl(ctx, "", "logs", "-n", pod.Namespace, pod.Name, "-c", container.Name)
			write(pod.Namespace+"_"+pod.Name+"_"+container.Name+".log", log, failed)
		}
	}
	return folder, err
}
