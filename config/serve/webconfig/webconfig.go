// Package webconfig serves TLS, client certificates and basic auth from a
// Prometheus exporter-toolkit web configuration file. It is apart from serve
// because it is heavy: only what faces clients without an ingress imports it.
//
// The file is read at start, where a mistake is an error, and again at each
// connection and request: what becomes unreadable or wrong later fails those,
// it does not let them in. Probes are asked for no password; client
// certificates are asked for by the handshake, so a kubelet cannot probe a
// server that requires them other than by TCP.
package webconfig

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/prometheus/exporter-toolkit/web"
	"github.com/rs/zerolog"
	"go.yaml.in/yaml/v2"

	"github.com/quench-dev/quench/config/serve"
)

// Serve checks the file and gives what serve.Options.Serve takes. Errors name
// WEB_CONFIG_FILE. Without a file it is nil: plain HTTP.
func Serve(file string, log zerolog.Logger) (func(net.Listener, *http.Server) error, error) {
	if file == "" {
		return nil, nil
	}
	if err := check(file); err != nil {
		return nil, fmt.Errorf("WEB_CONFIG_FILE=%q: %w", file, err)
	}
	flags := &web.FlagConfig{WebConfigFile: &file}
	return func(l net.Listener, s *http.Server) error {
		return web.Serve(&probeListener{Listener: l, server: s, open: s.Handler}, s, flags, slog.New(slogHandler{log}))
	}, nil
}

func check(file string) error {
	if err := web.Validate(file); err != nil {
		return err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var c web.Config
	if err := yaml.Unmarshal(content, &c); err != nil {
		return err
	}
	if c.RateLimiterConfig.Interval != 0 {
		// Alertmanager does not retry a 429: what it says would be lost.
		return errors.New("rate_limit: it answers with 429, which Alertmanager does not retry; bound the load with MAX_IN_FLIGHT instead")
	}
	return nil
}

// probeListener lets probes past the toolkit's passwords. web.Serve puts its
// own handler around the server's before it accepts; the first Accept, before
// any connection, is where that can be seen.
type probeListener struct {
	net.Listener
	server *http.Server
	open   http.Handler
	once   sync.Once
}

func (p *probeListener) Accept() (net.Conn, error) {
	p.once.Do(func() {
		guarded := p.server.Handler
		p.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if serve.IsProbe(r) {
				p.open.ServeHTTP(w, r)
				return
			}
			guarded.ServeHTTP(w, r)
		})
	})
	return p.Listener.Accept()
}

// slogHandler writes what the toolkit says through zerolog.
type slogHandler struct{ log zerolog.Logger }

func (slogHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h slogHandler) Handle(_ context.Context, r slog.Record) error {
	level := zerolog.DebugLevel
	if r.Level >= slog.LevelWarn {
		level = zerolog.WarnLevel
	}
	e := h.log.WithLevel(level)
	r.Attrs(func(a slog.Attr) bool {
		e.Str(a.Key, a.Value.String())
		return true
	})
	e.Msg(r.Message)
	return nil
}

func (h slogHandler) WithAttrs(as []slog.Attr) slog.Handler {
	c := h.log.With()
	for _, a := range as {
		c = c.Str(a.Key, a.Value.String())
	}
	return slogHandler{c.Logger()}
}

func (h slogHandler) WithGroup(string) slog.Handler { return h }
