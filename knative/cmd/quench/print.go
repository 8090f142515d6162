package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/lines"
	"github.com/quench-dev/quench/knative/history/story"
	"github.com/quench-dev/quench/knative/when"
)

// clean keeps what came from outside from writing lines, columns or terminal codes
// of its own.
func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// printer prints entries one by one; end prints what is printed once.
type printer struct {
	w      io.Writer
	output string
	now    time.Time
	table  *tabwriter.Writer
	all    []history.Entry // for json and yaml, which are one document
	header bool
}

// aligned says whether a table's columns are set by all of its rows; a table that
// is followed has fixed ones.
func newPrinter(w io.Writer, output string, aligned bool) *printer {
	p := &printer{w: w, output: output, now: time.Now()}
	if aligned && output == "table" {
		p.table = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	}
	return p
}

func (p *printer) print(e history.Entry) error {
	switch p.output {
	case "jsonl":
		line, err := lines.Entry(e)
		if err != nil {
			return err
		}
		return lines.Write(p.w, line)
	case "json", "yaml":
		p.all = append(p.all, e)
		return nil
	}
	cells := row(e, p.now)
	if p.table == nil {
		_, err := fmt.Fprintf(p.w, "%-8s %-19s %-10s %-32s %-28s %-24s %s\n", cells[0], cells[1], cells[3], cells[4], cells[5], cells[6], cells[8])
		return err
	}
	if !p.header {
		p.header = true
		fmt.Fprintln(p.table, "SEQ\tTIME\tAGE\tTYPE\tALERT\tABOUT\tOUTCOME\tCAME\tDEAD LETTER")
	}
	_, err := fmt.Fprintln(p.table, strings.Join(cells, "\t"))
	return err
}

func (p *printer) end() error {
	if p.table != nil {
		if !p.header {
			fmt.Fprintln(os.Stderr, "no event")
		}
		return p.table.Flush()
	}
	if p.output != "json" && p.output != "yaml" {
		return nil
	}
	if p.all == nil {
		p.all = []history.Entry{}
	}
	return printValue(p.w, p.output, map[string]any{"events": p.all})
}

// printValue prints one document.
func printValue(w io.Writer, output string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err == nil && output == "yaml" {
		text, err = yaml.JSONToYAML(text)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, strings.TrimRight(string(text), "\n"))
	return err
}

// row are an entry's cells: its number, time, age, type, alert, what it is about,
// outcome, how often it came, and how it fared as a dead letter.
func row(e history.Entry, now time.Time) []string {
	ev := e.Event
	name, about, _ := strings.Cut(strings.TrimSuffix(story.About(ev), ")"), " (")
	outcome := ""
	if function.IsOutcome(ev) {
		about = ev.Subject()
		outcome = strings.TrimPrefix(ev.Type(), function.TypePrefix)
		if o, _, err := function.ReadOutcome(ev); err == nil {
			outcome += " " + o.Reason
		}
	}
	letter := ""
	if e.DeadLetter != nil {
		letter = strings.TrimSpace(e.DeadLetter.Code + " waits")
		if at := e.DeadLetter.Redelivered; at != nil {
			letter = strings.TrimSpace(e.DeadLetter.Code + " replayed " + at.Local().Format(time.DateTime))
		}
	}
	cells := []string{
		fmt.Sprint(e.Seq), e.Received.Local().Format(time.DateTime), when.Age(now.Sub(e.Received)), shortType(ev.Type()),
		name, about, outcome, fmt.Sprint(e.Arrivals), letter,
	}
	for i, cell := range cells {
		if cells[i] = clean(cell, 60); cells[i] == "" {
			cells[i] = "-"
		}
	}
	return cells
}

func shortType(text string) string {
	switch {
	case text == alert.TypeGroupFiring:
		return "group firing"
	case text == alert.TypeGroupResolved:
		return "group resolved"
	case strings.HasPrefix(text, function.TypePrefix):
		return "outcome"
	}
	return text[strings.LastIndexByte(text, '.')+1:]
}

// progress says how far long work has come, to people at a terminal alone.
type progress struct {
	w    io.Writer
	next time.Time
	told bool
}

func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	return &progress{w: w}
}

// say replaces the line that was said before, no more than five times a second.
func (p *progress) say(format string, args ...any) {
	if now := time.Now(); p.w != nil && now.After(p.next) {
		p.next, p.told = now.Add(200*time.Millisecond), true
		fmt.Fprintf(p.w, "\r\x1b[K"+format, args...)
	}
}

// done takes the line away.
func (p *progress) done() {
	if p.told {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.told = false
	}
}
