package gate

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
)

// maxLogged is how many alerts a log line names.
const maxLogged = 20

// verdict is what all endpoints said. Both parts empty: ready.
type verdict struct {
	firing []string // a line for each alert, sorted, each once
	failed []string // a line for each endpoint that could not be asked, in their order
	away   []string // the names of these
}

func (v verdict) lines() []string { return slices.Concat(v.firing, v.failed) }

// ask asks every endpoint at once. It returns when the last has answered or ctx
// has ended.
func (g *Gate) ask(ctx context.Context) verdict {
	firing, errs := make([][]string, len(g.endpoints)), make([]error, len(g.endpoints))
	var all sync.WaitGroup
	for i, e := range g.endpoints {
		all.Go(func() { firing[i], errs[i] = e.ask(ctx) })
	}
	all.Wait()
	var v verdict
	lines := map[string]bool{} // a pair of replicas has the same alert
	for i, e := range g.endpoints {
		if errs[i] != nil {
			v.failed = append(v.failed, e.kind.name+" cannot be asked at "+e.name+": "+line(errs[i].Error(), maxReason))
			v.away = append(v.away, e.name)
		}
		for _, labels := range firing[i] {
			lines["The "+e.kind.name+" alert is firing: "+labels] = true
		}
	}
	v.firing = slices.Sorted(maps.Keys(lines))
	g.metrics.judge(v)
	return v
}

// tell logs what has changed since it was told last, and not each probe: an error's
// text may differ each time, so endpoints go by their names.
func (g *Gate) tell(v verdict) {
	now := strings.Join(slices.Concat(v.firing, v.away), "\n")
	g.mu.Lock()
	known := g.told == now && g.knows
	g.told, g.knows = now, true
	g.mu.Unlock()
	switch {
	case known:
	case now == "":
		g.log.Info().Msg("ready: no alert fires")
	default:
		g.log.Warn().Strs("firing", v.firing[:min(len(v.firing), maxLogged)]).Int("alerts", len(v.firing)).
			Strs("failed", v.failed).Msg("not ready")
	}
}
