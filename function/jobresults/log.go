package jobresults

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/quench-dev/quench/function/mask"
)

// What is read of a log, and what is told of it. More is read than told, so that a
// secret of many lines, such as a private key, is known as one.
const (
	readLines = 1000
	readBytes = 128 << 10
	toldLines = 50
	toldBytes = 8 << 10
)

// tail reads the end of a container's log, masked, and says whether that is less
// than all of it.
func (r *Results) tail(ctx context.Context, namespace, pod, container string) (text string, cut bool, err error) {
	log, err := r.cluster.client.Log(ctx, namespace, pod, container, readLines)
	if err != nil {
		return "", false, err
	}
	defer log.Close()
	b, cut, err := last(log, readBytes)
	if err != nil {
		return "", false, err
	}
	text, short := shorten(string(b), cut, r.masker)
	return text, short, nil
}

// last reads to the end and keeps the last so many bytes. The API's own limitBytes
// would keep the first.
func last(r io.Reader, most int) (kept []byte, cut bool, err error) {
	buffer := make([]byte, 0, 2*most)
	for {
		if len(buffer) == cap(buffer) {
			buffer = append(buffer[:0], buffer[most:]...)
			cut = true
		}
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false, err
		}
	}
	if len(buffer) > most {
		buffer, cut = buffer[len(buffer)-most:], true
	}
	return buffer, cut, nil
}

// shorten masks a log and leaves its last lines. Where the text itself was cut off a
// longer one its first line goes, of which a part may be missing: half a secret is
// none that a pattern knows.
func shorten(text string, cut bool, masker *mask.Masker) (string, bool) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if cut = cut || strings.Count(text, "\n") >= readLines; cut {
		_, text, _ = strings.Cut(text, "\n")
	}
	text = masker.Mask(text)
	lines := strings.SplitAfter(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > toldLines {
		lines, cut = lines[len(lines)-toldLines:], true
	}
	text = strings.Join(lines, "")
	if len(text) > toldBytes {
		text, cut = strings.ToValidUTF8(text[len(text)-toldBytes:], ""), true
	}
	return text, cut
}
