package catalog

import (
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/notifier"
	"github.com/quench-dev/quench/function/record"
)

// notify makes notifier of its receivers.
func notify(p Parts) (function.Listener, error) {
	receivers, err := notifier.Load(p.Notifier.File)
	if err != nil {
		return nil, err
	}
	return notifier.New(receivers, notifier.Options{
		Locks:   &lease.Locker{Client: p.Client, Function: notifier.Name, Duration: time.Duration(p.shared.LockDuration), Now: p.Now},
		Records: &record.Remediations{Client: p.Client},
		Timeout: time.Duration(p.Notifier.Timeout), DryRun: p.shared.DryRun, Now: p.Now, Log: p.log,
	}), nil
}

// remembering is what a listener needs that keeps records. An alert's age is no
// reason not to tell it: what comes late says when it began.
func remembering(o *function.Options, p Parts) {
	o.MaxEventAge = 0
	o.Records, o.RecordTTL = &record.Remediations{Client: p.Client}, time.Duration(p.shared.RecordTTL)
	if p.shared.VerifyKeysFile != "" {
		o.Verify = function.Provenance{Keys: p.shared.VerifyKeysFile}
	}
}
