package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/quench-dev/quench/knative/history"
)

// showEntry prints an entry for people: how it fared, its attributes, its data.
func showEntry(w io.Writer, e history.Entry) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, clean(value, 2000))
		}
	}
	line("received", fmt.Sprintf("%s, delivered %d times", e.Received.Local().Format(time.RFC3339), e.Arrivals))
	if d := e.DeadLetter; d != nil {
		line("dead letter", fmt.Sprintf("%s, %d times, the last at %s", d.Code, d.Count, d.At.Local().Format(time.RFC3339)))
		line("not taken by", d.Destination)
		line("because", d.Reason)
		if d.Redelivered != nil {
			line("replayed", d.Redelivered.Local().Format(time.RFC3339))
		} else {
			line("replayed", "not yet: quench replay --id "+e.Event.ID())
		}
	}
	fmt.Fprintln(table)
	ev := e.Event
	line("id", ev.ID())
	line("source", ev.Source())
	line("type", ev.Type())
	line("subject", ev.Subject())
	if !ev.Time().IsZero() {
		line("time", ev.Time().Format(time.RFC3339Nano))
	}
	line("datacontenttype", ev.DataContentType())
	line("dataschema", ev.DataSchema())
	extensions := ev.Extensions()
	for _, name := range slices.Sorted(maps.Keys(extensions)) {
		text, err := types.Format(extensions[name])
		if err != nil {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
		line(name, text)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", dataText(ev.Data()))
	return err
}

// dataText is JSON in lines of its own, other text as it is but for terminal codes,
// and of what is no text the length.
func dataText(data []byte) string {
	var pretty bytes.Buffer
	if json.Indent(&pretty, data, "", "  ") == nil {
		data = pretty.Bytes()
	}
	if !utf8.Valid(data) {
		return fmt.Sprintf("(%d bytes that are no text; -o json has them in base64)", len(data))
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, string(data))
}
