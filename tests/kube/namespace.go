package kube

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// patience bounds every wait for the cluster; only what is broken takes so long.
const patience = time.Minute

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// Namespace makes a namespace with a name of its own, after the test's, waits until Pods can be made in it (it has its
// default service account), and has it deleted when the test ends, without waiting for that.
func Namespace(tb testing.TB, config *rest.Config) string {
	tb.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		tb.Fatalf("make client: %v", err)
	}
	name := namespaceName(tb.Name(), rand.String(8))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		tb.Fatalf("create namespace: %v", err)
	}
	tb.Cleanup(func() {
		// The test's own context is over by now.
		deleting, cancelDelete := context.WithTimeout(context.Background(), patience)
		defer cancelDelete()
		background := metav1.DeletePropagationBackground
		options := metav1.DeleteOptions{PropagationPolicy: &background}
		if err := client.CoreV1().Namespaces().Delete(deleting, name, options); err != nil {
			tb.Logf("delete namespace: %v", err)
		}
	})
	await(ctx, tb, "default service account of "+name, func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	return name
}

// namespaceName is a DNS label that begins like the test's name and ends in the suffix.
func namespaceName(test, suffix string) string {
	name := strings.Trim(notInName.ReplaceAllString(strings.ToLower(test), "-"), "-")
	if room := 63 - len("t-") - len("-") - len(suffix); len(name) > room {
		name = strings.TrimRight(name[:room], "-")
	}
	if name == "" {
		return "t-" + suffix
	}
	return "t-" + name + "-" + suffix
}

// Eventually tries until there is no error, and fails the test with the last one after a minute.
func Eventually(tb testing.TB, what string, try func(context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	await(ctx, tb, what, try)
}

// await tries until there is no error, and fails the test with the last one when the context ends: the last that is about
// what is waited for, not about the end of waiting.
func await(ctx context.Context, tb testing.TB, what string, try func(context.Context) error) {
	tb.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		if last == nil || ctx.Err() == nil && !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
			last = err
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("wait for %s: %v", what, last)
		case <-tick.C:
		}
	}
}
