package standalone

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// voice tells people, or machines, what goes on.
type voice interface {
	greet(greeting)
	tell(story)
}

type greeting struct {
	URL                 string
	Cluster             Cluster
	Triggers, Functions int
	Sample              string
}

// story is what became of one event: an alert, or an outcome that came late.
type story struct {
	At                     time.Time
	EventID, CorrelationID string
	TraceID                string
	Status, Alert, Where   string
	Ends                   []ending
	Err                    error // the sender is asked to send again
}

// ending is what one Trigger's subscriber answered.
type ending struct {
	Trigger, Outcome, Reason, Target, Message string

	At      time.Time // when it ended
	Earlier bool      // before this event came: told from the record
}

func newVoice(w io.Writer, machine bool) voice {
	w = &oneAtATime{w: w}
	if machine {
		return machineVoice{zerolog.New(w).With().Timestamp().Logger()}
	}
	return plainVoice{w}
}

type oneAtATime struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *oneAtATime) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(b)
}

type plainVoice struct{ w io.Writer }

func (p plainVoice) greet(g greeting) {
	var b strings.Builder
	cluster := g.Cluster.Server
	if g.Cluster.Embedded {
		cluster += ", the embedded control plane (it has no kubelet: Jobs are created, not run)"
	}
	mode := "acts"
	if g.Cluster.DryRun {
		mode = "dry run: says what it would do, and does nothing; --act makes it act"
	}
	fmt.Fprintf(&b, "cluster    %s\nnamespace  %s\nmode       %s\ntriggers   %d\nlistening  %s\n\n",
		cluster, g.Cluster.Namespace, mode, g.Triggers, g.URL)
	fmt.Fprintf(&b, "Send it alerts:   a webhook_configs url in Alertmanager, %s\n", g.URL)
	if g.Sample != "" {
		fmt.Fprintf(&b, "or a sample:      curl -sS --data-binary @%s %s\n", g.Sample, g.URL)
	}
	if !g.Cluster.DryRun {
		fmt.Fprintf(&b, "and see:          %s --kubeconfig %s -n %s get jobs,remediations\n", cmp.Or(g.Cluster.Kubectl, "kubectl"), g.Cluster.Kubeconfig, g.Cluster.Namespace)
	}
	fmt.Fprintln(&b)
	_, _ = io.WriteString(p.w, b.String())
}

// tell writes one line: what came, what matched, what was done or why not.
func (p plainVoice) tell(s story) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-8s  %s", s.At.Local().Format(time.TimeOnly), s.Status, clean(s.Alert))
	if s.Where != "" {
		fmt.Fprintf(&b, " (%s)", clean(s.Where))
	}
	if len(s.Ends) == 0 && s.Err == nil {
		b.WriteString(": no Trigger matches")
	}
	for i, e := range s.Ends {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s → ", sep, e.Trigger)
		if e.Earlier {
			fmt.Fprintf(&b, "already at %s, ", e.At.Local().Format(time.TimeOnly))
		}
		b.WriteString(e.Outcome)
		if e.Reason != "" {
			fmt.Fprintf(&b, " %s", clean(e.Reason)) // Kubernetes Events can be anybody's
		}
		if e.Message != "" {
			fmt.Fprintf(&b, ": %s", clean(e.Message))
		}
	}
	if s.Err != nil {
		b.WriteString(" (Alertmanager is asked to send it again)")
	}
	b.WriteByte('\n')
	_, _ = io.WriteString(p.w, b.String())
}

// clean keeps what came from outside from writing lines or terminal codes of its own.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 400 {
		return string(r[:400]) + "…"
	}
	return s
}

type machineVoice struct{ log zerolog.Logger }

func (m machineVoice) greet(g greeting) {
	m.log.Info().Str("url", g.URL).Str("server", g.Cluster.Server).Str("kubeconfig", g.Cluster.Kubeconfig).
		Str("namespace", g.Cluster.Namespace).Bool("embedded", g.Cluster.Embedded).Bool("dry_run", g.Cluster.DryRun).
		Int("triggers", g.Triggers).Msg("listening")
}

func (m machineVoice) tell(s story) {
	line := m.log.Info()
	if s.Err != nil {
		line = m.log.Warn().Err(s.Err)
	}
	ends := zerolog.Arr()
	for _, e := range s.Ends {
		ends.Dict(zerolog.Dict().Str("trigger", e.Trigger).Str("outcome", e.Outcome).Str("reason", e.Reason).
			Str("target", e.Target).Str("message", e.Message).Bool("from_record", e.Earlier))
	}
	line.Str("event_id", s.EventID).Str("correlation_id", s.CorrelationID).Str("trace_id", s.TraceID).Str("alertname", s.Alert).
		Str("status", s.Status).Array("triggers", ends).Msg("alert")
}
