package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Values are what flags take that no file names. They are asked for while somebody
// types: they answer soon, and with nothing where they cannot.
type Values struct {
	Namespaces func(c *cobra.Command) []string // of the cluster that the command's flags name
	Functions  []string
}

// formats that a flag's usage may name.
var formats = []string{"table", "text", "wide", "json", "jsonl", "yaml", "junit", "name", "markdown"}

var levels = []string{"debug", "info", "warn", "error"}

// word is one of a usage's.
var word = regexp.MustCompile(`[A-Za-z]+`)

// Complete says of every flag and argument, of the command and all below it, what the
// shell is to complete. What a command says itself stands.
func Complete(root *cobra.Command, v Values) {
	each(root, func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if _, said := c.GetFlagCompletionFunc(f.Name); !said {
				_ = c.RegisterFlagCompletionFunc(f.Name, v.flag(f)) // fails for flags that are not there, and those that have one
			}
		})
		if c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 && !takesFiles(c) {
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
	})
}

// flagIn is a flag with its value, in a command's usage.
var flagIn = regexp.MustCompile(`--?[a-z-]+[ =]\S+`)

// takesFiles goes by a command's usage: upper-case words are its arguments.
func takesFiles(c *cobra.Command) bool {
	return slices.ContainsFunc(word.FindAllString(flagIn.ReplaceAllString(c.Use, ""), -1), func(w string) bool {
		return slices.Contains([]string{"FILE", "PATH", "FOLDER", "SCRIPT", "CASE"}, strings.TrimSuffix(w, "S"))
	})
}

func (v Values) flag(f *pflag.Flag) cobra.CompletionFunc {
	kind, usage := pflag.UnquoteUsage(f)
	switch strings.ToLower(kind) {
	case "file", "files", "path", "paths":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	case "yaml":
		return cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt)
	case "folder":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	}
	switch f.Name {
	case "namespace":
		return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			if v.Namespaces == nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return v.Namespaces(c), cobra.ShellCompDirectiveNoFileComp
		}
	case "function":
		return cobra.FixedCompletions(v.Functions, cobra.ShellCompDirectiveNoFileComp)
	case "log-level":
		return cobra.FixedCompletions(levels, cobra.ShellCompDirectiveNoFileComp)
	case "output", "format", "log-format":
		return cobra.FixedCompletions(named(usage), cobra.ShellCompDirectiveNoFileComp)
	}
	return cobra.NoFileCompletions
}

// named are the formats that a usage names, in its order.
func named(usage string) []string {
	var all []string
	for _, w := range word.FindAllString(usage, -1) {
		if slices.Contains(formats, w) && !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return all
}
