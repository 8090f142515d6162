package notifier

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

//go:embed templates.tmpl
var shipped string

// escaper is the function that every value goes through that a template writes.
const escaper = "_escaped"

// missing is the option by which a label that there is not is empty.
const missing = "missingkey=zero"

// maxText bounds what a template may write, in bytes.
const maxText = 64 << 10

// messages are the templates of one receiver. Titles are plain text.
type messages struct {
	title, text *template.Template // of every kind, by its name
	otherwise   *messages          // what is shipped, where its own cannot be executed
}

// newMessages takes the shipped templates, and instead of them what is given for a
// kind. Each is tried with an event that was made up, so that a field that there is
// not is found at the start.
func newMessages(d dialect, own map[string]texts) (*messages, error) {
	m, err := load(d, nil)
	if err != nil {
		return nil, fmt.Errorf("templates.tmpl: %w", err)
	}
	if len(own) == 0 {
		return m, nil
	}
	with, err := load(d, own)
	if err != nil {
		return nil, err
	}
	with.otherwise = m
	var errs []error
	for _, kind := range slices.Sorted(maps.Keys(own)) {
		if _, _, err := with.render(sample(kind)); err != nil {
			errs = append(errs, fmt.Errorf("templates.%w", err))
		}
	}
	return with, errors.Join(errs...)
}

func load(d dialect, own map[string]texts) (*messages, error) {
	titles := template.New("").Option(missing).Funcs(plainText.funcs())
	bodies := template.New("").Option(missing).Funcs(d.funcs())
	for _, t := range []*template.Template{titles, bodies} {
		if _, err := t.Parse(shipped); err != nil {
			return nil, err
		}
	}
	for kind, given := range own {
		if !slices.Contains(kinds, kind) {
			return nil, fmt.Errorf("templates.%s: no such kind; want one of %s", kind, strings.Join(kinds, ", "))
		}
		for _, one := range []struct {
			name string
			text *string
			to   *template.Template
		}{{"title", given.Title, titles}, {"text", given.Text, bodies}} {
			if one.text == nil {
				continue
			}
			if _, err := one.to.New(kind + "." + one.name).Parse(*one.text); err != nil {
				return nil, fmt.Errorf("templates.%s.%s: %w", kind, one.name, err)
			}
		}
	}
	for _, t := range slices.Concat(titles.Templates(), bodies.Templates()) {
		if t.Tree != nil {
			escapeAll(t.Root)
		}
	}
	return &messages{title: titles, text: bodies}, nil
}

// escapeAll has every action that writes a value escape it.
func escapeAll(n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, child := range n.Nodes {
			escapeAll(child)
		}
	case *parse.ActionNode:
		if len(n.Pipe.Decl) == 0 {
			escape := &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{parse.NewIdentifier(escaper).SetPos(n.Pos)}}
			n.Pipe.Cmds = append(n.Pipe.Cmds, escape)
		}
	case *parse.IfNode:
		escapeAll(n.List)
		escapeAll(n.ElseList)
	case *parse.RangeNode:
		escapeAll(n.List)
		escapeAll(n.ElseList)
	case *parse.WithNode:
		escapeAll(n.List)
		escapeAll(n.ElseList)
	}
}

// render writes title and text. Errors name kind and part.
func (m *messages) render(n *Notice) (title, text string, err error) {
	var titles, bodies limited
	if err := m.title.ExecuteTemplate(&titles, n.Kind+".title", n); err != nil {
		return "", "", fmt.Errorf("%s.title: %w", n.Kind, err)
	}
	if err := m.text.ExecuteTemplate(&bodies, n.Kind+".text", n); err != nil {
		return "", "", fmt.Errorf("%s.text: %w", n.Kind, err)
	}
	return oneLine(titles.String()), tidy(bodies.String()), nil
}

// tidy leaves no more than one line blank at a time.
func tidy(s string) string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(s), "\n") {
		line = strings.TrimRight(line, " \t\r")
		if line != "" || len(lines) > 0 && lines[len(lines)-1] != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// limited takes no more than maxText.
type limited struct{ strings.Builder }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxText {
		return 0, fmt.Errorf("writes more than %d KiB", maxText>>10)
	}
	return l.Builder.Write(p)
}
