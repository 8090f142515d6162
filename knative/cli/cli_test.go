package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/knative/cli"
)

func tree() *cobra.Command {
	root := &cobra.Command{Use: "tool", Short: "Do things", Annotations: map[string]string{}}
	send := &cobra.Command{
		Use: "send --to NAME", Short: "Send a <thing>", Args: cobra.NoArgs,
		Example: "  # first\n  tool send --to a | tool read -\n\n  tool send",
		RunE:    func(*cobra.Command, []string) error { return nil },
	}
	send.Flags().StringP("output", "o", "table", "`format`: table, json or yaml, as a file|stream wants it")
	send.Flags().String("key", "", "private key's `file`")
	send.Flags().String("to", "", "`name` of the receiver")
	send.Flags().String("function", "", "`name` of a function")
	send.Flags().String("own", "", "completed by the command itself")
	_ = send.RegisterFlagCompletionFunc("own", cobra.FixedCompletions([]string{"mine"}, cobra.ShellCompDirectiveNoFileComp))
	read := &cobra.Command{Use: "read [FILE...]", Short: "Read files", RunE: send.RunE}
	root.AddCommand(send, read)
	return root
}

func TestComplete(t *testing.T) {
	for name, test := range map[string]struct{ line, want string }{
		"a file":               {"send --key ", ":0"},
		"a name":               {"send --to ", ":4"},
		"formats of the usage": {"send -o ", "table json yaml :4"},
		"functions":            {"send --function ", "command rollback :4"},
		"what a command says":  {"send --own ", "mine :4"},
		"no arguments":         {"send ", ":4"},
		"files as arguments":   {"read ", ":0"},
	} {
		t.Run(name, func(t *testing.T) {
			root, out := tree(), &bytes.Buffer{}
			cli.Complete(root, cli.Values{Functions: []string{"command", "rollback"}})
			root.SetOut(out)
			root.SetErr(&bytes.Buffer{})
			root.SetArgs(append([]string{"__complete"}, strings.Split(test.line, " ")...))
			if err := root.Execute(); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(strings.Fields(out.String()), " "); got != test.want {
				t.Errorf("%q is completed with %q, want %q", test.line, got, test.want)
			}
		})
	}
}

func TestNameOfAPlugin(t *testing.T) {
	for program, want := range map[string]string{
		"tool": "tool", "/usr/bin/kubectl-tool": "kubectl tool", "kn-tool": "kn tool", "kubectl-tool.exe": "kubectl tool", "other": "tool",
	} {
		root := tree()
		cli.Name(root, program)
		send, _, err := root.Find([]string{"send"})
		if err != nil {
			t.Fatal(err)
		}
		if got := send.CommandPath(); got != want+" send" {
			t.Errorf("called as %s it is %q", program, got)
		}
		if example := "  # first\n  " + want + " send --to a | " + want + " read -\n\n  " + want + " send"; send.Example != example {
			t.Errorf("called as %s its example is\n%s", program, send.Example)
		}
	}
}

func TestReference(t *testing.T) {
	got := string(cli.Reference(tree()))
	for _, want := range []string{
		"# tool\n",
		"| [tool send](#tool-send) | Send a \\<thing> |\n",
		"\n## tool send\n\n    tool send --to NAME [flags]\n\nSend a \\<thing>.\n\nExamples:\n\n    # first\n    tool send --to a | tool read -\n\n    tool send\n",
		"| `-o, --output format` | format: table, json or yaml, as a file\\|stream wants it | `table` |\n",
		"| `--key file` | private key's file |  |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "-h, --help") {
		t.Error("every command has --help, and the reference says so")
	}
}
