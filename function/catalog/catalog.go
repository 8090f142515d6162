// Package catalog knows all functions by name and puts each together with the
// locks, the records and the guards that it runs behind.
package catalog

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/imagepatcher"
	"github.com/quench-dev/quench/function/jobresults"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/mask"
	"github.com/quench-dev/quench/function/note"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/function/rollback"
)

// Parts are what actions are made of. Each action takes what it needs.
type Parts struct {
	Client   *cluster.Client
	JobsFile string // job-runner's rules
	Rollback config.Rollback
	Images   config.ImagePatcher
	Commands string           // command's file
	Timeout  time.Duration    // of one action, see config.Function
	Masker   *mask.Masker     // what job-results masks in logs, command in output; nil is what is shipped
	Log      zerolog.Logger   // for what an action has to tell while it acts
	Now      func() time.Time // nil is time.Now
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
	jobresults.Name: func(p Parts) (function.Listener, error) {
		masker, err := p.masker()
		if err != nil {
			return nil, err
		}
		return jobresults.New(p.Client, masker), nil
	},
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
	if listen, ok := listeners[name]; ok {
		listener, err := listen(p)
		if err := errors.Join(err, p.Client.Check()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return function.Listening(listener, function.Options{Now: p.Now, Log: log.With().Str("function", name).Logger()}), nil
	}
	p.Timeout, p.Log = time.Duration(c.ApplyTimeout), log.With().Str("function", name).Logger()
	a, err := New(name, p)
	if err != nil {
		return nil, err
	}
	if err := p.Client.Check(); err != nil && !c.DryRun {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	o := function.Options{
		Locks:        &lease.Locker{Client: p.Client, Function: name, Duration: time.Duration(c.LockDuration), Now: p.Now},
		Records:      &record.Remediations{Client: p.Client},
		MaxEventAge:  time.Duration(c.MaxEventAge),
		ApplyTimeout: time.Duration(c.ApplyTimeout),
		RecordTTL:    time.Duration(c.RecordTTL),
		DryRun:       c.DryRun,
		Now:          p.Now,
		Notes:        &note.Events{Client: p.Client},
		Log:          p.Log,
	}
	if c.VerifyKeysFile != "" {
		o.Verify = function.Provenance{Keys: c.VerifyKeysFile}
	}
	if c.PolicyConfigMap != "" || c.PolicyFile != "" {
		o.Policy = &policy.Source{Client: p.Client, ConfigMap: c.PolicyConfigMap, File: c.PolicyFile, Known: Names()}
	}
	if len(c.AlertmanagerURL) > 0 {
		o.Firing = &function.StillFiring{URLs: c.AlertmanagerURL, Client: &http.Client{}}
	}
	return function.New(a, o)
}
