// Command archive keeps the events that are posted to it, and tells them again.
// Its settings are environment variables.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/config/serve"
	"github.com/quench-dev/quench/knative/archive"
)

func main() {
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, "Usage: archive\n\nKeeps the CloudEvents that are posted to it. Environment variables:\n\n")
		config.WriteTable(os.Stderr, config.Archive{})
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
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
	store, err := archive.Open(opening, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	a := archive.New(c, store, log)
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
