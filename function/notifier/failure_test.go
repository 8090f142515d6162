package notifier_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/notifier"
	"github.com/quench-dev/quench/tests/slack"
)

var errDead = errors.New("dead")

// What Slack answers decides whether the broker tries again (503) or keeps the event (422). Told in the end is each once.
func TestFailedPosts(t *testing.T) {
	for name, test := range map[string]struct {
		answer slack.Answer
		status string
		says   string
		again  bool // it may stand there twice
	}{
		"a channel that is not there": {slack.Answer{Error: "channel_not_found"}, "422", "channel_not_found: is the channel's id right", false},
		"a channel that it is not in": {slack.Answer{Error: "not_in_channel"}, "422", "invite the app to the channel", false},
		"a token that was revoked":    {slack.Answer{Error: "token_revoked"}, "422", "put the app's new token into tokenFile", false},
		"an error of another kind":    {slack.Answer{Error: "something_new"}, "422", "something_new", false},
		"Slack is down":               {slack.Answer{Status: http.StatusServiceUnavailable}, "503", "503", false},
		"Slack has a fault":           {slack.Answer{Status: http.StatusInternalServerError}, "503", "500", true},
		"Slack says it has a fault":   {slack.Answer{Error: "internal_error"}, "503", "internal_error", true},
		"no JSON":                     {slack.Answer{Status: http.StatusOK}, "503", "EOF", true},
		"asks to wait for long":       {slack.Answer{Status: http.StatusTooManyRequests, RetryAfter: "90"}, "503", "retry after 1m30s", false},
		"the answer is lost":          {slack.Answer{Lost: true}, "503", "EOF", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := firing(t, w.Clock.Now())
			test.answer.Times = 1
			w.slack.Next(test.answer)
			if says := refuses(t, w.pod(t, w.bot(t, "")), e, test.status); !strings.Contains(says, test.says) || !strings.Contains(says, "receiver ops") {
				t.Errorf("says %q, want %q", says, test.says)
			}
			f := w.pod(t, w.bot(t, ""))
			deliver(t, f, e)
			deliver(t, f, e)
			got := w.slack.Messages()
			want := 1
			if test.answer.Lost {
				want = 2
			}
			if len(got) != want || strings.Contains(got[len(got)-1].All(), "Sent again") != test.again {
				t.Errorf("got %+v", got)
			}
			if strings.Contains(w.log.String(), slack.Token) {
				t.Error("the log has the token")
			}
		})
	}
}

// A wait that fits into the request is waited for; one that does not keeps the next message from being tried at all.
func TestRetryAfterIsHonoured(t *testing.T) {
	w := newWorld(t)
	f := w.pod(t, w.bot(t, ""))
	e := firing(t, w.Clock.Now())
	w.slack.Next(slack.Answer{Status: http.StatusTooManyRequests, RetryAfter: "1", Times: 1})
	started := time.Now()
	deliver(t, f, e)
	if took := time.Since(started); took < time.Second || len(w.slack.Messages()) != 1 {
		t.Errorf("%d messages after %s", len(w.slack.Messages()), took)
	}
	w.slack.Next(slack.Answer{Status: http.StatusTooManyRequests, RetryAfter: "60", Times: 1})
	refuses(t, f, rolledBack(t, e), "503")
	asked := w.slack.Asked()
	if says := refuses(t, f, looked(t, e), "503"); !strings.Contains(says, "asked to be left alone for") || w.slack.Asked() != asked {
		t.Errorf("%d requests more: %s", w.slack.Asked()-asked, says)
	}
	w.Clock.Advance(time.Minute)
	deliver(t, f, rolledBack(t, e))
	deliver(t, f, looked(t, e))
	if got := len(w.slack.Messages()); got != 3 {
		t.Errorf("%d messages, want 3", got)
	}
}

// What one receiver has is not told it again because another could not be told.
func TestOneOfTwoFails(t *testing.T) {
	w := newWorld(t)
	revoked := strings.NewReplacer("name: ops", "name: dev", "tokenFile: ", "tokenFile: "+file(t, slack.Revoked)+" #").Replace(w.bot(t, ""))
	revoked = revoked[:strings.Index(revoked, " #")] + ", apiURL: " + w.url + "/api}\n"
	e := firing(t, w.Clock.Now())
	f := w.pod(t, w.bot(t, "")+revoked)
	for range 2 {
		if says := refuses(t, f, e, "422"); !strings.Contains(says, "receiver dev: slack: token_revoked") || strings.Contains(says, "ops") {
			t.Errorf("says %q", says)
		}
	}
	if got := w.slack.Messages(); len(got) != 1 {
		t.Errorf("%d messages, want 1", len(got))
	}
	// One that may pass decides: the broker tries again, and the other may be mended by then.
	w.slack.Next(slack.Answer{Status: http.StatusServiceUnavailable, Times: 2})
	refuses(t, f, rolledBack(t, e), "503")
}

// The API server is away: nothing is told, because nobody could remember it.
func TestNobodyToRemember(t *testing.T) {
	w := newWorld(t)
	client := w.Wiretap(func(*http.Request, http.RoundTripper) (*http.Response, error) { return nil, errDead })
	refuses(t, w.podOn(t, client, w.bot(t, "")), firing(t, w.Clock.Now()), "503")
	if w.slack.Asked() != 0 {
		t.Error("it was told")
	}
}

func TestWhatIsNotTold(t *testing.T) {
	w := newWorld(t)
	f := w.pod(t, w.bot(t, `, match: ['severity="warning"', 'namespace=~"prod-.+"']`))
	e := firing(t, w.Clock.Now())
	deliver(t, f, e) // which no matcher is for
	group := e.Clone()
	group.SetType("io.prometheus.alertmanager.group.firing")
	deliver(t, f, group)
	// What standalone says for a notifier that takes long, under a Trigger for every outcome.
	deliver(t, w.pod(t, w.bot(t, "")), outcome(t, e, crash, function.OutcomeData{Function: "notifier", Outcome: function.Started, Reason: "StillRunning"}))
	bad := e.Clone()
	bad.DataEncoded = []byte("{}")
	refuses(t, w.pod(t, w.bot(t, "")), bad, "422")
	if w.slack.Asked() != 0 {
		t.Errorf("told: %+v", w.slack.Messages())
	}
	deliver(t, w.pod(t, w.bot(t, `, match: ['severity="critical",namespace!="prod"']`)), e)
	if len(w.slack.Messages()) != 1 {
		t.Error("not told")
	}
}

// In a dry run it says what it would tell, and tells, locks and remembers nothing.
func TestDryRun(t *testing.T) {
	w := newWorld(t)
	receivers, err := notifier.Parse("notifier.yaml", []byte("receivers:\n"+w.bot(t, "")))
	if err != nil {
		t.Fatal(err)
	}
	f := function.Listening(notifier.New(receivers, notifier.Options{DryRun: true, Log: zerolog.New(w.log)}), function.Options{})
	deliver(t, f, firing(t, w.Clock.Now()))
	if w.slack.Asked() != 0 || !strings.Contains(w.log.String(), "PodCrashLooping is firing") || !strings.Contains(w.log.String(), "would be told") {
		t.Errorf("%d requests, log %s", w.slack.Asked(), w.log)
	}
}
