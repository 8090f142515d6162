package gate

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// A log line for each change, not for each probe; an error that is told in other words is no change.
func TestChangesAreLogged(t *testing.T) {
	var log bytes.Buffer
	g := &Gate{log: zerolog.New(&log)}
	none, down := verdict{}, verdict{firing: []string{"Down"}}
	away := func(text string) verdict { return verdict{failed: []string{text}, away: []string{"http://a"}} }
	for _, step := range []struct {
		v    verdict
		want string // nothing: no line
	}{
		{none, "ready: no alert fires"},
		{none, ""},
		{down, "Down"},
		{down, ""},
		{away("read from port 4711"), "4711"},
		{away("read from port 4712"), ""},
		{verdict{firing: []string{"Down"}, failed: []string{"x"}, away: []string{"http://a"}}, "Down"},
		{none, "ready: no alert fires"},
	} {
		log.Reset()
		g.tell(step.v)
		if got := log.String(); strings.Count(got, "\n") != min(len(step.want), 1) || !strings.Contains(got, step.want) {
			t.Errorf("%+v: logged %q, want %q", step.v, got, step.want)
		}
	}
	var many verdict
	for i := range 1000 {
		many.firing = append(many.firing, fmt.Sprint("alert ", i))
	}
	log.Reset()
	if g.tell(many); strings.Count(log.String(), "alert ") != maxLogged || !strings.Contains(log.String(), `"alerts":1000`) {
		t.Errorf("logged %s", &log)
	}
}
