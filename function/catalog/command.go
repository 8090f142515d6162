package catalog

import (
	"fmt"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/mask"
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
	masker, err := p.masker()
	if err != nil {
		return nil, err
	}
	timeout := max(p.Timeout-toEnd, p.Timeout/2)
	return command.New(c.Rules, command.Options{Timeout: timeout, Masker: masker, Log: p.Log}), nil
}

// masker is the one that is given, or what is shipped.
func (p Parts) masker() (*mask.Masker, error) {
	if p.Masker != nil {
		return p.Masker, nil
	}
	return mask.New(true)
}
