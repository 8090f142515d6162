package jobrunner_test

import (
	"os"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/jobrunner"
)

const echo = `
bailers:
- alert: PodCrashLooping
  command: [/bin/sh, -c, 'echo "$ALERT_POD"']
  container: {image: busybox, tag: latest}
  labels: {namespace: shop, pod: ^nginx-}
  serviceAccountName: bailer-admin
  ttlSecondsAfterFinished: 900
`

func crash(more ...string) *alert.Alert {
	labels := map[string]string{"alertname": "PodCrashLooping", "namespace": "shop", "pod": "nginx-1"}
	for i := 0; i+1 < len(more); i += 2 {
		labels[more[i]] = more[i+1]
	}
	return functiontest.Alert(labels)
}

func TestBailerConfigWorksAsItIs(t *testing.T) {
	w := newWorld(t)
	text, err := os.ReadFile("testdata/bailer.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f := w.runner(t, string(text))
	a := crash("namespace", "default")
	o := functiontest.Handle(t, f, functiontest.Event(t, a, w.Clock.Now()))
	o.Want(t, function.Succeeded, jobrunner.ReasonCreated)
	job := w.wantJobs(t, 1)[0]
	pod := job.Spec.Template.Spec
	c := pod.Containers[0]
	switch {
	case c.Image != "bitnami/kubectl:latest", strings.Join(c.Command, " ") != "/bin/bash -c kubectl delete pod -n $ALERT_NAMESPACE $ALERT_POD":
		t.Errorf("container is %+v", c)
	case pod.ServiceAccountName != "bailer-admin", *job.Spec.TTLSecondsAfterFinished != 900, *job.Spec.BackoffLimit != 0, pod.RestartPolicy != "Never":
		t.Errorf("job is %+v", job.Spec)
	case pod.SecurityContext.RunAsNonRoot != nil || !strings.Contains(c.SecurityContext.String(), "ALL"):
		t.Errorf("security: %+v %+v", pod.SecurityContext, c.SecurityContext)
	}
	if o.Subject != "batch/v1/jobs/"+w.Namespace+"/"+job.Name || o.Attributes["pod"] != "nginx-1" || o.Attributes["causationid"] != a.ID() {
		t.Errorf("outcome is about %s: %v", o.Subject, o.Attributes)
	}
	for label, want := range map[string]string{
		"app.kubernetes.io/managed-by": "quench", "quench.dev/function": "job-runner", "quench.dev/rule": "PodCrashLooping-1",
		"quench.dev/event-id": a.ID(), "quench.dev/correlation-id": a.CorrelationID(), "quench.dev/fingerprint": a.Fingerprint,
	} {
		if job.Labels[label] != want || job.Spec.Template.Labels[label] != want {
			t.Errorf("label %s is %q and %q, want %q", label, job.Labels[label], job.Spec.Template.Labels[label], want)
		}
	}
}

func TestAlertNameIsReallyCompared(t *testing.T) {
	w := newWorld(t)
	f := w.runner(t, echo)
	for _, name := range []string{"Other", "podcrashlooping", "PodCrashLooping2", "XPodCrashLooping", ""} {
		o := functiontest.Handle(t, f, functiontest.Event(t, crash("alertname", name), w.Clock.Now()))
		o.Want(t, function.Skipped, jobrunner.ReasonNoRule)
	}
	w.wantJobs(t, 0)
}

func TestBadExpressionStopsTheStartNamingTheRule(t *testing.T) {
	_, err := jobrunner.Parse("config.yaml", []byte("bailers:\n- {alert: A, container: {image: x}}\n- {alert: B, container: {image: x}, labels: {pod: '*x'}}\n"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"config.yaml", "bailers[1]", `alert "B"`, "labels.pod", "*x"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q says nothing of %s", err, part)
		}
	}
}

func TestTwoAlertsOfOneNameInOneSecondGiveTwoJobs(t *testing.T) {
	w := newWorld(t)
	f := w.runner(t, echo)
	now := w.Clock.Now()
	for _, pod := range []string{"nginx-1", "nginx-2"} {
		functiontest.Handle(t, f, functiontest.Event(t, crash("pod", pod), now)).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	}
	w.wantJobs(t, 2)
}

func TestNamesOfAnyLengthAndScriptGiveValidJobNames(t *testing.T) {
	w := newWorld(t)
	for name, alertname := range map[string]string{
		"200 characters": strings.Repeat("VeryLongAlertName-", 12)[:200],
		"Japanese":       "ポッドがクラッシュ",
		"punctuation":    "--- a.b/c:d $(x) ---",
		"mixed":          "Ærø 火事 99%",
		"one character":  "X",
		"underscores":    "_a__b_",
	} {
		t.Run(name, func(t *testing.T) {
			f := w.runner(t, "bailers:\n- {alert: '"+alertname+"', container: {image: busybox}}\n")
			o := functiontest.Handle(t, f, functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": alertname}), w.Clock.Now()))
			o.Want(t, function.Succeeded, jobrunner.ReasonCreated)
			job := o.Actions[0].Objects[0]
			job = job[strings.LastIndex(job, "/")+1:]
			if errs := validation.IsDNS1123Label(job); len(errs) > 0 {
				t.Errorf("%q: %v", job, errs)
			}
		})
	}
}

func TestRepeatRetryAndHASecondGiveOneJob(t *testing.T) {
	w := newWorld(t)
	a := crash()
	first := w.Clock.Now()
	e := functiontest.Event(t, a, first)
	o := functiontest.Handle(t, w.runner(t, echo), e)
	o.Want(t, function.Succeeded, jobrunner.ReasonCreated)
	for name, recorded := range map[string]time.Time{"retry": first, "second of a pair": first.Add(50 * time.Millisecond), "repeat": first.Add(30 * time.Minute)} {
		t.Run(name, func(t *testing.T) {
			again := functiontest.Handle(t, w.runner(t, echo), functiontest.Event(t, a, recorded))
			again.Want(t, function.Succeeded, jobrunner.ReasonCreated)
			if again.ID != o.ID || string(again.Raw) != string(o.Raw) {
				t.Errorf("told otherwise:\n%s %s\n%s %s", o.ID, o.Raw, again.ID, again.Raw)
			}
		})
	}
	w.wantJobs(t, 1)
}

func TestResolvedStartsNothing(t *testing.T) {
	w := newWorld(t)
	o := functiontest.Handle(t, w.runner(t, echo), functiontest.Event(t, functiontest.Resolved(crash()), w.Clock.Now()))
	o.Want(t, function.Skipped, function.ReasonResolved)
	w.wantJobs(t, 0)
}

func TestFailedNeighbourCausesNoSecondJob(t *testing.T) {
	// The adapter sends all events of a payload again when one failed.
	w := newWorld(t)
	f := w.runner(t, echo)
	now := w.Clock.Now()
	payload := []*alert.Alert{crash("pod", "nginx-1"), crash("pod", "nginx-2"), crash("pod", "nginx-3")}
	for _, a := range payload[:2] {
		functiontest.Handle(t, f, functiontest.Event(t, a, now))
	}
	for _, a := range payload {
		functiontest.Handle(t, f, functiontest.Event(t, a, now.Add(time.Second))).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	}
	w.wantJobs(t, 3)
}

func TestLabelValuesReachTheContainerAsTheyAre(t *testing.T) {
	w := newWorld(t)
	f := w.runner(t, "jobs:\n- {name: r, alert: PodCrashLooping, container: busybox, args: [echo, '$(ALERT_ODD)']}\n")
	odd := "$(ALERT_POD) $$ $(x $ \"quoted\" 'single'\nnew\tline\\ $$(HOME) ünï🔥$"
	a := crash("odd", odd, "k8s.io/app", "x", "last", "$")
	functiontest.Handle(t, f, functiontest.Event(t, a, w.Clock.Now())).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	job := w.wantJobs(t, 1)[0]
	got := started(&job)
	for name, want := range map[string]string{
		"ALERT_ODD": odd, "ALERT_LAST": "$", "ALERT_K8S_IO_APP": "x", "ALERT_ALERTNAME": "PodCrashLooping", "ALERT_ANNOTATION_SUMMARY": "it burns",
		"ALERT_STATUS": "firing", "ALERT_STARTS_AT": "2026-11-20T22:00:00.123Z", "ALERT_FINGERPRINT": a.Fingerprint, "ALERT_EVENT": string(a.Data()),
	} {
		if got.env[name] != want {
			t.Errorf("%s is %q, want %q", name, got.env[name], want)
		}
	}
	if got.args[1] != odd {
		t.Errorf("argument is %q, want %q", got.args[1], odd)
	}
}

// process is what a container is started with.
type process struct {
	env  map[string]string
	args []string
}

// started does what the kubelet does with $(…) in values and arguments.
func started(job *batchv1.Job) process {
	c := job.Spec.Template.Spec.Containers[0]
	p := process{env: map[string]string{}}
	for _, v := range c.Env {
		p.env[v.Name] = expand(v.Value, p.env)
	}
	for _, arg := range c.Args {
		p.args = append(p.args, expand(arg, p.env))
	}
	return p
}

// expand follows Kubernetes' rule: $(NAME) is the variable's value where there is
// one, $$ is $, anything else stays.
func expand(s string, env map[string]string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '$' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		i++
		end := strings.IndexByte(s[i:], ')')
		switch {
		case s[i] == '$':
			out.WriteByte('$')
		case s[i] == '(' && end > 0:
			name := s[i+1 : i+end]
			if v, ok := env[name]; ok {
				out.WriteString(v)
			} else {
				out.WriteString("$(" + name + ")")
			}
			i += end
		default:
			out.WriteByte('$')
			out.WriteByte(s[i])
		}
	}
	return out.String()
}
