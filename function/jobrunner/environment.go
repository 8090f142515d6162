package jobrunner

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/quench-dev/quench/adapter/alert"
)

const (
	// maxValue is what one variable may hold: Linux starts no program with a
	// string of 128 KiB in its environment.
	maxValue = 100 << 10
	// maxEnvironment bounds all of a Job's variables together, as the API server
	// is sent them: it takes requests of 3 MiB, etcd objects of 1.5 MiB.
	maxEnvironment = 1 << 20
	// perVariable is what a variable costs besides: its JSON, and its entry in
	// the object's managed fields.
	perVariable = 200
)

// environment is how a container learns of the alert. What does not fit into
// most bytes is left out, by name; ALERT_EVENT goes first, then annotations.
func environment(a *alert.Alert, most int) (env []corev1.EnvVar, left []string) {
	taken := map[string]bool{}
	used := 0
	add := func(name, value string) {
		if taken[name] {
			return
		}
		taken[name] = true
		value = strings.ReplaceAll(value, "\x00", "")   // no environment can hold it
		escaped := strings.ReplaceAll(value, "$", "$$") // Kubernetes expands $(…) in values
		encoded, _ := json.Marshal(escaped)             // a string always encodes
		cost := len(name) + len(encoded) + perVariable
		if len(name)+len(value) > maxValue || used+cost > most {
			left = append(left, name)
			return
		}
		used += cost
		env = append(env, corev1.EnvVar{Name: name, Value: escaped})
	}
	for _, v := range variables("ALERT_", a.Labels) {
		add(v.name, v.value)
	}
	// A label whose name meets one of these has been taken before.
	add("ALERT_STATUS", string(a.Status))
	add("ALERT_STARTS_AT", a.StartsAt.UTC().Format(time.RFC3339Nano))
	add("ALERT_FINGERPRINT", a.Fingerprint)
	for _, v := range variables("ALERT_ANNOTATION_", a.Annotations) {
		add(v.name, v.value)
	}
	add("ALERT_EVENT", string(a.Data()))
	return env, left
}

type variable struct{ name, value string }

// variables makes one variable of each entry, sorted by name. Where two entries
// meet in one name, the one that needed no character replaced wins; between
// others the one whose own name sorts first.
func variables(prefix string, of map[string]string) []variable {
	keys := slices.Sorted(maps.Keys(of))
	from := make(map[string]string, len(keys))
	for _, key := range keys {
		name, exact := variableName(key)
		if _, met := from[name]; met {
			if _, rivalExact := variableName(from[name]); !exact || rivalExact {
				continue
			}
		}
		from[name] = key
	}
	all := make([]variable, 0, len(from))
	for _, name := range slices.Sorted(maps.Keys(from)) {
		all = append(all, variable{prefix + name, of[from[name]]})
	}
	return all
}

// variableName is upper case, with "_" for each character that is no ASCII
// letter, digit or "_".
func variableName(key string) (name string, exact bool) {
	exact = true
	name = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_':
			return r
		}
		exact = false
		return '_'
	}, key)
	return name, exact
}

// addEnvironment puts the alert into every container, before the template's own
// variables so that these can refer to it; a variable that the template sets
// itself stays as its author wrote it.
func addEnvironment(pod *corev1.PodSpec, a *alert.Alert) (left []string) {
	containers := len(pod.InitContainers) + len(pod.Containers)
	env, left := environment(a, maxEnvironment/max(containers, 1))
	eachContainer(pod, func(c *corev1.Container) {
		own := map[string]bool{}
		for _, v := range c.Env {
			own[v.Name] = true
		}
		all := make([]corev1.EnvVar, 0, len(env)+len(c.Env))
		for _, v := range env {
			if !own[v.Name] {
				all = append(all, v)
			}
		}
		c.Env = append(all, c.Env...)
	})
	return left
}
