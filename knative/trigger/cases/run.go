package cases

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quench-dev/quench/knative/trigger"
)

// Report is what became of the cases of one or more files.
type Report struct {
	Results []Result `json:"tests"`
	// Triggers is how many there are, Unreached are those that caught no event of any case.
	Triggers  int         `json:"triggers"`
	Unreached []Unreached `json:"unreached"`
}

// Result is what became of one case.
type Result struct {
	Name     string    `json:"name"`
	Where    string    `json:"where"` // file:line
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is a Trigger that does to an event what it should not.
type Problem struct {
	Trigger string               `json:"trigger"`
	Where   string               `json:"where"` // the Trigger's file:line
	Event   string               `json:"event"`
	Says    string               `json:"says"` // a sentence
	Why     *trigger.Explanation `json:"why"`
}

// Unreached is a Trigger that no case reaches.
type Unreached struct {
	Trigger string `json:"trigger"`
	Where   string `json:"where"`
}

// Failed counts the cases that did not go as they should.
func (r *Report) Failed() (n int) {
	for _, result := range r.Results {
		if len(result.Problems) > 0 {
			n++
		}
	}
	return n
}

// Covered is how many of a hundred Triggers some case reaches; 100 where there are none.
func (r *Report) Covered() float64 {
	if r.Triggers == 0 {
		return 100
	}
	return 100 * float64(r.Triggers-len(r.Unreached)) / float64(r.Triggers)
}

// Runner runs cases against Triggers, and keeps which of them were reached.
type Runner struct {
	triggers []*trigger.Trigger
	reached  map[string]bool
	results  []Result
}

// NewRunner takes the Triggers that are tested.
func NewRunner(triggers []*trigger.Trigger) *Runner {
	return &Runner{triggers: triggers, reached: map[string]bool{}}
}

// Run runs the cases of a file. An error is a case that cannot be run: a Trigger that is not there, an alert that is none.
func (r *Runner) Run(ctx context.Context, f *File) error {
	var errs []error
	for i := range f.Tests {
		c := &f.Tests[i]
		result, err := r.one(ctx, f, c)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %q: %w", f.where(c), c.Name, err))
			continue
		}
		r.results = append(r.results, result)
	}
	return errors.Join(errs...)
}

// Report sums up what was run.
func (r *Runner) Report() *Report {
	report := &Report{Results: r.results, Triggers: len(r.triggers), Unreached: []Unreached{}}
	for _, t := range r.triggers {
		if !r.reached[t.ID()] {
			report.Unreached = append(report.Unreached, Unreached{Trigger: t.ID(), Where: t.Where()})
		}
	}
	return report
}

func (r *Runner) one(ctx context.Context, f *File, c *Case) (Result, error) {
	result := Result{Name: c.Name, Where: f.where(c)}
	want, err := r.wanted(c)
	if err != nil {
		return result, err
	}
	samples, err := f.samples(c)
	if err != nil {
		return result, err
	}
	for _, sample := range samples {
		delivered := trigger.AsDelivered(sample.Event)
		for _, t := range r.triggers {
			matched, problem := t.Filter.MatchDelivered(ctx, delivered)
			if matched {
				r.reached[t.ID()] = true
			}
			var says string
			switch fires, named := want[t.ID()]; {
			case problem != nil && named:
				says = "fails on this event, and delivers nothing"
			case !named || fires == matched:
				continue
			case matched:
				says = "fires, and should not"
			default:
				says = "does not fire, and should"
			}
			result.Problems = append(result.Problems, Problem{
				Trigger: t.ID(), Where: t.Where(), Event: sample.Name, Says: says, Why: t.Filter.Explain(ctx, sample.Event),
			})
		}
	}
	return result, nil
}

// samples are the events of a case.
func (f *File) samples(c *Case) ([]Sample, error) {
	var samples []Sample
	var err error
	switch {
	case c.Payload != "":
		samples, err = f.Adapter.ReadPayload(f.beside(c.Payload), nil)
	case c.Alert != nil:
		samples, err = f.Adapter.Event(*c.Alert)
	default:
		var one Sample
		one, err = Attributes(c.Event)
		samples = []Sample{one}
	}
	if err == nil && len(samples) == 0 {
		err = errors.New("the payload has no alert")
	}
	return samples, err
}

// wanted says of each Trigger that a case is about whether it must fire.
func (r *Runner) wanted(c *Case) (map[string]bool, error) {
	want := map[string]bool{}
	fire := c.Fire
	if c.Only != nil {
		fire = *c.Only
		for _, t := range r.triggers {
			want[t.ID()] = false
		}
	}
	for _, name := range c.Not {
		t, err := Find(r.triggers, name)
		if err != nil {
			return nil, fmt.Errorf("not: %w", err)
		}
		want[t.ID()] = false
	}
	for _, name := range fire {
		t, err := Find(r.triggers, name)
		if err != nil {
			return nil, fmt.Errorf("fire: %w", err)
		}
		if slices.Contains(c.Not, name) {
			return nil, fmt.Errorf("%s is in fire and in not", name)
		}
		want[t.ID()] = true
	}
	return want, nil
}

// Find is the Trigger of a name, which is namespace/name, or the name alone where only one has it.
func Find(triggers []*trigger.Trigger, name string) (*trigger.Trigger, error) {
	var found []*trigger.Trigger
	var known []string
	for _, t := range triggers {
		if t.ID() == name || t.Name == name {
			found = append(found, t)
		}
		known = append(known, t.ID())
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("there is no Trigger %s; want one of %s", name, some(known))
	default:
		return nil, fmt.Errorf("there are several Triggers %s: %s; name the namespace, too", name, some(known))
	}
}

// some lists names, but not too many.
func some(names []string) string {
	const most = 20
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d others", len(names)-most)
	}
	return strings.Join(names, ", ")
}
