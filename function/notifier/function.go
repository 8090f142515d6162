package notifier

import (
	"time"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/record"
)

// Function is notifier as the environment describes it. An alert's age is no
// reason not to tell it: what comes late says when it began.
var Function = catalog.Entry{Name: Name, Settings: config.Notifier{}, Make: func(p catalog.Parts) (*function.Function, error) {
	var c config.Notifier
	if err := config.Load(&c); err != nil {
		return nil, err
	}
	receivers, err := Load(c.File)
	if err != nil {
		return nil, err
	}
	records := &record.Remediations{Client: p.Client}
	return p.Listening(New(receivers, Options{
		Locks:   &lease.Locker{Client: p.Client, Function: Name, Duration: time.Duration(p.Shared.LockDuration), Now: p.Now},
		Records: records, Timeout: time.Duration(c.Timeout), DryRun: p.Shared.DryRun, Now: p.Now, Log: p.Log,
	}), function.Options{Records: records, RecordTTL: time.Duration(p.Shared.RecordTTL)})
}}
