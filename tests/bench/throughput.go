package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/quench-dev/quench/adapter/alert"
)

// signingKey is a file with a key to sign events with. The adapter wants it for as long as it runs.
func signingKey() (string, error) {
	key, err := alert.NewSigningKey()
	if err != nil {
		return "", err
	}
	text, err := key.PEM()
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp("", "bench-*.pem")
	if err != nil {
		return "", err
	}
	_, err = file.Write(text)
	return file.Name(), errors.Join(err, file.Close())
}

func (b *bench) throughput(ctx context.Context) error {
	ours, err := b.adapter(ctx)
	if err != nil {
		return err
	}
	defer ours.end()
	theirs, err := serve(ctx, "reference", b.sink.url)
	if err != nil {
		return err
	}
	defer theirs.end()
	key, err := signingKey()
	if err != nil {
		return err
	}
	defer os.Remove(key)
	signing, err := b.adapter(ctx, "SIGNING_KEY_FILE="+key)
	if err != nil {
		return err
	}
	defer signing.end()
	// A measure is events a second, and processor seconds an event of whoever sends them.
	type measure struct{ rate, cpu []float64 }
	got := map[string]*measure{}
	note := func(name string, rate, cpu float64) {
		if got[name] == nil {
			got[name] = &measure{}
		}
		got[name].rate, got[name].cpu = append(got[name].rate, rate), append(got[name].cpu, cpu)
	}
	floors := []struct {
		role   string
		atOnce int
	}{{"post", 8}, {"post", 16}, {"post", 64}, {"sdk-post", 16}, {"sdk-post", 64}}
	sizes := []struct{ alerts, atOnce int }{{1, 16}, {1, 64}, {10, 16}, {100, 4}, {100, 16}, {1000, 1}, {1000, 4}}
	adapters := map[string]*process{"adapter": ours, "reference": theirs, "signing": signing}
	for range b.rounds {
		for _, f := range floors {
			l, cpu, err := b.one(ctx, f.role, b.sink.url, order{atOnce: f.atOnce, time: b.each})
			if err != nil {
				return err
			}
			note(fmt.Sprint(f.role, " ", f.atOnce), float64(l.Requests)/l.Seconds, cpu/float64(l.Requests))
		}
		for _, s := range sizes {
			for name, p := range adapters {
				if name == "signing" && s.alerts != 100 {
					continue
				}
				before, err := p.cpu()
				if err != nil {
					return err
				}
				l, _, err := b.one(ctx, "load", p.url, order{atOnce: s.atOnce, alerts: s.alerts, time: b.each})
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				after, err := p.cpu()
				if err != nil {
					return err
				}
				events := float64(l.Requests * s.alerts)
				note(fmt.Sprint(name, " ", s.alerts, " ", s.atOnce), events/l.Seconds, (after-before)/events)
			}
		}
	}
	// best is the concurrency at which most is delivered.
	best := func(name string, atOnce ...int) (rate, cpu float64) {
		for _, n := range atOnce {
			m := got[fmt.Sprint(name, " ", n)]
			if r := median(m.rate); r > rate {
				rate, cpu = r, median(m.cpu)
			}
		}
		return rate, cpu
	}
	floor, floorCPU := best("post", 8, 16, 64)
	sdk, _ := best("sdk-post", 16, 64)
	b.add(figure{Name: "floor: events posted by CloudEvents' SDK", Value: sdk, Unit: "/s", Floor: floor, Of: "by net/http"})
	for _, s := range []struct {
		alerts int
		atOnce []int
	}{{1, []int{16, 64}}, {10, []int{16}}, {100, []int{4, 16}}, {1000, []int{1, 4}}} {
		rate, cpu := best(fmt.Sprint("adapter ", s.alerts), s.atOnce...)
		their, theirCPU := best(fmt.Sprint("reference ", s.alerts), s.atOnce...)
		name := fmt.Sprintf("delivered, webhooks of %d", s.alerts)
		ofFloor, ofReference := 0.0, 0.0 // no bound
		switch s.alerts {
		case 1:
			ofReference = 1.1
		case 100, 1000:
			ofFloor, ofReference = .85, 1.15
		}
		b.add(
			figure{Name: name, Value: rate, Unit: "/s", Floor: floor, Of: "net/http", Bound: ofFloor, Least: true},
			figure{Name: name, Value: rate, Unit: "/s", Floor: their, Of: "reference", Bound: ofReference, Least: true},
		)
		if s.alerts == 100 {
			b.add(
				figure{Name: "CPU an event, webhooks of 100", Value: cpu * 1e6, Unit: "µs", Floor: floorCPU * 1e6, Of: "net/http", Bound: 1.4},
				figure{Name: "reference's CPU an event", Value: theirCPU * 1e6, Unit: "µs", Floor: floorCPU * 1e6, Of: "net/http"},
			)
			signed, signedCPU := best("signing 100", s.atOnce...)
			b.add(
				figure{Name: name + ", signed", Value: signed, Unit: "/s", Floor: rate, Of: "unsigned"},
				figure{Name: "CPU an event, signed", Value: signedCPU * 1e6, Unit: "µs", Floor: cpu * 1e6, Of: "unsigned"},
			)
		}
	}
	return nil
}
