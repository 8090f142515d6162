package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
)

// The bounds of what is asked of Alertmanager.
const (
	firingTimeout = 5 * time.Second
	firingBytes   = 8 << 20
)

// StillFiring is the Guard that asks Alertmanager whether an alert fires, by its
// API version 2: http://alertmanager:9093/api/v2/alerts. Of several, as in a
// pair, one that knows of it is enough. A silenced or inhibited alert is not acted
// on. Where none knows of the alert and one did not answer, the event is to come
// again.
type StillFiring struct {
	URLs   []url.URL // of Alertmanagers, without /api/v2
	Client *http.Client
}

// knownAlert is what Alertmanager's API says of an alert.
type knownAlert struct {
	Fingerprint string `json:"fingerprint"`
	Status      struct {
		State       string   `json:"state"`
		SilencedBy  []string `json:"silencedBy"`
		InhibitedBy []string `json:"inhibitedBy"`
	} `json:"status"`
}

// Admit implements Guard. A resolved alert is not asked about.
func (g *StillFiring) Admit(ctx context.Context, req *Request) error {
	if req.Resolved() {
		return nil
	}
	var away error
	for i := range g.URLs {
		a, err := g.ask(ctx, &g.URLs[i], req)
		switch {
		case err != nil:
			away = errors.Join(away, err)
		case a == nil:
		case a.Status.State == "suppressed":
			by := "a silence (" + strings.Join(a.Status.SilencedBy, ", ") + ")"
			if len(a.Status.SilencedBy) == 0 {
				by = "another alert (" + strings.Join(a.Status.InhibitedBy, ", ") + ")"
			}
			return Skip(ReasonSuppressed, "Alertmanager has the alert suppressed by %s", by)
		default: // active, or unprocessed: just come
			req.confirmed = true
			return nil
		}
	}
	if away != nil {
		return Retry(fmt.Errorf("is the alert firing still? %w", away))
	}
	return Skip(ReasonNotFiring, "Alertmanager says that the alert does not fire any more")
}

// ask answers what one Alertmanager knows of the alert; nil for nothing.
func (g *StillFiring) ask(ctx context.Context, base *url.URL, req *Request) (*knownAlert, error) {
	ctx, cancel := context.WithTimeout(ctx, firingTimeout)
	defer cancel()
	at := base.JoinPath("api/v2/alerts")
	if name := req.Alert.Name(); name != "" {
		at.RawQuery = url.Values{"filter": {fmt.Sprintf("alertname=%q", name)}}.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := g.Client.Do(r)
	if err != nil {
		return nil, err // url.Error redacts a password
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", base.Redacted(), resp.Status)
	}
	var alerts []knownAlert
	if err := json.NewDecoder(io.LimitReader(resp.Body, firingBytes)).Decode(&alerts); err != nil {
		return nil, fmt.Errorf("%s: read alerts: %w", base.Redacted(), err)
	}
	var found *knownAlert
	asked := req.fingerprints()
	for i := range alerts {
		if a := &alerts[i]; slices.Contains(asked, a.Fingerprint) && (found == nil || a.Status.State != "suppressed") {
			found = a // of a group, one that is not suppressed
		}
	}
	return found, nil
}

// fingerprints are those of the alerts that fire: of a group one is enough.
func (r *Request) fingerprints() []string {
	if r.Payload == nil {
		return []string{r.Alert.Fingerprint}
	}
	var all []string
	for _, a := range r.Payload.Alerts {
		if a.Status == alert.Firing {
			all = append(all, a.Fingerprint)
		}
	}
	return all
}
