package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // an image from scratch has no time zones of its own

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/robfig/cron/v3"
	"sigs.k8s.io/yaml"
)

// MaxBytes bounds a policy.
const MaxBytes = 1 << 20

// maxWindow bounds a window, so that looking for its begin ends soon.
const maxWindow = 7 * 24 * time.Hour

type alertMatchers struct {
	text string
	labels.Matchers
}

// Parse reads a policy's YAML; name is what errors call it. known are quench's
// own functions; a rule about one that is neither of them nor named by the policy
// is an error. With nil any name will do. Errors name the field and say what would
// be right; all of them are told at once.
func Parse(name string, text []byte, known []string) (*Policy, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("%s: larger than 1 MiB", name)
	}
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var f file
	d := json.NewDecoder(bytes.NewReader(asJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, plain(err))
	}
	c := &check{}
	p := &Policy{paused: f.Paused, reason: f.Reason, dryRun: f.DryRun, own: f.Own, functions: map[string]Rules{}}
	p.defaults = c.rules("defaults", f.Defaults)
	for i, own := range f.Own {
		c.that(own != "" && !slices.Contains(known, own), fmt.Sprintf("ownFunctions[%d]", i), "got %q, want the name of a function of your own", own)
	}
	for _, function := range slices.Sorted(maps.Keys(f.Functions)) {
		at := "functions." + function
		c.that(known == nil || slices.Contains(known, function) || slices.Contains(f.Own, function), at,
			"no such function; want one of %s, or one that ownFunctions names", strings.Join(known, ", "))
		p.functions[function] = c.rules(at, f.Defaults.overlaid(f.Functions[function]))
	}
	if err := errors.Join(c.errs...); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// overlaid is r with every field that over gives.
func (r rules) overlaid(over rules) rules {
	to, from := reflect.ValueOf(&r).Elem(), reflect.ValueOf(over)
	for i := range to.NumField() {
		if !from.Field(i).IsNil() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return r
}

// check collects what is wrong.
type check struct{ errs []error }

func (c *check) that(ok bool, field, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
}

func (c *check) rules(at string, r rules) Rules {
	out := Rules{
		Enabled: value(r.Enabled, true), Mode: Mode(value(r.Mode, string(Act))),
		ApproveWithin: c.duration(at+".approveWithin", value(r.ApproveWithin, "1h")),
		CoolDown:      c.duration(at+".coolDown", value(r.CoolDown, "0s")),
		MaxPerHour:    c.count(at+".maxPerHour", r.MaxPerHour), MaxAtOnce: c.count(at+".maxAtOnce", r.MaxAtOnce),
		allowed: c.globs(at+".namespaces", r.Namespaces), protected: alwaysProtected(),
		managed: map[string]bool{"gitops": value(r.ChangeGitOps, false), "controller": value(r.ChangeControllers, false)},
		windows: c.periods(at+".maintenanceWindows", r.Windows), freezes: c.periods(at+".freezeWindows", r.Freezes),
	}
	c.that(out.Mode == Act || out.Mode == Propose || out.Mode == DryRun, at+".mode", "got %q, want act, propose or dry-run", out.Mode)
	if r.Protected != nil {
		out.protected = c.globs(at+".protectedNamespaces", r.Protected)
	}
	if r.Breaker != nil {
		out.Breaker = Breaker{
			Failures: c.count(at+".breaker.failures", r.Breaker.Failures),
			Pause:    c.duration(at+".breaker.pause", value(r.Breaker.Pause, "30m")),
		}
	}
	for i, text := range r.Alerts {
		m, err := parse.Matchers(text)
		c.that(err == nil && len(m) > 0, fmt.Sprintf("%s.alerts[%d]", at, i),
			`got %q: %v; want Alertmanager's matchers, such as alertname="KubePodCrashLooping",namespace=~"shop-.+"`, text, err)
		out.alerts = append(out.alerts, alertMatchers{text, m})
	}
	return out
}

func value[T any](given *T, otherwise T) T {
	if given == nil {
		return otherwise
	}
	return *given
}

func (c *check) duration(field, text string) time.Duration {
	d, err := time.ParseDuration(text)
	c.that(err == nil && d >= 0, field, "got %q, want a duration such as 10m", text)
	return d
}

func (c *check) count(field string, n *int) int {
	c.that(n == nil || *n >= 0, field, "got %d, want a whole number of at least 0", value(n, 0))
	return value(n, 0)
}

func (c *check) globs(field string, globs []string) []string {
	for i, g := range globs {
		_, err := path.Match(g, "")
		c.that(err == nil && g != "" && !strings.Contains(g, "/"), fmt.Sprintf("%s[%d]", field, i), "got %q, want a namespace or a glob such as shop-*", g)
	}
	return globs
}

func (c *check) periods(field string, periods []period) []window {
	var all []window
	for i, p := range periods {
		at := fmt.Sprintf("%s[%d]", field, i)
		schedule, err := cron.ParseStandard(p.Schedule)
		c.that(err == nil && !strings.Contains(p.Schedule, "TZ=") && !strings.HasPrefix(p.Schedule, "@every"), at+".schedule",
			"got %q, want five fields as cron has them, such as 0 22 * * 1-5 (%v)", p.Schedule, err)
		d, err := time.ParseDuration(p.Duration)
		c.that(err == nil && d > 0 && d <= maxWindow, at+".duration", "got %q, want a duration of at most 168h such as 8h", p.Duration)
		zone, err := time.LoadLocation(p.TimeZone)
		c.that(err == nil && p.TimeZone != "Local", at+".timeZone", "got %q, want a time zone such as Europe/Berlin", p.TimeZone)
		all = append(all, window{text: p.Schedule + " for " + p.Duration, schedule: schedule, duration: d, zone: zone})
	}
	return all
}

// plain says what encoding/json found wrong without its Go types.
func plain(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s: got a %s, want %s", wrong.Field, wrong.Value, wantOf(wrong.Field))
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("there is no field %s; quench policy explain lists them", field)
	}
	return err
}
