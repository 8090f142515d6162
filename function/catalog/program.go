package catalog

import (
	"context"
	"os"
	"time"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/config/program"
	"github.com/quench-dev/quench/config/serve"
	"github.com/quench-dev/quench/function"
)

// Program runs one of these functions, the one that FUNCTION names: it takes
// CloudEvents on PORT and answers with outcome events. Of one function it has the
// name, else it is called function.
func Program(entries ...Entry) program.Program {
	p := program.Program{
		Name: "function", Does: "Runs the function that FUNCTION names: takes CloudEvents and answers with outcome events.",
		Settings: []program.Settings{{Of: "Environment variables of every function", In: config.Function{}}},
		Run:      func(ctx context.Context) error { return run(ctx, entries) },
	}
	if len(entries) == 1 {
		p.Name = entries[0].Name
		p.Does = "Runs " + p.Name + ", with FUNCTION=" + p.Name + ": takes CloudEvents and answers with outcome events."
	}
	for _, e := range entries {
		p.Settings = append(p.Settings, program.Settings{Of: "Of FUNCTION=" + e.Name, In: e.Settings})
	}
	return p
}

func run(ctx context.Context, entries []Entry) error {
	config.CollectSeldom()
	f, c, err := FromEnvironment(os.Stderr, entries...)
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
