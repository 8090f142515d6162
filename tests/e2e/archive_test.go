//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/client"
	"github.com/quench-dev/quench/knative/ingress"
)

// store is what an archive keeps its events in, and how to install it that way for one test.
type store struct {
	name, overlay string
	sink          string     // how a Trigger refers to the archive
	ready         [][]string // kubectl, when all is applied
	remains       []string   // kubectl, when all is deleted
}

var (
	onSQLite = store{
		name: "SQLite", overlay: "archive", // on a volume of the node
		sink:    "{ apiVersion: v1, kind: Service, name: archive }",
		ready:   [][]string{{"rollout", "status", "-n", quench, "statefulset/archive", "--timeout=180s"}},
		remains: []string{"delete", "pvc", "data-archive-0", "-n", quench, "--ignore-not-found", "--timeout=2m"},
	}
	onPostgreSQL = store{
		name: "PostgreSQL", overlay: "archive-postgresql",
		sink: "{ apiVersion: serving.knative.dev/v1, kind: Service, name: archive }",
		ready: [][]string{
			{"rollout", "status", "-n", quench, "deployment/postgresql", "--timeout=180s"},
			{"wait", "-n", quench, "ksvc/archive", "--for=condition=Ready", "--timeout=180s"},
		},
		remains: []string{"delete", "pod", "-n", quench, "-l", "app=postgresql", "--ignore-not-found", "--timeout=2m"},
	}
)

func installArchive(t *testing.T, on store) {
	t.Helper()
	folder, err := world.Overlay(on.overlay)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		removeTriggers(t, "archive", "archive-broken")
		for _, args := range [][]string{
			{"delete", "-k", folder, "--ignore-not-found", "--wait=false"}, // the volume waits for its claim
			on.remains,
			{"wait", "-n", quench, "service", "archive", "--for=delete", "--timeout=2m"}, // the other store's has the same name
		} {
			if _, err := kubectl(context.Background(), "", args...); err != nil {
				t.Error(err)
			}
		}
	})
	must(t, "", "apply", "-k", folder)
	for _, args := range on.ready {
		must(t, "", args...)
	}
	eventually(t, 2*time.Minute, "the archive's Triggers", inStep)
}

