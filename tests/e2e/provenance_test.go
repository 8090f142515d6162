//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/adapter/alert"
	functioncluster "github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/knative/keyring"
)

// Whoever can post to the Broker sends an alert's event that no function has got yet, changed in one way or another: each
// is refused, with an outcome that says why, and nothing is done. As the adapter signed it, it acts.
func TestForgedEventsAreRefused(t *testing.T) {
	labels := unique(t, "remediation", "later") // no Trigger's
	fire(t, posted{Labels: labels}, alertmanagers[0])
	genuine := asEvent(t, awaitRecorded(t, "alerts", "the alert's event", func(r request) bool {
		return r.attribute("fingerprint") == fingerprint(labels)
	}))
	genuine.SetExtension("remediation", "job-runner") // an attribute is anybody's to set: it opens the Trigger, and no more
	stranger, err := alert.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	const otherID = "00000000000000000000000000000000"
	for name, forged := range map[string]struct {
		change func(*event.Event)
		reason string
	}{
		"unsigned":     {func(e *event.Event) { e.SetExtension(alert.AttrSignature, nil) }, "Unsigned"},
		"altered data": {func(e *event.Event) { e.DataEncoded = bytes.Replace(e.Data(), []byte("later"), []byte("sooner"), 1) }, "BadSignature"},
		"another id":   {func(e *event.Event) { e.SetID(otherID) }, "BadSignature"},
		"another key": {func(e *event.Event) {
			if err := stranger.Sign(e); err != nil {
				t.Fatal(err)
			}
		}, "UnknownKey"},
	} {
		t.Run(name, func(t *testing.T) {
			e := genuine.Clone()
			forged.change(&e)
			if bytes.Equal(e.Data(), genuine.Data()) == (name == "altered data") {
				t.Fatal("the data is not what the name says")
			}
			postEvent(t, e)
			outcome := awaitRecorded(t, "outcomes", "the outcome", func(r request) bool {
				return r.attribute("causationid") == e.ID() && reasonOf(r) == forged.reason
			})
			if got := outcome.attribute("type"); got != "dev.quench.action.skipped" {
				t.Errorf("the outcome is %s: %s", got, outcome.Body)
			}
		})
	}
	if found, err := jobs(t.Context(), fingerprint(labels)); err != nil || len(found) != 0 {
		t.Errorf("%d Jobs of forged events, %v", len(found), err)
	}
	postEvent(t, genuine)
	awaitRecorded(t, "outcomes", "the genuine event's outcome", func(r request) bool {
		return r.attribute("causationid") == genuine.ID() && r.attribute("source") == "/quench/job-runner" && r.attribute("type") == "dev.quench.action.succeeded"
	})
	if err := oneJob(t.Context(), fingerprint(labels)); err != nil {
		t.Error(err)
	}
}

// Alerts come all the while, before, during and after a rotation of the keys: each one is acted on.
func TestRotationOfKeysLosesNoAlert(t *testing.T) {
	old := signer(t, quench).ID()
	rotated := make(chan error, 1)
	ring := &keyring.Ring{Client: functioncluster.For(cluster.config, quench), Say: func(line string) { t.Log(line) }}
	wait := 2 * time.Minute // as long as kubelet takes to bring the new key to functions
	if own() {
		wait = 40 * time.Second
	}
	go func() { rotated <- ring.Rotate(t.Context(), wait) }()

	var sent []map[string]string
	send := func() map[string]string {
		labels := unique(t)
		fire(t, posted{Labels: labels}, alertmanagers[0])
		sent = append(sent, labels)
		return labels
	}
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	limit := time.After(7 * time.Minute)
	var by []string // the keys that signed, in turn
	for switched := false; !switched; {
		labels := send()
		got := awaitRecorded(t, "alerts", "the alert's event", func(r request) bool { return r.attribute("fingerprint") == fingerprint(labels) })
		by = append(by, strings.Split(got.attribute(alert.AttrSignature), ".")[1])
		switched = by[len(by)-1] != old
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("the adapter has not come to sign with another key: %q", by)
		}
	}
	if err := <-rotated; err != nil {
		t.Fatal(err)
	}
	if now := signer(t, quench).ID(); by[0] != old || by[len(by)-1] != now {
		t.Errorf("signed by %q; want %s first and %s last", by, old, now)
	}
	for _, labels := range sent {
		eventually(t, time.Minute, "a Job for each alert", func(ctx context.Context) error { return oneJob(ctx, fingerprint(labels)) })
	}
	t.Logf("%d alerts, signed by %q", len(sent), by)
}

