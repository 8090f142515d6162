package catalog

import (
	"fmt"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/command"
)

// toEnd is what a command may take less than an action, so that its end is told.
const toEnd = 5 * time.Second

// runCommands makes command of its file.
func runCommands(p Parts) (function.Action, error) {
	c, err := command.Load(p.Commands)
	if err != nil {
		return nil, err
	}
	if len(c.Rules) == 0 {
		return nil, fmt.Errorf("%s: commands: missing; want a list of commands", p.Commands)
	}
	whole := time.Duration(p.shared.ApplyTimeout)
	timeout := max(whole-toEnd, whole/2)
	return command.New(c.Rules, command.Options{Timeout: timeout, Masker: p.Masker, Log: p.log}), nil
}
