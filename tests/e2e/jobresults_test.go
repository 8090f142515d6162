//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

const jobResults = "/quench/job-results"

// ending is the part of an outcome's data that tells how a Job ended.
type ending struct {
	Job struct {
		Reason, Pod, Container, ContainerReason, Log, LogMissing string
		ExitCode                                                 *int
		LogTruncated                                             bool
	}
}

func endingOf(t testing.TB, r request) (e ending) {
	t.Helper()
	if err := json.Unmarshal(r.Body, &e); err != nil {
		t.Fatalf("%v: %s", err, r.Body)
	}
	return e
}

// An alert has job-runner make a Job; how the Job ended comes back as an event of the same alert, with its exit code and
// the log of a real container, without the secrets in it.
func TestHowJobsEndComesBackAsAnEvent(t *testing.T) {
	for name, test := range map[string]struct {
		outcome, reason string
		exitCode        int
		log             string
	}{
		"E2EFails":    {"failed", "BackoffLimitExceeded", 3, "connecting\nDB_PASSWORD=***\n***\ngiving up"},
		"E2ESucceeds": {"succeeded", "CompletionsReached", 0, "done"},
	} {
		t.Run(name, func(t *testing.T) {
			labels := unique(t, "alertname", name)
			fire(t, posted{Labels: labels}, alertmanagers[0])
			alert := awaitRecorded(t, "alerts", "the alert's event", func(r request) bool {
				return r.attribute("fingerprint") == fingerprint(labels)
			})
			of := func(source string) request {
				return awaitRecorded(t, "outcomes", "the outcome of "+source, func(r request) bool {
					return r.attribute("causationid") == alert.attribute("id") && r.attribute("source") == source
				})
			}
			made, ended := of("/quench/job-runner"), of(jobResults)
			for attribute, want := range map[string]string{
				"type": "dev.quench.action." + test.outcome, "subject": made.attribute("subject"), "action": "job-results",
				"correlationid": alert.attribute("correlationid"), "fingerprint": fingerprint(labels), "alertname": name,
			} {
				if got := ended.attribute(attribute); got != want || want == "" {
					t.Errorf("%s is %q, want %q", attribute, got, want)
				}
			}
			job := endingOf(t, ended).Job
			if job.Reason != test.reason || job.ExitCode == nil || *job.ExitCode != test.exitCode || job.Log != test.log || job.LogTruncated {
				t.Errorf("the outcome says %s", ended.Body)
			}
			for _, secret := range []string{"geheim", "c2VjcmV0"} {
				if strings.Contains(string(ended.Body), secret) {
					t.Errorf("the outcome tells %s: %s", secret, ended.Body)
				}
			}
			toldOnce(t, ended)
		})
	}
}

// toldOnce checks that an end that changed its Job more than once is one event; another of the same id would come from
// another pod of job-results alone.
func toldOnce(t testing.TB, ended request) {
	t.Helper()
	all, err := recorded(t.Context(), "outcomes")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.attribute("source") == jobResults && r.attribute("subject") == ended.attribute("subject") && r.attribute("id") != ended.attribute("id") {
			t.Errorf("the same end is told as %s and %s", r.attribute("id"), ended.attribute("id"))
		}
	}
}

// Whoever can post to the Broker gets no log of a Job that job-runner did not make. That job-results looked at it is seen
// by the same event about a Job that has job-runner's labels: the Broker delivers them one after the other.
func TestForgedEventAboutAJobTellsNothing(t *testing.T) {
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	theirs, ours := "theirs-"+run, "ours-"+run
	must(t, withImages(aJob(theirs, "")), "apply", "-f", "-")
	must(t, withImages(aJob(ours, "quench.dev/function: job-runner")), "apply", "-f", "-")
	for _, name := range []string{theirs, ours} {
		must(t, "", "wait", "-n", quench, "job/"+name, "--for=condition=Failed", "--timeout=60s")
	}
	for _, name := range []string{theirs, ours} {
		e := event.New()
		e.SetID(name)
		e.SetSource("https://10.96.0.1:443")
		e.SetType("dev.knative.apiserver.ref.update")
		e.SetSubject("/apis/batch/v1/namespaces/quench/jobs/" + name)
		for attribute, value := range map[string]string{"kind": "Job", "apiversion": "batch/v1", "name": name, "namespace": quench} {
			e.SetExtension(attribute, value)
		}
		reference := map[string]string{"kind": "Job", "apiVersion": "batch/v1", "name": name, "namespace": quench}
		if err := e.SetData(event.ApplicationJSON, reference); err != nil {
			t.Fatal(err)
		}
		postEvent(t, e)
	}
	awaitRecorded(t, "outcomes", "the outcome of the Job with job-runner's labels", func(r request) bool {
		return r.attribute("subject") == "batch/v1/jobs/quench/"+ours && endingOf(t, r).Job.Log == "inside"
	})
	all, err := recorded(t.Context(), "outcomes")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if strings.Contains(string(r.Body), theirs) || strings.Contains(r.attribute("subject"), theirs) {
			t.Errorf("of somebody else's Job is told: %s", r.Body)
		}
	}
}

// aJob is a Job that somebody makes by hand, and that fails.
func aJob(name, label string) string {
	return fmt.Sprintf(`
apiVersion: batch/v1
kind: Job
metadata:
  name: %s
  namespace: quench
  labels: { app.kubernetes.io/managed-by: quench, %s }
  annotations: { quench.dev/event-id: e1 }
spec:
  backoffLimit: 0
  ttlSecondsAfterFinished: 600
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: c, image: E2E/kubectl, command: [/bin/sh, -c, "echo inside; exit 1"] }]
`, name, label)
}
