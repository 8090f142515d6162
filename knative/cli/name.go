package cli

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// plugins are the file names by which kubectl and kn find a plugin, and what people
// then type.
func plugins(name string) map[string]string {
	return map[string]string{"kubectl-" + name: "kubectl " + name, "kn-" + name: "kn " + name}
}

// Name has a command line call itself, in usage and examples, as it was called:
// program is os.Args[0].
func Name(root *cobra.Command, program string) {
	called, ok := plugins(root.Name())[strings.TrimSuffix(filepath.Base(program), ".exe")]
	if !ok {
		return
	}
	if root.Annotations == nil {
		root.Annotations = map[string]string{}
	}
	root.Annotations[cobra.CommandDisplayNameAnnotation] = called
	line := regexp.MustCompile(`(?m)(^\s*|[|;&] *)` + regexp.QuoteMeta(root.Name()) + ` `)
	each(root, func(c *cobra.Command) {
		c.Example = line.ReplaceAllString(c.Example, "${1}"+called+" ")
	})
}

// each calls do for a command and all below it.
func each(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, below := range c.Commands() {
		each(below, do)
	}
}
