// Package wiring puts an action behind the locks, the records and the guards that
// the environment describes: the same for quench's functions and for functions of
// one's own.
package wiring

import (
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/note"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
)

// Parts are what is wired to an action.
type Parts struct {
	Client *cluster.Client
	Known  []string         // the functions that a policy may speak of; nil: any
	Now    func() time.Time // nil is time.Now
}

// Function puts an action behind the shared guards, with its locks and records in
// the client's namespace. Nothing is asked of the cluster. Only a dry run does
// without one.
func Function(a function.Action, c config.Function, p Parts, log zerolog.Logger) (*function.Function, error) {
	if err := p.Client.Check(); err != nil && !c.DryRun {
		return nil, err
	}
	o := function.Options{
		Locks:        &lease.Locker{Client: p.Client, Function: a.Name(), Duration: time.Duration(c.LockDuration), Now: p.Now},
		Records:      &record.Remediations{Client: p.Client},
		MaxEventAge:  time.Duration(c.MaxEventAge),
		ApplyTimeout: time.Duration(c.ApplyTimeout),
		RecordTTL:    time.Duration(c.RecordTTL),
		DryRun:       c.DryRun,
		Now:          p.Now,
		Notes:        &note.Events{Client: p.Client},
		Log:          log,
	}
	if c.VerifyKeysFile != "" {
		o.Verify = function.Provenance{Keys: c.VerifyKeysFile}
	}
	if c.PolicyConfigMap != "" || c.PolicyFile != "" {
		o.Policy = &policy.Source{Client: p.Client, ConfigMap: c.PolicyConfigMap, File: c.PolicyFile, Known: p.Known}
	}
	if len(c.AlertmanagerURL) > 0 {
		o.Firing = &function.StillFiring{URLs: c.AlertmanagerURL, Client: &http.Client{}}
	}
	return function.New(a, o)
}
