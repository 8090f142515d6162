package command

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// highestSignal is the last of Linux's real-time signals.
const highestSignal = 64

// parseSignal reads a signal's name, with or without SIG, in any case, or its
// number.
func parseSignal(text string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= highestSignal && !strings.HasPrefix(text, "+") {
		return syscall.Signal(n), nil
	}
	if s, ok := signals[strings.TrimPrefix(strings.ToUpper(text), "SIG")]; ok {
		return s, nil
	}
	return 0, fmt.Errorf("got %q, want a signal such as SIGTERM, usr1 or 9", text)
}

// signalName is what people call a signal.
func signalName(s syscall.Signal) string {
	for _, name := range slices.Sorted(maps.Keys(signals)) {
		if signals[name] == s {
			return "SIG" + name
		}
	}
	return "signal " + strconv.Itoa(int(s))
}
