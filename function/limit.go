package function

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
)

// functionKey is locked while a function's actions are counted, until the next
// is recorded, so that pods side by side do not overrun a limit.
const functionKey = "function"

// sample is how many records the breaker looks at, at least: of a function that
// does more than this it sees some of the last hour's, and that most of them fail.
const sample = 100

// cooling skips what was acted on too short a time ago, whatever alert asks now.
func (at *attempt) cooling(others []*record.Record) error {
	coolDown := at.req.rules.CoolDown
	if coolDown <= 0 || at.req.Resolved() {
		return nil
	}
	var last time.Time
	for _, r := range others {
		if r.Done() && r.FinishedAt.After(last) {
			last = r.FinishedAt
		}
	}
	ready := last.Add(coolDown)
	if last.IsZero() || !at.f.o.Now().Before(ready) {
		return nil
	}
	return Skip(ReasonCoolingDown, "acted on at %s, and left alone until %s (the policy's coolDown is %s)",
		last.UTC().Format(time.RFC3339), ready.UTC().Format(time.RFC3339), coolDown)
}

// limited counts the function's actions where the policy sets a limit, and keeps
// its lock until counted is called.
func (at *attempt) limited(ctx context.Context) error {
	rules := at.req.rules
	if at.req.Resolved() || rules.MaxPerHour == 0 && rules.MaxAtOnce == 0 && rules.Breaker.Failures == 0 {
		return nil
	}
	if rules.MaxPerHour > 0 || rules.MaxAtOnce > 0 {
		held, release, err := at.f.o.Locks.Lock(ctx, functionKey, at.f.o.LockWait)
		if err != nil {
			return Retry(err)
		}
		at.held, at.counting = append(at.held, held), release
	}
	now := at.f.o.Now()
	recent, err := at.f.o.Records.Find(ctx, record.Query{
		Function: at.f.name(), Since: now.Add(-max(time.Hour, rules.Breaker.Pause)), Until: now,
		Most: max(sample, 4*rules.MaxPerHour), // some of them began more than an hour ago, or are retried
	})
	if err != nil {
		return Retry(err)
	}
	own := at.recordName(at.req.EventID)
	recent = slices.DeleteFunc(recent, func(r *record.Record) bool {
		return r.Phase == record.Resolved || r.Name == own && !r.Done()
	})
	return at.within(rules, recent, now)
}

func (at *attempt) within(rules policy.Rules, recent []*record.Record, now time.Time) error {
	if open := openUntil(rules.Breaker, recent); now.Before(open) {
		return Skip(ReasonBreakerOpen, "the last %d actions of %s failed; nothing is tried before %s",
			rules.Breaker.Failures, at.f.name(), open.UTC().Format(time.RFC3339))
	}
	hour, running := 0, 0
	for _, r := range recent {
		if now.Sub(r.StartedAt) < time.Hour {
			hour++
		}
		if r.Phase == record.Running && now.Sub(r.StartedAt) < max(cutOffAfter, at.f.o.ApplyTimeout) {
			running++
		}
	}
	if rules.MaxPerHour > 0 && hour >= rules.MaxPerHour {
		return Skip(ReasonHourlyLimit, "%d actions of %s began within the last hour, and the policy's maxPerHour is %d",
			hour, at.f.name(), rules.MaxPerHour)
	}
	if rules.MaxAtOnce > 0 && running >= rules.MaxAtOnce {
		return Retry(fmt.Errorf("%d actions of %s are under way, and the policy's maxAtOnce is %d", running, at.f.name(), rules.MaxAtOnce))
	}
	return nil
}

// openUntil is when the breaker lets the next action through: its pause after the
// last failure, if the last actions all failed.
func openUntil(b policy.Breaker, recent []*record.Record) time.Time {
	if b.Failures == 0 {
		return time.Time{}
	}
	done := slices.DeleteFunc(slices.Clone(recent), func(r *record.Record) bool { return !r.Done() })
	slices.SortFunc(done, func(a, b *record.Record) int { return b.FinishedAt.Compare(a.FinishedAt) })
	if len(done) < b.Failures {
		return time.Time{}
	}
	for _, r := range done[:b.Failures] {
		if r.Outcome != string(Failed) {
			return time.Time{}
		}
	}
	return done[0].FinishedAt.Add(b.Pause)
}

// counted lets others count: what was counted for is recorded, or not done.
func (at *attempt) counted() {
	if at.counting != nil {
		at.counting()
		at.held = at.held[:len(at.held)-1]
		at.counting = nil
	}
}
