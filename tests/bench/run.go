package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

// figure is a line of the table.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Floor float64 `json:"floor,omitempty"` // in the same unit; 0: the bound is absolute
	Of    string  `json:"of,omitempty"`    // what the floor is
	Bound float64 `json:"bound,omitempty"` // of value over floor, or of the value; 0: none
	Least bool    `json:"least"`           // the bound is a least; else a most
}

func (f figure) ratio() float64 {
	if f.Floor == 0 {
		return f.Value
	}
	return f.Value / f.Floor
}

// verdict is what the table says of the bound.
func (f figure) verdict() (bound, met string) {
	if f.Bound == 0 {
		return "", ""
	}
	if f.Least {
		bound, met = fmt.Sprintf("≥ %.4g", f.Bound), "met"
		if f.ratio() < f.Bound {
			met = "MISSED"
		}
		return bound, met
	}
	bound, met = fmt.Sprintf("≤ %.4g", f.Bound), "met"
	if f.ratio() > f.Bound {
		met = "MISSED"
	}
	return bound, met
}

type bench struct {
	bin     string // the folder of what is measured
	peers   string // the folder that peers are installed in; empty: they are not measured
	rounds  int
	each    time.Duration
	sink    *process
	number  uint64 // the next alert's
	figures []figure
}

func run(ctx context.Context, args []string) error {
	b := &bench{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.bin, "bin", ".build", "the folder of adapter, function and hello")
	flags.IntVar(&b.rounds, "rounds", 3, "how often each is measured, one after the other; medians are printed")
	flags.DurationVar(&b.each, "each", 3*time.Second, "how long each is loaded")
	flags.StringVar(&b.peers, "peers", "", "the folder that peers/install.sh has installed others in; they are measured, too")
	output := flags.String("json", "", "write the figures there, too")
	only := flags.String("only", "", "measure one part alone")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if b.sink, err = serve(ctx, "sink"); err != nil {
		return err
	}
	defer b.sink.end()
	for _, part := range []struct {
		says string
		do   func(context.Context) error
	}{
		{"throughput", b.throughput},
		{"latency", b.latency},
		{"slow-sink", b.slowSink},
		{"refusing-sink", b.refusingSink},
		{"memory", b.memory},
		{"start", b.start},
		{"peers", b.measurePeers},
	} {
		if *only != "" && *only != part.says {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring:", part.says)
		if err := part.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.says, err)
		}
	}
	b.print(os.Stdout)
	if *output != "" {
		text, err := json.MarshalIndent(b.figures, "", "  ")
		if err != nil {
			return err
		}
		return os.WriteFile(*output, append(text, '\n'), 0o644)
	}
	return nil
}

func (b *bench) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "figure\tvalue\tfloor\tratio\tbound\t\t")
	for _, f := range b.figures {
		floor, ratio := "", ""
		bound, met := f.verdict()
		if f.Floor != 0 {
			floor, ratio = fmt.Sprintf("%.4g (%s)", f.Floor, f.Of), fmt.Sprintf("%.2f", f.ratio())
		}
		fmt.Fprintf(t, "%s\t%.4g %s\t%s\t%s\t%s\t%s\t\n", f.Name, f.Value, f.Unit, floor, ratio, bound, met)
	}
	_ = t.Flush()
}

func (b *bench) add(f ...figure) { b.figures = append(b.figures, f...) }

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

// adapter starts quench's, in front of the sink.
func (b *bench) adapter(ctx context.Context, env ...string) (*process, error) {
	p, _, err := program(ctx, filepath.Join(b.bin, "adapter"), append(env, "K_SINK="+b.sink.url, "LOG_LEVEL=error")...)
	return p, err
}

