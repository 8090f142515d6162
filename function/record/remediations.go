package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// Resource is where records are kept.
var Resource = schema.GroupVersionResource{Group: "quench.dev", Version: "v1alpha1", Resource: "remediations"}

// Client reaches the API server.
type Client interface {
	Resource(gvr schema.GroupVersionResource, namespace string) (dynamic.ResourceInterface, error)
	Namespace() string
}

// Remediations keeps records as Remediation objects in the client's namespace.
type Remediations struct{ Client Client }

func (s *Remediations) resource() (dynamic.ResourceInterface, error) {
	return s.Client.Resource(Resource, s.Client.Namespace())
}

// Get reads a record; nil where there is none.
func (s *Remediations) Get(ctx context.Context, name string) (*Record, error) {
	objects, err := s.resource()
	if err != nil {
		return nil, fmt.Errorf("get record: %w", err)
	}
	o, err := objects.Get(ctx, name, metav1.GetOptions{})
	switch {
	case missing(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get record %s: %w", name, notInstalled(err))
	}
	return decode(o)
}

// Create writes a record that is new.
func (s *Remediations) Create(ctx context.Context, r *Record) error {
	objects, err := s.resource()
	if err != nil {
		return fmt.Errorf("create record: %w", err)
	}
	o, err := objects.Create(ctx, encode(r), metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create record %s: %w", r.Name, notInstalled(err))
	}
	r.Version = o.GetResourceVersion()
	if r.Phase == Running && r.Attempts == 1 {
		return nil // what the schema's default says: one call less before every action
	}
	return s.Progress(ctx, r)
}

// Progress writes how far a record has come.
func (s *Remediations) Progress(ctx context.Context, r *Record) error {
	objects, err := s.resource()
	if err != nil {
		return fmt.Errorf("update record: %w", err)
	}
	o, err := objects.UpdateStatus(ctx, encode(r), metav1.UpdateOptions{})
	if err != nil {
		return fmt.Errorf("update record %s: %w", r.Name, err)
	}
	r.Version = o.GetResourceVersion()
	return nil
}

// Restart writes a record whose action begins again: first that it runs, then
// its plan. A crash in between leaves an unfinished record, never a finished one
// that speaks of a delivery that was not acted on.
func (s *Remediations) Restart(ctx context.Context, r *Record) error {
	if err := s.Progress(ctx, r); err != nil {
		return err
	}
	objects, err := s.resource()
	if err != nil {
		return fmt.Errorf("update record: %w", err)
	}
	o, err := objects.Update(ctx, encode(r), metav1.UpdateOptions{})
	if err != nil {
		return fmt.Errorf("update record %s: %w", r.Name, err)
	}
	r.Version = o.GetResourceVersion()
	return nil
}

// Sweep deletes up to most records of a function that were last touched before
// a time, and says how many it deleted.
func (s *Remediations) Sweep(ctx context.Context, function string, before time.Time, most int) (int, error) {
	objects, err := s.resource()
	if err != nil {
		return 0, fmt.Errorf("sweep records: %w", err)
	}
	swept, next := 0, ""
	for {
		page, err := objects.List(ctx, metav1.ListOptions{LabelSelector: labelFunction + "=" + function, Limit: 100, Continue: next})
		if err != nil {
			return swept, fmt.Errorf("sweep records: list: %w", err)
		}
		for i := range page.Items {
			o := &page.Items[i]
			r, err := decode(o)
			if err != nil || r.FinishedAt.After(before) || r.StartedAt.After(before) || o.GetCreationTimestamp().After(before) {
				continue // what cannot be read is left for people
			}
			version := o.GetResourceVersion()
			err = objects.Delete(ctx, o.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &version}})
			switch {
			case err == nil:
				swept++
			case !apierrors.IsNotFound(err) && !apierrors.IsConflict(err):
				return swept, fmt.Errorf("sweep records: delete %s: %w", o.GetName(), err)
			}
			if swept >= most {
				return swept, nil
			}
		}
		if next = page.GetContinue(); next == "" {
			return swept, nil
		}
	}
}

// missing tells an object that is not there from a kind that is not there; the
// API server answers 404 to both, and names the object in the first.
func missing(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && apierrors.IsNotFound(err) && status.Status().Details != nil && status.Status().Details.Name != "" &&
		len(status.Status().Details.Causes) == 0
}

func notInstalled(err error) error {
	if apierrors.IsNotFound(err) && !missing(err) {
		return fmt.Errorf("is the CustomResourceDefinition remediations.quench.dev installed? %w", err)
	}
	return err
}
