package podlog

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/quench-dev/quench/function/mask"
)

func TestLastKeepsTheEnd(t *testing.T) {
	for name, test := range map[string]struct {
		in, want string
		cut      bool
	}{
		"nothing":          {"", "", false},
		"less":             {"ab", "ab", false},
		"as much":          {"abcd", "abcd", false},
		"more":             {"abcde", "bcde", true},
		"twice as much":    {"abcdefgh", "efgh", true},
		"many times":       {strings.Repeat("x", 1001) + "1234", "1234", true},
		"many, off by one": {strings.Repeat("x", 1002) + "1234", "1234", true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(test.in), iotest.OneByteReader(strings.NewReader(test.in))} {
				if got, cut, err := last(r, 4); string(got) != test.want || cut != test.cut || err != nil {
					t.Errorf("got %q, %v, %v", got, cut, err)
				}
			}
		})
	}
	if _, _, err := last(iotest.ErrReader(errors.New("reset")), 4); err == nil {
		t.Error("a log that breaks off is taken for whole")
	}
}

func TestShorten(t *testing.T) {
	masker, err := mask.New(true)
	if err != nil {
		t.Fatal(err)
	}
	const toldLines, toldBytes = 50, 8 << 10
	r := Reader{Masker: masker, Lines: toldLines, Bytes: toldBytes}
	key := "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("c2VjcmV0\n", 60) + "-----END PRIVATE KEY-----\n"
	for name, test := range map[string]struct {
		text string
		cut  bool
		want string
		says bool
	}{
		"nothing":                            {"", false, "", false},
		"a few lines":                        {"a\nb\n", false, "a\nb", false},
		"a first line cut in two":            {"f of a token\nb\n", true, "b", true},
		"one line alone cut in two":          {"f of a token", true, "", true},
		"as many lines as were asked for":    {"f of a token\n" + strings.Repeat("\n", readLines-2) + "b\n", false, "b", true},
		"51 lines":                           {"a\n" + strings.Repeat("b\n", 50), false, strings.TrimRight(strings.Repeat("b\n", 50), "\n"), true},
		"a key that begins above the last":   {key + "a\n", false, "***\na", false},
		"a key of which the begin is cut":    {"x\nc2VjcmV0\n-----END PRIVATE KEY-----\na", true, "***\na", true},
		"a secret where the cut goes":        {"token=" + strings.Repeat("s", toldBytes) + "\na", false, "token=***\na", false},
		"a line too long, cut in a letter":   {strings.Repeat("é", toldBytes) + "a", false, strings.Repeat("é", toldBytes/2-1) + "a", true},
		"what is no UTF-8":                   {"a\xffb", false, "a\uFFFDb", false},
		"blank lines at the end are nothing": {"a\n\n\n", false, "a", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, says := r.shorten(test.text, test.cut)
			if strings.Trim(got, "\n") != test.want || says != test.says {
				t.Errorf("got %.200q, %v; want %.200q, %v", got, says, test.want, test.says)
			}
			if len(got) > toldBytes || !utf8.ValidString(got) || bytes.Count([]byte(got), []byte("\n")) >= toldLines {
				t.Errorf("%d bytes are told", len(got))
			}
		})
	}
}
