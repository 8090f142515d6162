package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// peer is something else that one could take for the adapter's part; peers/install.sh installs it.
type peer struct {
	name, path string // the path that takes webhooks
	file       string // in the folder that it is installed in
	command    func(dir, port string) []string
}

var peers = []peer{
	{"webhook and curl", "hooks/alerts", "webhook", func(dir, port string) []string {
		return []string{filepath.Join(dir, "webhook"), "-hooks", filepath.Join(dir, "hooks.json"), "-ip", "127.0.0.1", "-port", port}
	}},
	{"Node-RED", "alerts", "node_modules/node-red/red.js", func(dir, _ string) []string {
		return []string{"node", filepath.Join(dir, "node_modules/node-red/red.js"), "--userDir", dir, "--settings", filepath.Join(dir, "settings.js")}
	}},
}

// measurePeers has each peer that is installed do the adapter's work, for quench beside it.
func (b *bench) measurePeers(ctx context.Context) error {
	if b.peers == "" {
		return nil
	}
	ours, err := b.adapter(ctx)
	if err != nil {
		return err
	}
	defer ours.end()
	for _, peer := range peers {
		if _, err := os.Stat(filepath.Join(b.peers, peer.file)); errors.Is(err, os.ErrNotExist) {
			continue // install.sh has said why
		}
		p, err := b.startPeer(ctx, peer)
		if err != nil {
			return fmt.Errorf("%s: %w", peer.name, err)
		}
		for _, alerts := range []int{1, 100} {
			var theirs, us []float64
			for range b.rounds {
				for _, one := range []struct {
					url   string
					rates *[]float64
				}{{p.url, &theirs}, {ours.url, &us}} {
					l, _, err := b.one(ctx, "load", one.url, order{atOnce: 16, alerts: alerts, time: b.each})
					if err != nil {
						p.end()
						return fmt.Errorf("%s: %w", peer.name, err)
					}
					*one.rates = append(*one.rates, float64(l.Requests*alerts)/l.Seconds)
				}
			}
			b.add(figure{Name: fmt.Sprintf("delivered, webhooks of %d", alerts), Value: median(us), Unit: "/s", Floor: median(theirs), Of: peer.name})
		}
		p.end()
	}
	return nil
}

// startPeer starts one, and waits until it takes webhooks.
func (b *bench) startPeer(ctx context.Context, peer peer) (*process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	command := peer.command(b.peers, port)
	p := &process{url: "http://" + address + "/" + peer.path, cmd: exec.CommandContext(ctx, command[0], command[1:]...)}
	p.cmd.Env = append(os.Environ(), "PORT="+port, "SINK="+b.sink.url)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	prober := &http.Client{Timeout: 5 * time.Second}
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, strings.NewReader(`{"alerts": []}`))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := prober.Do(r)
		if err != nil {
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return p, nil
		}
	}
	p.end()
	return nil, fmt.Errorf("it takes no webhooks: %s", &p.log)
}
