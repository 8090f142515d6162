package jobrunner_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMaxRunningWithTwoAlertsAtOnce(t *testing.T) {
	w := newWorld(t)
	const rules = "jobs:\n- {name: one, alert: PodCrashLooping, container: busybox, maxRunning: 1}\n"
	outcomes := make(chan functiontest.Outcome, 2)
	var all sync.WaitGroup
	for _, pod := range []string{"nginx-1", "nginx-2"} {
		f, e := w.runner(t, rules), functiontest.Event(t, crash("pod", pod), w.Clock.Now())
		all.Go(func() {
			reply, err := f.Handle(context.Background(), e)
			if err != nil {
				t.Errorf("handle: %v", err)
				return
			}
			outcomes <- functiontest.Read(t, reply)
		})
	}
	all.Wait()
	close(outcomes)
	got := map[function.Outcome]functiontest.Outcome{}
	for o := range outcomes {
		got[o.Outcome] = o
	}
	got[function.Succeeded].Want(t, function.Succeeded, jobrunner.ReasonCreated)
	over := got[function.Skipped]
	over.Want(t, function.Skipped, jobrunner.ReasonMaxRunning)
	if !strings.Contains(over.Message, "next notification") {
		t.Errorf("message says not when: %s", over.Message)
	}
	job := w.wantJobs(t, 1)[0]

	// What was over is taken up by the alert's next notification.
	w.finish(t, job.Name)
	next := crash("pod", "nginx-1")
	if over.EventID != next.ID() {
		next = crash("pod", "nginx-2")
	}
	functiontest.Handle(t, w.runner(t, rules), functiontest.Event(t, next, w.Clock.Now())).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	w.wantJobs(t, 2)
}

func TestResolvedThenLateFiring(t *testing.T) {
	w := newWorld(t)
	f := w.runner(t, echo)
	a := crash()
	fired := w.Clock.Now()
	late := functiontest.Event(t, a, fired)
	functiontest.Handle(t, f, functiontest.Event(t, functiontest.Resolved(a), fired.Add(time.Minute))).Want(t, function.Skipped, function.ReasonResolved)
	functiontest.Handle(t, f, late).Want(t, function.Skipped, function.ReasonAlertResolved)
	w.wantJobs(t, 0)

	// Alertmanager took the alert for resolved, and it fires on: that is news.
	functiontest.Handle(t, f, functiontest.Event(t, a, fired.Add(2*time.Minute))).Want(t, function.Succeeded, jobrunner.ReasonCreated)

	other := crash("pod", "nginx-2")
	functiontest.Handle(t, f, functiontest.Event(t, other, fired)).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	w.wantJobs(t, 2)
}

// kubectl describe of the Job says why it was made.
func TestOutcomeIsToldOnTheJob(t *testing.T) {
	w := newWorld(t)
	f := w.runner(t, echo)
	functiontest.Handle(t, f, functiontest.Event(t, crash(), w.Clock.Now())).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	job := w.wantJobs(t, 1)[0]
	if err := f.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	events, err := w.kube.CoreV1().Events(w.Namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(job.UID) + ",reason=Created"})
	if err != nil || len(events.Items) != 1 || !strings.Contains(events.Items[0].Message, "(alert PodCrashLooping)") {
		t.Errorf("%+v, %v", events.Items, err)
	}
}

func TestOnResolvedCancel(t *testing.T) {
	w := newWorld(t)
	f := w.runner(t, "jobs:\n- {name: stop, alert: PodCrashLooping, container: busybox, onResolved: cancel}\n- {name: stay, alert: PodCrashLooping, container: busybox}\n")
	a, other := crash(), crash("pod", "nginx-2")
	now := w.Clock.Now()
	o := functiontest.Handle(t, f, functiontest.Event(t, a, now))
	if o.Want(t, function.Succeeded, jobrunner.ReasonCreated); len(o.Actions) != 2 {
		t.Errorf("got %d actions, want 2", len(o.Actions))
	}
	functiontest.Handle(t, f, functiontest.Event(t, other, now))
	w.wantJobs(t, 4)

	over := functiontest.Event(t, functiontest.Resolved(a), now.Add(time.Minute))
	o = functiontest.Handle(t, f, over)
	o.Want(t, function.Succeeded, jobrunner.ReasonCancelled)
	if o.Actions[1].Reason != function.ReasonResolved {
		t.Errorf("the other rule says %+v", o.Actions[1])
	}
	if again := functiontest.Handle(t, f, over); again.ID != o.ID {
		t.Errorf("redelivery is told as %s, want %s", again.ID, o.ID)
	}
	kube.Eventually(t, "three Jobs left", func(context.Context) error {
		for _, job := range w.jobs(t) {
			if job.Labels["quench.dev/rule"] == "stop" && job.Labels["quench.dev/correlation-id"] == a.CorrelationID() {
				return fmt.Errorf("%s is still there", job.Name)
			}
		}
		return nil
	})
	w.wantJobs(t, 3)

	fresh := functiontest.Handle(t, f, functiontest.Event(t, functiontest.Resolved(crash("pod", "nginx-3")), now))
	fresh.Want(t, function.Skipped, jobrunner.ReasonNothingRuns)
}

