// Package program is the main of quench's servers: arguments, usage, signals and
// the way to end.
//
// An executable may be several of them, as in quench's image, where each is a link
// to one file: what they share, the runtime, TLS, HTTP, is there once.
package program

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/quench-dev/quench/config"
)

// Program is a server: its settings are environment variables.
type Program struct {
	Name string // as it is called, and named in errors
	Does string // what it does, as a sentence
	// Settings are the structs of package config whose variables it reads.
	Settings []Settings
	// Run serves until ctx is over, which a signal does.
	Run func(ctx context.Context) error
}

// Settings are variables, and the heading over them.
type Settings struct {
	Of string
	In any
}

// Main is what main does: it runs the program, and does not return where that fails.
// Of several it runs the one whose name the executable has, as a link to it may, or
// else the one that the first argument names.
func Main(programs ...Program) {
	p, args := chosen(os.Args, programs)
	flags := flag.NewFlagSet(p.Name, flag.ExitOnError)
	version := flags.Bool("version", false, "print the version and exit")
	flags.Usage = func() { p.usage(flags.Output()) }
	_ = flags.Parse(args) // exits where it fails
	switch {
	case flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "%s: %q: it takes no arguments; %s -h lists its environment variables\n", p.Name, flags.Arg(0), p.Name)
		os.Exit(2)
	case *version:
		fmt.Println("quench", p.Name, config.Version, config.Revision())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := p.Run(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.Name, err)
		os.Exit(1)
	}
}

// chosen is the program that is called, and the arguments that are its own. It exits
// where there is none.
func chosen(args []string, programs []Program) (Program, []string) {
	if len(programs) == 1 {
		return programs[0], args[1:]
	}
	name := filepath.Base(args[0])
	find := func(name string) int {
		return slices.IndexFunc(programs, func(p Program) bool { return p.Name == name })
	}
	if i := find(name); i >= 0 {
		return programs[i], args[1:]
	}
	out, code := os.Stderr, 2
	if len(args) > 1 {
		if i := find(args[1]); i >= 0 {
			return programs[i], args[2:]
		}
		if strings.TrimLeft(args[1], "-") == "h" || strings.TrimLeft(args[1], "-") == "help" {
			out, code = os.Stdout, 0
		} else {
			fmt.Fprintf(out, "%s: no program %q\n\n", name, args[1])
		}
	}
	fmt.Fprintf(out, "Usage: %s PROGRAM [-h] [--version]\n\nPROGRAM is one of:\n", name)
	for _, p := range programs {
		fmt.Fprintf(out, "  %-13s %s\n", p.Name, p.Does)
	}
	os.Exit(code)
	return Program{}, nil
}

func (p Program) usage(w io.Writer) {
	fmt.Fprintf(w, "Usage: %s [--version]\n\n%s\n", p.Name, p.Does)
	for _, s := range p.Settings {
		fmt.Fprintf(w, "\n%s:\n\n", s.Of)
		config.WriteTable(w, s.In)
	}
}

// Variables are the settings of a program that reads one struct.
func Variables(spec any) []Settings { return []Settings{{Of: "Environment variables", In: spec}} }
