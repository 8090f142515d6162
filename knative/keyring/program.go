package keyring

import (
	"context"
	"fmt"
	"os"

	"github.com/quench-dev/quench/config/program"
	"github.com/quench-dev/quench/function/cluster"
)

// Program makes keys where there are none, in the namespace of its pod, and ends.
func Program() program.Program {
	return program.Program{
		Name: "keys", Does: "Makes the keys that events are signed with, where there are none, and ends (quench keys does more).",
		Run: func(ctx context.Context) error {
			client, err := cluster.Open(os.Getenv("KUBECONFIG"), "")
			if err != nil {
				return err
			}
			if err := client.Check(); err != nil {
				return err
			}
			r := Ring{Client: client, Say: func(line string) { fmt.Println(line) }}
			return r.Ensure(ctx)
		},
	}
}
