package plane

import (
	"io"
	"os"
	"strings"
)

// How much of a log explains an end.
const (
	tailLines = 20
	tailBytes = 16 << 10
)

// Tail is the last lines of the process's output, indented; what stands in the way of reading them otherwise.
func (p *Process) Tail() string {
	text, err := readTail(p.command.Log)
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	return "  " + strings.Join(lines, "\n  ")
}

func readTail(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if info.Size() > tailBytes {
		if _, err = file.Seek(-tailBytes, io.SeekEnd); err != nil {
			return "", err
		}
	}
	text, err := io.ReadAll(io.LimitReader(file, tailBytes))
	return string(text), err
}
