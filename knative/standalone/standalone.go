// Package standalone is quench in one process: the adapter, an in-process broker
// on the same Trigger YAML as Knative's, and the functions.
//
// A webhook is answered when every function whose Trigger matched has answered;
// what takes longer than AckAfter is answered for as started and goes on. What
// may go wrong: nothing is queued, so what is under way when the process is
// killed comes again with Alertmanager's retry or repeat, and is then found in
// the records; only what was answered for as started is not asked for again.
package standalone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter"
	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/config/serve"
	"github.com/quench-dev/quench/config/serve/webconfig"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/knative/broker"
	"github.com/quench-dev/quench/knative/trigger"
)

// Options say what runs. Adapter and Function must have been validated, as
// config.Load does; their K_SINK, PORT and FUNCTION are not used.
type Options struct {
	Triggers []*trigger.Trigger
	Listen   string // host:port; port 0 takes a free one
	AckAfter time.Duration

	Cluster   Cluster
	Functions map[string]*function.Function // by the name that a Trigger's subscriber has

	Adapter config.Adapter
	Out     io.Writer      // what people read
	JSON    bool           // lines for machines instead
	Sample  string         // a payload to name in the curl line that is printed
	Log     zerolog.Logger // what is not told on Out
}

// Cluster is what is told about the cluster that is acted on.
type Cluster struct {
	Server     string
	Kubeconfig string
	Kubectl    string // how to call it
	Namespace  string
	Embedded   bool
	DryRun     bool
}

// Standalone is bound to its address; Run serves.
type Standalone struct {
	o        Options
	broker   *broker.Broker
	server   *serve.Server
	voice    voice
	narrator *narrator
}

// New makes every part and binds the address. Its errors are for people: one
// about a Trigger names file and line.
func New(o Options) (*Standalone, error) {
	v := newVoice(o.Out, o.JSON)
	s := &Standalone{o: o, voice: v, narrator: &narrator{voice: v, open: map[string][]*story{}}}
	var err error
	if s.broker, err = broker.New(o.Triggers, s.resolve, s.brokerOptions()); err != nil {
		return nil, err
	}
	a, err := adapter.New(o.Adapter, narrated{s.broker, s.narrator}, o.Log)
	if err != nil {
		return nil, err
	}
	web := serve.Options{
		Addr: o.Listen, Handler: a.Handler(), Ready: a.Ready, Log: o.Log,
		DrainTimeout: time.Duration(o.Adapter.DrainTimeout), // no quiet time: nobody else is to take over
	}
	if web.Serve, err = webconfig.Serve(o.Adapter.WebConfigFile, o.Log); err != nil {
		return nil, err
	}
	if s.server, err = serve.Listen(web); err != nil {
		return nil, err
	}
	return s, nil
}

// Addr is where webhooks are taken.
func (s *Standalone) Addr() net.Addr { return s.server.Addr() }

// Run says what runs, serves until ctx ends, and then waits for what is under
// way, for DRAIN_TIMEOUT at most.
func (s *Standalone) Run(ctx context.Context) error {
	s.greet()
	for _, f := range s.o.Functions {
		context.AfterFunc(ctx, f.Drain)
	}
	err := s.server.Run(ctx)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(s.o.Adapter.DrainTimeout))
	defer cancel()
	errs := []error{err, s.broker.Drain(last)}
	for _, f := range s.o.Functions {
		errs = append(errs, f.Stop(last))
	}
	return errors.Join(errs...)
}

func (s *Standalone) resolve(name string) (broker.Subscriber, bool) {
	f, ok := s.o.Functions[name]
	if !ok {
		return nil, false
	}
	return broker.SubscriberFunc(f.Handle), true
}

func (s *Standalone) brokerOptions() broker.Options {
	names := make([]string, 0, len(s.o.Functions))
	for name := range s.o.Functions {
		names = append(names, name)
	}
	return broker.Options{
		Names: names, Concurrency: s.o.Adapter.MaxSends, Log: s.o.Log, Observe: s.narrator.observer(),
		AckAfter: s.o.AckAfter,
		Started: func(name string, e event.Event) event.Event {
			return s.o.Functions[name].Started(e)
		},
	}
}

// greet says where it listens, what it acts on, and what to try.
func (s *Standalone) greet() {
	c, url := s.o.Cluster, fmt.Sprintf("http://%s/", s.Addr())
	if s.o.Adapter.WebConfigFile != "" {
		url = fmt.Sprintf("https://%s/", s.Addr())
	}
	s.voice.greet(greeting{
		URL: url, Cluster: c, Triggers: len(s.o.Triggers), Functions: len(s.o.Functions), Sample: s.o.Sample,
	})
}
