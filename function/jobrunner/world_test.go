package jobrunner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/note"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

// world is job-runner on a real API server.
type world struct {
	*functiontest.World
	kube *kubernetes.Clientset
}

func newWorld(t *testing.T) *world {
	w := functiontest.New(t)
	return &world{w, kubernetes.NewForConfigOrDie(w.Config)}
}

// runner is job-runner with these rules, as a process of its own would be.
func (w *world) runner(t *testing.T, rules string) *function.Function {
	t.Helper()
	return w.runnerOn(t, w.Client, rules)
}

func (w *world) runnerOn(t *testing.T, client *cluster.Client, text string) *function.Function {
	t.Helper()
	rules, err := jobrunner.Parse("rules.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := function.New(jobrunner.New(rules, client, w.Clock.Now), function.Options{
		Locks:        &lease.Locker{Client: client, Function: jobrunner.Name, Duration: 30 * time.Second, Now: w.Clock.Now},
		Records:      &record.Remediations{Client: client},
		MaxEventAge:  time.Hour,
		ApplyTimeout: 20 * time.Second,
		Notes:        &note.Events{Client: client},
		Now:          w.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (w *world) jobs(t *testing.T) []batchv1.Job {
	t.Helper()
	list, err := w.kube.BatchV1().Jobs(w.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func (w *world) wantJobs(t *testing.T, want int) []batchv1.Job {
	t.Helper()
	jobs := w.jobs(t)
	if len(jobs) != want {
		var names []string
		for i := range jobs {
			names = append(names, jobs[i].Name)
		}
		t.Fatalf("got %d Jobs (%s), want %d", len(jobs), strings.Join(names, ", "), want)
	}
	return jobs
}

// finish tells the API server that a Job is over, as its controller would.
func (w *world) finish(t *testing.T, name string) {
	t.Helper()
	kube.Eventually(t, "finish Job "+name, func(ctx context.Context) error {
		job, err := w.kube.BatchV1().Jobs(w.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		now := metav1.Now()
		if job.Status.StartTime == nil { // else its controller was here before, and it must stay
			job.Status.StartTime = &now
		}
		job.Status.CompletionTime, job.Status.Succeeded = &now, 1
		job.Status.Active, job.Status.Ready, job.Status.UncountedTerminatedPods = 0, nil, &batchv1.UncountedTerminatedPods{}
		job.Status.Conditions = []batchv1.JobCondition{
			{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: now},
			{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now},
		}
		_, err = w.kube.BatchV1().Jobs(w.Namespace).UpdateStatus(ctx, job, metav1.UpdateOptions{})
		return err
	})
}
