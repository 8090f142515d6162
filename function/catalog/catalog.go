// Package catalog says how a function is made of its environment, and puts it
// behind the locks, the records and the guards. It knows no function: each has an
// Entry of its own, so that a program links those that it runs and no other.
package catalog

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/mask"
	"github.com/quench-dev/quench/function/wiring"
)

// Entry is one function.
type Entry struct {
	Name     string
	Settings any // a struct of package config: the variables that are the function's own
	// Make reads the Settings, and the files that they name. It asks nothing of the
	// cluster.
	Make func(Parts) (*function.Function, error)
	// Unbelieving: it takes nothing from an event that it could not ask the cluster
	// for, and so asks nobody for a signature.
	Unbelieving bool
}

// Parts are what functions are made of.
type Parts struct {
	Client *cluster.Client
	Shared config.Function // what all functions read
	Rules  string          // the file of its rules, where that is not the variable's
	Now    func() time.Time
	Log    zerolog.Logger
}

// Acting puts an action behind all guards.
func (p Parts) Acting(a function.Action) (*function.Function, error) {
	return wiring.Function(a, p.Shared, wiring.Parts{Client: p.Client, Known: Names(), Now: p.Now}, p.Log)
}

// Listening puts a listener behind the guards that are for it; o has what it needs
// besides.
func (p Parts) Listening(l function.Listener, o function.Options) (*function.Function, error) {
	if err := p.Client.Check(); err != nil {
		return nil, err
	}
	o.Now, o.Log = p.Now, p.Log
	if p.Shared.VerifyKeysFile != "" {
		o.Verify = function.Provenance{Keys: p.Shared.VerifyKeysFile}
	}
	return function.Listening(l, o), nil
}

// RulesFile is the file of the function's rules, where its variable says file.
func (p Parts) RulesFile(file string) string {
	if p.Rules != "" {
		return p.Rules
	}
	return file
}

// Names are quench's functions that act on alerts, sorted: a policy can speak of
// them, whichever of them a program runs.
func Names() []string { return []string{"command", "image-patcher", "job-runner", "rollback"} }

// New makes the function of this name.
func New(name string, p Parts, entries ...Entry) (*function.Function, error) {
	e, err := find(name, entries)
	if err != nil {
		return nil, err
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	p.Log = p.Log.With().Str("function", name).Logger()
	f, err := e.Make(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

func find(name string, entries []Entry) (Entry, error) {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == name })
	if i >= 0 {
		return entries[i], nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return Entry{}, fmt.Errorf("FUNCTION=%q: want one of %s", name, strings.Join(names, ", "))
}

// FromEnvironment makes the function that the environment describes, which logs
// to w. It asks nothing of the cluster.
func FromEnvironment(w io.Writer, entries ...Entry) (*function.Function, config.Function, error) {
	var c config.Function
	if err := config.Load(&c); err != nil {
		return nil, c, err
	}
	e, err := find(c.Name, entries)
	if err != nil {
		return nil, c, err
	}
	client, err := cluster.Open(c.Kubeconfig, c.Namespace)
	if err != nil {
		return nil, c, err
	}
	log := c.New(w)
	f, err := New(c.Name, Parts{Client: client, Shared: c, Log: log}, e)
	if err == nil && c.VerifyKeysFile == "" && !e.Unbelieving {
		log.Warn().Msg("VERIFY_KEYS_FILE is not set: who sends an event is not checked")
	}
	return f, c, err
}

// Masker is what MASK_PATTERNS and MASK_DEFAULTS say.
func Masker(c config.Mask) (*mask.Masker, error) {
	more, err := mask.Parse(c.MaskPatterns)
	if err != nil {
		return nil, fmt.Errorf("MASK_PATTERNS: %w", err)
	}
	return mask.New(c.MaskDefaults, more...)
}
