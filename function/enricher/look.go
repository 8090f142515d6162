package enricher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/target"
)

// The parts, as Missing names them.
const (
	partTarget     = "target"
	partPod        = "pod"
	partContainers = "containers"
	partEvents     = "events"
	partLogs       = "logs"
	partOwner      = "owner"
	partNode       = "node"
)

// Bounds of one text that somebody else wrote, and of why a part is missing, in
// bytes.
const (
	maxText = 1 << 10
	maxCode = 128
	maxWhy  = 512
)

// kinds are those that can be told of. A CronJob is not: its Jobs are.
var kinds = []target.Kind{
	target.Pod, target.ReplicaSet, target.Deployment, target.StatefulSet, target.DaemonSet, target.Job, target.Node,
}

// look is one alert, looked into.
type look struct {
	*Enricher
	alert *alert.Alert

	found      *target.Found // nil: the labels lead nowhere
	pod        *corev1.Pod   // nil: there is none
	replicaSet string        // between the pod and its Deployment

	mu   sync.Mutex // of told.Missing
	told enriched.Data
}

// enrich looks the parts up, one round after the other.
func (e *Enricher) enrich(ctx context.Context, a *alert.Alert) enriched.Data {
	l := &look{Enricher: e, alert: a}
	l.part(ctx, partTarget, l.target)
	l.part(ctx, partPod, l.findPod)
	var parts sync.WaitGroup
	for name, part := range map[string]func(context.Context) error{
		partEvents: l.events, partLogs: l.logs, partOwner: l.owner, partNode: l.node,
	} {
		parts.Go(func() { l.part(ctx, name, part) })
	}
	parts.Wait()
	l.told.Reason, l.told.Message = l.reason()
	l.told.Suggestion = l.suggest()
	return l.told
}

// part looks one part up. Whatever goes wrong is told, and hurts no other part.
func (l *look) part(ctx context.Context, name string, look func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, l.o.Part)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			l.miss(name, fmt.Errorf("panic: %v", p))
		}
	}()
	err := look(ctx)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("the API server did not answer within %s", l.o.Part)
	}
	l.miss(name, err)
}

// miss tells that a part is missing, where there is an error.
func (l *look) miss(part string, err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told.Missing = append(l.told.Missing, enriched.Missing{Part: part, Why: cut(err.Error(), maxWhy)})
}

// target finds the object by the alert's labels.
func (l *look) target(ctx context.Context) (err error) {
	finder := target.Finder{Client: l.client, Namespace: l.o.Namespace, Kinds: kinds}
	if l.found, err = finder.Find(ctx, l.alert); err != nil {
		l.found = nil
		return err
	}
	l.told.Target, l.replicaSet = l.found.Target(), l.found.Through
	return nil
}

// namespace is where the alert's objects are.
func (l *look) namespace() string {
	for _, n := range []string{l.alert.Labels["namespace"], l.o.Namespace} {
		if n != "" {
			return n
		}
	}
	return l.client.Namespace()
}

// text is what somebody else wrote, as it may be told.
func (l *look) text(s string) string { return cut(l.o.Masker.Mask(strings.TrimSpace(s)), maxText) }

// code is one of Kubernetes's, or what somebody else wrote for one.
func code(s string) string { return cut(s, maxCode) }

func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most-len("…")] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

func decode(o *unstructured.Unstructured, into any) error {
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into); err != nil {
		return fmt.Errorf("read %s %s: %w", o.GetKind(), o.GetName(), err)
	}
	return nil
}
