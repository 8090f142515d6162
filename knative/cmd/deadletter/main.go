// Command deadletter takes the events that no function took, and logs them. Its
// settings are environment variables.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/config/serve"
	"github.com/quench-dev/quench/knative/deadletter"
)

func main() {
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, "Usage: deadletter\n\nLogs the CloudEvents that are posted to it. Environment variables:\n\n")
		config.WriteTable(os.Stderr, config.DeadLetter{})
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "deadletter:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var c config.DeadLetter
	if err := config.Load(&c); err != nil {
		return err
	}
	log := c.New(os.Stderr)
	s, err := serve.Listen(serve.Options{
		Addr:         ":" + c.Port.String(),
		Handler:      deadletter.New(c, log).Handler(),
		DrainQuiet:   time.Duration(c.DrainQuiet),
		DrainTimeout: time.Duration(c.DrainTimeout),
		Log:          log,
	})
	if err != nil {
		return err
	}
	log.Info().Str("addr", s.Addr().String()).Msg("listening")
	return s.Run(ctx)
}
