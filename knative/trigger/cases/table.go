package cases

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/quench-dev/quench/knative/trigger"
)

// Table is what each Trigger makes of each event.
type Table struct {
	Events []string `json:"events"`
	Rows   []Row    `json:"triggers"`
}

// Row is what one Trigger makes of each event, in the table's order.
type Row struct {
	Trigger string            `json:"trigger"`
	Where   string            `json:"where"`
	Says    []trigger.Verdict `json:"says"`
}

// NewTable asks each Trigger about each event.
func NewTable(ctx context.Context, triggers []*trigger.Trigger, samples []Sample) *Table {
	table := &Table{}
	for _, sample := range samples {
		table.Events = append(table.Events, sample.Name)
	}
	for _, t := range triggers {
		row := Row{Trigger: t.ID(), Where: t.Where()}
		for _, sample := range samples {
			says := trigger.No
			switch matched, problem := t.Filter.Match(ctx, sample.Event); {
			case problem != nil:
				says = trigger.Panics
			case matched:
				says = trigger.Yes
			}
			row.Says = append(row.Says, says)
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

// Text prints the table: the events by number, then a line for each Trigger.
func (t *Table) Text(w io.Writer) error {
	for i, name := range t.Events {
		fmt.Fprintf(w, "%d  %s\n", i+1, name)
	}
	fmt.Fprintln(w)
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(columns, "TRIGGER\tWHERE")
	for i := range t.Events {
		fmt.Fprintf(columns, "\t%d", i+1)
	}
	fmt.Fprintln(columns)
	for _, row := range t.Rows {
		fmt.Fprintf(columns, "%s\t%s", row.Trigger, row.Where)
		for _, says := range row.Says {
			fmt.Fprintf(columns, "\t%s", says)
		}
		fmt.Fprintln(columns)
	}
	return columns.Flush()
}

// JSON prints the table for programs.
func (t *Table) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(t)
}
