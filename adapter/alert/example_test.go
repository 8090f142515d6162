package alert_test

import (
	"fmt"
	"log"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
)

const body = `{
  "receiver": "quench", "version": "4", "groupKey": "{}:{alertname=\"KubePodCrashLooping\"}",
  "alerts": [{
    "status": "firing",
    "labels": {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod_name": "frontend-7d4b9"},
    "annotations": {}, "startsAt": "2026-11-20T22:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "c0ffee0123456789"
  }]
}`

func Example() {
	p, err := alert.Decode([]byte(body))
	if err != nil {
		log.Fatal(err)
	}
	encoder := &alert.Encoder{Source: alert.Source("prod")}
	e, err := encoder.ToEvent(p.Alerts[0], time.Now())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.Type())
	fmt.Println(e.Subject())
	fmt.Println(e.Extensions()["podname"])

	a, err := alert.FromEvent(e)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.Name(), a.Labels["pod_name"])
	// Output:
	// io.prometheus.alertmanager.alert.firing
	// KubePodCrashLooping/c0ffee0123456789
	// frontend-7d4b9
	// KubePodCrashLooping frontend-7d4b9
}

func ExampleAttributeName() {
	for _, label := range []string{"pod_name", "k8s.io/app", "type"} {
		name, _ := alert.AttributeName(label)
		fmt.Println(label, "→", name)
	}
	// Output:
	// pod_name → podname
	// k8s.io/app → k8sioapp
	// type → labeltype
}

func ExampleDecode_error() {
	_, err := alert.Decode([]byte(`{"alerts":[{"status":"firing"}]}`))
	fmt.Println(err)
	// Output:
	// alerts[0].labels: missing; want an object of label names and values
}

func ExampleMapping() {
	m, err := alert.NewMapping("pod_name=pod", false)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Attributes(map[string]string{"alertname": "Down", "pod_name": "frontend-7d4b9"}))
	// Output:
	// map[alertname:Down pod:frontend-7d4b9]
}
