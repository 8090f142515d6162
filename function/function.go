package function

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/record"
)

// Locks lets one holder at a time act on a key.
type Locks interface {
	// Lock takes the lock of key, waiting for as long as wait while another holds
	// it. held ends when the lock is lost or released; release blocks until it is.
	Lock(ctx context.Context, key string, wait time.Duration) (held context.Context, release func(), err error)
}

// Records remembers what was done. Writes are optimistic: a record that has
// changed since it was read is an error.
type Records interface {
	Get(ctx context.Context, name string) (*record.Record, error) // nil where there is none
	Create(ctx context.Context, r *record.Record) error
	Restart(ctx context.Context, r *record.Record) error  // plan and progress
	Progress(ctx context.Context, r *record.Record) error // progress alone
	Find(ctx context.Context, q record.Query) ([]*record.Record, error)
	Sweep(ctx context.Context, function string, before time.Time, most int) (int, error)
}

// Options are what a Function needs beside its action.
type Options struct {
	Locks   Locks
	Records Records

	// Verify is asked first of all: whether the event comes from whom it says.
	Verify Guard
	// Firing is asked whether the alert fires still; nil believes the event.
	Firing Guard
	// Policy is what the operators allow; nil allows all but what is protected always.
	Policy Policy
	// Notes tells outcomes on the objects themselves; nil tells none.
	Notes Notes

	MaxEventAge  time.Duration  // 0: no event is too old
	ApplyTimeout time.Duration  // of one Apply; 0 means 30 s
	LockWait     time.Duration  // for a step's further locks; 0 means 10 s
	RecordTTL    time.Duration  // 0: records are kept
	DryRun       bool           // plan, and write nothing
	Mapping      *alert.Mapping // which labels outcomes carry on as attributes
	Now          func() time.Time
	Log          zerolog.Logger
}

// Draining is an Action with something under way that has to be told when the
// process is to end.
type Draining interface {
	// Drain tells it to end; nothing is begun any more, with a Retry.
	Drain()
	// Stop waits until nothing is under way, and ends what still is when ctx ends.
	Stop(ctx context.Context)
}

// Function is an action behind the shared guards. It may handle several events
// at once.
type Function struct {
	action Action
	o      Options
	// What the action is beside an Action, before it is behind guards.
	groups, atOnce bool
	draining       Draining
	metrics        http.Handler

	broken  error // why it cannot start
	stopped atomic.Bool
	sweep   sweeper
	idle    sync.WaitGroup
}

// New puts an action behind the guards.
func New(a Action, o Options) (*Function, error) {
	if errs := validation.IsDNS1123Label(a.Name()); len(errs) > 0 || len(a.Name()) > 30 {
		return nil, fmt.Errorf("function name %q: want a DNS label of at most 30 characters", a.Name())
	}
	if !o.DryRun && (o.Locks == nil || o.Records == nil) {
		return nil, errors.New("function " + a.Name() + ": want locks and records")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.ApplyTimeout <= 0 {
		o.ApplyTimeout = 30 * time.Second
	}
	if o.LockWait <= 0 {
		o.LockWait = 10 * time.Second
	}
	var guards []Guard
	if o.Verify != nil {
		guards = append(guards, o.Verify)
	}
	guards = append(guards, ruled{o.Policy, a.Name(), o.Now})
	if o.Firing != nil {
		guards = append(guards, o.Firing)
	}
	guards = append(guards, age{o.MaxEventAge, o.Now})
	f := &Function{action: guarded{steady{a, o.Log}, guards}, o: o}
	_, f.groups = a.(Grouped)
	_, f.atOnce = a.(SideBySide)
	f.draining, _ = a.(Draining)
	if m, ok := a.(interface{ Metrics() http.Handler }); ok {
		f.metrics = m.Metrics()
	}
	return f, nil
}

// Broken is a function that cannot start: Start answers with err, Ready says it,
// and every event is left to the broker to deliver again.
func Broken(err error) *Function {
	return &Function{broken: err, groups: true, o: Options{Now: time.Now}}
}

func (f *Function) name() string { return f.action.Name() }

// Start reports what kept the function from being made. It begins nothing.
func (f *Function) Start(_ context.Context, _ map[string]string) error { return f.broken }

// Drain tells what is under way that the process is to end; it waits for nothing.
func (f *Function) Drain() {
	if f.draining != nil {
		f.draining.Drain()
	}
}

// Stop makes the function not ready and waits for what it does in the background.
func (f *Function) Stop(ctx context.Context) error {
	f.stopped.Store(true)
	if f.draining != nil {
		f.draining.Drain()
		defer f.draining.Stop(ctx)
	}
	done := make(chan struct{})
	go func() { f.idle.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop function: %w", context.Cause(ctx))
	}
}

// Ready says whether events may come.
func (f *Function) Ready(context.Context) (bool, error) {
	return f.broken == nil && !f.stopped.Load(), f.broken
}

// Alive says that the process need not be started anew: even a broken function
// would only break again.
func (f *Function) Alive(context.Context) (bool, error) { return true, nil }
