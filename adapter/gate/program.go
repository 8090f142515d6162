package gate

import (
	"context"
	"net"
	"os"
	"time"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/config/program"
	"github.com/quench-dev/quench/config/serve"
)

// Program is the gate as a process of its own.
func Program() program.Program {
	return program.Program{
		Name: "gate", Does: "Answers a readiness probe: not ready while alerts fire.",
		Settings: program.Variables(config.Gate{}), Run: run,
	}
}

func run(ctx context.Context) error {
	cfg, err := config.LoadGate()
	if err != nil {
		return err
	}
	log := cfg.New(os.Stderr)
	g, err := New(cfg, log)
	if err != nil {
		return err
	}
	s, err := serve.Listen(serve.Options{
		Addr: net.JoinHostPort("", cfg.Port.String()), Handler: g.Handler(), OwnProbes: true, Log: log,
		DrainTimeout: time.Duration(cfg.APITimeout) + time.Second, // a probe under way is answered by then
	})
	if err != nil {
		return err
	}
	log.Info().Str("addr", s.Addr().String()).Strs("asks", g.Asked()).Msg("listening")
	return s.Run(ctx)
}
