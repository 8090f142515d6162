package jobresults

import (
	"time"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/catalog"
)

// Function is job-results as the environment describes it.
var Function = catalog.Entry{Name: Name, Settings: config.JobResults{}, Unbelieving: true, Make: func(p catalog.Parts) (*function.Function, error) {
	var c config.JobResults
	if err := config.Load(&c); err != nil {
		return nil, err
	}
	masker, err := catalog.Masker(c.Mask)
	if err != nil {
		return nil, err
	}
	return p.Listening(New(p.Client, masker), function.Options{MaxEventAge: time.Duration(p.Shared.MaxEventAge)})
}}
