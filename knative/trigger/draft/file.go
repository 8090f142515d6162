package draft

import (
	"fmt"
	"maps"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/function/rulefile"
)

// Read takes the rules of a file: Bailer's or job-runner's (bailers:, jobs:), or prometheus-am-executor's (commands:),
// whose commands run for whole notifications. It fills in Function, if there is none, Rules, Firing and Groups.
func (o *Options) Read(path string) error {
	text, err := rulefile.Read(path, "rules")
	if err != nil {
		return err
	}
	var sections map[string]any
	if err := yaml.Unmarshal(text, &sections); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if _, ok := sections["commands"]; ok {
		return o.commands(path, text)
	}
	return o.jobs(path, text)
}

func (o *Options) jobs(path string, text []byte) error {
	rules, err := jobrunner.Parse(path, text)
	if err != nil {
		return err
	}
	for _, r := range rules {
		rule := Rule{Alerts: []string{r.Alert}}
		for _, label := range slices.Sorted(maps.Keys(r.Labels)) {
			rule.Matchers = append(rule.Matchers, Matcher{Label: label, Pattern: true, Value: r.Labels[label].String(), Unanchored: true})
		}
		o.Rules = append(o.Rules, rule)
	}
	if o.SubscriberURI == "" {
		o.Function = or(o.Function, jobrunner.Name)
	}
	return nil
}

func (o *Options) commands(path string, text []byte) error {
	file, err := command.Parse(path, text)
	if err != nil {
		return err
	}
	if len(file.Rules) == 0 {
		return fmt.Errorf("%s: no commands", path)
	}
	o.Groups, o.Firing = true, true
	for _, r := range file.Rules {
		rule := Rule{}
		if r.Alert != "" {
			rule.Alerts = []string{r.Alert}
		}
		for _, label := range slices.Sorted(maps.Keys(r.Labels)) {
			rule.Matchers = append(rule.Matchers, Matcher{Label: label, Value: r.Labels[label]})
		}
		o.Rules = append(o.Rules, rule)
		o.Firing = o.Firing && r.IgnoreResolved
	}
	if o.SubscriberURI == "" {
		o.Function = or(o.Function, command.Name)
	}
	return nil
}
