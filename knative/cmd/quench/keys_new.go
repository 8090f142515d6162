package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/adapter/alert"
)

func newKeysNew() *cobra.Command {
	var out, operator string
	c := &cobra.Command{
		Use:   "new",
		Short: "Write a new pair of keys to files",
		Long: `Writes a private key, for SIGNING_KEY_FILE or an operator, and its public half, for VERIFY_KEYS_FILE: PEM, as openssl
genpkey -algorithm ed25519 and openssl pkey -pubout write it. With --operator the public half says whose it is.
Files that are there already are left alone.`,
		Example: `  quench keys new --out keys/                    # keys/adapter.key, keys/adapter.pub
  quench keys new --out ~ --operator alice       # alice.key, which stays with alice, and alice.pub
  quench keys trust ~/alice.pub                  # functions believe her from then on`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if operator != "" {
				if err := alert.CheckOperator(operator); err != nil {
					return usageError{fmt.Errorf("--operator: %w", err)}
				}
			}
			return writePair(out, operator, c.OutOrStdout())
		},
	}
	c.Flags().StringVarP(&out, "out", "o", ".", "`folder` to write to")
	c.Flags().StringVar(&operator, "operator", "", "`name` of the person whose keys they are; the adapter's without it")
	return c
}

func writePair(folder, operator string, out io.Writer) error {
	key, err := alert.NewSigningKey()
	if err != nil {
		return err
	}
	private, err := key.PEM()
	if err != nil {
		return err
	}
	public, err := key.Verifier(operator, time.Time{}).PEM()
	if err != nil {
		return err
	}
	name := operator
	if name == "" {
		name = "adapter"
	}
	privateFile, publicFile := filepath.Join(folder, name+".key"), filepath.Join(folder, name+".pub")
	if err := create(privateFile, private, 0o600); err != nil {
		return err
	}
	if err := create(publicFile, public, 0o644); err != nil {
		return errors.Join(err, os.Remove(privateFile))
	}
	fmt.Fprintf(out, "made key %s\n%s  private: whoever has it can start remediations\n%s  public\n", key.ID(), privateFile, publicFile)
	return nil
}

// create writes a file that is not there yet.
func create(name string, content []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
