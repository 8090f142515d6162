package imagepatcher

import (
	"context"
	"fmt"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/imagepatcher/registry"
	"github.com/quench-dev/quench/function/target"
)

// Name is the function's name.
const Name = "image-patcher"

// Reason codes of image-patcher, beside package target's.
const (
	ReasonPatched        = "Patched"
	ReasonNoContainer    = "NoContainer"    // the alert names none, or one that the workload does not have
	ReasonNotFailing     = "NotFailing"     // the pod's container does not wait for its image
	ReasonAlreadyChanged = "AlreadyChanged" // the workload has another image by now than the pod
	ReasonImageExists    = "ImageExists"    // the image is there: something else keeps it from being pulled
	ReasonNoCandidate    = "NoCandidate"    // there is no image that will do
	ReasonRegistryDenied = "RegistryDenied"
	ReasonRegistryAnswer = "RegistryAnswer" // the registry answered what cannot be used
	ReasonReverted       = "Reverted"       // the API server took the patch and kept the image
)

// Options say how image-patcher decides.
type Options struct {
	Rules     []Rule // the first that matches a repository counts
	Default   Rule   // where none does
	Platforms []v1.Platform
	Namespace string        // for alerts without the label namespace; empty: the client's
	Timeout   time.Duration // for all that registries are asked about one alert
	Registry  registry.Options
}

// Patcher sets images that exist.
type Patcher struct {
	o       Options
	client  target.Client
	finder  target.Finder
	reader  *registry.Reader
	cluster cluster
}

// New is image-patcher.
func New(o Options, client target.Client) *Patcher {
	return &Patcher{
		o: o, client: client, reader: registry.New(o.Registry), cluster: cluster{client},
		finder: target.Finder{
			Client: client, Namespace: o.Namespace, Kinds: []target.Kind{target.Deployment, target.StatefulSet, target.DaemonSet},
		},
	}
}

// Name implements function.Action.
func (p *Patcher) Name() string { return Name }

// Plan answers one step, for the workload that the alert's pod belongs to.
func (p *Patcher) Plan(ctx context.Context, req *function.Request) ([]function.Step, error) {
	found, err := p.finder.Find(ctx, req.Alert)
	if err != nil {
		return nil, err
	}
	base := step{patcher: p, req: req, found: found}
	base.plan = function.Plan{Target: found.Target(), Object: found.Object(), Managers: found.Managers}
	if req.Resolved() {
		return []function.Step{base.over()}, nil
	}
	if has := found.Live.GetAnnotations(); has[function.AnnotationEventID] == req.EventID && has[function.AnnotationFunction] == Name {
		return []function.Step{base.done()}, nil
	}
	s, err := p.choose(ctx, base)
	if err != nil {
		base.plan.Err = err
		base.plan.Summary = fmt.Sprintf("nothing about %s", found)
		return []function.Step{&patch{step: base}}, nil
	}
	return []function.Step{s}, nil
}

// OwnPlatform is the one that this program was built for.
func OwnPlatform() v1.Platform { return v1.Platform{OS: "linux", Architecture: runtime.GOARCH} }