// archived is what the archive answers about events, by way of the API server.
func archived(ctx context.Context, query history.Query) (entries []history.Entry, err error) {
	archive, err := theArchive(ctx)
	if err != nil {
		return nil, err
	}
	err = archive.List(ctx, query, 0, func(e history.Entry) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

func tale(ctx context.Context, correlation string) ([]history.Entry, error) {
	archive, err := theArchive(ctx)
	if err != nil {
		return nil, err
	}
	return archive.Story(ctx, correlation)
}

func theArchive(ctx context.Context) (*client.Archive, error) {
	reached, err := ingress.For(cluster.config)
	if err != nil {
		return nil, err
	}
	base, through, err := reached.Reach(ctx, quench, "archive")
	if err != nil {
		return nil, err
	}
	return client.New("the archive", base, through), nil
}

// An alert that one function acts on and another one does not take: the archive tells all of it as one story. While the
// archive is away, an alert has its Job all the same and is not sent again, and the dead-letter service has what the
// archive missed; back again, the archive has what it had, and goes on.
func TestArchiveTellsAStoryAndIsNotWaitedFor(t *testing.T) {
	installArchive(t, onSQLite)
	compareRights(t, "archive")
	labels := unique(t, "archived", "broken")
	started := time.Now()
	fire(t, posted{Labels: labels, StartsAt: started})
	byLabel := history.Query{Attributes: map[string]string{"run": labels["run"]}}
	var correlation string
	eventually(t, 2*time.Minute, "the alert in the archive, dead-lettered", func(ctx context.Context) error {
		entries, err := archived(ctx, history.Query{Attributes: byLabel.Attributes, Pending: true})
		if err != nil || len(entries) != 1 {
			return fmt.Errorf("%d entries (%w)", len(entries), err)
		}
		e := entries[0]
		if d := e.DeadLetter; e.Arrivals < 1 || !strings.Contains(d.Destination, "nobody.e2e") {
			return fmt.Errorf("%d arrivals, dead letter %+v", e.Arrivals, d)
		}
		correlation = history.Attribute(&e.Event, "correlationid")
		return nil
	})
	fire(t, posted{Labels: labels, StartsAt: started, EndsAt: time.Now()})
	var story []history.Entry
	eventually(t, 3*time.Minute, "the whole story", func(ctx context.Context) (err error) {
		story, err = tale(ctx, correlation)
		if err != nil {
			return err
		}
		var told []string
		for _, e := range story {
			told = append(told, e.Event.Source()+" "+e.Event.Type())
		}
		for _, want := range []string{
			"/alertmanager/default io.prometheus.alertmanager.alert.firing", "/quench/job-runner dev.quench.action.succeeded",
			"/quench/job-results dev.quench.action.succeeded", "/alertmanager/default io.prometheus.alertmanager.alert.resolved",
		} {
			if !slices.Contains(told, want) {
				return fmt.Errorf("no %s in %q", want, told)
			}
		}
		return nil
	})
	kept := story[0].Event // as it came first, from either Alertmanager: they name themselves in the data
	awaitRecorded(t, "alerts", "the event that is kept, byte for byte "+string(kept.Data()), func(r request) bool {
		return r.attribute("id") == kept.ID() && string(r.Body) == string(kept.Data())
	})
	for name := range story[0].Event.Extensions() {
		if strings.HasPrefix(name, "knative") {
			t.Errorf("%s is kept", name)
		}
	}

	must(t, "", "scale", "-n", quench, "statefulset/archive", "--replicas=0")
	eventually(t, 2*time.Minute, "the archive to be away", func(ctx context.Context) error {
		out, err := archivePods(ctx)
		if err == nil && out != "" {
			err = errors.New(out)
		}
		return err
	})
	failed := failures(t, alertmanagers[0])
	missed := unique(t, "interval", "long") // what is given up before the adapter gives it up tells nothing of the archive
	fire(t, posted{Labels: missed}, alertmanagers[0])
	eventually(t, 2*time.Minute, "the Job of an alert that the archive missed", func(ctx context.Context) error {
		return oneJob(ctx, fingerprint(missed))
	})
	id := awaitRecorded(t, "alerts", "the alert's event", func(r request) bool { return r.attribute("run") == missed["run"] }).attribute("id")
	eventually(t, time.Minute, "the dead-letter service to have logged it", func(context.Context) error {
		if !slices.ContainsFunc(deadLetters(t), func(l letter) bool { return l.EventID == id && strings.Contains(l.Destination, "archive") }) {
			return fmt.Errorf("no dead letter %s", id)
		}
		return nil
	})
	if now := failures(t, alertmanagers[0]); now != failed {
		log, err := kubectl(t.Context(), "", "logs", "-n", quench, "-l", "serving.knative.dev/service=adapter", "-c", "adapter", "--tail=50")
		t.Errorf("%v notifications have failed while the archive was away (%v); the adapter says\n%s", now-failed, err, log)
	}

	must(t, "", "scale", "-n", quench, "statefulset/archive", "--replicas=1")
	must(t, "", "rollout", "status", "-n", quench, "statefulset/archive", "--timeout=180s")
	if again, err := tale(t.Context(), correlation); err != nil || len(again) < len(story) {
		t.Errorf("%d entries of %d are there (%v)", len(again), len(story), err)
	}
}

// archivePods are the archive's.
func archivePods(ctx context.Context) (string, error) {
	return kubectl(ctx, "", "get", "pods", "-n", quench, "-l", "app.kubernetes.io/name=archive", "-o", "name")
}
