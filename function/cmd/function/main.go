// Command function runs the function that FUNCTION names: it takes CloudEvents
// on PORT and answers with outcome events.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/quench-dev/quench/config/serve"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/catalog"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "function:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	f, c, err := catalog.FromEnvironment(os.Stderr)
	if err != nil {
		return err
	}
	s, err := serve.Listen(serve.Options{
		Addr:         ":" + c.Port.String(),
		Handler:      function.Handler(f, int64(c.MaxBodyBytes)),
		Ready:        func() error { _, broken := f.Ready(ctx); return broken },
		DrainQuiet:   time.Duration(c.DrainQuiet),
		DrainTimeout: time.Duration(c.DrainTimeout),
		Log:          c.New(os.Stderr),
	})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, f.Drain)
	err = s.Run(ctx)
	stopping, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = f.Stop(stopping) //nolint:contextcheck // ctx is over; what runs in the background may be left undone
	return err
}
