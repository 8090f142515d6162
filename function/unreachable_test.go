package function_test

import (
	"context"
	"errors"
	"time"

	"github.com/quench-dev/quench/function/record"
)

var errAway = errors.New("API server away")

// unreachable is a store behind a network that is down.
type unreachable struct{}

func (unreachable) Lock(context.Context, string, time.Duration) (context.Context, func(), error) {
	return nil, nil, errAway
}
func (unreachable) Get(context.Context, string) (*record.Record, error) { return nil, errAway }
func (unreachable) Create(context.Context, *record.Record) error        { return errAway }
func (unreachable) Restart(context.Context, *record.Record) error       { return errAway }
func (unreachable) Progress(context.Context, *record.Record) error      { return errAway }
func (unreachable) Find(context.Context, record.Query) ([]*record.Record, error) {
	return nil, errAway
}

func (unreachable) Sweep(context.Context, string, time.Time, int) (int, error) {
	return 0, errAway
}
