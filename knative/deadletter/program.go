package deadletter

import (
	"context"
	"os"
	"time"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/config/program"
	"github.com/quench-dev/quench/config/serve"
)

// Program is the dead-letter sink as a process of its own.
func Program() program.Program {
	return program.Program{
		Name: "deadletter", Does: "Logs the CloudEvents that are posted to it.",
		Settings: program.Variables(config.DeadLetter{}), Run: run,
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
		Handler:      New(c, log).Handler(),
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
