// Package executor is command on a machine of its own, without Kubernetes and
// Knative: it takes Alertmanager's webhooks, as prometheus-am-executor does, and
// hands each to the function command as one group event. What guards a function on
// a cluster guards it here, with its locks and records in a folder.
//
// A webhook is answered once its commands have ended: with 200 for whatever was
// decided; with 500 where a command failed and Alertmanager is to send the webhook
// again, which runs that command again and no other; with 503 while the same webhook
// is still worked on, or too many wait; with 400 for what is no webhook. Any method and any path will do.
//
// Alertmanager sends nothing else about a group while it waits, and does not tell of
// the end of an alert whose start it could not tell. So commands that take longer than
// AckAfter go on with their webhook answered by 200: what they end with is in the log
// and the record, and asks for no retry any more.
//
// A retry is known by its body, up to ten minutes after it first came, in memory:
// after a restart it is a repeat, and runs once more what its cool-down lets run.
package executor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config/serve"
	"github.com/quench-dev/quench/config/serve/webconfig"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
)

// Options say what runs. Command, Listen and State are needed.
type Options struct {
	Command *command.Command
	Listen  string // host:port; port 0 takes a free one
	State   string // folder for locks and records

	TLSCrt, TLSKey string          // files; both or neither
	WebConfigFile  string          // instead: TLS, client certificates and passwords
	Policy         function.Policy // nil allows everything
	Firing         function.Guard  // nil believes the webhook
	DryRun         bool
	MaxBody        int64         // of a webhook, in bytes
	MaxInFlight    int           // webhooks that wait for their commands at once; 0: 256
	RecordTTL      time.Duration // 0: records are kept
	AckAfter       time.Duration // how long a webhook waits for its commands; 0: until they end
	DrainTimeout   time.Duration // how long commands may take once we are to end
	Log            zerolog.Logger
}

// Executor takes webhooks.
type Executor struct {
	o        Options
	function *function.Function
	server   *serve.Server
	ledger   *ledger
	encoder  alert.Encoder
	places   chan struct{}  // one for each webhook that is not answered yet
	working  sync.WaitGroup // webhooks whose commands have not ended
}

const defaultInFlight = 256

// toAnswer is what is left of the drain's time once commands are killed.
const toAnswer = 2 * time.Second

// New binds the address and tries the state's folder; Run serves.
func New(ctx context.Context, o Options) (*Executor, error) {
	locks := &lease.Files{Dir: filepath.Join(o.State, "locks"), Function: command.Name}
	_, release, err := locks.Lock(ctx, "start/"+o.Listen, 5*time.Second)
	if err != nil {
		return nil, fmt.Errorf("state in %s: %w", o.State, err)
	}
	release()
	if o.Policy == nil {
		o.Policy = everything{}
	}
	f, err := function.New(o.Command, function.Options{
		Locks: locks, Records: &record.Files{Dir: o.State}, Policy: o.Policy, Firing: o.Firing, DryRun: o.DryRun, RecordTTL: o.RecordTTL, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = defaultInFlight
	}
	x := &Executor{
		o: o, function: f, ledger: newLedger(), encoder: alert.Encoder{Source: "/quench/command"}, places: make(chan struct{}, o.MaxInFlight),
	}
	web := serve.Options{Addr: o.Listen, Handler: x.Handler(), DrainTimeout: o.DrainTimeout, Log: o.Log}
	if web.Serve, err = x.transport(); err != nil {
		return nil, err
	}
	if x.server, err = serve.Listen(web); err != nil {
		return nil, err
	}
	return x, nil
}

// transport is plain HTTP, TLS with the two files, or what the web configuration
// file says.
func (x *Executor) transport() (func(net.Listener, *http.Server) error, error) {
	switch {
	case x.o.WebConfigFile != "" && x.o.TLSCrt != "":
		return nil, errors.New("tls_crt, tls_key: want them, or a web configuration file, not both")
	case x.o.WebConfigFile != "":
		return webconfig.Serve(x.o.WebConfigFile, x.o.Log)
	case x.o.TLSCrt == "":
		return nil, nil
	}
	if _, err := tls.LoadX509KeyPair(x.o.TLSCrt, x.o.TLSKey); err != nil {
		return nil, fmt.Errorf("tls_crt, tls_key: %w", err)
	}
	return func(l net.Listener, s *http.Server) error { return s.ServeTLS(l, x.o.TLSCrt, x.o.TLSKey) }, nil
}

// Addr is where webhooks are taken.
func (x *Executor) Addr() net.Addr { return x.server.Addr() }

// Run serves until ctx ends. Then commands get SIGTERM and are waited for, and those
// that have not ended before DrainTimeout is over are killed.
func (x *Executor) Run(ctx context.Context) error {
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		most, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(x.o.DrainTimeout-toAnswer, x.o.DrainTimeout/2))
		defer cancel()
		stopped <- x.function.Stop(most)
	})
	err := x.server.Run(ctx)
	if ctx.Err() == nil {
		return err
	}
	err = errors.Join(err, <-stopped)
	x.working.Wait() // their commands have ended, and that is still to be recorded
	return err
}

// everything is the policy where there is none: on a machine of its own no
// namespace of a cluster is protected.
type everything struct{}

func (everything) Read(context.Context) (*policy.Policy, error) {
	return policy.Parse("built in", []byte("defaults: {protectedNamespaces: []}"), []string{command.Name})
}