func TestCronJobTemplate(t *testing.T) {
	w := newWorld(t)
	f := w.runner(t, "jobs:\n- {name: cron, alert: PodCrashLooping, cronJob: backup}\n")
	missing := functiontest.Handle(t, f, functiontest.Event(t, crash(), w.Clock.Now()))
	missing.Want(t, function.Failed, jobrunner.ReasonCronJobNotFound)
	kube.Apply(t, w.Config, []byte(strings.ReplaceAll(`
apiVersion: batch/v1
kind: CronJob
metadata: {name: backup, namespace: NS}
spec:
  schedule: "0 3 * * *"
  suspend: true
  jobTemplate:
    metadata: {labels: {app: backup}}
    spec:
      backoffLimit: 2
      template:
        spec:
          restartPolicy: OnFailure
          initContainers: [{name: prepare, image: busybox}]
          containers: [{name: backup, image: busybox, env: [{name: TARGET, value: $(ALERT_POD)}, {name: ALERT_STATUS, value: mine}]}]
`, "NS", w.Namespace)))
	functiontest.Handle(t, f, functiontest.Event(t, crash(), w.Clock.Now())).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	job := w.wantJobs(t, 1)[0]
	pod := job.Spec.Template.Spec
	switch {
	case *job.Spec.BackoffLimit != 2, pod.RestartPolicy != "OnFailure", job.Labels["app"] != "backup", *job.Spec.TTLSecondsAfterFinished != 3600:
		t.Errorf("job is %+v", job.Spec)
	case len(pod.InitContainers[0].Env) == 0, pod.InitContainers[0].SecurityContext == nil:
		t.Errorf("init container is %+v", pod.InitContainers[0])
	}
	if env := started(&job).env; env["TARGET"] != "nginx-1" || env["ALERT_STATUS"] != "mine" {
		t.Errorf("environment is %q", env)
	}
}

func TestNamespace(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	f := w.runner(t, "jobs:\n- {name: r, alert: PodCrashLooping, container: busybox, namespace: "+other.Namespace+"}\n")
	functiontest.Handle(t, f, functiontest.Event(t, crash("namespace", w.Namespace), w.Clock.Now())).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	w.wantJobs(t, 0)
	job := other.wantJobs(t, 1)[0]
	pod := job.Spec.Template.Spec
	if c := pod.Containers[0]; !*pod.SecurityContext.RunAsNonRoot || c.Resources.Limits.Memory().IsZero() || *pod.AutomountServiceAccountToken {
		t.Errorf("pod is %+v", pod)
	}
	gone := w.runner(t, "jobs:\n- {name: r, alert: PodCrashLooping, container: busybox, namespace: nowhere}\n")
	functiontest.Handle(t, gone, functiontest.Event(t, crash("pod", "nginx-2"), w.Clock.Now())).Want(t, function.Failed, function.ReasonNotFound)
}

func TestRestrictedNamespaceTakesTheDefaults(t *testing.T) {
	w := newWorld(t)
	ns, err := w.kube.CoreV1().Namespaces().Get(t.Context(), w.Namespace, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ns.Labels["pod-security.kubernetes.io/enforce"] = "restricted"
	if _, err := w.kube.CoreV1().Namespaces().Update(t.Context(), ns, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	f := w.runner(t, "jobs:\n- {name: r, alert: PodCrashLooping, container: busybox}\n")
	functiontest.Handle(t, f, functiontest.Event(t, crash(), w.Clock.Now())).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	job := w.wantJobs(t, 1)[0]
	// Admission looks at pods; the Job's controller makes one.
	kube.Eventually(t, "a pod", func(ctx context.Context) error {
		pods, err := w.kube.CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "quench.dev/event-id=" + job.Labels["quench.dev/event-id"]})
		if err == nil && len(pods.Items) == 0 {
			err = fmt.Errorf("none yet")
		}
		return err
	})
}
