package serve

import (
	"errors"
	"io"
	"net/http"
)

var errDraining = errors.New("shutting down")

// health answers probes and passes everything else on.
type health struct {
	inner        http.Handler
	ready, alive func() error
	draining     func() bool
}

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !IsProbe(r) {
		h.inner.ServeHTTP(w, r)
		return
	}
	ask := h.alive
	if r.URL.Path == "/readyz" || r.URL.Path == "/health/readiness" {
		ask = h.readiness
	}
	w.Header().Set("Cache-Control", "no-store")
	if ask != nil {
		if err := ask(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
	_, _ = io.WriteString(w, "ok\n") // a prober that has left does not matter
}

func (h *health) readiness() error {
	if h.draining() {
		return errDraining
	}
	if h.ready == nil {
		return nil
	}
	return h.ready()
}

// IsProbe says whether r is one that this package answers itself.
func IsProbe(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	switch r.URL.Path {
	case "/healthz", "/readyz", "/health/liveness", "/health/readiness":
		return true
	}
	return false
}
