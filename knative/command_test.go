package knative_test

import (
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/knative/trigger"
)

// The sample of command: one process at a time, commands that parse, an environment that something reads, and no right
// beside that to keep records.
func TestCommandSample(t *testing.T) {
	objects := build(t, "testdata/command")
	o := one(t, objects, "Service", command.Name)
	annotations, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "annotations")
	for _, scale := range []string{"min-scale", "max-scale"} {
		if got := annotations["autoscaling.knative.dev/"+scale]; got != "1" {
			t.Errorf("%s is %q: what runs is known to one process", scale, got)
		}
	}
	spec := pod(t, o)
	c := spec.Containers[0]
	if s := c.SecurityContext; c.Image != "example/commands:v1" || c.Command[0] != "/command" || spec.ServiceAccountName != command.Name || !*s.RunAsNonRoot ||
		!*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || len(s.Capabilities.Drop) != 1 || len(s.Capabilities.Add) > 0 {
		t.Errorf("pod %+v", spec)
	}
	var own struct {
		config.Function
		config.Command
	}
	var table strings.Builder
	config.WriteTable(&table, reflect.ValueOf(own).Interface())
	for _, v := range c.Env {
		t.Setenv(v.Name, v.Value)
		if v.Name != "GOMEMLIMIT" && !strings.Contains(table.String(), "| `"+v.Name+"` |") {
			t.Errorf("nothing reads %s", v.Name)
		}
	}
	if err := config.Load(&own.Function); err != nil {
		t.Error(err)
	}
	if err := config.Load(&own.Command); err != nil {
		t.Error(err)
	}
	seconds, _, _ := unstructured.NestedInt64(o.Object, "spec", "template", "spec", "timeoutSeconds")
	if quiet := 30 * time.Second; time.Duration(seconds)*time.Second < quiet+time.Duration(own.DrainTimeout) {
		t.Errorf("it is killed after %d s, before it has drained for %s", seconds, own.DrainTimeout)
	}

	groups := false
	for _, v := range pod(t, one(t, objects, "Service", "adapter")).Containers[0].Env {
		groups = groups || v.Name == "GROUP_EVENTS" && v.Value == "true"
	}
	if !groups {
		t.Error("the adapter sends no group events")
	}
	for _, o := range objects {
		if o.GetKind() != "RoleBinding" {
			continue
		}
		b := into[rbacv1.RoleBinding](t, o)
		for _, s := range b.Subjects {
			if s.Name == command.Name && b.RoleRef.Name != "quench-records" {
				t.Errorf("%s gives it %s", b.Name, b.RoleRef.Name)
			}
		}
	}
	mounted := spec.Volumes[0].ConfigMap.Name
	text, _, err := unstructured.NestedString(one(t, objects, "ConfigMap", mounted).Object, "data", "commands.yaml")
	if err != nil || !strings.HasPrefix(mounted, "quench-commands-") {
		t.Fatalf("mounts %s, %v", mounted, err)
	}
	if parsed, err := command.Parse("commands.yaml", []byte(text)); err != nil || len(parsed.Rules) != 1 {
		t.Errorf("commands %+v, %v", parsed, err)
	}
}

// Whole notifications to one receiver reach command, single alerts and others' do not.
func TestCommandTrigger(t *testing.T) {
	triggers, err := trigger.Load("samples/command/trigger.yaml", "samples/command/approvals.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		eventType  string
		attributes map[string]string
		want       string
	}{
		"a notification":      {"io.prometheus.alertmanager.group.firing", map[string]string{"receiver": "executor"}, "quench/command"},
		"its end":             {"io.prometheus.alertmanager.group.resolved", map[string]string{"receiver": "executor"}, "quench/command"},
		"to another receiver": {"io.prometheus.alertmanager.group.firing", map[string]string{"receiver": "quench"}, ""},
		"one alert":           {"io.prometheus.alertmanager.alert.firing", map[string]string{"receiver": "executor"}, ""},
		"an approval":         {"dev.quench.approval.granted", map[string]string{"action": "command"}, "quench/command-approvals"},
		"an outcome":          {"dev.quench.action.succeeded", map[string]string{"receiver": "executor", "action": "command"}, ""},
	} {
		e := event.New()
		e.SetID("e1")
		e.SetSource("/alertmanager/default")
		e.SetType(test.eventType)
		for attribute, value := range test.attributes {
			e.SetExtension(attribute, value)
		}
		got := ""
		for _, tr := range triggers {
			matches, err := tr.Filter.Match(t.Context(), e)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if matches {
				got += tr.ID()
			}
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// README's commands parse.
func TestCommandsOfREADME(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## command\n")
	_, block, _ := strings.Cut(section, "\n    commands:\n")
	block, _, _ = strings.Cut(block, "\n\n")
	if c, err := command.Parse("README", []byte("commands:\n"+strings.ReplaceAll("\n"+block, "\n    ", "\n"))); err != nil || len(c.Rules) != 1 || c.Rules[0].Name != "free-disk" {
		t.Errorf("%+v, %v in\n%s", c, err, block)
	}
}

// The sample's program runs as it is, and the Dockerfile copies it to where the sample's command looks for it.
func TestCommandSampleProgram(t *testing.T) {
	cmd := exec.Command("./samples/command/free-disk", "--older-than", "3d")
	cmd.Env = []string{"AMX_ALERT_1_LABEL_mountpoint=/var", "AMX_ALERT_1_LABEL_instance=node-1"}
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "would free /var on node-1: --older-than 3d\n" {
		t.Errorf("it says %q, %v", out, err)
	}
	dockerfile, err := os.ReadFile("samples/command/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	c, err := command.Load("samples/command/commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Rules[0].Cmd; got != "/usr/local/bin/free-disk" || !strings.Contains(string(dockerfile), "free-disk /usr/local/bin/\n") {
		t.Errorf("it runs %s, of\n%s", got, dockerfile)
	}
}
