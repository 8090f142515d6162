package command

import (
	"fmt"
	"time"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/catalog"
)

// toEnd is what a command may take less than an action, so that its end is told.
const toEnd = 5 * time.Second

// Function is command as the environment describes it.
var Function = catalog.Entry{Name: Name, Settings: config.Command{}, Make: func(p catalog.Parts) (*function.Function, error) {
	var c config.Command
	if err := config.Load(&c); err != nil {
		return nil, err
	}
	masker, err := catalog.Masker(c.Mask)
	if err != nil {
		return nil, err
	}
	file := p.RulesFile(c.ConfigFile)
	commands, err := Load(file)
	if err != nil {
		return nil, err
	}
	if len(commands.Rules) == 0 {
		return nil, fmt.Errorf("%s: commands: missing; want a list of commands", file)
	}
	whole := time.Duration(p.Shared.ApplyTimeout)
	return p.Acting(New(commands.Rules, Options{Timeout: max(whole-toEnd, whole/2), Masker: masker, Log: p.Log}))
}}
