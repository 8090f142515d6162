package enricher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/podlog"
)

// What is told of logs.
const (
	mostLogs  = 2
	logLines  = 20
	logBytes  = 4 << 10
	longSince = time.Hour // a run that ended before is no news
)

// logs are the ends of those of the alert's container or, where it names none, of
// the containers that are not well, else of the pod's first. What never ran has none.
func (l *look) logs(ctx context.Context) error {
	reader := podlog.Reader{Client: l.client, Masker: l.o.Masker, Lines: logLines, Bytes: logBytes}
	var errs []error
	for _, c := range l.telling() {
		previous := l.previous(c)
		text, short, err := reader.Tail(ctx, l.pod.Namespace, l.pod.Name, c.Name, previous)
		if err != nil {
			errs = append(errs, fmt.Errorf("container %s: %w", c.Name, err))
			continue
		}
		l.told.Logs = append(l.told.Logs, enriched.Log{Container: c.Name, Previous: previous, Text: text, Truncated: short})
	}
	return errors.Join(errs...)
}

// telling are the containers whose logs are told.
func (l *look) telling() []enriched.Container {
	ran := slices.DeleteFunc(slices.Clone(l.told.Containers), func(c enriched.Container) bool { return c.State == stateWaiting && c.Last == nil })
	named := slices.DeleteFunc(slices.Clone(ran), func(c enriched.Container) bool { return c.Name != l.alert.Labels["container"] })
	if len(named) > 0 {
		return named
	}
	unwell := slices.DeleteFunc(slices.Clone(ran), func(c enriched.Container) bool { return well(c) })
	if len(unwell) > 0 {
		return unwell[:min(len(unwell), mostLogs)]
	}
	ran = slices.DeleteFunc(ran, func(c enriched.Container) bool { return c.Init })
	return ran[:min(len(ran), 1)]
}

// well says whether a container is as it should be: one that ended well is.
func well(c enriched.Container) bool {
	ended := c.State == stateTerminated && *c.ExitCode == 0
	return (c.Ready || ended || c.Init && c.State == stateRunning) && c.Restarts == 0
}

// previous says whether the run before this one tells more: this one has just begun.
// Of a container that waits to be started again the API tells the last run anyway.
func (l *look) previous(c enriched.Container) bool {
	return c.State == stateRunning && c.Last != nil && c.Last.FinishedAt != nil && l.o.Now().Sub(*c.Last.FinishedAt) < longSince
}
