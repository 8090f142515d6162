package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"github.com/quench-dev/quench/tests/bench/sample"
)

// loaded is how a load went.
type loaded struct {
	Requests int     `json:"requests"`
	Refused  int     `json:"refused"` // of them; they were sent again
	Seconds  float64 `json:"seconds"`
	P50      float64 `json:"p50"` // seconds a request took
	P99      float64 `json:"p99"`
}

// order says what to send.
type order struct {
	url      string
	alerts   int           // a webhook
	atOnce   int           // requests
	requests int           // 0: as many as go into the time
	time     time.Duration // 0: until all are sent
	first    uint64        // the first alert's number: none is sent twice
}

func orders(args []string) (o order, err error) {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.StringVar(&o.url, "url", "", "where to")
	flags.IntVar(&o.alerts, "alerts", 1, "alerts of a webhook")
	flags.IntVar(&o.atOnce, "at-once", 1, "requests at once")
	flags.IntVar(&o.requests, "requests", 0, "how many")
	flags.DurationVar(&o.time, "time", 0, "or for how long")
	flags.Uint64Var(&o.first, "first", 0, "the first alert's number")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.requests == 0 && o.time == 0 {
		return o, errors.New("--requests or --time")
	}
	return o, nil
}

// deliver sends requests, worker by worker, and tells how that went. Each worker
// makes its own do, which sends the request of a number and says whether it was taken.
func (o order) deliver(ctx context.Context, worker func() (do func(ctx context.Context, n uint64) (bool, error), err error)) error {
	if o.time > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, o.time)
		defer cancel()
	}
	var next, refused atomic.Uint64
	var mu sync.Mutex
	var took []float64
	var failed error
	var all sync.WaitGroup
	began := time.Now()
	for range o.atOnce {
		do, err := worker()
		if err != nil {
			return err
		}
		all.Go(func() {
			var mine []float64
			for ctx.Err() == nil {
				n := next.Add(1) - 1
				if o.requests > 0 && n >= uint64(o.requests) {
					break
				}
				for {
					sent := time.Now()
					// What has begun is ended, so that every event is counted.
					taken, err := do(context.WithoutCancel(ctx), n)
					if err != nil {
						mu.Lock()
						failed = err
						mu.Unlock()
						return
					}
					if taken {
						mine = append(mine, time.Since(sent).Seconds())
						break
					}
					refused.Add(1)
					time.Sleep(100 * time.Millisecond) // as Alertmanager does, only sooner
				}
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	all.Wait()
	seconds := time.Since(began).Seconds()
	if failed != nil || len(took) == 0 {
		return fmt.Errorf("%d requests were taken: %w", len(took), failed)
	}
	slices.Sort(took)
	at := func(q float64) float64 { return took[int(q*float64(len(took)-1)+0.5)] }
	return tell(loaded{Requests: len(took), Refused: int(refused.Load()), Seconds: seconds, P50: at(.5), P99: at(.99)})
}

func client(atOnce int) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, atOnce
	return &http.Client{Transport: transport}
}

func do(c *http.Client, r *http.Request) (taken bool, err error) {
	answer, err := c.Do(r)
	if err != nil {
		return false, err
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	_ = answer.Body.Close()
	switch {
	case answer.StatusCode/100 == 2:
		return true, nil
	case answer.StatusCode == http.StatusServiceUnavailable:
		return false, nil
	}
	return false, fmt.Errorf("answered %d: %s", answer.StatusCode, text)
}

// webhookLoad posts webhooks as Alertmanager does.
func webhookLoad(ctx context.Context, args []string) error {
	o, err := orders(args)
	if err != nil {
		return err
	}
	c := client(o.atOnce)
	return o.deliver(ctx, func() (func(context.Context, uint64) (bool, error), error) {
		w := sample.New(o.alerts)
		return func(ctx context.Context, n uint64) (bool, error) {
			w.Number(o.first + n*uint64(o.alerts))
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url, bytes.NewReader(w.Body))
			if err != nil {
				return false, err
			}
			r.Header.Set("Content-Type", "application/json")
			return do(c, r)
		}, nil
	})
}

// post posts events that are made beforehand, as quench's adapter would send them: the floor.
func post(ctx context.Context, args []string) error {
	o, err := orders(args)
	if err != nil {
		return err
	}
	c := client(o.atOnce)
	return o.deliver(ctx, func() (func(context.Context, uint64) (bool, error), error) {
		header, body, err := example(ctx)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, n uint64) (bool, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url, bytes.NewReader(body))
			if err != nil {
				return false, err
			}
			r.Header = header.Clone()
			r.Header["Ce-Id"] = []string{strconv.FormatUint(1<<63|(o.first+n), 16) + "0000000000000000"}
			return do(c, r)
		}, nil
	})
}

// sdkPost posts the same by CloudEvents' SDK.
func sdkPost(ctx context.Context, args []string) error {
	o, err := orders(args)
	if err != nil {
		return err
	}
	sender, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(o.url), cloudevents.WithRoundTripper(client(o.atOnce).Transport))
	if err != nil {
		return err
	}
	return o.deliver(ctx, func() (func(context.Context, uint64) (bool, error), error) {
		e, err := exampleEvent()
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, n uint64) (bool, error) {
			sent := e.Clone()
			sent.SetID(strconv.FormatUint(1<<63|(o.first+n), 16) + "0000000000000000")
			if result := sender.Send(ctx, sent); !cloudevents.IsACK(result) {
				return false, result
			}
			return true, nil
		}, nil
	})
}
