// Package catalog knows all functions by name and puts each together with the
// locks, the records and the guards that it runs behind.
package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/enricher"
	"github.com/quench-dev/quench/function/imagepatcher"
	"github.com/quench-dev/quench/function/jobresults"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/function/mask"
	"github.com/quench-dev/quench/function/notifier"
	"github.com/quench-dev/quench/function/rollback"
	"github.com/quench-dev/quench/function/wiring"
)

// Parts are what actions are made of. Each action takes what it needs.
type Parts struct {
	Client   *cluster.Client
	JobsFile string // job-runner's rules
	Rollback config.Rollback
	Images   config.ImagePatcher
	Enricher config.Enricher
	Notifier config.Notifier
	Commands string           // command's file
	Masker   *mask.Masker     // for what others wrote and is told; nil is what is shipped
	Now      func() time.Time // nil is time.Now

	shared config.Function // what all functions read
	log    zerolog.Logger
}

var actions = map[string]func(Parts) (function.Action, error){
	jobrunner.Name: func(p Parts) (function.Action, error) {
		rules, err := jobrunner.Load(p.JobsFile)
		if err != nil {
			return nil, err
		}
		return jobrunner.New(rules, p.Client, p.Now), nil
	},
	command.Name:      runCommands,
	imagepatcher.Name: imagePatcher,
	rollback.Name: func(p Parts) (function.Action, error) {
		return rollback.New(p.Client, rollback.Options{To: p.Rollback.To, Namespace: p.Rollback.Namespace, Now: p.Now}), nil
	},
}

// listeners are the functions that act on nothing. No policy speaks of them.
var listeners = map[string]func(Parts) (function.Listener, error){
	enricher.Name: func(p Parts) (function.Listener, error) {
		rules, err := enricher.Load(p.Enricher.File, p.Enricher.Shipped)
		if err != nil {
			return nil, err
		}
		return enricher.New(p.Client, enricher.Options{
			Rules: rules, Masker: p.Masker, Namespace: p.Enricher.Namespace, Part: time.Duration(p.Enricher.Part), Now: p.Now,
		}), nil
	},
	jobresults.Name: func(p Parts) (function.Listener, error) { return jobresults.New(p.Client, p.Masker), nil },
	notifier.Name:   notify,
}

// listener makes the listener of this name, behind the guards that are for it.
func listener(name string, p Parts) (*function.Function, error) {
	l, err := listeners[name](p)
	if err := errors.Join(err, p.Client.Check()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	o := function.Options{MaxEventAge: time.Duration(p.shared.MaxEventAge), Now: p.Now, Log: p.log}
	if p.shared.VerifyKeysFile != "" {
		o.Verify = function.Provenance{Keys: p.shared.VerifyKeysFile}
	}
	if name == notifier.Name {
		remembering(&o, p)
	}
	return function.Listening(l, o), nil
}

// Names are the functions that act on alerts, sorted.
func Names() []string {
	names := make([]string, 0, len(actions))
	for name := range actions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// New makes the action of this name.
func New(name string, p Parts) (function.Action, error) {
	action, ok := actions[name]
	if !ok {
		all := slices.Sorted(maps.Keys(listeners))
		return nil, fmt.Errorf("FUNCTION=%q: want one of %s", name, strings.Join(append(Names(), all...), ", "))
	}
	a, err := action(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

// Function makes the action of this name and puts it behind the shared guards,
// with its locks and records in the client's namespace. Nothing is asked of the
// cluster. Only a dry run does without one.
func Function(name string, c config.Function, p Parts, log zerolog.Logger) (*function.Function, error) {
	if p.Masker == nil {
		shipped, err := mask.New(true)
		if err != nil {
			return nil, err
		}
		p.Masker = shipped
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	p.shared, p.log = c, log.With().Str("function", name).Logger()
	if _, ok := listeners[name]; ok {
		return listener(name, p)
	}
	a, err := New(name, p)
	if err != nil {
		return nil, err
	}
	f, err := wiring.Function(a, c, wiring.Parts{Client: p.Client, Known: Names(), Now: p.Now}, log)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}
