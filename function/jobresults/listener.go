package jobresults

import (
	"context"

	"github.com/cloudevents/sdk-go/v2/event"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/mask"
	"github.com/quench-dev/quench/function/podlog"
)

// Name is the function's name.
const Name = "job-results"

// What is told of a log.
const (
	toldLines = 50
	toldBytes = 8 << 10
)

// Client reaches the API server.
type Client interface {
	Resource(gvr schema.GroupVersionResource, namespace string) (dynamic.ResourceInterface, error)
	podlog.Client
}

// Results is the function. All fields are required.
type Results struct {
	cluster cluster
	logs    podlog.Reader
	told    told
}

// New makes the function. What masker knows is masked in what is told of a log.
func New(client Client, masker *mask.Masker) *Results {
	return &Results{
		cluster: cluster{client}, logs: podlog.Reader{Client: client, Masker: masker, Lines: toldLines, Bytes: toldBytes},
	}
}

// Name implements function.Listener.
func (r *Results) Name() string { return Name }

// Listen implements function.Listener: the outcome of the Job that the event is
// about, or nothing.
func (r *Results) Listen(ctx context.Context, e event.Event) (*event.Event, error) {
	which, ok := about(e)
	if !ok {
		return nil, nil
	}
	job, err := r.cluster.job(ctx, which)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, function.FromAPI("get job "+which.String(), err)
	}
	end, ok := ended(job)
	if !ok || !ours(job) {
		return nil, nil
	}
	id := outcomeID(job, end)
	if !r.told.claim(id, e.ID()) {
		return nil, nil
	}
	outcome, err := r.outcome(ctx, e, job, end)
	if err != nil {
		r.told.release(id)
		return nil, err
	}
	return outcome, nil
}
