package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/quench-dev/quench/tests/e2e/setup"
)

// story is one alert's, from the crash to the sleep after it.
type story struct {
	world  setup.Cluster
	client *kubernetes.Clientset

	namespace string // of the pod that crashes
	mu        sync.Mutex
	began     time.Time
}

// chapterLimit bounds the wait for what comes next.
const chapterLimit = 4 * time.Minute

// errNotYet says that what a chapter tells has not happened.
var errNotYet = errors.New("not yet")

func (s *story) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Printf("%5.1fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

// tell makes a pod crash, and tells what follows. Chapters overlap in life, and so they do here.
func (s *story) tell(ctx context.Context) error {
	s.began = time.Now()
	s.say("waiting for job-runner to sleep: no alert, no pods")
	if err := s.await(ctx, "job-runner's sleep", s.asleep); err != nil {
		return err
	}
	fmt.Println()
	s.began = time.Now()
	if err := s.crash(ctx); err != nil {
		return err
	}
	defer s.cleanUp(context.WithoutCancel(ctx))
	s.say("a pod, %s/frontend, crashes whenever it is started", s.namespace)
	ctx, cancel := context.WithTimeout(ctx, chapterLimit)
	defer cancel()
	chapters := []struct {
		what string
		tell func(context.Context) (string, error)
	}{
		{"the alert in Prometheus", s.prometheus},
		{"the event", s.event},
		{"the function's start", s.wakes},
		{"the Job", s.job},
		{"the pod's end", s.removed},
		{"the outcome", s.outcome},
		{"the end of the alert", s.resolved},
	}
	errs := make([]error, len(chapters))
	var all sync.WaitGroup
	for i, chapter := range chapters {
		all.Go(func() { errs[i] = s.await(ctx, chapter.what, chapter.tell) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := s.await(ctx, "job-runner's sleep", s.asleep); err != nil {
		return err
	}
	s.say("job-runner sleeps again")
	records, err := s.world.Kubectl(ctx, "", "get", "remediations", "-n", "quench")
	if err != nil {
		return err
	}
	fmt.Printf("\n$ kubectl -n quench get remediations\n%s", records)
	return nil
}

// await tells the chapter once it has happened.
func (s *story) await(ctx context.Context, what string, chapter func(context.Context) (string, error)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		line, err := chapter(ctx)
		if err == nil {
			if line != "" {
				s.say("%s", line)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, err)
		case <-tick.C:
		}
	}
}

// crash makes the pod, in a namespace of its own where job-runner's Job may remove it.
func (s *story) crash(ctx context.Context) error {
	s.namespace = fmt.Sprintf("shop-%d", time.Now().Unix())
	_, err := s.world.Kubectl(ctx, s.world.WithImages(strings.ReplaceAll(setup.Crasher+setup.Remover, "NAMESPACE", s.namespace)), "apply", "-f", "-")
	return err
}

func (s *story) cleanUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := s.client.CoreV1().Namespaces().Delete(ctx, s.namespace, metav1.DeleteOptions{}); err != nil {
		s.say("remove namespace: %v", err)
	}
}

func (s *story) pods(ctx context.Context) ([]corev1.Pod, error) {
	list, err := s.client.CoreV1().Pods("quench").List(ctx, metav1.ListOptions{LabelSelector: "serving.knative.dev/service=job-runner"})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

func (s *story) asleep(ctx context.Context) (string, error) {
	pods, err := s.pods(ctx)
	if err == nil && len(pods) > 0 {
		err = errNotYet
	}
	return "", err
}

func (s *story) wakes(ctx context.Context) (string, error) {
	pods, err := s.pods(ctx)
	if err != nil || len(pods) == 0 {
		return "", errors.Join(err, errNotYet)
	}
	return "the Trigger job-runner lets it through; job-runner wakes from zero: pod " + pods[0].Name, nil
}

func (s *story) prometheus(ctx context.Context) (string, error) {
	text, err := s.ask(ctx, "monitoring", "pods", "prometheus-0:9090", "api/v1/alerts")
	if err != nil || !strings.Contains(string(text), s.namespace) {
		return "", errors.Join(err, errNotYet)
	}
	return "kube-state-metrics counts, Prometheus raises the alert KubePodCrashLooping, Alertmanager sends it", nil
}

func (s *story) removed(ctx context.Context) (string, error) {
	_, err := s.client.CoreV1().Pods(s.namespace).Get(ctx, "frontend", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return "", errors.Join(err, errNotYet)
	}
	return "the Job's container runs kubectl with the alert's labels; the pod is gone", nil
}

func (s *story) job(ctx context.Context) (string, error) {
	jobs, err := s.client.BatchV1().Jobs("quench").List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	for _, job := range jobs.Items {
		for _, container := range job.Spec.Template.Spec.Containers {
			for _, variable := range container.Env {
				if variable.Name == "ALERT_NAMESPACE" && variable.Value == s.namespace {
					return "job-runner creates Job quench/" + job.Name, nil
				}
			}
		}
	}
	return "", errNotYet
}

func (s *story) event(ctx context.Context) (string, error) {
	r, err := s.recorded(ctx, "alerts", "firing")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("the adapter makes an event of it: %s, id %s", r.Get("Ce-Type"), r.Get("Ce-Id")), nil
}

func (s *story) outcome(ctx context.Context) (string, error) {
	r, err := s.recorded(ctx, "outcomes", "dev.quench.action")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("the outcome comes back through the Broker: %s of %s", r.Get("Ce-Type"), r.Get("Ce-Subject")), nil
}

func (s *story) resolved(ctx context.Context) (string, error) {
	if _, err := s.recorded(ctx, "alerts", "resolved"); err != nil {
		return "", err
	}
	return "nothing crashes any more; the alert resolves", nil
}

// recorded is the header of the first event about the namespace whose type says so.
func (s *story) recorded(ctx context.Context, box, kind string) (http.Header, error) {
	text, err := s.ask(ctx, "e2e", "services", "recorder:http", box)
	if err != nil {
		return nil, err
	}
	var requests []struct {
		Header http.Header `json:"header"`
	}
	if err := json.Unmarshal(text, &requests); err != nil {
		return nil, err
	}
	for _, r := range requests {
		if strings.Contains(r.Header.Get("Ce-Type"), kind) && r.Header.Get("Ce-Namespace") == s.namespace {
			return r.Header, nil
		}
	}
	return nil, errNotYet
}

// ask asks through the API server.
func (s *story) ask(ctx context.Context, namespace, kind, name, path string) ([]byte, error) {
	return s.client.CoreV1().RESTClient().Get().Namespace(namespace).Resource(kind).Name(name).SubResource("proxy").Suffix(path).DoRaw(ctx)
}
