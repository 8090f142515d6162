package jobrunner

import (
	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/catalog"
)

// Function is job-runner as the environment describes it.
var Function = catalog.Entry{Name: Name, Settings: config.JobRunner{}, Make: func(p catalog.Parts) (*function.Function, error) {
	var c config.JobRunner
	if err := config.Load(&c); err != nil {
		return nil, err
	}
	rules, err := Load(p.RulesFile(c.ConfigFile))
	if err != nil {
		return nil, err
	}
	return p.Acting(New(rules, p.Client, p.Now))
}}