// signer is the key that the adapter of an installation signs with.
func signer(t testing.TB, namespace string) *alert.SigningKey {
	t.Helper()
	var key *alert.SigningKey
	eventually(t, time.Minute, "the signing key", func(ctx context.Context) error {
		secret, err := cluster.client.CoreV1().Secrets(namespace).Get(ctx, keyring.SecretName, metav1.GetOptions{})
		if err == nil {
			key, err = alert.ParseSigningKey(secret.Data[keyring.KeyFile])
		}
		return err
	})
	return key
}

// believed are the keys that functions are given.
func believed(t testing.TB) (keys alert.VerifyKeys) {
	t.Helper()
	public, err := cluster.client.CoreV1().ConfigMaps(quench).Get(t.Context(), keyring.ConfigMapName, metav1.GetOptions{})
	if err == nil {
		keys, err = alert.ParseVerifyKeys([]byte(public.Data[keyring.BundleFile]))
	}
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// postEvent posts an event to the Broker, in structured mode, without what the Broker had added to it.
func postEvent(t testing.TB, e event.Event) {
	t.Helper()
	e = e.Clone()
	for name := range e.Extensions() {
		if strings.HasPrefix(name, "knative") {
			e.SetExtension(name, nil)
		}
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the Broker to take the event", func(ctx context.Context) error {
		err := through(cluster.client.CoreV1().RESTClient().Post(), eventing, "services", "broker-ingress:http", quench+"/default").
			SetHeader("Content-Type", "application/cloudevents+json").Body(text).Do(ctx).Error()
		if err != nil {
			return fmt.Errorf("post event: %w", err)
		}
		return nil
	})
}

// reasonOf is the reason code of an outcome.
func reasonOf(r request) string {
	var outcome struct {
		Reason string `json:"reason"`
	}
	if json.Unmarshal(r.Body, &outcome) != nil {
		return ""
	}
	return outcome.Reason
}

// An image that cannot be pulled, and then the right one: the pod that makes the keys takes it and makes them. This is why
// it is no Job.
func TestKeysAreMadeAfterAWrongImage(t *testing.T) {
	namespace := fmt.Sprintf("keys-%d", time.Now().UnixNano())
	must(t, "", "create", "namespace", namespace)
	t.Cleanup(func() {
		if _, err := kubectl(context.Background(), "", "delete", "namespace", namespace, "--wait=false"); err != nil {
			t.Error(err)
		}
	})
	manifests := strings.ReplaceAll(must(t, "", "kustomize", filepath.Join(root, "knative/base/keys")), "namespace: quench", "namespace: "+namespace)
	apply := func(image string) {
		t.Helper()
		must(t, strings.Replace(manifests, "image: quench-dev/quench", "image: "+image, 1), "apply", "-n", namespace, "-f", "-")
	}
	apply("dev.local/nowhere:e2e")
	eventually(t, time.Minute, "the image not to be found", func(ctx context.Context) error {
		reason, err := kubectl(ctx, "", "get", "pods", "-n", namespace, "-o", "jsonpath={.items[*].status.containerStatuses[0].state.waiting.reason}")
		if err == nil && reason != "ErrImagePull" && reason != "ImagePullBackOff" {
			err = fmt.Errorf("the container waits because of %q", reason)
		}
		return err
	})
	apply(image)
	signer(t, namespace)
}
