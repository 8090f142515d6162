// Package serve is how every quench program answers HTTP: it listens, then is
// ready, then drains.
//
// GET and HEAD of /healthz, /readyz, /health/liveness and /health/readiness are
// answered here, before the program's handler and without credentials. A POST
// to one of these paths is the handler's, as any other.
//
// Once Run's context ends, readiness is refused while requests are still taken:
// endpoints that Kubernetes has not yet withdrawn go on working. When none has
// come for DrainQuiet (or half of DrainTimeout is over), no more connections
// are accepted and the requests under way are waited for. What is not done by
// DrainTimeout has its context cancelled and its connection closed, and Run
// returns an error. There is no limit on how long a handler may take before
// that: handlers set their own deadlines.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// Options say what is served. Addr and Handler are needed; zero values of the
// others mean what their comments say.
type Options struct {
	Addr    string // host:port; port 0 takes a free one
	Handler http.Handler

	// Ready says whether work can be taken: an error's text is readiness's 503.
	// Nil is always ready. It is asked at each probe and must not block.
	Ready func() error
	// Alive is the same for liveness.
	Alive func() error

	// OwnProbes leaves every path to Handler, also those that are answered here
	// otherwise; Ready and Alive are then not asked.
	OwnProbes bool

	// Serve serves the bound listener until the server is shut down. Nil is
	// plain HTTP; webconfig.Serve gives TLS. It keeps TLS and password
	// libraries out of programs that do not use them.
	Serve func(net.Listener, *http.Server) error

	ReadTimeout    time.Duration // to read a whole request; 0: 30 s
	MaxHeaderBytes int           // 0: 64 KiB
	DrainQuiet     time.Duration // 0: shut down at once
	DrainTimeout   time.Duration // 0: 60 s

	Log zerolog.Logger
}

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

func (o *Options) defaults() {
	if o.ReadTimeout <= 0 {
		o.ReadTimeout = 30 * time.Second
	}
	if o.MaxHeaderBytes <= 0 {
		o.MaxHeaderBytes = 64 << 10
	}
	if o.DrainTimeout <= 0 {
		o.DrainTimeout = time.Minute
	}
	if o.Serve == nil {
		o.Serve = func(l net.Listener, s *http.Server) error { return s.Serve(l) }
	}
}

// Server is bound to its address; Run serves.
type Server struct {
	o     Options
	l     net.Listener
	http  *http.Server
	drain *drainer
}

// Listen binds the address. Connections that come before Run wait.
func Listen(o Options) (*Server, error) {
	o.defaults()
	l, err := net.Listen("tcp", o.Addr) //nolint:noctx // binding a port does not block
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	d := &drainer{inner: o.Handler}
	var handler http.Handler = d
	if !o.OwnProbes {
		handler = &health{inner: d, ready: o.Ready, alive: o.Alive, draining: d.draining}
	}
	return &Server{o: o, l: l, drain: d, http: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: min(headerTimeout, o.ReadTimeout),
		ReadTimeout:       o.ReadTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    o.MaxHeaderBytes,
		ErrorLog:          log.New(serverLog{o.Log}, "", 0),
	}}, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.l.Addr() }

// Run serves until ctx ends, then drains as the package comment says. It
// returns nil once all requests were answered. It must be called once.
func (s *Server) Run(ctx context.Context) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx)) // of all requests: ctx alone ends none
	defer cut()
	s.http.BaseContext = func(net.Listener) context.Context { return base }
	defer s.l.Close() // the server has closed it; this is for a Serve hook that fails first
	served := make(chan error, 1)
	go func() { served <- s.o.Serve(s.l, s.http) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", s.l.Addr(), err)
	case <-ctx.Done():
	}

	s.o.Log.Info().Str("addr", s.l.Addr().String()).Msg("draining")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.DrainTimeout)
	defer cancel()
	s.drain.wait(s.o.DrainQuiet, s.o.DrainTimeout/2)
	err := s.http.Shutdown(end)
	if err != nil {
		cut()
		err = errors.Join(fmt.Errorf("drain %s: requests still under way after %s: %w", s.l.Addr(), s.o.DrainTimeout, err), s.http.Close())
	}
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// serverLog takes net/http's own lines, such as failed TLS handshakes: they
// are a client's doing, so they are told at debug.
type serverLog struct{ log zerolog.Logger }

func (s serverLog) Write(p []byte) (int, error) {
	s.log.Debug().Str("reason", string(trimLine(p))).Msg("connection")
	return len(p), nil
}

func trimLine(p []byte) []byte {
	for len(p) > 0 && p[len(p)-1] == '\n' {
		p = p[:len(p)-1]
	}
	return p
}
