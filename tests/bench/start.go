package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// kubeconfig is of a cluster that is not there: what starts asks it nothing.
const kubeconfig = `{apiVersion: v1, kind: Config, current-context: none, clusters: [{name: none, cluster: {server: "http://127.0.0.1:1"}}],
contexts: [{name: none, context: {cluster: none}}]}`

// started is a program whose start is measured.
type started struct {
	name  string // of its file
	how   string // it is started, where that is not as in a pod
	env   []string
	bound float64 // of the time over hello's; 0: none
}

// start measures programs from exec to ready, in turns. Functions run in pods, so they find what is in one: a service
// account, and no kubeconfig. Without the rights to arrange for that there is the kubeconfig alone.
func (b *bench) start(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "kubeconfig")
	if err := os.WriteFile(file, []byte(kubeconfig), 0o600); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { // it has a thread of its own, which ends with it
		programs := []started{
			{name: "hello"},
			{name: "adapter", env: []string{"K_SINK=" + b.sink.url}, bound: 2},
			{name: "function", how: ", with a kubeconfig", env: []string{"FUNCTION=rollback", "KUBECONFIG=" + file}},
		}
		if pod, err := inPod(); err == nil {
			programs = append(programs, started{name: "function", env: append(pod, "FUNCTION=rollback"), bound: 2})
		} else {
			fmt.Fprintln(os.Stderr, "functions are not started as in a pod:", err)
		}
		done <- b.starts(ctx, programs)
	}()
	return <-done
}

func (b *bench) starts(ctx context.Context, programs []started) error {
	took, resident := make([][]float64, len(programs)), make([][]float64, len(programs))
	for range 15 * b.rounds {
		for i, of := range programs {
			p, ready, err := program(ctx, filepath.Join(b.bin, of.name), of.env...)
			if err != nil {
				return err
			}
			memory, err := p.memory("VmRSS")
			p.end()
			if err != nil {
				return err
			}
			took[i], resident[i] = append(took[i], 1e3*ready.Seconds()), append(resident[i], memory)
		}
	}
	for i, of := range programs[1:] {
		name := of.name + of.how
		b.add(figure{Name: name + ": exec to ready", Value: median(took[i+1]), Unit: "ms", Floor: median(took[0]), Of: "hello", Bound: of.bound})
		if of.bound == 0 {
			continue
		}
		info, err := os.Stat(filepath.Join(b.bin, of.name))
		if err != nil {
			return err
		}
		b.add(
			figure{Name: name + ": size", Value: float64(info.Size()) / 1e6, Unit: "MB", Bound: 20},
			figure{Name: name + ": memory, just ready", Value: median(resident[i+1]), Unit: "MB", Bound: 15},
		)
	}
	return nil
}