// reset empties the sink. how is its query.
func (b *bench) reset(ctx context.Context, how string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, b.sink.url+"-/reset?"+how, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// check says whether the sink has accepted each event exactly once.
func (b *bench) check(ctx context.Context, want int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.sink.url+"-/counted", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var c counted
	if err := json.NewDecoder(answer.Body).Decode(&c); err != nil {
		return err
	}
	if int(c.Events) != want || c.Twice != 0 {
		return fmt.Errorf("the sink accepted %d events, %d of them twice; sent were %d", c.Events, c.Twice, want)
	}
	return nil
}

// one loads once, and counts.
func (b *bench) one(ctx context.Context, role, url string, o order) (l loaded, cpu float64, err error) {
	if err := b.reset(ctx, ""); err != nil {
		return l, 0, err
	}
	return b.sent(ctx, role, url, o)
}

func (b *bench) sent(ctx context.Context, role, url string, o order) (l loaded, cpu float64, err error) {
	o.first = b.number
	if l, cpu, err = load(ctx, role, url, o); err != nil {
		return l, cpu, err
	}
	b.number += 1 << 32
	return l, cpu, b.check(ctx, l.Requests*max(o.alerts, 1))
}

func (b *bench) latency(ctx context.Context) error {
	ours, err := b.adapter(ctx)
	if err != nil {
		return err
	}
	defer ours.end()
	idle, err := serve(ctx, "nothing")
	if err != nil {
		return err
	}
	defer idle.end()
	var answer, direct, trip []float64
	for range b.rounds {
		o := order{atOnce: 16, alerts: 1, time: b.each}
		l, _, err := b.one(ctx, "load", ours.url, o)
		if err != nil {
			return err
		}
		answer = append(answer, l.P99)
		if l, _, err = b.one(ctx, "post", b.sink.url, o); err != nil {
			return err
		}
		direct = append(direct, l.P99)
		if l, _, err = load(ctx, "load", idle.url, o); err != nil {
			return err
		}
		trip = append(trip, l.P99)
	}
	b.add(figure{
		Name: "webhook answered, p99, one alert, 16 at once", Value: 1e3 * median(answer), Unit: "ms",
		Floor: 1e3 * (median(direct) + median(trip)), Of: "posted to the sink, and a round trip", Bound: 1.5,
	})
	return nil
}

func (b *bench) slowSink(ctx context.Context) error {
	ours, err := b.adapter(ctx)
	if err != nil {
		return err
	}
	defer ours.end()
	if err := b.reset(ctx, "delay=20ms"); err != nil {
		return err
	}
	l, _, err := b.sent(ctx, "load", ours.url, order{atOnce: 1, alerts: 100, requests: 40})
	if err != nil {
		return err
	}
	b.add(figure{Name: "webhook of 100, sink of 20 ms, median", Value: 1e3 * l.P50, Unit: "ms", Floor: 20, Of: "the sink", Bound: 3})
	return nil
}

// refusingSink has no figure: what is asked is that every event comes, and none twice.
func (b *bench) refusingSink(ctx context.Context) error {
	ours, err := b.adapter(ctx)
	if err != nil {
		return err
	}
	defer ours.end()
	if err := b.reset(ctx, "refuse=2s"); err != nil {
		return err
	}
	l, _, err := b.sent(ctx, "load", ours.url, order{atOnce: 4, alerts: 100, requests: 100})
	if err == nil && l.Refused == 0 {
		err = errors.New("nothing was refused")
	}
	return err
}

func (b *bench) memory(ctx context.Context) error {
	ours, err := b.adapter(ctx)
	if err != nil {
		return err
	}
	defer ours.end()
	time.Sleep(2 * time.Second) // idle is what is measured
	idle, err := ours.memory("VmRSS")
	if err != nil {
		return err
	}
	b.add(figure{Name: "memory, idle", Value: idle, Unit: "MB", Bound: 15})
	if _, _, err := b.one(ctx, "load", ours.url, order{atOnce: 64, alerts: 1000, requests: 64}); err != nil {
		return err
	}
	peak, err := ours.memory("VmHWM")
	if err != nil {
		return err
	}
	b.add(figure{Name: "memory, 64 webhooks of 1,000 at once", Value: peak, Unit: "MB", Bound: 96})

	stormed, err := b.adapter(ctx)
	if err != nil {
		return err
	}
	defer stormed.end()
	var peaks []float64
	for range 4 { // 25,000 each
		if _, _, err := b.one(ctx, "load", stormed.url, order{atOnce: 8, alerts: 100, requests: 250}); err != nil {
			return err
		}
		peak, err := stormed.memory("VmHWM")
		if err != nil {
			return err
		}
		peaks = append(peaks, peak)
	}
	b.add(figure{Name: "memory, peak of a storm of 100,000 alerts", Value: peaks[3], Unit: "MB", Floor: peaks[0], Of: "of its first quarter", Bound: 1.15})
	return nil
}
