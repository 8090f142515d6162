package archive

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/config/program"
	"github.com/quench-dev/quench/config/serve"
)

// Program is the archive as a process of its own.
func Program() program.Program {
	return program.Program{
		Name: "archive", Does: "Keeps the CloudEvents that are posted to it, and tells them again.",
		Settings: program.Variables(config.Archive{}), Run: run,
	}
}

func run(ctx context.Context) (err error) {
	var c config.Archive
	if err := config.Load(&c); err != nil {
		return err
	}
	log := c.New(os.Stderr)
	opening, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	store, err := Open(opening, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	a := New(c, store, log)
	s, err := serve.Listen(serve.Options{
		Addr:         ":" + c.Port.String(),
		Handler:      a.Handler(),
		Ready:        a.Ready,
		DrainQuiet:   time.Duration(c.DrainQuiet),
		DrainTimeout: time.Duration(c.DrainTimeout),
		Log:          log,
	})
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	var sweeping sync.WaitGroup
	sweeping.Go(func() { a.Run(ctx) })
	defer func() { end(); sweeping.Wait() }()
	log.Info().Str("addr", s.Addr().String()).Msg("listening")
	return s.Run(ctx)
}
