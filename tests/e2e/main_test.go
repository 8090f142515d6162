//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// installLimit bounds what is installed before the first test.
const installLimit = 5 * time.Minute

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if err := connect(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), installLimit)
	defer cancel()
	code := 1
	if err := world.Install(ctx, teller()); err != nil {
		fmt.Fprintf(os.Stderr, "install quench on the cluster: %v\n", err)
	} else {
		code = m.Run()
	}
	if code != 0 {
		folder, err := dump(context.Background())
		fmt.Fprintf(os.Stderr, "what every part logged is in %s (%v)\n", folder, err)
	}
	return code
}

// teller tells what is done, and when.
func teller() func(line string) {
	started := time.Now()
	return func(line string) { fmt.Printf("%5.1fs  %s\n", time.Since(started).Seconds(), line) }
}
